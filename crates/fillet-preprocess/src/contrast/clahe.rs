//! Contrast-limited adaptive histogram equalisation, with scikit-image's arithmetic.

use ndarray::{Array2, ArrayViewMut2};

use crate::whole;

/// Grey levels of the working image.
pub(super) const LEVELS: usize = 1 << 14;

/// Tile geometry along one axis: the image is framed so that tiles are whole and the first
/// interpolation block starts half a tile outside.
struct Axis {
    tile: usize,
    before: usize,
    tiles: usize,
    length: usize,
}

impl Axis {
    fn new(length: usize, tiles: usize) -> Self {
        let tile = (length / tiles).max(1);
        Self {
            tile,
            before: tile / 2,
            tiles: length.div_ceil(tile),
            length,
        }
    }

    /// Image index of a position in the frame, by reflection without repeating the edge.
    fn source(&self, position: usize) -> usize {
        if self.length == 1 {
            return 0;
        }
        let period = 2 * (self.length as isize - 1);
        let wrapped = (position as isize - self.before as isize).rem_euclid(period);
        (if wrapped < self.length as isize {
            wrapped
        } else {
            period - wrapped
        }) as usize
    }
}

/// For each position along an axis: the tiles before and after it, and its share of each.
struct Blend {
    tiles: [usize; 2],
    shares: [f64; 2],
}

impl Axis {
    /// How many bits the shares of a pixel in its tiles have; `None` unless the tile is a power of
    /// two.
    fn share_bits(&self) -> Option<u32> {
        self.tile
            .is_power_of_two()
            .then(|| self.tile.trailing_zeros())
    }

    fn blends(&self) -> Vec<Blend> {
        (self.before..self.before + self.length)
            .map(|position| {
                let after = (position % self.tile) as f64 / self.tile as f64;
                let block = position / self.tile;
                let last = self.tiles - 1;
                Blend {
                    tiles: [block.saturating_sub(1).min(last), block.min(last)],
                    shares: [1.0 - after, after],
                }
            })
            .collect()
    }
}

/// Singles from 2²³ on are whole numbers, and their lowest bits count up.
const SHIFT: f32 = 8_388_608.0;

/// Bins → tile histograms, clipped → mappings → bilinear interpolation between mappings →
/// stretched to [0, 4096].
pub(super) fn clahe(
    binned: &Array2<u16>,
    clip_limit: f64,
    tiles: usize,
    bins: usize,
    out: ArrayViewMut2<'_, f32>,
) {
    let (rows, columns) = binned.dim();
    let (down, across) = (Axis::new(rows, tiles), Axis::new(columns, tiles));
    let maps = mappings(binned, &down, &across, clip_limit, bins);
    let levels = match (down.share_bits(), across.share_bits()) {
        (Some(y), Some(x)) if y + x <= 16 => {
            in_whole_numbers(binned, [&down, &across], &maps, bins)
        }
        _ => in_real_numbers(binned, [&down, &across], &maps, bins),
    };
    stretched(&levels, out);
}

/// Interpolation in the reference's arithmetic: products in double, sums in single precision.
fn in_real_numbers(
    binned: &Array2<u16>,
    [down, across]: [&Axis; 2],
    maps: &[u16],
    bins: usize,
) -> Vec<u16> {
    let columns = across.length;
    let along_columns = across.blends();
    let mut levels = Vec::with_capacity(binned.len());
    let mut line = vec![0.0_f32; columns];
    for (row, source) in down.blends().iter().zip(binned.outer_iter()) {
        let width = across.tiles * bins;
        let [upper, lower] = row
            .tiles
            .map(|tile| &maps[tile * width..(tile + 1) * width]);
        let [wy, vy] = row.shares;
        let bin_of: Vec<u16> = source.iter().copied().collect();
        // columns between the same two tiles share their mappings
        let mut from = 0;
        for group in along_columns.chunk_by(|a, b| a.tiles == b.tiles) {
            let to = from + group.len();
            let [left, right] = group[0].tiles.map(|tile| tile * bins..(tile + 1) * bins);
            let (a, b) = (&upper[left.clone()], &upper[right.clone()]);
            let (c, d) = (&lower[left], &lower[right]);
            let pixels = line[from..to].iter_mut().zip(&bin_of[from..to]).zip(group);
            for ((value, &bin), column) in pixels {
                let bin = usize::from(bin);
                let [wx, vx] = column.shares;
                let levels = [a[bin], b[bin], c[bin], d[bin]];
                let weights = [wx * wy, vx * wy, wx * vy, vx * vy];
                let parts: [f32; 4] =
                    std::array::from_fn(|i| (f64::from(levels[i]) * weights[i]) as f32);
                *value = parts[0] + parts[1] + parts[2] + parts[3];
            }
            from = to;
        }
        // the fraction is cut off
        levels.extend(line.iter().map(|&value| {
            let nearest = value + SHIFT - SHIFT;
            let below = nearest - f32::from(u8::from(nearest > value));
            (below + SHIFT).to_bits() as u16
        }));
    }
    levels
}

