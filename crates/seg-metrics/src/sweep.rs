//! A threshold stack and a reference -> IoU at every threshold, the best one, the area.

use crate::{BitMask, Confusion, EmptyPolicy, Result, ThresholdStack};

/// Scores of a heatmap against a reference at every threshold.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sweep {
    /// The thresholds, in the order of the stack.
    pub thresholds: Vec<f64>,
    /// The four counts at each threshold.
    pub counts: Vec<Confusion>,
    /// IoU at each threshold, after the policy.
    pub iou: Vec<f64>,
    /// Number of thresholds at which both masks are empty, whatever the policy made of them.
    pub n_undefined: usize,
    /// Greatest IoU (MaxIoU), NaN if none is defined.
    pub max_iou: f64,
    /// The first threshold with the greatest IoU, `None` if none is defined.
    pub best_threshold: Option<f64>,
    /// Mean of the IoU over the thresholds that are defined.
    pub mean_iou: f64,
    /// Area under IoU over threshold by the trapezium rule, divided by the range of the thresholds:
    /// an average in `[0, 1]`. NaN if an IoU is; the IoU itself with a single threshold.
    pub area: f64,
}

/// Scores of a heatmap against a reference at every threshold of the stack.
///
/// ```text
/// IoU(t) = |H(t) ∩ R| / |H(t) ∪ R|         inside the region of interest of the stack
/// MaxIoU = max over t of IoU(t)
/// area   = ∫ IoU dt / (t_max − t_min)      trapezium rule over the sorted thresholds
/// ```
///
/// A best threshold chosen on the data it is reported for flatters the heatmap: choose it on other
/// specimens.
///
/// # Shapes
///
/// `reference`: the shape of the stack.
///
/// # Errors
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if the grids differ;
/// [`Error::Undefined`](crate::Error::Undefined) if both masks are empty under
/// [`EmptyPolicy::Error`].
///
/// # Source
///
/// Syed et al. 2023, Fig. 4A (mIoU over thresholds 0.1 … 0.9); MaxIoU as in Choe et al. 2020.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, Comparison, EmptyPolicy, ThresholdStack, threshold_sweep};
///
/// let heat = array![[0.1_f32, 0.4], [0.6, 0.9]];
/// let truth = BitMask::from_bools(array![[false, false], [true, true]].view());
/// let stack = ThresholdStack::new(heat.view(), &[0.25, 0.5, 0.75], Comparison::AtLeast, None)?;
/// let sweep = threshold_sweep(&stack, &truth, EmptyPolicy::Nan)?;
/// assert_eq!(sweep.iou, [2.0 / 3.0, 1.0, 0.5]);
/// assert_eq!((sweep.max_iou, sweep.best_threshold), (1.0, Some(0.5)));
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn threshold_sweep(
    heatmap: &ThresholdStack,
    reference: &BitMask,
    policy: EmptyPolicy,
) -> Result<Sweep> {
    crate::error::same_shape("heatmap", heatmap.shape(), "reference", reference.shape())?;
    let ordered = heatmap.ordered(reference);
    let actual = heatmap.inside(&ordered);
    let mut counts = Vec::with_capacity(heatmap.len());
    let mut iou = Vec::with_capacity(heatmap.len());
    for t in 0..heatmap.len() {
        let tp = heatmap.shared(t, &ordered);
        let predicted = heatmap.count(t);
        let tn = heatmap.region_count() + tp - predicted - actual;
        let found = Confusion {
            tp,
            fp: predicted - tp,
            fn_: actual - tp,
            tn,
        };
        iou.push(found.iou(policy)?);
        counts.push(found);
    }
    let thresholds = heatmap.thresholds().to_vec();
    let mut best: Option<usize> = None;
    for (at, score) in iou.iter().enumerate() {
        if !score.is_nan() && best.is_none_or(|best| *score > iou[best]) {
            best = Some(at);
        }
    }
    let defined = iou.iter().filter(|score| !score.is_nan());
    Ok(Sweep {
        n_undefined: counts.iter().filter(|c| c.tp + c.fp + c.fn_ == 0).count(),
        max_iou: best.map_or(f64::NAN, |at| iou[at]),
        best_threshold: best.map(|at| thresholds[at]),
        mean_iou: defined.clone().sum::<f64>() / defined.count() as f64,
        area: area(&thresholds, &iou),
        counts,
        iou,
        thresholds,
    })
}

/// Trapezium rule over the sorted abscissae, divided by their range.
fn area(x: &[f64], y: &[f64]) -> f64 {
    let mut points: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return f64::NAN;
    };
    let range = last.0 - first.0;
    if range == 0.0 {
        return points.iter().map(|point| point.1).sum::<f64>() / points.len() as f64;
    }
    let sum: f64 = points
        .windows(2)
        .map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0)
        .sum();
    sum / range
}
