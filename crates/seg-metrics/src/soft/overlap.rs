//! Two heatmaps -> overlap without a threshold.

use ndarray::{ArrayView, Dimension};

use super::values::unit_values;
use crate::error::same_shape;
use crate::{BitMask, EmptyPolicy, Error, Result, Sample};

/// Sums over the pixels of two heatmaps, from which every soft overlap is a ratio.
///
/// | score | itself with itself | equals the hard score of 0/1 maps |
/// |---|---|---|
/// | product | below 1 unless all values are 0 or 1 | yes |
/// | squared | 1 | yes |
/// | min/max (fuzzy) | 1, and only then | yes |
/// | threshold-averaged | 1 | yes, for thresholds in (0, 1] |
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SoftOverlap {
    /// Σ p.
    pub prediction: f64,
    /// Σ q.
    pub reference: f64,
    /// Σ p q.
    pub product: f64,
    /// Σ p².
    pub prediction_squared: f64,
    /// Σ q².
    pub reference_squared: f64,
    /// Σ min(p, q).
    pub minimum: f64,
    /// Σ max(p, q).
    pub maximum: f64,
    /// Σ |p − q|.
    pub absolute_difference: f64,
    /// Σ (p − q)².
    pub squared_difference: f64,
    /// Number of pixels.
    pub n: usize,
}

/// The sums over two heatmaps in `[0, 1]` from which soft overlaps are computed.
///
/// ```text
/// Σ p r,  Σ p,  Σ r,  Σ p²,  Σ r²,  Σ min(p, r),  Σ max(p, r)  over the region
/// ```
///
/// # Shapes
///
/// `prediction`, `reference`, `region`: any number of axes, equal; values in `[0, 1]`.
///
/// # Errors
///
/// [`Error::ShapeMismatch`]; [`Error::NonFinite`] or [`Error::OutOfRange`] for a value inside the
/// region outside `[0, 1]`.
///
/// # Source
///
/// Milletari et al. 2016 (squares), Wang et al. 2023 (minimum and maximum), Shamir et al. 2019.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{EmptyPolicy, soft_overlap};
///
/// let p = array![[0.5, 1.0], [0.0, 0.5]];
/// let sums = soft_overlap(p.view(), p.view(), None)?;
/// assert_eq!(sums.fuzzy_iou(EmptyPolicy::Nan)?, 1.0);
/// assert_eq!(sums.product_iou(EmptyPolicy::Nan)?, 0.6);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn soft_overlap<T: Sample, U: Sample, D: Dimension>(
    prediction: ArrayView<'_, T, D>,
    reference: ArrayView<'_, U, D>,
    region: Option<&BitMask>,
) -> Result<SoftOverlap> {
    same_shape(
        "prediction",
        prediction.shape(),
        "reference",
        reference.shape(),
    )?;
    let p = unit_values("prediction", prediction, region)?;
    let q = unit_values("reference", reference, region)?;
    let sum = |f: fn(f64, f64) -> f64| p.iter().zip(&q).map(|(&p, &q)| f(p, q)).sum();
    Ok(SoftOverlap {
        prediction: sum(|p, _| p),
        reference: sum(|_, q| q),
        product: sum(|p, q| p * q),
        prediction_squared: sum(|p, _| p * p),
        reference_squared: sum(|_, q| q * q),
        minimum: sum(f64::min),
        maximum: sum(f64::max),
        absolute_difference: sum(|p, q| (p - q).abs()),
        squared_difference: sum(|p, q| (p - q) * (p - q)),
        n: p.len(),
    })
}

impl SoftOverlap {
    /// Product IoU: Σpq / (Σp + Σq − Σpq). Below 1 for equal soft maps.
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if both maps are 0 under [`EmptyPolicy::Error`]; so below.
    pub fn product_iou(&self, policy: EmptyPolicy) -> Result<f64> {
        let union = self.prediction + self.reference - self.product;
        policy.ratio(self.product, union, "product_iou")
    }

    /// Product Dice: 2 Σpq / (Σp + Σq).
    ///
    /// # Errors
    ///
    /// As [`SoftOverlap::product_iou`].
    pub fn product_dice(&self, policy: EmptyPolicy) -> Result<f64> {
        policy.ratio(
            2.0 * self.product,
            self.prediction + self.reference,
            "product_dice",
        )
    }

    /// Squared IoU: Σpq / (Σp² + Σq² − Σpq), the Tanimoto coefficient.
    ///
    /// # Errors
    ///
    /// As [`SoftOverlap::product_iou`].
    pub fn squared_iou(&self, policy: EmptyPolicy) -> Result<f64> {
        let union = self.prediction_squared + self.reference_squared - self.product;
        policy.ratio(self.product, union, "squared_iou")
    }

    /// Squared Dice: 2 Σpq / (Σp² + Σq²) (V-Net, Milletari et al. 2016).
    ///
    /// # Errors
    ///
    /// As [`SoftOverlap::product_iou`].
    pub fn squared_dice(&self, policy: EmptyPolicy) -> Result<f64> {
        let sum = self.prediction_squared + self.reference_squared;
        policy.ratio(2.0 * self.product, sum, "squared_dice")
    }

