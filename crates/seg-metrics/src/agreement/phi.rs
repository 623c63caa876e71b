//! Several threshold stacks -> the agreement φ at every threshold.

use rayon::prelude::*;

use super::pairs::PairwiseIou;
use crate::error::same_shape;
use crate::{EmptyPolicy, Error, Result, ThresholdStack};

/// Agreement of several heatmaps at every threshold.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Agreement {
    /// The thresholds, in the order of the stacks.
    pub thresholds: Vec<f64>,
    /// What was found at each threshold.
    pub levels: Vec<PairwiseIou>,
}

impl Agreement {
    /// φ at threshold number `threshold`: the mean IoU of the pairs that are defined. `None` beyond
    /// the last threshold.
    pub fn phi(&self, threshold: usize) -> Option<f64> {
        self.levels.get(threshold).map(|level| level.phi)
    }

    /// Number of pairs that are both empty at threshold number `threshold`.
    pub fn n_undefined(&self, threshold: usize) -> Option<usize> {
        self.levels.get(threshold).map(|level| level.n_undefined)
    }

    /// φ expected from the coverages alone at threshold number `threshold`.
    pub fn expected_phi(&self, threshold: usize) -> Option<f64> {
        self.levels.get(threshold).map(|level| level.expected_phi)
    }
}

/// Agreement φ of several heatmaps at every threshold: the mean IoU of all pairs of masks.
///
/// ```text
/// φ(t) = 2 / (n (n − 1)) · Σ over i < j of |Mᵢ(t) ∩ Mⱼ(t)| / |Mᵢ(t) ∪ Mⱼ(t)|
/// ```
///
/// The stacks may be methods of one network (φ_m), networks under one method (φ_c), seeds, or
/// anything else. Pairs that are both empty become what `policy` says and are counted in any case;
/// coverage and the φ expected by chance stand beside φ.
///
/// # Shapes
///
/// `stacks`: at least two, of one shape, with the same thresholds and region of interest.
///
/// # Errors
///
/// [`Error::TooFew`] with fewer than two stacks; [`Error::ShapeMismatch`],
/// [`Error::ThresholdMismatch`] or [`Error::RegionMismatch`] if they do not match;
/// [`Error::Undefined`] if two masks are empty under [`EmptyPolicy::Error`].
///
/// # Source
///
/// Syed et al. 2023, Eq. 17 and 18. The released code counts a pair of empty masks as 1
/// ([`EmptyPolicy::One`]).
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{Comparison, EmptyPolicy, ThresholdStack, pairwise_agreement};
///
/// let one = array![[0.9_f32, 0.6], [0.3, 0.1]];
/// let two = array![[0.6_f32, 0.2], [0.3, 0.1]];
/// let stack = |heat: &ndarray::Array2<f32>| {
///     ThresholdStack::new(heat.view(), &[0.5, 0.95], Comparison::AtLeast, None)
/// };
/// let (one, two) = (stack(&one)?, stack(&two)?);
/// let found = pairwise_agreement(&[&one, &two], EmptyPolicy::Nan)?;
/// assert_eq!(found.phi(0), Some(0.5));
/// assert_eq!(found.n_undefined(1), Some(1));
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn pairwise_agreement(stacks: &[&ThresholdStack], policy: EmptyPolicy) -> Result<Agreement> {
    let [first, rest @ ..] = stacks else {
        return Err(Error::TooFew {
            what: "stacks",
            needed: 2,
            got: 0,
        });
    };
    if rest.is_empty() {
        return Err(Error::TooFew {
            what: "stacks",
            needed: 2,
            got: 1,
        });
    }
    for (at, stack) in rest.iter().enumerate() {
        same_shape("first stack", first.shape(), "another stack", stack.shape())?;
        check_match(first, stack, at + 1)?;
    }
    let mut areas = vec![0; stacks.len()];
    let mut levels = Vec::with_capacity(first.len());
    for t in 0..first.len() {
        for (area, stack) in areas.iter_mut().zip(stacks) {
            *area = stack.count(t);
        }
        let intersection = |a: usize, b: usize| stacks[a].intersection(t, stacks[b]);
        levels.push(PairwiseIou::from_counts(
            &areas,
            first.region_count(),
            intersection,
            policy,
        )?);
    }
    Ok(Agreement {
        thresholds: first.thresholds().to_vec(),
        levels,
    })
}

/// Agreement of every slice of a scan, in parallel, holding the stacks of only as many slices as
/// there are threads.
///
/// ```text
/// result[s] = pairwise_agreement(stacks_of(s))
/// ```
///
/// `stacks_of(i)` makes the stacks of slice `i`; the result is in the order of the slices, whatever
/// the number of threads.
///
/// # Errors
///
/// The error of the first slice that has one, from `stacks_of` or as in [`pairwise_agreement`].
///
/// # Source
///
/// Syed et al. 2023, Eq. 17 and 18, slice by slice as in their step 5.
///
/// # Examples
///
/// ```
/// use ndarray::Array2;
/// use seg_metrics::{Comparison, EmptyPolicy, ThresholdStack, agreement_per_slice};
///
/// let stacks_of = |slice: usize| {
///     [0.0_f32, 0.1].into_iter().map(|shift| {
///         let heat = Array2::from_elem((8, 8), 0.1 * slice as f32 + shift);
///         ThresholdStack::new(heat.view(), &[0.5], Comparison::AtLeast, None)
///     }).collect()
/// };
/// let per_slice = agreement_per_slice(8, stacks_of, EmptyPolicy::Nan)?;
/// assert_eq!(per_slice[7].phi(0), Some(1.0));
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn agreement_per_slice(
    slices: usize,
    stacks_of: impl Fn(usize) -> Result<Vec<ThresholdStack>> + Sync,
    policy: EmptyPolicy,
) -> Result<Vec<Agreement>> {
    let found: Vec<Result<Agreement>> = (0..slices)
        .into_par_iter()
        .map(|slice| {
            let stacks = stacks_of(slice)?;
            pairwise_agreement(&stacks.iter().collect::<Vec<_>>(), policy)
        })
        .collect();
    found.into_iter().collect()
}

fn check_match(first: &ThresholdStack, stack: &ThresholdStack, at: usize) -> Result<()> {
    if first.thresholds() != stack.thresholds() || first.comparison() != stack.comparison() {
        return Err(Error::ThresholdMismatch {
            stack: at,
            left: first.thresholds().to_vec(),
            right: stack.thresholds().to_vec(),
        });
    }
    if first.region() != stack.region() {
        return Err(Error::RegionMismatch {
            stack: at,
            left: first.region_count(),
            right: stack.region_count(),
        });
    }
    Ok(())
}
