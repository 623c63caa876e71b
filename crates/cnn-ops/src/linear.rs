//! Fully connected layers.

use candle_core::Tensor;

use crate::element::{check_same, check_vector, dims2};
use crate::error::{Error, Result};

/// Affine map of every row.
///
/// ```text
/// y = x·wᵀ + b
/// ```
///
/// # Shapes
///
/// - `x`: `[batch, inputs]`
/// - `weight`: `[outputs, inputs]`; `bias`: `[outputs]`
/// - returns: `[batch, outputs]`
///
/// # Errors
///
/// Ranks, types, devices or sizes that do not go together.
///
/// # Source
///
/// PyTorch's `linear`; runs on every device of candle.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[[1f32, 2.]], &Device::Cpu)?;
/// let w = Tensor::new(&[[3f32, 4.], [5., 6.]], &Device::Cpu)?;
/// let b = Tensor::new(&[0.5f32, 0.], &Device::Cpu)?;
/// let y = cnn_ops::linear(&x, &w, Some(&b))?;
/// assert_eq!(y.to_vec2::<f32>()?, [[11.5, 17.]]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    const OP: &str = "linear";
    let [batch, inputs] = dims2(OP, "x", x)?;
    let [outputs, expected] = dims2(OP, "weight", weight)?;
    check_same(OP, "x", x, "weight", weight)?;
    if inputs != expected {
        return Err(Error::ShapeMismatch {
            op: OP,
            left_name: "x",
            left: x.dims().to_vec(),
            right_name: "weight",
            right: weight.dims().to_vec(),
        });
    }
    if let Some(bias) = bias {
        check_same(OP, "x", x, "bias", bias)?;
        check_vector(OP, "bias", bias, outputs, "weight", weight.dims())?;
    }
    let y = if batch == 0 || inputs == 0 || outputs == 0 {
        Tensor::zeros((batch, outputs), x.dtype(), x.device())?
    } else {
        x.matmul(&weight.t()?)?
    };
    match bias {
        Some(bias) if batch > 0 && outputs > 0 => Ok(y.broadcast_add(bias)?),
        _ => Ok(y),
    }
}
