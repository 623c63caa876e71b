//! Blocks of repeated measures -> Friedman test.

use crate::distribution::{chi_squared_sf, f_sf};
use crate::rank::{Ranked, cubic_minus_linear};
use crate::sample::{Clean, clean_rows, require_count};
use crate::{Error, NanPolicy, Result};

/// Friedman's test with Kendall's W and Iman and Davenport's F.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Friedman {
    /// χ², corrected for ties within blocks.
    pub statistic: f64,
    /// Number of treatments less one.
    pub degrees_of_freedom: f64,
    /// P(χ² > statistic).
    pub p_value: f64,
    /// χ² without the correction for ties.
    pub statistic_uncorrected: f64,
    /// Mean rank per treatment, in [1, k].
    pub mean_ranks: Vec<f64>,
    /// Kendall's coefficient of concordance W in [0, 1], the effect size.
    pub kendalls_w: f64,
    /// The F form, less conservative than χ².
    pub iman_davenport: ImanDavenport,
    /// Blocks used.
    pub blocks: usize,
    /// Treatments compared.
    pub treatments: usize,
    /// Sum of squared ranks over all cells, which post-hoc tests need.
    pub sum_squared_ranks: f64,
}

/// Friedman's statistic as an F ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ImanDavenport {
    /// F = (n − 1)·χ²/(n(k − 1) − χ²); infinite if all blocks agree.
    pub statistic: f64,
    /// k − 1.
    pub numerator_degrees_of_freedom: f64,
    /// (n − 1)(k − 1).
    pub denominator_degrees_of_freedom: f64,
    /// P(F > statistic).
    pub p_value: f64,
    /// F from the χ² without the correction for ties.
    pub statistic_uncorrected: f64,
}

/// Friedman's χ² over blocks, ties corrected.
///
/// ```text
/// χ² = 12·Σ(R_j − n(k + 1)/2)² / (n·k·(k + 1))  /  (1 − Σ(t³ − t)/(n(k³ − k)))
/// W  = χ²/(n(k − 1))
/// ```
///
/// A block is one independent unit (a fish, or the mean of a fillet), not a slice: repeated slices of
/// one fillet make the p-value far too small.
///
/// # Shapes
///
/// `blocks`: `[block, treatment]`, at least two of each.
///
/// # Errors
///
/// [`Error::RaggedRows`], [`Error::TooFewObservations`], [`Error::ConstantInput`] if every block is
/// tied throughout, [`Error::NanInput`].
///
/// # Source
///
/// `scipy.stats.friedmanchisquare`, R `friedman.test`; Iman and Davenport 1980 as in Demšar 2006.
///
/// # Examples
///
/// ```
/// let blocks = [[5.4, 5.5, 5.55], [5.85, 5.7, 5.75], [5.2, 5.6, 5.5], [5.2, 5.3, 5.4]];
/// let test = cam_stats::friedman(&blocks)?;
/// assert_eq!(test.mean_ranks, [1.5, 2.0, 2.5]);
/// assert!((test.statistic - 2.0).abs() < 1e-15 && (test.kendalls_w - 0.25).abs() < 1e-15);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn friedman<B: AsRef<[f64]>>(blocks: &[B]) -> Result<Friedman> {
    friedman_with(blocks, NanPolicy::Raise)
}

/// [`friedman`] with a NaN policy; `omit` drops the whole block.
///
/// # Errors
///
/// As [`friedman`].
///
/// # Source
///
/// `scipy.stats.friedmanchisquare`, which has no `omit`.
///
/// # Examples
///
/// ```
/// use cam_stats::{NanPolicy, friedman, friedman_with};
/// let full = [[1.0, 2.0, 3.0], [1.0, 3.0, 2.0], [1.0, 2.0, 3.0]];
/// let gap = [full[0], [f64::NAN, 1.0, 2.0], full[1], full[2]];
/// assert_eq!(friedman_with(&gap, NanPolicy::Omit)?, friedman(&full)?);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn friedman_with<B: AsRef<[f64]>>(blocks: &[B], nan_policy: NanPolicy) -> Result<Friedman> {
    let treatments = blocks.first().map_or(0, |b| b.as_ref().len());
    require_count("Friedman's test (treatments)", 2, treatments)?;
    let Clean::Data(rows) = clean_rows("blocks", blocks, nan_policy)? else {
        return Ok(undefined(blocks.len(), treatments));
    };
    require_count("Friedman's test (blocks)", 2, rows.len())?;
    let mut rank_sums = vec![0.0; treatments];
    let mut tie_sum = 0.0;
    let mut sum_squared_ranks = 0.0;
    for row in &rows {
        let ranked = Ranked::new(row);
        tie_sum += ranked.tie_sum();
        for (sum, rank) in rank_sums.iter_mut().zip(&ranked.ranks) {
            *sum += rank;
            sum_squared_ranks += rank * rank;
        }
    }
    let (n, k) = (rows.len() as f64, treatments as f64);
    let correction = 1.0 - tie_sum / (n * cubic_minus_linear(treatments));
    if correction <= 0.0 {
        return Err(Error::ConstantInput { name: "blocks" });
    }
    let centre = n * (k + 1.0) / 2.0;
    let spread: f64 = rank_sums.iter().map(|r| (r - centre) * (r - centre)).sum();
    let uncorrected = 12.0 * spread / (n * k * (k + 1.0));
    let statistic = (uncorrected / correction).min(n * (k - 1.0));
    Ok(Friedman {
        statistic,
        degrees_of_freedom: k - 1.0,
        p_value: chi_squared_sf(statistic, k - 1.0),
        statistic_uncorrected: uncorrected,
        mean_ranks: rank_sums.iter().map(|r| r / n).collect(),
        kendalls_w: statistic / (n * (k - 1.0)),
        iman_davenport: iman_davenport(statistic, uncorrected, n, k),
        blocks: rows.len(),
        treatments,
        sum_squared_ranks,
    })
}

fn iman_davenport(statistic: f64, uncorrected: f64, n: f64, k: f64) -> ImanDavenport {
    let f = |chi: f64| (n - 1.0) * chi / (n * (k - 1.0) - chi);
    let denominator = (n - 1.0) * (k - 1.0);
    ImanDavenport {
        statistic: f(statistic),
        numerator_degrees_of_freedom: k - 1.0,
        denominator_degrees_of_freedom: denominator,
        p_value: f_sf(f(statistic), k - 1.0, denominator),
        statistic_uncorrected: f(uncorrected),
    }
}

fn undefined(blocks: usize, treatments: usize) -> Friedman {
    Friedman {
        statistic: f64::NAN,
        degrees_of_freedom: f64::NAN,
        p_value: f64::NAN,
        statistic_uncorrected: f64::NAN,
        mean_ranks: vec![f64::NAN; treatments],
        kendalls_w: f64::NAN,
        iman_davenport: ImanDavenport {
            statistic: f64::NAN,
            numerator_degrees_of_freedom: f64::NAN,
            denominator_degrees_of_freedom: f64::NAN,
            p_value: f64::NAN,
            statistic_uncorrected: f64::NAN,
        },
        blocks,
        treatments,
        sum_squared_ranks: f64::NAN,
    }
}
