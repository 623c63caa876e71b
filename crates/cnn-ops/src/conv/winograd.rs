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

use super::forward::Epilogue;
use super::geometry::Geometry;
use super::product::{Matrix, multiply};
use crate::element::Element;
use crate::parallel::{Shared, fill_vec, for_each_task, share};
use crate::simd::kernel;

/// Positions of a transformed tile.
const POSITIONS: usize = 36;
/// Tiles per task.
const TILES: usize = 64;
/// Filters whose products are kept between transform and transform.
const FILTERS: usize = 64;
/// Elements of a transformed weight; more filters are done in further passes.
const WEIGHT: usize = 1 << 22;
const TASKS: usize = 16;
/// Vector length of the transforms, and the slack behind every matrix that lets them write whole
/// vectors.
const LANES: usize = 16;

type Lanes<T> = [T; LANES];

/// Whether the transform pays: enough channels to share its cost, enough tiles to fill a product.
pub(crate) fn suits<T: Element>(g: &Geometry) -> bool {
    let tiles = g.batch * g.output[0].div_ceil(4) * g.output[1].div_ceil(4);
    size_of::<T>() == 4
        && g.kernel == [3, 3]
        && g.stride == [1, 1]
        && g.dilation == [1, 1]
        && g.groups == 1
        && g.channels >= 32
        && g.filters >= 32
        && tiles >= 16
        && g.output[0] >= 6
        && g.output[1] >= 6
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
}

impl Grid {
    fn new(g: &Geometry) -> Self {
        let (rows, columns) = (g.output[0].div_ceil(4), g.output[1].div_ceil(4));
        let total = g.batch * rows;
        // Equal blocks.
        let blocks = (total * columns).div_ceil(TILES).clamp(1, total.max(1));
        Self {
            rows,
            columns,
            step: total.div_ceil(blocks).max(1),
            total,
        }
    }

    fn blocks(&self) -> usize {
        self.total.div_ceil(self.step)
    }

    fn block(&self, i: usize) -> std::ops::Range<usize> {
        i * self.step..((i + 1) * self.step).min(self.total)
    }
}

/// `y` of a convolution that [`suits`].
pub(crate) fn convolve<T: Element>(
    g: &Geometry,
    x: &[T],
    w: &[T],
    epilogue: Epilogue<'_, T>,
) -> Vec<T> {
    let grid = Grid::new(g);
    let pixels = g.output[0] * g.output[1];
    let pass = (WEIGHT / (POSITIONS * g.channels)).clamp(1, g.filters);
    let parts = TASKS.div_ceil(grid.blocks().max(1));
    // SAFETY: passes, blocks and parts cover every filter and tile, and `run` writes all outputs.
    unsafe {
        fill_vec(g.batch * g.filters * pixels, |y| {
            for first in (0..g.filters).step_by(pass) {
                let count = pass.min(g.filters - first);
                let weight = transform_weight(g, w, first, count);
                let part = super::forward::part_size(count, parts, 64, 8);
                let parts = count.div_ceil(part);
                for_each_task(grid.blocks() * parts, g.products(), |task| {
                    let (block, p) = (task / parts, task % parts);
                    let filters = p * part..((p + 1) * part).min(count);
                    let rows = grid.block(block);
                    run(
                        g, &grid, x, &weight, first, count, filters, rows, y, &epilogue,
                    );
                });
            }
        })
    }
}

/// `[position][filter][channel]` of `G w Gᵀ`.
fn transform_weight<T: Element>(g: &Geometry, w: &[T], first: usize, count: usize) -> Vec<T> {
    let mut out = vec![T::ZERO; POSITIONS * count * g.channels];
    let shared = share(&mut out);
    let plane = count * g.channels;
    for_each_task(count.div_ceil(8), plane * POSITIONS, |task| {
        for filter in task * 8..(task * 8 + 8).min(count) {
            let w = &w[(first + filter) * g.channels * 9..][..g.channels * 9];
            let mut rows: [&mut [T]; POSITIONS] = std::array::from_fn(|i| {
                // SAFETY: one row per position and filter of an initialised buffer; each filter
                // belongs to one task.
                unsafe { shared.slice(i * plane + filter * g.channels, g.channels) }
            });
            weight_rows(w, &mut rows);
        }
    });
    out
}

