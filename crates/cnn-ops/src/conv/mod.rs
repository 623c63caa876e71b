//! Two-dimensional convolution.

mod direct;
mod geometry;

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};

use crate::element::{check_float, check_same, check_vector, elements, with_element};
use crate::error::{Error, Result};
use crate::geometry::ConvOptions;
use geometry::Geometry;

const OP: &str = "conv2d";

/// Two-dimensional cross-correlation, as every deep learning framework calls a convolution.
///
/// ```text
/// y[b, o, i, j] = bias[o] + Σ w[o, c, u, v] · x[b, c', i·s₀ + u·d₀ − top, j·s₁ + v·d₁ − left]
/// ```
///
/// where `c'` runs over the channels of filter `o`'s group and x is zero outside its map. Of the
/// three gradients only those are computed whose tensor needs one ([`Tensor::track_op`]): none
/// for the weight when it is a plain tensor, none for the image when it is the network's input.
///
/// # Shapes
///
/// - `x`: `[batch, channels, height, width]`, `f32` or `f64`
/// - `weight`: `[filters, channels/groups, rows, columns]`; `bias`: `[filters]`
/// - returns: `[batch, filters, ⌊(height + top + bottom − span)/stride⌋ + 1, …]` with
///   `span = dilation·(rows − 1) + 1`
///
/// # Errors
///
/// Ranks, types, devices or channel counts that do not go together; a stride, dilation, kernel
/// side or group count of zero; a kernel larger than the padded input; sizes that overflow.
///
/// # Source
///
/// PyTorch's `conv2d`, with padding per side.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use cnn_ops::{ConvOptions, Padding, conv2d};
///
/// let x = Tensor::ones((1, 2, 5, 5), DType::F32, &Device::Cpu)?;
/// let w = Tensor::ones((3, 2, 1, 7), DType::F32, &Device::Cpu)?;
/// let options = ConvOptions { padding: Padding::symmetric(0, 3), ..ConvOptions::default() };
/// let y = conv2d(&x, &w, None, &options)?;
/// assert_eq!(y.dims(), [1, 3, 5, 5]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions,
) -> Result<Tensor> {
    let g = check(OP, x, weight, bias, options)?;
    let y = x
        .contiguous()?
        .apply_op2(&weight.contiguous()?, Convolution(Arc::new(g)))?;
    match bias {
        Some(bias) => Ok(y.broadcast_add(&bias.reshape((1, (), 1, 1))?)?),
        None => Ok(y),
    }
}

/// What follows a fused convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// Nothing.
    None,
    /// max(x, 0).
    Relu,
}

/// Convolution, bias, residual and activation in one pass, for inference.
///
/// ```text
/// y = act(conv2d(x, weight) + bias + residual)
/// ```
///
/// The result carries no graph even if an argument does.
///
/// # Shapes
///
/// - as [`conv2d`]; `residual`: the shape of the result
///
/// # Errors
///
/// As [`conv2d`], and a residual of another shape or type.
pub fn conv2d_fused(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    residual: Option<&Tensor>,
    activation: Activation,
    options: &ConvOptions,
) -> Result<Tensor> {
    const OP: &str = "conv2d_fused";
    let g = check(OP, x, weight, bias, options)?;
    if let Some(residual) = residual {
        check_same(OP, "x", x, "residual", residual)?;
        if residual.dims() != g.output_shape() {
            return Err(Error::ShapeMismatch {
                op: OP,
                left_name: "residual",
                left: residual.dims().to_vec(),
                right_name: "the result",
                right: g.output_shape().to_vec(),
            });
        }
    }
    let bias = bias.map(Tensor::detach);
    let mut y = conv2d(&x.detach(), &weight.detach(), bias.as_ref(), options)?;
    if let Some(residual) = residual {
        y = y.add(&residual.detach())?;
    }
    match activation {
        Activation::None => Ok(y),
        Activation::Relu => crate::relu(&y),
    }
}

fn check(
    op: &'static str,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions,
) -> Result<Geometry> {
    check_float(op, "x", x)?;
    check_same(op, "x", x, "weight", weight)?;
    let g = Geometry::new(op, x, weight, options)?;
    if let Some(bias) = bias {
        check_same(op, "x", x, "bias", bias)?;
        check_vector(op, "bias", bias, g.filters, "weight", weight.dims())?;
    }
    Ok(g)
}

struct Convolution(Arc<Geometry>);

impl CustomOp2 for Convolution {
    fn name(&self) -> &'static str {
        OP
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        with_element!(OP, s1.dtype(), T => {
            let y = direct::forward::<T>(&self.0, elements(OP, s1, l1)?, elements(OP, s2, l2)?);
            Ok((T::to_cpu_storage_owned(y), Shape::from(self.0.output_shape().to_vec())))
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let dx = x
            .track_op()
            .then(|| grad.apply_op2_no_bwd(weight, &InputGradient(self.0.clone())));
        let dw = weight
            .track_op()
            .then(|| grad.apply_op2_no_bwd(x, &WeightGradient(self.0.clone())));
        Ok((dx.transpose()?, dw.transpose()?))
    }
}

struct InputGradient(Arc<Geometry>);

impl CustomOp2 for InputGradient {
    fn name(&self) -> &'static str {
        OP
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        with_element!(OP, s1.dtype(), T => {
            let dx = direct::input_gradient::<T>(&self.0, elements(OP, s1, l1)?, elements(OP, s2, l2)?);
            Ok((T::to_cpu_storage_owned(dx), Shape::from(self.0.input_shape().to_vec())))
        })
    }
}

struct WeightGradient(Arc<Geometry>);

impl CustomOp2 for WeightGradient {
    fn name(&self) -> &'static str {
        OP
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        with_element!(OP, s1.dtype(), T => {
            let dw = direct::weight_gradient::<T>(&self.0, elements(OP, s1, l1)?, elements(OP, s2, l2)?);
            Ok((T::to_cpu_storage_owned(dw), Shape::from(self.0.weight_shape().to_vec())))
        })
    }
}
