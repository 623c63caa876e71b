//! Numbers that this workspace and the Python peers make alike, bit for bit.

/// Pseudo-random numbers by a rule that NumPy follows as easily: number `i` of a seed is hashed from `i`.
///
/// ```text
/// h = (i + 0x9E3779B9 · seed) mod 2³²;  h ^= h >> 16;  h *= 0x85EBCA6B;  h ^= h >> 13;  h *= 0xC2B2AE35;  h ^= h >> 16
/// ```
#[must_use]
pub fn hashed(seed: u32, i: u32) -> u32 {
    let mut h = i.wrapping_add(seed.wrapping_mul(0x9E37_79B9));
    h ^= h >> 16;
    h = h.wrapping_mul(0x85EB_CA6B);
    h ^= h >> 13;
    h = h.wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}

/// Number `i` of a seed, in `[0, 1)`, a multiple of 2⁻³².
#[must_use]
pub fn uniform(seed: u32, i: u32) -> f64 {
    f64::from(hashed(seed, i)) / 4_294_967_296.0
}

/// Side of a slice.
pub const SIDE: usize = 256;

/// A smooth map of 256 × 256 values in `[0, 1)`: a grid of 9 × 9 numbers, enlarged bilinearly.
///
/// `grid(row, column)` gives the numbers. Arithmetic is `f64` in a fixed order; the result is rounded to `f32`.
pub fn enlarge(grid: impl Fn(usize, usize) -> f64) -> Vec<f32> {
    const CELL: usize = SIDE / 8;
    let mut out = Vec::with_capacity(SIDE * SIDE);
    for r in 0..SIDE {
        let (i, fr) = (r / CELL, (r % CELL) as f64 / CELL as f64);
        for c in 0..SIDE {
            let (j, fc) = (c / CELL, (c % CELL) as f64 / CELL as f64);
            let top = grid(i, j) * (1.0 - fc) + grid(i, j + 1) * fc;
            let bottom = grid(i + 1, j) * (1.0 - fc) + grid(i + 1, j + 1) * fc;
            out.push((top * (1.0 - fr) + bottom * fr) as f32);
        }
    }
    out
}

/// Whether a pixel lies in the ellipse that stands for tissue.
#[must_use]
pub fn in_tissue(r: usize, c: usize) -> bool {
    let (y, x) = (r.abs_diff(SIDE / 2), c.abs_diff(SIDE / 2));
    y * y * 9 + x * x * 16 <= 16 * 9 * 28 * 28
}
