//! Independent groups -> Kruskal–Wallis test.

use crate::distribution::chi_squared_sf;
use crate::rank::{Ranked, cubic_minus_linear};
use crate::sample::{Clean, clean_groups, require_count};
use crate::{Error, NanPolicy, Result};

/// Kruskal–Wallis test with effect sizes.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct KruskalWallis {
    /// H, corrected for ties.
    pub statistic: f64,
    /// Number of groups less one.
    pub degrees_of_freedom: f64,
    /// P(χ² > H).
    pub p_value: f64,
    /// All observations.
    pub n: usize,
    /// Observations per group.
    pub group_sizes: Vec<usize>,
    /// Mean rank per group.
    pub mean_ranks: Vec<f64>,
    /// Effect sizes of H.
    pub effect: KruskalEffect,
}

/// Effect sizes of a Kruskal–Wallis H.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct KruskalEffect {
    /// ε² = H/(N − 1), in [0, 1].
    pub epsilon_squared: f64,
    /// η²_H = (H − k + 1)/(N − k), at most 1; negative below chance.
    pub eta_squared: f64,
}

/// Kruskal–Wallis H with the χ² approximation, ties corrected.
///
/// ```text
/// H = 12/(N(N + 1))·Σ n_i·(r̄_i − (N + 1)/2)²  /  (1 − Σ(t³ − t)/(N³ − N))
/// ```
///
/// For **independent** observations. Values of the same slice, fillet or fish under several
/// treatments are blocks: use [`friedman`](crate::friedman).
///
/// # Shapes
///
/// `groups`: at least two, none empty, more observations than groups.
///
/// # Errors
///
/// [`Error::TooFewObservations`], [`Error::ConstantInput`] if all values are equal,
/// [`Error::NanInput`].
///
/// # Source
///
/// `scipy.stats.kruskal`, R `kruskal.test`; ε² and η² as in Tomczak and Tomczak 2014.
///
/// # Examples
///
/// ```
/// let groups: [&[f64]; 3] =
///     [&[2.9, 3.0, 2.5, 2.6, 3.2], &[3.8, 2.7, 4.0, 2.4], &[2.8, 3.4, 3.7, 2.2, 2.0]];
/// let test = cam_stats::kruskal_wallis(&groups)?;
/// assert!((test.statistic - 0.7714285714285714).abs() < 1e-14);
/// assert!((test.p_value - 0.6799647735788936).abs() < 1e-14);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn kruskal_wallis<G: AsRef<[f64]>>(groups: &[G]) -> Result<KruskalWallis> {
    kruskal_wallis_with(groups, NanPolicy::Raise)
}

/// [`kruskal_wallis`] with a NaN policy.
///
/// # Errors
///
/// As [`kruskal_wallis`].
///
/// # Source
///
/// `scipy.stats.kruskal` with `nan_policy`.
///
/// # Examples
///
/// ```
/// use cam_stats::{NanPolicy, kruskal_wallis, kruskal_wallis_with};
/// let gap = [vec![1.0, 2.0, f64::NAN], vec![3.0, 4.0]];
/// let full = [vec![1.0, 2.0], vec![3.0, 4.0]];
/// assert_eq!(kruskal_wallis_with(&gap, NanPolicy::Omit)?, kruskal_wallis(&full)?);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn kruskal_wallis_with<G: AsRef<[f64]>>(
    groups: &[G],
    nan_policy: NanPolicy,
) -> Result<KruskalWallis> {
    let Clean::Data(clean) = clean_groups(groups, nan_policy)? else {
        let effect = KruskalEffect {
            epsilon_squared: f64::NAN,
            eta_squared: f64::NAN,
        };
        return Ok(KruskalWallis {
            statistic: f64::NAN,
            degrees_of_freedom: f64::NAN,
            p_value: f64::NAN,
            n: groups.iter().map(|g| g.as_ref().len()).sum(),
            group_sizes: groups.iter().map(|g| g.as_ref().len()).collect(),
            mean_ranks: vec![f64::NAN; groups.len()],
            effect,
        });
    };
    let ranked = RankedGroups::new(&clean)?;
    let n = ranked.total as f64;
    let centre = (n + 1.0) / 2.0;
    let between: f64 = ranked
        .mean_ranks
        .iter()
        .zip(&ranked.sizes)
        .map(|(mean, &size)| size as f64 * (mean - centre) * (mean - centre))
        .sum();
    let h = 12.0 / (n * (n + 1.0)) * between / ranked.tie_correction;
    let degrees = (groups.len() - 1) as f64;
    Ok(KruskalWallis {
        statistic: h,
        degrees_of_freedom: degrees,
        p_value: chi_squared_sf(h, degrees),
        n: ranked.total,
        effect: kruskal_effect(h, groups.len(), ranked.total)?,
        group_sizes: ranked.sizes,
        mean_ranks: ranked.mean_ranks,
    })
}

