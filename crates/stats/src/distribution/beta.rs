//! The incomplete beta function and Student's t, F and beta distributions.

use super::gamma::away_from_zero;
use super::normal::{normal_cdf, normal_p_value, normal_quantile, normal_sf};
use super::root::invert;
use super::stirling::binomial_term;
use crate::Alternative;

const ITERATIONS: usize = 1_000_000;

/// Both tails of one distribution at one point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tails {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

/// Tails of Beta(a, b) at x, with y = 1 − x given by the caller, who often knows it better.
pub(crate) fn beta_tails(a: f64, b: f64, x: f64, y: f64) -> Tails {
    if a.is_nan() || b.is_nan() || x.is_nan() || y.is_nan() || a <= 0.0 || b <= 0.0 {
        return Tails {
            lower: f64::NAN,
            upper: f64::NAN,
        };
    }
    if x <= 0.0 {
        return Tails {
            lower: 0.0,
            upper: 1.0,
        };
    }
    if y <= 0.0 {
        return Tails {
            lower: 1.0,
            upper: 0.0,
        };
    }
    let front = binomial_term(a, b, x, y) * a * (b / (a + b));
    if x < (a + 1.0) / (a + b + 2.0) {
        let lower = (front * fraction(a, b, x) / a).clamp(0.0, 1.0);
        Tails {
            lower,
            upper: 1.0 - lower,
        }
    } else {
        let upper = (front * fraction(b, a, y) / b).clamp(0.0, 1.0);
        Tails {
            lower: 1.0 - upper,
            upper,
        }
    }
}

/// The continued fraction of I_x(a, b) by the modified Lentz rule.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..ITERATIONS {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        value *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        let step = d * c;
        value *= step;
        if (step - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}

/// P(X ≤ x) for X ~ Beta(a, b) (`scipy.stats.beta.cdf`).
///
/// ```text
/// I_x(a, b) = ∫₀ˣ t^(a−1) (1 − t)^(b−1) dt / B(a, b)
/// ```
///
/// # Source
///
/// `scipy.stats.beta.cdf`; fixtures by mpmath.
///
/// # Examples
///
/// ```
/// use cam_stats::distribution::beta_cdf;
/// assert!((beta_cdf(0.25, 1.0, 1.0) - 0.25).abs() < 1e-15);
/// ```
#[must_use]
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    beta_tails(a, b, x, 1.0 - x).lower
}

/// P(X > x) for X ~ Beta(a, b) (`scipy.stats.beta.sf`).
///
/// ```text
/// 1 − I_x(a, b) = I_{1−x}(b, a)
/// ```
///
/// # Source
///
/// `scipy.stats.beta.sf`.
///
/// # Examples
///
/// ```
/// use cam_stats::distribution::beta_sf;
/// assert!((beta_sf(0.25, 1.0, 1.0) - 0.75).abs() < 1e-15);
/// ```
#[must_use]
pub fn beta_sf(x: f64, a: f64, b: f64) -> f64 {
    beta_tails(a, b, x, 1.0 - x).upper
}

/// The x with P(X ≤ x) = p for X ~ Beta(a, b); NaN outside the parameters' ranges.
///
/// ```text
/// I_x(a, b) = p
/// ```
///
/// # Source
///
/// `scipy.stats.beta.ppf`; fixtures by mpmath.
///
/// # Examples
///
/// ```
/// use cam_stats::distribution::beta_quantile;
/// // Beta(n, 1) has the distribution function x^n.
/// assert!((beta_quantile(0.025, 153.0, 1.0) - 0.025f64.powf(1.0 / 153.0)).abs() < 1e-15);
/// ```
#[must_use]
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    if !((0.0..=1.0).contains(&p) && a > 0.0 && b > 0.0) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return p;
    }
    // The half in which the quantile is below one half keeps all its digits.
    if beta_tails(a, b, 0.5, 0.5).lower >= p {
        invert(
            |x| beta_tails(a, b, x, 1.0 - x).lower - p,
            |x| beta_density(x, a, b),
            0.0,
            0.5,
        )
    } else {
        let upper = 1.0 - p;
        1.0 - invert(
            |y| beta_tails(b, a, y, 1.0 - y).lower - upper,
            |y| beta_density(y, b, a),
            0.0,
            0.5,
        )
    }
}

