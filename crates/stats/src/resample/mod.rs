//! Data -> the same statistic on resampled data.
//!
//! Random numbers come from ChaCha8 with one stream per block of resamples, so that a seed gives the
//! same result on any number of threads.

mod bootstrap;
mod max_t;
mod median;
mod permutation;
mod random;

pub use bootstrap::{
    Bootstrap, BootstrapInterval, BootstrapOptions, bootstrap, cluster_bootstrap,
    hierarchical_bootstrap,
};
pub use max_t::{MaxT, MaxTCorrelation, MaxTEntry, MaxTOptions, max_t};
pub use median::ResampleMedian;
pub use permutation::{PermutationNull, PermutationOptions, permutation_test, sign_flip_test};

pub(crate) use permutation::{block_order, permute_correlation};