/// Effect sizes of a published H.
///
/// ```text
/// ε² = H/(N − 1)      η²_H = (H − k + 1)/(N − k)
/// ```
///
/// # Errors
///
/// [`Error::TooFewObservations`] unless there are at least two groups and more observations than
/// groups; [`Error::OutOfRange`] for a negative H.
///
/// # Source
///
/// Tomczak and Tomczak, *Trends in Sport Sciences* 1 (2014) 19.
///
/// # Examples
///
/// ```
/// // Syed et al. 2023, Fig. 5A: H = 1793.2 over 6 networks × 752 slices.
/// let effect = cam_stats::kruskal_effect(1793.2, 6, 4512)?;
/// assert!((effect.epsilon_squared - 0.3975).abs() < 1e-4);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn kruskal_effect(h: f64, groups: usize, n: usize) -> Result<KruskalEffect> {
    require_count("a comparison of groups", 2, groups)?;
    require_count("a comparison of groups", groups.saturating_add(1), n)?;
    if !h.is_finite() || h < 0.0 {
        return Err(Error::OutOfRange {
            name: "h",
            value: h,
            range: "[0, ∞)",
        });
    }
    // Whole numbers are subtracted before they are rounded: no difference is zero.
    Ok(KruskalEffect {
        epsilon_squared: h / (n - 1) as f64,
        eta_squared: (h - (groups - 1) as f64) / (n - groups) as f64,
    })
}

/// Groups ranked together.
pub(crate) struct RankedGroups {
    pub(crate) sizes: Vec<usize>,
    pub(crate) mean_ranks: Vec<f64>,
    pub(crate) total: usize,
    /// Σ(t³ − t).
    pub(crate) tie_sum: f64,
    /// 1 − Σ(t³ − t)/(N³ − N).
    pub(crate) tie_correction: f64,
}

impl RankedGroups {
    pub(crate) fn new<G: AsRef<[f64]>>(groups: &[G]) -> Result<Self> {
        require_count("a comparison of groups", 2, groups.len())?;
        let sizes: Vec<usize> = groups.iter().map(|g| g.as_ref().len()).collect();
        for &size in &sizes {
            require_count("each group", 1, size)?;
        }
        let pooled: Vec<f64> = groups
            .iter()
            .flat_map(|g| g.as_ref().iter().copied())
            .collect();
        require_count("a comparison of groups", groups.len() + 1, pooled.len())?;
        let ranked = Ranked::new(&pooled);
        if ranked.is_constant() {
            return Err(Error::ConstantInput { name: "groups" });
        }
        let tie_sum = ranked.tie_sum();
        let mut start = 0;
        let mut mean_ranks = Vec::with_capacity(sizes.len());
        for &size in &sizes {
            let ranks = &ranked.ranks[start..start + size];
            mean_ranks.push(ranks.iter().sum::<f64>() / size as f64);
            start += size;
        }
        let tie_correction = 1.0 - tie_sum / cubic_minus_linear(pooled.len());
        Ok(Self {
            sizes,
            mean_ranks,
            total: pooled.len(),
            tie_sum,
            tie_correction,
        })
    }
}
