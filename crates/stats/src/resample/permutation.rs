//! Random permutations of one variable against another.

use super::random::{Stream, streams};
use crate::moments::{centred, dot};
use crate::{Alternative, Error, Result};
use rayon::prelude::*;
use std::ops::Range;

/// How a statistic compares with its values on permuted data.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PermutationNull {
    /// The statistic on the data as given.
    pub statistic: f64,
    /// Permutations with a value not above the statistic.
    pub at_most: usize,
    /// Permutations with a value not below the statistic.
    pub at_least: usize,
    /// Permutations drawn.
    pub permutations: usize,
}

impl PermutationNull {
    /// The p-value, with the data counted as one of the permutations.
    ///
    /// ```text
    /// less: (at_most + 1)/(N + 1)    greater: (at_least + 1)/(N + 1)    two-sided: twice the smaller
    /// ```
    ///
    /// Never zero; the same as `scipy.stats.permutation_test`.
    #[must_use]
    pub fn p_value(&self, alternative: Alternative) -> f64 {
        let share = |count: usize| (count + 1) as f64 / (self.permutations + 1) as f64;
        alternative.from_tails(share(self.at_most), share(self.at_least))
    }
}

/// Permutes y against x, within blocks if given, and counts correlations.
///
/// The caller has made sure that neither is constant.
pub(crate) fn permute_correlation(
    x: &[f64],
    y: &[f64],
    blocks: Option<&[usize]>,
    permutations: usize,
    seed: u64,
) -> Result<PermutationNull> {
    check_permutations(permutations)?;
    let (order, ranges) = block_order(x.len(), blocks);
    let arrange = |values: &[f64]| -> Vec<f64> {
        let deviations = centred(values);
        order.iter().map(|&i| deviations[i]).collect()
    };
    let (x, y) = (arrange(x), arrange(y));
    let observed = dot(&x, &y);
    let scale = (dot(&x, &x) * dot(&y, &y)).sqrt();
    // Values that differ by rounding only are ties.
    let slack = 1e-13 * scale;
    let work: Vec<(usize, usize)> = streams(permutations).collect();
    let counts = work.par_iter().map(|&(stream, count)| {
        let mut random = Stream::new(seed, stream);
        let mut shuffled = y.clone();
        let (mut at_most, mut at_least) = (0, 0);
        for _ in 0..count {
            let value = shuffled_dot(&x, &mut shuffled, &ranges, &mut random);
            at_most += usize::from(value <= observed + slack);
            at_least += usize::from(value >= observed - slack);
        }
        (at_most, at_least)
    });
    let (at_most, at_least) = counts.reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    Ok(PermutationNull {
        statistic: observed / scale,
        at_most,
        at_least,
        permutations,
    })
}

/// Shuffles `y` within the ranges and returns its product with `x`, formed on the way.
fn shuffled_dot(x: &[f64], y: &mut [f64], ranges: &[Range<usize>], random: &mut Stream) -> f64 {
    let mut sum = 0.0;
    for range in ranges {
        let (x, y) = (&x[range.clone()], &mut y[range.clone()]);
        for i in (1..y.len()).rev() {
            y.swap(i, random.below(i + 1));
            sum += x[i] * y[i];
        }
        sum += x[0] * y[0];
    }
    sum
}

pub(crate) fn check_permutations(permutations: usize) -> Result<()> {
    if permutations == 0 {
        return Err(Error::OutOfRange {
            name: "permutations",
            value: 0.0,
            range: "[1, ∞)",
        });
    }
    Ok(())
}

/// An order that brings each block together, and where the blocks are in it.
pub(crate) fn block_order(n: usize, blocks: Option<&[usize]>) -> (Vec<usize>, Vec<Range<usize>>) {
    let mut order: Vec<usize> = (0..n).collect();
    let Some(blocks) = blocks else {
        return (order, vec![0..n]);
    };
    order.sort_by_key(|&i| blocks[i]);
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for position in 0..n {
        match ranges.last_mut() {
            Some(last) if blocks[order[last.start]] == blocks[order[position]] => {
                last.end = position + 1;
            }
            _ => ranges.push(position..position + 1),
        }
    }
    (order, ranges)
}
