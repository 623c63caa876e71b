//! The numbers of every slice that all tables are made of.

use mri_io::npy;
use ndarray::{Array2, Array3, ArrayView2, Axis};
use rayon::prelude::*;
use seg_metrics::{
    BitMask, Comparison, EmptyPolicy, ThresholdStack, average_precision, distance_transform,
    pairwise_agreement, roc_auc, soft_overlap, threshold_sweep,
};

use super::super::Run;
use super::references::{Reference, ScanReferences};
use crate::config::switches::{BothEmpty, ThresholdRule};
use crate::error::{Context, Result, failed};
use crate::slices::ScanSlices;

/// A value for every network, method and threshold.
pub(super) type Cube = Array3<f64>;

/// Bins of depth under the edge of the tissue.
pub(super) const DEPTHS: usize = 5;

/// What is scored: maps of some networks by some methods.
#[derive(Debug, Clone)]
pub(super) struct Axes {
    /// Names of the networks.
    pub networks: Vec<String>,
    /// Names of the methods.
    pub methods: Vec<String>,
    /// The thresholds.
    pub thresholds: Vec<f64>,
}

impl Axes {
    /// The threshold nearest to 0.5, at which single numbers are reported.
    pub(super) fn main_threshold(&self) -> usize {
        let distance = |t: &f64| (t - 0.5).abs();
        let nearest = (self.thresholds.iter().enumerate())
            .min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        nearest.map_or(0, |(index, _)| index)
    }

    fn shape(&self) -> (usize, usize, usize) {
        (
            self.networks.len(),
            self.methods.len(),
            self.thresholds.len(),
        )
    }
}

/// The maps of one scan.
pub(super) struct ScanMaps {
    /// In [0, 1], `[network][method]`, each `[slice, row, column]`.
    pub heat: Vec<Vec<Array3<f32>>>,
    /// The same on one scale for all scans, where there is one.
    pub common: Option<Vec<Vec<Array3<f32>>>>,
}

/// Overlap of the maps of one slice with one reference.
#[derive(Debug, Clone)]
pub(super) struct Overlap {
    /// Which reference.
    pub reference: Reference,
    /// IoU, `[network, method, threshold]`.
    pub iou: Cube,
    /// Share of the counted tissue in each mask.
    pub coverage: Cube,
    /// Share of the counted tissue in the reference.
    pub reference_coverage: f64,
}

/// Agreement of several masks of one slice at one threshold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Phi {
    /// Mean IoU over pairs.
    pub value: f64,
    /// Mean share of the tissue in the masks.
    pub coverage: f64,
    /// φ expected of independent masks of these coverages.
    pub expected: f64,
    /// φ beyond chance.
    pub corrected: f64,
}

/// Scores of one map against the soft truth. What is undefined is NaN.
#[derive(Debug, Clone, Copy)]
pub(super) struct SoftScores {
    /// Area under the ROC curve against the truth as a mask.
    pub auc: f64,
    /// Average precision against the truth as a mask.
    pub average_precision: f64,
    /// Fuzzy IoU with the soft truth.
    pub fuzzy_iou: f64,
    /// Pearson's r over the pixels of the tissue.
    pub pearson: f64,
}

/// Where one map is hot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The hottest pixel, `[row, column]`.
    pub peak: [f64; 2],
    /// The centre of heat.
    pub centroid: [f64; 2],
    /// Mean heat by depth under the edge.
    pub by_depth: [f64; DEPTHS],
}

/// The scores of one slice. What is undefined is NaN.
#[derive(Debug)]
pub(super) struct SliceScores {
    /// Which scan, as a position in the sample sheet.
    pub scan: usize,
    /// Fraction of the tissue that is damaged, `[network, method, threshold]`.
    pub damaged: Cube,
    /// The same for maps on the common scale.
    pub damaged_common: Option<Cube>,
    /// Overlap with every reference; empty for the other class.
    pub overlaps: Vec<Overlap>,
    /// Scores against the soft truth, `[network, method]`.
    pub soft: Option<Array2<SoftScores>>,
    /// Where each map is hot, `[network, method]`; only for the mapped class.
    pub places: Option<Array2<Place>>,
    /// Agreement across methods, `[network][threshold]`; empty with a single method.
    pub across_methods: Vec<Vec<Phi>>,
    /// Agreement across networks, `[method][threshold]`; empty with a single network.
    pub across_networks: Vec<Vec<Phi>>,
}

/// The scores of all slices, and what their axes mean.
#[derive(Debug)]
pub(super) struct Scores {
    /// What was scored.
    pub axes: Axes,
    /// All slices, in the order of the sample sheet.
    pub slices: Vec<SliceScores>,
}

impl Scores {
    /// Mean over the slices of a scan; `None` for a scan that was not mapped.
    pub(super) fn scan_mean(
        &self,
        scan: usize,
        value: impl Fn(&SliceScores) -> f64,
    ) -> Option<f64> {
        mean(
            (self.slices.iter().filter(|slice| slice.scan == scan))
                .map(value)
                .filter(|v| v.is_finite()),
        )
    }
}

