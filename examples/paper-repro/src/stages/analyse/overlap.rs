//! Tables of overlap with every reference, and of the damaged fraction of every group.

use seg_metrics::{Aggregate, chance_corrected_iou, expected_iou};

use super::super::Run;
use super::groups::{by_scan, mean_interval_by_animal, of_group, treatments};
use super::references::Reference;
use super::scores::{Cube, Scores, SliceScores, mean};
use crate::error::Result;
use crate::study::Study;
use crate::table::{Table, number};

const COLUMNS: [&str; 19] = [
    "model",
    "method",
    "treatment",
    "reference",
    "threshold",
    "n",
    "n_undefined",
    "miou",
    "sd",
    "coverage",
    "reference_coverage",
    "expected",
    "corrected",
    "n_empty",
    "n_full",
    "n_scans",
    "fillet_mean",
    "ci_low",
    "ci_high",
];

/// Writes a table of overlap: every network, method, treatment and reference at the thresholds wanted.
pub(super) fn write(
    run: &Run,
    study: &Study,
    scores: &Scores,
    name: &str,
    only_main: bool,
) -> Result<()> {
    let mut table = Table::new(&COLUMNS)?;
    let main = scores.axes.main_threshold();
    for (n, network) in scores.axes.networks.iter().enumerate() {
        for (m, method) in scores.axes.methods.iter().enumerate() {
            for treatment in treatments(study, scores) {
                for reference in Reference::ALL {
                    for (t, threshold) in scores.axes.thresholds.iter().enumerate() {
                        if only_main && t != main {
                            continue;
                        }
                        let cell = [n, m, t];
                        let Some(numbers) = cell_numbers(
                            run,
                            study,
                            scores,
                            &treatment,
                            reference,
                            cell,
                            t == main,
                        ) else {
                            continue;
                        };
                        let mut row = vec![
                            network.clone(),
                            method.clone(),
                            treatment.clone(),
                            reference.name().to_owned(),
                            number(*threshold),
                        ];
                        row.extend(numbers);
                        table.row(&row)?;
                    }
                }
            }
        }
    }
    table.write(&run.outputs.table(name))
}

/// The numbers of one row; `None` where there is no such reference.
fn cell_numbers(
    run: &Run,
    study: &Study,
    scores: &Scores,
    treatment: &str,
    reference: Reference,
    cell: [usize; 3],
    with_interval: bool,
) -> Option<Vec<String>> {
    let slices: Vec<&SliceScores> = of_group(study, scores, Some(treatment)).collect();
    let of = |slice: &SliceScores| {
        slice
            .overlaps
            .iter()
            .find(|overlap| overlap.reference == reference)
            .cloned()
    };
    let of_slice = |slice: &&SliceScores| -> Option<[f64; 5]> {
        let overlap = (slice.overlaps.iter()).find(|overlap| overlap.reference == reference)?;
        let (iou, coverage, by) = (
            overlap.iou[cell],
            overlap.coverage[cell],
            overlap.reference_coverage,
        );
        let expected = expected_iou(coverage, by);
        Some([
            iou,
            coverage,
            by,
            expected,
            chance_corrected_iou(iou, expected),
        ])
    };
    let values: Vec<[f64; 5]> = slices.iter().filter_map(of_slice).collect();
    if values.is_empty() {
        return None;
    }
    let sum = Aggregate::of(values.iter().map(|v| v[0]));
    let average = |at: usize| {
        mean(values.iter().map(|v| v[at]).filter(|v| v.is_finite()))
            .map_or_else(String::new, number)
    };
    let count = |wanted: f64| values.iter().filter(|v| v[2] == wanted).count().to_string();
    let (scans, means) = by_scan(slices.iter().copied(), |slice| {
        of(slice).map_or(f64::NAN, |overlap| overlap.iou[cell])
    });
    let interval = if with_interval {
        mean_interval_by_animal(run, study, &scans, &means)
    } else {
        None
    };
    Some(vec![
        sum.n.to_string(),
        sum.n_undefined.to_string(),
        number(sum.mean),
        number(sum.sd),
        average(1),
        average(2),
        average(3),
        average(4),
        count(0.0),
        count(1.0),
        means.len().to_string(),
        mean(means.iter().copied()).map_or_else(String::new, number),
        interval
            .as_ref()
            .map_or_else(String::new, |i| number(i.lower)),
        interval
            .as_ref()
            .map_or_else(String::new, |i| number(i.upper)),
    ])
}

/// How much of the tissue each map calls damaged: on slices of the other class, all of it is false.
pub(super) fn damaged_fraction(
    run: &Run,
    study: &Study,
    scores: &Scores,
    name: &str,
    cube: impl Fn(&SliceScores) -> Option<&Cube>,
) -> Result<()> {
    let columns = [
        "model",
        "method",
        "group",
        "threshold",
        "n",
        "n_undefined",
        "mean",
        "sd",
    ];
    let mut table = Table::new(&columns)?;
    let treatments = treatments(study, scores);
    let groups = std::iter::once(None).chain(treatments.iter().map(|t| Some(t.as_str())));
    for group in groups {
        for (n, network) in scores.axes.networks.iter().enumerate() {
            for (m, method) in scores.axes.methods.iter().enumerate() {
                for (t, threshold) in scores.axes.thresholds.iter().enumerate() {
                    let cells = of_group(study, scores, group).filter_map(&cube);
                    let sum = Aggregate::of(cells.map(|cube| cube[[n, m, t]]));
                    if sum.n + sum.n_undefined == 0 {
                        continue;
                    }
                    table.row(&[
                        network.clone(),
                        method.clone(),
                        group.unwrap_or("other class").to_owned(),
                        number(*threshold),
                        sum.n.to_string(),
                        sum.n_undefined.to_string(),
                        number(sum.mean),
                        number(sum.sd),
                    ])?;
                }
            }
        }
    }
    table.write(&run.outputs.table(name))
}

/// Writes `truth_scores.csv`: threshold-free scores against the soft truth.
pub(super) fn truth_scores(run: &Run, study: &Study, all: &[&Scores]) -> Result<()> {
    let columns = [
        "model",
        "method",
        "treatment",
        "n",
        "auc",
        "n_auc",
        "average_precision",
        "fuzzy_iou",
        "pearson",
    ];
    let mut table = Table::new(&columns)?;
    for scores in all {
        for (n, network) in scores.axes.networks.iter().enumerate() {
            for (m, method) in scores.axes.methods.iter().enumerate() {
                for treatment in treatments(study, scores) {
                    let cells: Vec<_> = of_group(study, scores, Some(&treatment))
                        .filter_map(|slice| slice.soft.as_ref().map(|soft| soft[[n, m]]))
                        .collect();
                    if cells.is_empty() {
                        continue;
                    }
                    let sum =
                        |value: &dyn Fn(usize) -> f64| Aggregate::of((0..cells.len()).map(value));
                    let auc = sum(&|i| cells[i].auc);
                    table.row(&[
                        network.clone(),
                        method.clone(),
                        treatment.clone(),
                        cells.len().to_string(),
                        number(auc.mean),
                        auc.n.to_string(),
                        number(sum(&|i| cells[i].average_precision).mean),
                        number(sum(&|i| cells[i].fuzzy_iou).mean),
                        number(sum(&|i| cells[i].pearson).mean),
                    ])?;
                }
            }
        }
    }
    table.write(&run.outputs.table("truth_scores"))
}
