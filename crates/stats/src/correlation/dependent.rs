//! Two correlations -> whether they differ.

use super::interval::{CorrelationInterval, correlation_interval};
use crate::distribution::{normal_p_value, t_p_value};
use crate::interval::Interval;
use crate::names::named;
use crate::sample::require_count;
use crate::{Alternative, Error, Result};

named! {
    /// The test of two correlations that share a variable.
    pub enum DependentMethod("dependent correlations") {
        /// Williams's t with n − 3 degrees of freedom (1959).
        #[default]
        Williams = "williams",
        /// Steiger's z with the mean correlation in the covariance (1980, eq. 14).
        Steiger = "steiger",
        /// Meng, Rosenthal and Rubin's z (1992).
        Meng = "meng",
    }
}

/// The comparison of two correlations.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CorrelationComparison {
    /// t or z.
    pub statistic: f64,
    /// Degrees of freedom of t; `None` for z.
    pub degrees_of_freedom: Option<f64>,
    /// p-value of the statistic.
    pub p_value: f64,
    /// First correlation less the second, with Zou's interval (2007).
    pub interval: Interval,
    /// Direction of the test: `Greater` means the first is larger.
    pub alternative: Alternative,
}

/// Compares r(a, b) with r(a, c), measured on the same n observations.
///
/// ```text
/// Williams: t = (r_ab − r_ac)·√[(n − 1)(1 + r_bc) / (2|R|(n − 1)/(n − 3) + r̄²(1 − r_bc)³)]
/// |R| = 1 − r_ab² − r_ac² − r_bc² + 2·r_ab·r_ac·r_bc      r̄ = (r_ab + r_ac)/2
/// ```
///
/// For two networks against one liquid loss: a is the loss, b and c the networks' damage.
///
/// # Errors
///
/// [`Error::TooFewObservations`] for n < 4; [`Error::OutOfRange`] for a correlation outside (−1, 1),
/// correlations that contradict each other (|R| < 0) or a level outside (0, 1).
///
/// # Source
///
/// R packages `cocor` and `psych`; Steiger, *Psychological Bulletin* 87 (1980) 245; Meng, Rosenthal
/// and Rubin, *Psychological Bulletin* 111 (1992) 172; Zou, *Psychological Methods* 12 (2007) 399.
///
/// # Examples
///
/// ```
/// use cam_stats::{Alternative, DependentMethod, compare_dependent_correlations};
/// let test = compare_dependent_correlations(
///     0.71, 0.40, 0.60, 32, DependentMethod::Williams, Alternative::TwoSided, 0.95)?;
/// assert!(test.p_value < 0.05 && test.interval.lower > 0.0);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn compare_dependent_correlations(
    r_ab: f64,
    r_ac: f64,
    r_bc: f64,
    n: usize,
    method: DependentMethod,
    alternative: Alternative,
    level: f64,
) -> Result<CorrelationComparison> {
    require_count("a comparison of correlations", 4, n)?;
    check_open("r_ab", r_ab)?;
    check_open("r_ac", r_ac)?;
    check_open("r_bc", r_bc)?;
    let determinant = 1.0 - r_ab * r_ab - r_ac * r_ac - r_bc * r_bc + 2.0 * r_ab * r_ac * r_bc;
    if determinant < -1e-12 {
        let range = "the values that r_ab and r_ac allow";
        return Err(Error::OutOfRange {
            name: "r_bc",
            value: r_bc,
            range,
        });
    }
    let size = n as f64;
    let mean = (r_ab + r_ac) / 2.0;
    let gap = r_ab.atanh() - r_ac.atanh();
    let (statistic, degrees_of_freedom) = match method {
        DependentMethod::Williams => {
            let spread = 2.0 * determinant.max(0.0) * (size - 1.0) / (size - 3.0)
                + mean * mean * (1.0 - r_bc).powi(3);
            let t = (r_ab - r_ac) * ((size - 1.0) * (1.0 + r_bc) / spread).sqrt();
            (t, Some(size - 3.0))
        }
        DependentMethod::Steiger => {
            let square = mean * mean;
            let covariance =
                r_bc * (1.0 - 2.0 * square) - 0.5 * square * (1.0 - 2.0 * square - r_bc * r_bc);
            let shared = covariance / ((1.0 - square) * (1.0 - square));
            (gap * ((size - 3.0) / (2.0 - 2.0 * shared)).sqrt(), None)
        }
        DependentMethod::Meng => {
            let square = (r_ab * r_ab + r_ac * r_ac) / 2.0;
            let f = ((1.0 - r_bc) / (2.0 * (1.0 - square))).min(1.0);
            let h = (1.0 - f * square) / (1.0 - square);
            (gap * ((size - 3.0) / (2.0 * (1.0 - r_bc) * h)).sqrt(), None)
        }
    };
    // Equal correlations with a vanishing error are 0/0, and no evidence of a difference.
    let statistic = if r_ab == r_ac { 0.0 } else { statistic };
    let p_value = match degrees_of_freedom {
        Some(degrees) => t_p_value(statistic, degrees, alternative),
        None => normal_p_value(statistic, alternative),
    };
    let shared = ((r_bc - r_ab * r_ac / 2.0) * (1.0 - r_ab * r_ab - r_ac * r_ac - r_bc * r_bc)
        + r_bc.powi(3))
        / ((1.0 - r_ab * r_ab) * (1.0 - r_ac * r_ac));
    let interval = difference_interval((r_ab, n), (r_ac, n), shared, level)?;
    Ok(CorrelationComparison {
        statistic,
        degrees_of_freedom,
        p_value,
        interval,
        alternative,
    })
}

