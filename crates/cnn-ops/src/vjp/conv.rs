//! Convolution.

use candle_core::Tensor;

use super::check_shape;
use crate::conv::{Activation, ConvolutionGradients, conv2d_fused};
use crate::element::check_same;
use crate::error::Result;
use crate::geometry::ConvOptions;

/// A convolution and its arguments, from which the result and every gradient follow.
///
/// ```text
/// y  = act(x ∗ w + bias + residual)
/// dx = dy ∗ᵀ w,  dw = dyᵀ ∗ x,  db = Σ dy          dy: the gradient before the activation
/// ```
///
/// # Shapes
///
/// - as [`conv2d`](crate::conv2d)
///
/// # CUDA
///
/// As [`conv2d`](crate::conv2d).
///
/// # Source
///
/// PyTorch's `convolution_backward`.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
/// use cnn_ops::{Activation, ConvOptions, vjp::Conv2d};
///
/// let x = Tensor::new(&[[[[1f32, -2.]]]], &Device::Cpu)?;
/// let w = Tensor::new(&[[[[3f32]]]], &Device::Cpu)?;
/// let conv = Conv2d::new(&x, &w, &ConvOptions::default())?;
/// let y = conv.output(None, None, Activation::None)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [3., -6.]);
/// let dw = conv.weight_gradient(&y.ones_like()?)?;
/// assert_eq!(dw.flatten_all()?.to_vec1::<f32>()?, [-1.]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Conv2d {
    x: Tensor,
    weight: Tensor,
    options: ConvOptions,
    gradients: ConvolutionGradients,
}

impl Conv2d {
    /// Keeps `x` and `weight`, without their graphs.
    ///
    /// # Errors
    ///
    /// As [`conv2d`](crate::conv2d).
    pub fn new(x: &Tensor, weight: &Tensor, options: &ConvOptions) -> Result<Self> {
        let gradients = ConvolutionGradients::new(x, weight, options)?;
        Ok(Self {
            x: x.detach().contiguous()?,
            weight: weight.detach().contiguous()?,
            options: *options,
            gradients,
        })
    }

    /// The result, without a graph.
    ///
    /// # Errors
    ///
    /// As [`conv2d_fused`].
    pub fn output(
        &self,
        bias: Option<&Tensor>,
        residual: Option<&Tensor>,
        activation: Activation,
    ) -> Result<Tensor> {
        conv2d_fused(
            &self.x,
            &self.weight,
            bias,
            residual,
            activation,
            &self.options,
        )
    }

    /// The gradient of `x`.
    ///
    /// # Errors
    ///
    /// Another shape, type or device of `dy`.
    pub fn input_gradient(&self, dy: &Tensor) -> Result<Tensor> {
        let dy = self.checked(dy)?;
        Ok(self.gradients.input(&self.weight, &dy)?)
    }

    /// The gradient of the weight.
    ///
    /// # Errors
    ///
    /// Another shape, type or device of `dy`.
    pub fn weight_gradient(&self, dy: &Tensor) -> Result<Tensor> {
        let dy = self.checked(dy)?;
        Ok(self.gradients.weight(&self.x, &dy)?)
    }

    /// The gradient of the bias.
    ///
    /// # Errors
    ///
    /// Another shape, type or device of `dy`.
    pub fn bias_gradient(&self, dy: &Tensor) -> Result<Tensor> {
        let dy = self.checked(dy)?;
        Ok(self.gradients.bias(&dy)?)
    }

    fn checked(&self, dy: &Tensor) -> Result<Tensor> {
        const OP: &str = "conv2d";
        check_same(OP, "dy", dy, "x", &self.x)?;
        check_shape(OP, dy, &self.gradients.output_shape())?;
        Ok(dy.detach().contiguous()?)
    }
}
