//! Spearman's rank correlation.

use super::interval::{CorrelationInterval, correlation_interval};
use super::pearson::{coefficient, correlation_p_value, t_statistic};
use super::spearman_null::{SPEARMAN_EXACT_LIMIT, spearman_tails_as89, spearman_tails_exact};
use crate::interval::{Interval, check_level};
use crate::rank::Ranked;
use crate::resample::permute_correlation;
use crate::sample::{Clean, clean_pair, require_count};
use crate::{Alternative, Error, NanPolicy, Result};

/// Where the p-value of Spearman's ρ comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub enum SpearmanMethod {
    /// Student's t with n − 2 degrees of freedom, as SciPy does.
    #[default]
    T,
    /// All n! orderings, n ≤ [`SPEARMAN_EXACT_LIMIT`] and no ties (`pspearman` in R).
    Exact,
    /// Edgeworth series AS 89, no ties.
    As89,
    /// R's choice: exact to n = 9, AS 89 to n = 1289, t beyond and with ties.
    Auto,
    /// Random permutations of y; ties are allowed.
    Permutation {
        /// Number of permutations.
        permutations: usize,
        /// Seed of the random stream.
        seed: u64,
    },
}

/// Options of [`spearman_with`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
pub struct SpearmanOptions {
    /// Source of the p-value.
    pub method: SpearmanMethod,
    /// Direction of the test.
    pub alternative: Alternative,
    /// Treatment of NaN; pairs are dropped before ranking.
    pub nan_policy: NanPolicy,
    /// Level of the interval.
    pub level: f64,
}

impl Default for SpearmanOptions {
    fn default() -> Self {
        Self {
            method: SpearmanMethod::T,
            alternative: Alternative::TwoSided,
            nan_policy: NanPolicy::Raise,
            level: 0.95,
        }
    }
}

/// Spearman's ρ with its test.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Spearman {
    /// ρ in [−1, 1].
    pub statistic: f64,
    /// S = Σ(rank x − rank y)².
    pub sum_squared_differences: f64,
    /// ρ·√(ν/(1 − ρ²)).
    pub t: f64,
    /// ν = n − 2.
    pub degrees_of_freedom: f64,
    /// p-value by `method`.
    pub p_value: f64,
    /// Pairs used.
    pub n: usize,
    /// The method that gave the p-value, never `Auto`.
    pub method: SpearmanMethod,
    /// Direction of the test.
    pub alternative: Alternative,
    /// Bonett and Wright's interval; `None` for n = 3.
    pub interval: Option<Interval>,
}

/// Spearman's ρ with the t test and Bonett and Wright's interval.
///
/// ```text
/// ρ = Pearson's r of the mid-ranks      t = ρ·√((n − 2)/(1 − ρ²))
/// ```
///
/// The digits of `scipy.stats.spearmanr`. For the exact p-value, R's choice or a permutation test
/// use [`spearman_with`].
///
/// # Shapes
///
/// `x` and `y`: the same number of values, at least three; infinities are ranked.
///
/// # Errors
///
/// [`Error::LengthMismatch`], [`Error::TooFewObservations`], [`Error::ConstantInput`],
/// [`Error::NanInput`].
///
/// # Source
///
/// `scipy.stats.spearmanr`; interval: Bonett and Wright, *Psychometrika* 65 (2000) 23.
///
/// # Examples
///
/// ```
/// let rho = cam_stats::spearman(&[1.0, 2.0, 3.0, 4.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 7.0])?;
/// assert!((rho.statistic - 0.8207826816681233).abs() < 1e-15);
/// assert!((rho.p_value - 0.08858700531354381).abs() < 1e-15);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn spearman(x: &[f64], y: &[f64]) -> Result<Spearman> {
    spearman_with(x, y, &SpearmanOptions::default())
}

