//! An estimate between two bounds.

use crate::{Error, Result};

/// An estimate with its confidence interval.
///
/// # Examples
///
/// ```
/// use cam_stats::proportion_interval;
/// let accuracy = proportion_interval(15, 148, 0.95, Default::default())?;
/// assert!(accuracy.contains(0.1) && accuracy.width() < 0.1);
/// # Ok::<(), cam_stats::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Interval {
    /// The point estimate.
    pub estimate: f64,
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Confidence level in (0, 1), for example 0.95.
    pub level: f64,
}

impl Interval {
    /// Upper bound minus lower bound.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.upper - self.lower
    }

    /// Whether a value lies within the bounds, both included.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }

    pub(crate) fn undefined(level: f64) -> Self {
        Self {
            estimate: f64::NAN,
            lower: f64::NAN,
            upper: f64::NAN,
            level,
        }
    }
}

pub(crate) fn check_level(level: f64) -> Result<()> {
    if level > 0.0 && level < 1.0 {
        Ok(())
    } else {
        Err(Error::OutOfRange {
            name: "level",
            value: level,
            range: "(0, 1)",
        })
    }
}