/// Mean of what there is.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// How thresholds are read.
pub(super) fn comparison(run: &Run) -> Comparison {
    match run.config.switches.threshold {
        ThresholdRule::AtLeast => Comparison::AtLeast,
        ThresholdRule::Above => Comparison::Above,
    }
}

/// What two empty masks agree by.
pub(super) fn agreement_policy(run: &Run) -> EmptyPolicy {
    match run.config.switches.both_empty {
        BothEmpty::DroppedThenOne => EmptyPolicy::One,
        BothEmpty::LeftOut | BothEmpty::ReportedApart => EmptyPolicy::Nan,
    }
}

/// Scores every slice of one scan.
///
/// # Errors
///
/// [`Error::Run`](crate::error::Error::Run) names the scan.
pub(super) fn score_scan(
    run: &Run,
    axes: &Axes,
    scan: usize,
    name: &str,
    images: &ScanSlices,
    maps: &ScanMaps,
    references: &ScanReferences,
) -> Result<Vec<SliceScores>> {
    let scores: Vec<Result<_>> = (0..images.indices.len())
        .into_par_iter()
        .map(|slice| {
            score_slice(run, axes, scan, slice, images, maps, references)
                .map_err(|e| failed(format!("scores of {name}, slice {slice}"), e))
        })
        .collect();
    scores.into_iter().collect()
}

type Stacks = Vec<Vec<ThresholdStack>>;

fn stacks(
    run: &Run,
    axes: &Axes,
    maps: &[Vec<Array3<f32>>],
    slice: usize,
    region: &BitMask,
) -> seg_metrics::Result<Stacks> {
    let one = |map: &Array3<f32>| {
        let map = map.index_axis(Axis(0), slice);
        ThresholdStack::new(map, &axes.thresholds, comparison(run), Some(region))
    };
    maps.iter()
        .map(|methods| methods.iter().map(one).collect())
        .collect()
}

fn coverage(stacks: &Stacks, shape: (usize, usize, usize)) -> Cube {
    Cube::from_shape_fn(shape, |(network, method, t)| {
        stacks[network][method].coverage(t)
    })
}

fn score_slice(
    run: &Run,
    axes: &Axes,
    scan: usize,
    slice: usize,
    images: &ScanSlices,
    maps: &ScanMaps,
    references: &ScanReferences,
) -> seg_metrics::Result<SliceScores> {
    let shape = axes.shape();
    let tissue = BitMask::from_bools(images.foreground.index_axis(Axis(0), slice));
    let own = stacks(run, axes, &maps.heat, slice, &tissue)?;
    let damaged_common = match &maps.common {
        Some(common) => Some(coverage(&stacks(run, axes, common, slice, &tissue)?, shape)),
        None => None,
    };
    let mut scores = SliceScores {
        scan,
        damaged: coverage(&own, shape),
        damaged_common,
        overlaps: Vec::new(),
        soft: None,
        places: None,
        across_methods: Vec::new(),
        across_networks: Vec::new(),
    };
    if !references.positive {
        return Ok(scores);
    }
    for (reference, planes) in &references.masks {
        let plane = &planes[slice];
        // unlabelled tissue may not count; then the maps are counted on the rest alone
        let counted = match &plane.counted {
            None => None,
            Some(region) => Some(stacks(run, axes, &maps.heat, slice, region)?),
        };
        let stacks = counted.as_ref().unwrap_or(&own);
        let region = plane.counted.as_ref().unwrap_or(&tissue);
        let mut iou = Cube::from_elem(shape, f64::NAN);
        for ((network, method), mut row) in ndarray::indices((shape.0, shape.1))
            .into_iter()
            .zip(iou.rows_mut())
        {
            let sweep = threshold_sweep(&stacks[network][method], &plane.mask, EmptyPolicy::Nan)?;
            row.assign(&ndarray::ArrayView1::from(&sweep.iou));
        }
        let inside = plane.mask.intersection_count(region)? as f64;
        scores.overlaps.push(Overlap {
            reference: *reference,
            coverage: coverage(stacks, shape),
            iou,
            reference_coverage: inside / region.count() as f64,
        });
    }
    if let Some(truth) = &references.truth {
        let truth = truth.index_axis(Axis(0), slice);
        let cell = |(network, method): (usize, usize)| -> seg_metrics::Result<SoftScores> {
            let heat = maps.heat[network][method].index_axis(Axis(0), slice);
            soft_scores(
                run,
                heat,
                truth,
                &tissue,
                images.foreground.index_axis(Axis(0), slice),
            )
        };
        let cells: Vec<SoftScores> = ndarray::indices((shape.0, shape.1))
            .into_iter()
            .map(cell)
            .collect::<Result<_, _>>()?;
        scores.soft = Array2::from_shape_vec((shape.0, shape.1), cells).ok();
    }
    let depth = depth(images.foreground.index_axis(Axis(0), slice))?;
    scores.places = Some(Array2::from_shape_fn(
        (shape.0, shape.1),
        |(network, method)| {
            place(
                maps.heat[network][method].index_axis(Axis(0), slice),
                &depth,
            )
        },
    ));
    let phi = |group: Vec<&ThresholdStack>| -> seg_metrics::Result<Vec<Phi>> {
        let agreement = pairwise_agreement(&group, agreement_policy(run))?;
        let level = |level: &seg_metrics::PairwiseIou| Phi {
            value: level.phi,
            coverage: level.mean_coverage(),
            expected: level.expected_phi,
            corrected: level.chance_corrected_phi,
        };
        Ok(agreement.levels.iter().map(level).collect())
    };
    if shape.1 > 1 {
        scores.across_methods = (own.iter())
            .map(|methods| phi(methods.iter().collect()))
            .collect::<Result<_, _>>()?;
    }
    if shape.0 > 1 {
        scores.across_networks = (0..shape.1)
            .map(|method| phi(own.iter().map(|methods| &methods[method]).collect()))
            .collect::<Result<_, _>>()?;
    }
    Ok(scores)
}

