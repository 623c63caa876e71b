//! Correlation coefficient and sample size -> interval.

use crate::distribution::{student_t_quantile, two_sided_z};
use crate::interval::{Interval, check_level};
use crate::names::named;
use crate::sample::require_count;
use crate::{Error, Result};

named! {
    /// The standard error used on Fisher's z scale.
    pub enum CorrelationInterval("correlation interval") {
        /// 1/√(n − 3): Pearson's r of bivariate normal data (SciPy, R).
        #[default]
        FisherZ = "fisher_z",
        /// √((1 + r²/2)/(n − 3)): Spearman's ρ (Bonett and Wright 2000).
        BonettWright = "bonett_wright",
    }
}

/// Confidence interval of a correlation on Fisher's z scale.
///
/// ```text
/// tanh(atanh(r) ± z·s)      s² = 1/(n − 3)           FisherZ
///                           s² = (1 + r²/2)/(n − 3)  BonettWright
/// ```
///
/// At r = ±1 both bounds are r.
///
/// # Errors
///
/// [`Error::TooFewObservations`] for n < 4, [`Error::OutOfRange`] for r outside [−1, 1] or a level
/// outside (0, 1).
///
/// # Source
///
/// Fisher 1921; Bonett and Wright, *Psychometrika* 65 (2000) 23. The first equals
/// `scipy.stats.pearsonr(...).confidence_interval()`.
///
/// # Examples
///
/// ```
/// use cam_stats::{CorrelationInterval, correlation_interval};
/// let fisher = correlation_interval(0.71, 32, 0.95, CorrelationInterval::FisherZ)?;
/// let rank = correlation_interval(0.71, 32, 0.95, CorrelationInterval::BonettWright)?;
/// assert!((fisher.lower - 0.480).abs() < 1e-3 && (rank.lower - 0.446).abs() < 1e-3);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn correlation_interval(
    r: f64,
    n: usize,
    level: f64,
    kind: CorrelationInterval,
) -> Result<Interval> {
    check_level(level)?;
    require_count("a correlation interval", 4, n)?;
    if !(-1.0..=1.0).contains(&r) {
        return Err(Error::OutOfRange {
            name: "r",
            value: r,
            range: "[-1, 1]",
        });
    }
    let inflation = match kind {
        CorrelationInterval::FisherZ => 1.0,
        CorrelationInterval::BonettWright => 1.0 + r * r / 2.0,
    };
    let reach = two_sided_z(level) * (inflation / (n as f64 - 3.0)).sqrt();
    let centre = r.atanh();
    Ok(Interval {
        estimate: r,
        lower: (centre - reach).tanh(),
        upper: (centre + reach).tanh(),
        level,
    })
}

/// The smallest |r| that the two-sided t test calls significant.
///
/// ```text
/// r = t / √(ν + t²)      ν = n − 2,  P(|T_ν| > t) = alpha
/// ```
///
/// Divide `alpha` by the number of tests for Bonferroni's bound.
///
/// # Errors
///
/// [`Error::TooFewObservations`] for n < 3, [`Error::OutOfRange`] for `alpha` outside (0, 1).
///
/// # Source
///
/// The t test of `scipy.stats.pearsonr` and R `cor.test`, solved for r.
///
/// # Examples
///
/// ```
/// let single = cam_stats::critical_correlation(32, 0.05)?;
/// let of_thirty = cam_stats::critical_correlation(32, 0.05 / 30.0)?;
/// assert!((single - 0.349).abs() < 1e-3 && (of_thirty - 0.533).abs() < 1e-3);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn critical_correlation(n: usize, alpha: f64) -> Result<f64> {
    require_count("a test of a correlation", 3, n)?;
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(Error::OutOfRange {
            name: "alpha",
            value: alpha,
            range: "(0, 1)",
        });
    }
    let degrees = n as f64 - 2.0;
    let t = -student_t_quantile(alpha / 2.0, degrees);
    // t/√(ν + t²), for any t without overflow; t is infinite where α/2 underflows.
    Ok(1.0 / (degrees / t / t + 1.0).sqrt())
}
