//! Paired samples -> Wilcoxon signed-rank test.

use crate::distribution::normal_p_value;
use crate::mann_whitney::RankTestMethod;
use crate::names::named;
use crate::rank::Ranked;
use crate::sample::{Clean, clean_pair, clean_sample, require_count};
use crate::{Alternative, Error, NanPolicy, Result};
use std::borrow::Cow;

const EXACT_LIMIT: usize = 1000;

named! {
    /// What becomes of differences of zero.
    pub enum ZeroMethod("zero method") {
        /// Dropped before ranking.
        #[default]
        Wilcox = "wilcox",
        /// Ranked, then dropped.
        Pratt = "pratt",
        /// Ranked, and their ranks split between both signs.
        ZSplit = "zsplit",
    }
}

/// Options of [`wilcoxon_with`] and [`wilcoxon_differences`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
pub struct WilcoxonOptions {
    /// Source of the p-value. `Auto` is exact up to 50 differences without ties and zeros, else
    /// asymptotic without continuity correction.
    pub method: RankTestMethod,
    /// Treatment of zeros.
    pub zero_method: ZeroMethod,
    /// Direction: `Greater` means x tends to be larger than y.
    pub alternative: Alternative,
    /// Treatment of NaN.
    pub nan_policy: NanPolicy,
}

/// Wilcoxon signed-rank test.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Wilcoxon {
    /// W⁺, the rank sum of the positive differences (R's V).
    pub statistic: f64,
    /// W⁻, the rank sum of the negative differences; SciPy's two-sided statistic is the smaller.
    pub w_minus: f64,
    /// p-value by `method`.
    pub p_value: f64,
    /// Differences other than zero.
    pub n_nonzero: usize,
    /// Differences of zero.
    pub n_zero: usize,
    /// (W⁺ − W⁻)/(W⁺ + W⁻) in [−1, 1], the matched-pairs rank-biserial correlation.
    pub rank_biserial: f64,
    /// The method that gave the p-value, never `Auto`.
    pub method: RankTestMethod,
    /// Direction of the test.
    pub alternative: Alternative,
}

/// Wilcoxon signed-rank test of paired samples.
///
/// ```text
/// z = (W⁺ − n(n + 1)/4)/s      s² = n(n + 1)(2n + 1)/24 − Σ(t³ − t)/48
/// ```
///
/// Exact p-values count all 2ⁿ signs of the observed ranks, tied or not.
///
/// # Errors
///
/// [`Error::LengthMismatch`], [`Error::TooFewObservations`] if every difference is zero,
/// [`Error::NanInput`].
///
/// # Source
///
/// `scipy.stats.wilcoxon`, R `wilcox.test(paired = TRUE)`.
///
/// # Examples
///
/// ```
/// let x = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
/// let y = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
/// let test = cam_stats::wilcoxon(&x, &y)?;
/// assert_eq!((test.statistic, test.p_value), (40.0, 0.0390625));
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn wilcoxon(x: &[f64], y: &[f64]) -> Result<Wilcoxon> {
    wilcoxon_with(x, y, &WilcoxonOptions::default())
}

/// [`wilcoxon`] with options.
///
/// # Errors
///
/// As [`wilcoxon`]; [`Error::Conflict`] for an exact test with zeros split,
/// [`Error::TooManyObservations`] for an exact test of more than 1000 differences.
///
/// # Source
///
/// `scipy.stats.wilcoxon` with `zero_method`, `alternative`, `method` and `correction`.
///
/// # Examples
///
/// ```
/// use cam_stats::{RankTestMethod, WilcoxonOptions, wilcoxon_with};
/// let exact = WilcoxonOptions { method: RankTestMethod::Exact, ..Default::default() };
/// let found = wilcoxon_with(&[2.0, 4.0, 6.0, 8.0, 10.0], &[1.0, 2.0, 3.0, 4.0, 5.0], &exact)?;
/// // All signs are positive: two of the 32 choices are as extreme.
/// assert_eq!(found.p_value, 0.0625);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn wilcoxon_with(x: &[f64], y: &[f64], options: &WilcoxonOptions) -> Result<Wilcoxon> {
    match clean_pair(x, y, options.nan_policy)? {
        Clean::Undefined => Ok(undefined(options)),
        Clean::Data((x, y)) => {
            let differences = x.iter().zip(y.iter()).map(|(a, b)| a - b).collect();
            from_differences(Cow::Owned(differences), options)
        }
    }
}

/// [`wilcoxon`] of differences already taken.
///
/// # Errors
///
/// As [`wilcoxon_with`].
///
/// # Source
///
/// `scipy.stats.wilcoxon(d)`.
///
/// # Examples
///
/// ```
/// use cam_stats::{wilcoxon, wilcoxon_differences};
/// let found = wilcoxon_differences(&[1.0, -2.0, 3.0], &Default::default())?;
/// assert_eq!(found, wilcoxon(&[1.0, 0.0, 3.0], &[0.0, 2.0, 0.0])?);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn wilcoxon_differences(differences: &[f64], options: &WilcoxonOptions) -> Result<Wilcoxon> {
    match clean_sample("differences", differences, options.nan_policy)? {
        Clean::Undefined => Ok(undefined(options)),
        Clean::Data(d) => from_differences(d, options),
    }
}

fn undefined(options: &WilcoxonOptions) -> Wilcoxon {
    Wilcoxon {
        statistic: f64::NAN,
        w_minus: f64::NAN,
        p_value: f64::NAN,
        n_nonzero: 0,
        n_zero: 0,
        rank_biserial: f64::NAN,
        method: options.method,
        alternative: options.alternative,
    }
}

