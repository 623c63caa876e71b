//! Claims about accuracy, and the questions that take a truth or a second run.

use stats::spearman;

use super::super::names;
use super::super::study::{Study, extremes, mean};
use super::basis::{Reference, mean_miou, overlaps};
use super::{Finding, Outcome};

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
            "this run divides the data by fish; run `--protocol released` or `published` for this one, and see H1′",
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
            "this run does not divide the data by fish; see `--protocol rigorous`",
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
    let mut pairs = Vec::new();
    for network in study.networks(truth.iter().map(|r| r.model.as_str())) {
        for method in study.methods(truth.iter().map(|r| r.method.as_str())) {
            let of = |rows| mean_miou(rows, |r| r.model == network && r.method == method);
            pairs.extend(of(&supervised).zip(of(&truth)));
        }
    }
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    match spearman(&x, &y) {
        Ok(found) => Finding::new(
            match found.statistic {
                r if r >= 0.7 => Outcome::Present,
                r if r > 0.3 => Outcome::Mixed,
                _ => Outcome::Absent,
            },
            format!(
                "over {} combinations, mIoU with the supervised map and with the truth have rank correlation {} (seen: at least 0.7; in part: above 0.3)",
                x.len(),
                names::fixed(found.statistic, 2)
            ),
        ),
        Err(e) => Finding::lacks(format!(
            "no rank correlation over {} combinations: {e}",
            x.len()
        )),
    }
}

/// What turning one switch of the protocol changed, from `compare-protocols`.
pub(super) fn switch(study: &Study<'_>, switch: &str, what: &str) -> Finding {
    let rows: Vec<_> = study
        .effects
        .rows()
        .iter()
        .filter(|r| r.switch == switch)
        .collect();
    let changes: Vec<f64> = rows
        .iter()
        .filter_map(|r| r.difference.or(Some(r.flipped? - r.base?)))
        .map(f64::abs)
        .collect();
    let Some(average) = mean(&changes) else {
        return Finding::lacks(format!(
            "needs the table of `compare-protocols`, which turns {what} alone"
        ));
    };
    let largest = changes.iter().copied().fold(0.0, f64::max);
    Finding::new(
        if largest < 0.01 {
            Outcome::Absent
        } else {
            Outcome::Present
        },
        format!(
            "turning {what} alone changes {} headline numbers by {} on average and at most {}",
            changes.len(),
            names::fixed(average, 2),
            names::fixed(largest, 2)
        ),
    )
}
