//! The supervised reference beside the truth and the annotators, and the filter it is smoothed with.

use mri_io::npy;
use ndarray::{Array3, Axis};
use seg_metrics::{
    Aggregate, BitMask, EmptyPolicy, ThresholdStack, chance_corrected_iou, confusion, expected_iou,
    threshold_sweep,
};
use stats::mean_interval;

use super::super::{Run, supervise};
use super::groups::{by_scan, of_group, treatments};
use super::references::{Plane, Reference, ScanReferences, planes, smoothed};
use super::scores::{Scores, comparison, mean, read_map};
use crate::config::switches::SupervisedMap;
use crate::error::{Context, Result, failed};
use crate::outputs::Arm;
use crate::slices::{ScanSlices, SliceArchive};
use crate::study::Study;
use crate::table::{Table, number};

/// Pairs of references whose overlap says how far each can be believed.
const PAIRS: [[Reference; 2]; 5] = [
    [Reference::Supervised, Reference::Truth],
    [Reference::Supervised, Reference::Rater1],
    [Reference::Rater1, Reference::Rater2],
    [Reference::Rater1, Reference::Truth],
    [Reference::Rater2, Reference::Truth],
];

/// Overlap of two references on one slice, and how much of the tissue each reference calls damaged.
#[derive(Debug, Clone)]
pub(super) struct ReferenceScores {
    scan: usize,
    pairs: Vec<([Reference; 2], [f64; 3])>,
    damaged: Vec<(Reference, f64)>,
}

/// Compares the references of one scan with each other.
///
/// # Errors
///
/// [`Error::Run`](crate::error::Error::Run) names the scan.
pub(super) fn score(
    scan: usize,
    name: &str,
    images: &ScanSlices,
    references: &ScanReferences,
) -> Result<Vec<ReferenceScores>> {
    let mut scores = Vec::new();
    for (slice, tissue) in images.foreground.outer_iter().enumerate() {
        let tissue = BitMask::from_bools(tissue);
        let region = |plane: &Plane| plane.counted.clone().unwrap_or_else(|| tissue.clone());
        let mut one = ReferenceScores {
            scan,
            pairs: Vec::new(),
            damaged: Vec::new(),
        };
        for pair in PAIRS {
            let [Some(left), Some(right)] = pair.map(|reference| references.get(reference)) else {
                continue;
            };
            let [left, right] = [&left[slice], &right[slice]];
            let counts = region(left)
                .and(&region(right))
                .and_then(|both| confusion(&left.mask, &right.mask, Some(&both)))
                .map_err(|e| failed(format!("references of {name}"), e))?;
            let total = counts.total() as f64;
            let iou = counts.iou(EmptyPolicy::Nan).unwrap_or(f64::NAN);
            let share = |n: u64| n as f64 / total;
            one.pairs.push((
                pair,
                [iou, share(counts.predicted()), share(counts.actual())],
            ));
        }
        for (reference, planes) in &references.masks {
            let (plane, counted) = (&planes[slice], region(&planes[slice]));
            let inside = plane.mask.intersection_count(&counted).unwrap_or(0) as f64;
            one.damaged
                .push((*reference, inside / counted.count() as f64));
        }
        scores.push(one);
    }
    Ok(scores)
}

/// Mean damaged fraction of a scan by a reference.
pub(super) fn damaged_of(
    scores: &[ReferenceScores],
    scan: usize,
    reference: Reference,
) -> Option<f64> {
    let of_scan = scores.iter().filter(|one| one.scan == scan);
    let values = of_scan.filter_map(|one| one.damaged.iter().find(|(r, _)| *r == reference));
    mean(
        values
            .map(|(_, value)| *value)
            .filter(|value| value.is_finite()),
    )
}