    /// Fuzzy IoU: Σ min(p, q) / Σ max(p, q), Ruzicka similarity; 1 exactly if the maps are equal
    /// (the Jaccard metric loss of Wang et al. 2023 is one minus it).
    ///
    /// # Errors
    ///
    /// As [`SoftOverlap::product_iou`].
    pub fn fuzzy_iou(&self, policy: EmptyPolicy) -> Result<f64> {
        policy.ratio(self.minimum, self.maximum, "fuzzy_iou")
    }

    /// Fuzzy Dice: 2 Σ min(p, q) / (Σp + Σq).
    ///
    /// # Errors
    ///
    /// As [`SoftOverlap::product_iou`].
    pub fn fuzzy_dice(&self, policy: EmptyPolicy) -> Result<f64> {
        policy.ratio(
            2.0 * self.minimum,
            self.prediction + self.reference,
            "fuzzy_dice",
        )
    }

    /// Mean absolute error: Σ|p − q| / n.
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if the region is empty under [`EmptyPolicy::Error`]; so below.
    pub fn mean_absolute_error(&self, policy: EmptyPolicy) -> Result<f64> {
        policy.ratio(
            self.absolute_difference,
            self.n as f64,
            "mean_absolute_error",
        )
    }

    /// Brier score against a soft reference: Σ(p − q)² / n.
    ///
    /// # Errors
    ///
    /// As [`SoftOverlap::mean_absolute_error`].
    pub fn brier(&self, policy: EmptyPolicy) -> Result<f64> {
        policy.ratio(self.squared_difference, self.n as f64, "brier")
    }
}

/// Means over thresholds of the hard scores of two heatmaps cut alike.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ThresholdAveraged {
    /// Mean IoU.
    pub iou: f64,
    /// Mean Dice.
    pub dice: f64,
    /// Number of thresholds at which both masks are empty, whatever the policy made of them.
    pub n_undefined: usize,
}

/// Dice and IoU of two heatmaps cut at the same thresholds, averaged.
///
/// ```text
/// mean over t of Dice( [p ≥ t], [q ≥ t] )
/// ```
///
/// QUBIQ counts thresholds at which both are empty as 1 ([`EmptyPolicy::One`]); under
/// [`EmptyPolicy::Nan`] they are left out of the mean and counted.
///
/// # Errors
///
/// As [`ThresholdStack::new`](crate::ThresholdStack::new); [`Error::Undefined`] if both masks are
/// empty under [`EmptyPolicy::Error`].
///
/// # Source
///
/// QUBIQ challenge, arXiv 2405.18435.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{EmptyPolicy, threshold_averaged};
///
/// let (p, q) = (array![0.2, 0.9], array![0.6, 0.9]);
/// let found =
///     threshold_averaged(p.view(), q.view(), &[0.5, 0.8], None, EmptyPolicy::One)?;
/// assert_eq!(found.iou, 0.75);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn threshold_averaged<T: Sample, U: Sample, D: Dimension>(
    prediction: ArrayView<'_, T, D>,
    reference: ArrayView<'_, U, D>,
    thresholds: &[f64],
    region: Option<&BitMask>,
    policy: EmptyPolicy,
) -> Result<ThresholdAveraged> {
    use crate::{Aggregate, Comparison, ThresholdStack};
    same_shape(
        "prediction",
        prediction.shape(),
        "reference",
        reference.shape(),
    )?;
    let p = ThresholdStack::new(prediction, thresholds, Comparison::AtLeast, region)?;
    let q = ThresholdStack::new(reference, thresholds, Comparison::AtLeast, region)?;
    let mut iou = Vec::new();
    let mut dice = Vec::new();
    let mut n_undefined = 0;
    for t in 0..thresholds.len() {
        let both = p.intersection(t, &q) as f64;
        let sum = (p.count(t) + q.count(t)) as f64;
        n_undefined += usize::from(sum == 0.0);
        iou.push(policy.ratio(both, sum - both, "threshold-averaged iou")?);
        dice.push(policy.ratio(2.0 * both, sum, "threshold-averaged dice")?);
    }
    Ok(ThresholdAveraged {
        iou: Aggregate::of(iou).mean,
        dice: Aggregate::of(dice).mean,
        n_undefined,
    })
}

/// Mean absolute difference of two heatmaps; see [`SoftOverlap::mean_absolute_error`].
///
/// ```text
/// Σ |p − r| / pixels
/// ```
///
/// # Errors
///
/// As [`soft_overlap`]; [`Error::TooFew`] if no pixel lies in the region.
///
/// # Source
///
/// scikit-learn `mean_absolute_error`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::mean_absolute_error;
///
/// let (p, q) = (array![0.25, 1.0], array![0.75, 1.0]);
/// assert_eq!(mean_absolute_error(p.view(), q.view(), None)?, 0.25);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn mean_absolute_error<T: Sample, U: Sample, D: Dimension>(
    prediction: ArrayView<'_, T, D>,
    reference: ArrayView<'_, U, D>,
    region: Option<&BitMask>,
) -> Result<f64> {
    let sums = soft_overlap(prediction, reference, region)?;
    if sums.n == 0 {
        return Err(Error::TooFew {
            what: "pixels in the region",
            needed: 1,
            got: 0,
        });
    }
    sums.mean_absolute_error(EmptyPolicy::Error)
}
