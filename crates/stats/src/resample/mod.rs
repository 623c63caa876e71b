//! Data -> the same statistic on resampled data.
//!
//! Random numbers come from ChaCha8 with one stream per block of resamples, so that a seed gives the
//! same result on any number of threads.

mod permutation;
mod random;

pub use permutation::PermutationNull;
pub(crate) use permutation::permute_correlation;
