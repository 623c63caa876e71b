//! Two independent samples -> Mann–Whitney U.

use crate::distribution::normal_p_value;
use crate::rank::{Ranked, cubic_minus_linear};
use crate::sample::{Clean, clean_sample, require_count};
use crate::{Alternative, Error, NanPolicy, Result};

const EXACT_LIMIT: usize = 200;

/// Where a rank test's p-value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub enum RankTestMethod {
    /// Exact where the sample is small, else the normal approximation (see each test).
    #[default]
    Auto,
    /// All assignments of the observed ranks, tied or not.
    Exact,
    /// Normal approximation with the tie correction.
    Asymptotic {
        /// Whether half a unit is taken off towards the mean.
        continuity: bool,
    },
}

/// Options of [`mann_whitney_with`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
pub struct MannWhitneyOptions {
    /// Source of the p-value. `Auto` is exact if one sample has at most 8 values and there are no
    /// ties, else asymptotic with continuity correction (SciPy).
    pub method: RankTestMethod,
    /// Direction: `Greater` means x tends to be larger than y.
    pub alternative: Alternative,
    /// Treatment of NaN.
    pub nan_policy: NanPolicy,
}

/// Mann–Whitney test.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MannWhitney {
    /// U of x: pairs with x > y, ties counted half.
    pub statistic: f64,
    /// U of y, n_x·n_y − U of x.
    pub statistic_y: f64,
    /// p-value by `method`.
    pub p_value: f64,
    /// Number of values in x.
    pub n_x: usize,
    /// Number of values in y.
    pub n_y: usize,
    /// (U_x − U_y)/(n_x·n_y) in [−1, 1].
    pub rank_biserial: f64,
    /// P(X > Y) + ½P(X = Y) in [0, 1]: common language effect size, area under the ROC curve.
    pub common_language: f64,
    /// The method that gave the p-value, never `Auto`.
    pub method: RankTestMethod,
    /// Direction of the test.
    pub alternative: Alternative,
}

/// Mann–Whitney U (Wilcoxon rank-sum) test of two independent samples.
///
/// ```text
/// U = R_x − n_x(n_x + 1)/2      z = (U − n_x·n_y/2 ∓ ½)/s
/// s² = n_x·n_y/12·[N + 1 − Σ(t³ − t)/(N(N − 1))]
/// ```
///
/// # Errors
///
/// [`Error::TooFewObservations`], [`Error::NanInput`], [`Error::ConstantInput`] if all values are
/// equal.
///
/// # Source
///
/// `scipy.stats.mannwhitneyu`, R `wilcox.test`. With ties the exact p-value here is conditional on
/// them (R package `coin`); SciPy's ignores them.
///
/// # Examples
///
/// ```
/// let x = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
/// let test = cam_stats::mann_whitney(&x, &[1.15, 0.88, 0.90, 0.74, 1.21])?;
/// assert_eq!((test.statistic, test.common_language), (35.0, 0.7));
/// assert!((test.p_value - 0.2544122544122544).abs() < 1e-14);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn mann_whitney(x: &[f64], y: &[f64]) -> Result<MannWhitney> {
    mann_whitney_with(x, y, &MannWhitneyOptions::default())
}

