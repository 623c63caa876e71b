//! A sample -> its quantiles, by any of the nine common definitions.

use crate::Result;
use crate::moments::sorted;
use crate::names::named;
use crate::sample::{require_count, require_not_nan, require_probability};

named! {
    /// The definitions of Hyndman and Fan, by NumPy's names; R's `type` in brackets.
    pub enum QuantileMethod("quantile method") {
        /// Interpolates at (n − 1)p (7): the default of NumPy, R and pandas.
        #[default]
        Linear = "linear",
        /// Inverse of the empirical distribution function (1).
        InvertedCdf = "inverted_cdf",
        /// The same, averaged at steps (2).
        AveragedInvertedCdf = "averaged_inverted_cdf",
        /// Nearest order statistic, even on ties (3).
        ClosestObservation = "closest_observation",
        /// Interpolates the empirical distribution function (4).
        InterpolatedInvertedCdf = "interpolated_inverted_cdf",
        /// Interpolates at the middle of the steps (5).
        Hazen = "hazen",
        /// Interpolates at (n + 1)p (6): Minitab, SPSS.
        Weibull = "weibull",
        /// Approximately median-unbiased (8).
        MedianUnbiased = "median_unbiased",
        /// Approximately unbiased for normal data (9).
        NormalUnbiased = "normal_unbiased",
    }
}

/// The p-quantile of a sample.
///
/// ```text
/// x_(j) + g·(x_(j+1) − x_(j))      j + g = n·p + α + p·(1 − α − β)
/// ```
///
/// with (α, β) by the method: (1, 1) for [`QuantileMethod::Linear`].
///
/// # Errors
///
/// [`Error::TooFewObservations`](crate::Error::TooFewObservations) for no values,
/// [`Error::NanInput`](crate::Error::NanInput), [`Error::OutOfRange`](crate::Error::OutOfRange) for
/// p outside [0, 1].
///
/// # Source
///
/// Hyndman and Fan, *The American Statistician* 50 (1996) 361; `numpy.quantile`.
///
/// # Examples
///
/// ```
/// use cam_stats::{QuantileMethod, quantile};
/// let x = [4.0, 1.0, 3.0, 2.0];
/// assert_eq!(quantile(&x, 0.25, QuantileMethod::Linear)?, 1.75);
/// assert_eq!(quantile(&x, 0.25, QuantileMethod::Weibull)?, 1.25);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn quantile(values: &[f64], p: f64, method: QuantileMethod) -> Result<f64> {
    require_count("a quantile", 1, values.len())?;
    require_not_nan("values", values)?;
    require_probability("p", p)?;
    Ok(quantile_of_sorted(&sorted(values), p, method))
}

/// The median.
///
/// ```text
/// the middle value, or the mean of the two in the middle
/// ```
///
/// # Errors
///
/// As [`quantile`].
///
/// # Source
///
/// `numpy.median`, R `median`.
///
/// # Examples
///
/// ```
/// assert_eq!(cam_stats::median(&[3.0, 1.0, 2.0, 10.0])?, 2.5);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn median(values: &[f64]) -> Result<f64> {
    require_count("a median", 1, values.len())?;
    require_not_nan("values", values)?;
    let mut copy = values.to_vec();
    let half = copy.len() / 2;
    let odd = copy.len() % 2 == 1;
    let (below, middle, _) = copy.select_nth_unstable_by(half, f64::total_cmp);
    let high = *middle;
    if odd {
        return Ok(high);
    }
    Ok(halfway(
        below.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        high,
    ))
}

/// The quantile of ascending values, at least one, with p in [0, 1].
pub(crate) fn quantile_of_sorted(sorted: &[f64], p: f64, method: QuantileMethod) -> f64 {
    let n = sorted.len() as f64;
    let last = sorted.len() - 1;
    let at = |position: f64| sorted[(position.max(0.0) as usize).min(last)];
    let (alpha, beta) = match method {
        QuantileMethod::InvertedCdf => return at((n * p).ceil() - 1.0),
        QuantileMethod::AveragedInvertedCdf => {
            let step = n * p;
            let below = at(step.ceil() - 1.0);
            return if step == step.floor() {
                halfway(below, at(step))
            } else {
                below
            };
        }
        QuantileMethod::ClosestObservation => {
            let position = n * p - 1.5;
            let floor = position.floor();
            let odd = floor.rem_euclid(2.0) == 1.0;
            let stay = position == floor && odd;
            return at(if stay { floor } else { floor + 1.0 });
        }
        QuantileMethod::Linear => (1.0, 1.0),
        QuantileMethod::InterpolatedInvertedCdf => (0.0, 1.0),
        QuantileMethod::Hazen => (0.5, 0.5),
        QuantileMethod::Weibull => (0.0, 0.0),
        QuantileMethod::MedianUnbiased => (1.0 / 3.0, 1.0 / 3.0),
        QuantileMethod::NormalUnbiased => (3.0 / 8.0, 3.0 / 8.0),
    };
    let position = (n * p + (alpha + p * (1.0 - alpha - beta)) - 1.0).clamp(0.0, n - 1.0);
    let floor = position.floor();
    let (low, high) = (at(floor), at(floor + 1.0));
    let fraction = position - floor;
    if low == high || fraction == 0.0 {
        low
    } else {
        low * (1.0 - fraction) + high * fraction
    }
}

fn halfway(a: f64, b: f64) -> f64 {
    if a == b { a } else { a / 2.0 + b / 2.0 }
}
