//! Convolution as matrix products over tiles of patches.
#![allow(unsafe_code)]

use std::ops::Range;

use super::geometry::Geometry;
use super::patches::{Tile, gather};
use super::product::{Matrix, multiply};
use crate::element::Element;
use crate::parallel::{Shared, fill_vec, for_each_task};
use crate::simd::kernel;

/// Output pixels per tile.
const TILE: usize = 256;
/// Elements of a block of patches, sized for the second-level cache.
const PATCHES: usize = 1 << 18;
/// Tasks a large convolution is cut into.
const TASKS: usize = 8;
/// Fewest filters that share the patches of a tile.
const LEAST: usize = 64;

/// What happens to every output element after its sum.
#[derive(Clone, Copy)]
pub(crate) struct Epilogue<'a, T> {
    pub(crate) bias: Option<&'a [T]>,
    /// Elements of the output's shape to add.
    pub(crate) residual: Option<&'a [T]>,
    pub(crate) relu: bool,
}

impl<T: Element> Epilogue<'_, T> {
    pub(crate) fn none() -> Self {
        Self {
            bias: None,
            residual: None,
            relu: false,
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.bias.is_none() && self.residual.is_none() && !self.relu
    }

    /// Finishes output elements of one filter that begin at `offset` of the output.
    pub(crate) fn apply(&self, filter: usize, offset: usize, y: &mut [T]) {
        let bias = self.bias.map(|b| b[filter]);
        let residual = self.residual.map(|r| &r[offset..offset + y.len()]);
        finish(y, bias, residual, self.relu);
    }
}

kernel! {
    /// `max(y + bias + residual, 0)`, each part where there is one; NaN stays NaN.
    fn finish<T>(y: &mut [T], bias: Option<T>, residual: Option<&[T]>, relu: bool) {
        if let Some(bias) = bias {
            y.iter_mut().for_each(|y| *y += bias);
        }
        if let Some(residual) = residual {
            for (y, &r) in y.iter_mut().zip(residual) {
                *y += r;
            }
        }
        if relu {
            for y in y {
                *y = if *y < T::ZERO { T::ZERO } else { *y };
            }
        }
    }
}

/// Splits `total` into parts of at least `least`, about `parts` of them, each a multiple of
/// `multiple` except the last.
pub(crate) fn part_size(total: usize, parts: usize, least: usize, multiple: usize) -> usize {
    total
        .div_ceil(parts.max(1))
        .max(least)
        .next_multiple_of(multiple)
        .min(total.max(1))
}

/// The weight of a convolution.
#[derive(Clone, Copy)]
pub(crate) enum Weight<'a, T> {
    /// `[filter][channel][row][column]`.
    Plain(&'a [T]),
    /// `[group][channel][filter]`: the weight of the 1×1 convolution that has this one as its
    /// input gradient.
    Transposed(&'a [T]),
}

impl<'a, T: Element> Weight<'a, T> {
    /// Rows of some filters of `group`, from column `from` of the patch matrix on.
    fn matrix(
        self,
        g: &Geometry,
        group: usize,
        filters: Range<usize>,
        columns: Range<usize>,
    ) -> Matrix<'a, T> {
        let patch = g.patch();
        match self {
            Self::Plain(w) => {
                let w = &w[filters.start * patch + columns.start..];
                Matrix::new(w, filters.len(), columns.len(), patch)
            }
            Self::Transposed(w) => {
                let all = g.group_filters();
                let first = filters.start - group * all;
                let w = &w[(group * patch + columns.start) * all + first..];
                Matrix::new(w, columns.len(), filters.len(), all).transposed()
            }
        }
    }
}

