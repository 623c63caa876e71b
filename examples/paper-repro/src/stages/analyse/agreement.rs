//! Tables of agreement φ across methods and across networks (Syed et al. 2023, Eq. 17 and 18).

use seg_metrics::Aggregate;

use super::super::Run;
use super::scores::{Scores, SliceScores};
use crate::error::Result;
use crate::table::{Table, number};

/// Writes `agreement_methods.csv`, `agreement_networks.csv` and the values they summarise.
pub(super) fn write(run: &Run, scores: &Scores) -> Result<()> {
    let mut raw = Table::new(&["across", "key", "threshold", "value"])?;
    one(
        run,
        scores,
        &mut raw,
        "methods",
        "model",
        &scores.networks,
        |slice| &slice.across_methods,
    )?;
    one(
        run,
        scores,
        &mut raw,
        "networks",
        "method",
        &scores.methods,
        |slice| &slice.across_networks,
    )?;
    raw.write(&run.outputs.table("agreement_raw"))
}

fn one(
    run: &Run,
    scores: &Scores,
    raw: &mut Table,
    across: &str,
    key: &str,
    names: &[String],
    values: impl Fn(&SliceScores) -> &Vec<Vec<f64>>,
) -> Result<()> {
    let mut table = Table::new(&[
        key,
        "threshold",
        "n",
        "n_undefined",
        "median",
        "q1",
        "q3",
        "mean",
    ])?;
    for (index, name) in names.iter().enumerate() {
        for (t, threshold) in scores.thresholds.iter().enumerate() {
            let phi: Vec<f64> = scores
                .slices
                .iter()
                .filter_map(|slice| values(slice).get(index))
                .map(|by_t| by_t[t])
                .collect();
            if phi.is_empty() {
                continue;
            }
            let sum = Aggregate::of(phi.iter().copied());
            table.row(&[
                name.clone(),
                number(*threshold),
                sum.n.to_string(),
                sum.n_undefined.to_string(),
                number(sum.median),
                number(sum.q1),
                number(sum.q3),
                number(sum.mean),
            ])?;
            for value in phi {
                raw.row(&[across, name, &number(*threshold), &number(value)])?;
            }
        }
    }
    table.write(&run.outputs.table(&format!("agreement_{across}")))
}
