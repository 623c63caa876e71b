//! Two masks -> precision, recall and F1 of their outlines.

use super::contour::outline_of;
use super::grid::Grid;
use super::pixel::check_tolerance;
use super::transform::distances_at;
use crate::{BitMask, EmptyPolicy, Result};

/// Precision, recall and F1 of an outline.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BoundaryF1 {
    /// Fraction of the prediction's outline within the tolerance of the reference's.
    pub precision: f64,
    /// Fraction of the reference's outline within the tolerance of the prediction's.
    pub recall: f64,
    /// Their harmonic mean.
    pub f1: f64,
}

/// Precision, recall and F1 of the prediction's outline against the reference's.
///
/// ```text
/// precision = #{p in ∂P : d(p, ∂R) ≤ τ} / |∂P|       recall = #{r in ∂R : d(r, ∂P) ≤ τ} / |∂R|
/// F1 = 2 precision recall / (precision + recall)      (0 if both are 0)
/// ```
///
/// An outline is the pixels of a mask with a neighbour outside it along an axis. With one mask
/// empty, what cannot be measured (precision without a prediction) is by `policy`, and F1 is 0; with
/// both empty all three are by `policy`.
///
/// # Errors
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch), [`Error::Spacing`](crate::Error::Spacing);
/// [`Error::OutOfRange`](crate::Error::OutOfRange) if `tolerance` is negative or NaN;
/// [`Error::Undefined`](crate::Error::Undefined) if a mask is empty under [`EmptyPolicy::Error`].
///
/// # Source
///
/// Csurka et al. 2013.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, EmptyPolicy, boundary_f1};
///
/// let p = BitMask::from_bools(array![[true, true, false, false, false]].view());
/// let r = BitMask::from_bools(array![[true, true, true, true, false]].view());
/// let found = boundary_f1(&p, &r, 1.0, &[1.0, 1.0], EmptyPolicy::Nan)?;
/// assert_eq!((found.precision, found.recall), (1.0, 0.75));
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn boundary_f1(
    prediction: &BitMask,
    reference: &BitMask,
    tolerance: f64,
    spacing: &[f64],
    policy: EmptyPolicy,
) -> Result<BoundaryF1> {
    prediction.check("prediction", "reference", reference)?;
    check_tolerance(tolerance)?;
    let grid = Grid::new(prediction.shape(), spacing)?;
    let p = outline_of(&grid.shape, &prediction.pixels());
    let r = outline_of(&grid.shape, &reference.pixels());
    let near = |queries: &[bool], sources: &[bool], metric| {
        let distances = distances_at(&grid, sources, queries);
        let near = distances
            .iter()
            .filter(|distance| **distance <= tolerance)
            .count();
        policy.ratio(near as f64, distances.len() as f64, metric)
    };
    let precision = near(&p, &r, "boundary precision")?;
    let recall = near(&r, &p, "boundary recall")?;
    let f1 = if prediction.is_empty() != reference.is_empty() || precision + recall == 0.0 {
        if prediction.is_empty() && reference.is_empty() {
            precision
        } else {
            0.0
        }
    } else {
        2.0 * precision * recall / (precision + recall)
    };
    Ok(BoundaryF1 {
        precision,
        recall,
        f1,
    })
}
