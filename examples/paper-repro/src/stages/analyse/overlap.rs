//! Tables of overlap with the truth, and of the damaged fraction of fresh and thawed slices.

use seg_metrics::Aggregate;

use super::super::Run;
use super::scores::{Scores, SliceScores};
use crate::error::Result;
use crate::table::{Table, number};

const COLUMNS: [&str; 9] = [
    "model",
    "method",
    "treatment",
    "reference",
    "threshold",
    "n",
    "n_undefined",
    "miou",
    "sd",
];

/// Writes `miou.csv`, `controls.csv` and `damaged_fraction.csv`.
pub(super) fn write(run: &Run, scores: &Scores) -> Result<()> {
    let mut overlap = Table::new(&COLUMNS)?;
    let mut controls = Table::new(&COLUMNS)?;
    let treatments = scores.treatments();
    for (n, network) in scores.networks.iter().enumerate() {
        for (m, method) in scores.methods.iter().enumerate() {
            for treatment in &treatments {
                for (t, threshold) in scores.thresholds.iter().enumerate() {
                    let values = of_treatment(scores, treatment)
                        .filter_map(|slice| slice.iou.as_ref().map(|iou| iou[[n, m, t]]));
                    let cells = [
                        network,
                        method,
                        treatment,
                        &"truth".to_owned(),
                        &number(*threshold),
                    ];
                    row(&mut overlap, cells, values)?;
                }
            }
        }
    }
    for treatment in &treatments {
        let values = of_treatment(scores, treatment).filter_map(|slice| slice.whole_tissue_iou);
        let cells = ["control", "whole_tissue", treatment, "truth", ""].map(str::to_owned);
        row(&mut controls, cells.each_ref(), values)?;
    }
    overlap.write(&run.outputs.table("miou"))?;
    controls.write(&run.outputs.table("controls"))?;
    damaged_fraction(run, scores, &treatments)
}

/// A row of scores, left out where nothing could be scored at all.
fn row(table: &mut Table, cells: [&String; 5], values: impl Iterator<Item = f64>) -> Result<()> {
    let sum = Aggregate::of(values);
    if sum.n + sum.n_undefined == 0 {
        return Ok(());
    }
    let rest = [
        sum.n.to_string(),
        sum.n_undefined.to_string(),
        number(sum.mean),
        number(sum.sd),
    ];
    let cells: Vec<&str> = cells.into_iter().chain(&rest).map(String::as_str).collect();
    table.row(&cells)
}

fn of_treatment<'a>(
    scores: &'a Scores,
    treatment: &'a str,
) -> impl Iterator<Item = &'a SliceScores> {
    let wanted =
        move |slice: &&SliceScores| scores.treatment_of[slice.scan].as_deref() == Some(treatment);
    scores.slices.iter().filter(wanted)
}

/// How much of the tissue each map calls damaged: on slices of the other class, all of it is false.
fn damaged_fraction(run: &Run, scores: &Scores, treatments: &[String]) -> Result<()> {
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
    let groups = std::iter::once(None).chain(treatments.iter().map(Some));
    for group in groups {
        for (n, network) in scores.networks.iter().enumerate() {
            for (m, method) in scores.methods.iter().enumerate() {
                for (t, threshold) in scores.thresholds.iter().enumerate() {
                    let in_group =
                        |slice: &&SliceScores| scores.treatment_of[slice.scan].as_ref() == group;
                    let sum = Aggregate::of(
                        scores
                            .slices
                            .iter()
                            .filter(in_group)
                            .map(|s| s.damaged[[n, m, t]]),
                    );
                    table.row(&[
                        network.clone(),
                        method.clone(),
                        group.cloned().unwrap_or_else(|| "other class".to_owned()),
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
    table.write(&run.outputs.table("damaged_fraction"))
}
