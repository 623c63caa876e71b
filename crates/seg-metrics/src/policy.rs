//! What a ratio of 0/0 counts as.

use crate::{Error, Result};

/// What a ratio of 0/0 counts as, for instance the IoU of two empty masks.
///
/// | policy | who does so for IoU and Dice |
/// |---|---|
/// | `Nan` | MONAI by default, torchmetrics; MetricsReloaded's IoU, medpy's Dice |
/// | `One` | MONAI with `ignore_empty=False`; medpy's IoU, MetricsReloaded's Dice |
/// | `Zero` | scikit-learn by default |
///
/// [`Aggregate`](crate::Aggregate) and [`Agreement`](crate::Agreement) report how many ratios were
/// undefined, whatever the policy made of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum EmptyPolicy {
    /// Not a number; aggregates leave it out and count it.
    #[default]
    Nan,
    /// Two masks without a pixel agree perfectly.
    One,
    /// Nothing found counts as failure.
    Zero,
    /// [`Error::Undefined`].
    Error,
}

impl EmptyPolicy {
    /// `numerator / denominator`, and for 0/0 what the policy says.
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] for 0/0 under [`EmptyPolicy::Error`].
    ///
    /// # Examples
    ///
    /// ```
    /// use seg_metrics::EmptyPolicy;
    /// assert_eq!(EmptyPolicy::One.ratio(0.0, 0.0, "iou")?, 1.0);
    /// assert_eq!(EmptyPolicy::Zero.ratio(1.0, 2.0, "iou")?, 0.5);
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn ratio(self, numerator: f64, denominator: f64, metric: &'static str) -> Result<f64> {
        if denominator != 0.0 {
            return Ok(numerator / denominator);
        }
        self.undefined(metric)
    }

    pub(crate) fn undefined(self, metric: &'static str) -> Result<f64> {
        match self {
            Self::Nan => Ok(f64::NAN),
            Self::One => Ok(1.0),
            Self::Zero => Ok(0.0),
            Self::Error => Err(Error::Undefined { metric }),
        }
    }
}
