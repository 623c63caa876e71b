//! Convolutions with one input channel per group.
//!
//! Every plane is copied once into a padded buffer whose columns are sorted by their remainder
//! modulo the stride, so that all taps of all strides read consecutive elements.

use super::forward::Epilogue;
use super::geometry::Geometry;
use super::input_gradient::turned;
use crate::element::Element;
use crate::parallel::vec_by_chunks;
use crate::simd::{LANES, kernel, multiply_add};

/// Shape of the padded buffer.
#[derive(Debug, Clone, Copy)]
struct Padded {
    rows: usize,
    /// Elements per row and remainder, with room to read whole vectors.
    width: usize,
    stride: usize,
}

impl Padded {
    fn new(g: &Geometry) -> Self {
        let needed =
            |i: usize| (g.output[i] - 1) * g.stride[i] + (g.kernel[i] - 1) * g.dilation[i] + 1;
        Self {
            rows: needed(0),
            width: needed(1).div_ceil(g.stride[1]) + LANES,
            stride: g.stride[1],
        }
    }

    fn row(&self) -> usize {
        self.width * self.stride
    }

    fn len(&self) -> usize {
        self.rows * self.row()
    }

    /// Offset of kernel element (u, v) from that of an output row's first element.
    fn tap(&self, g: &Geometry, u: usize, v: usize) -> usize {
        let across = v * g.dilation[1];
        u * g.dilation[0] * self.row() + across % self.stride * self.width + across / self.stride
    }

    /// Calls `f(buffer row, plane row)` for every buffer row that holds one.
    fn rows_inside(&self, g: &Geometry) -> impl Iterator<Item = (usize, usize)> {
        let (offset, height) = (g.offset[0], g.input[0] as isize);
        (0..self.rows).filter_map(move |r| {
            let source = r as isize - offset;
            (0..height)
                .contains(&source)
                .then_some((r, source as usize))
        })
    }

    /// Buffer position of plane column 0 and the plane columns that have one.
    fn columns_inside(&self, g: &Geometry) -> std::ops::Range<usize> {
        let padded = (self.width - LANES) * self.stride;
        let start = (-g.offset[1]).max(0) as usize;
        let end = (padded as isize - g.offset[1]).clamp(0, g.input[1] as isize) as usize;
        start.min(end)..end
    }

    fn load<T: Element>(&self, g: &Geometry, x: &[T], buffer: &mut [T]) {
        buffer.fill(T::ZERO);
        let inside = self.columns_inside(g);
        for (r, source) in self.rows_inside(g) {
            let x = &x[source * g.input[1]..(source + 1) * g.input[1]];
            let row = &mut buffer[r * self.row()..(r + 1) * self.row()];
            let first = (inside.start as isize + g.offset[1]) as usize;
            if self.stride == 1 {
                row[first..first + inside.len()].copy_from_slice(&x[inside.clone()]);
            } else {
                for (at, &x) in (first..).zip(&x[inside.clone()]) {
                    row[at % self.stride * self.width + at / self.stride] = x;
                }
            }
        }
    }

    fn add_back<T: Element>(&self, g: &Geometry, buffer: &[T], dx: &mut [T]) {
        let inside = self.columns_inside(g);
        for (r, source) in self.rows_inside(g) {
            let dx = &mut dx[source * g.input[1]..(source + 1) * g.input[1]];
            let row = &buffer[r * self.row()..(r + 1) * self.row()];
            let first = (inside.start as isize + g.offset[1]) as usize;
            for (at, dx) in (first..).zip(&mut dx[inside.clone()]) {
                *dx += row[at % self.stride * self.width + at / self.stride];
            }
        }
    }
}

/// Offsets into the padded buffer of all kernel elements.
fn taps(g: &Geometry, p: &Padded) -> Vec<usize> {
    let kw = g.kernel[1];
    (0..g.kernel[0] * kw)
        .map(|i| p.tap(g, i / kw, i % kw))
        .collect()
}

/// Kernel elements whose sums are kept in registers together: all of a 3×3 kernel.
const TOGETHER: usize = 9;