fn beta_density(x: f64, a: f64, b: f64) -> f64 {
    let y = 1.0 - x;
    binomial_term(a, b, x, y) * a * (b / (a + b)) / (x * y)
}

/// P(T > t) for Student's t (`scipy.stats.t.sf`); infinite degrees give the normal tail.
///
/// ```text
/// P = I_{ν/(ν + t²)}(ν/2, 1/2) / 2      for t ≥ 0
/// ```
///
/// # Source
///
/// `scipy.stats.t.sf`; fixtures by mpmath.
///
/// # Examples
///
/// ```
/// use cam_stats::distribution::student_t_sf;
/// // One degree of freedom is Cauchy: the tail is about 1/(πt).
/// let p = student_t_sf(1e200, 1.0);
/// assert!((p * 1e200 * std::f64::consts::PI - 1.0).abs() < 1e-12);
/// ```
#[must_use]
pub fn student_t_sf(t: f64, degrees: f64) -> f64 {
    if degrees.is_infinite() && degrees > 0.0 {
        return normal_sf(t);
    }
    let half = t_both_tails(t, degrees) / 2.0;
    if t >= 0.0 { half } else { 1.0 - half }
}

/// P(T ≤ t) for Student's t (`scipy.stats.t.cdf`).
///
/// ```text
/// P(T ≤ t) = P(T > −t)
/// ```
///
/// # Source
///
/// `scipy.stats.t.cdf`.
///
/// # Examples
///
/// ```
/// use cam_stats::distribution::student_t_cdf;
/// assert_eq!(student_t_cdf(0.0, 5.0), 0.5);
/// ```
#[must_use]
pub fn student_t_cdf(t: f64, degrees: f64) -> f64 {
    if degrees.is_infinite() && degrees > 0.0 {
        return normal_cdf(t);
    }
    student_t_sf(-t, degrees)
}

/// P(|T| > |t|).
fn t_both_tails(t: f64, degrees: f64) -> f64 {
    let t = t.abs();
    if t.is_nan() || degrees.is_nan() || degrees / 2.0 <= 0.0 {
        return f64::NAN;
    }
    if t.is_infinite() {
        return 0.0;
    }
    // t² overflows for |t| > 1e154, its ratio to the degrees does not matter then.
    let (x, y) = if t > 1e100 {
        ((degrees.sqrt() / t).powi(2), 1.0)
    } else {
        let square = t * t;
        (degrees / (degrees + square), square / (degrees + square))
    };
    if x == 0.0 {
        // (√ν/t)² has underflowed: the leading term x^(ν/2)/(ν/2·B(ν/2, ½)) by logarithms.
        let a = degrees / 2.0;
        let ln_beta = statrs::function::beta::ln_beta(a, 0.5);
        return (degrees * (degrees.sqrt().ln() - t.ln()) - a.ln() - ln_beta).exp();
    }
    beta_tails(degrees / 2.0, 0.5, x, y).lower
}

/// p-value of Student's t.
pub(crate) fn t_p_value(t: f64, degrees: f64, alternative: Alternative) -> f64 {
    if degrees.is_infinite() {
        return normal_p_value(t, alternative);
    }
    match alternative {
        Alternative::TwoSided => t_both_tails(t, degrees),
        Alternative::Greater => student_t_sf(t, degrees),
        Alternative::Less => student_t_cdf(t, degrees),
    }
}

