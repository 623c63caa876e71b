//! Input patches of a tile of output pixels as a matrix (`im2col`).

use super::geometry::Geometry;
use crate::element::Element;
use crate::simd::copy_strided;

/// A run of output pixels of consecutive images: part of one image, or several whole ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) image: usize,
    pub(crate) images: usize,
    /// First pixel and number of pixels in each image.
    pub(crate) start: usize,
    pub(crate) pixels: usize,
}

impl Tile {
    pub(crate) fn len(&self) -> usize {
        self.images * self.pixels
    }

    /// Cuts `batch` images of `pixels` output pixels into tiles of about `target`.
    pub(crate) fn cut(batch: usize, pixels: usize, target: usize) -> Vec<Self> {
        if pixels > target {
            // Equal parts of a whole number of vectors.
            let parts = pixels.div_ceil(target);
            let step = pixels.div_ceil(parts).next_multiple_of(16);
            (0..batch)
                .flat_map(|image| {
                    (0..pixels).step_by(step).map(move |start| Self {
                        image,
                        images: 1,
                        start,
                        pixels: step.min(pixels - start),
                    })
                })
                .collect()
        } else {
            let step = (target / pixels.max(1)).max(1);
            (0..batch)
                .step_by(step)
                .map(|image| Self {
                    image,
                    images: step.min(batch - image),
                    start: 0,
                    pixels,
                })
                .collect()
        }
    }
}

/// Writes the patches of `channels` (absolute channel numbers) under the pixels of `tile`, into
/// rows that begin `pitch` apart.
///
/// ```text
/// columns[(c·rows + u)·columns + v][pixel] = x[image, c, i·s₀ + u·d₀ − top, j·s₁ + v·d₁ − left]
/// ```
pub(crate) fn gather<T: Element>(
    g: &Geometry,
    x: &[T],
    channels: std::ops::Range<usize>,
    tile: &Tile,
    columns: &mut [T],
    pitch: usize,
) {
    let plane = g.input[0] * g.input[1];
    let [kh, kw] = g.kernel;
    let shifted = g.stride == [1, 1] && g.output[1] == g.input[1];
    let mut rows = columns.chunks_mut(pitch);
    for c in channels {
        for u in 0..kh {
            for v in 0..kw {
                let Some(row) = rows.next() else { return };
                for (n, out) in row[..tile.len()].chunks_mut(tile.pixels).enumerate() {
                    let x = &x[((tile.image + n) * g.channels + c) * plane..][..plane];
                    if shifted {
                        gather_shifted(g, x, u, v, tile.start, out);
                    } else {
                        gather_rows(g, x, u, v, tile.start, out);
                    }
                }
            }
        }
    }
}

/// Stride 1 and equal widths: a patch row is the plane moved by a constant distance, with zeros
/// where it would wrap around.
fn gather_shifted<T: Element>(
    g: &Geometry,
    x: &[T],
    u: usize,
    v: usize,
    start: usize,
    out: &mut [T],
) {
    let width = g.input[1];
    let down = (u * g.dilation[0]) as isize - g.offset[0];
    let across = (v * g.dilation[1]) as isize - g.offset[1];
    if across.unsigned_abs() >= width {
        out.fill(T::ZERO);
        return;
    }
    let first = start as isize + down * width as isize + across;
    let length = out.len();
    // Elements of `out` whose source index lies inside the plane.
    let begin = (-first).clamp(0, length as isize) as usize;
    let end = (x.len() as isize - first).clamp(begin as isize, length as isize) as usize;
    out[..begin].fill(T::ZERO);
    out[end..].fill(T::ZERO);
    if begin < end {
        let from = (first + begin as isize) as usize;
        out[begin..end].copy_from_slice(&x[from..from + end - begin]);
    }
    if across == 0 {
        return;
    }
    // Columns whose source lies left or right of the plane.
    let (wrap_start, wrap) = if across < 0 {
        (0, across.unsigned_abs())
    } else {
        (width - across.unsigned_abs(), across.unsigned_abs())
    };
    if start.is_multiple_of(width) && length.is_multiple_of(width) {
        for row in out.chunks_exact_mut(width) {
            if wrap == 1 {
                row[wrap_start] = T::ZERO;
            } else {
                row[wrap_start..wrap_start + wrap].fill(T::ZERO);
            }
        }
        return;
    }
    let first_row = start / width * width;
    let mut at = first_row + wrap_start;
    while at < start + length {
        for p in at.max(start)..(at + wrap).min(start + length) {
            out[p - start] = T::ZERO;
        }
        at += width;
    }
}

fn gather_rows<T: Element>(
    g: &Geometry,
    x: &[T],
    u: usize,
    v: usize,
    start: usize,
    mut out: &mut [T],
) {
    let (width, out_width) = (g.input[1], g.output[1]);
    let (mut i, mut j) = (start / out_width, start % out_width);
    let valid = g.valid(1, v);
    while !out.is_empty() {
        let length = (out_width - j).min(out.len());
        let (row, rest) = std::mem::take(&mut out).split_at_mut(length);
        out = rest;
        match g.source(0, i, u) {
            None => row.fill(T::ZERO),
            Some(r) => {
                let begin = valid.start.clamp(j, j + length) - j;
                let end = valid.end.clamp(j + begin, j + length) - j;
                row[..begin].fill(T::ZERO);
                row[end..].fill(T::ZERO);
                if begin < end {
                    let first =
                        ((j + begin) * g.stride[1] + v * g.dilation[1]) as isize - g.offset[1];
                    let from = &x[r * width + first as usize..(r + 1) * width];
                    let row = &mut row[begin..end];
                    if g.stride[1] == 1 {
                        row.copy_from_slice(&from[..row.len()]);
                    } else {
                        copy_strided(from, g.stride[1], row);
                    }
                }
            }
        }
        i += 1;
        j = 0;
    }
}

/// Adds patches back to the plane they came from: the adjoint of [`gather`].
///
/// `dx` holds the planes of `channels` of the one image of `tile`.
pub(crate) fn scatter<T: Element>(g: &Geometry, columns: &[T], tile: &Tile, dx: &mut [T]) {
    let plane = g.input[0] * g.input[1];
    let [kh, kw] = g.kernel;
    let (width, out_width) = (g.input[1], g.output[1]);
    let mut rows = columns.chunks(tile.len());
    for dx in dx.chunks_mut(plane) {
        for u in 0..kh {
            for v in 0..kw {
                let Some(mut row) = rows.next() else { return };
                let valid = g.valid(1, v);
                let (mut i, mut j) = (tile.start / out_width, tile.start % out_width);
                while !row.is_empty() {
                    let length = (out_width - j).min(row.len());
                    let (part, rest) = row.split_at(length);
                    row = rest;
                    if let Some(r) = g.source(0, i, u) {
                        let begin = valid.start.clamp(j, j + length) - j;
                        let end = valid.end.clamp(j + begin, j + length) - j;
                        if begin < end {
                            let first = ((j + begin) * g.stride[1] + v * g.dilation[1]) as isize
                                - g.offset[1];
                            let to = &mut dx[r * width + first as usize..(r + 1) * width];
                            for (to, &d) in
                                to.iter_mut().step_by(g.stride[1]).zip(&part[begin..end])
                            {
                                *to += d;
                            }
                        }
                    }
                    i += 1;
                    j = 0;
                }
            }
        }
    }
}
