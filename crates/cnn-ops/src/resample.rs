//! Upsampling: maps to maps of another size.

use candle_core::Tensor;

use crate::element::{Element, check_float, checked_count, dims4};
use crate::error::{Error, Result};
use crate::plane::{PlaneMap, apply};
#[cfg(any(feature = "cuda", test))]
use crate::taps::Taps;

/// Which points of the two grids coincide in bilinear interpolation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Corners {
    /// The centres of the corner pixels (PyTorch's `align_corners=True`).
    Align,
    /// The outer edges of the corner pixels (PyTorch's `align_corners=False`, OpenCV, TensorFlow 2).
    HalfPixel,
}

/// Bilinear interpolation to another size.
///
/// ```text
/// Align:      source = i·(n_in − 1)/(n_out − 1)
/// HalfPixel:  source = max(0, (i + 1/2)·n_in/n_out − 1/2)
/// y = (1 − f)·x[⌊source⌋] + f·x[⌊source⌋ + 1],  f = source − ⌊source⌋     along each axis
/// ```
///
/// Making maps smaller interpolates without a low-pass filter, as PyTorch does by default.
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
/// Rank, type or device of `x`; an input or output size of zero.
///
/// # Source
///
/// PyTorch's `interpolate(mode="bilinear", antialias=False)`.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
/// use cnn_ops::{Corners, upsample_bilinear2d};
///
/// let x = Tensor::new(&[[[[0f32, 1.]]]], &Device::Cpu)?;
/// let y = upsample_bilinear2d(&x, [1, 3], Corners::Align)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [0., 0.5, 1.]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn upsample_bilinear2d(x: &Tensor, output: [usize; 2], corners: Corners) -> Result<Tensor> {
    const OP: &str = "upsample_bilinear2d";
    let [h, w] = check_sizes(OP, x, output)?;
    let map = Bilinear {
        rows: taps(h, output[0], corners),
        columns: taps(w, output[1], corners),
        input: [h, w],
    };
    apply(x, map)
}

/// Nearest-neighbour interpolation to another size.
///
/// ```text
/// y[i, j] = x[⌊i·h/H⌋, ⌊j·w/W⌋]
/// ```
///
/// # Shapes
///
/// - `x`: `[batch, channel, height, width]`, `f32` or `f64`
/// - returns: `[batch, channel, output[0], output[1]]`
///
/// # CUDA
///
/// As [`upsample_bilinear2d`], with one tap per output.
///
/// # Errors
///
/// Rank, type or device of `x`; an input or output size of zero.
///
/// # Source
///
/// PyTorch's `interpolate(mode="nearest")`, with the index in exact integer arithmetic where
/// PyTorch rounds the ratio to `f32`.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[[[[1f32, 2.]]]], &Device::Cpu)?;
/// let y = cnn_ops::upsample_nearest2d(&x, [1, 4])?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [1., 1., 2., 2.]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn upsample_nearest2d(x: &Tensor, output: [usize; 2]) -> Result<Tensor> {
    apply(x, nearest_map(x, output)?)
}

pub(crate) fn nearest_map(x: &Tensor, output: [usize; 2]) -> Result<Nearest> {
    const OP: &str = "upsample_nearest2d";
    let [h, w] = check_sizes(OP, x, output)?;
    let source = |n: usize, m: usize| (0..m).map(|i| i * n / m).collect::<Vec<_>>();
    Ok(Nearest {
        rows: source(h, output[0]),
        columns: source(w, output[1]),
        input: [h, w],
    })
}

fn check_sizes(op: &'static str, x: &Tensor, output: [usize; 2]) -> Result<[usize; 2]> {
    check_float(op, "x", x)?;
    let [_, _, h, w] = dims4(op, "x", x)?;
    for (option, value) in [("output", output), ("input", [h, w])] {
        if value.contains(&0) {
            return Err(Error::ZeroOption { op, option, value });
        }
    }
    checked_count(op, "the grid", &[h, output[0]])?;
    checked_count(op, "the grid", &[w, output[1]])?;
    Ok([h, w])
}

#[derive(Debug, Clone, Copy)]
struct Tap {
    low: usize,
    high: usize,
    fraction: f64,
}

