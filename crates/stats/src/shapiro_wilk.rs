//! A sample -> Shapiro–Wilk test of normality.

use crate::distribution::{normal_quantile, normal_sf};
use crate::moments::sorted;
use crate::sample::{Clean, clean_sample, require_count, require_finite};
use crate::{Error, NanPolicy, Result};
use std::f64::consts::PI;

const LIMIT: usize = 5000;

/// Shapiro–Wilk test of normality.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ShapiroWilk {
    /// W in (0, 1]; near 1 for normal data.
    pub statistic: f64,
    /// P(W ≤ statistic) under normality: a **small** value speaks against normality.
    pub p_value: f64,
    /// Values used.
    pub n: usize,
}

/// Shapiro–Wilk W and its p-value by algorithm AS R94, for 3 to 5000 values.
///
/// ```text
/// W = (Σ a_i·x_(i))² / Σ(x_i − x̄)²
/// ```
///
/// # Errors
///
/// [`Error::TooFewObservations`] below 3, [`Error::TooManyObservations`] above 5000 (SciPy warns, R
/// refuses), [`Error::ConstantInput`], [`Error::NanInput`], [`Error::NonFinite`].
///
/// # Source
///
/// Royston, algorithm AS R94, *Applied Statistics* 44 (1995) 547; `scipy.stats.shapiro` and R
/// `shapiro.test` run the same. The normal quantile is exact here and approximate in SciPy, which
/// therefore differs by up to 4e-10.
///
/// # Examples
///
/// ```
/// let men = [148.0, 154.0, 158.0, 160.0, 161.0, 162.0, 166.0, 170.0, 182.0, 195.0, 236.0];
/// let test = cam_stats::shapiro_wilk(&men)?;
/// assert!((test.statistic - 0.7888146948).abs() < 1e-9);
/// assert!((test.p_value - 0.0067038140).abs() < 1e-9);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn shapiro_wilk(x: &[f64]) -> Result<ShapiroWilk> {
    shapiro_wilk_with(x, NanPolicy::Raise)
}

/// [`shapiro_wilk`] with a NaN policy.
///
/// # Errors
///
/// As [`shapiro_wilk`].
///
/// # Source
///
/// `scipy.stats.shapiro` with `nan_policy`.
///
/// # Examples
///
/// ```
/// use cam_stats::{NanPolicy, shapiro_wilk, shapiro_wilk_with};
/// let gap = [1.0, f64::NAN, 2.0, 4.0, 3.5];
/// assert_eq!(shapiro_wilk_with(&gap, NanPolicy::Omit)?, shapiro_wilk(&[1.0, 2.0, 4.0, 3.5])?);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn shapiro_wilk_with(x: &[f64], nan_policy: NanPolicy) -> Result<ShapiroWilk> {
    let Clean::Data(x) = clean_sample("x", x, nan_policy)? else {
        return Ok(ShapiroWilk {
            statistic: f64::NAN,
            p_value: f64::NAN,
            n: x.len(),
        });
    };
    let n = x.len();
    require_count("the Shapiro–Wilk test", 3, n)?;
    if n > LIMIT {
        let what = "the Shapiro–Wilk test";
        return Err(Error::TooManyObservations {
            what,
            limit: LIMIT,
            got: n,
        });
    }
    require_finite("x", &x)?;
    let mut ordered = sorted(&x);
    let median = ordered[n / 2];
    // Halves, so that the range of the largest numbers does not overflow.
    let range = ordered[n - 1] / 2.0 - ordered[0] / 2.0;
    if range <= 0.0 {
        return Err(Error::ConstantInput { name: "x" });
    }
    for v in &mut ordered {
        *v = (*v / 2.0 - median / 2.0) / range;
    }
    let complement = one_minus_w(&ordered, &weights(n));
    Ok(ShapiroWilk {
        statistic: 1.0 - complement,
        p_value: p_value(complement, n),
        n,
    })
}

/// The upper half of the antisymmetric weights, largest first.
fn weights(n: usize) -> Vec<f64> {
    const C1: [f64; 6] = [0.0, 0.221157, -0.147981, -2.07119, 4.434685, -2.706056];
    const C2: [f64; 6] = [0.0, 0.042981, -0.293762, -1.752461, 5.682633, -3.582633];
    if n == 3 {
        return vec![0.5f64.sqrt()];
    }
    let size = n as f64;
    let scores: Vec<f64> = (1..=n / 2)
        .map(|i| -normal_quantile((i as f64 - 0.375) / (size + 0.25)))
        .collect();
    let squares = 2.0 * scores.iter().map(|m| m * m).sum::<f64>();
    let root = squares.sqrt();
    let u = 1.0 / size.sqrt();
    let mut a = vec![scores[0] / root + polynomial(&C1, u)];
    let mut rest = squares - 2.0 * scores[0] * scores[0];
    let mut share = 1.0 - 2.0 * a[0] * a[0];
    if n > 5 {
        a.push(scores[1] / root + polynomial(&C2, u));
        rest -= 2.0 * scores[1] * scores[1];
        share -= 2.0 * a[1] * a[1];
    }
    let scale = (rest / share).sqrt();
    a.extend(scores[a.len()..].iter().map(|m| m / scale));
    a
}

/// 1 − W, formed as a product so that it keeps its digits as W approaches 1.
fn one_minus_w(ordered: &[f64], half: &[f64]) -> f64 {
    let n = ordered.len();
    let mean = ordered.iter().sum::<f64>() / n as f64;
    let weight = |i: usize| {
        if i < half.len() {
            -half[i]
        } else if n - 1 - i < half.len() {
            half[n - 1 - i]
        } else {
            0.0
        }
    };
    let (mut saa, mut sxx, mut sax) = (0.0, 0.0, 0.0);
    for (i, x) in ordered.iter().enumerate() {
        let (a, d) = (weight(i), x - mean);
        saa += a * a;
        sxx += d * d;
        sax += a * d;
    }
    let root = (saa * sxx).sqrt();
    ((root - sax) * (root + sax) / (saa * sxx)).max(0.0)
}

fn p_value(complement: f64, n: usize) -> f64 {
    const G: [f64; 2] = [-2.273, 0.459];
    const C3: [f64; 4] = [0.544, -0.39978, 0.025054, -6.714e-4];
    const C4: [f64; 4] = [1.3822, -0.77857, 0.062767, -0.0020322];
    const C5: [f64; 4] = [-1.5861, -0.31082, -0.083751, 0.0038915];
    const C6: [f64; 3] = [-0.4803, -0.082676, 0.0030302];
    if n == 3 {
        let excess = (1.0 - complement).sqrt().min(1.0).asin() - 0.75f64.sqrt().asin();
        return (6.0 / PI * excess).clamp(0.0, 1.0);
    }
    if complement <= 0.0 {
        return 1.0;
    }
    let size = n as f64;
    let y = complement.ln();
    if n <= 11 {
        let gamma = polynomial(&G, size);
        if y >= gamma {
            return 1e-99;
        }
        let transformed = -(gamma - y).ln();
        let z = (transformed - polynomial(&C3, size)) / polynomial(&C4, size).exp();
        return normal_sf(z);
    }
    let log = size.ln();
    normal_sf((y - polynomial(&C5, log)) / polynomial(&C6, log).exp())
}

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}
