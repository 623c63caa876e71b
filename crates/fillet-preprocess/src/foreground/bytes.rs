//! The filters of the paper's background removal on 8-bit images, in whole numbers.

use ndarray::Array2;

use super::filters::{kernel_256, mirror};

/// Square maximum filter of side `2·radius + 1`; pixels outside the image do not count, which
/// for a maximum equals SciPy's reflected border.
pub(super) fn maximum(image: &Array2<u8>, radius: usize) -> Array2<u8> {
    extremum(image, radius, u8::MIN, |a, b| a.max(b))
}

/// `times` erosions by a 3×3 square: one minimum filter of side `2·times + 1`, pixels outside
/// the image not counting (OpenCV's default border).
pub(super) fn erode(image: &Array2<u8>, times: usize) -> Array2<u8> {
    extremum(image, times, u8::MAX, |a, b| a.min(b))
}

/// The image is framed by `radius` pixels that never win, and read as one long line: windows along
/// rows have stride 1, windows along columns the width of the frame.
fn extremum(
    image: &Array2<u8>,
    radius: usize,
    outside: u8,
    pick: impl Fn(u8, u8) -> u8 + Copy,
) -> Array2<u8> {
    if radius == 0 {
        return image.clone();
    }
    let (rows, columns) = image.dim();
    let width = columns + 2 * radius;
    let mut framed = vec![outside; (rows + 2 * radius) * width];
    for (source, target) in image
        .outer_iter()
        .zip(framed.chunks_exact_mut(width).skip(radius))
    {
        for (target, &value) in target[radius..].iter_mut().zip(source) {
            *target = value;
        }
    }
    let along_rows = windows(framed, 2 * radius + 1, 1, pick);
    let both = windows(along_rows, 2 * radius + 1, width, pick);
    let mut out = Array2::zeros((rows, columns));
    for (mut target, source) in out.outer_iter_mut().zip(both.chunks(width)) {
        for (target, &value) in target.iter_mut().zip(source) {
            *target = value;
        }
    }
    out
}

/// The best of `window` values `stride` apart, beginning at each place: windows of 1, 2, 4 … are
/// joined in pairs, the last two overlapping.
fn windows(
    mut values: Vec<u8>,
    window: usize,
    stride: usize,
    pick: impl Fn(u8, u8) -> u8 + Copy,
) -> Vec<u8> {
    let mut covered = 1;
    while covered < window {
        let step = covered.min(window - covered) * stride;
        values = values
            .iter()
            .zip(&values[step..])
            .map(|(&a, &b)| pick(a, b))
            .collect();
        covered += step / stride;
    }
    values
}

/// OpenCV's Gaussian filter of 8-bit images: the kernel in 256ths, the result rounded once.
pub(super) fn blur(image: &Array2<u8>, size: usize) -> Array2<u8> {
    if size == 1 {
        return image.clone();
    }
    let kernel = kernel_256(size);
    let (rows, columns) = image.dim();
    let radius = size / 2;
    let outside = |at: usize, length: usize| mirror(at as isize - radius as isize, length);
    // a row of 8 bits times 256 fits into 16 bits
    let weights: Vec<u16> = kernel.iter().map(|&w| w as u16).collect();
    let mut along_rows = vec![0.0_f32; rows * columns];
    let mut sums = vec![0_u16; columns];
    let mut framed = vec![0_u16; columns + 2 * radius];
    for (source, target) in image.outer_iter().zip(along_rows.chunks_exact_mut(columns)) {
        for (target, &value) in framed[radius..].iter_mut().zip(source) {
            *target = u16::from(value);
        }
        for at in (0..radius).chain(columns + radius..columns + 2 * radius) {
            framed[at] = u16::from(source[outside(at, columns)]);
        }
        sums.fill(0);
        for (tap, &weight) in weights[..radius].iter().enumerate() {
            let far = size - 1 - tap;
            let pair = [&framed[tap..tap + columns], &framed[far..far + columns]];
            add_bytes(&mut sums, pair, weight);
        }
        let middle = &framed[radius..radius + columns];
        for ((target, &sum), &value) in target.iter_mut().zip(&sums).zip(middle) {
            *target = f32::from(sum) + f32::from(value) * f32::from(weights[radius]);
        }
    }
    // sums below 2²⁴ are exact in single precision
    let weights: Vec<f32> = kernel.iter().map(|&w| w as f32).collect();
    let mut out = Array2::zeros((rows, columns));
    let mut line = vec![0.0_f32; columns];
    for (row, mut target) in out.outer_iter_mut().enumerate() {
        let source = |tap: usize| {
            let from = outside(row + tap, rows) * columns;
            &along_rows[from..from + columns]
        };
        line.fill(32768.0);
        // two pairs of rows at a time, for fewer ways to memory
        for tap in (0..radius).step_by(2) {
            let pair = |tap: usize| [source(tap), source(size - 1 - tap)];
            if tap + 1 < radius {
                let weights = [weights[tap], weights[tap + 1]];
                add_sums(&mut line, pair(tap), pair(tap + 1), weights);
            } else {
                add_sums(&mut line, pair(tap), pair(tap), [weights[tap], 0.0]);
            }
        }
        let middle = source(radius);
        for ((target, &sum), &value) in target.iter_mut().zip(&line).zip(middle) {
            *target = divided(sum + weights[radius] * value);
        }
    }
    out
}

