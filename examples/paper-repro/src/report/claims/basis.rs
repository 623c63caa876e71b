//! The numbers that the claims are judged on.

use super::super::names;
use super::super::rows::{Agreement, MeanIou};
use super::super::study::{Study, mean, same};

/// What stands for the paper's supervised map.
pub(super) struct Reference {
    /// As in the table.
    pub(super) name: String,
    /// In words, for the evidence.
    pub(super) words: String,
}

/// The supervised map where the run has one, else the truth.
pub(super) fn reference(study: &Study<'_>) -> Option<Reference> {
    let has = |name: &str| study.miou.rows().iter().any(|r| r.reference == name);
    if has("supervised") {
        Some(Reference {
            name: "supervised".to_owned(),
            words: "with the supervised map".to_owned(),
        })
    } else if has("truth") {
        Some(Reference {
            name: "truth".to_owned(),
            words: "with the truth, this run having no supervised map".to_owned(),
        })
    } else {
        None
    }
}

/// Overlaps at the main threshold with one reference.
pub(super) fn overlaps<'a>(study: &'a Study<'_>, reference: &Reference) -> Vec<&'a MeanIou> {
    study
        .miou
        .rows()
        .iter()
        .filter(|r| r.reference == reference.name && study.is_headline(r.threshold))
        .collect()
}

/// Mean over the rows that are wanted and defined.
pub(super) fn mean_miou(rows: &[&MeanIou], wanted: impl Fn(&MeanIou) -> bool) -> Option<f64> {
    let values: Vec<f64> = rows
        .iter()
        .filter(|r| wanted(r))
        .filter_map(|r| r.miou)
        .collect();
    mean(&values)
}

/// Treatments that are temperatures, from warm to cold.
pub(super) fn temperatures<'a>(
    study: &Study<'_>,
    seen: impl Iterator<Item = &'a str>,
) -> Vec<String> {
    let mut found = study.treatments(seen);
    found.retain(|t| names::celsius(t).is_some());
    found
}

/// Agreement of one key at one threshold.
pub(super) fn at<'a>(rows: &'a [Agreement], key: &str, threshold: f64) -> Option<&'a Agreement> {
    rows.iter()
        .find(|r| r.key == key && same(r.threshold, threshold))
}

/// Keys with their medians at the main threshold, in table order.
pub(super) fn medians(study: &Study<'_>, rows: &[Agreement]) -> Vec<(String, f64)> {
    rows.iter()
        .filter(|r| study.is_headline(r.threshold))
        .filter_map(|r| r.median.map(|m| (r.key.clone(), m)))
        .collect()
}

/// `name value` pairs as a list.
pub(super) fn listed(values: &[(String, f64)], show: fn(&str) -> String) -> String {
    let parts: Vec<String> = values
        .iter()
        .map(|(name, value)| format!("{} {}", show(name), names::fixed(*value, 2)))
        .collect();
    names::list(&parts)
}

/// Whether each value is below the one before it.
pub(super) fn falls(values: &[f64]) -> bool {
    values.windows(2).all(|w| w[1] < w[0])
}
