//! 64 values -> how many of many evenly spaced thresholds each has reached -> one word per threshold.
//!
//! Every value becomes a fixed-point number of 15 bits whose upper four count the thresholds it has
//! reached: one conversion instead of one comparison per threshold. Rounding blurs only the number that
//! a threshold itself has; blocks that hold it are left to exact comparisons, so the result is exact.
//! The counts of two blocks are then transposed into four pairs of words, from which each threshold is
//! a few logical operations. All of it vectorises with the instructions every x86-64 processor has.

use super::pack::BLOCK;
use super::runs::{PER_WORD, RUN};

/// Fixed-point units between neighbouring thresholds of the grid.
const UNIT: i32 = 1 << 11;
/// Greatest count of thresholds that four bits hold, less one for what lies above the last.
const MOST: usize = 14;
/// Fewest thresholds for which the conversion costs less than comparisons.
const FEWEST: usize = 4;
/// Added to a number below 2²², leaves it rounded to a whole number in the low bits.
const ROUND: f32 = 12_582_912.0;

/// Thresholds that lie on an even grid.
#[derive(Debug, Clone)]
pub(crate) struct Levels {
    scale: f32,
    offset: f32,
    /// What lies more than half a step below the first threshold or above the last is moved there.
    bottom: f32,
    top: f32,
    /// For every threshold how many of the grid it and those below it are.
    levels: Vec<usize>,
}

/// How many thresholds of the grid each of 64 values has reached.
pub(crate) type Counts = [u8; BLOCK];

/// For each number from 0 to 15 which values of two blocks have reached so many thresholds.
pub(crate) type Reached = [[u64; 2]; 16];

impl Levels {
    /// The grid of these cuts; `None` if there is none or if it would not be faster.
    pub(crate) fn of(cuts: &[f32]) -> Option<Self> {
        let mut distinct = cuts.to_vec();
        distinct.sort_by(f32::total_cmp);
        distinct.dedup();
        if !(FEWEST..=MOST).contains(&distinct.len()) {
            return None;
        }
        let (first, last) = (f64::from(distinct[0]), f64::from(*distinct.last()?));
        (distinct.len() - 1..MOST).find_map(|steps| Self::with(cuts, first, last, steps))
    }

    /// The grid with this number of steps from the first cut to the last, if all cuts lie on it.
    fn with(cuts: &[f32], first: f64, last: f64, steps: usize) -> Option<Self> {
        let unit = f64::from(UNIT);
        let scale = unit * steps as f64 / (last - first);
        let mut grid = Self {
            scale: scale as f32,
            offset: (unit - first * scale + f64::from(ROUND)) as f32,
            bottom: ROUND + (UNIT / 2) as f32,
            top: ROUND + (UNIT * (steps as i32 + 1) + UNIT / 2) as f32,
            levels: Vec::with_capacity(cuts.len()),
        };
        for &cut in cuts {
            let level = ((f64::from(cut) - first) * scale / unit).round() + 1.0;
            let fixed = cut * grid.scale + grid.offset;
            if fixed != ROUND + (level * unit) as f32 {
                return None;
            }
            grid.levels.push(level as usize);
        }
        Some(grid)
    }

    /// For every threshold its index in [`Reached`].
    pub(crate) fn levels(&self) -> &[usize] {
        &self.levels
    }

    /// Counts the thresholds that each value has reached; says whether the counts are exact.
    ///
    /// They are not if a value is not finite or rounds to a threshold.
    #[inline(never)]
    pub(crate) fn count(&self, values: [&[f32; RUN]; PER_WORD], counts: &mut Counts) -> bool {
        const LANES: usize = RUN;
        let mut least = [i16::MAX; LANES];
        let mut sums = [0.0_f32; LANES];
        let (counts, _) = counts.as_chunks_mut::<LANES>();
        for (values, counts) in values.iter().zip(counts) {
            let mut fixed = [0_i16; LANES];
            for lane in 0..LANES {
                sums[lane] += values[lane];
                let value = values[lane] * self.scale + self.offset;
                let value = if self.top < value { self.top } else { value };
                let value = if self.bottom > value {
                    self.bottom
                } else {
                    value
                };
                fixed[lane] = (value.to_bits() & 0x7FFF) as i16;
            }
            for lane in 0..LANES {
                let fraction = fixed[lane] & (UNIT - 1) as i16;
                least[lane] = least[lane].min(fraction);
                counts[lane] = (fixed[lane] as u16 / UNIT as u16) as u8;
            }
        }
        // The sum of finite values is finite, or so large that comparisons may as well decide.
        least.iter().all(|&fraction| fraction > 0) && sums.iter().sum::<f32>().is_finite()
    }
}

/// Exchanges the bits of `a` selected by `mask << by` with those of `b` selected by `mask`.
#[inline(always)]
fn exchange(a: &mut [u64; 2], b: &mut [u64; 2], by: u32, mask: u64) {
    for lane in 0..2 {
        let differ = ((a[lane] >> by) ^ b[lane]) & mask;
        b[lane] ^= differ;
        a[lane] ^= differ << by;
    }
}

