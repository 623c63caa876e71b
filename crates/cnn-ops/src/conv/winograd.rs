//! 3×3 convolutions at stride 1 by Winograd's minimal filtering F(4×4, 3×3).
//!
//! Every 4×4 block of outputs needs 36 instead of 144 products per pair of channels:
//!
//! ```text
//! y = Aᵀ[(G w Gᵀ) ∘ (Bᵀ x B)]A        x: 6×6 inputs, w: 3×3, y: 4×4 outputs
//! ```
//!
//! The products of one of the 36 positions over all tiles, channels and filters form a matrix
//! product. The interpolation points 0, ±1, ±2, ∞ and the matrices are those of Lavin and Gray
//! 2016 (arXiv:1509.09308, section 4.3); errors grow by about a factor of ten over the plain sum.
#![allow(unsafe_code)]

use std::ops::Range;

use super::forward::{Epilogue, part_size};
use super::geometry::Geometry;
use super::product::{Matrix, multiply};
use super::winograd_transforms::{POSITIONS, input_row, output_row, sort_columns, weight_rows};
use crate::element::Element;
use crate::parallel::{Shared, fill_vec, for_each_task, share};
use crate::vector::LANES;

/// Tiles per block.
const TILES: usize = 64;
/// Filters whose products are kept between transform and transform.
const FILTERS: usize = 64;
/// Elements of transformed weights, and of transformed inputs, that are kept at a time (16 MiB).
const KEPT: usize = 1 << 22;
const TASKS: usize = 16;
/// Elements behind every matrix: the transforms write whole vectors, and the 36 matrices should
/// not begin in the same cache set.
const SLACK: usize = 2 * LANES;

/// Whether the transform pays: enough channels to share its cost, enough tiles to fill a product.
pub(crate) fn suits(g: &Geometry) -> bool {
    let columns = g.output[1].div_ceil(4);
    let tiles = g.batch * g.output[0].div_ceil(4) * columns;
    // A row of few tiles fills its vectors badly; more channels make up for it.
    let channels = 32 * (8 / columns.clamp(1, 8));
    g.kernel == [3, 3]
        && g.stride == [1, 1]
        && g.dilation == [1, 1]
        && g.groups == 1
        && g.channels >= channels
        && g.filters >= channels
        && tiles >= 32
        && g.output[0] > 8
        && g.output[1] > 8
}

/// Tiles of all images in row-major order, cut into blocks of whole tile rows.
#[derive(Debug, Clone, Copy)]
struct Grid {
    rows: usize,
    columns: usize,
    /// Tile rows per block.
    step: usize,
    /// Tile rows of all images.
    total: usize,
    channels: usize,
}

impl Grid {
    fn new(g: &Geometry) -> Self {
        let (rows, columns) = (g.output[0].div_ceil(4), g.output[1].div_ceil(4));
        let total = g.batch * rows;
        let blocks = (total * columns).div_ceil(TILES).clamp(1, total.max(1));
        Self {
            rows,
            columns,
            step: total.div_ceil(blocks).max(1),
            total,
            channels: g.channels,
        }
    }

    fn blocks(&self) -> usize {
        self.total.div_ceil(self.step)
    }

    fn block(&self, i: usize) -> Range<usize> {
        i * self.step..((i + 1) * self.step).min(self.total)
    }

    /// Elements from one position of a block of `tiles` to the next.
    fn plane(&self, tiles: usize) -> usize {
        self.channels * tiles + SLACK
    }

    /// Elements of the largest transformed block.
    fn size(&self) -> usize {
        POSITIONS * self.plane(self.step * self.columns)
    }

    /// Tiles of an output row in whole vectors.
    fn whole_columns(&self) -> usize {
        self.columns.next_multiple_of(LANES)
    }

