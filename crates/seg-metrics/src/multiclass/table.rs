//! Two label maps -> per-class scores, mean IoU, generalised Dice.

use ndarray::{Array2, ArrayView, Dimension};

use crate::error::{at_most, position, same_shape};
use crate::{Aggregate, BitMask, Confusion, EmptyPolicy, Error, Result};

/// How many pixels of each class of the reference (row) were given each class (column).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClassTable {
    /// `[class of the reference, class of the prediction]`.
    pub counts: Array2<u64>,
    /// Pixels left out because of the ignored label.
    pub ignored: u64,
}

/// Whether the first class counts in a mean over classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Background {
    /// Class 0 counts like any other.
    #[default]
    Include,
    /// Class 0 is background and left out.
    Exclude,
}

/// How much a class weighs in the generalised Dice, by its number V of reference pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum ClassWeight {
    /// 1 / V².
    #[default]
    Square,
    /// 1 / V.
    Simple,
    /// 1.
    Uniform,
}

/// The table of the classes of two label maps.
///
/// ```text
/// counts[r][p] = #{pixels of the region with reference r ≠ ignore_label and prediction p}
/// ```
///
/// Pixels whose reference carries `ignore_label` do not count. A predicted label must be a class
/// wherever the pixel counts.
///
/// # Shapes
///
/// `prediction`, `reference`, `region`: any number of axes, equal; labels below `classes`.
///
/// # Errors
///
/// [`Error::ShapeMismatch`]; [`Error::TooFew`] without a class; [`Error::Label`] for a label that is
/// not below `classes`; [`Error::OutOfRange`] for more than 8192 classes.
///
/// # Source
///
/// scikit-learn `confusion_matrix`; `ignore_index` of MONAI and torchmetrics.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{Background, EmptyPolicy, class_table};
///
/// let p = array![[0, 1], [1, 2]];
/// let r = array![[0, 1], [2, 255]];
/// let table = class_table(p.view(), r.view(), 3, Some(255), None)?;
/// assert_eq!(table.iou_per_class(EmptyPolicy::Nan)?, [1.0, 0.5, 0.0]);
/// assert_eq!(table.mean_iou(Background::Include, EmptyPolicy::Nan)?.mean, 0.5);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn class_table<D: Dimension>(
    prediction: ArrayView<'_, u32, D>,
    reference: ArrayView<'_, u32, D>,
    classes: usize,
    ignore_label: Option<u32>,
    region: Option<&BitMask>,
) -> Result<ClassTable> {
    same_shape(
        "prediction",
        prediction.shape(),
        "reference",
        reference.shape(),
    )?;
    if let Some(region) = region {
        same_shape(
            "prediction",
            prediction.shape(),
            "region of interest",
            region.shape(),
        )?;
    }
    if classes == 0 {
        return Err(Error::TooFew {
            what: "classes",
            needed: 1,
            got: 0,
        });
    }
    at_most("number of classes", classes, 1 << 13)?;
    let shape = prediction.shape().to_vec();
    let mut counts = Array2::zeros((classes, classes));
    let mut ignored = 0;
    for (flat, (&p, &r)) in prediction.iter().zip(reference.iter()).enumerate() {
        if !region.is_none_or(|region| region.bit(flat)) {
            continue;
        }
        if Some(r) == ignore_label {
            ignored += 1;
            continue;
        }
        for label in [p, r] {
            if label as usize >= classes {
                return Err(Error::Label {
                    label,
                    index: position(&shape, flat),
                    classes,
                });
            }
        }
        counts[[r as usize, p as usize]] += 1;
    }
    Ok(ClassTable { counts, ignored })
}