fn taps(n: usize, m: usize, corners: Corners) -> Vec<Tap> {
    (0..m)
        .map(|i| {
            let source = match corners {
                Corners::Align if m == 1 => 0.0,
                Corners::Align => (i * (n - 1)) as f64 / (m - 1) as f64,
                Corners::HalfPixel => ((i as f64 + 0.5) * n as f64 / m as f64 - 0.5).max(0.0),
            };
            let low = (source.floor() as usize).min(n - 1);
            let high = (low + 1).min(n - 1);
            Tap {
                low,
                high,
                fraction: (source - low as f64).clamp(0.0, 1.0),
            }
        })
        .collect()
}

struct Bilinear {
    rows: Vec<Tap>,
    columns: Vec<Tap>,
    input: [usize; 2],
}

impl PlaneMap for Bilinear {
    fn name(&self) -> &'static str {
        "upsample_bilinear2d"
    }

    fn input(&self) -> [usize; 2] {
        self.input
    }

    fn output(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }

    fn work(&self) -> usize {
        4 * self.rows.len() * self.columns.len()
    }

    #[cfg(any(feature = "cuda", test))]
    fn taps(&self) -> [Taps; 2] {
        [&self.rows, &self.columns].map(|axis| {
            Taps::new(
                axis.iter()
                    .map(|t| [(t.low, 1.0 - t.fraction), (t.high, t.fraction)]),
            )
        })
    }

    fn forward<T: Element>(&self, x: &[T], y: &mut [T]) {
        let w = self.input[1];
        let mut blend = vec![T::ZERO; w];
        for (row, y) in self.rows.iter().zip(y.chunks_mut(self.columns.len())) {
            let f = T::from_f64(row.fraction);
            let g = T::from_f64(1.0 - row.fraction);
            let (low, high) = (&x[row.low * w..][..w], &x[row.high * w..][..w]);
            for ((b, &l), &h) in blend.iter_mut().zip(low).zip(high) {
                *b = g * l + f * h;
            }
            for (c, y) in self.columns.iter().zip(y) {
                *y = T::from_f64(1.0 - c.fraction) * blend[c.low]
                    + T::from_f64(c.fraction) * blend[c.high];
            }
        }
    }

    fn adjoint<T: Element>(&self, dy: &[T], dx: &mut [T]) {
        let w = self.input[1];
        let mut blend = vec![T::ZERO; w];
        for (row, dy) in self.rows.iter().zip(dy.chunks(self.columns.len())) {
            blend.fill(T::ZERO);
            for (c, &d) in self.columns.iter().zip(dy) {
                blend[c.low] += T::from_f64(1.0 - c.fraction) * d;
                blend[c.high] += T::from_f64(c.fraction) * d;
            }
            let f = T::from_f64(row.fraction);
            let g = T::from_f64(1.0 - row.fraction);
            for (d, &b) in dx[row.low * w..][..w].iter_mut().zip(&blend) {
                *d += g * b;
            }
            for (d, &b) in dx[row.high * w..][..w].iter_mut().zip(&blend) {
                *d += f * b;
            }
        }
    }
}

pub(crate) struct Nearest {
    rows: Vec<usize>,
    columns: Vec<usize>,
    input: [usize; 2],
}

impl PlaneMap for Nearest {
    fn name(&self) -> &'static str {
        "upsample_nearest2d"
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
        [&self.rows, &self.columns].map(|axis| Taps::new(axis.iter().map(|&s| [(s, 1.0)])))
    }

    fn forward<T: Element>(&self, x: &[T], y: &mut [T]) {
        let w = self.input[1];
        for (&r, y) in self.rows.iter().zip(y.chunks_mut(self.columns.len())) {
            let x = &x[r * w..][..w];
            for (&c, y) in self.columns.iter().zip(y) {
                *y = x[c];
            }
        }
    }

    fn adjoint<T: Element>(&self, dy: &[T], dx: &mut [T]) {
        let w = self.input[1];
        for (&r, dy) in self.rows.iter().zip(dy.chunks(self.columns.len())) {
            let dx = &mut dx[r * w..][..w];
            for (&c, &d) in self.columns.iter().zip(dy) {
                dx[c] += d;
            }
        }
    }
}