/// [`spearman`] with options.
///
/// ```text
/// S = Σ(rank x − rank y)²,  ρ = 1 − 6 S/(n³ − n) without ties
/// ```
///
/// # Errors
///
/// As [`spearman`]; [`Error::Ties`] and [`Error::TooManyObservations`] where the exact distribution
/// or AS 89 does not apply, [`Error::OutOfRange`] for a level outside (0, 1) or no permutations.
///
/// # Source
///
/// T: `scipy.stats.spearmanr`. Exact: `pspearman` in R. AS 89: Best and Roberts, *Applied Statistics* 24
/// (1975) 377. Auto: R `cor.test(method = "spearman")`. Permutation: `scipy.stats.permutation_test`.
///
/// # Examples
///
/// ```
/// use cam_stats::{SpearmanMethod, SpearmanOptions, spearman_with};
/// let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];
/// let y = [5.0, 4.0, 3.0, 2.0, 1.0, 6.0, 10.0, 9.0, 8.0, 7.0];
/// let exact = SpearmanOptions { method: SpearmanMethod::Exact, ..Default::default() };
/// assert!((spearman_with(&x, &y, &exact)?.p_value - 0.05443066578483).abs() < 1e-13);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn spearman_with(x: &[f64], y: &[f64], options: &SpearmanOptions) -> Result<Spearman> {
    check_level(options.level)?;
    let Clean::Data((x, y)) = clean_pair(x, y, options.nan_policy)? else {
        return Ok(Spearman {
            statistic: f64::NAN,
            sum_squared_differences: f64::NAN,
            t: f64::NAN,
            degrees_of_freedom: f64::NAN,
            p_value: f64::NAN,
            n: x.len(),
            method: options.method,
            alternative: options.alternative,
            interval: Some(Interval::undefined(options.level)),
        });
    };
    let n = x.len();
    require_count("a correlation", 3, n)?;
    let rx = Ranked::new(&x);
    let ry = Ranked::new(&y);
    for (name, ranked) in [("x", &rx), ("y", &ry)] {
        if ranked.is_constant() {
            return Err(Error::ConstantInput { name });
        }
    }
    let rho = coefficient(&rx.ranks, &ry.ranks)?;
    let differences = rx
        .ranks
        .iter()
        .zip(&ry.ranks)
        .map(|(a, b)| (a - b) * (a - b))
        .sum();
    let degrees = n as f64 - 2.0;
    let ties = rx.has_ties() || ry.has_ties();
    let method = resolve(options.method, n, ties)?;
    let p_value = match method {
        SpearmanMethod::Exact => {
            let tails = spearman_tails_exact(differences, n)?;
            options.alternative.from_tails(tails.less, tails.greater)
        }
        SpearmanMethod::As89 => {
            let tails = spearman_tails_as89(differences, n)?;
            options.alternative.from_tails(tails.less, tails.greater)
        }
        SpearmanMethod::Permutation { permutations, seed } => {
            permute_correlation(&rx.ranks, &ry.ranks, None, permutations, seed)?
                .p_value(options.alternative)
        }
        SpearmanMethod::T | SpearmanMethod::Auto => {
            correlation_p_value(rho, degrees, options.alternative)
        }
    };
    let interval = if n > 3 {
        Some(correlation_interval(
            rho,
            n,
            options.level,
            CorrelationInterval::BonettWright,
        )?)
    } else {
        None
    };
    Ok(Spearman {
        statistic: rho,
        sum_squared_differences: differences,
        t: t_statistic(rho, degrees),
        degrees_of_freedom: degrees,
        p_value,
        n,
        method,
        alternative: options.alternative,
        interval,
    })
}

/// The method that `Auto` stands for; an error where the method asked for does not apply.
fn resolve(method: SpearmanMethod, n: usize, ties: bool) -> Result<SpearmanMethod> {
    match method {
        SpearmanMethod::Exact if ties => Err(Error::Ties {
            method: "the exact distribution of ρ",
        }),
        SpearmanMethod::As89 if ties => Err(Error::Ties { method: "AS 89" }),
        SpearmanMethod::Exact if n > SPEARMAN_EXACT_LIMIT => Err(Error::TooManyObservations {
            what: "the exact distribution of ρ",
            limit: SPEARMAN_EXACT_LIMIT,
            got: n,
        }),
        SpearmanMethod::Auto if ties || n >= 1290 => Ok(SpearmanMethod::T),
        SpearmanMethod::Auto if n <= 9 => Ok(SpearmanMethod::Exact),
        SpearmanMethod::Auto => Ok(SpearmanMethod::As89),
        given => Ok(given),
    }
}
