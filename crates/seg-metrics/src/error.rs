//! Why a mask could not be made or two of them not compared.

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why a mask could not be made, or a score not computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two operands cover different grids.
    #[error("shapes differ: {left_name} is {left:?}, {right_name} is {right:?}")]
    ShapeMismatch {
        /// What the first operand is.
        left_name: &'static str,
        /// Shape of the first operand, slowest axis first.
        left: Vec<usize>,
        /// What the second operand is.
        right_name: &'static str,
        /// Shape of the second operand, slowest axis first.
        right: Vec<usize>,
    },
    /// A value is NaN or infinite where a number is needed.
    #[error("{what} holds {value} at {index:?}; every value must be finite")]
    NonFinite {
        /// What holds the value.
        what: &'static str,
        /// Position of the first such value, slowest axis first.
        index: Vec<usize>,
        /// The value.
        value: f64,
    },
    /// A value lies outside the range its meaning allows.
    #[error("{what} must lie in [{low}, {high}], got {value}")]
    OutOfRange {
        /// What the value is.
        what: &'static str,
        /// Least allowed value.
        low: f64,
        /// Greatest allowed value.
        high: f64,
        /// The value.
        value: f64,
    },
    /// Fewer items were given than the score needs.
    #[error("{what}: at least {needed} needed, got {got}")]
    TooFew {
        /// What there are too few of.
        what: &'static str,
        /// Least number needed.
        needed: usize,
        /// Number given.
        got: usize,
    },
    /// Two stacks were cut at different thresholds.
    #[error("stacks 0 and {stack} differ in their thresholds: {left:?} and {right:?}")]
    ThresholdMismatch {
        /// Position of the second stack in the list.
        stack: usize,
        /// Thresholds of the first stack.
        left: Vec<f64>,
        /// Thresholds of the second stack.
        right: Vec<f64>,
    },
    /// Two stacks were cut inside different regions of interest.
    #[error("stacks 0 and {stack} differ in their regions of interest: {left} and {right} pixels")]
    RegionMismatch {
        /// Position of the second stack in the list.
        stack: usize,
        /// Pixels in the region of the first stack.
        left: u64,
        /// Pixels in the region of the second stack.
        right: u64,
    },
    /// A ratio is 0/0 and the policy asks for an error.
    #[error("{metric} is undefined: 0/0")]
    Undefined {
        /// Name of the score.
        metric: &'static str,
    },
    /// A distance is asked from or to a mask without a pixel, and the policy asks for an error.
    #[error("{metric} is undefined: the {which} mask is empty")]
    EmptyMask {
        /// Name of the score.
        metric: &'static str,
        /// Which of the masks: `prediction`, `reference` or `either`.
        which: &'static str,
    },
    /// One spacing per axis is needed, each positive and from 1e-100 to 1e100.
    #[error(
        "spacing {spacing:?} does not fit a mask of {axes} axes: one positive number per axis is needed, from 1e-100 to 1e100"
    )]
    Spacing {
        /// The spacing given.
        spacing: Vec<f64>,
        /// Number of axes of the mask.
        axes: usize,
    },
    /// The score exists only for some numbers of axes.
    #[error("{metric} needs {needed} axes, the mask has {got}")]
    Axes {
        /// Name of the score.
        metric: &'static str,
        /// Numbers of axes that work.
        needed: &'static str,
        /// Number of axes of the mask.
        got: usize,
    },
    /// A class label is not below the number of classes.
    #[error(
        "label {label} at {index:?} is not below the number of classes {classes} and is not the ignored label"
    )]
    Label {
        /// The label.
        label: u32,
        /// Its position, slowest axis first.
        index: Vec<usize>,
        /// Number of classes.
        classes: usize,
    },
}

/// Position of pixel number `flat` of a grid of this shape, slowest axis first.
pub(crate) fn position(shape: &[usize], flat: usize) -> Vec<usize> {
    let mut rest = flat;
    let mut index = vec![0; shape.len()];
    for (at, &extent) in index.iter_mut().zip(shape).rev() {
        if extent > 0 {
            *at = rest % extent;
            rest /= extent;
        }
    }
    index
}

/// `Ok` if the shapes agree, [`Error::ShapeMismatch`] with both otherwise.
pub(crate) fn same_shape(
    left_name: &'static str,
    left: &[usize],
    right_name: &'static str,
    right: &[usize],
) -> Result<()> {
    if left == right {
        return Ok(());
    }
    Err(Error::ShapeMismatch {
        left_name,
        left: left.to_vec(),
        right_name,
        right: right.to_vec(),
    })
}

/// `Ok` if a number that decides how much memory is needed is not absurd.
pub(crate) fn at_most(what: &'static str, value: usize, high: usize) -> Result<()> {
    if value <= high {
        return Ok(());
    }
    Err(Error::OutOfRange {
        what,
        low: 1.0,
        high: high as f64,
        value: value as f64,
    })
}
