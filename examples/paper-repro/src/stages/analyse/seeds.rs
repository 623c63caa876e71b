//! Headline numbers of every seed: how much of a difference between networks is luck.

use stats::spearman;

use super::super::Run;
use super::groups::{of_group, treatments};
use super::liquid_loss::{LiquidLoss, own_scale};
use super::references::Reference;
use super::scores::{Scores, mean};
use crate::error::Result;
use crate::study::Study;
use crate::table::{Table, number};

/// The table of headline numbers.
pub(super) fn table() -> Result<Table> {
    Table::new(&["model", "method", "seed", "quantity", "value"])
}

/// Adds the headline numbers of one seed.
pub(super) fn add(
    run: &Run,
    study: &Study,
    scores: &Scores,
    replicate: usize,
    table: &mut Table,
) -> Result<()> {
    let t = scores.axes.main_threshold();
    let seed = run.config.seed.wrapping_add(replicate as u64).to_string();
    let known = LiquidLoss::read(study, scores)?;
    let treatments = treatments(study, scores);
    for (n, network) in scores.axes.networks.iter().enumerate() {
        for (m, method) in scores.axes.methods.iter().enumerate() {
            let mut row = |quantity: String, value: Option<f64>| match value {
                Some(value) => table.row(&[network, method, &seed, &quantity, &number(value)]),
                None => Ok(()),
            };
            for group in treatments.iter().map(|t| Some(t.as_str())).chain([None]) {
                let damaged =
                    mean(of_group(study, scores, group).map(|slice| slice.damaged[[n, m, t]]));
                row(
                    format!("damaged_fraction_{}", group.unwrap_or("other_class")),
                    damaged,
                )?;
            }
            for treatment in &treatments {
                for reference in [Reference::Truth, Reference::Supervised] {
                    let ious = of_group(study, scores, Some(treatment)).filter_map(|slice| {
                        let overlap = slice.overlaps.iter().find(|o| o.reference == reference)?;
                        Some(overlap.iou[[n, m, t]]).filter(|iou| iou.is_finite())
                    });
                    row(format!("miou_{}_{treatment}", reference.name()), mean(ious))?;
                }
            }
            let rho = spearman(&known.damaged(scores, [n, m, t], own_scale), &known.percent).ok();
            row("rho_liquid_loss".to_owned(), rho.map(|o| o.statistic))?;
        }
    }
    Ok(())
}