/// The same where tiles are powers of two: then shares are whole numbers of 2⁻ᵇ, nothing is
/// rounded on the way in either arithmetic, and the results are equal.
///
/// The mappings of two rows of tiles are blended once for every row of pixels, so that a pixel
/// looks up two levels instead of four.
fn in_whole_numbers(
    binned: &Array2<u16>,
    [down, across]: [&Axis; 2],
    maps: &[u16],
    bins: usize,
) -> Vec<u16> {
    let columns = across.length;
    let (tile_rows, tile_columns) = (down.tile as u32, across.tile as u32);
    let shift = (tile_rows * tile_columns).trailing_zeros();
    let along_columns = across.blends();
    let mut levels = vec![0; binned.len()];
    let width = across.tiles * bins;
    // from row to row, the blend of two rows of tiles moves by their difference
    let mut blended = vec![0_u32; width];
    let mut difference = vec![0_u32; width];
    let mut before = None;
    let lines = levels.chunks_exact_mut(columns);
    for ((row, source), line) in down.blends().iter().zip(binned.outer_iter()).zip(lines) {
        if before == Some(row.tiles) {
            for (level, &by) in blended.iter_mut().zip(&difference) {
                *level = level.wrapping_add(by);
            }
        } else {
            before = Some(row.tiles);
            let [upper, lower] = row
                .tiles
                .map(|tile| &maps[tile * width..(tile + 1) * width]);
            let [wy, vy] = row
                .shares
                .map(|share| (share * f64::from(tile_rows)) as u32);
            let both = upper.iter().zip(lower);
            for ((level, by), (&above, &below)) in blended.iter_mut().zip(&mut difference).zip(both)
            {
                let (above, below) = (u32::from(above), u32::from(below));
                *level = above * wy + below * vy;
                *by = below.wrapping_sub(above);
            }
        }
        let source = source.as_slice().unwrap_or_default();
        let mut from = 0;
        for group in along_columns.chunk_by(|a, b| a.tiles == b.tiles) {
            let to = from + group.len();
            let [left, right] = group[0]
                .tiles
                .map(|tile| &blended[tile * bins..(tile + 1) * bins]);
            // shares of the right tile go up by one from pixel to pixel
            let first = (group[0].shares[1] * f64::from(tile_columns)) as u32;
            let pixels = line[from..to].iter_mut().zip(&source[from..to]);
            for ((level, &bin), vx) in pixels.zip(first..) {
                let bin = usize::from(bin);
                if let (Some(&left), Some(&right)) = (left.get(bin), right.get(bin)) {
                    let sum = (left * tile_columns)
                        .wrapping_add(right.wrapping_sub(left).wrapping_mul(vx));
                    *level = (sum >> shift) as u16;
                }
            }
            from = to;
        }
    }
    levels
}

/// The least level becomes 0, the highest 4096.
fn stretched(levels: &[u16], mut out: ArrayViewMut2<'_, f32>) {
    let low = levels.iter().copied().fold(u16::MAX, u16::min);
    let high = levels.iter().copied().fold(0, u16::max);
    let span = f64::from(high) - f64::from(low);
    let stretch = |level: u16| {
        let above = f64::from(level) - f64::from(low);
        if span > 0.0 {
            (above / span * 4096.0) as f32
        } else {
            0.0
        }
    };
    if levels.len() < LEVELS {
        for (value, &level) in out.iter_mut().zip(levels) {
            *value = stretch(level);
        }
        return;
    }
    let mut table = vec![0.0; LEVELS];
    for (level, entry) in (low..=high).zip(&mut table) {
        *entry = stretch(level);
    }
    let look_up = |value: &mut f32, level: u16| {
        if let Some(&entry) = table.get(usize::from(level - low)) {
            *value = entry;
        }
    };
    match out.as_slice_mut() {
        Some(out) => {
            for (value, &level) in out.iter_mut().zip(levels) {
                look_up(value, level);
            }
        }
        None => {
            for (value, &level) in out.iter_mut().zip(levels) {
                look_up(value, level);
            }
        }
    }
}

fn range(values: &Array2<f32>) -> (f32, f32) {
    values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| {
            (low.min(v), high.max(v))
        })
}

/// Grey values from `low` to `high` are stretched to [`LEVELS`], `1 + LEVELS/bins` of them to a
/// bin.
fn bin(value: f64, low: f64, high: f64, bins: usize) -> u16 {
    let width = 1 + LEVELS / bins;
    let level = ((value - low) / (high - low) * (LEVELS - 1) as f64).round_ties_even();
    (level as usize / width) as u16
}

/// The histogram bin of every pixel; `None` without contrast.
pub(super) fn bins(slice: &Array2<f32>, bins: usize) -> Option<Array2<u16>> {
    let (low, high) = range(slice);
    let (low, high) = (f64::from(low), f64::from(high));
    (low < high).then(|| slice.mapv(|value| bin(f64::from(value), low, high, bins)))
}