kernel! {
    /// Transforms the kernels of one filter, one per channel.
    fn weight_rows<T>(w: &[T], rows: &mut [&mut [T]; POSITIONS]) {
        let [quarter, sixth] = [1.0 / 4.0, -1.0 / 6.0].map(T::from_f64);
        let [twelfth, twentyfourth] = [1.0 / 12.0, 1.0 / 24.0].map(T::from_f64);
        let g = |a: Lanes<T>, b: Lanes<T>, c: Lanes<T>| -> [Lanes<T>; 6] {
            let mut out = [[T::ZERO; LANES]; 6];
            for l in 0..LANES {
                let outer = a[l] + c[l];
                let half = a[l] * twentyfourth - c[l] * sixth;
                out[0][l] = a[l] * quarter;
                out[1][l] = (outer + b[l]) * sixth;
                out[2][l] = (outer - b[l]) * sixth;
                out[3][l] = half + b[l] * twelfth;
                out[4][l] = half - b[l] * twelfth;
                out[5][l] = c[l];
            }
            out
        };
        let channels = w.len() / 9;
        for start in (0..channels).step_by(LANES) {
            let count = LANES.min(channels - start);
            let mut k = [[T::ZERO; LANES]; 9];
            for (l, w) in w[start * 9..(start + count) * 9].chunks_exact(9).enumerate() {
                for (k, &w) in k.iter_mut().zip(w) {
                    k[l] = w;
                }
            }
            let columns = [g(k[0], k[3], k[6]), g(k[1], k[4], k[7]), g(k[2], k[5], k[8])];
            for i in 0..6 {
                let row = g(columns[0][i], columns[1][i], columns[2][i]);
                for (j, value) in row.iter().enumerate() {
                    rows[i * 6 + j][start..start + count].copy_from_slice(&value[..count]);
                }
            }
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn run<T: Element>(
    g: &Geometry,
    grid: &Grid,
    x: &[T],
    weight: &[T],
    first: usize,
    count: usize,
    filters: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
    y: Shared<'_, T>,
    epilogue: &Epilogue<'_, T>,
) {
    let tiles = rows.len() * grid.columns;
    // One cache line more than a whole matrix, so that the 36 positions fall into different sets.
    let input_plane = g.channels * tiles + 2 * LANES;
    let step = FILTERS.min(filters.len());
    let output_plane = step * tiles + 2 * LANES;
    let staging = Staging::new(grid);
    let size = POSITIONS * (input_plane + output_plane) + staging.len();
    T::with_scratch(size, |scratch| {
        let (input, rest) = scratch.split_at_mut(POSITIONS * input_plane);
        let (output, buffer) = rest.split_at_mut(POSITIONS * output_plane);
        transform_input(g, grid, x, rows.clone(), buffer, input, input_plane, tiles);
        for start in filters.clone().step_by(step) {
            let n = step.min(filters.end - start);
            for position in 0..POSITIONS {
                let u = &weight[(position * count + start) * g.channels..];
                let v = &input[position * input_plane..];
                let m = &mut output[position * output_plane..][..n * tiles];
                // SAFETY: `m` holds `n` rows of `tiles` elements.
                unsafe {
                    multiply(
                        m.as_mut_ptr(),
                        tiles,
                        Matrix::new(u, n, g.channels, g.channels),
                        Matrix::new(v, g.channels, tiles, tiles),
                        false,
                    );
                }
            }
            for f in 0..n {
                let filter = first + start + f;
                for (i, row) in rows.clone().enumerate() {
                    let (image, r) = (row / grid.rows, row % grid.rows);
                    let height = 4.min(g.output[0] - 4 * r);
                    let width = g.output[1];
                    let at = (image * g.filters + filter) * g.output[0] * width + 4 * r * width;
                    let target = &mut buffer[..4 * staging.row];
                    let from = f * tiles + i * grid.columns;
                    output_row(
                        output,
                        output_plane,
                        from,
                        grid.columns,
                        target,
                        staging.row,
                    );
                    for k in 0..height {
                        let row = &mut target[k * staging.row..][..width];
                        epilogue.apply(filter, at + k * width, row);
                        let dst = y.at(at + k * width, width);
                        // SAFETY: `at` checks the range; only this task writes it.
                        unsafe { dst.copy_from_nonoverlapping(row.as_ptr(), width) };
                    }
                }
            }
        }
    });
}

/// Row buffers of the transforms.
#[derive(Debug, Clone, Copy)]
struct Staging {
    /// Elements of one output row, whole vectors of tiles.
    row: usize,
    /// Elements of one input row and remainder modulo 4.
    phase: usize,
}

impl Staging {
    fn new(grid: &Grid) -> Self {
        let tiles = grid.columns.next_multiple_of(LANES);
        Self {
            row: 4 * tiles,
            phase: tiles + LANES,
        }
    }

    fn len(&self) -> usize {
        (6 * 4 * self.phase).max(4 * self.row)
    }
}

/// `[position][channel][tile]` of `Bᵀ x B` for the tile rows `rows`.
#[allow(clippy::too_many_arguments)]
fn transform_input<T: Element>(
    g: &Geometry,
    grid: &Grid,
    x: &[T],
    rows: std::ops::Range<usize>,
    buffer: &mut [T],
    input: &mut [T],
    plane: usize,
    tiles: usize,
) {
    let staging = Staging::new(grid);
    let [height, width] = g.input;
    let line = 4 * staging.phase;
    // In order of channels and rows: whole vectors written behind the end of a row are
    // overwritten by the next one, and by the slack behind the last.
    for c in 0..g.channels {
        for (i, row) in rows.clone().enumerate() {
            let (image, r) = (row / grid.rows, row % grid.rows);
            let x = &x[(image * g.channels + c) * height * width..][..height * width];
            let follows = i > 0 && r > 0;
            if follows {
                // The last two rows of the tiles above are the first two of these.
                buffer.copy_within(4 * line..6 * line, 0);
            }
            for k in if follows { 2..6 } else { 0..6 } {
                let out = &mut buffer[k * line..(k + 1) * line];
                let source = (4 * r + k) as isize - g.offset[0];
                if (0..height as isize).contains(&source) {
                    let source = source as usize;
                    let x = &x[source * width..(source + 1) * width];
                    sort_columns(x, g.offset[1], staging.phase, out);
                } else {
                    out.fill(T::ZERO);
                }
            }
            let to = c * tiles + i * grid.columns;
            input_row(buffer, staging.phase, grid.columns, input, plane, to);
        }
    }
}

kernel! {
    /// Splits a row, moved right by `offset`, by column modulo 4; zeros around it.
    fn sort_columns<T>(x: &[T], offset: isize, phase: usize, out: &mut [T]) {
        out.fill(T::ZERO);
        let skip = (-offset).max(0) as usize;
        let shift = offset.max(0) as usize;
        let x = &x[skip.min(x.len())..];
        // Up to the first whole group of four.
        let head = (shift.next_multiple_of(4) - shift).min(x.len());
        for (i, &v) in x[..head].iter().enumerate() {
            let at = shift + i;
            out[at % 4 * phase + at / 4] = v;
        }
        let body = &x[head..];
        let start = (shift + head) / 4;
        let (p0, rest) = out.split_at_mut(phase);
        let (p1, rest) = rest.split_at_mut(phase);
        let (p2, p3) = rest.split_at_mut(phase);
        let groups = (body.len() / 4).min(phase.saturating_sub(start));
        let (p0, p1) = (&mut p0[start..start + groups], &mut p1[start..start + groups]);
        let (p2, p3) = (&mut p2[start..start + groups], &mut p3[start..start + groups]);
        let whole = &body[..4 * groups];
        for i in 0..groups {
            p0[i] = whole[4 * i];
            p1[i] = whole[4 * i + 1];
            p2[i] = whole[4 * i + 2];
            p3[i] = whole[4 * i + 3];
        }
        let at = start + groups;
        for (i, &v) in body[4 * groups..].iter().take(3).enumerate() {
            if at < phase {
                out[i * phase + at] = v;
            }
        }
    }
}

kernel! {
    /// Transforms one row of tiles of one channel.
    fn input_row<T>(
        buffer: &[T],
        phase: usize,
        columns: usize,
        out: &mut [T],
        plane: usize,
        to: usize,
    ) {
        let [two, four, five] = [2.0, 4.0, 5.0].map(T::from_f64);
        let b = |d: &[Lanes<T>; 6]| -> [Lanes<T>; 6] {
            let mut out = [[T::ZERO; LANES]; 6];
            for l in 0..LANES {
                let [d0, d1, d2, d3, d4, d5] = [d[0][l], d[1][l], d[2][l], d[3][l], d[4][l], d[5][l]];
                let even = d4 - four * d2;
                let odd = d3 - four * d1;
                let near = d4 - d2;
                let far = two * (d3 - d1);
                out[0][l] = four * d0 - five * d2 + d4;
                out[1][l] = even + odd;
                out[2][l] = even - odd;
                out[3][l] = near + far;
                out[4][l] = near - far;
                out[5][l] = four * d1 - five * d3 + d5;
            }
            out
        };
        for start in (0..columns).step_by(LANES) {
            let mut half = [[[T::ZERO; LANES]; 6]; 6];
            for j in 0..6 {
                // Column 4t + j of the tiles: remainder j % 4, one tile on for j ≥ 4.
                let from = j % 4 * phase + j / 4 + start;
                let mut d = [[T::ZERO; LANES]; 6];
                for (i, d) in d.iter_mut().enumerate() {
                    d.copy_from_slice(&buffer[i * 4 * phase + from..][..LANES]);
                }
                half[j] = b(&d);
            }
            for i in 0..6 {
                let row = [half[0][i], half[1][i], half[2][i], half[3][i], half[4][i], half[5][i]];
                for (j, value) in b(&row).iter().enumerate() {
                    out[(i * 6 + j) * plane + to + start..][..LANES].copy_from_slice(value);
                }
            }
        }
    }
}

kernel! {
    /// Turns the products of one row of tiles into four output rows of `row` elements.
    fn output_row<T>(
        products: &[T],
        plane: usize,
        from: usize,
        columns: usize,
        out: &mut [T],
        row: usize,
    ) {
        let [two, four, eight] = [2.0, 4.0, 8.0].map(T::from_f64);
        let a = |m: &[Lanes<T>; 6]| -> [Lanes<T>; 4] {
            let mut out = [[T::ZERO; LANES]; 4];
            for l in 0..LANES {
                let [m0, m1, m2, m3, m4, m5] = [m[0][l], m[1][l], m[2][l], m[3][l], m[4][l], m[5][l]];
                let (even, odd) = (m1 + m2, m1 - m2);
                let (far, wide) = (m3 + m4, m3 - m4);
                out[0][l] = m0 + even + far;
                out[1][l] = odd + two * wide;
                out[2][l] = even + four * far;
                out[3][l] = odd + eight * wide + m5;
            }
            out
        };
        for start in (0..columns).step_by(LANES) {
            let mut half = [[[T::ZERO; LANES]; 4]; 6];
            for j in 0..6 {
                let mut m = [[T::ZERO; LANES]; 6];
                for (i, m) in m.iter_mut().enumerate() {
                    m.copy_from_slice(&products[(i * 6 + j) * plane + from + start..][..LANES]);
                }
                half[j] = a(&m);
            }
            for i in 0..4 {
                let y = a(&[half[0][i], half[1][i], half[2][i], half[3][i], half[4][i], half[5][i]]);
                let out = &mut out[i * row + 4 * start..][..4 * LANES];
                for l in 0..LANES {
                    out[4 * l] = y[0][l];
                    out[4 * l + 1] = y[1][l];
                    out[4 * l + 2] = y[2][l];
                    out[4 * l + 3] = y[3][l];
                }
            }
        }
    }
}
