//! 3×3 convolutions at stride 1 by Winograd's minimal filtering F(4×4, 3×3).
//!
//! Every 4×4 block of outputs needs 36 instead of 144 products per pair of channels:
//!
//! ```text
//! y = Aᵀ[(G w Gᵀ) ∘ (Bᵀ x B)]A        x: 6×6 inputs, w: 3×3, y: 4×4 outputs
//! ```
//!
//! The products of one of the 36 positions over all tiles, channels and filters form a matrix
//! product (Lavin and Gray 2016, arXiv:1509.09308, section 4.3; the interpolation points are those of
//! [`super::winograd_transforms`]).
#![allow(unsafe_code)]

use std::ops::Range;

use super::forward::{Epilogue, part_size};
use super::geometry::Geometry;
use super::panels::multiply_columns;
use super::product::Matrix;
use super::winograd_transforms::{POSITIONS, QUADS, input_tiles, output_tiles, weight_rows};
use crate::element::Element;
use crate::parallel::{Shared, fill_vec, for_each_task, share};
use crate::vector::LANES;

/// Tiles in a row that are transformed together: sixteen output columns.
const QUAD: usize = 4;
/// Quads per block at most: 64 tiles, two panels.
const BLOCK: usize = 16;
/// Channels and filters whose transforms and products are worked on at a time: with 64 tiles, inputs
/// and products take 1.1 MiB each, and the 36 positions pass through the caches one after the other.
const CHANNELS: usize = 128;
const FILTERS: usize = 128;
/// Elements of transformed weights that are kept for all blocks.
const KEPT: usize = 1 << 22;
/// Tasks that a convolution is cut into at least, where its sizes allow.
const TASKS: usize = 8;
/// Fewest filters for which the input is transformed anew.
const LEAST: usize = 64;
/// Channels whose transforms of one block of tiles take no more than 18 MiB.
const MOST_CHANNELS: usize = 2048;
/// Channels whose transforms are staged.
const STAGE: usize = 8;
/// Elements behind every matrix: the 36 matrices should not begin in the same cache set.
const SLACK: usize = LANES;

/// Whether the transform pays: enough channels to share its cost, enough tiles to fill a panel.
pub(crate) fn suits(g: &Geometry) -> bool {
    let quads = g.batch * g.output[0].div_ceil(4) * g.output[1].div_ceil(16);
    // Tiles that are used, of those that are computed.
    let used = g.batch * g.output[0] * g.output[1];
    g.kernel == [3, 3]
        && g.stride == [1, 1]
        && g.dilation == [1, 1]
        && g.groups == 1
        && (32..=MOST_CHANNELS).contains(&g.channels)
        && g.filters >= 32
        && quads >= 4
        && 3 * used >= 2 * quads * 4 * QUAD * 4
}

/// Quads of all images in row-major order.
#[derive(Debug, Clone, Copy)]
struct Grid {
    /// Tile rows of an image, and quads of a tile row.
    rows: usize,
    quads: usize,
    /// Quads of all images, and of a block.
    total: usize,
    block: usize,
}

impl Grid {
    fn new(g: &Geometry) -> Self {
        let (rows, quads) = (g.output[0].div_ceil(4), g.output[1].div_ceil(4 * QUAD));
        let total = g.batch * rows * quads;
        let blocks = total.div_ceil(BLOCK);
        let block = total.div_ceil(blocks.max(1)).next_multiple_of(QUADS);
        Self {
            rows,
            quads,
            total,
            block,
        }
    }

    fn blocks(&self) -> usize {
        self.total.div_ceil(self.block.max(1))
    }

    fn block(&self, i: usize) -> Range<usize> {
        i * self.block..((i + 1) * self.block).min(self.total)
    }

    /// Image, tile row and quad of the row.
    fn place(&self, quad: usize) -> [usize; 3] {
        let row = quad / self.quads;
        [row / self.rows, row % self.rows, quad % self.quads]
    }

    /// Elements of a copied input row: all its quads and what the last one sees on its right.
    fn width(&self) -> usize {
        self.quads * 4 * QUAD + LANES
    }
}

/// `y` of a convolution that [`suits`].
pub(crate) fn convolve(
    g: &Geometry,
    x: &[f32],
    w: &[f32],
    epilogue: Epilogue<'_, f32>,
) -> Vec<f32> {
    let grid = Grid::new(g);
    let count = g.batch * g.filters * g.output[0] * g.output[1];
    let blocks = grid.blocks();
    let part = part_size(g.filters, TASKS.div_ceil(blocks.max(1)), LEAST, 8);
    let parts = g.filters.div_ceil(part);
    let all = |weight: Option<&[f32]>| {
        // SAFETY: blocks and parts cover every tile and filter, and `run` writes all of their
        // outputs.
        unsafe {
            fill_vec(count, |y| {
                for_each_task(blocks * parts, g.products(), |task| {
                    let (i, p) = (task / parts, task % parts * part);
                    let filters = p..(p + part).min(g.filters);
                    run(g, &grid, i, x, w, weight, filters, y, &epilogue);
                });
            })
        }
    };
    if blocks > 1 && POSITIONS * g.channels * g.filters <= KEPT {
        with_weight(g, w, |weight| all(Some(weight)))
    } else {
        all(None)
    }
}

