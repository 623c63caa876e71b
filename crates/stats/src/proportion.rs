//! Successes of n -> interval of a proportion.

use crate::distribution::{beta_quantile, two_sided_z};
use crate::interval::{Interval, check_level};
use crate::names::named;
use crate::sample::require_count;
use crate::{Error, Result};

named! {
    /// How the interval of a proportion is formed.
    pub enum ProportionInterval("proportion interval") {
        /// p ± z·√(p(1 − p)/n), cut to [0, 1]; has no width at 0 and 1.
        Wald = "wald",
        /// The same, not cut.
        WaldUnclipped = "wald_unclipped",
        /// Inverted score test.
        #[default]
        Wilson = "wilson",
        /// Inverted score test with continuity correction.
        WilsonContinuity = "wilson_cc",
        /// Inverted binomial test; never covers too little.
        ClopperPearson = "clopper_pearson",
        /// Wald about (x + z²/2)/(n + z²), cut to [0, 1].
        AgrestiCoull = "agresti_coull",
        /// Equal tails of Beta(x + ½, n − x + ½).
        Jeffreys = "jeffreys",
    }
}

/// Confidence interval of a proportion.
///
/// ```text
/// Wilson: (p + z²/2n ± z·√(p(1 − p)/n + z²/4n²)) / (1 + z²/n)
/// Clopper–Pearson: Beta quantiles at α/2 of (x, n − x + 1) and at 1 − α/2 of (x + 1, n − x)
/// ```
///
/// The estimate is x/n for every method.
///
/// # Errors
///
/// [`Error::TooFewObservations`] for n = 0, [`Error::OutOfRange`] for x > n or a level outside
/// (0, 1).
///
/// # Source
///
/// `statsmodels.stats.proportion.proportion_confint` (normal, wilson, beta, agresti_coull, jeffreys)
/// and `scipy.stats.binomtest(...).proportion_ci` (wilson, wilsoncc, exact); Newcombe 1998.
///
/// # Examples
///
/// ```
/// use cam_stats::{ProportionInterval, proportion_interval};
/// // 153 of 153 right: Wald says ±0, the exact bound is 0.025^(1/153).
/// let wald = proportion_interval(153, 153, 0.95, ProportionInterval::Wald)?;
/// let exact = proportion_interval(153, 153, 0.95, ProportionInterval::ClopperPearson)?;
/// assert_eq!(wald.width(), 0.0);
/// assert!((exact.lower - 0.025f64.powf(1.0 / 153.0)).abs() < 1e-14);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn proportion_interval(
    successes: u64,
    n: u64,
    level: f64,
    method: ProportionInterval,
) -> Result<Interval> {
    check_level(level)?;
    let p = share(successes, n)?;
    let (x, n) = (successes as f64, n as f64);
    let z = two_sided_z(level);
    let (lower, upper) = match method {
        ProportionInterval::WaldUnclipped => wald(p, n, z),
        ProportionInterval::Wald => cut(wald(p, n, z)),
        ProportionInterval::AgrestiCoull => {
            let weight = n + z * z;
            cut(wald((x + z * z / 2.0) / weight, weight, z))
        }
        ProportionInterval::Wilson => wilson(x, n, z),
        ProportionInterval::WilsonContinuity => wilson_continuity(x, n, z),
        ProportionInterval::ClopperPearson => clopper_pearson(x, n, (1.0 - level) / 2.0),
        ProportionInterval::Jeffreys => {
            let tail = (1.0 - level) / 2.0;
            let (a, b) = (x + 0.5, n - x + 0.5);
            (beta_quantile(tail, a, b), upper_beta_quantile(tail, a, b))
        }
    };
    Ok(Interval {
        estimate: p,
        lower,
        upper,
        level,
    })
}

/// Half the width of Wald's interval, z·√(p(1 − p)/n), for a z of one's own.
///
/// ```text
/// z·√(p (1 − p) / n)      p = successes / n
/// ```
///
/// The paper prints "accuracy ± this" with z = 1.96.
///
/// # Errors
///
/// [`Error::TooFewObservations`] for n = 0, [`Error::OutOfRange`] for more successes than n or a z that
/// is negative or not finite.
///
/// # Source
///
/// `calculate_ci_interval` of the authors' released code.
///
/// # Examples
///
/// ```
/// assert!((cam_stats::wald_half_width(9, 10, 2.0)? - 0.036f64.sqrt()).abs() < 1e-15);
/// // A Wald interval of a perfect score has no width.
/// assert_eq!(cam_stats::wald_half_width(153, 153, 1.96)?, 0.0);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn wald_half_width(successes: u64, n: u64, z: f64) -> Result<f64> {
    let p = share(successes, n)?;
    if !(0.0..=f64::MAX).contains(&z) {
        return Err(Error::OutOfRange {
            name: "z",
            value: z,
            range: "[0, ∞)",
        });
    }
    Ok(z * (p * (1.0 - p) / n as f64).sqrt())
}

fn share(successes: u64, n: u64) -> Result<f64> {
    require_count("a proportion", 1, usize::try_from(n).unwrap_or(usize::MAX))?;
    if successes > n {
        let value = successes as f64;
        return Err(Error::OutOfRange {
            name: "successes",
            value,
            range: "[0, n]",
        });
    }
    Ok(successes as f64 / n as f64)
}

fn cut((lower, upper): (f64, f64)) -> (f64, f64) {
    (lower.max(0.0), upper.min(1.0))
}

fn wald(p: f64, n: f64, z: f64) -> (f64, f64) {
    let half = z * (p * (1.0 - p) / n).max(0.0).sqrt();
    (p - half, p + half)
}

fn wilson(x: f64, n: f64, z: f64) -> (f64, f64) {
    let square = z * z;
    let root = z * (x * (1.0 - x / n) + square / 4.0).max(0.0).sqrt();
    // The bound near zero is a difference of near equals: take it from the product of the roots.
    let from_end = |count: f64| {
        if count == 0.0 {
            0.0
        } else {
            count * count / n / (count + square / 2.0 + root)
        }
    };
    (from_end(x), 1.0 - from_end(n - x))
}

fn wilson_continuity(x: f64, n: f64, z: f64) -> (f64, f64) {
    let lower = |x: f64| {
        if x == 0.0 {
            return 0.0;
        }
        let p = x / n;
        let root = (z * z - 2.0 - 1.0 / n + 4.0 * p * (n * (1.0 - p) + 1.0))
            .max(0.0)
            .sqrt();
        ((2.0 * x + z * z - 1.0 - z * root) / (2.0 * (n + z * z))).max(0.0)
    };
    (lower(x), 1.0 - lower(n - x))
}

fn clopper_pearson(x: f64, n: f64, tail: f64) -> (f64, f64) {
    let lower = if x == 0.0 {
        0.0
    } else {
        beta_quantile(tail, x, n - x + 1.0)
    };
    let upper = if x == n {
        1.0
    } else {
        upper_beta_quantile(tail, x + 1.0, n - x)
    };
    (lower, upper)
}

/// The x with P(X > x) = tail.
fn upper_beta_quantile(tail: f64, a: f64, b: f64) -> f64 {
    1.0 - beta_quantile(tail, b, a)
}
