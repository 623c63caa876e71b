//! Histogram equalisation of 12-bit grey values.

use ndarray::Array2;

/// Grey values of 12 bits.
const LEVELS: usize = 4096;

/// `4096 · (C(x) − C(darkest)) / (n − C(darkest))`, C counting the pixels at or below x. The
/// darkest grey value, the removed background where there is one, stays out of the count.
pub(super) fn equalise(slice: &Array2<f32>) -> Array2<f32> {
    let mut counts = [0_u64; LEVELS];
    for &value in slice {
        counts[value as usize] += 1;
    }
    let darkest = counts.iter().copied().find(|&count| count > 0).unwrap_or(0);
    let range = slice.len() as u64 - darkest;
    if range == 0 {
        return Array2::zeros(slice.dim());
    }
    let mut below = 0;
    let table: Vec<f32> = counts
        .iter()
        .map(|&count| {
            below += count;
            let above_darkest = below.saturating_sub(darkest);
            ((above_darkest * LEVELS as u64) as f64 / range as f64) as f32
        })
        .collect();
    slice.mapv(|value| table[value as usize])
}