impl ClassTable {
    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.counts.nrows()
    }

    /// One class against all others.
    pub fn confusion(&self, class: usize) -> Confusion {
        let tp = self.counts[[class, class]];
        let fp = self.counts.column(class).sum() - tp;
        let fn_ = self.counts.row(class).sum() - tp;
        Confusion {
            tp,
            fp,
            fn_,
            tn: self.counts.sum() - tp - fp - fn_,
        }
    }

    fn per_class(&self) -> impl Iterator<Item = Confusion> {
        (0..self.classes()).map(|class| self.confusion(class))
    }

    /// IoU of every class.
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if a class is in neither map under [`EmptyPolicy::Error`].
    pub fn iou_per_class(&self, policy: EmptyPolicy) -> Result<Vec<f64>> {
        self.per_class().map(|counts| counts.iou(policy)).collect()
    }

    /// Dice of every class.
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if a class is in neither map under [`EmptyPolicy::Error`].
    pub fn dice_per_class(&self, policy: EmptyPolicy) -> Result<Vec<f64>> {
        self.per_class().map(|counts| counts.dice(policy)).collect()
    }

    /// Mean IoU over classes (mIoU); classes in neither map are by `policy`, and counted.
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if a class is in neither map under [`EmptyPolicy::Error`].
    pub fn mean_iou(&self, background: Background, policy: EmptyPolicy) -> Result<Aggregate> {
        let skipped = background.skipped();
        Ok(Aggregate::of(
            self.iou_per_class(policy)?.into_iter().skip(skipped),
        ))
    }

    /// Mean of the IoU over classes, each weighted by its fraction of the reference.
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if no pixel counts under [`EmptyPolicy::Error`].
    pub fn frequency_weighted_iou(&self, policy: EmptyPolicy) -> Result<f64> {
        let mut sum = 0.0;
        for counts in self.per_class().filter(|counts| counts.actual() > 0) {
            sum += counts.actual() as f64 * counts.iou(policy)?;
        }
        policy.ratio(sum, self.counts.sum() as f64, "frequency_weighted_iou")
    }

    /// Fraction of pixels with the right class.
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if no pixel counts under [`EmptyPolicy::Error`].
    pub fn pixel_accuracy(&self, policy: EmptyPolicy) -> Result<f64> {
        let right = self.counts.diag().sum() as f64;
        policy.ratio(right, self.counts.sum() as f64, "pixel_accuracy")
    }

    /// Generalised Dice: one Dice of all classes, each weighted by its size.
    ///
    /// ```text
    /// GD = 2 Σ w_c |P_c ∩ R_c| / Σ w_c (|P_c| + |R_c|),     w_c = 1 / |R_c|²
    /// ```
    ///
    /// A class that the reference lacks gets the greatest weight of the others (MONAI).
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] if no pixel counts under [`EmptyPolicy::Error`].
    ///
    /// # Source
    ///
    /// Sudre et al. 2017; MONAI `compute_generalized_dice(sum_over_classes=True)`.
    pub fn generalised_dice(
        &self,
        weight: ClassWeight,
        background: Background,
        policy: EmptyPolicy,
    ) -> Result<f64> {
        let counts: Vec<Confusion> = self.per_class().skip(background.skipped()).collect();
        let weights: Vec<f64> = counts
            .iter()
            .map(|c| weight.of(c.actual() as f64))
            .collect();
        let heaviest = weights
            .iter()
            .copied()
            .filter(|w| w.is_finite())
            .fold(0.0, f64::max);
        let mut hit = 0.0;
        let mut all = 0.0;
        for (counts, weight) in counts.iter().zip(weights) {
            let weight = if weight.is_finite() { weight } else { heaviest };
            hit += 2.0 * weight * counts.tp as f64;
            all += weight * (counts.predicted() + counts.actual()) as f64;
        }
        policy.ratio(hit, all, "generalised_dice")
    }
}

impl Background {
    fn skipped(self) -> usize {
        match self {
            Self::Include => 0,
            Self::Exclude => 1,
        }
    }
}

impl ClassWeight {
    fn of(self, volume: f64) -> f64 {
        match self {
            Self::Square => 1.0 / (volume * volume),
            Self::Simple => 1.0 / volume,
            Self::Uniform => 1.0,
        }
    }
}
