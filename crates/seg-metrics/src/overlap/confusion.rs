//! Two masks -> the four counts.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use crate::mask::count;
use crate::{BitMask, Result};

/// Pixels by what the prediction and the reference say of them.
///
/// Counts add up, so that micro-averages are ratios of sums.
///
/// ```
/// use seg_metrics::Confusion;
/// let one = Confusion { tp: 1, fp: 1, fn_: 0, tn: 2 };
/// assert_eq!(one + one, Confusion { tp: 2, fp: 2, fn_: 0, tn: 4 });
/// assert_eq!([one, one].into_iter().sum::<Confusion>().total(), 8);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Confusion {
    /// In both masks.
    pub tp: u64,
    /// In the prediction only.
    pub fp: u64,
    /// In the reference only.
    #[cfg_attr(feature = "serde", serde(rename = "fn"))]
    pub fn_: u64,
    /// In neither mask.
    pub tn: u64,
}

/// The four counts of a prediction against a reference, inside a region of interest.
///
/// ```text
/// tp = |P ∩ R|   fp = |P \ R|   fn = |R \ P|   tn = the rest         counted inside `region`
/// ```
///
/// # Shapes
///
/// `prediction`, `reference`, `region`: any number of axes, equal.
///
/// # Errors
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if the grids differ.
///
/// # Source
///
/// scikit-learn `confusion_matrix` of the selected pixels; fixtures in `tests/golden/peers`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, Confusion, confusion};
///
/// let p = BitMask::from_bools(array![[true, true, false, false]].view());
/// let r = BitMask::from_bools(array![[true, false, true, false]].view());
/// assert_eq!(confusion(&p, &r, None)?, Confusion { tp: 1, fp: 1, fn_: 1, tn: 1 });
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn confusion(
    prediction: &BitMask,
    reference: &BitMask,
    region: Option<&BitMask>,
) -> Result<Confusion> {
    prediction.check("prediction", "reference", reference)?;
    let (p, r) = (prediction.words(), reference.words());
    let (tp, in_p, in_r, total) = match region {
        None => {
            let total = prediction.len() as u64;
            (
                count::count_and(p, r),
                prediction.count(),
                reference.count(),
                total,
            )
        }
        Some(region) => {
            prediction.check("prediction", "region of interest", region)?;
            let inside = region.words();
            (
                count::count_and3(p, r, inside),
                count::count_and(p, inside),
                count::count_and(r, inside),
                region.count(),
            )
        }
    };
    Ok(Confusion {
        tp,
        fp: in_p - tp,
        fn_: in_r - tp,
        tn: total + tp - in_p - in_r,
    })
}

impl Confusion {
    /// Number of pixels counted.
    pub fn total(&self) -> u64 {
        self.tp + self.fp + self.fn_ + self.tn
    }

    /// Pixels of the prediction.
    pub fn predicted(&self) -> u64 {
        self.tp + self.fp
    }

    /// Pixels of the reference.
    pub fn actual(&self) -> u64 {
        self.tp + self.fn_
    }

    /// The counts with prediction and reference exchanged.
    pub fn transposed(&self) -> Self {
        Self {
            fp: self.fn_,
            fn_: self.fp,
            ..*self
        }
    }
}

impl Add for Confusion {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            tp: self.tp + other.tp,
            fp: self.fp + other.fp,
            fn_: self.fn_ + other.fn_,
            tn: self.tn + other.tn,
        }
    }
}

impl AddAssign for Confusion {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Confusion {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}
