//! What can go wrong: the data do not allow the question.

/// Why a statistic could not be computed.
///
/// Each variant carries the values that decided, and the name of the argument.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The sample is too small for the statistic to exist.
    #[error("{what} needs at least {needed} observations, got {got}")]
    TooFewObservations {
        /// What was counted.
        what: &'static str,
        /// Smallest number allowed.
        needed: usize,
        /// Number given.
        got: usize,
    },
    /// The sample is larger than the method allows.
    #[error("{what} allows at most {limit} observations, got {got}")]
    TooManyObservations {
        /// What was counted.
        what: &'static str,
        /// Largest number allowed.
        limit: usize,
        /// Number given.
        got: usize,
    },
    /// Two arguments that belong together have different lengths.
    #[error("`{left_name}` has {left} values and `{right_name}` has {right}")]
    LengthMismatch {
        /// Name of the first argument.
        left_name: &'static str,
        /// Its length.
        left: usize,
        /// Name of the second argument.
        right_name: &'static str,
        /// Its length.
        right: usize,
    },
    /// A row of a table has another length than the first row.
    #[error("row {row} of `{name}` has {got} values, the first row has {expected}")]
    RaggedRows {
        /// Name of the argument.
        name: &'static str,
        /// Index of the offending row.
        row: usize,
        /// Length of the first row.
        expected: usize,
        /// Length of this row.
        got: usize,
    },
    /// All values are equal, so that there is nothing to correlate, rank or scale by.
    #[error("`{name}` is constant")]
    ConstantInput {
        /// Name of the argument.
        name: &'static str,
    },
    /// A value is not a number and the policy is [`NanPolicy::Raise`](crate::NanPolicy::Raise).
    #[error("`{name}` is NaN at index {index}")]
    NanInput {
        /// Name of the argument.
        name: &'static str,
        /// Index of the first NaN.
        index: usize,
    },
    /// An infinite value in a statistic built on sums.
    #[error("`{name}` is {value} at index {index}")]
    NonFinite {
        /// Name of the argument.
        name: &'static str,
        /// Index of the value.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A parameter lies outside its range.
    #[error("`{name}` must lie in {range}, got {value}")]
    OutOfRange {
        /// Name of the parameter.
        name: &'static str,
        /// Value given.
        value: f64,
        /// The range allowed.
        range: &'static str,
    },
    /// The method counts orderings and is defined for untied data only.
    #[error("{method} is defined without ties, and the data have ties")]
    Ties {
        /// Name of the method.
        method: &'static str,
    },
    /// Two options that exclude each other.
    #[error("{0} cannot be combined with {1}")]
    Conflict(&'static str, &'static str),
    /// A covariate is a linear combination of the others.
    #[error("the covariates are linearly dependent (pivot {pivot:e} in column {column})")]
    Singular {
        /// Column where elimination broke down.
        column: usize,
        /// The vanishing pivot.
        pivot: f64,
    },
    /// The statistic is NaN on a resample.
    #[error("the statistic is not a number on resample {resample}")]
    UndefinedStatistic {
        /// Index of the resample.
        resample: usize,
    },
    /// An iteration did not settle.
    #[error("{what} did not converge in {iterations} iterations")]
    NoConvergence {
        /// What was iterated.
        what: &'static str,
        /// Iterations spent.
        iterations: usize,
    },
    /// A text that names no variant.
    #[error("unknown {kind} `{name}`; one of {known}")]
    UnknownName {
        /// What was being named.
        kind: &'static str,
        /// The text given.
        name: String,
        /// The names known.
        known: &'static str,
    },
}

/// The crate's result.
pub type Result<T, E = Error> = core::result::Result<T, E>;
