//! Correlation after removing what covariates explain.

use super::interval::{CorrelationInterval, correlation_interval};
use super::pearson::{coefficient, correlation_p_value, t_statistic};
use crate::interval::{Interval, check_level};
use crate::moments::{centred, dot};
use crate::names::named;
use crate::rank::Ranked;
use crate::sample::{require_count, require_equal_lengths, require_finite};
use crate::{Alternative, Error, Result};

named! {
    /// What is correlated.
    pub enum PartialMethod("partial correlation") {
        /// The values.
        #[default]
        Pearson = "pearson",
        /// The mid-ranks of x, y and every covariate.
        Spearman = "spearman",
    }
}

/// Options of [`partial_correlation`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
pub struct PartialOptions {
    /// Values or ranks.
    pub method: PartialMethod,
    /// Direction of the test.
    pub alternative: Alternative,
    /// Level of the interval.
    pub level: f64,
}

impl Default for PartialOptions {
    fn default() -> Self {
        Self {
            method: PartialMethod::Pearson,
            alternative: Alternative::TwoSided,
            level: 0.95,
        }
    }
}

/// Partial correlation with its test.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PartialCorrelation {
    /// r in [−1, 1].
    pub statistic: f64,
    /// r·√(ν/(1 − r²)).
    pub t: f64,
    /// ν = n − 2 − number of covariates.
    pub degrees_of_freedom: f64,
    /// p-value of t.
    pub p_value: f64,
    /// Observations.
    pub n: usize,
    /// Covariates removed.
    pub covariates: usize,
    /// Interval on Fisher's z scale with n less the covariates; `None` if that is below four.
    pub interval: Option<Interval>,
}

/// Correlation of x and y with covariates held fixed.
///
/// ```text
/// r = Pearson's r of the residuals of x and y regressed on the covariates
/// ```
///
/// With one 0/1 column per treatment (less one) it answers whether damage and liquid loss are related
/// *within* treatments.
///
/// # Shapes
///
/// `covariates`: `[covariate, observation]`, each as long as x and y; none is allowed.
///
/// # Errors
///
/// [`Error::LengthMismatch`], [`Error::TooFewObservations`], [`Error::ConstantInput`],
/// [`Error::Singular`] for linearly dependent covariates, [`Error::NanInput`], [`Error::NonFinite`].
///
/// # Source
///
/// `pingouin.partial_corr`, R `ppcor::pcor.test`.
///
/// # Examples
///
/// ```
/// use cam_stats::{PartialOptions, partial_correlation};
/// // x and y both follow z; apart from that they oppose each other.
/// let z = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let x = [1.1, 1.9, 3.1, 3.9, 5.1, 5.9];
/// let y = [0.9, 2.1, 2.9, 4.1, 4.9, 6.1];
/// let r = partial_correlation(&x, &y, &[z], &PartialOptions::default())?;
/// assert!(r.statistic < -0.99);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn partial_correlation<C: AsRef<[f64]>>(
    x: &[f64],
    y: &[f64],
    covariates: &[C],
    options: &PartialOptions,
) -> Result<PartialCorrelation> {
    check_level(options.level)?;
    require_equal_lengths("x", x.len(), "y", y.len())?;
    let n = x.len();
    require_count("a partial correlation", covariates.len() + 3, n)?;
    let prepare = |name: &'static str, values: &[f64]| -> Result<Vec<f64>> {
        require_equal_lengths("x", n, name, values.len())?;
        require_finite(name, values)?;
        Ok(centred(&match options.method {
            PartialMethod::Pearson => values.to_vec(),
            PartialMethod::Spearman => Ranked::new(values).ranks,
        }))
    };
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(covariates.len());
    for (column, covariate) in covariates.iter().enumerate() {
        let mut direction = prepare("covariates", covariate.as_ref())?;
        let before = dot(&direction, &direction).sqrt();
        project_out(&mut direction, &basis);
        let length = dot(&direction, &direction).sqrt();
        if length <= 1e-10 * before {
            let pivot = if before > 0.0 { length / before } else { 0.0 };
            return Err(Error::Singular { column, pivot });
        }
        direction.iter_mut().for_each(|v| *v /= length);
        basis.push(direction);
    }
    let residual = |name, values: &[f64]| -> Result<Vec<f64>> {
        let mut rest = prepare(name, values)?;
        let before = dot(&rest, &rest).sqrt();
        project_out(&mut rest, &basis);
        if dot(&rest, &rest).sqrt() <= 1e-12 * before {
            return Err(Error::ConstantInput { name });
        }
        Ok(rest)
    };
    let r = coefficient(&residual("x", x)?, &residual("y", y)?)?;
    let degrees = (n - 2 - covariates.len()) as f64;
    let free = n - covariates.len();
    let interval = if free > 3 {
        Some(correlation_interval(
            r,
            free,
            options.level,
            CorrelationInterval::FisherZ,
        )?)
    } else {
        None
    };
    Ok(PartialCorrelation {
        statistic: r,
        t: t_statistic(r, degrees),
        degrees_of_freedom: degrees,
        p_value: correlation_p_value(r, degrees, options.alternative),
        n,
        covariates: covariates.len(),
        interval,
    })
}

/// Removes the part of `values` along orthonormal directions; twice, which is enough.
fn project_out(values: &mut [f64], basis: &[Vec<f64>]) {
    for direction in basis.iter().chain(basis) {
        let share = dot(values, direction);
        for (v, d) in values.iter_mut().zip(direction) {
            *v -= share * d;
        }
    }
}
