//! Loops over one map: sums, normalised values, gradients.
//!
//! `Σ` adds in `T` over at most [`BLOCK`] elements, [`LANES`] partial sums wide, and in `f64` beyond.

use crate::element::Element;
use crate::simd::kernel;

/// Elements whose sum is kept in `T`.
const BLOCK: usize = 1024;
const LANES: usize = 16;

macro_rules! sum_blocks {
    ($n:expr, $sums:expr, $i:ident => $term:expr) => {{
        let n = $n;
        let mut start = 0;
        while start < n {
            let end = (start + BLOCK).min(n);
            let (mut first, mut second) = ([T::ZERO; LANES], [T::ZERO; LANES]);
            let whole = start + (end - start) / LANES * LANES;
            let mut at = start;
            while at < whole {
                for l in 0..LANES {
                    let $i = at + l;
                    let [a, b]: [T; 2] = $term;
                    first[l] += a;
                    second[l] += b;
                }
                at += LANES;
            }
            // Apart, so that the lanes above are never indexed by a variable and stay in registers.
            let mut rest = [[T::ZERO; LANES]; 2];
            for l in 0..end - whole {
                let $i = whole + l;
                let [a, b]: [T; 2] = $term;
                rest[0][l] = a;
                rest[1][l] = b;
            }
            let mut totals = [0.0; 2];
            for l in 0..LANES {
                totals[0] += (first[l] + rest[0][l]).to_f64();
                totals[1] += (second[l] + rest[1][l]).to_f64();
            }
            $sums[0] += totals[0];
            $sums[1] += totals[1];
            start = end;
        }
    }};
}

kernel! {
    /// Adds Σ x.
    fn add_sum<T>(x: &[T], sums: &mut [f64; 2]) {
        sum_blocks!(x.len(), sums, i => [x[i], T::ZERO]);
    }
}

kernel! {
    /// Adds Σ (x − mean)².
    fn add_squares<T>(x: &[T], mean: T, sums: &mut [f64; 2]) {
        sum_blocks!(x.len(), sums, i => [(x[i] - mean) * (x[i] - mean), T::ZERO]);
    }
}

/// `y = (x − mean)·scale + beta`
#[derive(Debug, Clone, Copy)]
pub(crate) struct Affine<T> {
    pub(crate) mean: T,
    pub(crate) scale: T,
    pub(crate) beta: T,
}

impl<T: Element> Affine<T> {
    #[inline(always)]
    fn apply(self, x: T) -> T {
        (x - self.mean) * self.scale + self.beta
    }
}

kernel! {
    fn write_affine<T>(x: &[T], f: Affine<T>, y: &mut [T]) {
        let x = &x[..y.len()];
        for i in 0..y.len() {
            y[i] = f.apply(x[i]);
        }
    }
}

kernel! {
    fn write_rectified<T>(x: &[T], f: Affine<T>, y: &mut [T]) {
        let x = &x[..y.len()];
        for i in 0..y.len() {
            let v = f.apply(x[i]);
            // Written so that NaN stays.
            y[i] = if v < T::ZERO { T::ZERO } else { v };
        }
    }
}

kernel! {
    fn write_sum<T>(x: &[T], f: Affine<T>, residual: &[T], relu: bool, y: &mut [T]) {
        let (x, residual) = (&x[..y.len()], &residual[..y.len()]);
        if relu {
            for i in 0..y.len() {
                let v = f.apply(x[i]) + residual[i];
                y[i] = if v < T::ZERO { T::ZERO } else { v };
            }
        } else {
            for i in 0..y.len() {
                y[i] = f.apply(x[i]) + residual[i];
            }
        }
    }
}

kernel! {
    /// Adds Σ d and Σ (x − mean)·d.
    fn add_products<T>(x: &[T], d: &[T], mean: T, sums: &mut [f64; 2]) {
        let x = &x[..d.len()];
        sum_blocks!(d.len(), sums, i => [d[i], (x[i] - mean) * d[i]]);
    }
}

kernel! {
    /// The same with `d` zero where the normalised `x` is not positive.
    fn add_rectified<T>(x: &[T], d: &[T], f: Affine<T>, sums: &mut [f64; 2]) {
        // Selected first: the signs are random, and a wrong guess in the sum is dear.
        let mut kept = [T::ZERO; BLOCK];
        for (x, d) in x.chunks(BLOCK).zip(d.chunks(BLOCK)) {
            let n = d.len();
            let (x, kept) = (&x[..n], &mut kept[..n]);
            for i in 0..n {
                kept[i] = if f.apply(x[i]) > T::ZERO { d[i] } else { T::ZERO };
            }
            sum_blocks!(n, sums, i => [kept[i], (x[i] - f.mean) * kept[i]]);
        }
    }
}

kernel! {
    /// `d` where `y` is positive, else zero.
    fn write_masked<T>(y: &[T], d: &[T], out: &mut [T]) {
        let (y, d) = (&y[..out.len()], &d[..out.len()]);
        for i in 0..out.len() {
            out[i] = if y[i] > T::ZERO { d[i] } else { T::ZERO };
        }
    }
}

/// `dx = scale·d − constant − slope·(x − mean)`
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slopes<T> {
    pub(crate) scale: T,
    pub(crate) constant: T,
    pub(crate) slope: T,
}

