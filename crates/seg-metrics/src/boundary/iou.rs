//! Two masks -> the IoU of their inner rims.

use super::contour::{eroded_by_box, outline_of};
use super::transform::distance_transform;
use crate::{BitMask, EmptyPolicy, Error, Result, iou};

/// How wide the rim of a mask is.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum RimWidth {
    /// So many pixels.
    Pixels(usize),
    /// This fraction of the diagonal of the grid, rounded, at least one pixel; Cheng et al. use 0.02.
    OfDiagonal(f64),
}

/// How the distance of a pixel to the outside is measured for the rim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum RimDistance {
    /// `width` erosions by a 3×3 box, outside the grid unset: boundary-iou-api.
    #[default]
    Chessboard,
    /// Pixels of the mask nearer than `width` pixels to its outline: MetricsReloaded.
    Euclidean,
}

/// Boundary IoU: the IoU of the inner rims of two masks.
///
/// ```text
/// BIoU = |P_d ∩ R_d| / |P_d ∪ R_d|,    M_d = pixels of M within d of its outside
/// ```
///
/// Widths are in pixels: neither convention knows a spacing.
///
/// # Errors
///
/// [`Error::ShapeMismatch`] if the grids differ; [`Error::OutOfRange`] if the fraction of the
/// diagonal is negative or not finite; [`Error::Undefined`] if both masks are empty under
/// [`EmptyPolicy::Error`].
///
/// # Source
///
/// Cheng et al. 2021; boundary-iou-api, MetricsReloaded.
///
/// # Examples
///
/// ```
/// use seg_metrics::{BitMask, EmptyPolicy, RimDistance, RimWidth, boundary_iou};
///
/// let mask = BitMask::full(&[6, 6]);
/// let same = boundary_iou(
///     &mask, &mask, RimWidth::Pixels(2), RimDistance::Chessboard, EmptyPolicy::Nan,
/// )?;
/// assert_eq!(same, 1.0);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn boundary_iou(
    prediction: &BitMask,
    reference: &BitMask,
    width: RimWidth,
    distance: RimDistance,
    policy: EmptyPolicy,
) -> Result<f64> {
    prediction.check("prediction", "reference", reference)?;
    let width = width.pixels(prediction.shape())?;
    let (p, r) = (
        rim(prediction, width, distance)?,
        rim(reference, width, distance)?,
    );
    match iou(&p, &r, policy) {
        Err(Error::Undefined { .. }) => Err(Error::Undefined {
            metric: "boundary_iou",
        }),
        found => found,
    }
}

impl RimWidth {
    fn pixels(self, shape: &[usize]) -> Result<usize> {
        match self {
            Self::Pixels(width) => Ok(width),
            Self::OfDiagonal(fraction) if fraction.is_finite() && fraction >= 0.0 => {
                let squares: f64 = shape.iter().map(|&extent| (extent * extent) as f64).sum();
                Ok(((fraction * squares.sqrt()).round_ties_even() as usize).max(1))
            }
            Self::OfDiagonal(value) => {
                let what = "fraction of the diagonal";
                Err(Error::OutOfRange {
                    what,
                    low: 0.0,
                    high: f64::MAX,
                    value,
                })
            }
        }
    }
}

fn rim(mask: &BitMask, width: usize, distance: RimDistance) -> Result<BitMask> {
    match distance {
        RimDistance::Chessboard => {
            let inner = BitMask::from_row_major(&eroded_by_box(mask, width)?, mask.shape());
            mask.and_not(&inner)
        }
        RimDistance::Euclidean => {
            let outline = outline_of(mask.shape(), &mask.pixels());
            let outline = BitMask::from_row_major(&outline, mask.shape());
            let distances = distance_transform(&outline, &vec![1.0; mask.shape().len()])?;
            let near = distances.mapv(|distance| distance < width as f64);
            mask.and(&BitMask::from_bools(near.view()))
        }
    }
}