/// Elements from one position of the kept weights to the next.
fn weight_plane(g: &Geometry) -> usize {
    g.filters * g.channels + SLACK
}

/// Lends `G w Gᵀ` of all filters, `[position][filter][channel]`.
fn with_weight<R>(g: &Geometry, w: &[f32], f: impl FnOnce(&[f32]) -> R) -> R {
    let plane = weight_plane(g);
    f32::with_scratch(POSITIONS * plane, |out| {
        let shared = share(out);
        for_each_task(g.filters.div_ceil(8), plane * POSITIONS, |task| {
            for i in task * 8..(task * 8 + 8).min(g.filters) {
                let w = &w[i * g.channels * 9..][..g.channels * 9];
                // SAFETY: one row per position and filter of an initialised buffer; each filter
                // belongs to one task.
                let mut rows = std::array::from_fn(|position| unsafe {
                    shared.slice(position * plane + i * g.channels, g.channels)
                });
                weight_rows(w, &[], &mut rows);
            }
        });
        f(out)
    })
}

/// Block `i` of the tiles for some filters, from input to output.
#[allow(clippy::too_many_arguments)]
fn run(
    g: &Geometry,
    grid: &Grid,
    i: usize,
    x: &[f32],
    w: &[f32],
    kept: Option<&[f32]>,
    filters: Range<usize>,
    y: Shared<'_, f32>,
    epilogue: &Epilogue<'_, f32>,
) {
    let quads = grid.block(i);
    let tiles = quads.len().next_multiple_of(QUADS) * QUAD;
    let depth = CHANNELS;
    let step = part_size(filters.len(), filters.len().div_ceil(FILTERS), 1, 8);
    let input_plane = tiles * g.channels + SLACK;
    let product_plane = step * tiles + SLACK;
    let weight_plane = match kept {
        Some(_) => weight_plane(g),
        None => step * depth + SLACK,
    };
    let weights = if kept.is_some() {
        0
    } else {
        POSITIONS * weight_plane
    };
    let sizes = [POSITIONS * input_plane, POSITIONS * product_plane, weights];
    f32::with_scratch(sizes.iter().sum(), |scratch| {
        let (input, scratch) = scratch.split_at_mut(sizes[0]);
        let (products, weight) = scratch.split_at_mut(sizes[1]);
        transform_input(g, grid, x, &quads, input_plane, input);
        for start in filters.clone().step_by(step) {
            let end = (start + step).min(filters.end);
            let multiply = |c: Range<usize>, u: &[f32], products: &mut [f32]| {
                for position in 0..POSITIONS {
                    let u = &u[position * weight_plane..];
                    let v = &input[position * input_plane + c.start * tiles..];
                    let m = &mut products[position * product_plane..][..(end - start) * tiles];
                    let lhs = Matrix::new(u, end - start, c.len(), c.len());
                    let rhs = Matrix::new(v, c.len(), tiles, tiles);
                    // SAFETY: `m` holds `end - start` rows of `tiles` elements; the first slice of
                    // channels writes what the others add to.
                    unsafe { multiply_columns(m.as_mut_ptr(), tiles, lhs, rhs, c.start > 0) };
                }
            };
            if let Some(kept) = kept {
                multiply(0..g.channels, &kept[start * g.channels..], products);
            } else {
                for c in (0..g.channels).step_by(depth) {
                    let c = c..(c + depth).min(g.channels);
                    transform_weight(g, w, start..end, c.clone(), weight_plane, weight);
                    multiply(c, weight, products);
                }
            }
            for f in start..end {
                let products = &products[(f - start) * tiles..];
                finish(g, grid, &quads, products, product_plane, f, y, epilogue);
            }
        }
    });
}

/// `G w Gᵀ` of some filters and channels: `[position][filter][channel]`.
fn transform_weight(
    g: &Geometry,
    w: &[f32],
    filters: Range<usize>,
    channels: Range<usize>,
    plane: usize,
    out: &mut [f32],
) {
    let n = channels.len();
    for (i, f) in filters.enumerate() {
        let next = &w[((f + 1) * g.channels * 9).min(w.len())..];
        let next = next
            .get(channels.start * 9..channels.end * 9)
            .unwrap_or(&[]);
        let w = &w[(f * g.channels + channels.start) * 9..][..n * 9];
        let mut planes = out.chunks_mut(plane);
        let mut rows = std::array::from_fn(|_| match planes.next() {
            Some(plane) => &mut plane[i * n..(i + 1) * n],
            None => &mut [],
        });
        weight_rows(w, next, &mut rows);
    }
}