fn from_differences(d: Cow<'_, [f64]>, options: &WilcoxonOptions) -> Result<Wilcoxon> {
    if let Some(index) = d.iter().position(|v| v.is_nan()) {
        return Err(Error::NanInput {
            name: "differences",
            index,
        });
    }
    let n_zero = d.iter().filter(|v| **v == 0.0).count();
    let n_nonzero = d.len() - n_zero;
    require_count(
        "the signed-rank test (differences other than zero)",
        1,
        n_nonzero,
    )?;
    let kept: Vec<f64> = match options.zero_method {
        ZeroMethod::Wilcox => d.iter().copied().filter(|v| *v != 0.0).collect(),
        ZeroMethod::Pratt | ZeroMethod::ZSplit => d.into_owned(),
    };
    let magnitudes: Vec<f64> = kept.iter().map(|v| v.abs()).collect();
    let ranked = Ranked::new(&magnitudes);
    let sum = |keep: fn(f64) -> bool| -> f64 {
        kept.iter()
            .zip(&ranked.ranks)
            .filter(|(v, _)| keep(**v))
            .map(|(_, r)| r)
            .sum()
    };
    let mut plus = sum(|v| v > 0.0);
    let mut minus = sum(|v| v < 0.0);
    if options.zero_method == ZeroMethod::ZSplit {
        let zero = sum(|v| v == 0.0);
        plus += zero / 2.0;
        minus += zero / 2.0;
    }
    let tie_sum: f64 = tie_sum(&kept, options.zero_method);
    let method = match options.method {
        RankTestMethod::Auto if kept.len() <= 50 && n_zero == 0 && !ranked.has_ties() => {
            RankTestMethod::Exact
        }
        RankTestMethod::Auto => RankTestMethod::Asymptotic { continuity: false },
        given => given,
    };
    let p_value = match method {
        RankTestMethod::Asymptotic { continuity } => {
            let zeros = if options.zero_method == ZeroMethod::Pratt {
                n_zero
            } else {
                0
            };
            asymptotic(
                plus,
                kept.len(),
                zeros,
                tie_sum,
                continuity,
                options.alternative,
            )
        }
        RankTestMethod::Exact | RankTestMethod::Auto => {
            if options.zero_method == ZeroMethod::ZSplit && n_zero > 0 {
                return Err(Error::Conflict("the exact signed-rank test", "split zeros"));
            }
            let nonzero = kept.iter().zip(&ranked.ranks).filter(|(v, _)| **v != 0.0);
            let ranks: Vec<f64> = nonzero.map(|(_, r)| *r).collect();
            exact(&ranks, plus, options.alternative)?
        }
    };
    Ok(Wilcoxon {
        statistic: plus,
        w_minus: minus,
        p_value,
        n_nonzero,
        n_zero,
        rank_biserial: (plus - minus) / (plus + minus),
        method,
        alternative: options.alternative,
    })
}

/// Σ(t³ − t) over equal magnitudes; Pratt's zeros have their own term and do not count.
fn tie_sum(kept: &[f64], zero_method: ZeroMethod) -> f64 {
    let counted = kept
        .iter()
        .filter(|v| zero_method == ZeroMethod::ZSplit || **v != 0.0);
    let magnitudes: Vec<f64> = counted.map(|v| v.abs()).collect();
    Ranked::new(&magnitudes).tie_sum()
}

fn asymptotic(
    plus: f64,
    n: usize,
    zeros: usize,
    tie_sum: f64,
    continuity: bool,
    alternative: Alternative,
) -> f64 {
    let (n, z) = (n as f64, zeros as f64);
    let mean = (n * (n + 1.0) - z * (z + 1.0)) / 4.0;
    let cubes = n * (n + 1.0) * (2.0 * n + 1.0) - z * (z + 1.0) * (2.0 * z + 1.0);
    let s = ((cubes - tie_sum / 2.0) / 24.0).sqrt();
    let half = if continuity { 0.5 } else { 0.0 };
    let distance = plus - mean;
    let shifted = match alternative {
        Alternative::Greater => distance - half,
        Alternative::Less => distance + half,
        Alternative::TwoSided if distance == 0.0 => 0.0,
        Alternative::TwoSided => distance - half * distance.signum(),
    };
    normal_p_value(shifted / s, alternative)
}

/// Probability of each rank sum over random signs.
fn exact(ranks: &[f64], plus: f64, alternative: Alternative) -> Result<f64> {
    if ranks.len() > EXACT_LIMIT {
        let what = "the exact signed-rank test";
        return Err(Error::TooManyObservations {
            what,
            limit: EXACT_LIMIT,
            got: ranks.len(),
        });
    }
    let doubled: Vec<usize> = ranks.iter().map(|r| (2.0 * r) as usize).collect();
    let mut chance = vec![0.0f64; doubled.iter().sum::<usize>() + 1];
    chance[0] = 1.0;
    let mut reached = 0;
    for &rank in &doubled {
        for sum in (0..=reached).rev() {
            chance[sum] *= 0.5;
            chance[sum + rank] += chance[sum];
        }
        reached += rank;
    }
    let observed = (2.0 * plus) as usize;
    let less = chance[..=observed].iter().sum::<f64>().min(1.0);
    let greater = chance[observed..].iter().sum::<f64>().min(1.0);
    Ok(alternative.from_tails(less, greater))
}