/// Writes `supervised.csv`, `reference_by_scan.csv` and `reference_fraction.csv`.
pub(super) fn write(
    run: &Run,
    study: &Study,
    all: &Scores,
    scores: &[ReferenceScores],
) -> Result<()> {
    let mut table = Table::new(&[
        "left",
        "right",
        "treatment",
        "n",
        "n_undefined",
        "miou",
        "sd",
        "coverage_left",
        "coverage_right",
        "expected",
        "corrected",
    ])?;
    let treatments = treatments(study, all);
    for pair in PAIRS {
        for treatment in &treatments {
            let values: Vec<[f64; 3]> = (scores.iter())
                .filter(|one| study.treatment(one.scan) == Some(treatment))
                .filter_map(|one| one.pairs.iter().find(|(p, _)| *p == pair).map(|(_, v)| *v))
                .collect();
            if values.is_empty() {
                continue;
            }
            let sum = Aggregate::of(values.iter().map(|v| v[0]));
            let average = |value: &dyn Fn(&[f64; 3]) -> f64| {
                mean(values.iter().map(value).filter(|v| v.is_finite()))
                    .map_or_else(String::new, number)
            };
            table.row(&[
                pair[0].name().to_owned(),
                pair[1].name().to_owned(),
                treatment.clone(),
                sum.n.to_string(),
                sum.n_undefined.to_string(),
                number(sum.mean),
                number(sum.sd),
                average(&|v| v[1]),
                average(&|v| v[2]),
                average(&|v| expected_iou(v[1], v[2])),
                average(&|v| chance_corrected_iou(v[0], expected_iou(v[1], v[2]))),
            ])?;
        }
    }
    table.write(&run.outputs.table("supervised"))?;
    fractions(run, study, all, scores, &treatments)
}

fn fractions(
    run: &Run,
    study: &Study,
    all: &Scores,
    scores: &[ReferenceScores],
    treatments: &[String],
) -> Result<()> {
    let mut by_scans = Table::new(&[
        "source",
        "scan",
        "fish",
        "fillet",
        "treatment",
        "liquid_loss",
        "damaged",
    ])?;
    let mut fraction = Table::new(&[
        "source",
        "treatment",
        "n",
        "mean",
        "sd",
        "ci_low",
        "ci_high",
    ])?;
    for reference in Reference::ALL {
        for treatment in treatments {
            let (scans, _) = by_scan(of_group(study, all, Some(treatment)), |_| 0.0);
            let mut means = Vec::new();
            for scan in scans {
                let Some(damaged) = damaged_of(scores, scan, reference) else {
                    continue;
                };
                let specimen = &study.specimens[scan];
                let loss = specimen.liquid_loss().ok().flatten();
                by_scans.row(&[
                    reference.name(),
                    &specimen.scan,
                    specimen.fish.as_deref().unwrap_or_default(),
                    specimen.fillet.as_deref().unwrap_or_default(),
                    treatment,
                    &loss.map_or_else(String::new, number),
                    &number(damaged),
                ])?;
                means.push(damaged);
            }
            if means.is_empty() {
                continue;
            }
            let interval = mean_interval(&means, run.config.analysis.confidence).ok();
            let sum = Aggregate::of(means.iter().copied());
            fraction.row(&[
                reference.name().to_owned(),
                treatment.clone(),
                means.len().to_string(),
                number(sum.mean),
                number(sum.sd),
                interval
                    .as_ref()
                    .map_or_else(String::new, |i| number(i.interval.lower)),
                interval
                    .as_ref()
                    .map_or_else(String::new, |i| number(i.interval.upper)),
            ])?;
        }
    }
    by_scans.write(&run.outputs.table("reference_by_scan"))?;
    fraction.write(&run.outputs.table("reference_fraction"))
}

