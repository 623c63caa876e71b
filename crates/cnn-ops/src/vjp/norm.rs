//! Batch normalisation in training, with what follows it.

use candle_core::Tensor;

use super::check_gradient;
use crate::error::Result;
pub use crate::norm::recorded::{BatchNorm, BatchNormGradients, BatchNormOptions};

/// Batch normalisation with batch statistics, a residual and a ReLU in one pass over the maps.
///
/// ```text
/// y = max(γ·(x − meanₚ)/√(varianceₚ + eps) + β + residual, 0)
/// ```
///
/// with p the piece of `images` images that x belongs to; residual and maximum may be absent.
/// Equal, bit for bit, to [`ghost_batch_norm`](crate::ghost_batch_norm), an addition and
/// [`relu`](crate::relu).
///
/// # Shapes
///
/// - as [`ghost_batch_norm`](crate::ghost_batch_norm); `residual`: the shape of `x`
///
/// # CUDA
///
/// Not there: an error. [`batch_norm_train`](crate::batch_norm_train) runs on both.
///
/// # Errors
///
/// As [`ghost_batch_norm`](crate::ghost_batch_norm); a residual of another shape or type; a
/// device other than the CPU.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use cnn_ops::vjp::{BatchNormOptions, batch_norm};
///
/// let x = Tensor::new(&[[[[1f32, 3.]]]], &Device::Cpu)?;
/// let beta = Tensor::zeros(1, DType::F32, &Device::Cpu)?;
/// let options = BatchNormOptions { eps: 0.0, images: 1, relu: true };
/// let norm = batch_norm(&x, None, &beta, None, &options)?;
/// assert_eq!(norm.output.flatten_all()?.to_vec1::<f32>()?, [0., 1.]);
/// assert_eq!(norm.unbiased_variance.to_vec1::<f32>()?, [2.]);
/// let back = norm.pull(&norm.output.ones_like()?)?;
/// assert_eq!(back.beta.to_vec1::<f32>()?, [1.]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn batch_norm(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: &Tensor,
    residual: Option<&Tensor>,
    options: &BatchNormOptions,
) -> Result<BatchNorm> {
    BatchNorm::new(x, gamma, beta, residual, options)
}

impl BatchNorm {
    /// The gradients of all arguments from that of the result.
    ///
    /// # Shapes
    ///
    /// - `dy`: that of [`output`](Self::output)
    ///
    /// # Errors
    ///
    /// Another shape, type or device of `dy`.
    pub fn pull(&self, dy: &Tensor) -> Result<BatchNormGradients> {
        check_gradient("batch_norm", dy, &self.output)?;
        self.gradients(&dy.detach().contiguous()?)
    }
}