    /// Elements of an input row of one remainder modulo 4: one tile more than the output.
    fn phase(&self) -> usize {
        self.whole_columns() + LANES
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
    let passes = (POSITIONS * g.channels * g.filters).div_ceil(KEPT);
    let pass = part_size(g.filters, passes, 1, 8);
    let blocks = grid.blocks();
    // SAFETY: blocks, passes and parts cover every tile and filter, and `finish` writes all of
    // their outputs.
    unsafe {
        fill_vec(count, |y| {
            if blocks >= TASKS && pass >= g.filters {
                // Enough blocks for every thread: each goes from input to output in one cache.
                with_weight(g, w, 0..g.filters, |weight| {
                    for_each_task(blocks, g.products(), |i| {
                        f32::with_scratch(grid.size(), |input| {
                            let shared = share(input);
                            transform_input(g, &grid, x, i, 0..g.channels, shared);
                            finish(
                                g,
                                &grid,
                                i,
                                input,
                                weight,
                                0..g.filters,
                                0..g.filters,
                                y,
                                &epilogue,
                            );
                        });
                    });
                });
                return;
            }
            // Otherwise all threads transform the input once and then share the filters.
            let together = (KEPT / grid.size()).clamp(1, blocks.max(1));
            for first in (0..blocks).step_by(together) {
                let n = together.min(blocks - first);
                f32::with_scratch(n * grid.size(), |inputs| {
                    let shared = share(inputs);
                    let slices = g.channels.div_ceil(16);
                    for_each_task(n * slices, g.products(), |task| {
                        let (i, c) = (task / slices, task % slices * 16);
                        let channels = c..(c + 16).min(g.channels);
                        let shared = shared.part(i * grid.size(), grid.size());
                        transform_input(g, &grid, x, first + i, channels, shared);
                    });
                    for start in (0..g.filters).step_by(pass) {
                        let all = start..(start + pass).min(g.filters);
                        with_weight(g, w, all.clone(), |weight| {
                            let part = part_size(all.len(), TASKS.div_ceil(n), 32, 8);
                            let parts = all.len().div_ceil(part);
                            for_each_task(n * parts, g.products(), |task| {
                                let (i, p) = (task / parts, start + task % parts * part);
                                let filters = p..(p + part).min(all.end);
                                let input = &inputs[i * grid.size()..(i + 1) * grid.size()];
                                let all = all.clone();
                                finish(
                                    g,
                                    &grid,
                                    first + i,
                                    input,
                                    weight,
                                    all,
                                    filters,
                                    y,
                                    &epilogue,
                                );
                            });
                        });
                    }
                });
            }
        })
    }
}

/// Elements from one position of the transformed weight to the next.
fn weight_plane(g: &Geometry, filters: usize) -> usize {
    filters * g.channels + SLACK
}

/// Lends `G w Gᵀ` of some filters, `[position][filter][channel]`.
fn with_weight(g: &Geometry, w: &[f32], filters: Range<usize>, f: impl FnOnce(&[f32])) {
    let plane = weight_plane(g, filters.len());
    f32::with_scratch(POSITIONS * plane, |out| {
        let shared = share(out);
        for_each_task(filters.len().div_ceil(8), plane * POSITIONS, |task| {
            for i in task * 8..(task * 8 + 8).min(filters.len()) {
                let w = &w[(filters.start + i) * g.channels * 9..][..g.channels * 9];
                // SAFETY: one row per position and filter of an initialised buffer; each filter
                // belongs to one task.
                let mut rows = std::array::from_fn(|position| unsafe {
                    shared.slice(position * plane + i * g.channels, g.channels)
                });
                weight_rows(w, &mut rows);
            }
        });
        f(out);
    });
}

/// `[position][channel][tile]` of `Bᵀ x B` for block `i`.
fn transform_input(
    g: &Geometry,
    grid: &Grid,
    x: &[f32],
    i: usize,
    channels: Range<usize>,
    out: Shared<'_, f32>,
) {
    let rows = grid.block(i);
    let tiles = rows.len() * grid.columns;
    let plane = grid.plane(tiles);
    let phase = grid.phase();
    let [height, width] = g.input;
    let line = 4 * phase;
    f32::with_scratch(7 * line, |scratch| {
        let (sorted, padded) = scratch.split_at_mut(6 * line);
        // Whole vectors spill over the end of a row of tiles into what this task writes next.
        let first = channels.start * tiles;
        // SAFETY: one row per position of an initialised buffer; the channels belong to this task.
        let mut out = std::array::from_fn(|position| unsafe {
            out.slice(position * plane + first, channels.len() * tiles)
        });
        for c in channels {
            for (k, row) in rows.clone().enumerate() {
                let (image, r) = (row / grid.rows, row % grid.rows);
                let x = &x[(image * g.channels + c) * height * width..][..height * width];
                let follows = k > 0 && r > 0;
                if follows {
                    // The last two rows of the tiles above are the first two of these.
                    sorted.copy_within(4 * line.., 0);
                }
                for u in if follows { 2..6 } else { 0..6 } {
                    let out = &mut sorted[u * line..(u + 1) * line];
                    let source = (4 * r + u) as isize - g.offset[0];
                    if (0..height as isize).contains(&source) {
                        let source = source as usize;
                        let x = &x[source * width..(source + 1) * width];
                        sort_columns(x, g.offset[1], padded, phase, out);
                    } else {
                        out.fill(0.0);
                    }
                }
                let to = c * tiles + k * grid.columns - first;
                input_row(sorted, phase, grid.columns, &mut out, to);
            }
        }
    });
}

/// Products and outputs of block `i` for `filters`, whose weights begin with filter `all.start`.
#[allow(clippy::too_many_arguments)]
fn finish(
    g: &Geometry,
    grid: &Grid,
    i: usize,
    input: &[f32],
    weight: &[f32],
    all: Range<usize>,
    filters: Range<usize>,
    y: Shared<'_, f32>,
    epilogue: &Epilogue<'_, f32>,
) {
    let rows = grid.block(i);
    let tiles = rows.len() * grid.columns;
    let input_plane = grid.plane(tiles);
    let step = FILTERS.min(filters.len());
    let plane = step * tiles + SLACK;
    let line = 4 * grid.whole_columns();
    let [height, width] = g.output;
    f32::with_scratch(POSITIONS * plane + 4 * line, |scratch| {
        let (products, buffer) = scratch.split_at_mut(POSITIONS * plane);
        for start in filters.clone().step_by(step) {
            let n = step.min(filters.end - start);
            for position in 0..POSITIONS {
                let u = &weight[position * weight_plane(g, all.len())..];
                let u = &u[(start - all.start) * g.channels..];
                let v = &input[position * input_plane..];
                let m = &mut products[position * plane..][..n * tiles];
                let lhs = Matrix::new(u, n, g.channels, g.channels);
                let rhs = Matrix::new(v, g.channels, tiles, tiles);
                // SAFETY: `m` holds `n` rows of `tiles` elements.
                unsafe { multiply(m.as_mut_ptr(), tiles, lhs, rhs, false) };
            }
            for f in 0..n {
                for (k, row) in rows.clone().enumerate() {
                    let (image, r) = (row / grid.rows, row % grid.rows);
                    let at = ((image * g.filters + start + f) * height + 4 * r) * width;
                    let from = f * tiles + k * grid.columns;
                    output_row(products, plane, from, grid.columns, buffer, line);
                    for u in 0..4.min(height - 4 * r) {
                        let row = &mut buffer[u * line..][..width];
                        epilogue.apply(start + f, at + u * width, row);
                        let dst = y.at(at + u * width, width);
                        // SAFETY: `at` checks the range; only this task writes it.
                        unsafe { dst.copy_from_nonoverlapping(row.as_ptr(), width) };
                    }
                }
            }
        }
    });
}
