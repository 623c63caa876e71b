//! Several masks -> the IoU of every pair, and their mean φ.

use ndarray::Array2;

use crate::mask::count;
use crate::{Aggregate, BitMask, EmptyPolicy, Error, Result, chance_corrected_iou, expected_iou};

/// The IoU of every pair of masks, with what is needed to read it.
///
/// Pairs are in the order (0,1), (0,2), …, (0,n−1), (1,2), …
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PairwiseIou {
    /// Mean of the pairs' IoU, leaving out those that are NaN; NaN if all are.
    ///
    /// ```text
    /// φ = mean over pairs i < j of IoU(i, j)
    /// ```
    pub phi: f64,
    /// Number of pairs whose masks are both empty, whatever the policy made of them.
    pub n_undefined: usize,
    /// IoU of each pair, after the policy.
    pub pairs: Vec<f64>,
    /// Fraction of the region that each mask covers.
    pub coverage: Vec<f64>,
    /// Mean over pairs of the IoU expected from the two coverages alone, leaving out pairs that are
    /// both empty; NaN if all are.
    pub expected_phi: f64,
    /// Mean over pairs of (IoU − E) / (1 − E), leaving out pairs that are both empty or both full;
    /// NaN if all are.
    pub chance_corrected_phi: f64,
}

impl PairwiseIou {
    /// Number of masks compared.
    pub fn masks(&self) -> usize {
        self.coverage.len()
    }

    /// Number of pairs.
    pub fn n_pairs(&self) -> usize {
        self.pairs.len()
    }

    /// φ if every pair is defined, NaN otherwise.
    pub fn phi_or_nan(&self) -> f64 {
        self.aggregate().mean_or_nan()
    }

    /// Mean, spread and quartiles of the pairs.
    pub fn aggregate(&self) -> Aggregate {
        Aggregate::of(self.pairs.iter().copied())
    }

    /// Mean of the coverages.
    pub fn mean_coverage(&self) -> f64 {
        self.coverage.iter().sum::<f64>() / self.coverage.len() as f64
    }

    /// IoU of masks `a` and `b`, `None` if either does not exist or they are the same.
    pub fn iou(&self, a: usize, b: usize) -> Option<f64> {
        let (a, b, n) = (a.min(b), a.max(b), self.masks());
        if a == b || b >= n {
            return None;
        }
        self.pairs.get(a * (2 * n - a - 1) / 2 + b - a - 1).copied()
    }

    /// IoU of every mask with every other, 1 on the diagonal.
    ///
    /// ```
    /// use seg_metrics::{BitMask, EmptyPolicy, pairwise_iou};
    /// let masks = [BitMask::full(&[2, 2]), BitMask::empty(&[2, 2])];
    /// let table = pairwise_iou(&masks, None, EmptyPolicy::Nan)?.matrix();
    /// assert_eq!(table, ndarray::array![[1.0, 0.0], [0.0, 1.0]]);
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn matrix(&self) -> Array2<f64> {
        let n = self.masks();
        Array2::from_shape_fn((n, n), |(a, b)| self.iou(a, b).unwrap_or(1.0))
    }

    /// From the area of each mask, the size of the region and the intersection of each pair.
    pub(crate) fn from_counts(
        areas: &[u64],
        region: u64,
        intersection: impl Fn(usize, usize) -> u64,
        policy: EmptyPolicy,
    ) -> Result<Self> {
        let n = areas.len();
        let coverage: Vec<f64> = areas
            .iter()
            .map(|&area| area as f64 / region as f64)
            .collect();
        let mut pairs = Vec::with_capacity(n * n.saturating_sub(1) / 2);
        let mut found = Mean::default();
        let mut expected = Mean::default();
        let mut corrected = Mean::default();
        let mut n_undefined = 0;
        for a in 0..n {
            for b in a + 1..n {
                let both = if areas[a].min(areas[b]) == 0 {
                    0
                } else {
                    intersection(a, b)
                };
                let union = areas[a] + areas[b] - both;
                n_undefined += usize::from(union == 0);
                let iou = policy.ratio(both as f64, union as f64, "iou")?;
                pairs.push(iou);
                found.add(iou);
                if union > 0 {
                    let chance = expected_iou(coverage[a], coverage[b]);
                    expected.add(chance);
                    corrected.add(chance_corrected_iou(iou, chance));
                }
            }
        }
        Ok(Self {
            phi: found.value(),
            n_undefined,
            pairs,
            coverage,
            expected_phi: expected.value(),
            chance_corrected_phi: corrected.value(),
        })
    }
}

/// Running mean that leaves out NaN.
#[derive(Default)]
struct Mean {
    sum: f64,
    n: usize,
}

impl Mean {
    fn add(&mut self, value: f64) {
        if !value.is_nan() {
            self.sum += value;
            self.n += 1;
        }
    }

    fn value(&self) -> f64 {
        self.sum / self.n as f64
    }
}

/// The IoU of every pair of masks inside a region of interest, and their mean φ.
///
/// ```text
/// φ = 2 / (n (n − 1)) · Σ over i < j of |Mᵢ ∩ Mⱼ| / |Mᵢ ∪ Mⱼ|
/// ```
///
/// # Shapes
///
/// `masks`, `region`: any number of axes, equal.
///
/// # Errors
///
/// [`Error::TooFew`] with fewer than two masks; [`Error::ShapeMismatch`] if grids differ;
/// [`Error::Undefined`] if two masks are empty under [`EmptyPolicy::Error`].
///
/// # Source
///
/// Syed et al. 2023, Eq. 17 (methods) and 18 (networks).
///
/// # Examples
///
/// ```
/// use seg_metrics::{BitMask, EmptyPolicy, pairwise_iou};
///
/// let [all, none] = [BitMask::full(&[2, 2]), BitMask::empty(&[2, 2])];
/// let masks = [all.clone(), all, none.clone(), none];
/// let found = pairwise_iou(&masks, None, EmptyPolicy::Nan)?;
/// assert_eq!(found.phi, 0.2);
/// assert_eq!((found.n_pairs(), found.n_undefined), (6, 1));
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn pairwise_iou(
    masks: &[BitMask],
    region: Option<&BitMask>,
    policy: EmptyPolicy,
) -> Result<PairwiseIou> {
    check_masks(masks, region, 2)?;
    let inside = |mask: &BitMask| match region {
        None => mask.count(),
        Some(region) => count::count_and(mask.words(), region.words()),
    };
    let areas: Vec<u64> = masks.iter().map(inside).collect();
    let total = region.map_or(masks[0].len() as u64, BitMask::count);
    let intersection = |a: usize, b: usize| match region {
        None => count::count_and(masks[a].words(), masks[b].words()),
        Some(region) => count::count_and3(masks[a].words(), masks[b].words(), region.words()),
    };
    PairwiseIou::from_counts(&areas, total, intersection, policy)
}

/// At least `needed` masks, all of one shape, which is also the region's.
pub(crate) fn check_masks(
    masks: &[BitMask],
    region: Option<&BitMask>,
    needed: usize,
) -> Result<()> {
    if masks.len() < needed {
        return Err(Error::TooFew {
            what: "masks",
            needed,
            got: masks.len(),
        });
    }
    for mask in &masks[1..] {
        masks[0].check("first mask", "another mask", mask)?;
    }
    region.map_or(Ok(()), |region| {
        masks[0].check("first mask", "region of interest", region)
    })
}
