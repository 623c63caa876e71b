//! Paddings, strides and the sizes that follow from them.

use crate::error::{Error, Result};

/// Rows and columns added around each map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the left.
    pub left: usize,
    /// Columns to the right.
    pub right: usize,
}

impl Padding {
    /// The same padding above and below, and left and right.
    #[must_use]
    pub const fn symmetric(height: usize, width: usize) -> Self {
        Self {
            top: height,
            bottom: height,
            left: width,
            right: width,
        }
    }

    /// No padding.
    #[must_use]
    pub const fn valid() -> Self {
        Self::symmetric(0, 0)
    }

    /// PyTorch's `padding="same"`: at stride 1 the output is as large as the input.
    ///
    /// ```text
    /// total = dilation·(kernel − 1),  before = ⌊total/2⌋,  after = total − before
    /// ```
    #[must_use]
    pub fn same_torch(kernel: [usize; 2], dilation: [usize; 2]) -> Self {
        let total = |i: usize| dilation[i].saturating_mul(kernel[i].saturating_sub(1));
        Self::split([total(0), total(1)])
    }

    /// Keras' `padding="same"`: the output has ⌈input/stride⌉ rows and columns.
    ///
    /// ```text
    /// output = ⌈input/stride⌉
    /// total  = max(0, (output − 1)·stride + dilation·(kernel − 1) + 1 − input)
    /// before = ⌊total/2⌋,  after = total − before
    /// ```
    ///
    /// At stride 2 an even input is padded below and to the right only. A stride of zero counts
    /// as one here; the operators reject it.
    ///
    /// # Examples
    ///
    /// ```
    /// use cnn_ops::Padding;
    ///
    /// let padding = Padding::same_keras([32, 63], [3, 3], [2, 2], [1, 1]);
    /// assert_eq!(padding, Padding { top: 0, bottom: 1, left: 1, right: 1 });
    /// ```
    #[must_use]
    pub fn same_keras(
        input: [usize; 2],
        kernel: [usize; 2],
        stride: [usize; 2],
        dilation: [usize; 2],
    ) -> Self {
        let total = |i: usize| {
            let stride = stride[i].max(1);
            let output = input[i].div_ceil(stride);
            let span = dilation[i]
                .saturating_mul(kernel[i].saturating_sub(1))
                .saturating_add(1);
            output
                .saturating_sub(1)
                .saturating_mul(stride)
                .saturating_add(span)
                .saturating_sub(input[i])
        };
        Self::split([total(0), total(1)])
    }

    fn split(total: [usize; 2]) -> Self {
        Self {
            top: total[0] / 2,
            bottom: total[0] - total[0] / 2,
            left: total[1] / 2,
            right: total[1] - total[1] / 2,
        }
    }
}

/// How a convolution moves over its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConvOptions {
    /// Step between windows, `[rows, columns]`.
    pub stride: [usize; 2],
    /// Distance between kernel elements, `[rows, columns]`.
    pub dilation: [usize; 2],
    /// Number of independent channel groups; as many as input channels is a depthwise convolution.
    pub groups: usize,
    /// Zeros around the input.
    pub padding: Padding,
}

impl Default for ConvOptions {
    /// Stride 1, dilation 1, one group, no padding.
    fn default() -> Self {
        Self {
            stride: [1, 1],
            dilation: [1, 1],
            groups: 1,
            padding: Padding::valid(),
        }
    }
}

/// How a pooling window moves over its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PoolOptions {
    /// Rows and columns of the window.
    pub kernel: [usize; 2],
    /// Step between windows, `[rows, columns]`.
    pub stride: [usize; 2],
    /// Padding around the input; less than the kernel on every side.
    pub padding: Padding,
    /// Whether a last window that only partly covers the input counts (PyTorch's `ceil_mode`).
    pub ceil_mode: bool,
}

