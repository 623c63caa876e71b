//! Correlation of the damaged fraction of a scan with the liquid it lost (Syed et al. 2023, Fig. 4).

use stats::{Error as StatsError, Spearman, SpearmanOptions, spearman_with};

use super::super::Run;
use super::scores::Scores;
use crate::error::{Result, failed};
use crate::study::Study;
use crate::table::{Table, number};

/// Damaged fraction and liquid loss of the scans that have both.
#[derive(Debug)]
pub(super) struct LiquidLoss {
    /// Positions of the scans in the sample sheet.
    pub scans: Vec<usize>,
    /// Their liquid loss in percent.
    pub percent: Vec<f64>,
}

impl LiquidLoss {
    /// Mean damaged fraction over the slices of each scan.
    pub(super) fn damaged(
        &self,
        scores: &Scores,
        network: usize,
        method: usize,
        threshold: usize,
    ) -> Vec<f64> {
        let mean = |&scan: &usize| {
            let values: Vec<f64> = (scores.slices.iter().filter(|slice| slice.scan == scan))
                .map(|slice| slice.damaged[[network, method, threshold]])
                .collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        self.scans.iter().map(mean).collect()
    }
}

/// Writes `liquid_loss.csv`: Spearman's ρ for every network, method and threshold.
pub(super) fn write(run: &Run, study: &Study, scores: &Scores) -> Result<LiquidLoss> {
    let mut known = LiquidLoss {
        scans: Vec::new(),
        percent: Vec::new(),
    };
    for (scan, specimen) in study.specimens.iter().enumerate() {
        let loss = specimen
            .liquid_loss()
            .map_err(|e| failed(format!("liquid loss of {}", specimen.scan), e))?;
        if let (Some(loss), 1) = (loss, study.labels[scan]) {
            known.scans.push(scan);
            known.percent.push(loss);
        }
    }
    let mut table = Table::new(&[
        "model",
        "method",
        "threshold",
        "n",
        "rho",
        "p",
        "ci_low",
        "ci_high",
    ])?;
    let options = SpearmanOptions {
        level: run.config.analysis.confidence,
        ..SpearmanOptions::default()
    };
    for (n, network) in scores.networks.iter().enumerate() {
        for (m, method) in scores.methods.iter().enumerate() {
            for (t, threshold) in scores.thresholds.iter().enumerate() {
                if known.scans.is_empty() {
                    continue;
                }
                let damaged = known.damaged(scores, n, m, t);
                let outcome =
                    defined(spearman_with(&damaged, &known.percent, &options)).map_err(|e| {
                        failed(
                            format!("correlation of {network}, {method}, t = {threshold}"),
                            e,
                        )
                    })?;
                let interval = outcome.as_ref().and_then(|o| o.interval.as_ref());
                table.row(&[
                    network.clone(),
                    method.clone(),
                    number(*threshold),
                    known.scans.len().to_string(),
                    outcome
                        .as_ref()
                        .map_or_else(String::new, |o| number(o.statistic)),
                    outcome
                        .as_ref()
                        .map_or_else(String::new, |o| number(o.p_value)),
                    interval.map_or_else(String::new, |i| number(i.lower)),
                    interval.map_or_else(String::new, |i| number(i.upper)),
                ])?;
            }
        }
    }
    table.write(&run.outputs.table("liquid_loss"))?;
    Ok(known)
}

/// No correlation is defined for a constant fraction (a map empty everywhere) or for too few scans.
fn defined(outcome: stats::Result<Spearman>) -> stats::Result<Option<Spearman>> {
    match outcome {
        Ok(outcome) => Ok(Some(outcome)),
        Err(StatsError::ConstantInput { .. } | StatsError::TooFewObservations { .. }) => Ok(None),
        Err(e) => Err(e),
    }
}
