//! 1×7 and 7×1 convolutions at stride 1 by minimal filtering F(4, 7) along their axis.
//!
//! Four outputs in a line need 10 instead of 28 products per pair of channels:
//!
//! ```text
//! y = Aᵀ[(G w) ∘ (Bᵀ x)]        x: 10 inputs, w: 7, y: 4 outputs
//! ```
//!
//! (Winograd 1980, *Arithmetic Complexity of Computations*; the points are those of
//! [`super::line_transforms`].) The products of one of the ten positions over all tiles, channels
//! and filters form a matrix product.
#![allow(unsafe_code)]

use std::ops::Range;

use super::forward::{Epilogue, part_size};
use super::geometry::Geometry;
use super::line_transforms::{
    OUTPUTS, POSITIONS, QUADS, TAPS, input_across, input_down, output_line, weight_line,
};
use super::panels::multiply_columns;
use super::product::Matrix;
use super::winograd::copy_row;
use crate::element::Element;
use crate::parallel::{Shared, fill_vec, for_each_task, share};
use crate::vector::LANES;

/// Vectors of tiles per block: 128 tiles.
const BLOCK: usize = 8;
/// Tasks that a convolution is cut into at least, where its sizes allow.
const TASKS: usize = 4;
/// Fewest filters for which the input is transformed anew.
const LEAST: usize = 64;
/// Filters whose products are worked on at a time.
const FILTERS: usize = 128;
/// Channels whose transforms of one block of tiles take no more than 5 MiB.
const MOST_CHANNELS: usize = 1024;
/// Elements of transformed weights at most: 20 MiB, shared by all threads.
const MOST_WEIGHTS: usize = 5 << 20;
/// Elements behind every matrix: the ten matrices should not begin in the same cache set.
const SLACK: usize = LANES;

/// Whether the transform pays: enough channels to share its cost, few lanes left empty.
pub(crate) fn suits(g: &Geometry) -> bool {
    let Some(grid) = Grid::new(g) else {
        return false;
    };
    let used = g.batch * g.output[0] * g.output[1];
    g.stride == [1, 1]
        && g.dilation == [1, 1]
        && g.groups == 1
        && (32..=MOST_CHANNELS).contains(&g.channels)
        && g.filters >= 32
        && POSITIONS * g.filters * g.channels <= MOST_WEIGHTS
        && 3 * used >= 2 * grid.vectors * LANES * OUTPUTS
}

/// How the tiles of all images are laid into vectors.
///
/// Across: a vector holds four quads, a quad four tiles side by side in a row. Down: a vector holds
/// the tiles of sixteen columns, side by side. A *strip* is a quad, or such a vector.
#[derive(Debug, Clone, Copy)]
struct Grid {
    across: bool,
    /// Lines of an image that strips lie in (rows, or tile rows), and strips of a line.
    lines: usize,
    strips: usize,
    /// Strips of all images, and of a vector.
    total: usize,
    per_vector: usize,
    /// Vectors of all images, and of a block.
    vectors: usize,
    block: usize,
}

impl Grid {
    fn new(g: &Geometry) -> Option<Self> {
        let across = match g.kernel {
            [1, TAPS] => true,
            [TAPS, 1] => false,
            _ => return None,
        };
        let lines = if across {
            g.output[0]
        } else {
            g.output[0].div_ceil(OUTPUTS)
        };
        let strips = g.output[1].div_ceil(LANES);
        let per_vector = if across { QUADS } else { 1 };
        let total = g.batch * lines * strips;
        let vectors = total.div_ceil(per_vector);
        let blocks = vectors.div_ceil(BLOCK);
        let block = vectors.div_ceil(blocks.max(1));
        Some(Self {
            across,
            lines,
            strips,
            total,
            per_vector,
            vectors,
            block,
        })
    }

    fn blocks(&self) -> usize {
        self.vectors.div_ceil(self.block.max(1))
    }

    /// Strips of block `i`.
    fn block(&self, i: usize) -> Range<usize> {
        let step = self.block * self.per_vector;
        i * step..((i + 1) * step).min(self.total)
    }

