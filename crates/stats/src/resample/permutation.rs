//! Random permutations of one variable against another.

use super::random::{PER_STREAM, Stream, streams};
use crate::moments::{centred, dot};
use crate::sample::{require_count, require_equal_lengths, require_moderate};
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
        random.shuffle_with(y, |i, y| sum += x[i] * y);
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
        return (order, std::iter::once(0..n).collect());
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

/// Options of [`permutation_test`] and [`sign_flip_test`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
pub struct PermutationOptions {
    /// Permutations drawn.
    pub permutations: usize,
    /// Seed of the random streams.
    pub seed: u64,
}

impl Default for PermutationOptions {
    fn default() -> Self {
        Self {
            permutations: 9999,
            seed: 0,
        }
    }
}

/// Permutation test of any statistic, freely or within blocks.
///
/// ```text
/// p = (#{b : T(π_b) ≥ T(identity)} + 1) / (B + 1)      and likewise for ≤
/// ```
///
/// `statistic` receives a rearrangement of 0..n: position i takes the label (or the y) of the index
/// found there. Within blocks only members of the same block change places, which is what a design with
/// several treatments per fish allows.
///
/// # Errors
///
/// [`Error::TooFewObservations`] below two observations, [`Error::LengthMismatch`],
/// [`Error::OutOfRange`] for no permutations, [`Error::UndefinedStatistic`].
///
/// # Source
///
/// `scipy.stats.permutation_test` (`permutation_type="pairings"`), without its blocks.
///
/// # Examples
///
/// ```
/// use cam_stats::{Alternative, permutation_test};
/// let value = [1.0, 2.0, 3.0, 4.0, 11.0, 12.0, 13.0, 14.0];
/// let treated = [false, false, false, false, true, true, true, true];
/// let difference = |order: &[usize]| -> f64 {
///     order.iter().zip(&value).map(|(&i, v)| if treated[i] { *v } else { -v }).sum()
/// };
/// let null = permutation_test(8, None, difference, &Default::default())?;
/// // Two of the 70 assignments are as extreme.
/// assert!((null.p_value(Alternative::TwoSided) - 2.0 / 70.0).abs() < 0.01);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn permutation_test<F: Fn(&[usize]) -> f64 + Sync>(
    n: usize,
    blocks: Option<&[usize]>,
    statistic: F,
    options: &PermutationOptions,
) -> Result<PermutationNull> {
    require_count("a permutation test", 2, n)?;
    if let Some(blocks) = blocks {
        require_equal_lengths("observations", n, "blocks", blocks.len())?;
    }
    let (order, ranges) = block_order(n, blocks);
    let start: Vec<usize> = (0..n).collect();
    count_against(
        &statistic,
        options,
        &start,
        |random, target, scratch: &mut Vec<usize>| {
            scratch.clone_from(&order);
            for range in &ranges {
                random.shuffle(&mut scratch[range.clone()]);
            }
            for (&place, &index) in order.iter().zip(scratch.iter()) {
                target[place] = index;
            }
        },
    )
}

/// Sign-flip test of the mean of paired differences, one sign per cluster.
///
/// ```text
/// T = Σ over clusters c of ±Σ over i in c of d_i
/// ```
///
/// Under the null hypothesis the differences of a cluster (a fish) are as likely to be reversed; all its
/// members turn together, so that dependence inside clusters does no harm.
///
/// # Errors
///
/// [`Error::TooFewObservations`] below two clusters, [`Error::LengthMismatch`],
/// [`Error::NanInput`], [`Error::NonFinite`], [`Error::OutOfRange`] for no permutations.
///
/// # Source
///
/// `scipy.stats.permutation_test(permutation_type="samples")` of paired data; Winkler et al., *NeuroImage*
/// 92 (2014) 381, for whole blocks.
///
/// # Examples
///
/// ```
/// use cam_stats::{Alternative, sign_flip_test};
/// let null = sign_flip_test(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], None, &Default::default())?;
/// // Two of the 64 choices of signs are as extreme.
/// assert!((null.p_value(Alternative::TwoSided) - 2.0 / 64.0).abs() < 0.01);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn sign_flip_test(
    differences: &[f64],
    clusters: Option<&[usize]>,
    options: &PermutationOptions,
) -> Result<PermutationNull> {
    require_moderate("differences", differences)?;
    let n = differences.len();
    let sums: Vec<f64> = match clusters {
        None => differences.to_vec(),
        Some(labels) => {
            require_equal_lengths("differences", n, "clusters", labels.len())?;
            let (order, ranges) = block_order(n, Some(labels));
            let sum = |range: Range<usize>| order[range].iter().map(|&i| differences[i]).sum();
            ranges.into_iter().map(sum).collect()
        }
    };
    require_count("a sign-flip test (clusters)", 2, sums.len())?;
    let start = vec![0usize; sums.len()];
    let statistic = |flipped: &[usize]| {
        let signed = sums
            .iter()
            .zip(flipped)
            .map(|(s, f)| if *f == 1 { -s } else { *s });
        signed.sum::<f64>() / n as f64
    };
    count_against(&statistic, options, &start, |random, target, _| {
        for flip in target.iter_mut() {
            *flip = usize::from(random.coin());
        }
    })
}

/// Draws rearrangements and counts how the statistic compares with that of `start`.
fn count_against(
    statistic: &(dyn Fn(&[usize]) -> f64 + Sync),
    options: &PermutationOptions,
    start: &[usize],
    draw: impl Fn(&mut Stream, &mut [usize], &mut Vec<usize>) + Sync,
) -> Result<PermutationNull> {
    check_permutations(options.permutations)?;
    let observed = statistic(start);
    if observed.is_nan() {
        return Err(Error::NanInput {
            name: "statistic of the data",
            index: 0,
        });
    }
    // SciPy's tolerance for values that differ by rounding only.
    let slack = 1e-14 * observed.abs();
    let work: Vec<(usize, usize)> = streams(options.permutations).collect();
    let counts: Vec<Result<(usize, usize)>> = work
        .par_iter()
        .map(|&(stream, count)| {
            let mut random = Stream::new(options.seed, stream);
            let mut target = start.to_vec();
            let mut scratch = Vec::new();
            let (mut at_most, mut at_least) = (0, 0);
            for i in 0..count {
                draw(&mut random, &mut target, &mut scratch);
                let value = statistic(&target);
                if value.is_nan() {
                    return Err(Error::UndefinedStatistic {
                        resample: stream * PER_STREAM + i,
                    });
                }
                at_most += usize::from(value <= observed + slack);
                at_least += usize::from(value >= observed - slack);
            }
            Ok((at_most, at_least))
        })
        .collect();
    let (mut at_most, mut at_least) = (0, 0);
    for part in counts {
        let (low, high) = part?;
        at_most += low;
        at_least += high;
    }
    let permutations = options.permutations;
    Ok(PermutationNull {
        statistic: observed,
        at_most,
        at_least,
        permutations,
    })
}
