#![doc = include_str!("../README.md")]
#![deny(unsafe_op_in_unsafe_fn)]

mod activation;
mod conv;
#[cfg(feature = "cuda")]
mod cuda;
mod dropout;
mod element;
mod error;
mod geometry;
pub mod init;
mod linear;
mod loss;
mod memory;
mod norm;
mod pad;
mod parallel;
mod plane;
mod pool;
mod resample;
mod simd;
#[cfg(any(feature = "cuda", test))]
mod taps;
mod vector;
pub mod vjp;

pub use activation::{relu, relu6};
pub use conv::{Activation, conv2d, conv2d_fused};
pub use dropout::dropout;
pub use error::{Error, Result};
pub use geometry::{ConvOptions, Padding, PoolOptions};
pub use linear::linear;
pub use loss::softmax_cross_entropy;
pub use memory::keep_freed_memory;
pub use norm::{
    BatchNormOutput, GhostBatchNormOutput, Momentum, batch_norm_eval, batch_norm_train,
    ghost_batch_norm, update_running,
};
pub use pad::{pad_reflect, pad_zero};
pub use pool::{CountPadding, adaptive_avg_pool2d, avg_pool2d, global_avg_pool2d, max_pool2d};
pub use resample::{Corners, upsample_bilinear2d, upsample_nearest2d};
