//! What other libraries return for masks without a pixel.
//!
//! For masks with pixels all agree; for empty ones they do not, and some do not agree with
//! themselves. Choose an [`EmptyPolicy`] for your own work, and use this module
//! to meet numbers made elsewhere.

use crate::{Confusion, EmptyPolicy, Error, Result};

/// A library, or a way of calling it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Library {
    /// MONAI 1.6 by default: NaN as soon as the *reference* is empty, so that false positives on
    /// empty images leave the mean.
    MonaiIgnoreEmpty,
    /// MONAI 1.6 with `ignore_empty=False`.
    MonaiKeepEmpty,
    /// scikit-learn 1.9.
    Sklearn,
    /// medpy 0.5, whose IoU and Dice differ.
    Medpy,
    /// MetricsReloaded, whose IoU and Dice differ the other way.
    MetricsReloaded,
    /// torchmetrics 1.9, `segmentation`.
    Torchmetrics,
    /// SimpleITK 2.5.
    SimpleItk,
    /// The Python package seg-metrics 1.2.
    SegMetricsPypi,
}

impl Library {
    /// IoU as this library gives it.
    ///
    /// ```
    /// use seg_metrics::{Confusion, compat::libraries::Library};
    /// let none = Confusion { tn: 9, ..Confusion::default() };
    /// assert_eq!(Library::Medpy.iou(&none), 1.0);
    /// assert!(Library::Medpy.dice(&none).is_nan());
    /// ```
    pub fn iou(self, counts: &Confusion) -> f64 {
        let empty = match self {
            Self::MonaiKeepEmpty | Self::Medpy | Self::SegMetricsPypi => 1.0,
            Self::Sklearn => 0.0,
            Self::SimpleItk => f64::INFINITY,
            Self::MonaiIgnoreEmpty | Self::MetricsReloaded | Self::Torchmetrics => f64::NAN,
        };
        self.or_empty(counts, empty, Confusion::iou)
    }

    /// Dice as this library gives it.
    pub fn dice(self, counts: &Confusion) -> f64 {
        let empty = match self {
            Self::MonaiKeepEmpty | Self::MetricsReloaded | Self::SegMetricsPypi => 1.0,
            Self::Sklearn => 0.0,
            Self::SimpleItk => f64::INFINITY,
            Self::MonaiIgnoreEmpty | Self::Medpy | Self::Torchmetrics => f64::NAN,
        };
        self.or_empty(counts, empty, Confusion::dice)
    }

    /// Hausdorff distance as this library gives it when a mask is empty; `None` if neither is.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyMask`] for the libraries that raise an exception (medpy, SimpleITK), and for
    /// those that have no Hausdorff distance or whose behaviour was not measured (scikit-learn,
    /// torchmetrics, seg-metrics).
    pub fn empty_hausdorff(self, counts: &Confusion) -> Result<Option<f64>> {
        let which = match (counts.predicted(), counts.actual()) {
            (0, 0) => "either",
            (0, _) => "prediction",
            (_, 0) => "reference",
            _ => return Ok(None),
        };
        match self {
            Self::MonaiIgnoreEmpty | Self::MonaiKeepEmpty if which == "either" => {
                Ok(Some(f64::NAN))
            }
            Self::MonaiIgnoreEmpty | Self::MonaiKeepEmpty => Ok(Some(f64::INFINITY)),
            Self::MetricsReloaded if which == "either" => Ok(Some(0.0)),
            Self::MetricsReloaded => Ok(Some(f64::NAN)),
            _ => Err(Error::EmptyMask {
                metric: "hausdorff",
                which,
            }),
        }
    }

    fn or_empty(
        self,
        counts: &Confusion,
        empty: f64,
        score: impl Fn(&Confusion, EmptyPolicy) -> Result<f64>,
    ) -> f64 {
        if counts.actual() == 0 && (counts.predicted() == 0 || self == Self::MonaiIgnoreEmpty) {
            return empty;
        }
        score(counts, EmptyPolicy::Nan).unwrap_or(f64::NAN)
    }
}
