//! Padding of maps as an operator of its own.

use candle_core::Tensor;

use crate::element::{Element, check_float, checked_count, dims4};
use crate::error::{Error, Result};
use crate::geometry::Padding;
use crate::plane::{PlaneMap, apply};
#[cfg(any(feature = "cuda", test))]
use crate::taps::Taps;

/// Surrounds every map with zeros.
///
/// ```text
/// [a b] with 1 on the left and 2 on the right -> [0 a b 0 0]
/// ```
///
/// # Shapes
///
/// - `x`: `[batch, channel, height, width]`, `f32` or `f64`
/// - returns: `[batch, channel, height + top + bottom, width + left + right]`
///
/// # CUDA
///
/// The kernel of [`crate::avg_pool2d`], with one tap per output.
///
/// # Errors
///
/// Rank, type or device of `x`; a size that overflows.
///
/// # Source
///
/// PyTorch's `ZeroPad2d`; Keras' `ZeroPadding2D`.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
/// use cnn_ops::{Padding, pad_zero};
///
/// let x = Tensor::new(&[[[[1f32, 2.]]]], &Device::Cpu)?;
/// let padding = Padding { left: 1, ..Padding::valid() };
/// assert_eq!(pad_zero(&x, padding)?.flatten_all()?.to_vec1::<f32>()?, [0., 1., 2.]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn pad_zero(x: &Tensor, padding: Padding) -> Result<Tensor> {
    pad("pad_zero", x, padding, false)
}

/// Surrounds every map with its mirror image; the border itself is not repeated.
///
/// ```text
/// [a b c d] with 2 on both sides -> [c b a b c d c b]
/// ```
///
/// # Shapes
///
/// - `x`: `[batch, channel, height, width]`, `f32` or `f64`
/// - returns: `[batch, channel, height + top + bottom, width + left + right]`
///
/// # CUDA
///
/// The kernel of [`crate::avg_pool2d`], with one tap per output.
///
/// # Errors
///
/// Rank, type or device of `x`; a padding not smaller than the map.
///
/// # Source
///
/// PyTorch's `ReflectionPad2d`.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
/// use cnn_ops::{Padding, pad_reflect};
///
/// let x = Tensor::new(&[[[[1f32, 2., 3.]]]], &Device::Cpu)?;
/// let y = pad_reflect(&x, Padding::symmetric(0, 2))?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [3., 2., 1., 2., 3., 2., 1.]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn pad_reflect(x: &Tensor, padding: Padding) -> Result<Tensor> {
    const OP: &str = "pad_reflect";
    let [_, _, h, w] = dims4(OP, "x", x)?;
    for (side, padding, limit_name, limit) in [
        ("top", padding.top, "the height", h),
        ("bottom", padding.bottom, "the height", h),
        ("left", padding.left, "the width", w),
        ("right", padding.right, "the width", w),
    ] {
        if padding > 0 && padding >= limit {
            return Err(Error::PaddingTooLarge {
                op: OP,
                side,
                padding,
                limit_name,
                limit,
            });
        }
    }
    pad(OP, x, padding, true)
}

fn pad(op: &'static str, x: &Tensor, p: Padding, reflect: bool) -> Result<Tensor> {
    check_float(op, "x", x)?;
    let [b, c, h, w] = dims4(op, "x", x)?;
    let grow = |n: usize, before: usize, after: usize| {
        n.checked_add(before)
            .and_then(|n| n.checked_add(after))
            .ok_or_else(|| Error::Overflow {
                op,
                what: "the padded map",
                shape: x.dims().to_vec(),
            })
    };
    let size = [grow(h, p.top, p.bottom)?, grow(w, p.left, p.right)?];
    checked_count(op, "the output", &[b, c, size[0], size[1]])?;
    let source = |n: usize, before: usize, total: usize| {
        (0..total)
            .map(|i| {
                if i >= before && i - before < n {
                    Some(i - before)
                } else if !reflect {
                    None
                } else if i < before {
                    Some(before - i)
                } else {
                    Some(2 * (n - 1) - (i - before))
                }
            })
            .collect::<Vec<_>>()
    };
    let map = Pad {
        name: op,
        rows: source(h, p.top, size[0]),
        columns: source(w, p.left, size[1]),
        input: [h, w],
    };
    apply(x, map)
}

struct Pad {
    name: &'static str,
    rows: Vec<Option<usize>>,
    columns: Vec<Option<usize>>,
    input: [usize; 2],
}

impl PlaneMap for Pad {
    fn name(&self) -> &'static str {
        self.name
    }

    fn input(&self) -> [usize; 2] {
        self.input
    }

    fn output(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }

    fn work(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    #[cfg(any(feature = "cuda", test))]
    fn taps(&self) -> [Taps; 2] {
        [&self.rows, &self.columns].map(|axis| Taps::new(axis.iter().map(|s| s.map(|s| (s, 1.0)))))
    }

    fn forward<T: Element>(&self, x: &[T], y: &mut [T]) {
        let w = self.input[1];
        for (r, y) in self.rows.iter().zip(y.chunks_mut(self.columns.len())) {
            let Some(r) = r else { continue };
            let x = &x[r * w..][..w];
            for (c, y) in self.columns.iter().zip(y) {
                if let Some(c) = c {
                    *y = x[*c];
                }
            }
        }
    }

    fn adjoint<T: Element>(&self, dy: &[T], dx: &mut [T]) {
        let w = self.input[1];
        for (r, dy) in self.rows.iter().zip(dy.chunks(self.columns.len())) {
            let Some(r) = r else { continue };
            let dx = &mut dx[r * w..][..w];
            for (c, &d) in self.columns.iter().zip(dy) {
                if let Some(c) = c {
                    dx[*c] += d;
                }
            }
        }
    }
}