/// The output of a convolution with the given weight, `[batch, filters, rows, columns]`.
pub(crate) fn convolve<T: Element>(
    g: &Geometry,
    x: &[T],
    w: Weight<'_, T>,
    epilogue: Epilogue<'_, T>,
) -> Vec<T> {
    let pixels = g.output[0] * g.output[1];
    if g.patch() == 0 {
        let mut y = vec![T::ZERO; g.batch * g.filters * pixels];
        for (i, y) in y.chunks_mut(pixels).enumerate() {
            epilogue.apply(i % g.filters, i * pixels, y);
        }
        return y;
    }
    let tiles = Tile::cut(g.batch, pixels, TILE);
    let filters = g.group_filters();
    // Few tiles: cut the filters too, so that every thread has work.
    let parts = TASKS.div_ceil((tiles.len() * g.groups).max(1));
    let parts = parts.min(filters / LEAST).max(1);
    let block = part_size(filters, parts, 1, 8);
    let blocks = filters.div_ceil(block);
    let tasks = tiles.len() * g.groups * blocks;
    // SAFETY: tasks cover every tile, group and block of filters, and each writes all of its
    // output elements.
    unsafe {
        fill_vec(g.batch * g.filters * pixels, |y| {
            for_each_task(tasks, g.products(), |task| {
                let (tile, rest) = (task / (g.groups * blocks), task % (g.groups * blocks));
                let (group, part) = (rest / blocks, rest % blocks);
                let first = part * block;
                let count = block.min(filters - first);
                let filters = group * filters + first..group * filters + first + count;
                run(g, x, w, &tiles[tile], group, filters, y, &epilogue);
            });
        })
    }
}

#[allow(clippy::too_many_arguments)]
fn run<T: Element>(
    g: &Geometry,
    x: &[T],
    w: Weight<'_, T>,
    tile: &Tile,
    group: usize,
    filters: Range<usize>,
    y: Shared<'_, T>,
    epilogue: &Epilogue<'_, T>,
) {
    let pixels = g.output[0] * g.output[1];
    let patch = g.patch();
    let count = filters.len();
    let length = tile.len();
    let offset = |image: usize, filter: usize| {
        ((tile.image + image) * g.filters + filter) * pixels + tile.start
    };
    let direct = tile.images == 1;
    let first_channel = group * g.group_channels();
    if direct && g.is_pointwise() {
        let plane = pixels;
        let from = (tile.image * g.channels + first_channel) * plane;
        let x = &x[from..from + g.group_channels() * plane];
        let x = Matrix::new(&x[tile.start.min(x.len())..], patch, length, plane);
        let dst = y.at(offset(0, filters.start), (count - 1) * pixels + length);
        // SAFETY: rows of `length` elements, one per filter, of which only this task writes.
        unsafe {
            let w = w.matrix(g, group, filters.clone(), 0..patch);
            multiply(dst, pixels, w, x, false);
        };
    } else {
        let per_channel = g.kernel[0] * g.kernel[1];
        // Channels whose patches fit the cache; at least one.
        let step = (PATCHES / (length * per_channel).max(1)).clamp(1, g.group_channels().max(1));
        let buffer = step * per_channel * length;
        let staged = if direct { 0 } else { count * length };
        T::with_scratch(buffer + staged, |scratch| {
            let (columns, staging) = scratch.split_at_mut(buffer);
            for c in (0..g.group_channels()).step_by(step) {
                let n = step.min(g.group_channels() - c);
                let rows = n * per_channel;
                let columns = &mut columns[..rows * length];
                let channels = first_channel + c..first_channel + c + n;
                gather(g, x, channels, tile, columns, length);
                let from = c * per_channel;
                let lhs = w.matrix(g, group, filters.clone(), from..from + rows);
                let rhs = Matrix::new(columns, rows, length, length);
                if direct {
                    let dst = y.at(offset(0, filters.start), (count - 1) * pixels + length);
                    // SAFETY: as above; the elements are initialised by the first block.
                    unsafe { multiply(dst, pixels, lhs, rhs, c > 0) };
                } else {
                    // SAFETY: `staging` holds `count` rows of `length` elements.
                    unsafe { multiply(staging.as_mut_ptr(), length, lhs, rhs, c > 0) };
                }
            }
            for (i, row) in staging.chunks(length).enumerate() {
                for (image, row) in row.chunks(tile.pixels).enumerate() {
                    let dst = y.at(offset(image, filters.start + i), row.len());
                    // SAFETY: `at` checks the range; only this task writes it.
                    unsafe { dst.copy_from_nonoverlapping(row.as_ptr(), row.len()) };
                }
            }
        });
    }
    if !epilogue.is_none() {
        for image in 0..tile.images {
            for filter in filters.clone() {
                let at = offset(image, filter);
                // SAFETY: written above by this task, the only one that does.
                let y = unsafe { y.slice(at, tile.pixels) };
                epilogue.apply(filter, at, y);
            }
        }
    }
}