/// Compares two correlations of different samples.
///
/// ```text
/// z = (atanh r₁ − atanh r₂) / √(1/(n₁ − 3) + 1/(n₂ − 3))
/// ```
///
/// # Errors
///
/// [`Error::TooFewObservations`] for fewer than four observations in a sample,
/// [`Error::OutOfRange`] for a correlation outside (−1, 1) or a level outside (0, 1).
///
/// # Source
///
/// Fisher 1921; interval of Zou 2007.
pub fn compare_independent_correlations(
    first: (f64, usize),
    second: (f64, usize),
    alternative: Alternative,
    level: f64,
) -> Result<CorrelationComparison> {
    for ((r, n), name) in [(first, "first"), (second, "second")] {
        require_count("a comparison of correlations", 4, n)?;
        check_open(name, r)?;
    }
    let error = (1.0 / (first.1 as f64 - 3.0) + 1.0 / (second.1 as f64 - 3.0)).sqrt();
    let statistic = (first.0.atanh() - second.0.atanh()) / error;
    Ok(CorrelationComparison {
        statistic,
        degrees_of_freedom: None,
        p_value: normal_p_value(statistic, alternative),
        interval: difference_interval(first, second, 0.0, level)?,
        alternative,
    })
}

/// Zou's interval of a difference from the intervals of its terms and their correlation.
fn difference_interval(
    (first, n_first): (f64, usize),
    (second, n_second): (f64, usize),
    shared: f64,
    level: f64,
) -> Result<Interval> {
    let a = correlation_interval(first, n_first, level, CorrelationInterval::FisherZ)?;
    let b = correlation_interval(second, n_second, level, CorrelationInterval::FisherZ)?;
    let reach = |u: f64, v: f64| (u * u + v * v - 2.0 * shared * u * v).max(0.0).sqrt();
    let estimate = first - second;
    Ok(Interval {
        estimate,
        lower: estimate - reach(first - a.lower, b.upper - second),
        upper: estimate + reach(a.upper - first, second - b.lower),
        level,
    })
}

fn check_open(name: &'static str, r: f64) -> Result<()> {
    if r > -1.0 && r < 1.0 {
        Ok(())
    } else {
        Err(Error::OutOfRange {
            name,
            value: r,
            range: "(-1, 1)",
        })
    }
}
