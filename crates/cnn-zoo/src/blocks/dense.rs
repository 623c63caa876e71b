//! A dense layer with its weights.

use candle_core::Tensor;

/// A dense layer.
#[derive(Debug, Clone)]
pub(crate) struct Dense {
    pub(crate) name: String,
    /// `[out, in]`
    pub(crate) weight: Tensor,
    pub(crate) bias: Tensor,
}
