//! Values -> mid-ranks.

use crate::{Result, sample::require_not_nan};

/// Mid-ranks, from 1: tied values share the mean of their positions.
///
/// ```text
/// rank(x_i) = #{x_j < x_i} + (#{x_j = x_i} + 1) / 2
/// ```
///
/// The same as `scipy.stats.rankdata` and R's `rank`. Infinities are ranked; 0 and −0 are tied.
///
/// # Errors
///
/// [`Error::NanInput`](crate::Error::NanInput).
///
/// # Source
///
/// `scipy.stats.rankdata`, R `rank(ties.method = "average")`.
///
/// # Examples
///
/// ```
/// assert_eq!(cam_stats::mid_ranks(&[20.0, 10.0, 20.0, 40.0])?, [2.5, 1.0, 2.5, 4.0]);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn mid_ranks(values: &[f64]) -> Result<Vec<f64>> {
    require_not_nan("values", values)?;
    Ok(Ranked::new(values).ranks)
}

/// Mid-ranks with the sizes of the groups of equal values.
pub(crate) struct Ranked {
    pub(crate) ranks: Vec<f64>,
    /// Sizes of groups of two and more.
    pub(crate) ties: Vec<usize>,
}

impl Ranked {
    /// The values are free of NaN.
    pub(crate) fn new(values: &[f64]) -> Self {
        let n = values.len();
        let mut order: Vec<usize> = (0..n).collect();
        // Adding zero turns −0 into 0, which total_cmp would tell apart.
        order.sort_unstable_by(|&a, &b| (values[a] + 0.0).total_cmp(&(values[b] + 0.0)));
        let mut ranks = vec![0.0; n];
        let mut ties = Vec::new();
        let mut start = 0;
        while start < n {
            let mut end = start + 1;
            while end < n && values[order[end]] == values[order[start]] {
                end += 1;
            }
            let rank = (start + 1 + end) as f64 / 2.0;
            for &i in &order[start..end] {
                ranks[i] = rank;
            }
            if end - start > 1 {
                ties.push(end - start);
            }
            start = end;
        }
        Self { ranks, ties }
    }

    pub(crate) fn has_ties(&self) -> bool {
        !self.ties.is_empty()
    }

    /// Σ(t³ − t) over the groups of equal values.
    pub(crate) fn tie_sum(&self) -> f64 {
        self.ties.iter().map(|&t| cubic_minus_linear(t)).sum()
    }

    pub(crate) fn is_constant(&self) -> bool {
        self.ties.first() == Some(&self.ranks.len())
    }
}

pub(crate) fn cubic_minus_linear(t: usize) -> f64 {
    let t = t as f64;
    t * (t * t - 1.0)
}
