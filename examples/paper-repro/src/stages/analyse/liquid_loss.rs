//! Correlation of the damaged fraction of a scan with the liquid it lost (Syed et al. 2023, Fig. 4).

use seg_metrics::Aggregate;
use stats::{
    Adjustment, Error as StatsError, MaxTOptions, Spearman, SpearmanOptions, StratifiedOptions,
    StratifiedSpearman, adjust_p_values, max_t, mean_interval, pearson, spearman, spearman_with,
    stratified_spearman,
};

use super::super::Run;
use super::groups::{interval_by_animal, mean_interval_by_animal};
use super::references::Reference;
use super::scores::{Cube, Scores, SliceScores, mean};
use super::supervised::{ReferenceScores, damaged_of};
use crate::error::{Result, failed};
use crate::study::Study;
use crate::table::{Table, number};

/// The scans whose liquid loss is known, and that loss.
#[derive(Debug)]
pub(super) struct LiquidLoss {
    /// Positions of the scans in the sample sheet.
    pub scans: Vec<usize>,
    /// Their liquid loss in percent.
    pub percent: Vec<f64>,
}

/// Which cube of a slice's scores.
pub(super) type Scale = for<'a> fn(&'a SliceScores) -> Option<&'a Cube>;

/// Damaged fraction on each slice's own scale.
pub(super) fn own_scale(slice: &SliceScores) -> Option<&Cube> {
    Some(&slice.damaged)
}

/// Damaged fraction on the common scale.
pub(super) fn common_scale(slice: &SliceScores) -> Option<&Cube> {
    slice.damaged_common.as_ref()
}

impl LiquidLoss {
    /// The scans of the mapped class that were mapped and whose liquid loss is known.
    ///
    /// # Errors
    ///
    /// [`Error::Run`](crate::error::Error::Run) if masses and stated loss contradict each other.
    pub(super) fn read(study: &Study, scores: &Scores) -> Result<Self> {
        let mut known = Self {
            scans: Vec::new(),
            percent: Vec::new(),
        };
        for (scan, specimen) in study.specimens.iter().enumerate() {
            let loss = specimen
                .liquid_loss()
                .map_err(|e| failed(format!("liquid loss of {}", specimen.scan), e))?;
            let mapped = scores.slices.iter().any(|slice| slice.scan == scan);
            if let (Some(loss), 1, true) = (loss, study.labels[scan], mapped) {
                known.scans.push(scan);
                known.percent.push(loss);
            }
        }
        Ok(known)
    }

    /// Mean damaged fraction over the slices of each scan.
    pub(super) fn damaged(&self, scores: &Scores, cell: [usize; 3], scale: Scale) -> Vec<f64> {
        let of = |slice: &SliceScores| scale(slice).map_or(f64::NAN, |cube| cube[cell]);
        (self.scans.iter())
            .map(|&scan| scores.scan_mean(scan, of).unwrap_or(f64::NAN))
            .collect()
    }

    /// Numbers of the treatments of the scans.
    fn strata(&self, study: &Study) -> Vec<usize> {
        let mut seen: Vec<Option<&str>> = Vec::new();
        (self.scans.iter())
            .map(|&scan| {
                let treatment = study.treatment(scan);
                seen.iter()
                    .position(|&other| other == treatment)
                    .unwrap_or_else(|| {
                        seen.push(treatment);
                        seen.len() - 1
                    })
            })
            .collect()
    }
}