/// `Bᵀ x B` of a block: `[position][channel][tile]`.
fn transform_input(
    g: &Geometry,
    grid: &Grid,
    x: &[f32],
    quads: &Range<usize>,
    plane: usize,
    out: &mut [f32],
) {
    let [height, width] = g.input;
    let tiles = quads.len().next_multiple_of(QUADS) * QUAD;
    let pitch = grid.width();
    // Where the six input rows of every tile row begin: neighbours in an image share two.
    let first_row = quads.start / grid.quads;
    let mut begins = Vec::new();
    let mut end = 0;
    for row in first_row..=(quads.end - 1) / grid.quads {
        let shared = row > first_row && row % grid.rows != 0;
        begins.push((end - if shared { 2 } else { 0 }, shared));
        end += if shared { 4 } else { 6 };
    }
    // What the last vector has too much repeats the last quad.
    let from: Vec<usize> = (quads.start..quads.start + tiles / QUAD)
        .map(|q| q.min(quads.end - 1))
        .map(|q| begins[q / grid.quads - first_row].0 * pitch + q % grid.quads * 4 * QUAD)
        .collect();
    // Transforms go through a small buffer: scattered straight into 36 far matrices, every store
    // would miss the page tables' first cache.
    let stage_plane = STAGE * tiles + SLACK;
    let copy_size = end * pitch;
    f32::with_scratch(STAGE * copy_size + POSITIONS * stage_plane, |scratch| {
        let (copies, stage) = scratch.split_at_mut(STAGE * copy_size);
        for first in (0..g.channels).step_by(STAGE) {
            let count = STAGE.min(g.channels - first);
            for (c, copy) in copies.chunks_exact_mut(copy_size).take(count).enumerate() {
                for (k, &(begin, shared)) in begins.iter().enumerate() {
                    let [image, row, _] = grid.place((first_row + k) * grid.quads);
                    let x = &x[(image * g.channels + first + c) * height * width..];
                    let rows = copy[begin * pitch..].chunks_exact_mut(pitch);
                    for (u, out) in rows.enumerate().take(6).skip(if shared { 2 } else { 0 }) {
                        let source = (4 * row + u) as isize - g.offset[0];
                        copy_row(&x[..height * width], g.input, source, -g.offset[1], out);
                    }
                }
            }
            for (c, copy) in copies.chunks_exact(copy_size).take(count).enumerate() {
                for (v, from) in from.chunks_exact(QUADS).enumerate() {
                    let from = [from[0], from[1], from[2], from[3]];
                    let out = &mut stage[c * tiles + v * LANES..];
                    input_tiles(copy, pitch, from, out, stage_plane);
                }
            }
            let to = first * tiles;
            for (position, stage) in stage.chunks_exact(stage_plane).enumerate() {
                out[position * plane + to..][..count * tiles]
                    .copy_from_slice(&stage[..count * tiles]);
            }
        }
    });
}

/// Outputs of one filter from its products, `[position][tile]`, `plane` apart.
#[allow(clippy::too_many_arguments)]
fn finish(
    g: &Geometry,
    grid: &Grid,
    quads: &Range<usize>,
    products: &[f32],
    plane: usize,
    filter: usize,
    y: Shared<'_, f32>,
    epilogue: &Epilogue<'_, f32>,
) {
    let [height, width] = g.output;
    let mut tiles = [0f32; 4 * 4 * LANES];
    // Without a residual all elements of a filter are finished alike.
    let whole = epilogue.residual.is_none();
    for (v, first) in quads.clone().step_by(QUADS).enumerate() {
        output_tiles(&products[v * LANES..], plane, &mut tiles);
        if whole {
            epilogue.apply(filter, 0, &mut tiles);
        }
        for quad in first..(first + QUADS).min(quads.end) {
            let [image, row, column] = grid.place(quad);
            let column = column * 4 * QUAD;
            let length = (width - column).min(4 * QUAD);
            for u in 0..4.min(height - 4 * row) {
                let at = ((image * g.filters + filter) * height + 4 * row + u) * width + column;
                let part = &mut tiles[u * 4 * LANES + (quad - first) * LANES..][..length];
                if !whole {
                    epilogue.apply(filter, at, part);
                }
                let dst = y.at(at, length);
                // SAFETY: `at` checks the range; only this task writes it. A constant length is a
                // move, not a call.
                unsafe {
                    match length {
                        LANES => dst.copy_from_nonoverlapping(part.as_ptr(), LANES),
                        _ => dst.copy_from_nonoverlapping(part.as_ptr(), length),
                    }
                };
            }
        }
    }
}

/// Row `row` of a plane from column `column` on, with zeros where there is none.
pub(crate) fn copy_row(
    x: &[f32],
    [height, width]: [usize; 2],
    row: isize,
    column: isize,
    out: &mut [f32],
) {
    let Some(row) = usize::try_from(row).ok().filter(|&row| row < height) else {
        out.fill(0.0);
        return;
    };
    let x = &x[row * width..][..width];
    let begin = (-column).clamp(0, out.len() as isize) as usize;
    let from = ((column + begin as isize) as usize).min(width);
    let count = (width - from).min(out.len() - begin);
    out[..begin].fill(0.0);
    out[begin..begin + count].copy_from_slice(&x[from..from + count]);
    out[begin + count..].fill(0.0);
}
