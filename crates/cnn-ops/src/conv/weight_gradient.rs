//! Gradients of a convolution with respect to its weight and bias.
#![allow(unsafe_code)]

use super::forward::part_size;
use super::geometry::Geometry;
use super::patches::{Tile, gather};
use super::product::{Matrix, multiply};
use crate::element::Element;
use crate::parallel::{for_each_chunk, for_each_task, share};
use crate::simd::LANES;

/// Output pixels per tile.
const TILE: usize = 512;
/// Elements of a block of patches.
const PATCHES: usize = 1 << 18;
const TASKS: usize = 16;
/// Elements of all partial sums together.
const PARTIAL: usize = 1 << 20;

/// `dw[filters, channels/groups, rows, columns]` from `dy` and the input.
///
/// Where there are fewer filters than patch rows the gradient is summed transposed, so that the
/// smaller operand, `dy`, is the one the matrix product repacks.
///
/// The pixels of a large map with few weights are summed in a fixed number of parts, whose sums
/// are then added in order.
pub(crate) fn weight_gradient<T: Element>(g: &Geometry, dy: &[T], x: &[T]) -> Vec<T> {
    let (channels, patch) = (g.group_channels(), g.patch());
    let k = g.kernel[0] * g.kernel[1];
    let size = g.filters * patch;
    let tiles = Tile::cut(g.batch, g.output[0] * g.output[1], TILE);
    if tiles.is_empty() || size == 0 {
        return vec![T::ZERO; size];
    }
    let longest = tiles.iter().map(Tile::len).max().unwrap_or(1);
    let cache = (PATCHES / (k * longest).max(1)).max(1);
    let block = part_size(channels, TASKS.div_ceil(g.groups), 144usize.div_ceil(k), 1).min(cache);
    let blocks = channels.div_ceil(block);
    let splits = TASKS
        .div_ceil(g.groups * blocks)
        .min((PARTIAL / size).max(1))
        .min(tiles.len());
    let per_split = tiles.len().div_ceil(splits);
    let splits = tiles.len().div_ceil(per_split);
    let filters = g.group_filters();
    let flipped = filters < block * k;
    let mut sums = vec![T::ZERO; splits * size];
    let out = share(&mut sums);
    for_each_task(splits * g.groups * blocks, g.products(), |task| {
        let (split, rest) = (task / (g.groups * blocks), task % (g.groups * blocks));
        let (group, part) = (rest / blocks, rest % blocks);
        let first = part * block;
        let count = block.min(channels - first);
        let tiles = &tiles[split * per_split..((split + 1) * per_split).min(tiles.len())];
        let at = split * size + group * filters * patch;
        let dst = if flipped {
            out.at(at + first * k * filters, count * k * filters)
        } else {
            out.at(at + first * k, (filters - 1) * patch + count * k)
        };
        for (i, tile) in tiles.iter().enumerate() {
            let channels = group * channels + first..group * channels + first + count;
            // SAFETY: tasks own disjoint columns, or rows if flipped, (channels) of disjoint
            // matrices (splits, groups) in an initialised buffer.
            unsafe { add_tile(g, dy, x, tile, group, channels, dst, flipped, i > 0) };
        }
    });
    if splits > 1 {
        add_parts(&mut sums, splits, size);
    }
    if flipped { unflip(g, &sums) } else { sums }
}

/// Adds the parts of `sums` in order into the first, which alone remains.
fn add_parts<T: Element>(sums: &mut Vec<T>, splits: usize, size: usize) {
    let (total, parts) = sums.split_at_mut(size);
    for_each_chunk(total, 4096, splits * size, |i, total| {
        for part in parts.chunks(size) {
            for (t, &p) in total.iter_mut().zip(&part[i * 4096..]) {
                *t += p;
            }
        }
    });
    sums.truncate(size);
}

/// `[group][filter][patch]` from `[group][patch][filter]`.
fn unflip<T: Element>(g: &Geometry, flipped: &[T]) -> Vec<T> {
    let (patch, filters) = (g.patch(), g.group_filters());
    let mut out = vec![T::ZERO; flipped.len()];
    for_each_chunk(&mut out, 16 * patch, flipped.len(), |i, rows| {
        for (j, row) in rows.chunks_mut(patch).enumerate() {
            let filter = 16 * i + j;
            let from = &flipped[filter / filters * filters * patch + filter % filters..];
            for (to, &v) in row.iter_mut().zip(from.iter().step_by(filters)) {
                *to = v;
            }
        }
    });
    out
}

/// Adds (or writes) the contribution of one tile.
///
/// # Safety
///
/// `dst` points to one row per filter of the group, `g.patch()` apart, each with room for the
/// patches of `channels`; or, if `flipped`, to one row of the group's filters per patch row. All
/// of them are initialised and touched by no one else.
#[allow(clippy::too_many_arguments)]
unsafe fn add_tile<T: Element>(
    g: &Geometry,
    dy: &[T],
    x: &[T],
    tile: &Tile,
    group: usize,
    channels: std::ops::Range<usize>,
    dst: *mut T,
    flipped: bool,
    accumulate: bool,
) {
    let pixels = g.output[0] * g.output[1];
    let filters = g.group_filters();
    let length = tile.len();
    let k = g.kernel[0] * g.kernel[1];
    let first_filter = group * filters;
    // Rows a power of two apart would share few cache sets, which repacking suffers from.
    let pitch = length.next_multiple_of(LANES) + LANES;
    let pointwise = flipped && tile.images == 1 && g.is_pointwise();
    let columns_size = if pointwise {
        0
    } else {
        channels.len() * k * pitch
    };
    T::with_scratch(columns_size + filters * pitch, |scratch| {
        let (columns, staging) = scratch.split_at_mut(columns_size);
        let patches = if pointwise {
            let from = (tile.image * g.channels + channels.start) * pixels + tile.start;
            Matrix::new(&x[from..], channels.len(), length, pixels)
        } else {
            gather(g, x, channels.clone(), tile, columns, pitch);
            Matrix::new(columns, channels.len() * k, length, pitch)
        };
        for (i, row) in staging.chunks_mut(pitch).enumerate() {
            for (image, row) in row[..length].chunks_mut(tile.pixels).enumerate() {
                let from = (tile.image + image) * g.filters + first_filter + i;
                row.copy_from_slice(&dy[from * pixels + tile.start..][..tile.pixels]);
            }
        }
        let dy = Matrix::new(staging, filters, length, pitch);
        // SAFETY: the caller's promise.
        unsafe {
            if flipped {
                multiply(dst, filters, patches, dy.transposed(), accumulate);
            } else {
                multiply(dst, g.patch(), dy, patches.transposed(), accumulate);
            }
        }
    });
}

/// Sum over batch, rows and columns of every filter.
pub(crate) fn bias_gradient<T: Element>(g: &Geometry, dy: &[T]) -> Vec<T> {
    let pixels = g.output[0] * g.output[1];
    let mut out = vec![T::ZERO; g.filters];
    for_each_chunk(&mut out, 1, dy.len(), |filter, out| {
        let sum: f64 = (0..g.batch)
            .map(|b| {
                crate::norm::block_sum(&dy[(b * g.filters + filter) * pixels..][..pixels], |v| v)
            })
            .sum();
        out[0] = T::from_f64(sum);
    });
    out
}
