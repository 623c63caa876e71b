//! Contrast-limited adaptive histogram equalisation, with scikit-image's arithmetic.

use ndarray::Array2;

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

/// Working grey levels → tile histograms, clipped → mappings → bilinear interpolation between
/// mappings → stretched to [0, 4096].
pub(super) fn clahe(
    slice: &Array2<f32>,
    clip_limit: f64,
    tiles: usize,
    bins: usize,
) -> Array2<f32> {
    let (rows, columns) = slice.dim();
    let Some(levels) = working_levels(slice) else {
        return Array2::zeros((rows, columns));
    };
    let width = 1 + LEVELS / bins;
    let binned = levels.mapv(|level| level / width);
    let (down, across) = (Axis::new(rows, tiles), Axis::new(columns, tiles));
    let maps = mappings(&binned, &down, &across, clip_limit, bins);
    let tile_at = |axis: &Axis, index: isize| index.clamp(0, axis.tiles as isize - 1) as usize;
    let mut out = Array2::zeros((rows, columns));
    for ((row, column), value) in out.indexed_iter_mut() {
        let (y, x) = (row + down.before, column + across.before);
        let (block_y, block_x) = ((y / down.tile) as isize, (x / across.tile) as isize);
        let fy = (y % down.tile) as f64 / down.tile as f64;
        let fx = (x % across.tile) as f64 / across.tile as f64;
        let bin = binned[[row, column]];
        let mut sum = 0.0_f32;
        for (dy, wy) in [(-1, 1.0 - fy), (0, fy)] {
            for (dx, wx) in [(-1, 1.0 - fx), (0, fx)] {
                let tile =
                    tile_at(&down, block_y + dy) * across.tiles + tile_at(&across, block_x + dx);
                sum += (f64::from(maps[tile * bins + bin]) * (wx * wy)) as f32;
            }
        }
        *value = sum.trunc();
    }
    let (low, high) = range(&out);
    if low == high {
        return Array2::zeros((rows, columns));
    }
    out.mapv(|value| (f64::from(value - low) / f64::from(high - low) * 4096.0) as f32)
}

fn range(values: &Array2<f32>) -> (f32, f32) {
    values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| {
            (low.min(v), high.max(v))
        })
}

fn working_levels(slice: &Array2<f32>) -> Option<Array2<usize>> {
    let (low, high) = range(slice);
    let (low, span) = (f64::from(low), f64::from(high) - f64::from(low));
    (span > 0.0).then(|| {
        let top = (LEVELS - 1) as f64;
        slice.mapv(|value| ((f64::from(value) - low) / span * top).round_ties_even() as usize)
    })
}

/// One table of `bins` grey levels per tile.
fn mappings(
    binned: &Array2<usize>,
    down: &Axis,
    across: &Axis,
    clip_limit: f64,
    bins: usize,
) -> Vec<u32> {
    let pixels = down.tile * across.tile;
    let most = ((clip_limit * pixels as f64) as i64).max(1);
    let scale = (LEVELS - 1) as f64 / pixels as f64;
    let mut maps = Vec::with_capacity(down.tiles * across.tiles * bins);
    let mut counts = vec![0_i64; bins];
    for tile_row in 0..down.tiles {
        for tile_column in 0..across.tiles {
            counts.fill(0);
            for y in 0..down.tile {
                let row = down.source(down.before + tile_row * down.tile + y);
                for x in 0..across.tile {
                    let column = across.source(across.before + tile_column * across.tile + x);
                    counts[binned[[row, column]]] += 1;
                }
            }
            clip(&mut counts, most);
            let mut below = 0;
            maps.extend(counts.iter().map(|&count| {
                below += count;
                (below as f64 * scale).min((LEVELS - 1) as f64) as u32
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
    while excess > 0 {
        let before = excess;
        for start in 0..counts.len() {
            let free = counts.iter().filter(|&&count| count < most).count() as i64;
            let step = (free / excess).max(1) as usize;
            for count in counts.iter_mut().skip(start).step_by(step) {
                if *count < most {
                    *count += 1;
                    excess -= 1;
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
