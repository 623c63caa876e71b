//! Two coverages -> the IoU that chance alone gives, and the IoU beyond it.

use super::confusion::Confusion;
use crate::{EmptyPolicy, Result};

/// IoU that two independent masks with these coverages are expected to have.
///
/// ```text
/// E[IoU] ≈ a b / (a + b − a b)
/// ```
///
/// The ratio of expectations: exact in the limit of many pixels, and a lower bound for masks that
/// are smooth. NaN if both coverages are 0.
///
/// Two independent masks that cover 96 % each already have an IoU of 0.923, so an IoU means little
/// without the coverages beside it.
///
/// # Source
///
/// The expected counts of Cohen's kappa (Cohen 1960) put into the IoU.
///
/// # Examples
///
/// ```
/// use seg_metrics::expected_iou;
/// assert!((expected_iou(0.96, 0.96) - 0.923).abs() < 1e-3);
/// ```
pub fn expected_iou(coverage_a: f64, coverage_b: f64) -> f64 {
    let both = coverage_a * coverage_b;
    both / (coverage_a + coverage_b - both)
}

/// How far an IoU lies between what chance gives and perfection; 0 at chance, 1 at best.
///
/// ```text
/// (IoU − E) / (1 − E)
/// ```
///
/// NaN if `expected` is 1 or either number is NaN: two masks that cover everything cannot do better
/// than chance.
///
/// # Source
///
/// The form of Cohen's kappa (1960) with IoU in place of accuracy.
///
/// # Examples
///
/// ```
/// use seg_metrics::chance_corrected_iou;
/// assert_eq!(chance_corrected_iou(0.75, 0.5), 0.5);
/// ```
pub fn chance_corrected_iou(iou: f64, expected: f64) -> f64 {
    if expected == 1.0 {
        f64::NAN
    } else {
        (iou - expected) / (1.0 - expected)
    }
}

impl Confusion {
    /// IoU that independent masks with the same two coverages are expected to have.
    ///
    /// See [`expected_iou`](crate::expected_iou).
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`](crate::Error::Undefined) if both masks are empty under
    /// [`EmptyPolicy::Error`].
    pub fn expected_iou(&self, policy: EmptyPolicy) -> Result<f64> {
        let [a, b, n] = [self.predicted(), self.actual(), self.total()].map(|n| n as f64);
        policy.ratio(a * b, n * (a + b) - a * b, "expected_iou")
    }

    /// IoU beyond what the two coverages give by chance: (IoU − E) / (1 − E).
    ///
    /// See [`chance_corrected_iou`](crate::chance_corrected_iou). 0/0 if both masks are empty or
    /// both cover everything.
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`](crate::Error::Undefined) for 0/0 under [`EmptyPolicy::Error`].
    ///
    /// # Examples
    ///
    /// ```
    /// use seg_metrics::{Confusion, EmptyPolicy};
    /// let chance = Confusion { tp: 1, fp: 1, fn_: 1, tn: 1 };
    /// assert_eq!(chance.chance_corrected_iou(EmptyPolicy::Nan)?, 0.0);
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn chance_corrected_iou(&self, policy: EmptyPolicy) -> Result<f64> {
        if self.predicted() + self.actual() == 0 {
            return policy.undefined("chance_corrected_iou");
        }
        let iou = self.iou(policy)?;
        let expected = self.expected_iou(policy)?;
        policy.ratio(iou - expected, 1.0 - expected, "chance_corrected_iou")
    }
}
