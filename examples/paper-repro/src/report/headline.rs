//! The whole run in a few numbers and sentences, computed from its tables.

use serde::Serialize;

use super::fig_miou::of_reference;
use super::names;
use super::rows::{Agreement, Classification};
use super::study::{Study, extremes, mean};

/// A number with its name.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Tile {
    pub(super) value: String,
    pub(super) label: String,
}

/// Accuracy rows of the split that no network saw in training.
fn held_out<'a>(study: &'a Study<'_>) -> Vec<&'a Classification> {
    let rows = study.classification.rows();
    ["test", "held_out", "held-out", "heldout"]
        .iter()
        .map(|split| {
            rows.iter()
                .filter(|r| r.split == *split)
                .collect::<Vec<_>>()
        })
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

fn span(values: &[f64], decimals: usize) -> Option<String> {
    let (low, high) = extremes(values, |v| *v)?;
    let (low, high) = (names::fixed(low, decimals), names::fixed(high, decimals));
    Some(if low == high {
        low
    } else {
        format!("{low} – {high}")
    })
}

fn medians(study: &Study<'_>, rows: &[Agreement]) -> Vec<f64> {
    rows.iter()
        .filter(|r| study.is_headline(r.threshold))
        .filter_map(|r| r.median)
        .collect()
}

/// The tiles at the top of the page; what is missing is left out.
pub(super) fn tiles(study: &Study<'_>) -> Vec<Tile> {
    let t = study.threshold();
    let accuracy: Vec<f64> = held_out(study).iter().filter_map(|r| r.accuracy).collect();
    let miou: Vec<f64> = of_reference(study, study.miou.rows())
        .iter()
        .filter(|r| study.is_headline(r.threshold))
        .filter_map(|r| r.miou)
        .collect();
    let rho: Vec<f64> = study
        .liquid_loss
        .rows()
        .iter()
        .filter(|r| study.is_headline(r.threshold))
        .filter_map(|r| r.rho)
        .collect();
    let across_methods = medians(study, study.across_methods.rows());
    let across_networks = medians(study, study.across_networks.rows());
    [
        (span(&accuracy, 2), "held-out accuracy".to_owned()),
        (
            span(&miou, 2),
            format!("mIoU, lowest to highest cell, t\u{a0}=\u{a0}{t}"),
        ),
        (
            span(&across_methods, 2),
            format!("median agreement across methods, t\u{a0}=\u{a0}{t}"),
        ),
        (
            span(&across_networks, 2),
            format!("median agreement across networks, t\u{a0}=\u{a0}{t}"),
        ),
        (
            span(&rho, 2),
            format!("Spearman’s ρ with liquid loss, t\u{a0}=\u{a0}{t}"),
        ),
    ]
    .into_iter()
    .filter_map(|(value, label)| value.map(|value| Tile { value, label }))
    .collect()
}

/// What these data show, in a few sentences.
pub(super) fn sentences(study: &Study<'_>) -> Vec<String> {
    let mut seen = Vec::new();
    let rows = held_out(study);
    let defined: Vec<(&Classification, f64)> = rows
        .iter()
        .filter_map(|r| r.accuracy.map(|a| (*r, a)))
        .collect();
    if let Some((low, high)) = extremes(&defined, |r| r.1) {
        let images = low.0.n;
        let mut text = if defined.len() == 1 {
            format!(
                "{} classifies {} of {images} slices it never saw correctly",
                names::network(&low.0.model),
                low.0.correct
            )
        } else {
            format!(
                "Held-out accuracy runs from {} ({}) to {} ({})",
                names::fixed(low.1, 2),
                names::network(&low.0.model),
                names::fixed(high.1, 2),
                names::network(&high.0.model)
            )
        };
        let chance = rows
            .iter()
            .filter(|r| r.ci_low.is_some_and(|l| l <= 0.5))
            .count();
        if chance > 0 {
            text.push_str(&format!(
                "; the interval of {} reaches down to 0.5 or below, so {} maps may explain a network that has learned little",
                names::count(chance, "run", "runs"),
                if chance == 1 { "its" } else { "their" }
            ));
        }
        seen.push(text + ".");
    }
    let miou = of_reference(study, study.miou.rows());
    let treatments = study.treatments(miou.iter().map(|r| r.treatment.as_str()));
    let by_treatment: Vec<String> = treatments
        .iter()
        .filter_map(|t| {
            let cells: Vec<f64> = miou
                .iter()
                .filter(|r| r.treatment == *t && study.is_headline(r.threshold))
                .filter_map(|r| r.miou)
                .collect();
            mean(&cells).map(|m| format!("{} at {}", names::fixed(m, 2), names::treatment(t)))
        })
        .collect();
    if let Some(first) = miou.first()
        && !by_treatment.is_empty()
    {
        seen.push(format!(
            "Mean overlap (mIoU over all networks and methods, t\u{a0}=\u{a0}{}) with {} {}: {}.",
            study.threshold(),
            names::reference(&first.reference, study.facts.synthetic),
            study.here(),
            names::list(&by_treatment)
        ));
    }
    let methods = mean(&medians(study, study.across_methods.rows()));
    let networks = mean(&medians(study, study.across_networks.rows()));
    if let (Some(methods), Some(networks)) = (methods, networks) {
        let difference = methods - networks;
        let relation = if difference.abs() < 0.05 {
            "about as much as".to_owned()
        } else if difference > 0.0 {
            "more than".to_owned()
        } else {
            "less than".to_owned()
        };
        seen.push(format!(
            "Maps of different methods on one network agree {relation} maps of one method on different networks (mean of the medians {} against {}).",
            names::fixed(methods, 2),
            names::fixed(networks, 2)
        ));
    }
    seen
}