kernel! {
    /// One output plane from a padded buffer.
    fn correlate<T>(
        buffer: &[T],
        taps: &[usize],
        w: &[T],
        step: usize,
        width: usize,
        y: &mut [T],
    ) {
        for (i, y) in y.chunks_mut(width).enumerate() {
            let row = &buffer[i * step..];
            for (block, y) in y.chunks_mut(LANES).enumerate() {
                let row = &row[block * LANES..];
                let mut sum = [T::ZERO; LANES];
                for (&offset, &w) in taps.iter().zip(w) {
                    let x = &row[offset..offset + LANES];
                    for (sum, &x) in sum.iter_mut().zip(x) {
                        *sum = multiply_add::<T, FMA>(w, x, *sum);
                    }
                }
                y.copy_from_slice(&sum[..y.len()]);
            }
        }
    }
}

kernel! {
    /// Adds one output gradient plane times the kernel into a padded buffer.
    fn spread<T>(
        dy: &[T],
        taps: &[usize],
        w: &[T],
        step: usize,
        width: usize,
        buffer: &mut [T],
    ) {
        for (i, dy) in dy.chunks(width).enumerate() {
            for (&offset, &w) in taps.iter().zip(w) {
                let row = &mut buffer[i * step + offset..][..width];
                for (to, &d) in row.iter_mut().zip(dy) {
                    *to = multiply_add::<T, FMA>(w, d, *to);
                }
            }
        }
    }
}

kernel! {
    /// Adds to `sums` the products of one output gradient plane with every tap.
    fn contract<T>(
        buffer: &[T],
        dy: &[T],
        taps: &[usize],
        step: usize,
        width: usize,
        sums: &mut [[T; LANES]],
    ) {
        for (totals, taps) in sums.chunks_mut(TOGETHER).zip(taps.chunks(TOGETHER)) {
            // What a shorter group has too few repeats its first tap, and is dropped.
            let mut offsets = [taps[0]; TOGETHER];
            offsets[..taps.len()].copy_from_slice(taps);
            let mut sum = [[T::ZERO; LANES]; TOGETHER];
            sum[..totals.len()].copy_from_slice(totals);
            for (i, dy) in dy.chunks(width).enumerate() {
                let row = &buffer[i * step..];
                let blocks = dy.chunks_exact(LANES);
                let rest = blocks.remainder();
                for (block, dy) in blocks.enumerate() {
                    for (sum, &offset) in sum.iter_mut().zip(&offsets) {
                        let x = &row[block * LANES + offset..][..LANES];
                        for ((sum, &x), &d) in sum.iter_mut().zip(x).zip(dy) {
                            *sum = multiply_add::<T, FMA>(x, d, *sum);
                        }
                    }
                }
                for (sum, &offset) in sum.iter_mut().zip(&offsets) {
                    let x = &row[width - rest.len() + offset..];
                    for ((sum, &x), &d) in sum.iter_mut().zip(x).zip(rest) {
                        *sum = multiply_add::<T, FMA>(x, d, *sum);
                    }
                }
            }
            totals.copy_from_slice(&sum[..totals.len()]);
        }
    }
}

/// `y` of a depthwise convolution.
pub(crate) fn forward<T: Element>(
    g: &Geometry,
    x: &[T],
    w: &[T],
    epilogue: Epilogue<'_, T>,
) -> Vec<T> {
    let p = Padded::new(g);
    let taps = taps(g, &p);
    let (plane, pixels) = (g.input[0] * g.input[1], g.output[0] * g.output[1]);
    let k = g.kernel[0] * g.kernel[1];
    let length = g.batch * g.filters * pixels;
    vec_by_chunks(length, pixels, g.products(), |i, y| {
        let (image, filter) = (i / g.filters, i % g.filters);
        let channel = filter / g.group_filters();
        let x = &x[(image * g.channels + channel) * plane..][..plane];
        let w = &w[filter * k..(filter + 1) * k];
        T::with_scratch(p.len(), |buffer| {
            p.load(g, x, buffer);
            correlate(buffer, &taps, w, g.stride[0] * p.row(), g.output[1], y);
        });
        if !epilogue.is_none() {
            epilogue.apply(filter, i * pixels, y);
        }
    })
}

