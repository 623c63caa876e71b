//! Many heatmaps and masks -> pixel average precision at fixed thresholds (PxAP).

use ndarray::{ArrayView, Dimension};

use crate::error::at_most;
use crate::soft::values::{truth, unit_values};
use crate::{BitMask, EmptyPolicy, Error, Result, Sample};

/// Pixel average precision over a whole data set: pixels of all images are pooled.
///
/// ```text
/// PxAP = Σ over thresholds t, falling, of precision(t) · (recall(t) − recall(next higher t))
/// ```
///
/// where recall above the highest threshold is that of the pixels that reach 1.
///
/// # Source
///
/// Choe et al. 2020; `MaskEvaluator` of clovaai/wsolevaluation (which prints percent).
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, EmptyPolicy, PixelAveragePrecision};
///
/// let mut pooled = PixelAveragePrecision::evenly(10)?;
/// let truth = BitMask::from_bools(array![false, true, true].view());
/// pooled.add(array![0.2_f32, 0.6, 0.9].view(), &truth, None)?;
/// assert_eq!(pooled.value(EmptyPolicy::Nan)?, 1.0);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PixelAveragePrecision {
    thresholds: Vec<f64>,
    positive: Vec<u64>,
    negative: Vec<u64>,
}

impl PixelAveragePrecision {
    /// Thresholds 0, δ, 2 δ, … below 1 with δ = 1 / `steps`, computed as `i · δ`.
    ///
    /// # Errors
    ///
    /// [`Error::TooFew`] without a step; [`Error::OutOfRange`] for more than 2²⁴.
    pub fn evenly(steps: usize) -> Result<Self> {
        at_most("number of steps", steps, 1 << 24)?;
        let step = 1.0 / steps as f64;
        let thresholds: Vec<f64> = (0..steps).map(|i| i as f64 * step).collect();
        Self::new(&thresholds)
    }

    /// These thresholds, in any order.
    ///
    /// # Errors
    ///
    /// [`Error::TooFew`] without a threshold; [`Error::OutOfRange`] for one outside `[0, 1]`.
    pub fn new(thresholds: &[f64]) -> Result<Self> {
        if thresholds.is_empty() {
            return Err(Error::TooFew {
                what: "thresholds",
                needed: 1,
                got: 0,
            });
        }
        if let Some(&value) = thresholds.iter().find(|t| !(0.0..=1.0).contains(*t)) {
            return Err(Error::OutOfRange {
                what: "threshold",
                low: 0.0,
                high: 1.0,
                value,
            });
        }
        let mut edges = thresholds.to_vec();
        edges.push(1.0);
        edges.sort_by(f64::total_cmp);
        edges.dedup();
        let bins = edges.len();
        Ok(Self {
            thresholds: edges,
            positive: vec![0; bins],
            negative: vec![0; bins],
        })
    }

    /// Adds the pixels of one image.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`]; [`Error::NonFinite`] or [`Error::OutOfRange`] for a value inside
    /// the region outside `[0, 1]`. Nothing is added then.
    pub fn add<T: Sample, D: Dimension>(
        &mut self,
        heatmap: ArrayView<'_, T, D>,
        reference: &BitMask,
        region: Option<&BitMask>,
    ) -> Result<()> {
        let truth = truth(heatmap.shape(), reference, region)?;
        let values = unit_values("heatmap", heatmap, region)?;
        for (value, set) in values.into_iter().zip(truth) {
            let reached = self
                .thresholds
                .partition_point(|threshold| *threshold <= value);
            if let Some(bin) = reached.checked_sub(1) {
                let counts = if set {
                    &mut self.positive
                } else {
                    &mut self.negative
                };
                counts[bin] += 1;
            }
        }
        Ok(())
    }

    /// PxAP of the pixels added so far, a fraction.
    ///
    /// 0/0 if no pixel of a reference reaches the lowest threshold.
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] for 0/0 under [`EmptyPolicy::Error`].
    pub fn value(&self, policy: EmptyPolicy) -> Result<f64> {
        let mut positives = 0;
        let mut all = 0;
        let mut sum = 0.0;
        for (positive, negative) in self.positive.iter().zip(&self.negative).rev() {
            positives += positive;
            all += positive + negative;
            if *positive > 0 {
                sum += *positive as f64 * positives as f64 / all as f64;
            }
        }
        policy.ratio(sum, positives as f64, "pxap")
    }
}
