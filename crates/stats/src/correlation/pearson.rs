//! Pearson's product-moment correlation and the straight line behind it.

use super::interval::{CorrelationInterval, correlation_interval};
use crate::distribution::beta_tails;
use crate::interval::{Interval, check_level};
use crate::moments::{centred, dot, mean, sum_of_squares};
use crate::sample::{
    Clean, clean_pair, require_count, require_equal_lengths, require_finite, require_moderate,
};
use crate::{Alternative, Error, NanPolicy, Result};

/// Options of [`pearson_with`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
pub struct PearsonOptions {
    /// Direction of the test.
    pub alternative: Alternative,
    /// Treatment of NaN.
    pub nan_policy: NanPolicy,
    /// Level of the interval.
    pub level: f64,
}

impl Default for PearsonOptions {
    fn default() -> Self {
        Self {
            alternative: Alternative::TwoSided,
            nan_policy: NanPolicy::Raise,
            level: 0.95,
        }
    }
}

/// Pearson's correlation with its test.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Pearson {
    /// r in [−1, 1].
    pub statistic: f64,
    /// r·√(ν/(1 − r²)).
    pub t: f64,
    /// ν = n − 2.
    pub degrees_of_freedom: f64,
    /// p-value of t.
    pub p_value: f64,
    /// Pairs used.
    pub n: usize,
    /// Direction of the test.
    pub alternative: Alternative,
    /// Fisher's interval; `None` for n = 3, where it has no width.
    pub interval: Option<Interval>,
}

/// Pearson's r with the t test and Fisher's interval.
///
/// ```text
/// r = Σ(x − x̄)(y − ȳ) / √(Σ(x − x̄)²·Σ(y − ȳ)²)      t = r·√((n − 2)/(1 − r²))
/// ```
///
/// # Shapes
///
/// `x` and `y`: the same number of finite values, at least three.
///
/// # Errors
///
/// [`Error::LengthMismatch`], [`Error::TooFewObservations`], [`Error::ConstantInput`],
/// [`Error::NanInput`], [`Error::NonFinite`].
///
/// # Source
///
/// `scipy.stats.pearsonr`, R `cor.test`.
///
/// # Examples
///
/// ```
/// let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
/// let y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
/// let anscombe = cam_stats::pearson(&x, &y)?;
/// assert!((anscombe.statistic - 0.8164205163448395).abs() < 1e-14);
/// assert!((anscombe.p_value - 0.0021696288730788).abs() < 1e-14);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn pearson(x: &[f64], y: &[f64]) -> Result<Pearson> {
    pearson_with(x, y, &PearsonOptions::default())
}

/// [`pearson`] with options.
///
/// ```text
/// interval: tanh(artanh r ± z(1 − α/2)/√(n − 3))
/// ```
///
/// # Errors
///
/// As [`pearson`]; [`Error::OutOfRange`] for a level outside (0, 1).
///
/// # Source
///
/// `scipy.stats.pearsonr` with `alternative`; R `cor.test`. The interval is two-sided for every alternative.
///
/// # Examples
///
/// ```
/// use cam_stats::{Alternative, PearsonOptions, pearson, pearson_with};
/// let (x, y) = ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0]);
/// let greater = PearsonOptions { alternative: Alternative::Greater, ..Default::default() };
/// let (one, two) = (pearson_with(&x, &y, &greater)?, pearson(&x, &y)?);
/// assert!((2.0 * one.p_value - two.p_value).abs() < 1e-15);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn pearson_with(x: &[f64], y: &[f64], options: &PearsonOptions) -> Result<Pearson> {
    check_level(options.level)?;
    let Clean::Data((x, y)) = clean_pair(x, y, options.nan_policy)? else {
        return Ok(Pearson {
            statistic: f64::NAN,
            t: f64::NAN,
            degrees_of_freedom: f64::NAN,
            p_value: f64::NAN,
            n: x.len(),
            alternative: options.alternative,
            interval: Some(Interval::undefined(options.level)),
        });
    };
    let n = x.len();
    require_count("a correlation", 3, n)?;
    require_finite("x", &x)?;
    require_finite("y", &y)?;
    let r = coefficient(&x, &y)?;
    let degrees = n as f64 - 2.0;
    let interval = if n > 3 {
        Some(correlation_interval(
            r,
            n,
            options.level,
            CorrelationInterval::FisherZ,
        )?)
    } else {
        None
    };
    Ok(Pearson {
        statistic: r,
        t: t_statistic(r, degrees),
        degrees_of_freedom: degrees,
        p_value: correlation_p_value(r, degrees, options.alternative),
        n,
        alternative: options.alternative,
        interval,
    })
}

