//! A heatmap and a mask -> ROC-AUC and average precision.

use ndarray::{ArrayView, Dimension};

use crate::soft::values::{inside, truth};
use crate::{BitMask, EmptyPolicy, Result, Sample};

/// Pixels with one value of the heatmap.
struct Step {
    positive: f64,
    negative: f64,
}

/// Pixels by value, highest first.
fn steps<T: Sample, D: Dimension>(
    heatmap: ArrayView<'_, T, D>,
    reference: &BitMask,
    region: Option<&BitMask>,
) -> Result<Vec<Step>> {
    let truth = truth(heatmap.shape(), reference, region)?;
    let values = inside("heatmap", heatmap, region)?;
    let mut pixels: Vec<(f64, bool)> = values.into_iter().zip(truth).collect();
    pixels.sort_by(|a, b| b.0.total_cmp(&a.0));
    Ok(pixels
        .chunk_by(|a, b| a.0 == b.0)
        .map(|equal| {
            let positive = equal.iter().filter(|pixel| pixel.1).count();
            Step {
                positive: positive as f64,
                negative: (equal.len() - positive) as f64,
            }
        })
        .collect())
}

/// Area under the ROC curve: how often a pixel of the reference has a higher value than another.
///
/// ```text
/// AUC = P(x⁺ > x⁻) + P(x⁺ = x⁻) / 2
/// ```
///
/// 0/0 if the reference covers nothing or all of the region.
///
/// # Shapes
///
/// `heatmap`, `reference`, `region`: any number of axes, equal.
///
/// # Errors
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch),
/// [`Error::NonFinite`](crate::Error::NonFinite);
/// [`Error::Undefined`](crate::Error::Undefined) for 0/0 under [`EmptyPolicy::Error`].
///
/// # Source
///
/// scikit-learn `roc_auc_score`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, EmptyPolicy, roc_auc};
///
/// let truth = BitMask::from_bools(array![false, false, true, true].view());
/// let auc = roc_auc(array![0.1, 0.4, 0.35, 0.8].view(), &truth, None, EmptyPolicy::Nan)?;
/// assert_eq!(auc, 0.75);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn roc_auc<T: Sample, D: Dimension>(
    heatmap: ArrayView<'_, T, D>,
    reference: &BitMask,
    region: Option<&BitMask>,
    policy: EmptyPolicy,
) -> Result<f64> {
    let mut above = 0.0;
    let mut negatives = 0.0;
    let mut wins = 0.0;
    for step in steps(heatmap, reference, region)? {
        wins += step.negative * (above + step.positive / 2.0);
        above += step.positive;
        negatives += step.negative;
    }
    policy.ratio(wins, above * negatives, "roc_auc")
}

/// Average precision: the area under the precision–recall curve, without interpolation.
///
/// ```text
/// AP = Σ over values t, falling, of (recall(t) − recall(before t)) · precision(t)
/// ```
///
/// 0/0 if the reference covers nothing of the region.
///
/// # Errors
///
/// As [`roc_auc`].
///
/// # Source
///
/// scikit-learn `average_precision_score`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, EmptyPolicy, average_precision};
///
/// let truth = BitMask::from_bools(array![false, true, true, true].view());
/// let ap =
///     average_precision(array![0.1, 0.4, 0.5, 0.8].view(), &truth, None, EmptyPolicy::Nan)?;
/// assert_eq!(ap, 1.0);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn average_precision<T: Sample, D: Dimension>(
    heatmap: ArrayView<'_, T, D>,
    reference: &BitMask,
    region: Option<&BitMask>,
    policy: EmptyPolicy,
) -> Result<f64> {
    let mut positives = 0.0;
    let mut all = 0.0;
    let mut sum = 0.0;
    for step in steps(heatmap, reference, region)? {
        positives += step.positive;
        all += step.positive + step.negative;
        sum += step.positive * positives / all;
    }
    policy.ratio(sum, positives, "average_precision")
}
