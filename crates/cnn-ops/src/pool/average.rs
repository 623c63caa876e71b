//! Average pooling.

use candle_core::Tensor;

use super::Windows;
use crate::element::{Element, check_float, dims4};
use crate::error::{Error, Result};
use crate::geometry::PoolOptions;
use crate::plane::{PlaneMap, apply};
#[cfg(any(feature = "cuda", test))]
use crate::taps::Taps;

/// Whether padding counts in the divisor of an average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CountPadding {
    /// Divide by the window clipped to the padded input (PyTorch's `count_include_pad=True`).
    Include,
    /// Divide by the window clipped to the input (Keras; PyTorch's `count_include_pad=False`).
    Exclude,
}

/// Mean of every window.
///
/// ```text
/// y[b, c, i, j] = Σ x over the window / divisor      padding adds zeros
/// ```
///
/// # Shapes
///
/// - `x`: `[batch, channel, height, width]`, `f32` or `f64`
/// - returns: `[batch, channel, rows, columns]` as for [`crate::max_pool2d`]
///
/// # CUDA
///
/// One kernel for rows and columns; its adjoint gathers, so nothing is added in a random order.
///
/// # Errors
///
/// As [`crate::max_pool2d`].
///
/// # Source
///
/// PyTorch's `avg_pool2d`, including its divisor for windows that reach beyond the padded input
/// in ceil mode.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
/// use cnn_ops::{CountPadding, Padding, PoolOptions, avg_pool2d};
///
/// let x = Tensor::ones((1, 1, 2, 2), candle_core::DType::F32, &Device::Cpu)?;
/// let options = PoolOptions::square(3, 1).with_padding(Padding::symmetric(1, 1));
/// let keras = avg_pool2d(&x, &options, CountPadding::Exclude)?;
/// assert_eq!(keras.flatten_all()?.to_vec1::<f32>()?, [1., 1., 1., 1.]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn avg_pool2d(x: &Tensor, options: &PoolOptions, count: CountPadding) -> Result<Tensor> {
    apply(x, average_map(x, options, count)?)
}

pub(crate) fn average_map(
    x: &Tensor,
    options: &PoolOptions,
    count: CountPadding,
) -> Result<AveragePool> {
    const OP: &str = "avg_pool2d";
    let [_, _, h, w] = dims4(OP, "x", x)?;
    let windows = Windows::new(OP, [h, w], options)?;
    let clipped = |o: usize, padded: usize, inside: usize| {
        let _ = o;
        match count {
            CountPadding::Include => padded,
            CountPadding::Exclude => inside,
        }
    };
    let [oh, ow] = windows.output;
    let axis = |n: usize,
                range: &dyn Fn(usize) -> std::ops::Range<usize>,
                padded: &dyn Fn(usize) -> usize| {
        (0..n)
            .map(|o| {
                let r = range(o);
                let divisor = clipped(o, padded(o), r.len());
                Segment {
                    start: r.start,
                    end: r.end,
                    scale: 1.0 / divisor as f64,
                }
            })
            .collect::<Vec<_>>()
    };
    Ok(AveragePool {
        name: OP,
        rows: axis(oh, &|o| windows.rows(o), &|o| windows.padded_rows(o)),
        columns: axis(ow, &|o| windows.columns(o), &|o| windows.padded_columns(o)),
        input: [h, w],
        work: windows.work(),
    })
}

/// Mean over all rows and columns.
///
/// ```text
/// y[b, c] = Σ x[b, c, i, j] / (height·width)
/// ```
///
/// # Shapes
///
/// - `x`: `[batch, channel, height, width]`, `f32` or `f64`
/// - returns: `[batch, channel]`
///
/// # CUDA
///
/// One kernel for rows and columns; its adjoint gathers, so nothing is added in a random order.
///
/// # Errors
///
/// Rank, type or device of `x`; [`Error::EmptyMean`] if a map has no elements.
///
/// # Source
///
/// Keras' `GlobalAveragePooling2D`; PyTorch's `x.mean((2, 3))`.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[[[[1f32, 2.], [3., 6.]]]], &Device::Cpu)?;
/// assert_eq!(cnn_ops::global_avg_pool2d(&x)?.to_vec2::<f32>()?, [[3.]]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn global_avg_pool2d(x: &Tensor) -> Result<Tensor> {
    let y = adaptive("global_avg_pool2d", x, [1, 1])?;
    let [b, c, _, _] = dims4("global_avg_pool2d", "x", &y)?;
    Ok(y.reshape((b, c))?)
}

