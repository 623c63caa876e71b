//! Pooling: `[batch, channel, height, width]` to fewer rows and columns.

mod average;
mod max;

pub use average::{CountPadding, adaptive_avg_pool2d, avg_pool2d, global_avg_pool2d};
pub(crate) use average::{adaptive_map, average_map};
pub use max::max_pool2d;
pub(crate) use max::record_max;

use crate::error::{Error, Result};
use crate::geometry::{Axis, PoolOptions, window_output};

/// A checked pooling window over planes of one size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
    pub(crate) options: PoolOptions,
}

impl Windows {
    pub(crate) fn new(op: &'static str, input: [usize; 2], options: &PoolOptions) -> Result<Self> {
        let p = options.padding;
        let axis = |i: usize, before: usize, after: usize| Axis {
            input: input[i],
            kernel: options.kernel[i],
            stride: options.stride[i],
            dilation: 1,
            before,
            after,
        };
        let output = window_output(
            op,
            axis(0, p.top, p.bottom),
            axis(1, p.left, p.right),
            options.ceil_mode,
        )?;
        for (side, padding, limit) in [
            ("top", p.top, options.kernel[0]),
            ("bottom", p.bottom, options.kernel[0]),
            ("left", p.left, options.kernel[1]),
            ("right", p.right, options.kernel[1]),
        ] {
            if padding >= limit {
                return Err(Error::PaddingTooLarge {
                    op,
                    side,
                    padding,
                    limit_name: "the kernel,",
                    limit,
                });
            }
        }
        Ok(Self {
            input,
            output,
            options: *options,
        })
    }

    /// Input rows under output row `o`.
    pub(crate) fn rows(&self, o: usize) -> std::ops::Range<usize> {
        self.range(0, o, self.options.padding.top)
    }

    /// Input columns under output column `o`.
    pub(crate) fn columns(&self, o: usize) -> std::ops::Range<usize> {
        self.range(1, o, self.options.padding.left)
    }

    fn range(&self, axis: usize, o: usize, before: usize) -> std::ops::Range<usize> {
        let start = o * self.options.stride[axis];
        let end = start + self.options.kernel[axis];
        start.saturating_sub(before)..end.saturating_sub(before).min(self.input[axis])
    }

    /// Rows of the padded input (not beyond it) under output row `o`.
    pub(crate) fn padded_rows(&self, o: usize) -> usize {
        let p = self.options.padding;
        self.padded(0, o, p.top + p.bottom)
    }

    /// Columns of the padded input (not beyond it) under output column `o`.
    pub(crate) fn padded_columns(&self, o: usize) -> usize {
        let p = self.options.padding;
        self.padded(1, o, p.left + p.right)
    }

    fn padded(&self, axis: usize, o: usize, padding: usize) -> usize {
        let start = o * self.options.stride[axis];
        (start + self.options.kernel[axis]).min(self.input[axis] + padding) - start
    }

    /// Elements read per plane.
    pub(crate) fn work(&self) -> usize {
        let [h, w] = self.output;
        let [kh, kw] = self.options.kernel;
        (h * w).saturating_mul(kh.min(self.input[0]) * kw.min(self.input[1]))
    }
}
