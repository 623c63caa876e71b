//! The three transforms of [`super::winograd`], sixteen tiles or channels at once.
#![allow(unsafe_code)]

use crate::vector::{LANES, vector_kernel};

/// Positions of a transformed tile.
pub(crate) const POSITIONS: usize = 36;

/// `Bᵀ d`.
///
/// # Safety
///
/// The machine has the instructions of `V`.
#[inline(always)]
unsafe fn input<V: crate::vector::Vector>(d: [V; 6]) -> [V; 6] {
    // SAFETY: the caller's promise.
    unsafe {
        let (two, four, five) = (V::splat(2.0), V::splat(-4.0), V::splat(-5.0));
        let even = d[2].mul_add(four, d[4]);
        let odd = d[1].mul_add(four, d[3]);
        let near = d[4].sub(d[2]);
        let far = d[3].sub(d[1]);
        let plus = V::splat(4.0);
        [
            d[0].mul_add(plus, d[2].mul_add(five, d[4])),
            even.add(odd),
            even.sub(odd),
            far.mul_add(two, near),
            far.mul_add(V::splat(-2.0), near),
            d[1].mul_add(plus, d[3].mul_add(five, d[5])),
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
        [
            m[0].add(even).add(far),
            wide.mul_add(V::splat(2.0), odd),
            far.mul_add(V::splat(4.0), even),
            wide.mul_add(V::splat(8.0), odd).add(m[5]),
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
        let sixth = V::splat(-1.0 / 6.0);
        let outer = w[0].add(w[2]);
        let half = w[0].mul_add(V::splat(1.0 / 24.0), w[2].mul(V::splat(1.0 / 6.0)));
        [
            w[0].mul(V::splat(0.25)),
            outer.add(w[1]).mul(sixth),
            outer.sub(w[1]).mul(sixth),
            w[1].mul_add(V::splat(1.0 / 12.0), half),
            w[1].mul_add(V::splat(-1.0 / 12.0), half),
            w[2],
        ]
    }
}

vector_kernel! {
    /// Splits a row, moved right by `offset`, by column modulo 4 into `out` (four rows of
    /// `phase`, a multiple of the vector length, all of it written), with zeros around.
    ///
    /// `padded` has room for the whole row, `4·phase` elements.
    fn sort_columns<V>(
        x: &[f32],
        offset: isize,
        padded: &mut [f32],
        phase: usize,
        out: &mut [f32],
    ) {
        let total = 4 * phase;
        let skip = ((-offset).max(0) as usize).min(x.len());
        let shift = (offset.max(0) as usize).min(total);
        let x = &x[skip..];
        let count = x.len().min(total - shift);
        padded[..shift].fill(0.0);
        padded[shift..shift + count].copy_from_slice(&x[..count]);
        padded[shift + count..total].fill(0.0);
        for (i, part) in padded[..total].chunks_exact(4 * LANES).enumerate() {
            let v = V::split4(std::array::from_fn(|k| V::load(&part[k * LANES..])));
            for (k, v) in v.into_iter().enumerate() {
                v.store(&mut out[k * phase + i * LANES..]);
            }
        }
    }
}

vector_kernel! {
    /// `Bᵀ x B` for one row of tiles of one channel, from six rows of sorted columns, into
    /// `out[position][to..]`. What a last vector holds beyond `columns` is written too, up to the
    /// end of `out[position]`.
    fn input_row<V>(
        sorted: &[f32],
        phase: usize,
        columns: usize,
        out: &mut [&mut [f32]; POSITIONS],
        to: usize,
    ) {
        for start in (0..columns).step_by(LANES) {
            let mut half = [[V::splat(0.0); 6]; 6];
            for (j, half) in half.iter_mut().enumerate() {
                // Column 4t + j of the tiles: remainder j % 4, one tile on for j ≥ 4.
                let from = j % 4 * phase + j / 4 + start;
                *half = input(std::array::from_fn(|i| V::load(&sorted[i * 4 * phase + from..])));
            }
            for i in 0..6 {
                let row = input(std::array::from_fn(|j| half[j][i]));
                for (j, v) in row.into_iter().enumerate() {
                    let out = &mut out[i * 6 + j][to + start..];
                    if out.len() >= LANES {
                        v.store(out);
                    } else {
                        let mut whole = [0f32; LANES];
                        v.store(&mut whole);
                        out.copy_from_slice(&whole[..out.len()]);
                    }
                }
            }
        }
    }
}

vector_kernel! {
    /// `Aᵀ m A` for one row of tiles of one filter: four output rows of `row` elements.
    fn output_row<V>(
        products: &[f32],
        plane: usize,
        from: usize,
        columns: usize,
        out: &mut [f32],
        row: usize,
    ) {
        for start in (0..columns).step_by(LANES) {
            let mut half = [[V::splat(0.0); 4]; 6];
            for (j, half) in half.iter_mut().enumerate() {
                *half = output(std::array::from_fn(|i| {
                    V::load(&products[(i * 6 + j) * plane + from + start..])
                }));
            }
            for i in 0..4 {
                let y = V::merge4(output(std::array::from_fn(|j| half[j][i])));
                for (k, v) in y.into_iter().enumerate() {
                    v.store(&mut out[i * row + 4 * start + k * LANES..]);
                }
            }
        }
    }
}

vector_kernel! {
    /// `G w Gᵀ` of the kernels of one filter, one per channel, into `out[position][channel]`.
    fn weight_rows<V>(w: &[f32], out: &mut [&mut [f32]; POSITIONS]) {
        let channels = w.len() / 9;
        let mut tail = [0f32; 9 * LANES];
        for start in (0..channels).step_by(LANES) {
            let count = LANES.min(channels - start);
            let mut w = &w[start * 9..];
            if count < LANES {
                tail[..count * 9].copy_from_slice(&w[..count * 9]);
                w = &tail;
            }
            let columns: [[V; 6]; 3] = std::array::from_fn(|j| {
                weight(std::array::from_fn(|i| V::gather(&w[i * 3 + j..], 9)))
            });
            for i in 0..6 {
                let row = weight(std::array::from_fn(|j| columns[j][i]));
                for (j, v) in row.into_iter().enumerate() {
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
        let (phase, columns) = (48, 29);
        let plane = 2 * phase;
        levels_agree(|level| {
            let (mut padded, mut sorted) = (vec![0.0; 4 * phase], vec![0.0; 6 * 4 * phase]);
            for i in 0..6 {
                let row = &mut sorted[i * 4 * phase..(i + 1) * 4 * phase];
                sort_columns::at(
                    level,
                    &numbers(120),
                    2 - i as isize,
                    &mut padded,
                    phase,
                    row,
                );
            }
            let mut out = vec![0.0; POSITIONS * 33];
            input_row::at(level, &sorted, phase, columns, &mut split(&mut out), 3);
            out
        });
        levels_agree(|level| {
            let mut out = vec![0.0; 4 * 4 * 32];
            let products = numbers(POSITIONS * plane);
            output_row::at(level, &products, plane, 5, columns, &mut out, 4 * 32);
            out
        });
        levels_agree(|level| {
            let mut out = vec![0.0; POSITIONS * 40];
            weight_rows::at(level, &numbers(37 * 9), &mut split(&mut out));
            out
        });
    }
}
