//! Maximum pooling.

use std::sync::{Arc, OnceLock};

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use super::Windows;
use crate::element::{Element, check_float, checked_count, dims4, elements, with_element};
use crate::error::Result;
use crate::geometry::PoolOptions;
use crate::parallel::{vec_by_chunks, vecs_by_chunks};
use crate::simd::{copy_strided, kernel};

const OP: &str = "max_pool2d";

/// Largest value of every window.
///
/// ```text
/// y[b, c, i, j] = max x[b, c, i·s₀ − top + u, j·s₁ − left + v]      padding counts as −∞
/// ```
///
/// The gradient goes to the first maximum of a window in row-major order; a window that holds a
/// NaN yields NaN.
///
/// # Shapes
///
/// - `x`: `[batch, channel, height, width]`, `f32` or `f64`
/// - returns: `[batch, channel, rows, columns]`, each `⌊(n + padding − kernel)/stride⌋ + 1`, or
///   rounded up in ceil mode unless the last window would start in the padding
///
/// # CUDA
///
/// Own kernels, equal bits. The backward pass finds the maxima again and gathers from them.
///
/// # Errors
///
/// Rank, type or device of `x`; a window, stride or size of zero; a padding as large as the
/// kernel; a kernel larger than the padded input.
///
/// # Source
///
/// PyTorch's `max_pool2d`. Stock candle scales this gradient by 1/kernel² and has none where
/// kernel and stride differ.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
/// use cnn_ops::{Padding, PoolOptions, max_pool2d};
///
/// let x = Tensor::arange(0f32, 16., &Device::Cpu)?.reshape((1, 1, 4, 4))?;
/// let options = PoolOptions::square(3, 2).with_padding(Padding::symmetric(1, 1));
/// let y = max_pool2d(&x, &options)?.flatten_all()?.to_vec1::<f32>()?;
/// assert_eq!(y, [5., 7., 13., 15.]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn max_pool2d(x: &Tensor, options: &PoolOptions) -> Result<Tensor> {
    check_float(OP, "x", x)?;
    let [b, c, h, w] = dims4(OP, "x", x)?;
    let windows = Windows::new(OP, [h, w], options)?;
    let [oh, ow] = windows.output;
    checked_count(OP, "the output", &[b, c, oh, ow])?;
    let x = x.contiguous()?;
    let op = MaxPool {
        windows,
        first_maximum: Arc::new(OnceLock::new()),
        keep: x.track_op(),
    };
    Ok(if op.keep {
        x.apply_op1(op)?
    } else {
        x.apply_op1_no_bwd(&op)?
    })
}

/// The result of [`record_max`].
pub(crate) struct RecordedMax {
    pub(crate) output: Tensor,
    pub(crate) back: MaxBack,
}

/// The way back of a pool.
pub(crate) struct MaxBack {
    windows: Windows,
    first_maximum: Arc<OnceLock<Vec<u32>>>,
    /// Where no maxima were kept: they are found again.
    #[cfg(feature = "cuda")]
    x: Option<Tensor>,
}

/// The pool outside candle's graph, with its maxima kept.
pub(crate) fn record_max(x: &Tensor, options: &PoolOptions) -> Result<RecordedMax> {
    check_float(OP, "x", x)?;
    let [b, c, h, w] = dims4(OP, "x", x)?;
    let windows = Windows::new(OP, [h, w], options)?;
    let [oh, ow] = windows.output;
    checked_count(OP, "the output", &[b, c, oh, ow])?;
    let x = x.contiguous()?;
    let op = MaxPool {
        windows,
        first_maximum: Arc::new(OnceLock::new()),
        keep: true,
    };
    Ok(RecordedMax {
        output: x.apply_op1_no_bwd(&op)?,
        back: MaxBack {
            windows,
            first_maximum: op.first_maximum,
            #[cfg(feature = "cuda")]
            x: x.device().is_cuda().then_some(x),
        },
    })
}

impl MaxBack {
    pub(crate) fn pull(&self, dy: &Tensor) -> candle_core::Result<Tensor> {
        #[cfg(feature = "cuda")]
        if let Some(x) = &self.x {
            return crate::cuda::pool::max_backward(&self.windows, x, dy);
        }
        dy.apply_op1_no_bwd(&MaxPoolBackward {
            windows: self.windows,
            first_maximum: self.first_maximum.clone(),
        })
    }
}

struct MaxPool {
    windows: Windows,
    /// Offset of the maximum in its plane, kept for the backward pass.
    first_maximum: Arc<OnceLock<Vec<u32>>>,
    keep: bool,
}

kernel! {
    /// Takes element `j` of `x`, at position `first + j·stride` of its plane, wherever it exceeds
    /// `best[j]`.
    fn take_larger<T>(x: &[T], stride: u32, first: u32, best: &mut [T], at: &mut [u32]) {
        let n = best.len();
        let (x, at) = (&x[..n], &mut at[..n]);
        for j in 0..n {
            // Selections instead of branches, which would often be guessed wrong.
            let (v, b) = (x[j], best[j]);
            let take = (v > b) | v.is_nan();
            let position = first.wrapping_add((j as u32).wrapping_mul(stride));
            best[j] = if take { v } else { b };
            at[j] = if take { position } else { at[j] };
        }
    }
}

