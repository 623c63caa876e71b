//! The three transforms of [`super::winograd`], sixteen tiles or channels at once.
#![allow(unsafe_code)]

use crate::vector::{LANES, vector_kernel};

/// Positions of a transformed tile.
pub(crate) const POSITIONS: usize = 36;
/// Quads of tiles in a vector.
pub(crate) const QUADS: usize = 4;

/// The transform interpolates at 0, ±[`NEAR`], ±[`FAR`] and infinity. Lavin and Gray's ±1, ±2 need fewer
/// constants and lose two to four times as much to rounding.
const NEAR: f32 = std::f32::consts::FRAC_1_SQRT_2;
const FAR: f32 = std::f32::consts::SQRT_2;

/// `Bᵀ d`.
///
/// # Safety
///
/// The machine has the instructions of `V`.
#[inline(always)]
unsafe fn input<V: crate::vector::Vector>(d: [V; 6]) -> [V; 6] {
    // SAFETY: the caller's promise.
    unsafe {
        // NEAR² = ½, FAR² = 2, their product 1 and their sum 5⁄2.
        let (half, two, middle) = (V::splat(-0.5), V::splat(-2.0), V::splat(-2.5));
        let (a, b) = (V::splat(NEAR), V::splat(FAR));
        let even = d[2].mul_add(two, d[4]);
        let odd = d[1].mul_add(two, d[3]);
        let near = d[2].mul_add(half, d[4]);
        let far = d[1].mul_add(half, d[3]);
        [
            d[2].mul_add(middle, d[0].add(d[4])),
            odd.mul_add(a, even),
            odd.mul_add(V::splat(-NEAR), even),
            far.mul_add(b, near),
            far.mul_add(V::splat(-FAR), near),
            d[3].mul_add(middle, d[1].add(d[5])),
        ]
    }
}

/// `Aᵀ m`.
///
/// # Safety
///
/// As [`input`].
#[inline(always)]
unsafe fn output<V: crate::vector::Vector>(m: [V; 6]) -> [V; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let (even, odd) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (far, wide) = (m[3].add(m[4]), m[3].sub(m[4]));
        let odd = odd.mul(V::splat(NEAR));
        let wide = wide.mul(V::splat(FAR));
        [
            m[0].add(even).add(far),
            odd.add(wide),
            even.mul_add(V::splat(0.5), far.add(far)),
            odd.mul_add(V::splat(0.5), wide.mul_add(V::splat(2.0), m[5])),
        ]
    }
}

/// `G w`.
///
/// # Safety
///
/// As [`input`].
#[inline(always)]
unsafe fn weight<V: crate::vector::Vector>(w: [V; 3]) -> [V; 6] {
    // SAFETY: the caller's promise.
    unsafe {
        // The rows are (w₀ ± p·w₁ + p²·w₂)/(2p²(p² − q²)), q the other point.
        let two_thirds = V::splat(-2.0 / 3.0);
        let near = w[2].mul_add(V::splat(0.5), w[0]).mul(two_thirds);
        let far = w[2].mul_add(V::splat(2.0), w[0]).mul(V::splat(1.0 / 6.0));
        [
            w[0],
            w[1].mul_add(V::splat(-2.0 / 3.0 * NEAR), near),
            w[1].mul_add(V::splat(2.0 / 3.0 * NEAR), near),
            w[1].mul_add(V::splat(FAR / 6.0), far),
            w[1].mul_add(V::splat(-FAR / 6.0), far),
            w[2],
        ]
    }
}

vector_kernel! {
    /// `Bᵀ x B` of sixteen tiles of one channel into `out[position·plane..]`.
    ///
    /// The tiles are four quads; a quad is four tiles side by side, whose six input rows, `pitch`
    /// apart, begin at its element of `from`.
    fn input_tiles<V>(
        x: &[f32],
        pitch: usize,
        from: [usize; QUADS],
        out: &mut [f32],
        plane: usize,
    ) {
        // No closures (`from_fn`, `map`): they are compiled without this function's instructions,
        // and every vector operation in them would be a call.
        let mut rows = [[V::splat(0.0); 6]; 6];
        for (i, row) in rows.iter_mut().enumerate() {
            // Element 4t + j of a quad belongs to column j of its tile t; columns 4 and 5 are the
            // first two of the next tile.
            let [a, b, c, d] = [&x[from[0] + i * pitch..], &x[from[1] + i * pitch..],
                &x[from[2] + i * pitch..], &x[from[3] + i * pitch..]];
            let near = V::split4([V::load(a), V::load(b), V::load(c), V::load(d)]);
            let far = V::split4([V::load(&a[4..]), V::load(&b[4..]), V::load(&c[4..]), V::load(&d[4..])]);
            *row = [near[0], near[1], near[2], near[3], far[0], far[1]];
        }
        let [a, b, c, d, e, f] = rows;
        let mut half = [[V::splat(0.0); 6]; 6];
        for (j, half) in half.iter_mut().enumerate() {
            *half = input([a[j], b[j], c[j], d[j], e[j], f[j]]);
        }
        let [a, b, c, d, e, f] = half;
        for i in 0..6 {
            let row = input([a[i], b[i], c[i], d[i], e[i], f[i]]);
            for (j, v) in row.iter().enumerate() {
                v.store(&mut out[(i * 6 + j) * plane..]);
            }
        }
    }
}

