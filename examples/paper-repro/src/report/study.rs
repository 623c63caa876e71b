//! The tables of one run, in display order.

use std::path::Path;

use super::error::Result;
use super::input::RunFacts;
use super::names;
use super::rows::{
    AcrossMethods, AcrossNetworks, Agreement, Classification, Control, Epoch, Fraction, LiquidLoss,
    MeanIou, RawAgreement, TestRow,
};
use super::rows_more::{
    Depth, LossGroup, MiouAndRho, Peak, ProtocolEffect, ReferenceFraction, ReferenceScan,
    TruthScore,
};
use super::tables::{Loaded, load};

/// Every table of the output folder, with the order in which to show names.
pub(super) struct Study<'a> {
    pub(super) facts: &'a RunFacts,
    pub(super) classification: Loaded<Classification>,
    pub(super) miou: Loaded<MeanIou>,
    /// Overlap of regions marked without any network.
    pub(super) controls: Loaded<Control>,
    /// Share of the tissue marked, by group of scans.
    pub(super) fractions: Loaded<Fraction>,
    pub(super) across_methods: Loaded<Agreement>,
    pub(super) across_networks: Loaded<Agreement>,
    pub(super) raw_agreement: Loaded<RawAgreement>,
    pub(super) liquid_loss: Loaded<LiquidLoss>,
    pub(super) tests: Loaded<TestRow>,
    pub(super) reference_fractions: Loaded<ReferenceFraction>,
    pub(super) reference_scans: Loaded<ReferenceScan>,
    pub(super) loss_groups: Loaded<LossGroup>,
    pub(super) miou_and_rho: Loaded<MiouAndRho>,
    pub(super) depth: Loaded<Depth>,
    pub(super) peaks: Loaded<Peak>,
    pub(super) truth_scores: Loaded<TruthScore>,
    pub(super) effects: Loaded<ProtocolEffect>,
    /// Agreement across methods on networks never trained.
    pub(super) untrained: Loaded<Agreement>,
    /// Training history of each network.
    pub(super) histories: Vec<(String, Loaded<Epoch>)>,
}

impl<'a> Study<'a> {
    /// Reads the output folder.
    ///
    /// # Errors
    ///
    /// As [`load`].
    pub(super) fn read(out: &Path, facts: &'a RunFacts) -> Result<Self> {
        let across_methods: Loaded<AcrossMethods> = load(out, "tables/agreement_methods.csv")?;
        let across_networks: Loaded<AcrossNetworks> = load(out, "tables/agreement_networks.csv")?;
        let untrained: Loaded<AcrossMethods> = load(out, "tables/agreement_random_weights.csv")?;
        let mut histories = Vec::new();
        for network in &facts.networks {
            let table = load(out, &format!("models/{}/history.csv", network.name))?;
            histories.push((network.name.clone(), table));
        }
        Ok(Self {
            facts,
            classification: load(out, "tables/classification.csv")?,
            miou: load(out, "tables/miou.csv")?,
            controls: load(out, "tables/controls.csv")?,
            fractions: load(out, "tables/damaged_fraction.csv")?,
            across_methods: map(across_methods, |r| r.0),
            across_networks: map(across_networks, |r| r.0),
            raw_agreement: load(out, "tables/agreement_raw.csv")?,
            liquid_loss: load(out, "tables/liquid_loss.csv")?,
            tests: load(out, "tables/tests.csv")?,
            reference_fractions: load(out, "tables/reference_fraction.csv")?,
            reference_scans: load(out, "tables/reference_by_scan.csv")?,
            loss_groups: load(out, "tables/liquid_loss_groups.csv")?,
            miou_and_rho: load(out, "tables/miou_and_rho.csv")?,
            depth: load(out, "tables/depth.csv")?,
            peaks: load(out, "tables/peaks.csv")?,
            truth_scores: load(out, "tables/truth_scores.csv")?,
            effects: load(out, "tables/protocol_effects.csv")?,
            untrained: map(untrained, |r| r.0),
            histories,
        })
    }

