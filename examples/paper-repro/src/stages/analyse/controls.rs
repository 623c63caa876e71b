//! Maps made without any network: what they reach, a network must beat.

use ndarray::{Array3, ArrayView2, Axis};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::super::Run;
use super::references::ScanReferences;
use super::scores::{Axes, ScanMaps, Scores, depth, mean};
use crate::batches::derived_seed;
use crate::error::{Result, failed};
use crate::slices::{ScanSlices, resample};
use crate::study::Study;
use crate::table::{Table, number};

/// Name under which controls stand where tables name a network.
pub(super) const CONTROL: &str = "control";

/// Side of the grid of random values, about that of the networks' last maps.
const CELLS: usize = 8;

/// A map made without any network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Control {
    /// Everything is damaged.
    WholeTissue,
    /// The deeper under the edge, the more damaged.
    CentrePrior,
    /// The brighter, the more damaged.
    Intensity,
    /// Random values on a coarse grid.
    RandomMap,
    /// The truth itself: must reach every ceiling.
    TruthAsMap,
    /// The truth moved along the tissue by a random distance: must stay at chance.
    ShiftedTruth,
}

impl Control {
    fn name(self) -> &'static str {
        match self {
            Self::WholeTissue => "whole_tissue",
            Self::CentrePrior => "centre_prior",
            Self::Intensity => "intensity",
            Self::RandomMap => "random_map",
            Self::TruthAsMap => "truth_as_map",
            Self::ShiftedTruth => "shifted_truth",
        }
    }
}

/// The controls that these data allow.
fn possible(run: &Run) -> Vec<Control> {
    let mut controls = vec![
        Control::WholeTissue,
        Control::CentrePrior,
        Control::Intensity,
        Control::RandomMap,
    ];
    if run.config.is_synthetic() {
        controls.extend([Control::TruthAsMap, Control::ShiftedTruth]);
    }
    controls
}

/// The controls as if they were the methods of one network.
pub(super) fn axes(run: &Run) -> Axes {
    Axes {
        networks: vec![CONTROL.to_owned()],
        methods: possible(run)
            .into_iter()
            .map(|control| control.name().to_owned())
            .collect(),
        thresholds: run.config.analysis.thresholds.clone(),
    }
}

/// The controls' maps of one scan.
///
/// # Errors
///
/// [`Error::Run`](crate::error::Error::Run) if the tissue has no depth.
pub(super) fn maps(
    run: &Run,
    scan: usize,
    images: &ScanSlices,
    references: &ScanReferences,
) -> Result<ScanMaps> {
    let mut heat = Vec::new();
    for control in possible(run) {
        let mut map = Array3::<f32>::zeros(images.images.dim());
        for (slice, mut plane) in map.outer_iter_mut().enumerate() {
            let tissue = images.foreground.index_axis(Axis(0), slice);
            let seed = derived_seed(
                run.config.seed,
                &[30 + control as u64, scan as u64, slice as u64],
            );
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            match control {
                Control::WholeTissue => plane.fill(1.0),
                Control::CentrePrior => {
                    let depth = depth(tissue).map_err(|e| failed("depth of the tissue", e))?;
                    plane.assign(&depth.mapv(|value| value as f32));
                }
                Control::Intensity => {
                    plane.assign(&images.images.index_axis(Axis(0), slice));
                    to_unit(&mut plane, tissue);
                }
                Control::RandomMap => {
                    let coarse =
                        Array3::from_shape_simple_fn((1, CELLS, CELLS), || rng.random::<f32>());
                    let fine = resample(coarse, plane.nrows());
                    plane.assign(&fine.index_axis(Axis(0), 0));
                    to_unit(&mut plane, tissue);
                }
                Control::TruthAsMap | Control::ShiftedTruth => {
                    // the other class has no damage, and so no map
                    if let Some(truth) = &references.truth {
                        let truth = truth.index_axis(Axis(0), slice);
                        let inside: Vec<f32> = (truth.iter().zip(&tissue))
                            .filter(|(_, inside)| **inside)
                            .map(|(value, _)| *value)
                            .collect();
                        let by = match control {
                            Control::ShiftedTruth => rng.random_range(0..inside.len().max(1)),
                            _ => 0,
                        };
                        let moved = inside.iter().cycle().skip(by);
                        (plane.iter_mut().zip(&tissue))
                            .filter(|(_, inside)| **inside)
                            .zip(moved)
                            .for_each(|((pixel, _), value)| *pixel = *value);
                    }
                }
            }
        }
        heat.push(map);
    }
    Ok(ScanMaps {
        heat: vec![heat],
        common: None,
    })
}

