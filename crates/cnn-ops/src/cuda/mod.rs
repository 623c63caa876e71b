//! The operators on CUDA devices.
//!
//! Own kernels (`kernels/*.cu`) are compiled by NVRTC when the first operator runs, once per process
//! and element type, and loaded once per device. Products of matrices are cuBLAS's; with the feature
//! `cudnn` dense and grouped convolutions are cuDNN's. Every result is a function of the sizes and
//! the device alone: no kernel adds with atomics, sums are cut by the sizes, and of cuDNN's
//! algorithms only those are taken that it declares deterministic.

pub(crate) mod batch_norm;
pub(crate) mod conv;
#[cfg(feature = "cudnn")]
mod cudnn;
mod depthwise;
mod launch;
pub(crate) mod loss;
pub(crate) mod norm;
mod patches;
pub(crate) mod plane;
pub(crate) mod pointwise;
pub(crate) mod pool;
mod product;
mod sizes;

pub(crate) use launch::Source;