    /// Image, line and first column of a strip.
    fn place(&self, strip: usize) -> [usize; 3] {
        let line = strip / self.strips;
        [
            line / self.lines,
            line % self.lines,
            strip % self.strips * LANES,
        ]
    }

    /// Rows that a line reads.
    fn rows(&self) -> usize {
        if self.across { 1 } else { POSITIONS }
    }

    /// Elements of a copied input row: all its strips and what the last one sees on its right.
    fn width(&self) -> usize {
        self.strips * LANES + if self.across { LANES } else { 0 }
    }
}

/// `y` of a convolution that [`suits`].
pub(crate) fn convolve(
    g: &Geometry,
    x: &[f32],
    w: &[f32],
    epilogue: Epilogue<'_, f32>,
) -> Option<Vec<f32>> {
    let grid = Grid::new(g)?;
    let count = g.batch * g.filters * g.output[0] * g.output[1];
    let blocks = grid.blocks();
    let parts = TASKS.div_ceil(blocks.max(1)).min(g.filters / LEAST).max(1);
    let part = part_size(g.filters, parts, 1, 8);
    let parts = g.filters.div_ceil(part);
    Some(with_weight(g, w, |weight| {
        // SAFETY: blocks and parts cover every tile and filter, and `run` writes all of their
        // outputs.
        unsafe {
            fill_vec(count, |y| {
                for_each_task(blocks * parts, g.products(), |task| {
                    let (i, p) = (task / parts, task % parts * part);
                    let filters = p..(p + part).min(g.filters);
                    run(g, &grid, grid.block(i), x, weight, filters, y, &epilogue);
                });
            })
        }
    }))
}

/// Elements from one position of the weights to the next.
fn weight_plane(g: &Geometry) -> usize {
    g.filters * g.channels + SLACK
}

/// Lends `G w` of all filters, `[position][filter][channel]`.
fn with_weight<R>(g: &Geometry, w: &[f32], f: impl FnOnce(&[f32]) -> R) -> R {
    let plane = weight_plane(g);
    f32::with_scratch(POSITIONS * plane, |out| {
        let shared = share(out);
        for_each_task(g.filters.div_ceil(16), plane * POSITIONS, |task| {
            for i in task * 16..(task * 16 + 16).min(g.filters) {
                let w = &w[i * g.channels * TAPS..][..g.channels * TAPS];
                // SAFETY: one row per position and filter of an initialised buffer; each filter
                // belongs to one task.
                let mut rows = std::array::from_fn(|position| unsafe {
                    shared.slice(position * plane + i * g.channels, g.channels)
                });
                weight_line(w, &mut rows);
            }
        });
        f(out)
    })
}

/// Some strips for some filters, from input to output.
#[allow(clippy::too_many_arguments)]
fn run(
    g: &Geometry,
    grid: &Grid,
    strips: Range<usize>,
    x: &[f32],
    weight: &[f32],
    filters: Range<usize>,
    y: Shared<'_, f32>,
    epilogue: &Epilogue<'_, f32>,
) {
    let tiles = strips.len().div_ceil(grid.per_vector) * LANES;
    let step = part_size(filters.len(), filters.len().div_ceil(FILTERS), 1, 8);
    let input_plane = tiles * g.channels + SLACK;
    let product_plane = step * tiles + SLACK;
    let sizes = [POSITIONS * input_plane, POSITIONS * product_plane];
    f32::with_scratch(sizes.iter().sum(), |scratch| {
        let (input, products) = scratch.split_at_mut(sizes[0]);
        transform_input(g, grid, x, &strips, input_plane, input);
        for start in filters.clone().step_by(step) {
            let end = (start + step).min(filters.end);
            for position in 0..POSITIONS {
                let u = &weight[position * weight_plane(g) + start * g.channels..];
                let m = &mut products[position * product_plane..][..(end - start) * tiles];
                let lhs = Matrix::new(u, end - start, g.channels, g.channels);
                let v = &input[position * input_plane..];
                let rhs = Matrix::new(v, g.channels, tiles, tiles);
                // SAFETY: `m` holds `end - start` rows of `tiles` elements.
                unsafe { multiply_columns(m.as_mut_ptr(), tiles, lhs, rhs, false) };
            }
            for f in start..end {
                let products = &products[(f - start) * tiles..];
                finish(g, grid, &strips, products, product_plane, f, y, epilogue);
            }
        }
    });
}

