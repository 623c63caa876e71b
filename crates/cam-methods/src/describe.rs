//! What some methods must know about a network beyond its forward pass.

use crate::{Tap, TappedModel};
use candle_core::{Result, Tensor};

/// The linear layer after global average pooling.
///
/// # Shapes
///
/// - `weight`: `[class, channel]`, where `channel` is that of the tapped activation
#[derive(Debug, Clone)]
pub struct LinearHead {
    /// Tap whose activation is pooled and given to the layer.
    pub tap: String,
    /// Weight matrix, `[class, channel]`.
    pub weight: Tensor,
}

/// A bias of the network, added to the activation seen at a tap.
///
/// For a batch normalisation the bias in force is `beta - mean * gamma / sqrt(variance + eps)`.
///
/// # Shapes
///
/// - `bias`: `[channel]` of the tapped activation
#[derive(Debug, Clone)]
pub struct BiasTerm {
    /// Tap that sees the sum with the bias, before any nonlinearity.
    pub tap: String,
    /// The bias, `[channel]`.
    pub bias: Tensor,
}

/// A network together with descriptions that its type does not carry.
///
/// # Examples
///
/// ```
/// use cam_methods::{Described, LinearHead, Tap, TappedModel};
/// use candle_core::{Device, Tensor};
///
/// let weight = Tensor::new(&[[1f32, -1.], [0.5, 2.]], &Device::Cpu)?;
/// let head = LinearHead { tap: "features".into(), weight: weight.clone() };
/// let net = Described::new(move |x: &Tensor, tap: &mut dyn Tap| {
///     tap.visit("features", x.relu()?)?.mean((2, 3))?.matmul(&weight.t()?)
/// })
/// .with_linear_head(head);
/// assert!(net.linear_head().is_some());
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Described<M> {
    model: M,
    head: Option<LinearHead>,
    biases: Option<Vec<BiasTerm>>,
    training: Option<bool>,
}

impl<M> Described<M>
where
    M: Fn(&Tensor, &mut dyn Tap) -> Result<Tensor>,
{
    /// Wraps a closure; add descriptions with the `with_` methods.
    pub fn new(model: M) -> Self {
        Self {
            model,
            head: None,
            biases: None,
            training: None,
        }
    }
}

impl<M> Described<M> {
    /// Wraps any network; its own descriptions hold where none is added.
    pub fn wrap(model: M) -> Self
    where
        M: TappedModel,
    {
        Self {
            model,
            head: None,
            biases: None,
            training: None,
        }
    }

    /// Adds the linear layer after global average pooling.
    pub fn with_linear_head(mut self, head: LinearHead) -> Self {
        self.head = Some(head);
        self
    }

    /// Adds the bias terms.
    pub fn with_bias_terms(mut self, biases: Vec<BiasTerm>) -> Self {
        self.biases = Some(biases);
        self
    }

    /// Says whether the network is in training mode.
    pub fn with_training(mut self, training: bool) -> Self {
        self.training = Some(training);
        self
    }
}

impl<M: TappedModel> TappedModel for Described<M> {
    fn forward_tapped(&self, images: &Tensor, tap: &mut dyn Tap) -> Result<Tensor> {
        self.model.forward_tapped(images, tap)
    }

    fn linear_head(&self) -> Option<LinearHead> {
        self.head.clone().or_else(|| self.model.linear_head())
    }

    fn bias_terms(&self) -> Option<Vec<BiasTerm>> {
        self.biases.clone().or_else(|| self.model.bias_terms())
    }

    fn is_training(&self) -> Option<bool> {
        self.training.or_else(|| self.model.is_training())
    }
}