/// Writes `liquid_loss.csv` or its sister on the common scale: every network, method and threshold.
pub(super) fn write(
    run: &Run,
    study: &Study,
    scores: &Scores,
    known: &LiquidLoss,
    name: &str,
    scale: Scale,
) -> Result<()> {
    let mut table = Table::new(&[
        "model",
        "method",
        "threshold",
        "n",
        "rho",
        "p",
        "ci_low",
        "ci_high",
        "pearson",
        "pearson_p",
        "p_holm",
        "p_max_t",
        "within",
        "within_p",
        "cluster_low",
        "cluster_high",
    ])?;
    if known.scans.is_empty() || scores.slices.iter().all(|slice| scale(slice).is_none()) {
        return table.write(&run.outputs.table(name));
    }
    let main = scores.axes.main_threshold();
    let mut cells = Vec::new();
    for n in 0..scores.axes.networks.len() {
        for m in 0..scores.axes.methods.len() {
            cells.push((n, m));
        }
    }
    let mut rows = Vec::new();
    for (t, threshold) in scores.axes.thresholds.iter().enumerate() {
        let damaged: Vec<Vec<f64>> = (cells.iter())
            .map(|&(n, m)| known.damaged(scores, [n, m, t], scale))
            .collect();
        let corrected = corrected(run, study, known, &damaged);
        for ((at, &(n, m)), damaged) in cells.iter().enumerate().zip(&damaged) {
            let what = format!(
                "correlation of {}, {}, t = {threshold}",
                scores.axes.networks[n], scores.axes.methods[m]
            );
            let rho = defined(spearman_with(damaged, &known.percent, &options(run)))
                .map_err(|e| failed(&what, e))?;
            let r = pearson(damaged, &known.percent).ok();
            let (within, clusters) = if t == main {
                (
                    within(run, study, known, damaged),
                    by_animal(run, study, known, damaged),
                )
            } else {
                (None, None)
            };
            let cell = |value: Option<f64>| value.map_or_else(String::new, number);
            let interval = rho.as_ref().and_then(|o| o.interval.as_ref());
            rows.push((
                n,
                m,
                t,
                vec![
                    scores.axes.networks[n].clone(),
                    scores.axes.methods[m].clone(),
                    number(*threshold),
                    known.scans.len().to_string(),
                    cell(rho.as_ref().map(|o| o.statistic)),
                    cell(rho.as_ref().map(|o| o.p_value)),
                    cell(interval.map(|i| i.lower)),
                    cell(interval.map(|i| i.upper)),
                    cell(r.as_ref().map(|r| r.statistic)),
                    cell(r.as_ref().map(|r| r.p_value)),
                    cell(corrected[at].holm),
                    cell(corrected[at].max_t),
                    cell(within.as_ref().map(|w| w.statistic)),
                    cell(within.as_ref().map(|w| w.p_value)),
                    cell(clusters.map(|i| i[0])),
                    cell(clusters.map(|i| i[1])),
                ],
            ));
        }
    }
    rows.sort_by_key(|(n, m, t, _)| (*n, *m, *t));
    for (_, _, _, row) in rows {
        table.row(&row)?;
    }
    table.write(&run.outputs.table(name))
}

fn options(run: &Run) -> SpearmanOptions {
    SpearmanOptions {
        level: run.config.analysis.confidence,
        ..SpearmanOptions::default()
    }
}

/// p-values corrected for the number of correlations.
#[derive(Debug, Clone, Copy, Default)]
struct Corrected {
    holm: Option<f64>,
    max_t: Option<f64>,
}

fn corrected(run: &Run, study: &Study, known: &LiquidLoss, damaged: &[Vec<f64>]) -> Vec<Corrected> {
    let mut corrected = vec![Corrected::default(); damaged.len()];
    let varies = |values: &Vec<f64>| {
        values.iter().all(|v| v.is_finite()) && values.windows(2).any(|w| w[0] != w[1])
    };
    let usable: Vec<usize> = (0..damaged.len())
        .filter(|&at| varies(&damaged[at]))
        .collect();
    let p: Vec<f64> = (usable.iter())
        .map(|&at| spearman(&damaged[at], &known.percent).map_or(1.0, |o| o.p_value))
        .collect();
    if let Ok(adjusted) = adjust_p_values(&p, Adjustment::Holm) {
        for (&at, p) in usable.iter().zip(adjusted) {
            corrected[at].holm = Some(p);
        }
    }
    let variables: Vec<&[f64]> = usable.iter().map(|&at| damaged[at].as_slice()).collect();
    let options = MaxTOptions {
        permutations: run.config.analysis.permutations,
        seed: run.config.seed,
        blocks: Some(study.clusters(known.scans.iter().copied())),
        ..MaxTOptions::default()
    };
    if let Ok(outcome) = max_t(&variables, &known.percent, &options) {
        for (&at, entry) in usable.iter().zip(outcome.entries) {
            corrected[at].max_t = Some(entry.p_adjusted);
        }
    }
    corrected
}

fn within(
    run: &Run,
    study: &Study,
    known: &LiquidLoss,
    damaged: &[f64],
) -> Option<StratifiedSpearman> {
    let options = StratifiedOptions {
        permutations: run.config.analysis.permutations,
        seed: run.config.seed,
        ..StratifiedOptions::default()
    };
    stratified_spearman(damaged, &known.percent, &known.strata(study), &options).ok()
}

