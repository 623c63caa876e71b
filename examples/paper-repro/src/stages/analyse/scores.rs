//! The numbers of every slice that all tables are made of.

use mri_io::npy;
use ndarray::{Array3, Axis};
use rayon::prelude::*;
use seg_metrics::{
    BitMask, Comparison, EmptyPolicy, ThresholdStack, iou, pairwise_agreement, threshold_sweep,
};

use super::super::Run;
use crate::error::{Context, Result, failed};
use crate::slices::{ScanSlices, SliceArchive, resample};
use crate::study::Study;

/// A value for every network, method and threshold.
pub(super) type Cube = Array3<f64>;

/// The scores of one slice. What is undefined is NaN.
#[derive(Debug)]
pub(super) struct SliceScores {
    /// Which scan, as a position in the sample sheet.
    pub scan: usize,
    /// Fraction of the tissue that is damaged, `[network, method, threshold]`.
    pub damaged: Cube,
    /// IoU with the truth, `[network, method, threshold]`; `None` where there is no truth.
    pub iou: Option<Cube>,
    /// IoU of the whole tissue with the truth: what a map without any knowledge reaches.
    pub whole_tissue_iou: Option<f64>,
    /// Agreement across methods, `[network][threshold]`; empty with a single method.
    pub across_methods: Vec<Vec<f64>>,
    /// Agreement across networks, `[method][threshold]`; empty with a single network.
    pub across_networks: Vec<Vec<f64>>,
}

/// The scores of all slices, and what their axes mean.
#[derive(Debug)]
pub(super) struct Scores {
    /// Canonical names of the networks.
    pub networks: Vec<String>,
    /// Canonical names of the methods.
    pub methods: Vec<String>,
    /// The thresholds.
    pub thresholds: Vec<f64>,
    /// Treatment of each scan of the positive class; `None` for all others.
    pub treatment_of: Vec<Option<String>>,
    /// All slices, in the order of the sample sheet.
    pub slices: Vec<SliceScores>,
}

impl Scores {
    /// Reads the maps and the truth of every scan and scores them.
    ///
    /// # Errors
    ///
    /// [`Error::Run`](crate::error::Error::Run) names the file that cannot be used.
    pub(super) fn compute(run: &Run, study: &Study) -> Result<Self> {
        let path = run.outputs.slices();
        let archive = SliceArchive::open(&path)?;
        let mut task = run.reporter.task("analyse", study.specimens.len());
        let mut slices = Vec::new();
        for (index, scan) in study.scans().enumerate() {
            run.interrupt.check()?;
            let images = archive.read(scan)?;
            slices.extend(score_scan(run, study, index, &images)?);
            task.step(scan);
        }
        task.finish();
        let treatment_of = (study.specimens.iter().zip(&study.labels))
            .map(|(specimen, &label)| {
                (label == 1).then(|| {
                    specimen
                        .treatment
                        .clone()
                        .unwrap_or_else(|| specimen.class.clone())
                })
            })
            .collect();
        Ok(Self {
            networks: run
                .config
                .networks
                .iter()
                .map(|n| n.architecture.to_string())
                .collect(),
            methods: run
                .config
                .explain
                .methods
                .iter()
                .map(ToString::to_string)
                .collect(),
            thresholds: run.config.analysis.thresholds.clone(),
            treatment_of,
            slices,
        })
    }

    /// The treatments of the positive class, in the order of the sample sheet.
    pub(super) fn treatments(&self) -> Vec<String> {
        let mut treatments: Vec<String> = Vec::new();
        for treatment in self.treatment_of.iter().flatten() {
            if !treatments.contains(treatment) {
                treatments.push(treatment.clone());
            }
        }
        treatments
    }

    /// The threshold nearest to 0.5, at which single numbers are reported.
    pub(super) fn main_threshold(&self) -> usize {
        let distance = |t: &f64| (t - 0.5).abs();
        let nearest = self
            .thresholds
            .iter()
            .enumerate()
            .min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        nearest.map_or(0, |(index, _)| index)
    }
}

