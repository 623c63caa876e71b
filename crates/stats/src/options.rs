//! The options that many tests share.

use crate::names::named;

named! {
    /// The hypothesis a p-value speaks against the null for.
    pub enum Alternative("alternative") {
        /// The effect differs from zero, in either direction.
        #[default]
        TwoSided = "two-sided",
        /// The effect is below zero.
        Less = "less",
        /// The effect is above zero.
        Greater = "greater",
    }
}

named! {
    /// What to do with NaN.
    ///
    /// `omit` drops the value; in paired data the pair, in a table of blocks the block, before
    /// anything is ranked (SciPy's `nan_policy`).
    pub enum NanPolicy("NaN policy") {
        /// A NaN is an error that says where it is.
        #[default]
        Raise = "raise",
        /// The observation is dropped.
        Omit = "omit",
        /// Every number of the result is NaN.
        Propagate = "propagate",
    }
}

impl Alternative {
    /// The p-value from the two tails of a symmetric or discrete null distribution.
    ///
    /// ```text
    /// less: P(T ≤ t)    greater: P(T ≥ t)    two-sided: min(1, 2·min(less, greater))
    /// ```
    #[must_use]
    pub fn from_tails(self, less: f64, greater: f64) -> f64 {
        match self {
            Self::Less => less,
            Self::Greater => greater,
            Self::TwoSided => (2.0 * less.min(greater)).min(1.0),
        }
    }
}
