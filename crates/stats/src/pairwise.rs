//! What every post-hoc test returns: one line per pair.

use crate::Result;
use crate::adjust::{Adjustment, adjust_p_values};

/// Two groups or treatments compared after an overall test.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PairwiseComparison {
    /// Index of the first group.
    pub first: usize,
    /// Index of the second group, larger than `first`.
    pub second: usize,
    /// Mean rank of the first less mean rank of the second.
    pub difference: f64,
    /// z, t or q, with the sign of the difference.
    pub statistic: f64,
    /// Two-sided p-value of this pair alone.
    pub p_value: f64,
    /// p-value corrected for the number of pairs.
    pub p_adjusted: f64,
}

/// The pairs (0, 1), (0, 2) … (1, 2) … of a post-hoc test.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PairwiseComparisons {
    /// One entry per pair.
    pub pairs: Vec<PairwiseComparison>,
    /// How `p_adjusted` was formed; `none` where the test corrects by itself.
    pub adjustment: Adjustment,
}

impl PairwiseComparisons {
    /// All pairs of mean ranks through `compare`, which gives statistic and p-value of a difference.
    pub(crate) fn new(
        mean_ranks: &[f64],
        adjustment: Adjustment,
        compare: impl Fn(usize, usize, f64) -> (f64, f64),
    ) -> Result<Self> {
        let mut pairs = Vec::new();
        for first in 0..mean_ranks.len() {
            for second in first + 1..mean_ranks.len() {
                let difference = mean_ranks[first] - mean_ranks[second];
                let (statistic, p_value) = compare(first, second, difference);
                let p_adjusted = p_value;
                pairs.push(PairwiseComparison {
                    first,
                    second,
                    difference,
                    statistic,
                    p_value,
                    p_adjusted,
                });
            }
        }
        let raw: Vec<f64> = pairs.iter().map(|p| p.p_value).collect();
        for (pair, adjusted) in pairs.iter_mut().zip(adjust_p_values(&raw, adjustment)?) {
            pair.p_adjusted = adjusted;
        }
        Ok(Self { pairs, adjustment })
    }

    /// The comparison of two groups, in either order.
    #[must_use]
    pub fn between(&self, a: usize, b: usize) -> Option<&PairwiseComparison> {
        let wanted = (a.min(b), a.max(b));
        self.pairs.iter().find(|p| (p.first, p.second) == wanted)
    }
}
