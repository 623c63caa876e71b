//! Convolution as products of the weight with tiles of patches that are packed for
//! [`super::panels`]: the same sums as [`super::forward`], without a second copy of the patches.
#![allow(unsafe_code)]

use std::ops::Range;

use super::forward::{Epilogue, part_size};
use super::geometry::Geometry;
use super::panels::{self, Columns, Panel, multiply_columns, padded, panels};
use super::patches::{Tile, gather};
use super::product::Matrix;
use crate::element::Element;
use crate::parallel::{Shared, fill_vec, for_each_task};
use crate::vector::LANES;

/// Output pixels per tile at most.
const TILE: usize = 400;
/// Elements of a block of patches, sized for the second-level cache.
const PATCHES: usize = 1 << 18;
/// Tasks a large convolution is cut into.
const TASKS: usize = 8;
/// Fewest filters that share the packing of a tile.
const LEAST: usize = 64;

/// Whether this machine has the kernels, and the sizes are such that they pay.
pub(crate) fn suits(g: &Geometry) -> bool {
    g.patch() > 0 && g.group_filters() >= 4 && panels::available()
}

/// `y` of a convolution that [`suits`].
pub(crate) fn convolve(
    g: &Geometry,
    x: &[f32],
    w: &[f32],
    epilogue: Epilogue<'_, f32>,
) -> Vec<f32> {
    let pixels = g.output[0] * g.output[1];
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
fn run(
    g: &Geometry,
    x: &[f32],
    w: &[f32],
    tile: &Tile,
    group: usize,
    filters: Range<usize>,
    y: Shared<'_, f32>,
    epilogue: &Epilogue<'_, f32>,
) {
    let pixels = g.output[0] * g.output[1];
    let (patch, count, length) = (g.patch(), filters.len(), tile.len());
    let w = &w[filters.start * patch..filters.end * patch];
    let offset = |image: usize, filter: usize| {
        ((tile.image + image) * g.filters + filter) * pixels + tile.start
    };
    let direct = tile.images == 1;
    let first_channel = group * g.group_channels();
    let per_channel = g.kernel[0] * g.kernel[1];
    let width = padded(length);
    // Channels whose patches fit the cache; at least one.
    let most = (PATCHES / (width * per_channel).max(1)).clamp(1, g.group_channels());
    let step = g
        .group_channels()
        .div_ceil(g.group_channels().div_ceil(most));
    let sizes = [
        step * per_channel * width,
        per_channel * width,
        if direct { 0 } else { count * length },
    ];
    f32::with_scratch(sizes.iter().sum(), |scratch| {
        let (columns, scratch) = scratch.split_at_mut(sizes[0]);
        let (rows, staging) = scratch.split_at_mut(sizes[1]);
        for c in (0..g.group_channels()).step_by(step) {
            let n = step.min(g.group_channels() - c);
            let depth = n * per_channel;
            let columns = &mut columns[..depth * width];
            let channels = first_channel + c..first_channel + c + n;
            if direct && g.is_pointwise() {
                let x = &x[(tile.image * g.channels + channels.start) * pixels + tile.start..];
                pack(x, pixels, length, 0..depth, depth, columns);
            } else {
                for (i, channel) in channels.enumerate() {
                    gather(g, x, channel..channel + 1, tile, rows, width);
                    let place = i * per_channel..(i + 1) * per_channel;
                    pack(rows, width, length, place, depth, columns);
                }
            }
            let lhs = Matrix::new(&w[c * per_channel..], count, depth, patch);
            let rhs = Columns {
                data: columns,
                rows: depth,
                columns: length,
                row_stride: None,
            };
            let (dst, stride) = if direct {
                let span = (count - 1) * pixels + length;
                (y.at(offset(0, filters.start), span), pixels)
            } else {
                (staging.as_mut_ptr(), length)
            };
            // SAFETY: `count` rows of `length` elements, of the output (only this task writes them)
            // or of `staging`; the first block of channels initialises them.
            unsafe { multiply_columns(dst, stride, lhs, rhs, c > 0) };
        }
        for (i, row) in staging.chunks(length).enumerate() {
            for (image, row) in row.chunks(tile.pixels).enumerate() {
                let dst = y.at(offset(image, filters.start + i), row.len());
                // SAFETY: `at` checks the range; only this task writes it.
                unsafe { dst.copy_from_nonoverlapping(row.as_ptr(), row.len()) };
            }
        }
    });
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

/// Copies rows of `length` elements that begin `stride` apart to rows `place` of panels of `depth`
/// rows.
fn pack(
    rows: &[f32],
    stride: usize,
    length: usize,
    place: Range<usize>,
    depth: usize,
    columns: &mut [f32],
) {
    for panel in panels(length) {
        let Panel { first, vectors } = panel;
        let width = vectors * LANES;
        let out = &mut columns[first * depth + place.start * width..][..place.len() * width];
        let count = width.min(length - first);
        if count < width {
            copy_rows(&rows[first..], stride, count, out, width);
        } else {
            // The width as a constant makes the copies moves of whole vectors.
            match vectors {
                3 => copy_rows(&rows[first..], stride, 3 * LANES, out, 3 * LANES),
                2 => copy_rows(&rows[first..], stride, 2 * LANES, out, 2 * LANES),
                _ => copy_rows(&rows[first..], stride, LANES, out, LANES),
            }
        }
    }
}

#[inline(always)]
fn copy_rows(rows: &[f32], stride: usize, count: usize, out: &mut [f32], width: usize) {
    for (k, out) in out.chunks_exact_mut(width).enumerate() {
        let (copied, rest) = out.split_at_mut(count);
        copied.copy_from_slice(&rows[k * stride..][..count]);
        rest.fill(0.0);
    }
}
