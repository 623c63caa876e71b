//! Two masks -> IoU and Dice in one call.

use super::confusion::confusion;
use crate::{BitMask, EmptyPolicy, Result};

/// Intersection over union of two masks, the Jaccard index.
///
/// ```text
/// IoU(A, B) = |A ∩ B| / |A ∪ B|
/// ```
///
/// For a region of interest use [`confusion`](crate::confusion) and
/// [`Confusion::iou`](crate::Confusion::iou).
///
/// # Shapes
///
/// `a`, `b`: any number of axes, equal. Returns a number in `[0, 1]`.
///
/// # Errors
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if the grids differ;
/// [`Error::Undefined`](crate::Error::Undefined) if both masks are empty under
/// [`EmptyPolicy::Error`].
///
/// # Source
///
/// Syed et al. 2023, Eq. 14.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, EmptyPolicy, iou};
///
/// let a = BitMask::from_bools(array![[true, true], [false, false]].view());
/// let b = BitMask::from_bools(array![[true, false], [true, false]].view());
/// assert_eq!(iou(&a, &b, EmptyPolicy::Nan)?, 1.0 / 3.0);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn iou(a: &BitMask, b: &BitMask, policy: EmptyPolicy) -> Result<f64> {
    confusion(a, b, None)?.iou(policy)
}

/// Dice coefficient of two masks, the F1 score.
///
/// ```text
/// Dice(A, B) = 2 |A ∩ B| / (|A| + |B|)
/// ```
///
/// # Errors
///
/// As [`iou`].
///
/// # Source
///
/// Dice 1945, Sørensen 1948; MONAI `DiceMetric`, scikit-learn `f1_score`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, EmptyPolicy, dice};
///
/// let a = BitMask::from_bools(array![[true, true], [false, false]].view());
/// let b = BitMask::from_bools(array![[true, false], [true, false]].view());
/// assert_eq!(dice(&a, &b, EmptyPolicy::Nan)?, 0.5);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn dice(a: &BitMask, b: &BitMask, policy: EmptyPolicy) -> Result<f64> {
    confusion(a, b, None)?.dice(policy)
}