/// `dx` of a depthwise convolution.
pub(crate) fn input_gradient<T: Element>(g: &Geometry, dy: &[T], w: &[T]) -> Vec<T> {
    if let Some(t) = g.transposed().filter(|_| g.group_filters() == 1) {
        return forward(&t, dy, &turned(g, w), Epilogue::none());
    }
    let p = Padded::new(g);
    let taps = taps(g, &p);
    let (plane, pixels) = (g.input[0] * g.input[1], g.output[0] * g.output[1]);
    let k = g.kernel[0] * g.kernel[1];
    let length = g.batch * g.channels * plane;
    vec_by_chunks(length, plane, g.products(), |i, dx| {
        let (image, channel) = (i / g.channels, i % g.channels);
        T::with_scratch(p.len(), |buffer| {
            buffer.fill(T::ZERO);
            for filter in channel * g.group_filters()..(channel + 1) * g.group_filters() {
                let dy = &dy[(image * g.filters + filter) * pixels..][..pixels];
                let w = &w[filter * k..(filter + 1) * k];
                spread(dy, &taps, w, g.stride[0] * p.row(), g.output[1], buffer);
            }
            p.add_back(g, buffer, dx);
        });
    })
}

/// Pixels summed before the sum goes over to `f64`.
const SHORT: usize = 1 << 13;

/// `dw` of a depthwise convolution.
pub(crate) fn weight_gradient<T: Element>(g: &Geometry, dy: &[T], x: &[T]) -> Vec<T> {
    let p = Padded::new(g);
    let taps = taps(g, &p);
    let (plane, pixels) = (g.input[0] * g.input[1], g.output[0] * g.output[1]);
    let k = g.kernel[0] * g.kernel[1];
    let images = (SHORT / pixels).max(1);
    vec_by_chunks(g.filters * k, k, g.products(), |filter, dw| {
        let channel = filter / g.group_filters();
        let mut totals = vec![0.0; k];
        let mut sums = vec![[T::ZERO; LANES]; k];
        T::with_scratch(p.len(), |buffer| {
            for image in 0..g.batch {
                p.load(
                    g,
                    &x[(image * g.channels + channel) * plane..][..plane],
                    buffer,
                );
                let dy = &dy[(image * g.filters + filter) * pixels..][..pixels];
                contract(
                    buffer,
                    dy,
                    &taps,
                    g.stride[0] * p.row(),
                    g.output[1],
                    &mut sums,
                );
                // Short sums in T, long ones in f64.
                if (image + 1) % images == 0 || image + 1 == g.batch {
                    for (total, sum) in totals.iter_mut().zip(&mut sums) {
                        *total += sum.iter().map(|s| s.to_f64()).sum::<f64>();
                        *sum = [T::ZERO; LANES];
                    }
                }
            }
        });
        for (dw, total) in dw.iter_mut().zip(totals) {
            *dw = T::from_f64(total);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;

    /// Whole numbers, so that fused and separate multiply-adds agree exactly.
    #[test]
    fn kernels_agree_between_instruction_sets() {
        let numbers = |n: usize| {
            (0..n)
                .map(|i| (i * 37 % 11) as f32 - 5.0)
                .collect::<Vec<_>>()
        };
        let taps: Vec<usize> = (0..15).map(|i| i / 3 * 60 + i % 3).collect();
        let w: Vec<f32> = (0..15).map(|i| i as f32).collect();
        let run = |level: Level| {
            let (buffer, dy) = (numbers(60 * 26), numbers(20 * 37));
            let mut y = vec![0.0; 20 * 37];
            correlate::at(level, &buffer, &taps, &w, 60, 37, &mut y);
            let mut spreads = vec![0.0; 60 * 26];
            spread::at(level, &dy, &taps, &w, 60, 37, &mut spreads);
            let mut sums = vec![[0.0; LANES]; 15];
            contract::at(level, &buffer, &dy, &taps, 60, 37, &mut sums);
            (y, spreads, sums)
        };
        let levels = Level::available();
        for &level in &levels {
            assert_eq!(run(level), run(levels[0]), "{level:?}");
        }
    }
}