vector_kernel! {
    /// `Aᵀ m A` of sixteen tiles of one filter: four output rows of four quads, sixteen columns
    /// each.
    fn output_tiles<V>(products: &[f32], plane: usize, out: &mut [f32; 4 * 4 * LANES]) {
        let mut half = [[V::splat(0.0); 4]; 6];
        for (j, half) in half.iter_mut().enumerate() {
            let mut column = [V::splat(0.0); 6];
            for (i, v) in column.iter_mut().enumerate() {
                *v = V::load(&products[(i * 6 + j) * plane..]);
            }
            *half = output(column);
        }
        let [a, b, c, d, e, f] = half;
        for i in 0..4 {
            let y = V::merge4(output([a[i], b[i], c[i], d[i], e[i], f[i]]));
            for (k, v) in y.iter().enumerate() {
                v.store(&mut out[(i * 4 + k) * LANES..]);
            }
        }
    }
}

vector_kernel! {
    /// `G w Gᵀ` of the kernels of one filter, one per channel, into `out[position][channel]`; those of
    /// the `next` filter are asked for meanwhile.
    fn weight_rows<V>(w: &[f32], next: &[f32], out: &mut [&mut [f32]; POSITIONS]) {
        let channels = w.len() / 9;
        let mut tail = [0f32; 9 * LANES];
        for start in (0..channels).step_by(LANES) {
            let count = LANES.min(channels - start);
            if let Some(next) = next.get(start * 9..(start + count) * 9) {
                V::fetch(next);
            }
            let mut w = &w[start * 9..];
            if count < LANES {
                tail[..count * 9].copy_from_slice(&w[..count * 9]);
                w = &tail;
            }
            let mut columns = [[V::splat(0.0); 6]; 3];
            for (j, column) in columns.iter_mut().enumerate() {
                *column = weight([
                    V::gather(&w[j..], 9),
                    V::gather(&w[3 + j..], 9),
                    V::gather(&w[6 + j..], 9),
                ]);
            }
            let [a, b, c] = columns;
            for i in 0..6 {
                let row = weight([a[i], b[i], c[i]]);
                for (j, v) in row.iter().enumerate() {
                    let out = &mut out[i * 6 + j][start..];
                    if count == LANES {
                        v.store(out);
                    } else {
                        let mut whole = [0f32; LANES];
                        v.store(&mut whole);
                        out[..count].copy_from_slice(&whole[..count]);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;

    fn numbers(n: usize) -> Vec<f32> {
        (0..n)
            .map(|i| ((i * 37 % 101) as f32 - 50.0) / 16.0)
            .collect()
    }

    fn split(out: &mut [f32]) -> [&mut [f32]; POSITIONS] {
        let length = out.len() / POSITIONS;
        let mut rows = out.chunks_exact_mut(length);
        std::array::from_fn(|_| rows.next().unwrap())
    }

    /// Runs `f` at every level of this machine and compares with the first, the plain arrays.
    /// Fused multiply-adds round once less: a few units in the last place.
    fn levels_agree(f: impl Fn(Level) -> Vec<f32>) {
        let mut levels = Level::available().into_iter();
        let expected = f(levels.next().unwrap());
        for level in levels {
            for (a, e) in f(level).iter().zip(&expected) {
                assert!(
                    (a - e).abs() <= 1e-5 * e.abs().max(10.0),
                    "{level:?}: {a}, {e}"
                );
            }
        }
    }

    #[test]
    fn transforms_agree_between_instruction_sets() {
        levels_agree(|level| {
            let (pitch, plane) = (70, 21);
            let mut out = vec![0.0; POSITIONS * plane];
            let from = [0, 16, 6 * pitch, 6 * pitch + 32];
            input_tiles::at(level, &numbers(12 * pitch), pitch, from, &mut out, plane);
            out
        });
        levels_agree(|level| {
            let mut out = [0.0; 4 * 4 * LANES];
            output_tiles::at(level, &numbers(POSITIONS * 40), 40, &mut out);
            out.to_vec()
        });
        levels_agree(|level| {
            let mut out = vec![0.0; POSITIONS * 40];
            weight_rows::at(
                level,
                &numbers(37 * 9),
                &numbers(12 * 9),
                &mut split(&mut out),
            );
            out
        });
    }
}
