//! Gradient of a convolution with respect to its input.
#![allow(unsafe_code)]

use super::forward::part_size;
use super::geometry::Geometry;
use super::patches::{Tile, scatter};
use super::product::{Matrix, multiply};
use crate::element::Element;
use crate::parallel::{for_each_task, share};

/// Output pixels per tile.
const TILE: usize = 384;
/// Elements of a block of patches, sized for the second-level cache.
const PATCHES: usize = 1 << 18;
const TASKS: usize = 16;

/// Filters whose kernels are read side by side.
const BLOCK: usize = 16;

/// The weight with the roles of filters and channels exchanged and every kernel turned by 180°.
pub(crate) fn turned<T: Element>(g: &Geometry, w: &[T]) -> Vec<T> {
    let (filters, channels) = (g.group_filters(), g.group_channels());
    let k = g.kernel[0] * g.kernel[1];
    let mut out = vec![T::ZERO; w.len()];
    // A few channels at a time, whose kernels for some filters lie together on both sides.
    let step = BLOCK.min(channels.max(1));
    let parts = channels.div_ceil(step);
    let all = share(&mut out);
    for_each_task(g.groups * parts, w.len(), |task| {
        let (group, first) = (task / parts, task % parts * step);
        let count = step.min(channels - first);
        let at = (group * channels + first) * filters * k;
        // SAFETY: tasks own disjoint channels of an initialised buffer.
        let out = unsafe { all.slice(at, count * filters * k) };
        for o in (0..filters).step_by(BLOCK) {
            for c in 0..count {
                for o in o..(o + BLOCK).min(filters) {
                    let from = &w[((group * filters + o) * channels + first + c) * k..][..k];
                    let to = &mut out[(c * filters + o) * k..][..k];
                    for (to, &from) in to.iter_mut().zip(from.iter().rev()) {
                        *to = from;
                    }
                }
            }
        }
    });
    out
}

/// Products with the transposed weight, added back patch by patch.
pub(crate) fn strided<T: Element>(g: &Geometry, dy: &[T], w: &[T]) -> Vec<T> {
    let (filters, channels) = (g.group_filters(), g.group_channels());
    let plane = g.input[0] * g.input[1];
    let pixels = g.output[0] * g.output[1];
    let k = g.kernel[0] * g.kernel[1];
    let patch = g.patch();
    let tiles = Tile::cut(1, pixels, TILE);
    let parts = TASKS.div_ceil((g.batch * g.groups).max(1));
    let cache = (PATCHES / (k * TILE.min(pixels))).max(1);
    let block = part_size(channels, parts, 64usize.div_ceil(k), 1).min(cache);
    let blocks = channels.div_ceil(block);
    let mut dx = vec![T::ZERO; g.batch * g.channels * plane];
    let out = share(&mut dx);
    for_each_task(g.batch * g.groups * blocks, g.products(), |task| {
        let (image, rest) = (task / (g.groups * blocks), task % (g.groups * blocks));
        let (group, part) = (rest / blocks, rest % blocks);
        let first = part * block;
        let count = block.min(channels - first);
        let at = (image * g.channels + group * channels + first) * plane;
        // SAFETY: tasks own disjoint channels of an initialised buffer.
        let dx = unsafe { out.slice(at, count * plane) };
        // Weight of the group without the channels before this block.
        let w = &w[group * filters * patch + first * k..(group + 1) * filters * patch];
        let weight = Matrix::new(w, filters, count * k, patch).transposed();
        for tile in &tiles {
            let length = tile.pixels;
            let from = (image * g.filters + group * filters) * pixels + tile.start;
            let dy = Matrix::new(&dy[from..], filters, length, pixels);
            T::with_scratch(count * k * length, |columns| {
                // SAFETY: `columns` holds `count·k` rows of `length` elements.
                unsafe { multiply(columns.as_mut_ptr(), length, weight, dy, false) };
                scatter(g, columns, tile, dx);
            });
        }
    });
    dx
}
