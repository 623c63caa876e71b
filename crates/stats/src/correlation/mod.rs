//! Pairs of values -> correlation, its p-value and its interval.

mod dependent;
mod interval;
mod kendall;
mod partial;
mod pearson;
mod spearman;
mod spearman_null;
mod stratified;

pub use dependent::{
    CorrelationComparison, DependentMethod, compare_dependent_correlations,
    compare_independent_correlations,
};
pub use interval::{CorrelationInterval, correlation_interval, critical_correlation};
pub use kendall::{Kendall, KendallMethod, KendallOptions, KendallVariant, kendall, kendall_with};
pub use partial::{PartialCorrelation, PartialMethod, PartialOptions, partial_correlation};
pub use pearson::{
    LinearFit, Pearson, PearsonOptions, correlation_p_value, linear_fit, pearson, pearson_with,
};
pub use spearman::{Spearman, SpearmanMethod, SpearmanOptions, spearman, spearman_with};
pub use spearman_null::{
    SPEARMAN_EXACT_LIMIT, SpearmanTails, spearman_tails_as89, spearman_tails_exact,
};
pub use stratified::{StratifiedOptions, StratifiedSpearman, Stratum, stratified_spearman};
