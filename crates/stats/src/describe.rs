//! A sample -> mean, spread and quartiles.

use crate::Result;
use crate::moments::{mean, sorted, sum_of_squares};
use crate::quantile::{QuantileMethod, quantile_of_sorted};
use crate::sample::{require_count, require_moderate};

/// The usual numbers that describe a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Summary {
    /// Number of values.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation with n − 1; `None` for a single value.
    pub standard_deviation: Option<f64>,
    /// Standard deviation over √n; `None` for a single value.
    pub standard_error: Option<f64>,
    /// Smallest value.
    pub minimum: f64,
    /// 25 % quantile, linear.
    pub first_quartile: f64,
    /// 50 % quantile.
    pub median: f64,
    /// 75 % quantile, linear.
    pub third_quartile: f64,
    /// Largest value.
    pub maximum: f64,
}

/// Mean, standard deviation, quartiles and range.
///
/// ```text
/// sd² = (Σ(x − m)² − (Σ(x − m))²/n) / (n − 1)
/// ```
///
/// Two passes, so that a large offset does not eat the spread (NIST's NumAcc data).
///
/// # Errors
///
/// [`Error::TooFewObservations`](crate::Error::TooFewObservations) for no values,
/// [`Error::NanInput`](crate::Error::NanInput), [`Error::NonFinite`](crate::Error::NonFinite).
///
/// # Source
///
/// `numpy.mean`, `numpy.std(ddof=1)`, `numpy.quantile`; corrected two-pass sum: Chan, Golub and LeVeque,
/// *American Statistician* 37 (1983) 242.
///
/// # Examples
///
/// ```
/// let s = cam_stats::describe(&[10000001.0, 10000003.0, 10000002.0])?;
/// assert_eq!((s.mean, s.standard_deviation, s.median), (10000002.0, Some(1.0), 10000002.0));
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn describe(values: &[f64]) -> Result<Summary> {
    let n = values.len();
    require_count("a summary", 1, n)?;
    require_moderate("values", values)?;
    let ordered = sorted(values);
    let at = |p| quantile_of_sorted(&ordered, p, QuantileMethod::Linear);
    let standard_deviation =
        (n > 1).then(|| (sum_of_squares(values).max(0.0) / (n as f64 - 1.0)).sqrt());
    Ok(Summary {
        n,
        mean: mean(values),
        standard_deviation,
        standard_error: standard_deviation.map(|sd| sd / (n as f64).sqrt()),
        minimum: ordered[0],
        first_quartile: at(0.25),
        median: at(0.5),
        third_quartile: at(0.75),
        maximum: ordered[n - 1],
    })
}
