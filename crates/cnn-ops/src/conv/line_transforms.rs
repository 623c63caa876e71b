//! The three transforms of [`super::winograd_line`], sixteen tiles or channels at once.
#![allow(unsafe_code)]

use crate::vector::{LANES, vector_kernel};

/// Taps of the kernels.
pub(crate) const TAPS: usize = 7;
/// Outputs of a tile.
pub(crate) const OUTPUTS: usize = 4;
/// Inputs, and positions, of a tile.
pub(crate) const POSITIONS: usize = TAPS + OUTPUTS - 1;
/// Lines of four tiles that fill a vector.
pub(crate) const QUADS: usize = 4;

/// The transform interpolates at 0, infinity and plus and minus these, which are among the best of a
/// coarse grid (they lose 1.6e-6 of the root mean square on 96 channels, a plain sum 0.2e-6).
const POINTS: [f64; 4] = [0.4, 0.8, 1.25, 2.2];

/// Coefficients of `Π (z − q²)` over all points but the `skip`th, lowest power first.
const fn products(skip: usize) -> [f64; 5] {
    let mut c = [1.0, 0.0, 0.0, 0.0, 0.0];
    let mut degree = 0;
    let mut i = 0;
    while i < POINTS.len() {
        if i != skip {
            let root = POINTS[i] * POINTS[i];
            let mut next = [0.0; 5];
            let mut k = 0;
            while k <= degree {
                next[k + 1] += c[k];
                next[k] -= root * c[k];
                k += 1;
            }
            c = next;
            degree += 1;
        }
        i += 1;
    }
    c
}

/// [`products`] without one point each.
const OTHERS: [[f64; 5]; 4] = [products(0), products(1), products(2), products(3)];
/// [`products`] of all points.
const ALL: [f64; 5] = products(POINTS.len());

/// What the `i`th rows of `G` are divided by: the product of the differences to all other points.
const fn divisor(i: usize) -> f64 {
    let z = POINTS[i] * POINTS[i];
    let o = OTHERS[i];
    2.0 * z * (o[0] + z * (o[1] + z * (o[2] + z * o[3])))
}

/// `Bᵀ d`.
///
/// # Safety
///
/// The machine has the instructions of `V`.
#[inline(always)]
unsafe fn input<V: crate::vector::Vector>(d: [V; POSITIONS]) -> [V; POSITIONS] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut out = d;
        let [c0, c1, c2, c3] = [ALL[0] as f32, ALL[1] as f32, ALL[2] as f32, ALL[3] as f32];
        let [c0, c1, c2, c3] = [V::splat(c0), V::splat(c1), V::splat(c2), V::splat(c3)];
        out[0] = d[6].mul_add(c3, d[8]);
        out[0] = d[4].mul_add(c2, out[0]);
        out[0] = d[2].mul_add(c1, out[0]);
        out[0] = d[0].mul_add(c0, out[0]);
        out[9] = d[7].mul_add(c3, d[9]);
        out[9] = d[5].mul_add(c2, out[9]);
        out[9] = d[3].mul_add(c1, out[9]);
        out[9] = d[1].mul_add(c0, out[9]);
        for i in 0..POINTS.len() {
            let o = OTHERS[i];
            let (o0, o1, o2) = (
                V::splat(o[0] as f32),
                V::splat(o[1] as f32),
                V::splat(o[2] as f32),
            );
            let even = d[2].mul_add(o0, d[4].mul_add(o1, d[6].mul_add(o2, d[8])));
            let odd = d[1].mul_add(o0, d[3].mul_add(o1, d[5].mul_add(o2, d[7])));
            out[1 + 2 * i] = odd.mul_add(V::splat(POINTS[i] as f32), even);
            out[2 + 2 * i] = odd.mul_add(V::splat(-POINTS[i] as f32), even);
        }
        out
    }
}

/// `Aᵀ m`.
///
/// # Safety
///
/// As [`input`].
#[inline(always)]
unsafe fn output<V: crate::vector::Vector>(m: [V; POSITIONS]) -> [V; OUTPUTS] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut y = [m[0], V::splat(0.0), V::splat(0.0), m[9]];
        for i in 0..POINTS.len() {
            let p = POINTS[i];
            let (sum, difference) = (
                m[1 + 2 * i].add(m[2 + 2 * i]),
                m[1 + 2 * i].sub(m[2 + 2 * i]),
            );
            y[0] = y[0].add(sum);
            y[1] = difference.mul_add(V::splat(p as f32), y[1]);
            y[2] = sum.mul_add(V::splat((p * p) as f32), y[2]);
            y[3] = difference.mul_add(V::splat((p * p * p) as f32), y[3]);
        }
        y
    }
}

/// `G w`.
///
/// # Safety
///
/// As [`input`].
#[inline(always)]
unsafe fn weight<V: crate::vector::Vector>(w: [V; TAPS]) -> [V; POSITIONS] {
    // SAFETY: the caller's promise.
    unsafe {
        // The product of the differences of 0 to the other points is ALL[0].
        let first = w[0].mul(V::splat((1.0 / ALL[0]) as f32));
        let mut out = [
            first, first, first, first, first, first, first, first, first, w[6],
        ];
        for i in 0..POINTS.len() {
            let (p, scale) = (POINTS[i], 1.0 / divisor(i));
            let z = p * p;
            let even = w[0].mul(V::splat(scale as f32));
            let even = w[2].mul_add(V::splat((scale * z) as f32), even);
            let even = w[4].mul_add(V::splat((scale * z * z) as f32), even);
            let even = w[6].mul_add(V::splat((scale * z * z * z) as f32), even);
            let odd = w[1].mul(V::splat((scale * p) as f32));
            let odd = w[3].mul_add(V::splat((scale * p * z) as f32), odd);
            let odd = w[5].mul_add(V::splat((scale * p * z * z) as f32), odd);
            out[1 + 2 * i] = even.add(odd);
            out[2 + 2 * i] = even.sub(odd);
        }
        out
    }
}