fn by_animal(run: &Run, study: &Study, known: &LiquidLoss, damaged: &[f64]) -> Option<[f64; 2]> {
    let interval = interval_by_animal(run, study, &known.scans, |chosen| {
        let pick = |values: &[f64]| -> Vec<f64> { chosen.iter().map(|&at| values[at]).collect() };
        // a resample may hold one scan many times over and have no correlation at all
        spearman(&pick(damaged), &pick(&known.percent)).map_or(0.0, |o| o.statistic)
    })?;
    Some([interval.lower, interval.upper])
}

/// No correlation is defined for a constant fraction (a map empty everywhere) or for too few scans.
fn defined(outcome: stats::Result<Spearman>) -> stats::Result<Option<Spearman>> {
    match outcome {
        Ok(outcome) => Ok(Some(outcome)),
        Err(StatsError::ConstantInput { .. } | StatsError::TooFewObservations { .. }) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Writes the tables that show single scans and groups: `liquid_loss_by_treatment.csv`, `liquid_loss_groups.csv`,
/// `damaged_by_scan.csv` and `miou_and_rho.csv`.
pub(super) fn write_details(
    run: &Run,
    study: &Study,
    scores: &Scores,
    known: &LiquidLoss,
) -> Result<()> {
    let mut by_treatment = Table::new(&["model", "method", "treatment", "n", "rho"])?;
    let mut by_scan = Table::new(&[
        "model",
        "method",
        "scan",
        "fish",
        "fillet",
        "treatment",
        "liquid_loss",
        "damaged",
        "damaged_common",
    ])?;
    let t = scores.axes.main_threshold();
    for (n, network) in scores.axes.networks.iter().enumerate() {
        for (m, method) in scores.axes.methods.iter().enumerate() {
            let damaged = known.damaged(scores, [n, m, t], own_scale);
            let strata = known.strata(study);
            if let Some(within) = within(run, study, known, &damaged) {
                for stratum in within.strata {
                    let first = strata.iter().position(|&s| s == stratum.label);
                    let treatment = first
                        .and_then(|at| study.treatment(known.scans[at]))
                        .unwrap_or_default();
                    by_treatment.row(&[
                        network,
                        method,
                        treatment,
                        &stratum.n.to_string(),
                        &stratum.statistic.map_or_else(String::new, number),
                    ])?;
                }
            }
            let mut last = None;
            for slice in &scores.slices {
                if last == Some(slice.scan) || study.labels[slice.scan] != 1 {
                    continue;
                }
                last = Some(slice.scan);
                let specimen = &study.specimens[slice.scan];
                let value = |scale: Scale| {
                    let of =
                        |slice: &SliceScores| scale(slice).map_or(f64::NAN, |cube| cube[[n, m, t]]);
                    scores
                        .scan_mean(slice.scan, of)
                        .map_or_else(String::new, number)
                };
                by_scan.row(&[
                    network,
                    method,
                    &specimen.scan,
                    specimen.fish.as_deref().unwrap_or_default(),
                    specimen.fillet.as_deref().unwrap_or_default(),
                    study.treatment(slice.scan).unwrap_or_default(),
                    &specimen
                        .liquid_loss()
                        .ok()
                        .flatten()
                        .map_or_else(String::new, number),
                    &value(own_scale),
                    &value(common_scale),
                ])?;
            }
        }
    }
    by_treatment.write(&run.outputs.table("liquid_loss_by_treatment"))?;
    by_scan.write(&run.outputs.table("damaged_by_scan"))?;
    groups(run, study, known)?;
    miou_and_rho(run, study, scores, known)
}

/// Liquid loss of every treatment (Fig. 4C).
fn groups(run: &Run, study: &Study, known: &LiquidLoss) -> Result<()> {
    let columns = [
        "treatment",
        "n",
        "mean",
        "sd",
        "ci_low",
        "ci_high",
        "cluster_low",
        "cluster_high",
    ];
    let mut table = Table::new(&columns)?;
    let mut treatments: Vec<&str> = Vec::new();
    for treatment in known.scans.iter().filter_map(|&scan| study.treatment(scan)) {
        if !treatments.contains(&treatment) {
            treatments.push(treatment);
        }
    }
    for treatment in treatments {
        let (scans, losses): (Vec<usize>, Vec<f64>) = (known.scans.iter().zip(&known.percent))
            .filter(|(scan, _)| study.treatment(**scan) == Some(treatment))
            .map(|(scan, loss)| (*scan, *loss))
            .unzip();
        let sum = Aggregate::of(losses.iter().copied());
        let interval = mean_interval(&losses, run.config.analysis.confidence).ok();
        let clusters = mean_interval_by_animal(run, study, &scans, &losses);
        let cell = |value: Option<f64>| value.map_or_else(String::new, number);
        table.row(&[
            treatment.to_owned(),
            losses.len().to_string(),
            number(sum.mean),
            number(sum.sd),
            cell(interval.as_ref().map(|i| i.interval.lower)),
            cell(interval.as_ref().map(|i| i.interval.upper)),
            cell(clusters.as_ref().map(|i| i.lower)),
            cell(clusters.as_ref().map(|i| i.upper)),
        ])?;
    }
    table.write(&run.outputs.table("liquid_loss_groups"))
}

/// Does the map that overlaps best also predict liquid loss best (Fig. 4B)? Means of treatments weigh the same.
fn miou_and_rho(run: &Run, study: &Study, scores: &Scores, known: &LiquidLoss) -> Result<()> {
    let mut table = Table::new(&["model", "method", "reference", "miou", "rho"])?;
    let t = scores.axes.main_threshold();
    for (n, network) in scores.axes.networks.iter().enumerate() {
        for (m, method) in scores.axes.methods.iter().enumerate() {
            let damaged = known.damaged(scores, [n, m, t], own_scale);
            let rho = spearman(&damaged, &known.percent).ok().map(|o| o.statistic);
            for reference in [Reference::Truth, Reference::Supervised] {
                let means = super::groups::treatments(study, scores)
                    .into_iter()
                    .filter_map(|treatment| {
                        mean(
                            super::groups::of_group(study, scores, Some(&treatment)).filter_map(
                                |slice| {
                                    let overlap =
                                        slice.overlaps.iter().find(|o| o.reference == reference)?;
                                    Some(overlap.iou[[n, m, t]]).filter(|iou| iou.is_finite())
                                },
                            ),
                        )
                    });
                if let Some(miou) = mean(means) {
                    let rho = rho.map_or_else(String::new, number);
                    table.row(&[network, method, reference.name(), &number(miou), &rho])?;
                }
            }
        }
    }
    table.write(&run.outputs.table("miou_and_rho"))
}

/// Writes `liquid_loss_reference.csv`: how well the references themselves follow liquid loss.
pub(super) fn write_references(
    run: &Run,
    study: &Study,
    known: &LiquidLoss,
    scores: &[ReferenceScores],
) -> Result<()> {
    let mut table = Table::new(&[
        "source",
        "n",
        "rho",
        "p",
        "ci_low",
        "ci_high",
        "pearson",
        "pearson_p",
        "within",
        "within_p",
    ])?;
    for reference in Reference::ALL {
        let damaged: Option<Vec<f64>> = (known.scans.iter())
            .map(|&scan| damaged_of(scores, scan, reference))
            .collect();
        let Some(damaged) = damaged.filter(|damaged| !damaged.is_empty()) else {
            continue;
        };
        let what = format!("correlation of {}", reference.name());
        let rho = defined(spearman_with(&damaged, &known.percent, &options(run)))
            .map_err(|e| failed(what, e))?;
        let r = pearson(&damaged, &known.percent).ok();
        let within = within(run, study, known, &damaged);
        let interval = rho.as_ref().and_then(|o| o.interval.as_ref());
        let cell = |value: Option<f64>| value.map_or_else(String::new, number);
        table.row(&[
            reference.name().to_owned(),
            known.scans.len().to_string(),
            cell(rho.as_ref().map(|o| o.statistic)),
            cell(rho.as_ref().map(|o| o.p_value)),
            cell(interval.map(|i| i.lower)),
            cell(interval.map(|i| i.upper)),
            cell(r.as_ref().map(|r| r.statistic)),
            cell(r.as_ref().map(|r| r.p_value)),
            cell(within.as_ref().map(|w| w.statistic)),
            cell(within.as_ref().map(|w| w.p_value)),
        ])?;
    }
    table.write(&run.outputs.table("liquid_loss_reference"))
}