fn score_scan(
    run: &Run,
    study: &Study,
    scan: usize,
    images: &ScanSlices,
) -> Result<Vec<SliceScores>> {
    let name = &study.specimens[scan].scan;
    let maps = run.config.networks.iter().map(|network| {
        let methods = run.config.explain.methods.iter().map(|method| {
            let path = run.outputs.cam(network.architecture, method, name);
            npy::read_f32(&path).doing("read the map", &path)
        });
        methods.collect::<Result<Vec<_>>>()
    });
    let maps: Vec<Vec<Array3<f32>>> = maps.collect::<Result<_>>()?;
    let truth = truth_of(run, study, scan, images)?;
    let positive = study.labels[scan] == 1;
    let scores: Vec<Result<_>> = (0..images.indices.len())
        .into_par_iter()
        .map(|slice| {
            let cell = |what: &str, e: seg_metrics::Error| {
                failed(format!("{what} of {name}, slice {slice}"), e)
            };
            score_slice(run, scan, slice, images, &maps, truth.as_ref(), positive)
                .map_err(|e| cell("scores", e))
        })
        .collect();
    scores.into_iter().collect()
}

/// True damage of the slices that were kept, at the size of the maps, where it is known.
fn truth_of(
    run: &Run,
    study: &Study,
    scan: usize,
    images: &ScanSlices,
) -> Result<Option<Array3<f32>>> {
    if !run.config.is_synthetic() {
        return Ok(None);
    }
    let path = run.outputs.truth(&study.specimens[scan].scan);
    let all = npy::read_f32(&path).doing("read the truth", &path)?;
    let kept = all.select(Axis(0), &images.indices);
    Ok(Some(resample(kept, run.config.preprocess.image_size)))
}

fn score_slice(
    run: &Run,
    scan: usize,
    slice: usize,
    images: &ScanSlices,
    maps: &[Vec<Array3<f32>>],
    truth: Option<&Array3<f32>>,
    positive: bool,
) -> seg_metrics::Result<SliceScores> {
    let analysis = &run.config.analysis;
    let tissue = BitMask::from_bools(images.foreground.index_axis(Axis(0), slice));
    let stacks: Vec<Vec<ThresholdStack>> = maps
        .iter()
        .map(|methods| {
            let stack = |map: &Array3<f32>| {
                let map = map.index_axis(Axis(0), slice);
                ThresholdStack::new(
                    map,
                    &analysis.thresholds,
                    Comparison::AtLeast,
                    Some(&tissue),
                )
            };
            methods.iter().map(stack).collect()
        })
        .collect::<Result<_, _>>()?;
    let shape = (
        maps.len(),
        maps.first().map_or(0, Vec::len),
        analysis.thresholds.len(),
    );
    let damaged = Cube::from_shape_fn(shape, |(network, method, t)| {
        stacks[network][method].coverage(t)
    });
    let truth = truth
        .map(|truth| {
            let truth = truth.index_axis(Axis(0), slice);
            BitMask::from_threshold(
                truth,
                analysis.truth_threshold,
                Comparison::AtLeast,
                Some(&tissue),
            )
        })
        .transpose()?;
    let (mut ious, mut whole_tissue_iou) = (None, None);
    if let (Some(truth), true) = (&truth, positive) {
        let mut cube = Cube::from_elem(shape, f64::NAN);
        for ((network, method), mut row) in ndarray::indices((shape.0, shape.1))
            .into_iter()
            .zip(cube.rows_mut())
        {
            let sweep = threshold_sweep(&stacks[network][method], truth, EmptyPolicy::Nan)?;
            row.assign(&ndarray::ArrayView1::from(&sweep.iou));
        }
        ious = Some(cube);
        whole_tissue_iou = Some(iou(&tissue, truth, EmptyPolicy::Nan)?);
    }
    let phi = |group: Vec<&ThresholdStack>| -> seg_metrics::Result<Vec<f64>> {
        let agreement = pairwise_agreement(&group, EmptyPolicy::Nan)?;
        Ok(agreement.levels.iter().map(|level| level.phi).collect())
    };
    let (mut across_methods, mut across_networks) = (Vec::new(), Vec::new());
    if positive && shape.1 > 1 {
        across_methods = stacks
            .iter()
            .map(|methods| phi(methods.iter().collect()))
            .collect::<Result<_, _>>()?;
    }
    if positive && shape.0 > 1 {
        across_networks = (0..shape.1)
            .map(|method| phi(stacks.iter().map(|methods| &methods[method]).collect()))
            .collect::<Result<_, _>>()?;
    }
    Ok(SliceScores {
        scan,
        damaged,
        iou: ious,
        whole_tissue_iou,
        across_methods,
        across_networks,
    })
}
