//! The checked sizes of one convolution.

use candle_core::Tensor;

use crate::element::{checked_count, dims4};
use crate::error::{Error, Result};
use crate::geometry::{Axis, ConvOptions, window_output};

/// Elements of the padded copy of one plane that the depthwise kernels make (1 GiB of `f32`).
const LARGEST_PLANE: usize = 1 << 28;

/// Refuses what only absurd padding or dilation asks for: a padded plane larger than memory.
fn check_padded_plane(
    op: &'static str,
    output: [usize; 2],
    stride: [usize; 2],
    kernel: [usize; 2],
    dilation: [usize; 2],
) -> Result<()> {
    let side = |i: usize| {
        let (last, span) = (output[i].saturating_sub(1), kernel[i].saturating_sub(1));
        last.saturating_mul(stride[i])
            .saturating_add(span.saturating_mul(dilation[i]))
            .saturating_add(1)
    };
    // Rows hold whole vectors of every remainder modulo the stride.
    let columns = side(1).saturating_add(stride[1].saturating_mul(2 * crate::simd::LANES));
    let shape = [side(0), columns];
    if shape[0].saturating_mul(shape[1]) > LARGEST_PLANE {
        return Err(Error::Overflow {
            op,
            what: "the padded plane",
            shape: shape.to_vec(),
        });
    }
    Ok(())
}

/// Sizes of one convolution; every product of interest fits into `usize`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Geometry {
    pub(crate) batch: usize,
    pub(crate) channels: usize,
    pub(crate) input: [usize; 2],
    pub(crate) filters: usize,
    pub(crate) kernel: [usize; 2],
    pub(crate) output: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
    /// Padding above and to the left; what lies below and to the right follows from the sizes.
    /// Negative where an input gradient starts inside the map.
    pub(crate) offset: [isize; 2],
    pub(crate) groups: usize,
}

impl Geometry {
    pub(crate) fn new(
        op: &'static str,
        x: &Tensor,
        weight: &Tensor,
        o: &ConvOptions,
    ) -> Result<Self> {
        let [batch, channels, h, w] = dims4(op, "x", x)?;
        let [filters, per_group, kh, kw] = dims4(op, "weight", weight)?;
        if o.groups == 0 {
            return Err(Error::ZeroOption {
                op,
                option: "groups",
                value: [0, 0],
            });
        }
        if per_group.checked_mul(o.groups) != Some(channels) || !filters.is_multiple_of(o.groups) {
            return Err(Error::Groups {
                op,
                groups: o.groups,
                channels_per_group: per_group,
                input_channels: channels,
                filters,
            });
        }
        let p = o.padding;
        let axis = |input, i: usize, kernel, before, after| Axis {
            input,
            kernel,
            stride: o.stride[i],
            dilation: o.dilation[i],
            before,
            after,
        };
        let output = window_output(
            op,
            axis(h, 0, kh, p.top, p.bottom),
            axis(w, 1, kw, p.left, p.right),
            false,
        )?;
        checked_count(op, "the output", &[batch, filters, output[0], output[1]])?;
        // A stride is never taken where there is one output: 1 stands for all of them.
        let stride = [0, 1].map(|i| if output[i] > 1 { o.stride[i] } else { 1 });
        if o.groups > 1 && per_group == 1 {
            check_padded_plane(op, output, stride, [kh, kw], o.dilation)?;
        }
        checked_count(
            op,
            "the patches",
            &[per_group, kh, kw, output[0], output[1]],
        )?;
        Ok(Self {
            batch,
            channels,
            input: [h, w],
            filters,
            kernel: [kh, kw],
            output,
            stride,
            dilation: o.dilation,
            offset: [p.top as isize, p.left as isize],
            groups: o.groups,
        })
    }

    pub(crate) fn input_shape(&self) -> [usize; 4] {
        [self.batch, self.channels, self.input[0], self.input[1]]
    }

    pub(crate) fn output_shape(&self) -> [usize; 4] {
        [self.batch, self.filters, self.output[0], self.output[1]]
    }

    pub(crate) fn weight_shape(&self) -> [usize; 4] {
        [
            self.filters,
            self.group_channels(),
            self.kernel[0],
            self.kernel[1],
        ]
    }

    /// Input channels per group.
    pub(crate) fn group_channels(&self) -> usize {
        self.channels / self.groups
    }

    /// Filters per group.
    pub(crate) fn group_filters(&self) -> usize {
        self.filters / self.groups
    }

    /// Input coordinate under output coordinate `o` and kernel element `k`, if inside.
    pub(crate) fn source(&self, axis: usize, o: usize, k: usize) -> Option<usize> {
        let at = (o * self.stride[axis] + k * self.dilation[axis]) as isize - self.offset[axis];
        usize::try_from(at).ok().filter(|&at| at < self.input[axis])
    }

    /// Output coordinates whose input coordinate under kernel element `k` lies inside.
    pub(crate) fn valid(&self, axis: usize, k: usize) -> std::ops::Range<usize> {
        let shift = (k * self.dilation[axis]) as isize - self.offset[axis];
        let stride = self.stride[axis] as isize;
        let output = self.output[axis] as isize;
        let start = (-shift).max(0).div_euclid(stride)
            + isize::from((-shift).max(0).rem_euclid(stride) != 0);
        let free = self.input[axis] as isize - shift;
        let end = if free <= 0 {
            0
        } else {
            (free - 1) / stride + 1
        };
        let start = start.min(output) as usize;
        start..(end.min(output) as usize).max(start)
    }

    /// Multiplications of one pass.
    pub(crate) fn products(&self) -> usize {
        [
            self.filters,
            self.group_channels(),
            self.kernel[0],
            self.kernel[1],
            self.output[0],
            self.output[1],
        ]
        .iter()
        .fold(self.batch, |a, &b| a.saturating_mul(b))
    }

    /// Rows of the patch matrix of one group.
    pub(crate) fn patch(&self) -> usize {
        self.group_channels() * self.kernel[0] * self.kernel[1]
    }

    /// Whether the patch matrix is the input itself.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1]
            && self.stride == [1, 1]
            && self.offset == [0, 0]
            && self.output == self.input
    }

    /// Whether every group has one input channel.
    pub(crate) fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.group_channels() == 1
    }

    /// The convolution of the output gradient with the turned kernel that gives the input
    /// gradient; exists at stride 1.
    pub(crate) fn transposed(&self) -> Option<Self> {
        if self.stride != [1, 1] {
            return None;
        }
        let turned = |i: usize| ((self.kernel[i] - 1) * self.dilation[i]) as isize - self.offset[i];
        Some(Self {
            channels: self.filters,
            filters: self.channels,
            input: self.output,
            output: self.input,
            offset: [turned(0), turned(1)],
            ..*self
        })
    }
}