/// Brings the tissue to [0, 1]; a constant becomes 0.
fn to_unit(plane: &mut ndarray::ArrayViewMut2<'_, f32>, tissue: ArrayView2<'_, bool>) {
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for (&value, _) in plane.iter().zip(&tissue).filter(|(_, inside)| **inside) {
        (low, high) = (low.min(value), high.max(value));
    }
    let range = if high > low {
        high - low
    } else {
        f32::INFINITY
    };
    plane.iter_mut().zip(&tissue).for_each(|(value, &inside)| {
        *value = if inside { (*value - low) / range } else { 0.0 };
    });
}

/// Writes `ceilings.csv`: whether the truth reaches every ceiling and the shifted truth stays at chance.
pub(super) fn write_ceilings(run: &Run, study: &Study, scores: &Scores) -> Result<()> {
    let mut table = Table::new(&[
        "control",
        "treatment",
        "reference",
        "quantity",
        "value",
        "expected",
        "holds",
    ])?;
    let position = |control: Control| {
        scores
            .axes
            .methods
            .iter()
            .position(|name| name == control.name())
    };
    let (Some(truth), Some(shifted)) = (
        position(Control::TruthAsMap),
        position(Control::ShiftedTruth),
    ) else {
        return table.write(&run.outputs.table("ceilings"));
    };
    let level = run.config.analysis.truth_threshold;
    let at = (scores.axes.thresholds.iter()).position(|t| (t - level).abs() < 1e-9);
    let mut treatments: Vec<&str> = Vec::new();
    for slice in &scores.slices {
        if let Some(treatment) = study
            .treatment(slice.scan)
            .filter(|t| !treatments.contains(t))
        {
            treatments.push(treatment);
        }
    }
    for treatment in treatments {
        let of = || {
            scores
                .slices
                .iter()
                .filter(move |slice| study.treatment(slice.scan) == Some(treatment))
        };
        let mut row = |control: Control,
                       quantity: &str,
                       value: Option<f64>,
                       expected: f64,
                       tolerance: f64| {
            let Some(value) = value else { return Ok(()) };
            let holds = (value - expected).abs() <= tolerance;
            table.row(&[
                control.name(),
                treatment,
                "truth",
                quantity,
                &number(value),
                &number(expected),
                if holds { "yes" } else { "no" },
            ])
        };
        let least = |values: Vec<f64>| values.into_iter().reduce(f64::min);
        let auc = |method: usize| -> Vec<f64> {
            let cells = of().filter_map(|slice| slice.soft.as_ref().map(|soft| soft[[0, method]]));
            cells
                .map(|cell| cell.auc)
                .filter(|auc| auc.is_finite())
                .collect()
        };
        let fuzzy =
            of().filter_map(|slice| slice.soft.as_ref().map(|soft| soft[[0, truth]].fuzzy_iou));
        row(
            Control::TruthAsMap,
            "least fuzzy IoU",
            least(fuzzy.filter(|v| v.is_finite()).collect()),
            1.0,
            1e-9,
        )?;
        row(
            Control::TruthAsMap,
            "least AUC",
            least(auc(truth)),
            1.0,
            1e-9,
        )?;
        if let Some(at) = at {
            let iou = of().filter_map(|slice| {
                slice
                    .overlaps
                    .iter()
                    .find(|o| o.reference.name() == "truth")
            });
            let iou = iou
                .map(|overlap| overlap.iou[[0, truth, at]])
                .filter(|v| v.is_finite());
            row(
                Control::TruthAsMap,
                "least IoU",
                least(iou.collect()),
                1.0,
                1e-9,
            )?;
        }
        let shifted = auc(shifted);
        let n = shifted.len() as f64;
        let centre = mean(shifted.iter().copied());
        let spread = centre.map_or(0.0, |m| {
            shifted.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (n - 1.0).max(1.0)
        });
        // three standard errors: of a few slices the mean wanders
        row(
            Control::ShiftedTruth,
            "mean AUC",
            centre,
            0.5,
            3.0 * (spread / n).sqrt() + 0.02,
        )?;
    }
    table.write(&run.outputs.table("ceilings"))
}
