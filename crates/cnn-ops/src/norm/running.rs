//! Running statistics.

use candle_core::{Tensor, Var};

use crate::element::{check_float, check_same};
use crate::error::{Error, Result};

/// What a library calls the momentum of its running statistics: a number in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Momentum {
    /// Share of the new value (PyTorch; 0.1 by default).
    Torch(f64),
    /// Share of the old value that is kept (Keras; 0.99 by default).
    Keras(f64),
}

impl Momentum {
    /// Share of the old value that is kept.
    ///
    /// ```
    /// use cnn_ops::Momentum;
    ///
    /// assert_eq!(Momentum::Torch(0.25).kept(), 0.75);
    /// assert_eq!(Momentum::Keras(0.99).kept(), 0.99);
    /// ```
    pub fn kept(self) -> f64 {
        match self {
            Self::Torch(new) => 1.0 - new,
            Self::Keras(old) => old,
        }
    }
}

/// Moves a running mean or variance towards that of a batch, in place and without a graph.
///
/// ```text
/// running ← kept·running + (1 − kept)·batch
/// ```
///
/// For the variance, `batch` is [`BatchNormOutput::unbiased_variance`] in PyTorch and in Keras' fused
/// kernel alike. A batch without elements ([`BatchNormOutput::count`] 0) has no statistics: do not
/// pass them on.
///
/// # Shapes
///
/// - `running`, `batch`: `[channel]`, the same type and device
///
/// # Errors
///
/// Shapes, types or devices that differ; a momentum outside [0, 1]. `running` is then unchanged.
///
/// # Source
///
/// PyTorch's `BatchNorm2d`, Keras' `BatchNormalization`.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor, Var};
/// use cnn_ops::{Momentum, batch_norm_train, update_running};
///
/// let x = Tensor::new(&[[[[1f32, 3.]]]], &Device::Cpu)?;
/// let beta = Tensor::zeros(1, candle_core::DType::F32, &Device::Cpu)?;
/// let batch = batch_norm_train(&x, None, &beta, 1e-5)?;
/// let variance = Var::new(&[1f32], &Device::Cpu)?;
/// update_running(&variance, &batch.unbiased_variance()?, Momentum::Torch(0.5))?;
/// assert_eq!(variance.to_vec1::<f32>()?, [1.5]); // half of 1, half of 2
/// # Ok::<(), cnn_ops::Error>(())
/// ```
///
/// [`BatchNormOutput::unbiased_variance`]: crate::BatchNormOutput::unbiased_variance
/// [`BatchNormOutput::count`]: crate::BatchNormOutput::count
pub fn update_running(running: &Var, batch: &Tensor, momentum: Momentum) -> Result<()> {
    const OP: &str = "update_running";
    check_float(OP, "running", running)?;
    check_same(OP, "running", running, "batch", batch)?;
    if running.dims() != batch.dims() {
        return Err(Error::ShapeMismatch {
            op: OP,
            left_name: "running",
            left: running.dims().to_vec(),
            right_name: "batch",
            right: batch.dims().to_vec(),
        });
    }
    let kept = momentum.kept();
    if !(0.0..=1.0).contains(&kept) {
        return Err(Error::InvalidValue {
            op: OP,
            argument: "momentum",
            expected: "in [0, 1]",
            value: match momentum {
                Momentum::Torch(value) | Momentum::Keras(value) => value,
            },
        });
    }
    let old = (running.as_detached_tensor() * kept)?;
    let new = (batch.detach() * (1.0 - kept))?;
    running.set(&(old + new)?)?;
    Ok(())
}