kernel! {
    fn write_gradient<T>(x: &[T], d: &[T], f: Affine<T>, s: Slopes<T>, dx: &mut [T]) {
        let (x, d) = (&x[..dx.len()], &d[..dx.len()]);
        for i in 0..dx.len() {
            dx[i] = s.scale * d[i] - s.constant - s.slope * (x[i] - f.mean);
        }
    }
}

kernel! {
    fn write_rectified_gradient<T>(x: &[T], d: &[T], f: Affine<T>, s: Slopes<T>, dx: &mut [T]) {
        let (x, d) = (&x[..dx.len()], &d[..dx.len()]);
        for i in 0..dx.len() {
            let d = if f.apply(x[i]) > T::ZERO { d[i] } else { T::ZERO };
            dx[i] = s.scale * d - s.constant - s.slope * (x[i] - f.mean);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::simd::Level;

    /// Small whole numbers: sums are exact, so every instruction set must give the same bits.
    fn whole(n: usize, seed: u64) -> Vec<f32> {
        let word = |i: usize| (i as u64 ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        (0..n).map(|i| (word(i) % 17) as f32 - 8.0).collect()
    }

    const LINE: Affine<f32> = Affine {
        mean: 1.0,
        scale: 0.5,
        beta: 0.25,
    };
    const SLOPES: Slopes<f32> = Slopes {
        scale: 0.5,
        constant: 0.25,
        slope: 2.0,
    };

    proptest! {
        #[test]
        fn sums_equal_their_definition_at_every_level(n in 0usize..2500, seed in any::<u64>()) {
            let (x, d) = (whole(n, seed), whole(n, !seed));
            let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
                x.iter().zip(&d).map(|(&x, &d)| f(f64::from(x), f64::from(d))).sum()
            };
            let positive = |x: f64| (x - 1.0) * 0.5 + 0.25 > 0.0;
            let kept = |x: f64, d: f64| if positive(x) { d } else { 0.0 };
            for level in Level::available() {
                let mut sums = [0.0; 2];
                add_sum::at(level, &x, &mut sums);
                prop_assert_eq!(sums, [sum(&|x, _| x), 0.0]);
                let mut sums = [0.0; 2];
                add_squares::at(level, &x, 1.0, &mut sums);
                prop_assert_eq!(sums, [sum(&|x, _| (x - 1.0) * (x - 1.0)), 0.0]);
                let mut sums = [0.0; 2];
                add_products::at(level, &x, &d, 1.0, &mut sums);
                prop_assert_eq!(sums, [sum(&|_, d| d), sum(&|x, d| (x - 1.0) * d)]);
                let mut sums = [0.0; 2];
                add_rectified::at(level, &x, &d, LINE, &mut sums);
                prop_assert_eq!(sums, [sum(&kept), sum(&|x, d| (x - 1.0) * kept(x, d))]);
            }
        }

        #[test]
        fn maps_equal_their_definition_at_every_level(n in 0usize..200, seed in any::<u64>()) {
            let (x, d) = (whole(n, seed), whole(n, !seed));
            let map = |f: &dyn Fn(f32, f32) -> f32| -> Vec<f32> {
                x.iter().zip(&d).map(|(&x, &d)| f(x, d)).collect()
            };
            let slope = |x: f32, d: f32| 0.5 * d - 0.25 - 2.0 * (x - 1.0);
            let kept = |x: f32, d: f32| if LINE.apply(x) > 0.0 { d } else { 0.0 };
            for level in Level::available() {
                let mut y = vec![f32::NAN; n];
                write_affine::at(level, &x, LINE, &mut y);
                prop_assert_eq!(&y, &map(&|x, _| LINE.apply(x)));
                write_rectified::at(level, &x, LINE, &mut y);
                prop_assert_eq!(&y, &map(&|x, _| LINE.apply(x).max(0.0)));
                write_sum::at(level, &x, LINE, &d, false, &mut y);
                prop_assert_eq!(&y, &map(&|x, d| LINE.apply(x) + d));
                write_sum::at(level, &x, LINE, &d, true, &mut y);
                prop_assert_eq!(&y, &map(&|x, d| (LINE.apply(x) + d).max(0.0)));
                write_masked::at(level, &x, &d, &mut y);
                prop_assert_eq!(&y, &map(&|x, d| if x > 0.0 { d } else { 0.0 }));
                write_gradient::at(level, &x, &d, LINE, SLOPES, &mut y);
                prop_assert_eq!(&y, &map(&slope));
                write_rectified_gradient::at(level, &x, &d, LINE, SLOPES, &mut y);
                prop_assert_eq!(&y, &map(&|x, d| slope(x, kept(x, d))));
            }
        }
    }

    #[test]
    fn what_is_not_a_number_stays_visible() {
        for level in Level::available() {
            let x = [f32::NAN, 1.0];
            let mut y = [0.0; 2];
            write_rectified::at(level, &x, LINE, &mut y);
            assert!(y[0].is_nan() && y[1] == 0.25);
            write_sum::at(level, &x, LINE, &[0.0; 2], true, &mut y);
            assert!(y[0].is_nan() && y[1] == 0.25);
        }
    }
}
