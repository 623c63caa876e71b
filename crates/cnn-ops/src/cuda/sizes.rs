//! The sizes of a convolution as the kernels take them.
#![allow(unsafe_code)]

use candle_core::Result;
use candle_core::cuda_backend::cudarc::driver::DeviceRepr;

use super::launch::{int, mismatch};
use crate::conv::Geometry;

pub(super) const OP: &str = "conv2d";

/// `Conv` of `kernels/conv.cu`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    batch: i32,
    channels: i32,
    input: [i32; 2],
    filters: i32,
    kernel: [i32; 2],
    output: [i32; 2],
    stride: [i32; 2],
    dilation: [i32; 2],
    before: [i32; 2],
    groups: i32,
}

// SAFETY: sixteen integers in the kernel's order.
unsafe impl DeviceRepr for Sizes {}

impl Sizes {
    /// Checks that the tensors, each with its length and what that should be, have the elements
    /// that `g` says, and that the kernels can count them.
    pub(super) fn new(g: &Geometry, lengths: [(&'static str, usize, usize); 2]) -> Result<Self> {
        for (what, length, expected) in lengths {
            if length != expected {
                return Err(mismatch(OP, what, length, expected));
            }
        }
        let (mut stride, mut dilation, mut before) = ([1; 2], [1; 2], [0; 2]);
        for i in 0..2 {
            before[i] = int(
                OP,
                "the padding",
                usize::try_from(g.offset[i]).unwrap_or(usize::MAX),
            )?;
            // With one output or one kernel element its step does not matter and may be of any size.
            if g.output[i] > 1 {
                stride[i] = int(OP, "the stride", g.stride[i])?;
            }
            if g.kernel[i] > 1 {
                dilation[i] = int(OP, "the dilation", g.dilation[i])?;
            }
            // The kernels' coordinates reach no further than this.
            let outputs = g.output[i].saturating_mul(stride[i] as usize);
            let span = g.kernel[i].saturating_mul(dilation[i] as usize);
            int(OP, "the padded input", outputs.saturating_add(span))?;
            int(
                OP,
                "the padded input",
                g.input[i].saturating_add(before[i] as usize),
            )?;
        }
        let pixels = g.output[0].saturating_mul(g.output[1]);
        int(OP, "the output of a filter", pixels)?;
        int(OP, "the patch of an output", g.patch())?;
        let pair = |v: [usize; 2]| v.map(|v| v as i32);
        Ok(Self {
            batch: int(OP, "the batch", g.batch)?,
            channels: int(OP, "the channels", g.channels)?,
            input: pair(g.input),
            filters: int(OP, "the filters", g.filters)?,
            kernel: pair(g.kernel),
            output: pair(g.output),
            stride,
            dilation,
            before,
            groups: int(OP, "the groups", g.groups)?,
        })
    }
}

/// Elements of a tensor.
pub(super) fn count(shape: [usize; 4]) -> usize {
    shape.iter().product()
}