/// [`bins`] of whole grey values.
pub(super) fn bins_of_levels(levels: &Array2<u16>, bins: usize) -> Option<Array2<u16>> {
    let pixels = levels.as_slice().unwrap_or_default();
    let low = pixels.iter().copied().fold(u16::MAX, u16::min);
    let high = pixels.iter().copied().fold(0, u16::max);
    let ends = (f64::from(low), f64::from(high));
    (low < high).then(|| {
        let mut table = [0; whole::LEVELS];
        for level in low..=high {
            table[usize::from(level)] = bin(f64::from(level), ends.0, ends.1, bins);
        }
        whole::look_up(levels, &table)
    })
}

/// One table of `bins` grey levels per tile.
fn mappings(
    binned: &Array2<u16>,
    down: &Axis,
    across: &Axis,
    clip_limit: f64,
    bins: usize,
) -> Vec<u16> {
    let pixels = down.tile * across.tile;
    let most = ((clip_limit * pixels as f64) as i64).max(1);
    let scale = (LEVELS - 1) as f64 / pixels as f64;
    let mut maps = Vec::with_capacity(down.tiles * across.tiles * bins);
    let width = binned.ncols();
    let all = binned.as_slice().unwrap_or_default();
    let sources: Vec<usize> = (0..across.tiles * across.tile)
        .map(|x| across.source(across.before + x))
        .collect();
    let mut counts = vec![0_i64; bins];
    // a margin for bins that no pixel has, so that every u16 below 2¹⁴ is an index; two counts in
    // turns, so that neighbours of equal value do not wait for each other
    let mut hits = vec![[0_u32; LEVELS]; 2];
    for tile_row in 0..down.tiles {
        for tile_column in 0..across.tiles {
            let [even, odd] = hits.as_mut_slice() else {
                break;
            };
            even[..bins].fill(0);
            odd[..bins].fill(0);
            let from = tile_column * across.tile;
            let columns = &sources[from..from + across.tile];
            let adjacent = columns.windows(2).all(|pair| pair[0] + 1 == pair[1]);
            for y in 0..down.tile {
                let row = down.source(down.before + tile_row * down.tile + y);
                let line = &all[row * width..(row + 1) * width];
                if adjacent {
                    let mut pairs = line[columns[0]..columns[0] + columns.len()].chunks_exact(2);
                    for pair in &mut pairs {
                        even[usize::from(pair[0]) % LEVELS] += 1;
                        odd[usize::from(pair[1]) % LEVELS] += 1;
                    }
                    for &bin in pairs.remainder() {
                        even[usize::from(bin) % LEVELS] += 1;
                    }
                } else {
                    for &column in columns {
                        even[usize::from(line[column]) % LEVELS] += 1;
                    }
                }
            }
            for ((count, &even), &odd) in counts.iter_mut().zip(even.iter()).zip(odd.iter()) {
                *count = i64::from(even + odd);
            }
            clip(&mut counts, most);
            let mut below = 0;
            maps.extend(counts.iter().map(|&count| {
                below += count;
                // cut off to a whole number
                (below as f64 * scale).min((LEVELS - 1) as f64) as u16
            }));
        }
    }
    maps
}

/// Cuts bins at `most` and spreads what was cut over the others.
fn clip(counts: &mut [i64], most: i64) {
    let size = counts.len() as i64;
    let mut excess: i64 = counts.iter().map(|&count| (count - most).max(0)).sum();
    counts
        .iter_mut()
        .for_each(|count| *count = (*count).min(most));
    let each = excess / size;
    let upper = most - each;
    for count in counts.iter_mut() {
        if *count < upper {
            *count += each;
            excess -= each;
        }
        if *count >= upper && *count < most {
            excess -= most - *count;
            *count = most;
        }
    }
    let mut free = counts.iter().filter(|&&count| count < most).count() as i64;
    while excess > 0 {
        let before = excess;
        for start in 0..counts.len() {
            // mostly more is left than free, and a division is slow
            let step = if free < 2 * excess {
                1
            } else {
                (free / excess) as usize
            };
            for count in counts.iter_mut().skip(start).step_by(step) {
                if *count < most {
                    *count += 1;
                    excess -= 1;
                    free -= i64::from(*count == most);
                }
            }
            if excess <= 0 {
                break;
            }
        }
        if excess == before {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_give_what_real_numbers_give() {
        for (rows, columns, tiles, number) in
            [(64, 64, 8, 256), (67, 33, 4, 64), (16, 128, 2, 16384)]
        {
            let binned = Array2::from_shape_fn((rows, columns), |(r, c)| {
                ((r * 83 + c * 151 + r * c * 7) % number) as u16
            });
            let axes = [&Axis::new(rows, tiles), &Axis::new(columns, tiles)];
            assert!(axes.iter().all(|axis| axis.share_bits().is_some()));
            let maps = mappings(&binned, axes[0], axes[1], 0.03, number);
            assert_eq!(
                in_whole_numbers(&binned, axes, &maps, number),
                in_real_numbers(&binned, axes, &maps, number)
            );
        }
    }
}