    /// Networks among `seen`, in display order.
    pub(super) fn networks<'s>(&self, seen: impl Iterator<Item = &'s str>) -> Vec<String> {
        let known: Vec<&str> = self
            .facts
            .networks
            .iter()
            .map(|n| n.name.as_str())
            .collect();
        ordered(&known, seen)
    }

    /// Methods among `seen`, in display order.
    pub(super) fn methods<'s>(&self, seen: impl Iterator<Item = &'s str>) -> Vec<String> {
        let known: Vec<&str> = self.facts.methods.iter().map(String::as_str).collect();
        ordered(&known, seen)
    }

    /// Treatments among `seen`: temperatures from warm to cold, then others in display order.
    pub(super) fn treatments<'s>(&self, seen: impl Iterator<Item = &'s str>) -> Vec<String> {
        let known: Vec<&str> = self.facts.treatments.iter().map(String::as_str).collect();
        let mut found = ordered(&known, seen);
        found.sort_by(|a, b| warmth(b).total_cmp(&warmth(a)));
        found
    }

    /// Whether a class is the one that is mapped.
    pub(super) fn is_positive(&self, class: &str) -> bool {
        class == self.facts.positive_class
    }

    /// Index of a method's colour, the same in every figure.
    pub(super) fn method_colour(&self, name: &str) -> usize {
        self.facts
            .methods
            .iter()
            .position(|m| m == name)
            .unwrap_or(super::lines::COLOURS - 1)
    }

    /// Whether a threshold is the one of the headline figures.
    pub(super) fn is_headline(&self, threshold: f64) -> bool {
        same(threshold, self.facts.threshold)
    }

    /// The headline threshold as text.
    pub(super) fn threshold(&self) -> String {
        names::trimmed(self.facts.threshold)
    }

    /// `in this phantom` or `in these data`.
    pub(super) fn here(&self) -> &'static str {
        if self.facts.synthetic {
            "in this phantom"
        } else {
            "in these data"
        }
    }
}

/// Temperature of a treatment; other treatments rank after all temperatures.
fn warmth(treatment: &str) -> f64 {
    names::celsius(treatment).unwrap_or(f64::NEG_INFINITY)
}

/// Whether two thresholds are the same number as written.
pub(super) fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

/// Distinct thresholds, rising.
pub(super) fn thresholds(all: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut found: Vec<f64> = all.collect();
    found.sort_by(f64::total_cmp);
    found.dedup_by(|a, b| same(*a, *b));
    found
}

/// Smallest and largest item by a key; none where there are no items.
pub(super) fn extremes<T: Clone>(items: &[T], key: impl Fn(&T) -> f64) -> Option<(T, T)> {
    let low = items.iter().min_by(|a, b| key(a).total_cmp(&key(b)))?;
    let high = items.iter().max_by(|a, b| key(a).total_cmp(&key(b)))?;
    Some((low.clone(), high.clone()))
}

/// Mean; none of no values.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn ordered<'s>(known: &[&str], seen: impl Iterator<Item = &'s str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in seen {
        if !found.iter().any(|f| f == name) {
            found.push(name.to_owned());
        }
    }
    let place = |name: &str| known.iter().position(|k| *k == name).unwrap_or(known.len());
    found.sort_by_key(|name| place(name));
    found
}

fn map<T, U>(loaded: Loaded<T>, f: impl Fn(T) -> U) -> Loaded<U> {
    match loaded {
        Loaded::Rows(rows) => Loaded::Rows(rows.into_iter().map(f).collect()),
        Loaded::Missing(why) => Loaded::Missing(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_come_first_in_their_order() {
        let seen = ["x", "b", "a", "b"];
        assert_eq!(ordered(&["a", "b"], seen.into_iter()), ["a", "b", "x"]);
    }

    #[test]
    fn treatments_run_from_warm_to_cold() {
        let mut found = ["other", "minus_40", "minus_5"].map(str::to_owned).to_vec();
        found.sort_by(|a, b| warmth(b).total_cmp(&warmth(a)));
        assert_eq!(found, ["minus_5", "minus_40", "other"]);
    }

    #[test]
    fn thresholds_are_distinct() {
        let all = [0.3, 0.1, 0.1 + 1e-9, 0.2];
        assert_eq!(thresholds(all.into_iter()).len(), 3);
    }
}
