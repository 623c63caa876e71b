//! Pairs of values -> correlation, its p-value and its interval.

mod interval;
mod pearson;
mod spearman;
mod spearman_null;

pub use interval::{CorrelationInterval, correlation_interval, critical_correlation};
pub use pearson::{
    LinearFit, Pearson, PearsonOptions, correlation_p_value, linear_fit, pearson, pearson_with,
};
pub use spearman::{Spearman, SpearmanMethod, SpearmanOptions, spearman, spearman_with};
pub use spearman_null::{
    SPEARMAN_EXACT_LIMIT, SpearmanTails, spearman_tails_as89, spearman_tails_exact,
};

pub(crate) use pearson::{coefficient, t_statistic};