/// The t with P(T ≤ t) = p for Student's t (`scipy.stats.t.ppf`).
///
/// ```text
/// I_{ν/(ν + t²)}(ν/2, 1/2) = 2 min(p, 1 − p)
/// ```
///
/// NaN if p lies outside [0, 1] or `degrees` is not positive.
///
/// # Source
///
/// `scipy.stats.t.ppf`; fixtures by mpmath.
///
/// # Examples
///
/// ```
/// use cam_stats::distribution::student_t_quantile;
/// assert!((student_t_quantile(0.975, 9.0) - 2.2621571627982055).abs() < 1e-14);
/// ```
#[must_use]
pub fn student_t_quantile(p: f64, degrees: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) || degrees.is_nan() || degrees <= 0.0 {
        return f64::NAN;
    }
    if degrees.is_infinite() {
        return normal_quantile(p);
    }
    if p == 0.5 {
        return 0.0;
    }
    if p == 0.0 || p == 1.0 {
        return (p - 0.5).signum() * f64::INFINITY;
    }
    // With both tails 2q: I_x(ν/2, ½) = 2q, and t² = ν(1 − x)/x.
    let both = 2.0 * p.min(1.0 - p);
    let a = degrees / 2.0;
    let square = if beta_tails(a, 0.5, 0.5, 0.5).lower >= both {
        let x = invert(
            |x| beta_tails(a, 0.5, x, 1.0 - x).lower - both,
            |x| beta_density(x, a, 0.5),
            0.0,
            0.5,
        );
        degrees * (1.0 - x) / x
    } else {
        let inner = 1.0 - both;
        let y = invert(
            |y| beta_tails(0.5, a, y, 1.0 - y).lower - inner,
            |y| beta_density(y, 0.5, a),
            0.0,
            0.5,
        );
        degrees * y / (1.0 - y)
    };
    (p - 0.5).signum() * square.sqrt()
}

/// P(X > x) for Fisher's F (`scipy.stats.f.sf`).
///
/// ```text
/// P = I_{n/(n + m x)}(n/2, m/2)      m, n: degrees of numerator and denominator
/// ```
///
/// # Source
///
/// `scipy.stats.f.sf`; fixtures by mpmath.
///
/// # Examples
///
/// ```
/// use cam_stats::distribution::{f_sf, student_t_sf};
/// // F(1, ν) is the square of Student's t.
/// assert!((f_sf(9.0, 1.0, 20.0) - 2.0 * student_t_sf(3.0, 20.0)).abs() < 1e-16);
/// ```
#[must_use]
pub fn f_sf(x: f64, numerator_degrees: f64, denominator_degrees: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    let scaled = numerator_degrees * x;
    let total = denominator_degrees + scaled;
    beta_tails(
        denominator_degrees / 2.0,
        numerator_degrees / 2.0,
        denominator_degrees / total,
        scaled / total,
    )
    .lower
}

/// The x with P(X ≤ x) = p for Fisher's F (`scipy.stats.f.ppf`).
///
/// ```text
/// I_{m x/(m x + n)}(m/2, n/2) = p
/// ```
///
/// NaN if p lies outside [0, 1] or the degrees are not positive.
///
/// # Source
///
/// `scipy.stats.f.ppf`.
///
/// # Examples
///
/// ```
/// use cam_stats::distribution::f_quantile;
/// // The median of F(1, 1) is 1.
/// assert!((f_quantile(0.5, 1.0, 1.0) - 1.0).abs() < 1e-12);
/// ```
#[must_use]
pub fn f_quantile(p: f64, numerator_degrees: f64, denominator_degrees: f64) -> f64 {
    let (a, b) = (numerator_degrees / 2.0, denominator_degrees / 2.0);
    // Of x and 1 − x the smaller keeps its digits.
    let x = beta_quantile(p, a, b);
    let y = beta_quantile(1.0 - p, b, a);
    let (x, y) = if x <= 0.5 { (x, 1.0 - x) } else { (1.0 - y, y) };
    denominator_degrees * x / (numerator_degrees * y)
}
