//! The range of k standard normal values.

use super::normal::{density, normal_cdf};
use super::root::decreasing_root;

const STEP: f64 = 0.05;

/// P(range of k independent standard normals > q).
///
/// This is the studentized range with infinite degrees of freedom
/// (`scipy.stats.studentized_range.sf(q, k, inf)`), which Nemenyi's test refers to.
///
/// ```text
/// P = k ∫ φ(z)·{Φ(z)^(k−1) − [Φ(z) − Φ(z − q)]^(k−1)} dz
/// ```
///
/// The braces are formed without cancellation and the integrand is entire, so that the trapezoidal
/// rule gives full precision far into the tail. NaN if `k` < 2 or `q` is NaN.
///
/// # Source
///
/// Copenhaver and Holland, *Journal of Statistical Computation and Simulation* 30 (1988) 1; fixtures by
/// mpmath.
///
/// # Examples
///
/// ```
/// use cam_stats::distribution::{normal_sf, studentized_range_sf};
/// // The difference of two standard normals has standard deviation √2.
/// let p = studentized_range_sf(3.0, 2);
/// assert!((p - 2.0 * normal_sf(3.0 / 2f64.sqrt())).abs() < 1e-15);
/// ```
#[must_use]
pub fn studentized_range_sf(q: f64, k: usize) -> f64 {
    if q.is_nan() || k < 2 {
        return f64::NAN;
    }
    if q <= 0.0 {
        return 1.0;
    }
    if q > 60.0 {
        return 0.0;
    }
    let power = (k - 1) as f64;
    let first = (-40.0 / STEP) as i64;
    let last = ((q + 40.0) / STEP) as i64;
    let mut sum = 0.0;
    for i in first..=last {
        let z = i as f64 * STEP;
        let whole = normal_cdf(z);
        if whole == 0.0 {
            continue;
        }
        let ratio = normal_cdf(z - q) / whole;
        let brace = -whole.powf(power) * (power * (-ratio).ln_1p()).exp_m1();
        sum += density(z) * brace;
    }
    (k as f64 * sum * STEP).min(1.0)
}

/// The q with P(range of k independent standard normals > q) = p.
///
/// ```text
/// P(range > q) = p
/// ```
///
/// NaN if `p` is not in (0, 1) or `k` < 2.
///
/// # Source
///
/// `scipy.stats.studentized_range.isf(p, k, inf)`.
///
/// # Examples
///
/// ```
/// use cam_stats::distribution::studentized_range_isf;
/// // Demšar 2006, Table 5: q(0.05, 3) / √2 = 2.343.
/// assert!((studentized_range_isf(0.05, 3) / 2f64.sqrt() - 2.343).abs() < 1e-3);
/// ```
#[must_use]
pub fn studentized_range_isf(p: f64, k: usize) -> f64 {
    if !(p > 0.0 && p < 1.0) || k < 2 {
        return f64::NAN;
    }
    decreasing_root(|q| studentized_range_sf(q, k) - p, 0.0, 60.0)
}