impl PoolOptions {
    /// A square window with one stride and no padding.
    #[must_use]
    pub const fn square(kernel: usize, stride: usize) -> Self {
        Self {
            kernel: [kernel, kernel],
            stride: [stride, stride],
            padding: Padding::valid(),
            ceil_mode: false,
        }
    }

    /// The same window with another padding.
    #[must_use]
    pub const fn with_padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }
}

/// One axis of a sliding window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    pub(crate) input: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    pub(crate) before: usize,
    pub(crate) after: usize,
}

impl Axis {
    fn span(&self) -> Option<usize> {
        self.dilation
            .checked_mul(self.kernel.checked_sub(1)?)?
            .checked_add(1)
    }

    fn padded(&self) -> Option<usize> {
        self.input
            .checked_add(self.before)?
            .checked_add(self.after)
            .filter(|&n| n <= isize::MAX as usize / 4)
    }
}

/// Output size of a sliding window over two axes.
pub(crate) fn window_output(
    op: &'static str,
    rows: Axis,
    columns: Axis,
    ceil_mode: bool,
) -> Result<[usize; 2]> {
    let axes = [rows, columns];
    let pair = |f: fn(&Axis) -> usize| [f(&axes[0]), f(&axes[1])];
    for (option, value) in [
        ("kernel", pair(|a| a.kernel)),
        ("stride", pair(|a| a.stride)),
        ("dilation", pair(|a| a.dilation)),
    ] {
        if value.contains(&0) {
            return Err(Error::ZeroOption { op, option, value });
        }
    }
    let overflow = |what| Error::Overflow {
        op,
        what,
        shape: axes.iter().map(|a| a.input).collect(),
    };
    let span = |a: &Axis| a.span().ok_or_else(|| overflow("the dilated kernel"));
    let padded = |a: &Axis| a.padded().ok_or_else(|| overflow("the padded input"));
    let kernel = [span(&rows)?, span(&columns)?];
    let padded = [padded(&rows)?, padded(&columns)?];
    if kernel[0] > padded[0] || kernel[1] > padded[1] || rows.input == 0 || columns.input == 0 {
        return Err(Error::KernelTooLarge { op, kernel, padded });
    }
    let size = |i: usize| {
        let free = padded[i] - kernel[i];
        if ceil_mode {
            let n = free.div_ceil(axes[i].stride) + 1;
            // A window may not start in the padding behind the input.
            let last_starts_behind = (n - 1)
                .checked_mul(axes[i].stride)
                .is_none_or(|start| start >= axes[i].input + axes[i].before);
            if last_starts_behind { n - 1 } else { n }
        } else {
            free / axes[i].stride + 1
        }
    };
    Ok([size(0), size(1)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(input: usize, kernel: usize, stride: usize, before: usize, after: usize) -> Axis {
        Axis {
            input,
            kernel,
            stride,
            dilation: 1,
            before,
            after,
        }
    }

    #[test]
    fn ceil_mode_drops_a_window_that_starts_in_the_padding() -> Result<()> {
        // torch: MaxPool2d(2, 2, padding=1, ceil_mode=True) on 4 -> 3, on 5 -> 3
        let four = axis(4, 2, 2, 1, 1);
        let five = axis(5, 2, 2, 1, 1);
        assert_eq!(window_output("test", four, five, true)?, [3, 3]);
        assert_eq!(window_output("test", five, four, false)?, [3, 3]);
        Ok(())
    }

    #[test]
    fn huge_options_are_errors() {
        let mut a = axis(4, 3, 1, usize::MAX, 1);
        assert!(window_output("test", a, a, false).is_err());
        a = axis(4, usize::MAX, 1, 1, 1);
        a.dilation = 2;
        assert!(window_output("test", a, a, false).is_err());
    }

    #[test]
    fn same_torch_matches_the_input() -> Result<()> {
        let p = Padding::same_torch([4, 3], [2, 1]);
        assert_eq!(
            p,
            Padding {
                top: 3,
                bottom: 3,
                left: 1,
                right: 1
            }
        );
        Ok(())
    }
}
