//! Items -> groups that stay together, with what they hold of each stratum.

use std::collections::BTreeMap;

use super::{SplitItem, SplitUnit, Stratify};
use crate::error::{Error, Result};
use crate::random::{hash_text, scramble};

/// Items that must stay on one side.
pub(super) struct Group {
    pub(super) items: Vec<usize>,
    pub(super) strata: Vec<f64>,
    order: (u64, String),
}

/// Groups in the order in which they are dealt out, and the total of each stratum.
pub(super) struct Groups {
    pub(super) groups: Vec<Group>,
    pub(super) totals: Vec<f64>,
}

/// The name of the group an item belongs to.
pub(super) fn group_name(item: &SplitItem, unit: SplitUnit) -> Result<String> {
    let missing = || Error::MissingGroup {
        scan: item.scan.clone(),
        unit,
    };
    Ok(match unit {
        SplitUnit::Fish => item.fish.clone().ok_or_else(missing)?,
        SplitUnit::Fillet => {
            let fillet = item.fillet.as_ref().ok_or_else(missing)?;
            format!("{}\u{1f}{fillet}", item.fish.as_deref().unwrap_or_default())
        }
        SplitUnit::Slice => format!(
            "{}\u{1f}{}\u{1f}{}",
            item.scan,
            item.slice
                .map_or_else(String::new, |slice| slice.to_string()),
            item.copy.as_deref().unwrap_or_default()
        ),
    })
}

fn stratum(item: &SplitItem, stratify: Stratify) -> String {
    match stratify {
        Stratify::None => String::new(),
        Stratify::Class => item.class.clone(),
        Stratify::ClassAndTreatment => {
            format!(
                "{}\u{1f}{}",
                item.class,
                item.treatment.as_deref().unwrap_or_default()
            )
        }
    }
}

impl Groups {
    /// Large groups first, equal ones in an order drawn from the seed and their names alone.
    pub(super) fn new(
        items: &[SplitItem],
        unit: SplitUnit,
        stratify: Stratify,
        seed: u64,
    ) -> Result<Self> {
        let mut strata: BTreeMap<String, usize> = items
            .iter()
            .map(|item| (stratum(item, stratify), 0))
            .collect();
        for (index, position) in strata.values_mut().enumerate() {
            *position = index;
        }
        let mut totals = vec![0.0; strata.len()];
        let mut by_name: BTreeMap<String, Group> = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            let name = group_name(item, unit)?;
            let group = by_name.entry(name).or_insert_with_key(|name| Group {
                items: Vec::new(),
                strata: vec![0.0; strata.len()],
                order: (scramble(seed ^ hash_text(name)), name.clone()),
            });
            let position = strata[&stratum(item, stratify)];
            group.items.push(index);
            group.strata[position] += 1.0;
            totals[position] += 1.0;
        }
        let mut groups: Vec<Group> = by_name.into_values().collect();
        groups.sort_by(|a, b| {
            b.items
                .len()
                .cmp(&a.items.len())
                .then_with(|| a.order.cmp(&b.order))
        });
        Ok(Self { groups, totals })
    }

    /// Deals the groups out over parts of the given weights; returns the part of each group.
    ///
    /// Each group goes where it raises `Σ_strata n² / (weight · total)` least, so that every part
    /// fills evenly in every stratum. An empty part comes before a filled one of equal weight.
    pub(super) fn deal(&self, weights: &[f64]) -> Vec<usize> {
        let mut filled = vec![vec![0.0; self.totals.len()]; weights.len()];
        let mut parts = Vec::with_capacity(self.groups.len());
        for (dealt, group) in self.groups.iter().enumerate() {
            let left = self.groups.len() - dealt;
            let empty: Vec<usize> = (0..weights.len())
                .filter(|&part| weights[part] > 0.0 && filled[part].iter().all(|&n| n == 0.0))
                .collect();
            let forced = !empty.is_empty() && left <= empty.len();
            let cost = |part: usize| -> f64 {
                group
                    .strata
                    .iter()
                    .zip(&filled[part])
                    .zip(&self.totals)
                    .map(|((&new, &have), &total)| {
                        new * (have + 0.5 * new) / (weights[part] * total)
                    })
                    .sum()
            };
            let candidates: Vec<usize> = if forced {
                empty
            } else {
                (0..weights.len())
                    .filter(|&part| weights[part] > 0.0)
                    .collect()
            };
            let best = candidates
                .into_iter()
                .min_by(|&a, &b| cost(a).total_cmp(&cost(b)).then(a.cmp(&b)))
                .unwrap_or(0);
            for (have, new) in filled[best].iter_mut().zip(&group.strata) {
                *have += new;
            }
            parts.push(best);
        }
        parts
    }
}