/// r of finite values.
pub(crate) fn coefficient(x: &[f64], y: &[f64]) -> Result<f64> {
    let dx = scaled_deviations("x", x)?;
    let dy = scaled_deviations("y", y)?;
    Ok((dot(&dx, &dy) / (dot(&dx, &dx) * dot(&dy, &dy)).sqrt()).clamp(-1.0, 1.0))
}

/// Deviations from the mean, scaled by a power of two so that no square over- or underflows.
fn scaled_deviations(name: &'static str, values: &[f64]) -> Result<Vec<f64>> {
    if values.iter().all(|v| *v == values[0]) {
        return Err(Error::ConstantInput { name });
    }
    let mut deviations = centred(values);
    let largest = deviations.iter().fold(0.0f64, |m, d| m.max(d.abs()));
    if !(1e-100..1e100).contains(&largest) {
        for d in &mut deviations {
            *d /= largest;
        }
    }
    Ok(deviations)
}

pub(crate) fn t_statistic(r: f64, degrees: f64) -> f64 {
    r * (degrees / ((1.0 - r) * (1.0 + r))).sqrt()
}

/// p-value of a correlation coefficient by Student's t.
///
/// ```text
/// two-sided p = I_{1 − r²}(ν/2, 1/2)
/// ```
///
/// Formed from 1 − r² directly, so that p keeps its digits as |r| approaches 1. `degrees` is n − 2,
/// less the number of covariates of a partial correlation.
///
/// # Source
///
/// `scipy.stats.pearsonr`, which uses the same beta distribution of r.
///
/// # Examples
///
/// ```
/// use cam_stats::{Alternative, correlation_p_value};
/// // One degree of freedom: arcsin(r) is uniform.
/// let p = correlation_p_value(0.5, 1.0, Alternative::TwoSided);
/// assert!((p - 2.0 / 3.0).abs() < 1e-15);
/// ```
#[must_use]
pub fn correlation_p_value(r: f64, degrees: f64, alternative: Alternative) -> f64 {
    let both = beta_tails(degrees / 2.0, 0.5, (1.0 - r) * (1.0 + r), r * r).lower;
    let outer = both / 2.0;
    match alternative {
        Alternative::TwoSided => both,
        Alternative::Greater if r >= 0.0 => outer,
        Alternative::Less if r <= 0.0 => outer,
        Alternative::Greater | Alternative::Less => 1.0 - outer,
    }
}

/// The least-squares line through pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LinearFit {
    /// Change of y per unit of x.
    pub slope: f64,
    /// y at x = 0.
    pub intercept: f64,
    /// Share of the variance of y that the line explains, r².
    pub r_squared: f64,
    /// √(residual sum of squares/(n − 2)), in units of y.
    pub residual_standard_deviation: f64,
    /// Pairs used.
    pub n: usize,
}

/// Least-squares line of y on x.
///
/// ```text
/// slope = Σ(x − x̄)(y − ȳ)/Σ(x − x̄)²      intercept = ȳ − slope·x̄
/// ```
///
/// # Errors
///
/// As [`pearson`], except that a constant `y` is allowed and gives slope 0 and r² 0.
///
/// # Source
///
/// `scipy.stats.linregress`, R `lm`; NIST's Norris data are among the tests.
///
/// # Examples
///
/// ```
/// let line = cam_stats::linear_fit(&[0.0, 1.0, 2.0], &[1.0, 3.0, 5.0])?;
/// assert_eq!((line.slope, line.intercept, line.r_squared), (2.0, 1.0, 1.0));
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn linear_fit(x: &[f64], y: &[f64]) -> Result<LinearFit> {
    require_equal_lengths("x", x.len(), "y", y.len())?;
    require_count("a straight line", 3, x.len())?;
    require_moderate("x", x)?;
    require_moderate("y", y)?;
    let sxx = sum_of_squares(x);
    if sxx <= 0.0 {
        return Err(Error::ConstantInput { name: "x" });
    }
    let dx = centred(x);
    let dy = centred(y);
    let slope = dot(&dx, &dy) / sxx;
    let intercept = mean(y) - slope * mean(x);
    let residual: f64 = dx
        .iter()
        .zip(&dy)
        .map(|(a, b)| (b - slope * a).powi(2))
        .sum();
    let syy = sum_of_squares(y);
    let r_squared = if syy > 0.0 {
        coefficient(x, y)?.powi(2)
    } else {
        0.0
    };
    Ok(LinearFit {
        slope,
        intercept,
        r_squared,
        residual_standard_deviation: (residual / (x.len() as f64 - 2.0)).sqrt(),
        n: x.len(),
    })
}