vector_kernel! {
    /// `Bᵀ x` along the rows of four quads, four tiles of a row each, whose 20 inputs begin at their
    /// element of `from`, into `out[position·plane..]`.
    fn input_across<V>(x: &[f32], from: [usize; QUADS], out: &mut [f32], plane: usize) {
        // Element 4t + j of a quad belongs to input j of its tile t.
        let [a, b, c, d] = [&x[from[0]..], &x[from[1]..], &x[from[2]..], &x[from[3]..]];
        let near = V::split4([V::load(a), V::load(b), V::load(c), V::load(d)]);
        let far = V::split4([
            V::load(&a[4..]),
            V::load(&b[4..]),
            V::load(&c[4..]),
            V::load(&d[4..]),
        ]);
        let last = V::split4([
            V::load(&a[8..]),
            V::load(&b[8..]),
            V::load(&c[8..]),
            V::load(&d[8..]),
        ]);
        let all = input([
            near[0], near[1], near[2], near[3], far[0], far[1], far[2], far[3], last[0], last[1],
        ]);
        for (i, v) in all.iter().enumerate() {
            v.store(&mut out[i * plane..]);
        }
    }
}

vector_kernel! {
    /// `Bᵀ x` down sixteen columns, whose ten inputs are rows that begin `pitch` apart, into
    /// `out[position·plane..]`.
    fn input_down<V>(x: &[f32], pitch: usize, out: &mut [f32], plane: usize) {
        let mut d = [V::splat(0.0); POSITIONS];
        for (u, d) in d.iter_mut().enumerate() {
            *d = V::load(&x[u * pitch..]);
        }
        let all = input(d);
        for (i, v) in all.iter().enumerate() {
            v.store(&mut out[i * plane..]);
        }
    }
}

vector_kernel! {
    /// `Aᵀ m` of sixteen tiles: output `j` of all of them in `out[16·j..]`, or, if `across`, the
    /// sixteen outputs of quad `j`.
    fn output_line<V>(products: &[f32], plane: usize, across: bool, out: &mut [f32; 4 * LANES]) {
        let mut m = [V::splat(0.0); POSITIONS];
        for (i, m) in m.iter_mut().enumerate() {
            *m = V::load(&products[i * plane..]);
        }
        let mut y = output(m);
        if across {
            y = V::merge4(y);
        }
        for (j, v) in y.iter().enumerate() {
            v.store(&mut out[j * LANES..]);
        }
    }
}

vector_kernel! {
    /// `G w` of the kernels of one filter, one per channel, into `out[position][channel]`.
    fn weight_line<V>(w: &[f32], out: &mut [&mut [f32]; POSITIONS]) {
        let channels = w.len() / TAPS;
        let mut tail = [0f32; TAPS * LANES];
        for start in (0..channels).step_by(LANES) {
            let count = LANES.min(channels - start);
            let mut w = &w[start * TAPS..];
            if count < LANES {
                tail[..count * TAPS].copy_from_slice(&w[..count * TAPS]);
                w = &tail;
            }
            let mut taps = [V::splat(0.0); TAPS];
            for (i, tap) in taps.iter_mut().enumerate() {
                *tap = V::gather(&w[i..], TAPS);
            }
            let all = weight(taps);
            for (i, v) in all.iter().enumerate() {
                let out = &mut out[i][start..];
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
            let plane = 21;
            let mut out = vec![0.0; POSITIONS * plane];
            let from = [0, 16, 60, 101];
            input_across::at(level, &numbers(130), from, &mut out, plane);
            out
        });
        levels_agree(|level| {
            let (pitch, plane) = (23, 21);
            let mut out = vec![0.0; POSITIONS * plane];
            input_down::at(level, &numbers(10 * pitch), pitch, &mut out, plane);
            out
        });
        for across in [false, true] {
            levels_agree(|level| {
                let mut out = [0.0; 4 * LANES];
                output_line::at(level, &numbers(POSITIONS * 40), 40, across, &mut out);
                out.to_vec()
            });
        }
        levels_agree(|level| {
            let mut out = vec![0.0; POSITIONS * 40];
            weight_line::at(level, &numbers(37 * TAPS), &mut split(&mut out));
            out
        });
    }

    /// One tile and one channel: the transforms together are the sum of the definition.
    #[test]
    fn the_transforms_together_are_the_convolution() {
        let (x, w) = (numbers(POSITIONS * LANES), numbers(TAPS));
        let mut u = [0.0; POSITIONS];
        weight_line(&w, &mut split(&mut u));
        let mut v = [0.0; POSITIONS * LANES];
        input_down(&x, LANES, &mut v, LANES);
        for (v, u) in v.chunks_mut(LANES).zip(u) {
            v.iter_mut().for_each(|v| *v *= u);
        }
        let mut y = [0.0; 4 * LANES];
        output_line(&v, LANES, false, &mut y);
        for (j, y) in y.chunks(LANES).enumerate() {
            for (lane, &y) in y.iter().enumerate() {
                let expected: f32 = (0..TAPS).map(|k| x[(j + k) * LANES + lane] * w[k]).sum();
                assert!((y - expected).abs() < 1e-4, "{y} {expected}");
            }
        }
    }
}
