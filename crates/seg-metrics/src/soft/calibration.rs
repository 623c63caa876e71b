//! A heatmap and a truth -> Brier score, reliability curve, calibration errors.

use ndarray::{ArrayView, Dimension};

use super::values::unit_values;
use crate::error::{at_most, same_shape};
use crate::{BitMask, Error, Result, Sample};

/// One bin of a reliability curve.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReliabilityBin {
    /// Lower end of the bin, exclusive but for the first.
    pub low: f64,
    /// Upper end of the bin, inclusive.
    pub high: f64,
    /// Number of pixels.
    pub n: usize,
    /// Mean of the heatmap; NaN without a pixel.
    pub confidence: f64,
    /// Mean of the truth; NaN without a pixel.
    pub frequency: f64,
}

/// How well the values of a heatmap are the probabilities they look like.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Calibration {
    /// The reliability curve.
    pub bins: Vec<ReliabilityBin>,
    /// Expected calibration error: mean gap of the bins, weighted by their pixels.
    pub expected: f64,
    /// Maximum calibration error: the greatest gap of a bin.
    pub maximum: f64,
    /// Root of the weighted mean of the squared gaps.
    pub root_mean_square: f64,
    /// Mean squared difference of heatmap and truth.
    pub brier: f64,
    /// Number of pixels.
    pub n: usize,
}

/// Reliability curve, calibration errors and Brier score of a heatmap against a hard or soft truth.
///
/// ```text
/// bin of p  = ⌈p · bins⌉ − 1, at least 0            bins are (low, high]
/// ECE       = Σ over bins of n_b / n · |mean p − mean truth|
/// Brier     = Σ (p − truth)² / n
/// ```
///
/// With [`boundary_band`](crate::boundary_band) as the region it tells the calibration on the
/// boundary, where segmentation errors are.
///
/// # Shapes
///
/// `heatmap`, `truth`, `region`: any number of axes, equal; values in `[0, 1]`.
///
/// # Errors
///
/// [`Error::ShapeMismatch`]; [`Error::NonFinite`] or [`Error::OutOfRange`] for a value inside the
/// region outside `[0, 1]`, or more than 2²⁴ bins; [`Error::TooFew`] without a bin or a pixel.
///
/// # Source
///
/// scikit-learn `brier_score_loss`; torchmetrics `binary_calibration_error` (`l1`, `max`, `l2`).
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::calibration;
///
/// let heat = array![0.25, 0.25, 0.75, 0.75];
/// let truth = array![0.0, 1.0, 1.0, 1.0];
/// let found = calibration(heat.view(), truth.view(), None, 2)?;
/// assert_eq!((found.expected, found.maximum), (0.25, 0.25));
/// assert_eq!(found.bins[1].frequency, 1.0);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn calibration<T: Sample, U: Sample, D: Dimension>(
    heatmap: ArrayView<'_, T, D>,
    truth: ArrayView<'_, U, D>,
    region: Option<&BitMask>,
    bins: usize,
) -> Result<Calibration> {
    same_shape("heatmap", heatmap.shape(), "truth", truth.shape())?;
    let p = unit_values("heatmap", heatmap, region)?;
    let q = unit_values("truth", truth, region)?;
    if bins == 0 {
        return Err(Error::TooFew {
            what: "bins",
            needed: 1,
            got: 0,
        });
    }
    if p.is_empty() {
        return Err(Error::TooFew {
            what: "pixels in the region",
            needed: 1,
            got: 0,
        });
    }
    at_most("number of bins", bins, 1 << 24)?;
    let mut sums = vec![(0_usize, 0.0, 0.0); bins];
    for (&p, &q) in p.iter().zip(&q) {
        let bin = ((p * bins as f64).ceil() as usize)
            .saturating_sub(1)
            .min(bins - 1);
        sums[bin].0 += 1;
        sums[bin].1 += p;
        sums[bin].2 += q;
    }
    let curve: Vec<ReliabilityBin> = sums
        .iter()
        .enumerate()
        .map(|(bin, &(n, confidence, frequency))| ReliabilityBin {
            low: bin as f64 / bins as f64,
            high: (bin + 1) as f64 / bins as f64,
            n,
            confidence: confidence / n as f64,
            frequency: frequency / n as f64,
        })
        .collect();
    let all = p.len() as f64;
    let mut found = Calibration {
        bins: curve,
        expected: 0.0,
        maximum: 0.0,
        root_mean_square: 0.0,
        brier: p
            .iter()
            .zip(&q)
            .map(|(p, q)| (p - q) * (p - q))
            .sum::<f64>()
            / all,
        n: p.len(),
    };
    for bin in found.bins.iter().filter(|bin| bin.n > 0) {
        let gap = (bin.confidence - bin.frequency).abs();
        found.expected += bin.n as f64 / all * gap;
        found.root_mean_square += bin.n as f64 / all * gap * gap;
        found.maximum = found.maximum.max(gap);
    }
    found.root_mean_square = found.root_mean_square.sqrt();
    Ok(found)
}
