//! A convolution with its weights.

use candle_core::Tensor;
use cnn_ops::{ConvOptions, Padding};

/// Kernel size, stride, groups and padding of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) kernel: [usize; 2],
    pub(crate) options: ConvOptions,
}

impl Geometry {
    /// A rectangular kernel, stride 1, output as large as the input (odd kernels).
    pub(crate) fn same(rows: usize, columns: usize) -> Self {
        Self {
            kernel: [rows, columns],
            options: ConvOptions {
                padding: Padding::symmetric(rows / 2, columns / 2),
                ..ConvOptions::default()
            },
        }
    }

    /// A square kernel, stride 1, no padding.
    pub(crate) fn valid(edge: usize) -> Self {
        Self {
            kernel: [edge, edge],
            options: ConvOptions::default(),
        }
    }

    /// The same with another stride.
    pub(crate) fn stride(mut self, stride: usize) -> Self {
        self.options.stride = [stride, stride];
        self
    }

    /// The same with one group per channel.
    pub(crate) fn depthwise(mut self, channels: usize) -> Self {
        self.options.groups = channels;
        self
    }
}

/// A convolution and the factor on its output that remains to be applied.
pub(crate) struct ScaledConv {
    pub(crate) conv: Conv,
    pub(crate) left: f64,
}

/// A convolution.
#[derive(Debug, Clone)]
pub(crate) struct Conv {
    pub(crate) name: String,
    /// `[out, in / groups, rows, columns]`
    pub(crate) weight: Tensor,
    pub(crate) bias: Option<Tensor>,
    pub(crate) options: ConvOptions,
}
