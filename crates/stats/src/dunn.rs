//! Which groups differ, after Kruskal–Wallis.

use crate::distribution::normal_p_value;
use crate::kruskal_wallis::RankedGroups;
use crate::pairwise::PairwiseComparisons;
use crate::sample::require_not_nan;
use crate::{Adjustment, Alternative, Result};

/// Dunn's test: all pairs of groups by their mean ranks in the pooled data, ties corrected.
///
/// ```text
/// z = (r̄_i − r̄_j) / √[(N(N + 1)/12 − Σ(t³ − t)/(12(N − 1)))·(1/n_i + 1/n_j)]
/// ```
///
/// # Errors
///
/// As [`kruskal_wallis`](crate::kruskal_wallis).
///
/// # Source
///
/// Dunn 1964; `scikit_posthocs.posthoc_dunn`, R `dunn.test` (which reports one-sided p-values).
///
/// # Examples
///
/// ```
/// use cam_stats::{Adjustment, dunn_test};
/// let groups = [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0]];
/// let table = dunn_test(&groups, Adjustment::Holm)?;
/// let outer = table.between(0, 2).map(|pair| pair.p_adjusted);
/// assert!(outer.is_some_and(|p| p < 0.01));
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn dunn_test<G: AsRef<[f64]>>(
    groups: &[G],
    adjustment: Adjustment,
) -> Result<PairwiseComparisons> {
    for group in groups {
        require_not_nan("groups", group.as_ref())?;
    }
    let ranked = RankedGroups::new(groups)?;
    let n = ranked.total as f64;
    let variance = n * (n + 1.0) / 12.0 - ranked.tie_sum / (12.0 * (n - 1.0));
    PairwiseComparisons::new(&ranked.mean_ranks, adjustment, |i, j, difference| {
        let sizes = 1.0 / ranked.sizes[i] as f64 + 1.0 / ranked.sizes[j] as f64;
        let z = difference / (variance * sizes).sqrt();
        (z, normal_p_value(z, Alternative::TwoSided))
    })
}
