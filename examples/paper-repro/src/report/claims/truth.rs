//! Claims about accuracy, and the questions that take a truth or a second run.

use stats::spearman;

use super::super::names;
use super::super::study::{Study, extremes, mean};
use super::Finding;
use super::basis::{Reference, mean_miou, medians, overlaps};

/// Accuracies of one part of the data, by network and seed.
fn accuracies(study: &Study<'_>, split: &str) -> Vec<(String, f64)> {
    study
        .classification
        .rows()
        .iter()
        .filter(|r| r.split == split)
        .filter_map(|r| r.accuracy.map(|a| (r.model.clone(), a)))
        .collect()
}

fn span(values: &[(String, f64)]) -> Option<String> {
    let (low, high) = extremes(values, |v| v.1)?;
    Some(format!(
        "{} ({}) to {} ({})",
        names::fixed(low.1, 3),
        names::network(&low.0),
        names::fixed(high.1, 3),
        names::network(&high.0)
    ))
}

pub(super) fn perfect_accuracy(study: &Study<'_>) -> Finding {
    if study.facts.protocol == "rigorous" {
        return Finding::lacks(
            "this run divides the data by fish; run with --protocol released or published for this one, and see H1′",
        );
    }
    let all: Vec<(String, f64)> = ["train", "validation", "test"]
        .iter()
        .flat_map(|split| accuracies(study, split))
        .collect();
    let Some(text) = span(&all) else {
        return Finding::lacks("this run has no accuracies");
    };
    Finding::share(
        all.iter().filter(|a| a.1 >= 0.985).count(),
        all.len(),
        format!("accuracies on training, validation and test data from {text}"),
    )
}

pub(super) fn accuracy_by_fish(study: &Study<'_>) -> Finding {
    if study.facts.protocol != "rigorous" {
        return Finding::lacks(
            "this run does not divide the data by fish; run with --protocol rigorous",
        );
    }
    let (train, test) = (accuracies(study, "train"), accuracies(study, "test"));
    let (Some(seen), Some(held)) = (span(&train), span(&test)) else {
        return Finding::lacks("this run has no accuracies on held-out fish");
    };
    let lower = train
        .iter()
        .zip(&test)
        .filter(|(a, b)| a.0 == b.0 && b.1 < a.1)
        .count();
    Finding::share(
        lower,
        test.len(),
        format!(
            "held-out fish {held}; training fish {seen}; lower on held-out fish in {lower} of {}",
            test.len()
        ),
    )
}

pub(super) fn supervised_tells_truth(study: &Study<'_>) -> Finding {
    let named = |name: &str| Reference {
        name: name.to_owned(),
        words: String::new(),
    };
    let truth = overlaps(study, &named("truth"));
    let supervised = overlaps(study, &named("supervised"));
    if truth.is_empty() || supervised.is_empty() {
        return Finding::lacks("needs overlaps with the truth and with a supervised map");
    }
    let networks = study.networks(truth.iter().map(|r| r.model.as_str()));
    let methods = study.methods(truth.iter().map(|r| r.method.as_str()));
    let (mut by_overlap, mut by_area) = (Vec::new(), Vec::new());
    for network in &networks {
        for method in &methods {
            let of = |rows| mean_miou(rows, |r| r.model == *network && r.method == *method);
            let supervised = of(&supervised);
            by_overlap.extend(supervised.zip(of(&truth)));
            by_area.extend(supervised.zip(area(study, network, Some(method))));
        }
    }
    let agreement = medians(study, study.across_methods.rows());
    let by_agreement: Vec<(f64, f64)> = agreement
        .iter()
        .filter_map(|(network, median)| Some((*median, area(study, network, None)?)))
        .collect();
    let relations = [
        (
            "mIoU with the supervised map against mIoU with the truth",
            by_overlap,
            "combinations",
        ),
        (
            "mIoU with the supervised map against the AUC with the soft truth, which does not grow with what is marked",
            by_area,
            "combinations",
        ),
        (
            "agreement across methods against that AUC",
            by_agreement,
            "networks",
        ),
    ];
    let (mut strong, mut judged, mut told) = (0, 0, Vec::new());
    for (what, pairs, units) in relations {
        let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        if let Ok(found) = spearman(&x, &y) {
            judged += 1;
            strong += usize::from(found.statistic >= 0.7);
            told.push(format!(
                "{what}: {} over {} {units}",
                names::fixed(found.statistic, 2),
                x.len()
            ));
        }
    }
    if judged == 0 {
        return Finding::lacks("needs more networks and methods for a rank correlation");
    }
    Finding::share(
        strong,
        judged,
        format!(
            "rank correlations (0.7 or more counts as telling): {}",
            told.join("; ")
        ),
    )
}

/// Mean AUC against the soft truth, over treatments.
fn area(study: &Study<'_>, network: &str, method: Option<&str>) -> Option<f64> {
    let rows = study.truth_scores.rows().iter();
    let areas: Vec<f64> = rows
        .filter(|r| r.model == network && method.is_none_or(|m| r.method == m))
        .filter_map(|r| r.auc)
        .collect();
    mean(&areas)
}
