//! A sample -> Student's interval of its mean.

use crate::Result;
use crate::distribution::student_t_quantile;
use crate::interval::{Interval, check_level};
use crate::moments::{mean, sum_of_squares};
use crate::sample::{require_count, require_moderate};

/// Mean with Student's interval.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MeanInterval {
    /// Mean and bounds.
    pub interval: Interval,
    /// sd/√n.
    pub standard_error: f64,
    /// n − 1.
    pub degrees_of_freedom: f64,
    /// Half the width of the interval.
    pub half_width: f64,
    /// Number of values.
    pub n: usize,
}

/// Student's interval of the mean of independent values.
///
/// ```text
/// x̄ ± t(1 − α/2; n − 1)·s/√n
/// ```
///
/// # Errors
///
/// [`Error::TooFewObservations`](crate::Error::TooFewObservations) below two values,
/// [`Error::NanInput`](crate::Error::NanInput), [`Error::NonFinite`](crate::Error::NonFinite),
/// [`Error::OutOfRange`](crate::Error::OutOfRange) for a level outside (0, 1).
///
/// # Source
///
/// `scipy.stats.t.interval` with `scipy.stats.sem`; R `t.test`.
///
/// # Examples
///
/// ```
/// let control = [4.17, 5.58, 5.18, 6.11, 4.5, 4.61, 5.17, 4.53, 5.33, 5.14];
/// let mean = cam_stats::mean_interval(&control, 0.95)?;
/// assert!((mean.half_width - 0.41711844434).abs() < 1e-10);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn mean_interval(values: &[f64], level: f64) -> Result<MeanInterval> {
    check_level(level)?;
    let n = values.len();
    require_count("an interval of a mean", 2, n)?;
    require_moderate("values", values)?;
    let degrees = n as f64 - 1.0;
    let estimate = mean(values);
    let standard_error = (sum_of_squares(values).max(0.0) / degrees / n as f64).sqrt();
    let half_width = -student_t_quantile((1.0 - level) / 2.0, degrees) * standard_error;
    let interval = Interval {
        estimate,
        lower: estimate - half_width,
        upper: estimate + half_width,
        level,
    };
    Ok(MeanInterval {
        interval,
        standard_error,
        degrees_of_freedom: degrees,
        half_width,
        n,
    })
}
