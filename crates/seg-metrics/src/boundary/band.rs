//! A reference -> the band of pixels around its outline, and the IoU inside it.

use super::contour::outline_of;
use super::grid::Grid;
use super::pixel::check_tolerance;
use super::transform::distance_transform;
use crate::{BitMask, EmptyPolicy, Result, confusion};

/// The pixels within `width` of the outline of a mask, on either side.
///
/// ```text
/// band = { p : d(p, outline) ≤ width }
/// ```
///
/// Useful as the region of interest of any other score, for instance calibration on the boundary.
/// Empty if the mask is.
///
/// # Errors
///
/// [`Error::Spacing`](crate::Error::Spacing) unless there is one finite positive spacing per axis;
/// [`Error::OutOfRange`](crate::Error::OutOfRange) if `width` is negative or NaN.
///
/// # Source
///
/// The trimap of Kohli, Ladický and Torr 2009; SciPy `distance_transform_edt` of the outline.
///
/// # Examples
///
/// ```
/// use seg_metrics::{BitMask, boundary_band};
/// assert_eq!(boundary_band(&BitMask::full(&[5, 5]), 1.0, &[1.0, 1.0])?.count(), 24);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn boundary_band(reference: &BitMask, width: f64, spacing: &[f64]) -> Result<BitMask> {
    check_tolerance(width)?;
    Grid::new(reference.shape(), spacing)?;
    if reference.is_empty() {
        return Ok(BitMask::empty(reference.shape()));
    }
    let outline = outline_of(reference.shape(), &reference.pixels());
    let outline = BitMask::from_row_major(&outline, reference.shape());
    let near = distance_transform(&outline, spacing)?.mapv(|distance| distance <= width);
    Ok(BitMask::from_bools(near.view()))
}

/// IoU inside the band around the reference's outline.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TrimapIou {
    /// IoU of the two masks inside the band.
    pub iou: f64,
    /// Number of pixels of the band.
    pub pixels: u64,
}

/// IoU of two masks inside the band of pixels around the reference's outline.
///
/// ```text
/// band = { p : d(p, ∂R) ≤ width },    IoU = |P ∩ R ∩ band| / |(P ∪ R) ∩ band|
/// ```
///
/// # Errors
///
/// As [`boundary_band`]; [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if the grids differ;
/// [`Error::Undefined`](crate::Error::Undefined) if neither mask reaches into the band under
/// [`EmptyPolicy::Error`].
///
/// # Source
///
/// Kohli, Ladický and Torr 2009; Csurka et al. 2013.
///
/// # Examples
///
/// ```
/// use seg_metrics::{BitMask, EmptyPolicy, trimap_iou};
///
/// let (all, none) = (BitMask::full(&[5, 5]), BitMask::empty(&[5, 5]));
/// let found = trimap_iou(&none, &all, 0.0, &[1.0, 1.0], EmptyPolicy::Nan)?;
/// assert_eq!((found.iou, found.pixels), (0.0, 16));
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn trimap_iou(
    prediction: &BitMask,
    reference: &BitMask,
    width: f64,
    spacing: &[f64],
    policy: EmptyPolicy,
) -> Result<TrimapIou> {
    prediction.check("prediction", "reference", reference)?;
    let band = boundary_band(reference, width, spacing)?;
    let iou = confusion(prediction, reference, Some(&band))?.iou(policy)?;
    Ok(TrimapIou {
        iou,
        pixels: band.count(),
    })
}
