//! Slices of whole 12-bit grey values, on which a table replaces arithmetic.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Zip};

/// Grey values of 12 bits.
pub(crate) const LEVELS: usize = 4096;

/// The grey values of a slice, or `None` unless all are whole numbers in [0, 4095].
pub(crate) fn whole(slice: ArrayView2<'_, f32>) -> Option<Array2<u16>> {
    // in [2²³, 2²⁴) the digits of a single are those of a whole number
    const SHIFT: f32 = 8_388_608.0;
    let standard = slice.as_standard_layout();
    let pixels = standard.as_slice()?;
    let mut levels = vec![0; pixels.len()];
    for (from, to) in pixels.chunks(1024).zip(levels.chunks_mut(1024)) {
        let mut odd = 0;
        for (&value, level) in from.iter().zip(to) {
            let shifted = value + SHIFT;
            odd |= u32::from(shifted - SHIFT != value) | (shifted.to_bits() ^ 0x4b00_0000) >> 12;
            *level = shifted.to_bits() as u16;
        }
        if odd != 0 {
            return None;
        }
    }
    Array2::from_shape_vec(slice.dim(), levels).ok()
}

/// How often each grey value occurs.
pub(crate) fn histogram(levels: &Array2<u16>) -> [u32; LEVELS] {
    // four counts in turns, so that neighbours of equal value do not wait for each other
    let mut counts = vec![[0_u32; LEVELS]; 4];
    if let [a, b, c, d] = counts.as_mut_slice() {
        let pixels = levels.as_slice().unwrap_or_default();
        let at = |level: u16| usize::from(level) % LEVELS;
        let mut fours = pixels.chunks_exact(4);
        for four in &mut fours {
            a[at(four[0])] += 1;
            b[at(four[1])] += 1;
            c[at(four[2])] += 1;
            d[at(four[3])] += 1;
        }
        for &level in fours.remainder() {
            a[at(level)] += 1;
        }
    }
    std::array::from_fn(|level| counts.iter().map(|counts| counts[level]).sum())
}

/// Percentile in [0, 100] of the counted values from `first` on, linear between order statistics;
/// `None` if there are none.
pub(crate) fn percentile(counts: &[u32; LEVELS], first: usize, percent: f64) -> Option<f64> {
    let number: usize = counts[first..].iter().map(|&count| count as usize).sum();
    let position = percent / 100.0 * number.checked_sub(1)? as f64;
    let below = (position.floor() as usize).min(number - 1);
    let fraction = position - below as f64;
    let ranked = |rank: usize| {
        let mut seen = 0;
        let level = counts.iter().enumerate().skip(first).find(|(_, count)| {
            seen += **count as usize;
            seen > rank
        });
        level.map_or(0.0, |(level, _)| level as f64)
    };
    let low = ranked(below);
    if fraction == 0.0 {
        return Some(low);
    }
    let high = ranked((below + 1).min(number - 1));
    Some(low + (high - low) * fraction)
}

/// Every grey value replaced by the entry of a table.
pub(crate) fn look_up<T: Copy>(levels: &Array2<u16>, table: &[T; LEVELS]) -> Array2<T> {
    levels.mapv(|level| table[usize::from(level) % LEVELS])
}

/// [`look_up`] into an array of the same shape.
pub(crate) fn look_up_into<T: Copy>(
    levels: &Array2<u16>,
    table: &[T; LEVELS],
    out: ArrayViewMut2<'_, T>,
) {
    Zip::from(out)
        .and(levels)
        .for_each(|to, &level| *to = table[usize::from(level) % LEVELS]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_of_twelve_bits_are_whole() {
        let values = ndarray::array![[0.0_f32, 4095.0], [17.0, 2.0]];
        assert_eq!(
            whole(values.view()).unwrap(),
            ndarray::array![[0_u16, 4095], [17, 2]]
        );
        for odd in [-1.0, 4096.0, 0.5, f32::NAN, f32::INFINITY, -0.25] {
            let mut values = values.clone();
            values[[1, 0]] = odd;
            assert!(whole(values.view()).is_none(), "{odd}");
        }
    }

    #[test]
    fn counted_percentiles_equal_selected_ones() {
        let levels =
            Array2::from_shape_fn((31, 17), |(r, c)| ((r * 919 + c * c * 37) % 500) as u16);
        let counts = histogram(&levels);
        for percent in [0.0, 0.1, 25.0, 50.0, 99.9, 100.0] {
            let mut values: Vec<f32> = levels
                .iter()
                .filter(|&&level| level > 0)
                .map(|&level| f32::from(level))
                .collect();
            let selected = crate::normalise::percentile(&mut values, percent);
            assert_eq!(percentile(&counts, 1, percent), selected, "{percent}");
        }
        assert_eq!(percentile(&[0; LEVELS], 0, 50.0), None);
    }
}
