//! How a network shows its activations: it calls a tap at each named point.

use crate::describe::{BiasTerm, LinearHead};
use candle_core::{Result, Tensor};

/// Sees the activation at a named point of a network and returns what the network continues with.
///
/// A tap may return the activation unchanged, another tensor of the same shape, or a larger batch
/// (several variants of the activation, so that only the rest of the network runs several times).
pub trait Tap {
    /// Called once per named point and pass.
    ///
    /// # Errors
    ///
    /// Whatever the tap itself fails with; the network should hand it on.
    fn visit(&mut self, name: &str, activation: Tensor) -> Result<Tensor>;
}

/// A tap that changes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTap;

impl Tap for NoTap {
    fn visit(&mut self, _name: &str, activation: Tensor) -> Result<Tensor> {
        Ok(activation)
    }
}

/// A network that can be explained.
///
/// Any closure `Fn(&Tensor, &mut dyn Tap) -> candle_core::Result<Tensor>` is one. The network must
/// be in evaluation mode (no dropout, no batch statistics). Weights should be plain tensors: `Var`s
/// give the same maps, but candle then also computes the gradients of the weights.
///
/// # Shapes
///
/// - images: `[batch, channel, height, width]`, any number of channels
/// - activations: `[batch, channel, height, width]`, spatial sizes as they come
/// - returns: `[batch, class]` logits, `[batch]` or `[batch, 1]` for one output,
///   `[batch, class, row, column]` for a segmentation
///
/// # Examples
///
/// ```
/// use cam_methods::{NoTap, Tap, TappedModel};
/// use candle_core::{Device, Tensor};
///
/// let net = |x: &Tensor, tap: &mut dyn Tap| {
///     let a = tap.visit("relu", x.relu()?)?;
///     a.mean((2, 3)) // [batch, channel] serve as logits
/// };
/// let x = Tensor::ones((1, 2, 4, 4), candle_core::DType::F32, &Device::Cpu)?;
/// assert_eq!(net.forward_tapped(&x, &mut NoTap)?.dims(), [1, 2]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub trait TappedModel {
    /// Runs the network, calling `tap` at every named point and continuing with what it returns.
    ///
    /// # Errors
    ///
    /// Whatever a layer or the tap fails with.
    fn forward_tapped(&self, images: &Tensor, tap: &mut dyn Tap) -> Result<Tensor>;

    /// The linear layer that follows global average pooling, for [`Method::Cam`](crate::Method::Cam).
    fn linear_head(&self) -> Option<LinearHead> {
        None
    }

    /// The bias terms of the network by tap, for [`Method::FullGrad`](crate::Method::FullGrad).
    fn bias_terms(&self) -> Option<Vec<BiasTerm>> {
        None
    }

    /// Whether the network is in training mode, where it knows.
    fn is_training(&self) -> Option<bool> {
        None
    }
}

impl<F> TappedModel for F
where
    F: Fn(&Tensor, &mut dyn Tap) -> Result<Tensor>,
{
    fn forward_tapped(&self, images: &Tensor, tap: &mut dyn Tap) -> Result<Tensor> {
        self(images, tap)
    }
}

/// Name and size of one tapped activation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TapShape {
    /// Name of the tap.
    pub name: String,
    /// Number of channels.
    pub channels: usize,
    /// Rows of the activation.
    pub height: usize,
    /// Columns of the activation.
    pub width: usize,
}