/// Mean over a grid of windows that together cover the input.
///
/// ```text
/// window i of n over size m: ⌊i·m/n⌋ .. ⌈(i + 1)·m/n⌉
/// ```
///
/// # Shapes
///
/// - `x`: `[batch, channel, height, width]`, `f32` or `f64`
/// - returns: `[batch, channel, output[0], output[1]]`
///
/// # CUDA
///
/// One kernel for rows and columns; its adjoint gathers, so nothing is added in a random order.
///
/// # Errors
///
/// Rank, type or device of `x`; an output size of zero; [`Error::EmptyMean`] if a map has no
/// elements.
///
/// # Source
///
/// PyTorch's `adaptive_avg_pool2d`.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[[[[1f32, 2., 6.]]]], &Device::Cpu)?;
/// let y = cnn_ops::adaptive_avg_pool2d(&x, [1, 2])?; // windows 0..2 and 1..3
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [1.5, 4.]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn adaptive_avg_pool2d(x: &Tensor, output: [usize; 2]) -> Result<Tensor> {
    adaptive("adaptive_avg_pool2d", x, output)
}

fn adaptive(op: &'static str, x: &Tensor, output: [usize; 2]) -> Result<Tensor> {
    apply(x, adaptive_map(op, x, output)?)
}

pub(crate) fn adaptive_map(
    op: &'static str,
    x: &Tensor,
    output: [usize; 2],
) -> Result<AveragePool> {
    check_float(op, "x", x)?;
    let [_, _, h, w] = dims4(op, "x", x)?;
    if output.contains(&0) {
        return Err(Error::ZeroOption {
            op,
            option: "output",
            value: output,
        });
    }
    if h == 0 || w == 0 {
        return Err(Error::EmptyMean {
            op,
            shape: x.dims().to_vec(),
        });
    }
    crate::element::checked_count(op, "the windows", &[h, w, output[0], output[1]])?;
    let axis = |m: usize, n: usize| {
        (0..n)
            .map(|i| {
                let start = i * m / n;
                let end = ((i + 1) * m).div_ceil(n);
                Segment {
                    start,
                    end,
                    scale: 1.0 / (end - start) as f64,
                }
            })
            .collect::<Vec<_>>()
    };
    Ok(AveragePool {
        name: op,
        rows: axis(h, output[0]),
        columns: axis(w, output[1]),
        input: [h, w],
        work: h * w,
    })
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    start: usize,
    end: usize,
    scale: f64,
}

pub(crate) struct AveragePool {
    name: &'static str,
    rows: Vec<Segment>,
    columns: Vec<Segment>,
    input: [usize; 2],
    work: usize,
}

impl AveragePool {
    /// The divisor's inverse where one window is the whole map.
    fn whole(&self) -> Option<f64> {
        let [h, w] = self.input;
        match (self.rows.as_slice(), self.columns.as_slice()) {
            ([r], [c]) if (r.start, r.end) == (0, h) && (c.start, c.end) == (0, w) => {
                Some(r.scale * c.scale)
            }
            _ => None,
        }
    }
}

impl PlaneMap for AveragePool {
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
        self.work
    }

    #[cfg(any(feature = "cuda", test))]
    fn taps(&self) -> [Taps; 2] {
        [&self.rows, &self.columns]
            .map(|axis| Taps::new(axis.iter().map(|s| (s.start..s.end).map(|i| (i, s.scale)))))
    }

    fn forward<T: Element>(&self, x: &[T], y: &mut [T]) {
        if let (Some(scale), [y]) = (self.whole(), &mut *y) {
            *y = T::from_f64(crate::norm::block_sum(x, |v| v) * scale);
            return;
        }
        // The rows of a window first, all columns at once; then the columns.
        let (w, ow) = (self.input[1], self.columns.len());
        let mut sums = vec![T::ZERO; w];
        for (row, y) in self.rows.iter().zip(y.chunks_mut(ow)) {
            sums.fill(T::ZERO);
            let rows = x.get(row.start * w..row.end * w).unwrap_or_default();
            for x in rows.chunks(w.max(1)) {
                for (sum, &v) in sums.iter_mut().zip(x) {
                    *sum += v;
                }
            }
            for (column, y) in self.columns.iter().zip(y) {
                let mut sum = T::ZERO;
                for &v in &sums[column.start..column.end] {
                    sum += v;
                }
                *y = sum * T::from_f64(row.scale * column.scale);
            }
        }
    }

    fn adjoint<T: Element>(&self, dy: &[T], dx: &mut [T]) {
        if let (Some(scale), [dy]) = (self.whole(), dy) {
            dx.fill(*dy * T::from_f64(scale));
            return;
        }
        let (w, ow) = (self.input[1], self.columns.len());
        let mut sums = vec![T::ZERO; w];
        for (row, dy) in self.rows.iter().zip(dy.chunks(ow)) {
            sums.fill(T::ZERO);
            for (column, &g) in self.columns.iter().zip(dy) {
                let g = g * T::from_f64(row.scale * column.scale);
                for sum in &mut sums[column.start..column.end] {
                    *sum += g;
                }
            }
            let rows = dx.get_mut(row.start * w..row.end * w).unwrap_or_default();
            for dx in rows.chunks_mut(w.max(1)) {
                for (dx, &sum) in dx.iter_mut().zip(&sums) {
                    *dx += sum;
                }
            }
        }
    }
}