fn forward<T: Element>(m: &Windows, x: &[T], y: &mut [T], at: &mut [u32]) {
    let ow = m.output[1];
    let (w, stride) = (m.input[1], m.options.stride[1]);
    let left = m.options.padding.left;
    let mut values = vec![T::ZERO; ow];
    for (i, (best, at)) in y.chunks_mut(ow).zip(at.chunks_mut(ow)).enumerate() {
        let rows = m.rows(i);
        best.fill(T::NEG_INFINITY);
        for (j, at) in at.iter_mut().enumerate() {
            *at = (rows.start * w + m.columns(j).start) as u32;
        }
        for r in rows {
            for v in 0..m.options.kernel[1].min(w + left) {
                // Output columns whose element v lies inside the row.
                let start = left.saturating_sub(v).div_ceil(stride).min(ow);
                let end = (w + left - v).div_ceil(stride).clamp(start, ow);
                if start < end {
                    let first = start * stride + v - left;
                    let row = &x[r * w + first..(r + 1) * w];
                    let (best, at) = (&mut best[start..end], &mut at[start..end]);
                    let position = (r * w + first) as u32;
                    if stride == 1 {
                        take_larger(&row[..best.len()], 1, position, best, at);
                    } else {
                        let step = u32::try_from(stride).unwrap_or(u32::MAX);
                        let row_values = &mut values[..best.len()];
                        copy_strided(row, stride, row_values);
                        take_larger(row_values, step, position, best, at);
                    }
                }
            }
        }
    }
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        OP
    }

    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        with_element!(OP, s.dtype(), T => {
            let x = elements::<T>(OP, s, l)?;
            let (b, c, h, w) = l.shape().dims4()?;
            let m = &self.windows;
            let [oh, ow] = m.output;
            let n = b * c * oh * ow;
            let work = m.work().saturating_mul(b * c);
            let plane = |i: usize| &x[i * h * w..(i + 1) * h * w];
            let y = if self.keep {
                let (y, index) = vecs_by_chunks(n, oh * ow, work, |i, y, index| {
                    forward(m, plane(i), y, index);
                });
                let _ = self.first_maximum.set(index);
                y
            } else {
                vec_by_chunks(n, oh * ow, work, |i, y: &mut [T]| {
                    forward(m, plane(i), y, &mut vec![0; oh * ow]);
                })
            };
            Ok((T::to_cpu_storage_owned(y), Shape::from((b, c, oh, ow))))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s: &CudaStorage, l: &Layout) -> candle_core::Result<(CudaStorage, Shape)> {
        let x = crate::cuda::Source::new(s, l);
        with_element!(OP, s.dtype(), T => crate::cuda::pool::max::<T>(&self.windows, x))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        if !x.track_op() {
            return Ok(None);
        }
        #[cfg(feature = "cuda")]
        if x.device().is_cuda() {
            let dy = grad.contiguous()?;
            return crate::cuda::pool::max_backward(&self.windows, x, &dy).map(Some);
        }
        let op = MaxPoolBackward {
            windows: self.windows,
            first_maximum: self.first_maximum.clone(),
        };
        Ok(Some(grad.contiguous()?.apply_op1_no_bwd(&op)?))
    }
}

struct MaxPoolBackward {
    windows: Windows,
    first_maximum: Arc<OnceLock<Vec<u32>>>,
}

impl CustomOp1 for MaxPoolBackward {
    fn name(&self) -> &'static str {
        OP
    }

    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        with_element!(OP, s.dtype(), T => {
                    let dy = elements::<T>(OP, s, l)?;
                    let (b, c, oh, ow) = l.shape().dims4()?;
                    let [h, w] = self.windows.input;
                    let index = self
                        .first_maximum
                        .get()
                        .filter(|index| index.len() == dy.len())
                        .ok_or(candle_core::Error::BackwardNotSupported { op: OP })?;
                    let plane = oh * ow;
        let dx = vec_by_chunks(b * c * h * w, h * w, dy.len(), |i, dx| {
                        let range = i * plane..(i + 1) * plane;
                        for (&g, &at) in dy[range.clone()].iter().zip(&index[range]) {
                            dx[at as usize] += g;
                        }
                    });
                    Ok((T::to_cpu_storage_owned(dx), Shape::from((b, c, h, w))))
                })
    }
}

#[cfg(test)]
mod tests {
    use super::take_larger;
    use crate::simd::Level;

    #[test]
    fn kernels_agree_between_instruction_sets() {
        for level in Level::available() {
            for n in 0..70 {
                let x: Vec<f32> = (0..n).map(|i| (i * 37 % 11) as f32).collect();
                let before: Vec<f32> = (0..n).map(|i| (i * 23 % 11) as f32).collect();
                let (mut best, mut at) = (before.clone(), vec![7; n]);
                take_larger::at(level, &x, 2, 100, &mut best, &mut at);
                for i in 0..n {
                    // a tie keeps the first
                    let taken = x[i] > before[i];
                    assert_eq!(best[i], x[i].max(before[i]));
                    assert_eq!(at[i], if taken { 100 + 2 * i as u32 } else { 7 });
                }
            }
            let (mut best, mut at) = ([1f32], [7]);
            take_larger::at(level, &[f32::NAN], 2, 100, &mut best, &mut at);
            assert!(best[0].is_nan() && at == [100]);
        }
    }
}
