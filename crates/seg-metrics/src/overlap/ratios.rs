//! The four counts -> IoU, Dice, precision, recall and their kin.

use super::confusion::Confusion;
use crate::{EmptyPolicy, Error, Result};

impl Confusion {
    /// Intersection over union, the Jaccard index.
    ///
    /// ```text
    /// IoU = tp / (tp + fp + fn)
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if both masks are empty under [`EmptyPolicy::Error`].
    ///
    /// # Source
    ///
    /// Syed et al. 2023, Eq. 14; MONAI `compute_iou`, scikit-learn `jaccard_score`.
    ///
    /// # Examples
    ///
    /// ```
    /// use seg_metrics::{Confusion, EmptyPolicy};
    /// let counts = Confusion { tp: 2, fp: 1, fn_: 1, tn: 5 };
    /// assert_eq!(counts.iou(EmptyPolicy::Nan)?, 0.5);
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn iou(&self, policy: EmptyPolicy) -> Result<f64> {
        policy.ratio(self.tp as f64, (self.tp + self.fp + self.fn_) as f64, "iou")
    }

    /// Dice coefficient, the F1 score.
    ///
    /// ```text
    /// Dice = 2 tp / (2 tp + fp + fn) = 2 IoU / (1 + IoU)
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if both masks are empty under [`EmptyPolicy::Error`].
    ///
    /// # Source
    ///
    /// MONAI `DiceMetric`, scikit-learn `f1_score`.
    ///
    /// # Examples
    ///
    /// ```
    /// use seg_metrics::{Confusion, EmptyPolicy};
    /// let counts = Confusion { tp: 2, fp: 1, fn_: 3, tn: 5 };
    /// assert_eq!(counts.dice(EmptyPolicy::Nan)?, 0.5);
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn dice(&self, policy: EmptyPolicy) -> Result<f64> {
        let twice = 2.0 * self.tp as f64;
        policy.ratio(twice, twice + (self.fp + self.fn_) as f64, "dice")
    }

    /// Fraction of the prediction that is right.
    ///
    /// ```text
    /// precision = tp / (tp + fp)
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if the prediction is empty under [`EmptyPolicy::Error`].
    ///
    /// # Examples
    ///
    /// ```
    /// use seg_metrics::{Confusion, EmptyPolicy};
    /// let counts = Confusion { tp: 3, fp: 1, fn_: 2, tn: 3 };
    /// assert_eq!(counts.precision(EmptyPolicy::Nan)?, 0.75);
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn precision(&self, policy: EmptyPolicy) -> Result<f64> {
        policy.ratio(self.tp as f64, self.predicted() as f64, "precision")
    }

    /// Fraction of the reference that is found: sensitivity, true positive rate.
    ///
    /// ```text
    /// recall = tp / (tp + fn)
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if the reference is empty under [`EmptyPolicy::Error`].
    ///
    /// # Examples
    ///
    /// ```
    /// use seg_metrics::{Confusion, EmptyPolicy};
    /// let counts = Confusion { tp: 3, fp: 1, fn_: 2, tn: 3 };
    /// assert_eq!(counts.recall(EmptyPolicy::Nan)?, 0.6);
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn recall(&self, policy: EmptyPolicy) -> Result<f64> {
        policy.ratio(self.tp as f64, self.actual() as f64, "recall")
    }

    /// Fraction of the pixels outside the reference that the prediction leaves out.
    ///
    /// ```text
    /// specificity = tn / (tn + fp)
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if the reference covers everything under [`EmptyPolicy::Error`].
    ///
    /// # Examples
    ///
    /// ```
    /// use seg_metrics::{Confusion, EmptyPolicy};
    /// let counts = Confusion { tp: 3, fp: 1, fn_: 2, tn: 3 };
    /// assert_eq!(counts.specificity(EmptyPolicy::Nan)?, 0.75);
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn specificity(&self, policy: EmptyPolicy) -> Result<f64> {
        policy.ratio(self.tn as f64, (self.tn + self.fp) as f64, "specificity")
    }

    /// Fraction of all pixels on which prediction and reference agree.
    ///
    /// ```text
    /// accuracy = (tp + tn) / (tp + fp + fn + tn)
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if no pixel was counted under [`EmptyPolicy::Error`].
    ///
    /// # Examples
    ///
    /// ```
    /// use seg_metrics::{Confusion, EmptyPolicy};
    /// let counts = Confusion { tp: 3, fp: 1, fn_: 2, tn: 3 };
    /// assert_eq!(counts.accuracy(EmptyPolicy::Nan)?, 2.0 / 3.0);
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn accuracy(&self, policy: EmptyPolicy) -> Result<f64> {
        policy.ratio((self.tp + self.tn) as f64, self.total() as f64, "accuracy")
    }