/// Adds `weight · (a + b)`.
fn add_bytes(sums: &mut [u16], [a, b]: [&[u16]; 2], weight: u16) {
    for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
        *sum = sum.wrapping_add((a + b).wrapping_mul(weight));
    }
}

/// Adds `v · (a + b) + w · (c + d)`, whole numbers below 2²⁴.
fn add_sums(sums: &mut [f32], [a, b]: [&[f32]; 2], [c, d]: [&[f32]; 2], [v, w]: [f32; 2]) {
    let pairs = a.iter().zip(b).zip(c.iter().zip(d));
    for (sum, ((&a, &b), (&c, &d))) in sums.iter_mut().zip(pairs) {
        *sum += v * (a + b) + w * (c + d);
    }
}

/// A sum of 256ths of 256ths, cut off to a whole number.
fn divided(sum: f32) -> u8 {
    // singles from 2²³ on are whole numbers, and their lowest bits count up
    const SHIFT: f32 = 8_388_608.0;
    let value = sum * (1.0 / 65_536.0);
    let nearest = value + SHIFT - SHIFT;
    let below = nearest - f32::from(u8::from(nearest > value));
    (below + SHIFT).to_bits() as u8
}

/// The largest value of the darker of the two best clusters, or `None` when all values are equal;
/// as [`two_means_threshold`](super::clusters::two_means_threshold).
pub(super) fn two_means_threshold(image: &Array2<u8>) -> Option<u8> {
    // four counts in turns, so that neighbours of equal value do not wait for each other
    let mut turns = [[0_u32; 256]; 4];
    let pixels = image.as_slice().unwrap_or_default();
    for part in pixels.chunks(4) {
        for (counts, &value) in turns.iter_mut().zip(part) {
            counts[usize::from(value)] += 1;
        }
    }
    let counts: [u32; 256] = std::array::from_fn(|level| turns.iter().map(|t| t[level]).sum());
    let n = image.len() as f64;
    let sum = |(level, &count): (usize, &u32)| level as f64 * f64::from(count);
    let total: f64 = counts.iter().enumerate().map(sum).sum();
    let (mut below, mut count) = (0.0, 0.0);
    let mut best: Option<(u8, f64)> = None;
    for (level, &here) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        below += sum((level, &here));
        count += f64::from(here);
        if count == n {
            break;
        }
        let gap = below / count - (total - below) / (n - count);
        let between = count * (n - count) * gap * gap;
        if best.is_none_or(|(_, most)| between > most) {
            best = Some((level as u8, between));
        }
    }
    best.map(|(threshold, _)| threshold)
}

#[cfg(test)]
mod tests {
    use super::super::{clusters, filters};
    use super::*;

    fn image(rows: usize, columns: usize) -> Array2<u8> {
        Array2::from_shape_fn((rows, columns), |(r, c)| {
            ((r * 83 + c * 151 + r * c * 7) % 256) as u8
        })
    }

    #[test]
    fn equal_to_the_same_filters_in_real_numbers() {
        for (rows, columns) in [(1, 1), (1, 9), (7, 3), (40, 33)] {
            let bytes = image(rows, columns);
            let reals = bytes.mapv(f64::from);
            for radius in 0..6 {
                let (a, b) = (maximum(&bytes, radius), filters::maximum(&reals, radius));
                assert_eq!(a.mapv(f64::from), b, "{rows}×{columns} {radius}");
                let (a, b) = (erode(&bytes, radius), filters::erode(&reals, radius));
                assert_eq!(a.mapv(f64::from), b, "{rows}×{columns} {radius}");
                let size = 2 * radius + 1;
                let (a, b) = (blur(&bytes, size), filters::blur(&reals, size, true));
                assert_eq!(a.mapv(f64::from), b, "{rows}×{columns} {size}");
            }
            let exact = clusters::two_means_threshold(reals.iter().copied());
            assert_eq!(two_means_threshold(&bytes).map(f64::from), exact);
        }
        assert_eq!(two_means_threshold(&Array2::from_elem((3, 3), 7)), None);
    }
}