/// The words of two blocks from their counts.
#[inline(never)]
pub(crate) fn reached(counts: &[Counts; 2]) -> Reached {
    let [first, second] = counts.each_ref().map(|block| block.as_chunks::<8>().0);
    let eight = |i: usize| [u64::from_le_bytes(first[i]), u64::from_le_bytes(second[i])];
    let pair = |i: usize| {
        let (low, high) = (eight(i), eight(i + 4));
        [low[0] | high[0] << 4, low[1] | high[1] << 4]
    };
    // Bit 4 h + k of byte j of m[i] is bit k of the count of pixel 8 (i + 4 h) + j; transposed, bit
    // 4 h + i of byte j of m[k] is, which is where that pixel belongs.
    let [mut m0, mut m1, mut m2, mut m3] = [pair(0), pair(1), pair(2), pair(3)];
    exchange(&mut m0, &mut m2, 2, 0x3333_3333_3333_3333);
    exchange(&mut m1, &mut m3, 2, 0x3333_3333_3333_3333);
    exchange(&mut m0, &mut m1, 1, 0x5555_5555_5555_5555);
    exchange(&mut m2, &mut m3, 1, 0x5555_5555_5555_5555);
    let and = |x: [u64; 2], y: [u64; 2]| [x[0] & y[0], x[1] & y[1]];
    let or = |x: [u64; 2], y: [u64; 2]| [x[0] | y[0], x[1] | y[1]];
    // Counts of at least 1, 2 and 3 by their two low bits, and of at least 1 to 7 by three.
    let (low1, low2, low3) = (or(m1, m0), m1, and(m1, m0));
    let up = [or(m2, low1), or(m2, low2), or(m2, low3), m2];
    let down = [and(m2, low1), and(m2, low2), and(m2, low3)];
    let [a, b, c, d] = up;
    let [e, f, g] = down;
    [
        [u64::MAX; 2],
        or(m3, a),
        or(m3, b),
        or(m3, c),
        or(m3, d),
        or(m3, e),
        or(m3, f),
        or(m3, g),
        m3,
        and(m3, a),
        and(m3, b),
        and(m3, c),
        and(m3, d),
        and(m3, e),
        and(m3, f),
        and(m3, g),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::pack::pack_at_least;
    use super::*;

    fn runs(block: &[f32; BLOCK]) -> [&[f32; RUN]; PER_WORD] {
        let (runs, _) = block.as_chunks::<RUN>();
        std::array::from_fn(|k| &runs[k])
    }

    #[test]
    fn even_thresholds_have_levels_and_others_have_not() {
        let tenths: Vec<f32> = (1..10).map(|i| i as f32 / 10.0).collect();
        let levels = Levels::of(&tenths).map(|grid| grid.levels);
        assert_eq!(levels, Some(vec![1, 2, 3, 4, 5, 6, 7, 8, 9]));
        let gaps = Levels::of(&[0.5, 0.1, 0.2, 1.0, 0.1]).map(|grid| grid.levels);
        assert_eq!(gaps, Some(vec![5, 1, 2, 10, 1]));
        for none in [&[0.1, 0.2, 0.31, 0.4, 0.5007][..], &[0.5]] {
            assert!(Levels::of(none).is_none(), "{none:?}");
        }
    }

    #[test]
    fn words_are_those_of_comparisons() {
        let mut state = 1_u32;
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        let cuts: Vec<f32> = (0..14).map(|i| i as f32 * 0.07 - 0.1).collect();
        let grid = Levels::of(&cuts).unwrap_or_else(|| unreachable!("an even grid"));
        let mut exact = 0;
        for round in 0..200 {
            let mut blocks = [[0.0; BLOCK]; 2];
            for value in blocks.iter_mut().flatten() {
                *value = draw() * 1.4 - 0.3;
            }
            // Thresholds themselves and their neighbours.
            if round % 4 == 0 {
                let cut = cuts[round / 4 % 14];
                blocks[0][round % BLOCK] = cut;
                blocks[1][round % BLOCK] = cut.next_down();
            }
            let mut counts = [[0; BLOCK]; 2];
            let right = [0, 1].map(|half| grid.count(runs(&blocks[half]), &mut counts[half]));
            let words = reached(&counts);
            for half in (0..2).filter(|&half| right[half]) {
                exact += 1;
                for (&cut, &level) in cuts.iter().zip(grid.levels()) {
                    assert_eq!(words[level][half], pack_at_least(&blocks[half], cut));
                }
            }
            assert!(round % 4 != 0 || right == [false; 2]);
        }
        assert!(exact > 150, "{exact}");
    }

    #[test]
    fn values_that_are_no_numbers_are_never_exact() {
        let cuts = [0.1, 0.2, 0.3, 0.4, 0.5];
        let grid = Levels::of(&cuts).unwrap_or_else(|| unreachable!("an even grid"));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in [0, 17, 63] {
                let mut values = [0.33; BLOCK];
                assert!(grid.count(runs(&values), &mut [0; BLOCK]));
                values[at] = bad;
                assert!(!grid.count(runs(&values), &mut [0; BLOCK]), "{bad} at {at}");
            }
        }
    }
}
