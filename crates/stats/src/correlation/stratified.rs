//! Spearman's correlation inside strata, taken together.

use super::pearson::coefficient;
use crate::moments::centred;
use crate::rank::Ranked;
use crate::resample::{block_order, permute_correlation};
use crate::sample::{require_count, require_equal_lengths, require_not_nan};
use crate::{Alternative, Error, Result};

/// Options of [`stratified_spearman`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
pub struct StratifiedOptions {
    /// Permutations drawn.
    pub permutations: usize,
    /// Seed of the permutations.
    pub seed: u64,
    /// Direction of the test.
    pub alternative: Alternative,
}

impl Default for StratifiedOptions {
    fn default() -> Self {
        Self {
            permutations: 9999,
            seed: 0,
            alternative: Alternative::TwoSided,
        }
    }
}

/// ρ of one stratum.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stratum {
    /// Label given by the caller.
    pub label: usize,
    /// Pairs in the stratum.
    pub n: usize,
    /// Spearman's ρ; `None` below three pairs or if x or y is constant here.
    pub statistic: Option<f64>,
}

/// Spearman's ρ pooled over strata.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StratifiedSpearman {
    /// Correlation of the ranks formed inside each stratum, in [−1, 1].
    pub statistic: f64,
    /// p-value by permutation inside strata.
    pub p_value: f64,
    /// ρ of each stratum, by label.
    pub strata: Vec<Stratum>,
    /// All pairs.
    pub n: usize,
    /// Permutations drawn.
    pub permutations: usize,
}

/// Spearman's ρ with a stratifying factor held fixed.
///
/// ```text
/// ρ = Σ_s Σ(rx − r̄x_s)(ry − r̄y_s) / √(Σ_s Σ(rx − r̄x_s)²·Σ_s Σ(ry − r̄y_s)²)
/// ```
///
/// Ranks are formed inside each stratum, so differences between strata (the freezing temperature)
/// neither create nor hide a correlation. y is permuted inside strata only.
///
/// # Shapes
///
/// `x`, `y`, `strata`: one entry per pair; `strata` holds labels.
///
/// # Errors
///
/// [`Error::LengthMismatch`], [`Error::TooFewObservations`], [`Error::ConstantInput`] if x or y is
/// constant inside every stratum, [`Error::NanInput`], [`Error::OutOfRange`] for no permutations.
///
/// # Source
///
/// Pooled within strata as Taylor, *Communications in Statistics* 16 (1987) 3347, weighs them; permuted
/// as by `permute::how(blocks = …)` in R.
///
/// # Examples
///
/// ```
/// use cam_stats::{spearman, stratified_spearman};
/// // Falls inside both groups, although the second group is higher in x and y.
/// let x = [1.0, 2.0, 3.0, 4.0, 11.0, 12.0, 13.0, 14.0];
/// let y = [4.0, 3.0, 2.0, 1.0, 14.0, 13.0, 12.0, 11.0];
/// let pooled = spearman(&x, &y)?;
/// let inside = stratified_spearman(&x, &y, &[0, 0, 0, 0, 1, 1, 1, 1], &Default::default())?;
/// assert!(pooled.statistic > 0.5 && inside.statistic == -1.0);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn stratified_spearman(
    x: &[f64],
    y: &[f64],
    strata: &[usize],
    options: &StratifiedOptions,
) -> Result<StratifiedSpearman> {
    require_equal_lengths("x", x.len(), "y", y.len())?;
    require_equal_lengths("x", x.len(), "strata", strata.len())?;
    require_count("a correlation", 3, x.len())?;
    require_not_nan("x", x)?;
    require_not_nan("y", y)?;
    let (order, ranges) = block_order(x.len(), Some(strata));
    let mut rank_x = Vec::with_capacity(x.len());
    let mut rank_y = Vec::with_capacity(x.len());
    let mut labels = Vec::with_capacity(x.len());
    let mut each = Vec::with_capacity(ranges.len());
    for range in ranges {
        let members = &order[range];
        let take = |values: &[f64]| -> Vec<f64> { members.iter().map(|&i| values[i]).collect() };
        let (rx, ry) = (Ranked::new(&take(x)), Ranked::new(&take(y)));
        let defined = members.len() >= 3 && !rx.is_constant() && !ry.is_constant();
        let statistic = if defined {
            Some(coefficient(&rx.ranks, &ry.ranks)?)
        } else {
            None
        };
        let label = strata[members[0]];
        each.push(Stratum {
            label,
            n: members.len(),
            statistic,
        });
        labels.extend(members.iter().map(|_| label));
        rank_x.extend(centred(&rx.ranks));
        rank_y.extend(centred(&ry.ranks));
    }
    for (name, ranks) in [("x", &rank_x), ("y", &rank_y)] {
        if ranks.iter().all(|r| *r == 0.0) {
            return Err(Error::ConstantInput { name });
        }
    }
    let null = permute_correlation(
        &rank_x,
        &rank_y,
        Some(&labels),
        options.permutations,
        options.seed,
    )?;
    Ok(StratifiedSpearman {
        statistic: null.statistic.clamp(-1.0, 1.0),
        p_value: null.p_value(options.alternative),
        strata: each,
        n: x.len(),
        permutations: options.permutations,
    })
}