/// The side of the majority filter that the protocol uses, and `supervised_smoothing.csv`: what every side tried gives.
///
/// The released code kept the filter whose map overlaps best with the very maps it is to judge.
///
/// # Errors
///
/// [`Error::Run`](crate::error::Error::Run) names the file that cannot be used.
pub(super) fn choose_kernel(
    run: &Run,
    study: &Study,
    mapped: &[usize],
    archive: &SliceArchive,
) -> Result<usize> {
    let supervised = &run.config.supervised;
    let fixed = match run.config.switches.supervised_map {
        SupervisedMap::AsPredicted => 1,
        _ => supervised.smoothing,
    };
    let mut table = Table::new(&["kernel", "n", "miou", "used"])?;
    let path = run.outputs.table("supervised_smoothing");
    let made =
        |&&scan: &&usize| (run.outputs.supervised_labels(&study.specimens[scan].scan)).exists();
    let mapped: Vec<usize> = (mapped.iter().filter(|&&scan| study.labels[scan] == 1))
        .filter(made)
        .copied()
        .collect();
    if !supervise::is_possible(&run.config) || mapped.is_empty() {
        table.write(&path)?;
        return Ok(fixed);
    }
    let mut kernels = supervised.smoothing_tried.clone();
    if !kernels.contains(&fixed) {
        kernels.push(fixed);
    }
    kernels.sort_unstable();
    let mut ious: Vec<Vec<f64>> = vec![Vec::new(); kernels.len()];
    for &scan in &mapped {
        run.interrupt.check()?;
        let name = &study.specimens[scan].scan;
        let from = run.outputs.supervised_labels(name);
        let labels = npy::read_f32(&from).doing("read", &from)?;
        let images = archive.read(name)?;
        let candidates = kernels.iter().map(|&kernel| {
            let labels =
                smoothed(&labels, kernel).map_err(|e| failed(format!("smoothing of {name}"), e))?;
            planes(run, &labels, &images)
        });
        let candidates = candidates.collect::<Result<Vec<Vec<Plane>>>>()?;
        for network in &run.config.networks {
            for method in &run.config.explain.methods {
                let map = read_map(&run.outputs.cam(
                    Arm::Trained(0),
                    network.architecture,
                    method,
                    name,
                ))?;
                let scored = score_kernels(run, &map, &images, &candidates);
                let scored = scored.map_err(|e| failed(format!("smoothing of {name}"), e))?;
                for (all, some) in ious.iter_mut().zip(scored) {
                    all.extend(some);
                }
            }
        }
    }
    let means: Vec<f64> = ious
        .iter()
        .map(|all| mean(all.iter().copied()).unwrap_or(f64::NAN))
        .collect();
    let best = (kernels.iter().zip(&means))
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map_or(fixed, |(kernel, _)| *kernel);
    let used = match run.config.switches.supervised_map {
        SupervisedMap::SmoothedUnlabelledDamaged => best,
        SupervisedMap::AsPredicted | SupervisedMap::CentredUnlabelledExcluded => fixed,
    };
    for ((kernel, mean), all) in kernels.iter().zip(&means).zip(&ious) {
        let mark = if *kernel == used { "yes" } else { "no" };
        table.row(&[
            kernel.to_string(),
            all.len().to_string(),
            number(*mean),
            mark.to_owned(),
        ])?;
    }
    table.write(&path)?;
    Ok(used)
}

fn score_kernels(
    run: &Run,
    map: &Array3<f32>,
    images: &ScanSlices,
    candidates: &[Vec<Plane>],
) -> seg_metrics::Result<Vec<Vec<f64>>> {
    let mut all = Vec::new();
    for planes in candidates {
        let mut ious = Vec::new();
        for (slice, plane) in planes.iter().enumerate() {
            let tissue = BitMask::from_bools(images.foreground.index_axis(Axis(0), slice));
            let region = plane.counted.as_ref().unwrap_or(&tissue);
            let heat = map.index_axis(Axis(0), slice);
            let stack = ThresholdStack::new(
                heat,
                &run.config.analysis.thresholds,
                comparison(run),
                Some(region),
            )?;
            let sweep = threshold_sweep(&stack, &plane.mask, EmptyPolicy::Nan)?;
            ious.extend(sweep.iou.into_iter().filter(|iou| iou.is_finite()));
        }
        all.push(ious);
    }
    Ok(all)
}