/// [`mann_whitney`] with options.
///
/// # Errors
///
/// As [`mann_whitney`]; [`Error::TooManyObservations`] for an exact test of more than 200 values.
///
/// # Source
///
/// `scipy.stats.mannwhitneyu` with `alternative`, `method` and `use_continuity`; R `wilcox.test`.
///
/// # Examples
///
/// ```
/// use cam_stats::{MannWhitneyOptions, RankTestMethod, mann_whitney_with};
/// let exact = MannWhitneyOptions { method: RankTestMethod::Exact, ..Default::default() };
/// // One of the ten ways to choose two of five ranks is as low, one as high.
/// let u = mann_whitney_with(&[1.0, 2.0], &[3.0, 4.0, 5.0], &exact)?;
/// assert!((u.p_value - 0.2).abs() < 1e-15);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn mann_whitney_with(
    x: &[f64],
    y: &[f64],
    options: &MannWhitneyOptions,
) -> Result<MannWhitney> {
    let (Clean::Data(x), Clean::Data(y)) = (
        clean_sample("x", x, options.nan_policy)?,
        clean_sample("y", y, options.nan_policy)?,
    ) else {
        return Ok(MannWhitney {
            statistic: f64::NAN,
            statistic_y: f64::NAN,
            p_value: f64::NAN,
            n_x: x.len(),
            n_y: y.len(),
            rank_biserial: f64::NAN,
            common_language: f64::NAN,
            method: options.method,
            alternative: options.alternative,
        });
    };
    let (n_x, n_y) = (x.len(), y.len());
    require_count("the Mann–Whitney test (x)", 1, n_x)?;
    require_count("the Mann–Whitney test (y)", 1, n_y)?;
    let pooled: Vec<f64> = x.iter().chain(y.iter()).copied().collect();
    let ranked = Ranked::new(&pooled);
    if ranked.is_constant() {
        return Err(Error::ConstantInput { name: "x and y" });
    }
    let rank_sum: f64 = ranked.ranks[..n_x].iter().sum();
    let u_x = rank_sum - (n_x * (n_x + 1)) as f64 / 2.0;
    let pairs = (n_x * n_y) as f64;
    let method = match options.method {
        RankTestMethod::Auto
            if n_x.min(n_y) <= 8 && !ranked.has_ties() && n_x + n_y <= EXACT_LIMIT =>
        {
            RankTestMethod::Exact
        }
        RankTestMethod::Auto => RankTestMethod::Asymptotic { continuity: true },
        given => given,
    };
    let p_value = match method {
        RankTestMethod::Asymptotic { continuity } => asymptotic(
            u_x,
            n_x,
            n_y,
            ranked.tie_sum(),
            continuity,
            options.alternative,
        ),
        RankTestMethod::Exact | RankTestMethod::Auto => {
            exact(&ranked.ranks, n_x, options.alternative)?
        }
    };
    Ok(MannWhitney {
        statistic: u_x,
        statistic_y: pairs - u_x,
        p_value,
        n_x,
        n_y,
        rank_biserial: 2.0 * u_x / pairs - 1.0,
        common_language: u_x / pairs,
        method,
        alternative: options.alternative,
    })
}

fn asymptotic(
    u: f64,
    n_x: usize,
    n_y: usize,
    tie_sum: f64,
    continuity: bool,
    alternative: Alternative,
) -> f64 {
    let total = n_x + n_y;
    let n = total as f64;
    let pairs = (n_x * n_y) as f64;
    let s = (pairs / 12.0 * (n + 1.0 - tie_sum * (n + 1.0) / cubic_minus_linear(total))).sqrt();
    let half = if continuity { 0.5 } else { 0.0 };
    let distance = u - pairs / 2.0;
    let z = match alternative {
        Alternative::Greater => (distance - half) / s,
        Alternative::Less => (distance + half) / s,
        Alternative::TwoSided => return two_sided(((distance.abs()) - half) / s),
    };
    normal_p_value(z, alternative)
}

/// min(1, 2·P(Z > z)), where z is below zero if the correction exceeds the distance.
fn two_sided(z: f64) -> f64 {
    (2.0 * normal_p_value(z, Alternative::Greater)).min(1.0)
}

/// Counts the ways to give the first sample its ranks, by rank sum.
fn exact(ranks: &[f64], n_x: usize, alternative: Alternative) -> Result<f64> {
    if ranks.len() > EXACT_LIMIT {
        let what = "the exact Mann–Whitney test";
        return Err(Error::TooManyObservations {
            what,
            limit: EXACT_LIMIT,
            got: ranks.len(),
        });
    }
    // Mid-ranks are halves: doubled they index. The smaller sample needs the smaller table.
    let doubled: Vec<usize> = ranks.iter().map(|r| (2.0 * r) as usize).collect();
    let first = n_x * 2 <= ranks.len();
    let side = if first {
        &doubled[..n_x]
    } else {
        &doubled[n_x..]
    };
    let observed: usize = side.iter().sum();
    let size = side.len();
    let width = doubled.iter().sum::<usize>() + 1;
    let mut counts = vec![vec![0.0f64; width]; size + 1];
    counts[0][0] = 1.0;
    let mut reached = 0;
    for (placed, &rank) in doubled.iter().enumerate() {
        for taken in (0..size.min(placed + 1)).rev() {
            let (low, high) = counts.split_at_mut(taken + 1);
            for (sum, count) in low[taken][..=reached].iter().enumerate() {
                high[0][sum + rank] += count;
            }
        }
        reached += rank;
    }
    let all = &counts[size];
    let total: f64 = all.iter().sum();
    let below = all[..=observed].iter().sum::<f64>() / total;
    let above = all[observed..].iter().sum::<f64>() / total;
    let (less, greater) = if first {
        (below, above)
    } else {
        (above, below)
    };
    Ok(alternative.from_tails(less.min(1.0), greater.min(1.0)))
}
