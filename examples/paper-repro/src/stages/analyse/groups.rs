//! Scans by treatment, and means that respect who belongs to whom.

use stats::{BootstrapInterval, BootstrapOptions, Interval, cluster_bootstrap};

use super::super::Run;
use super::scores::{Scores, SliceScores, mean};
use crate::study::Study;

/// The treatments of the mapped class that were scored, in the order of the sample sheet.
pub(super) fn treatments(study: &Study, scores: &Scores) -> Vec<String> {
    let mut treatments: Vec<String> = Vec::new();
    for slice in &scores.slices {
        if let Some(treatment) = study.treatment(slice.scan)
            && !treatments.iter().any(|known| known == treatment)
        {
            treatments.push(treatment.to_owned());
        }
    }
    treatments
}

/// The slices of one treatment, or of the other class.
pub(super) fn of_group<'a>(
    study: &'a Study,
    scores: &'a Scores,
    group: Option<&'a str>,
) -> impl Iterator<Item = &'a SliceScores> {
    (scores.slices.iter()).filter(move |slice| study.treatment(slice.scan) == group)
}

/// Means of every scan, with the scans they are of.
pub(super) fn by_scan<'a>(
    slices: impl Iterator<Item = &'a SliceScores>,
    value: impl Fn(&SliceScores) -> f64,
) -> (Vec<usize>, Vec<f64>) {
    let mut groups: Vec<(usize, Vec<f64>)> = Vec::new();
    for slice in slices {
        let value = value(slice);
        if !value.is_finite() {
            continue;
        }
        match groups.last_mut() {
            Some((scan, values)) if *scan == slice.scan => values.push(value),
            _ => groups.push((slice.scan, vec![value])),
        }
    }
    (groups.into_iter())
        .map(|(scan, values)| (scan, values.iter().sum::<f64>() / values.len() as f64))
        .unzip()
}

/// Options of every bootstrap of a run.
pub(super) fn bootstrap_options(run: &Run) -> BootstrapOptions {
    BootstrapOptions {
        resamples: run.config.analysis.resamples,
        seed: run.config.seed,
        level: run.config.analysis.confidence,
        method: BootstrapInterval::Percentile,
    }
}

/// Percentile interval of a statistic with the animals resampled; `None` where there are too few or it is constant.
pub(super) fn interval_by_animal(
    run: &Run,
    study: &Study,
    scans: &[usize],
    statistic: impl Fn(&[usize]) -> f64 + Sync,
) -> Option<Interval> {
    let clusters = study.clusters(scans.iter().copied());
    cluster_bootstrap(&clusters, statistic, &bootstrap_options(run))
        .ok()
        .map(|outcome| outcome.interval)
        .filter(|interval| interval.lower.is_finite() && interval.upper.is_finite())
}

/// Interval of the mean of scan means with the animals resampled.
pub(super) fn mean_interval_by_animal(
    run: &Run,
    study: &Study,
    scans: &[usize],
    means: &[f64],
) -> Option<Interval> {
    interval_by_animal(run, study, scans, |chosen| {
        mean(chosen.iter().map(|&at| means[at])).unwrap_or(f64::NAN)
    })
}
