//! Claims about liquid loss.

use super::super::names;
use super::super::rows::LiquidLoss;
use super::super::study::{Study, extremes};
use super::Finding;
use super::basis::{falls, listed, mean_miou, overlaps, reference, temperatures};

const NO_LOSS: &str = "this run has no correlations with liquid loss";

/// Defined correlations at the main threshold.
fn cells<'a>(study: &'a Study<'_>) -> Vec<(&'a LiquidLoss, f64)> {
    study
        .liquid_loss
        .rows()
        .iter()
        .filter(|r| study.is_headline(r.threshold))
        .filter_map(|r| r.rho.map(|rho| (r, rho)))
        .collect()
}

fn name(row: &LiquidLoss) -> String {
    format!(
        "{} on {}",
        names::method(&row.method),
        names::network(&row.model)
    )
}

pub(super) fn order(study: &Study<'_>) -> Finding {
    let rows = study.loss_groups.rows();
    let values: Vec<(String, f64)> = temperatures(study, rows.iter().map(|r| r.treatment.as_str()))
        .into_iter()
        .filter_map(|t| {
            let mean = rows.iter().find(|r| r.treatment == t)?.mean?;
            Some((t, mean))
        })
        .collect();
    if values.len() < 2 {
        return Finding::lacks("this run has no liquid loss for two freezing temperatures");
    }
    Finding::holds(
        falls(&values.iter().map(|v| v.1).collect::<Vec<_>>()),
        format!(
            "mean liquid loss in per cent of mass: {}",
            listed(&values, names::treatment)
        ),
    )
}

pub(super) fn signs(study: &Study<'_>) -> Finding {
    let cells = cells(study);
    let Some((low, high)) = extremes(&cells, |c| c.1) else {
        return Finding::lacks(NO_LOSS);
    };
    let negative = cells.iter().filter(|c| c.1 < 0.0).count();
    let mut text = format!(
        "{negative} of {} correlations are negative; from {} ({}) to {} ({})",
        cells.len(),
        names::fixed(low.1, 2),
        name(low.0),
        names::fixed(high.1, 2),
        name(high.0)
    );
    let corrected: Vec<f64> = cells.iter().filter_map(|c| c.0.corrected_p).collect();
    if !corrected.is_empty() {
        text.push_str(&format!(
            "; {} from 0 at 5 % after correction for all cells",
            names::count(
                corrected.iter().filter(|p| **p <= 0.05).count(),
                "differs",
                "differ"
            )
        ));
    }
    Finding::holds(low.1 < 0.0 && high.1 > 0.0, text)
}

pub(super) fn vgg_negative(study: &Study<'_>) -> Finding {
    let vgg: Vec<(String, f64)> = cells(study)
        .into_iter()
        .filter(|c| c.0.model == "vgg16")
        .map(|(r, rho)| (r.method.clone(), rho))
        .collect();
    if vgg.is_empty() {
        return Finding::lacks("this run has no correlation with liquid loss for VGG16");
    }
    Finding::share(
        vgg.iter().filter(|v| v.1 < 0.0).count(),
        vgg.len(),
        format!("ρ on VGG16: {}", listed(&vgg, names::method)),
    )
}

pub(super) fn best_cells_differ(study: &Study<'_>) -> Finding {
    let cells = cells(study);
    let (Some((_, best)), Some(reference)) = (extremes(&cells, |c| c.1), reference(study)) else {
        return Finding::lacks("needs correlations with liquid loss and overlaps");
    };
    if cells.len() < 2 {
        return Finding::lacks("needs more than one network or method");
    }
    let rows = overlaps(study, &reference);
    let means: Vec<(&LiquidLoss, f64)> = cells
        .iter()
        .filter_map(|(c, _)| {
            mean_miou(&rows, |r| r.model == c.model && r.method == c.method).map(|m| (*c, m))
        })
        .collect();
    let Some((_, top)) = extremes(&means, |m| m.1) else {
        return Finding::lacks("needs overlaps of the same networks and methods");
    };
    let same = top.0.model == best.0.model && top.0.method == best.0.method;
    Finding::holds(
        !same,
        format!(
            "highest ρ: {} ({}); highest mIoU {}: {} ({})",
            name(best.0),
            names::fixed(best.1, 2),
            reference.words,
            name(top.0),
            names::fixed(top.1, 2)
        ),
    )
}

pub(super) fn pearson_like_spearman(study: &Study<'_>) -> Finding {
    let pairs: Vec<(f64, f64)> = cells(study)
        .into_iter()
        .filter_map(|(r, rho)| r.pearson.map(|p| (rho, p)))
        .collect();
    if pairs.is_empty() {
        return Finding::lacks("this run has no Pearson correlations");
    }
    let same = pairs
        .iter()
        .filter(|(s, p)| (*s < 0.0) == (*p < 0.0))
        .count();
    let largest = pairs.iter().map(|(s, p)| (s - p).abs()).fold(0.0, f64::max);
    Finding::share(
        same,
        pairs.len(),
        format!(
            "the two have the same sign in {same} of {} cells and differ by at most {}",
            pairs.len(),
            names::fixed(largest, 2)
        ),
    )
}