fn soft_scores(
    run: &Run,
    heat: ArrayView2<'_, f32>,
    truth: ArrayView2<'_, f32>,
    tissue: &BitMask,
    inside: ArrayView2<'_, bool>,
) -> seg_metrics::Result<SoftScores> {
    let mask = BitMask::from_threshold(
        truth,
        run.config.analysis.truth_threshold,
        Comparison::AtLeast,
        Some(tissue),
    )?;
    let pixels = |image: ArrayView2<'_, f32>| -> Vec<f64> {
        (image.iter().zip(&inside))
            .filter(|(_, i)| **i)
            .map(|(v, _)| f64::from(*v))
            .collect()
    };
    let soft = soft_overlap(heat, truth, Some(tissue))?;
    Ok(SoftScores {
        auc: roc_auc(heat, &mask, Some(tissue), EmptyPolicy::Nan)?,
        average_precision: average_precision(heat, &mask, Some(tissue), EmptyPolicy::Nan)?,
        fuzzy_iou: soft.fuzzy_iou(EmptyPolicy::Nan)?,
        pearson: stats::pearson(&pixels(heat), &pixels(truth)).map_or(f64::NAN, |r| r.statistic),
    })
}

/// Depth of every pixel of the tissue under its edge, as a share of the deepest; 0 outside.
pub(super) fn depth(tissue: ArrayView2<'_, bool>) -> seg_metrics::Result<Array2<f64>> {
    let outside = BitMask::from_bools(tissue.mapv(|inside| !inside).view());
    let mut depth = Array2::zeros(tissue.dim());
    if outside.count() == 0 || outside.count() as usize == tissue.len() {
        return Ok(depth);
    }
    let distance = distance_transform(&outside, &[1.0, 1.0])?;
    let deepest = distance.iter().copied().fold(0.0, f64::max);
    depth
        .iter_mut()
        .zip(&distance)
        .for_each(|(to, from)| *to = from / deepest);
    Ok(depth)
}

/// Where a map is hot inside the tissue, which is where `depth` is above 0.
fn place(heat: ArrayView2<'_, f32>, depth: &Array2<f64>) -> Place {
    let (mut peak, mut highest) = ([f64::NAN; 2], f64::NEG_INFINITY);
    let (mut moment, mut total) = ([0.0; 2], 0.0);
    let (mut sums, mut counts) = ([0.0; DEPTHS], [0.0; DEPTHS]);
    for (((row, column), &value), &depth) in heat.indexed_iter().zip(depth) {
        if depth <= 0.0 {
            continue;
        }
        let (value, at) = (f64::from(value), [row as f64, column as f64]);
        if value > highest {
            (highest, peak) = (value, at);
        }
        total += value;
        moment = [moment[0] + value * at[0], moment[1] + value * at[1]];
        let bin = ((depth * DEPTHS as f64) as usize).min(DEPTHS - 1);
        sums[bin] += value;
        counts[bin] += 1.0;
    }
    // a map that is the same everywhere points nowhere
    let points = total > 0.0;
    Place {
        peak: if points { peak } else { [f64::NAN; 2] },
        centroid: moment.map(|m| if points { m / total } else { f64::NAN }),
        by_depth: std::array::from_fn(|bin| {
            if counts[bin] > 0.0 {
                sums[bin] / counts[bin]
            } else {
                f64::NAN
            }
        }),
    }
}

/// Reads maps of one scan, `[slice, row, column]`.
pub(super) fn read_map(path: &std::path::Path) -> Result<Array3<f32>> {
    npy::read_f32(path).doing("read the map", path)
}
