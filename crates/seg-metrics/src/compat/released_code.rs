//! The authors' released code for Syed et al. 2023, quirk by quirk.
//!
//! | quirk | here | what it should be |
//! |---|---|---|
//! | the region of interest is "image ≠ 0", so tissue pixels of value 0 are lost | [`region`] | the foreground mask |
//! | supervised labels go through `1 − (label − 1)` as a boolean, so label 0 (background, unlabelled) counts as damaged | [`supervised_mask`] | label 1 only: [`damaged_mask`] |
//! | a slice whose masks are both empty is dropped from the mean IoU | [`mean_iou`] | counted and reported |
//! | a *pair* of empty masks counts as 1 in the agreement φ | [`phi`] | undefined |
//!
//! Comparison is `≥`, in `f64`, of values stored as `f32`.

use ndarray::{ArrayView, Dimension};

use crate::{
    Aggregate, Agreement, BitMask, Comparison, EmptyPolicy, Error, Result, Sample, ThresholdStack,
    confusion, pairwise_agreement,
};

/// The released region of interest: pixels whose image value is not 0.
///
/// ```text
/// region = { p : image[p] ≠ 0 }
/// ```
///
/// # Errors
///
/// [`Error::NonFinite`] for an image value that is NaN or infinite.
///
/// # Source
///
/// The authors' step 5, which masks the image where it is 0; tissue of value 0 is lost as well.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::compat::released_code;
///
/// let image = array![[0.0_f32, 3.0], [2.0, 0.0]];
/// assert_eq!(released_code::region(image.view())?.count(), 2);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn region<T: Sample, D: Dimension>(image: ArrayView<'_, T, D>) -> Result<BitMask> {
    crate::soft::values::inside("image", image.view(), None)?;
    let pixels = image.mapv(|value| value != T::ZERO);
    Ok(BitMask::from_bools(pixels.view()))
}

/// The released supervised mask: labels 0 *and* 1 are damaged, label 2 is not.
///
/// ```text
/// damaged = bool( 1 − (label − 1) ):   0 -> 2 -> true,   1 -> 1 -> true,   2 -> 0 -> false
/// ```
///
/// # Errors
///
/// [`Error::Label`] for a label above 2.
///
/// # Source
///
/// `calculate_iou` of the authors' step 5: `1-(label-1)` as booleans.
pub fn supervised_mask<D: Dimension>(labels: ArrayView<'_, u32, D>) -> Result<BitMask> {
    check_labels(&labels)?;
    let pixels = labels.mapv(|label| label != 2);
    Ok(BitMask::from_bools(pixels.view()))
}

/// The mask that was meant: label 1 is damaged, 0 and 2 are not.
///
/// ```text
/// damaged = { p : label[p] = 1 }
/// ```
///
/// Unlabelled tissue (0) counts as undamaged here; leave it out of the region of interest to exclude
/// it.
///
/// # Errors
///
/// [`Error::Label`] for a label above 2.
///
/// # Source
///
/// The labels as the authors' step 3 writes them: 0 none, 1 damaged, 2 undamaged.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::compat::released_code;
///
/// let labels = array![[0, 1, 2]];
/// assert_eq!(released_code::damaged_mask(labels.view())?.count(), 1);
/// assert_eq!(released_code::supervised_mask(labels.view())?.count(), 2);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn damaged_mask<D: Dimension>(labels: ArrayView<'_, u32, D>) -> Result<BitMask> {
    check_labels(&labels)?;
    Ok(BitMask::from_labels(labels, 1))
}

fn check_labels<D: Dimension>(labels: &ArrayView<'_, u32, D>) -> Result<()> {
    match labels.iter().position(|&label| label > 2) {
        None => Ok(()),
        Some(flat) => {
            let index = crate::error::position(labels.shape(), flat);
            let label = labels.iter().nth(flat).copied().unwrap_or_default();
            Err(Error::Label {
                label,
                index,
                classes: 3,
            })
        }
    }
}

/// IoU of one slice as the released code computes it, NaN if both masks are empty.
///
/// ```text
/// IoU = |H ∩ D| / |H ∪ D| over pixels with image ≠ 0
/// H = { heatmap ≥ threshold },  D = the released supervised mask
/// ```
///
/// # Errors
///
/// [`Error::ShapeMismatch`], [`Error::NonFinite`], [`Error::Label`].
///
/// # Source
///
/// `calculate_iou` of the authors' step 5.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::compat::released_code;
///
/// let heat = array![[0.9_f32, 0.2]];
/// let labels = array![[1, 0]];
/// let image = array![[5.0_f32, 5.0]];
/// let iou = released_code::iou(heat.view(), labels.view(), image.view(), 0.5)?;
/// assert_eq!(iou, 0.5);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn iou<T: Sample, U: Sample, D: Dimension>(
    heatmap: ArrayView<'_, T, D>,
    labels: ArrayView<'_, u32, D>,
    image: ArrayView<'_, U, D>,
    threshold: f64,
) -> Result<f64> {
    let region = region(image)?;
    let mask = BitMask::from_threshold(heatmap, threshold, Comparison::AtLeast, Some(&region))?;
    confusion(&mask, &supervised_mask(labels)?, Some(&region))?.iou(EmptyPolicy::Nan)
}

/// Mean IoU over slices as the released code computes it: pandas' mean drops the NaN ones.
///
/// ```text
/// mean of the IoU that are not NaN
/// ```
///
/// The aggregate tells how many it dropped.
///
/// # Source
///
/// `DataFrame.mean` in the authors' step 5.
///
/// # Examples
///
/// ```
/// use seg_metrics::compat::released_code;
///
/// let found = released_code::mean_iou([0.5, f64::NAN, 1.0]);
/// assert_eq!((found.mean, found.n_undefined), (0.75, 1));
/// ```
pub fn mean_iou(slices: impl IntoIterator<Item = f64>) -> Aggregate {
    Aggregate::of(slices)
}

/// Agreement φ as the released code computes it: a pair of empty masks counts as 1.
///
/// ```text
/// φ = mean over pairs of |A ∩ B| / |A ∪ B|,  0/0 = 1
/// ```
///
/// # Errors
///
/// As [`pairwise_agreement`].
///
/// # Source
///
/// `iou_by_cam` and `iou_by_model` of the authors' step 5, where a masked 0/0 is filled with 1.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{Comparison, ThresholdStack, compat::released_code};
///
/// let heat = array![[0.1_f32, 0.2]];
/// let stack = ThresholdStack::new(heat.view(), &[0.5], Comparison::AtLeast, None)?;
/// assert_eq!(released_code::phi(&[&stack, &stack])?.phi(0), Some(1.0));
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn phi(stacks: &[&ThresholdStack]) -> Result<Agreement> {
    pairwise_agreement(stacks, EmptyPolicy::One)
}
