//! Questions that take a second run with one thing changed: the tables of `compare-protocols`.

use super::super::names;
use super::super::rows_more::ProtocolEffect;
use super::super::study::{Study, mean};
use super::{Finding, Outcome};

const NO_EFFECTS: &str = "needs a second run that differs in this alone: the command compare-protocols makes it, and its reports show it";

/// A difference below this is none, for numbers between −1 and 1.
const SLIGHT: f64 = 0.01;

fn rows<'a>(study: &'a Study<'_>, switch: &str) -> Vec<&'a ProtocolEffect> {
    let rows = study.effects.rows().iter();
    rows.filter(|r| r.switch == switch).collect()
}

/// Base and flipped values of the rows that are wanted.
fn pairs(rows: &[&ProtocolEffect], wanted: impl Fn(&ProtocolEffect) -> bool) -> Vec<[f64; 2]> {
    let rows = rows.iter().filter(|r| wanted(r));
    rows.filter_map(|r| Some([r.base?, r.flipped?])).collect()
}

/// `from 0.55 to 0.61`, of the means.
fn moves(pairs: &[[f64; 2]]) -> Option<String> {
    let of = |side: usize| mean(&pairs.iter().map(|p| p[side]).collect::<Vec<_>>());
    Some(format!(
        "from {} to {}",
        names::fixed(of(0)?, 2),
        names::fixed(of(1)?, 2)
    ))
}

/// The network and method with the highest mean of a kind of number, before and after.
fn best(rows: &[&ProtocolEffect], kind: &str) -> Option<[String; 2]> {
    let mut cells: Vec<(&str, &str)> = Vec::new();
    for row in rows.iter().filter(|r| r.quantity.starts_with(kind)) {
        let cell = (row.model.as_str(), row.method.as_str());
        if !cells.contains(&cell) {
            cells.push(cell);
        }
    }
    let highest = |side: usize| {
        let value = |cell: &(&str, &str)| {
            let here = pairs(rows, |r| {
                r.quantity.starts_with(kind) && (r.model.as_str(), r.method.as_str()) == *cell
            });
            mean(&here.iter().map(|p| p[side]).collect::<Vec<_>>())
        };
        let valued = cells.iter().filter_map(|c| value(c).map(|v| (c, v)));
        let (cell, _) = valued.max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(format!(
            "{} on {}",
            names::method(cell.1),
            names::network(cell.0)
        ))
    };
    Some([highest(0)?, highest(1)?])
}

/// H21: whether another layer makes another network and method come out best.
pub(super) fn best_by_layer(study: &Study<'_>) -> Finding {
    let all = rows(study, "tap");
    let mut ends: Vec<&str> = all.iter().map(|r| r.from.as_str()).collect();
    ends.dedup();
    let (mut changed, mut judged, mut told) = (0, 0, Vec::new());
    for end in ends {
        let here: Vec<_> = all.iter().filter(|r| r.from == end).copied().collect();
        let kinds = [
            ("miou_supervised", "mIoU with the supervised map"),
            ("miou_truth", "mIoU with the truth"),
            ("rho_liquid_loss", "ρ with liquid loss"),
        ];
        for (kind, words) in kinds {
            if let Some([before, after]) = best(&here, kind) {
                judged += 1;
                changed += usize::from(before != after);
                told.push(format!("{words} ({end}): {before}, then {after}"));
            }
        }
    }
    if judged == 0 {
        return Finding::lacks(NO_EFFECTS);
    }
    Finding::share(
        changed,
        judged,
        format!(
            "tapping the other layer changes the best combination in {changed} of {judged} comparisons; {}",
            told.join("; ")
        ),
    )
}

/// H22: whether maps leave the damage where something else gives the class away.
pub(super) fn confounds(study: &Study<'_>) -> Finding {
    let rows = rows(study, "confounds");
    let auc = pairs(&rows, |r| r.quantity.starts_with("auc_truth"));
    let Some(areas) = moves(&auc) else {
        return Finding::lacks(NO_EFFECTS);
    };
    let falling = auc.iter().filter(|p| p[1] < p[0]).count();
    let mut text = format!(
        "with gain, shading, T2, drip and shrinkage of the second session switched on, the AUC of maps against the true damage goes {areas} on average and falls in {falling} of {} combinations of network, method and treatment",
        auc.len()
    );
    if let Some(accuracy) = moves(&pairs(&rows, |r| r.quantity == "test_accuracy")) {
        text.push_str(&format!("; held-out accuracy goes {accuracy}"));
    }
    Finding::share(falling, auc.len(), text)
}

/// H23: what a split that leaks changes.
pub(super) fn leakage(study: &Study<'_>) -> Finding {
    let all = rows(study, "split");
    // statistics of tests have no common scale with the rest
    let bounded = pairs(&all, |r| {
        !r.quantity.starts_with("test_") || r.quantity == "test_accuracy"
    });
    let changes: Vec<f64> = bounded.iter().map(|p| (p[1] - p[0]).abs()).collect();
    let Some(average) = mean(&changes) else {
        return Finding::lacks(NO_EFFECTS);
    };
    let largest = changes.iter().copied().fold(0.0, f64::max);
    let mut ends: Vec<&str> = all.iter().map(|r| r.from.as_str()).collect();
    ends.dedup();
    let accuracies: Vec<String> = ends
        .iter()
        .filter_map(|end| {
            let here = pairs(&all, |r| r.from == *end && r.quantity == "test_accuracy");
            moves(&here).map(|m| format!("{m} when turned in {end}"))
        })
        .collect();
    Finding::new(
        if largest < SLIGHT {
            Outcome::Absent
        } else {
            Outcome::Present
        },
        format!(
            "dividing the data the other way, and nothing else, changes {} headline numbers by {} on average and at most {}; mean test accuracy goes {}",
            changes.len(),
            names::fixed(average, 2),
            names::fixed(largest, 2),
            names::list(&accuracies)
        ),
    )
}