    /// Weighted harmonic mean of precision and recall; `beta` = 1 is Dice.
    ///
    /// ```text
    /// Fβ = (1 + β²) tp / ((1 + β²) tp + β² fn + fp)
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] unless `beta` is finite and not negative; [`Error::Undefined`] if the
    /// denominator is 0 under [`EmptyPolicy::Error`].
    ///
    /// # Source
    ///
    /// scikit-learn `fbeta_score`.
    ///
    /// # Examples
    ///
    /// ```
    /// use seg_metrics::{Confusion, EmptyPolicy};
    /// let counts = Confusion { tp: 2, fp: 1, fn_: 3, tn: 5 };
    /// assert_eq!(counts.f_beta(1.0, EmptyPolicy::Nan)?, counts.dice(EmptyPolicy::Nan)?);
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn f_beta(&self, beta: f64, policy: EmptyPolicy) -> Result<f64> {
        if !(beta.is_finite() && beta >= 0.0) {
            return Err(Error::OutOfRange {
                what: "beta",
                low: 0.0,
                high: f64::MAX,
                value: beta,
            });
        }
        // Both weights are divided by the greater, so that neither overflows.
        let (missed, wrong) = if beta > 1.0 {
            (1.0, (1.0 / beta) * (1.0 / beta))
        } else {
            (beta * beta, 1.0)
        };
        let hit = (missed + wrong) * self.tp as f64;
        policy.ratio(
            hit,
            hit + missed * self.fn_ as f64 + wrong * self.fp as f64,
            "f_beta",
        )
    }

    /// Matthews correlation coefficient, in `[−1, 1]`.
    ///
    /// ```text
    /// MCC = (tp tn − fp fn) / sqrt((tp + fp)(tp + fn)(tn + fp)(tn + fn))
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if a mask is empty or covers everything under [`EmptyPolicy::Error`].
    ///
    /// # Source
    ///
    /// Matthews 1975; scikit-learn `matthews_corrcoef`, which gives 0 for 0/0
    /// ([`EmptyPolicy::Zero`]).
    ///
    /// # Examples
    ///
    /// ```
    /// use seg_metrics::{Confusion, EmptyPolicy};
    /// let right = Confusion { tp: 3, fp: 0, fn_: 0, tn: 3 };
    /// let chance = Confusion { tp: 2, fp: 2, fn_: 2, tn: 2 };
    /// assert_eq!(right.mcc(EmptyPolicy::Nan)?, 1.0);
    /// assert_eq!(chance.mcc(EmptyPolicy::Nan)?, 0.0);
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn mcc(&self, policy: EmptyPolicy) -> Result<f64> {
        let [tp, fp, fn_, tn] = [self.tp, self.fp, self.fn_, self.tn].map(|n| n as f64);
        let scale = ((tp + fp) * (tp + fn_)).sqrt() * ((tn + fp) * (tn + fn_)).sqrt();
        policy.ratio(tp * tn - fp * fn_, scale, "mcc")
    }

    /// Cohen's kappa: agreement beyond what the two coverages give by chance, in `[−1, 1]`.
    ///
    /// ```text
    /// κ = (pₒ − pₑ) / (1 − pₑ)     pₒ = accuracy,  pₑ = a b + (1 − a)(1 − b),  a, b = coverages
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if both masks are empty, or both cover everything, under
    /// [`EmptyPolicy::Error`].
    ///
    /// # Source
    ///
    /// Cohen 1960; scikit-learn `cohen_kappa_score`.
    ///
    /// # Examples
    ///
    /// ```
    /// use seg_metrics::{Confusion, EmptyPolicy};
    /// let right = Confusion { tp: 3, fp: 0, fn_: 0, tn: 3 };
    /// let chance = Confusion { tp: 2, fp: 2, fn_: 2, tn: 2 };
    /// assert_eq!(right.cohens_kappa(EmptyPolicy::Nan)?, 1.0);
    /// assert_eq!(chance.cohens_kappa(EmptyPolicy::Nan)?, 0.0);
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn cohens_kappa(&self, policy: EmptyPolicy) -> Result<f64> {
        let [tp, fp, fn_, tn] = [self.tp, self.fp, self.fn_, self.tn].map(|n| n as f64);
        let twice = 2.0 * (tp * tn - fp * fn_);
        policy.ratio(
            twice,
            (tp + fp) * (fp + tn) + (tp + fn_) * (fn_ + tn),
            "cohens_kappa",
        )
    }

    /// How alike the two sizes are, wherever the pixels lie, in `[0, 1]`.
    ///
    /// ```text
    /// VS = 1 − | |P| − |R| | / (|P| + |R|)
    /// ```
    ///
    /// SimpleITK and the Python package seg-metrics use the name for the signed
    /// 2 (|P| − |R|) / (|P| + |R|): see [`Confusion::volume_difference`].
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if both masks are empty under [`EmptyPolicy::Error`].
    ///
    /// # Source
    ///
    /// Taha and Hanbury 2015, Eq. 22; MetricsReloaded.
    ///
    /// # Examples
    ///
    /// ```
    /// use seg_metrics::{Confusion, EmptyPolicy};
    /// let counts = Confusion { tp: 3, fp: 1, fn_: 2, tn: 3 };
    /// assert_eq!(counts.volumetric_similarity(EmptyPolicy::Nan)?, 8.0 / 9.0);
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn volumetric_similarity(&self, policy: EmptyPolicy) -> Result<f64> {
        let sum = (self.predicted() + self.actual()) as f64;
        let difference = self.fp.abs_diff(self.fn_) as f64;
        policy.ratio(sum - difference, sum, "volumetric_similarity")
    }

    /// Signed relative difference of the two sizes, in `[−2, 2]`; positive if the prediction is the
    /// larger.
    ///
    /// ```text
    /// VD = 2 (|P| − |R|) / (|P| + |R|)
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if both masks are empty under [`EmptyPolicy::Error`].
    ///
    /// # Source
    ///
    /// SimpleITK `LabelOverlapMeasuresImageFilter.GetVolumeSimilarity`.
    ///
    /// # Examples
    ///
    /// ```
    /// use seg_metrics::{Confusion, EmptyPolicy};
    /// let counts = Confusion { tp: 3, fp: 1, fn_: 2, tn: 3 };
    /// assert_eq!(counts.volume_difference(EmptyPolicy::Nan)?, -2.0 / 9.0);
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn volume_difference(&self, policy: EmptyPolicy) -> Result<f64> {
        let sum = (self.predicted() + self.actual()) as f64;
        policy.ratio(
            2.0 * (self.fp as f64 - self.fn_ as f64),
            sum,
            "volume_difference",
        )
    }
}
