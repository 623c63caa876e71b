//! Convolution, batch norm, addition and ReLU, done in one step where an inference copy can.

use crate::blocks::{BatchNorm, Conv};
use crate::tape::Map;

/// A convolution followed by a batch norm, which an inference copy folds away.
#[derive(Debug, Clone)]
pub(crate) struct ConvNorm {
    pub(crate) conv: Conv,
    pub(crate) norm: Option<BatchNorm>,
}

impl ConvNorm {
    /// A convolution without a norm.
    pub(crate) fn plain(conv: Conv) -> Self {
        Self { conv, norm: None }
    }
}

/// What follows a convolution and its norm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct After<'a> {
    /// Factor on the output.
    pub(crate) scale: f64,
    /// Added to the scaled output.
    pub(crate) residual: Option<&'a Map>,
    /// Whether a ReLU comes last.
    pub(crate) relu: bool,
    /// Name of the tap at the convolution's own output.
    pub(crate) tap: Option<&'a str>,
}

impl<'a> After<'a> {
    /// Nothing.
    pub(crate) const LINEAR: Self = Self {
        scale: 1.0,
        residual: None,
        relu: false,
        tap: None,
    };
    /// A ReLU.
    pub(crate) const RELU: Self = Self {
        relu: true,
        ..Self::LINEAR
    };

    /// A residual is added.
    pub(crate) fn add(residual: &'a Map) -> Self {
        Self {
            residual: Some(residual),
            ..Self::LINEAR
        }
    }

    /// A residual is added, then a ReLU.
    pub(crate) fn add_relu(residual: &'a Map) -> Self {
        Self {
            relu: true,
            ..Self::add(residual)
        }
    }

    /// The same with a tap at the convolution's own output.
    pub(crate) fn tapped(mut self, name: &'a str) -> Self {
        self.tap = Some(name);
        self
    }
}