/// `Bᵀ x` of some strips: `[position][channel][tile]`.
fn transform_input(
    g: &Geometry,
    grid: &Grid,
    x: &[f32],
    strips: &Range<usize>,
    plane: usize,
    out: &mut [f32],
) {
    let [height, width] = g.input;
    let tiles = strips.len().div_ceil(grid.per_vector) * LANES;
    let pitch = grid.width();
    // Where the input rows of every line begin: tile rows of an image share six.
    let first_line = strips.start / grid.strips;
    let mut begins = Vec::new();
    let mut end = 0;
    for line in first_line..=(strips.end - 1) / grid.strips {
        let shared = match grid.across || line == first_line || line % grid.lines == 0 {
            true => 0,
            false => POSITIONS - OUTPUTS,
        };
        begins.push((end - shared, shared));
        end += grid.rows() - shared;
    }
    // What the last vector has too much repeats the last strip.
    let from: Vec<usize> = (strips.start..strips.start + tiles / LANES * grid.per_vector)
        .map(|s| s.min(strips.end - 1))
        .map(|s| begins[s / grid.strips - first_line].0 * pitch + s % grid.strips * LANES)
        .collect();
    f32::with_scratch(end * pitch, |copy| {
        for c in 0..g.channels {
            for (k, &(begin, shared)) in begins.iter().enumerate() {
                let [image, line, _] = grid.place((first_line + k) * grid.strips);
                let x = &x[(image * g.channels + c) * height * width..][..height * width];
                let first = line * if grid.across { 1 } else { OUTPUTS };
                let rows = copy[begin * pitch..].chunks_exact_mut(pitch);
                for (u, out) in rows.enumerate().take(grid.rows()).skip(shared) {
                    let source = (first + u) as isize - g.offset[0];
                    copy_row(x, g.input, source, -g.offset[1], out);
                }
            }
            for (v, from) in from.chunks_exact(grid.per_vector).enumerate() {
                let out = &mut out[c * tiles + v * LANES..];
                match *from {
                    [a, b, c, d] => input_across(copy, [a, b, c, d], out, plane),
                    [first, ..] => input_down(&copy[first..], pitch, out, plane),
                    [] => {}
                }
            }
        }
    });
}

/// Outputs of one filter from its products, `[position][tile]`, `plane` apart.
#[allow(clippy::too_many_arguments)]
fn finish(
    g: &Geometry,
    grid: &Grid,
    strips: &Range<usize>,
    products: &[f32],
    plane: usize,
    filter: usize,
    y: Shared<'_, f32>,
    epilogue: &Epilogue<'_, f32>,
) {
    let [height, width] = g.output;
    let mut tiles = [0f32; 4 * LANES];
    // Without a residual all elements of a filter are finished alike.
    let whole = epilogue.residual.is_none();
    for (v, first) in strips.clone().step_by(grid.per_vector).enumerate() {
        output_line(&products[v * LANES..], plane, grid.across, &mut tiles);
        if whole {
            epilogue.apply(filter, 0, &mut tiles);
        }
        for (i, part) in tiles.chunks_exact_mut(LANES).enumerate() {
            // Vector `i` holds sixteen columns of quad `i`, or of output row `i` of the strip.
            let (strip, down) = if grid.across {
                (first + i, 0)
            } else {
                (first, i)
            };
            if strip >= strips.end {
                break;
            }
            let [image, line, column] = grid.place(strip);
            let row = if grid.across {
                line
            } else {
                line * OUTPUTS + down
            };
            if row >= height {
                break;
            }
            let part = &mut part[..(width - column).min(LANES)];
            let at = ((image * g.filters + filter) * height + row) * width + column;
            if !whole {
                epilogue.apply(filter, at, part);
            }
            let dst = y.at(at, part.len());
            // SAFETY: `at` checks the range; only this task writes it.
            unsafe { dst.copy_from_nonoverlapping(part.as_ptr(), part.len()) };
        }
    }
}
