//! Several masks -> Fleiss' kappa, Gwet's AC1, mean pairwise kappa and agreement.

use super::pairs::check_masks;
use crate::{BitMask, EmptyPolicy, Result, confusion};

/// What the masks of several raters say of the pixels of a region, pixel by pixel.
struct Votes {
    /// Number of pixels by how many raters set them: `pixels[k]` are set by `k` raters.
    pixels: Vec<u64>,
}

impl Votes {
    fn of(masks: &[BitMask], region: Option<&BitMask>) -> Result<Self> {
        check_masks(masks, region, 2)?;
        let full = BitMask::full(masks[0].shape());
        let inside = region.unwrap_or(&full).words();
        let mut pixels = vec![0; masks.len() + 1];
        for (at, &inside) in inside.iter().enumerate() {
            let mut votes = [0_u32; 64];
            for mask in masks {
                let word = mask.words()[at];
                for (bit, votes) in votes.iter_mut().enumerate() {
                    *votes += (word >> bit & 1) as u32;
                }
            }
            for (bit, &votes) in votes.iter().enumerate() {
                pixels[votes as usize] += inside >> bit & 1;
            }
        }
        Ok(Self { pixels })
    }

    fn raters(&self) -> f64 {
        (self.pixels.len() - 1) as f64
    }

    fn total(&self) -> f64 {
        self.pixels.iter().sum::<u64>() as f64
    }

    /// Fraction of all votes that set a pixel.
    fn coverage(&self) -> f64 {
        let set: f64 = self
            .pixels
            .iter()
            .enumerate()
            .map(|(k, &n)| k as f64 * n as f64)
            .sum();
        set / (self.raters() * self.total())
    }

    /// Fraction of pairs of raters that agree, averaged over pixels.
    fn observed(&self) -> f64 {
        let raters = self.raters();
        let agreeing: f64 = self
            .pixels
            .iter()
            .enumerate()
            .map(|(k, &n)| {
                let (set, unset) = (k as f64, raters - k as f64);
                n as f64 * (set * (set - 1.0) + unset * (unset - 1.0))
            })
            .sum();
        agreeing / (raters * (raters - 1.0) * self.total())
    }
}

/// Fleiss' kappa of several masks: agreement beyond chance, with one coverage for all raters.
///
/// ```text
/// κ = (P − Pₑ) / (1 − Pₑ)     P = fraction of agreeing pairs of raters, averaged over pixels,
///                              Pₑ = p² + (1 − p)²,  p = fraction of all votes that set a pixel
/// ```
///
/// 0/0 if all masks are empty, all are full, or the region is empty.
///
/// # Errors
///
/// [`Error::TooFew`](crate::Error::TooFew) with fewer than two masks;
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch);
/// [`Error::Undefined`](crate::Error::Undefined) for 0/0 under [`EmptyPolicy::Error`].
///
/// # Source
///
/// Fleiss 1971; statsmodels `fleiss_kappa`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, EmptyPolicy, fleiss_kappa};
///
/// let one = BitMask::from_bools(array![[true, false]].view());
/// let same = fleiss_kappa(&[one.clone(), one.clone(), one], None, EmptyPolicy::Nan)?;
/// assert_eq!(same, 1.0);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn fleiss_kappa(
    masks: &[BitMask],
    region: Option<&BitMask>,
    policy: EmptyPolicy,
) -> Result<f64> {
    let votes = Votes::of(masks, region)?;
    let p = votes.coverage();
    beyond_chance(
        votes.observed(),
        p * p + (1.0 - p) * (1.0 - p),
        policy,
        "fleiss_kappa",
    )
}

/// Gwet's AC1 of several masks: agreement beyond chance, with a chance that stays small when nearly
/// everything is set or unset.
///
/// ```text
/// AC1 = (P − Pₑ) / (1 − Pₑ)     P as in Fleiss' kappa,  Pₑ = 2 p (1 − p)
/// ```
///
/// # Errors
///
/// As [`fleiss_kappa`].
///
/// # Source
///
/// Gwet 2008.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, EmptyPolicy, gwet_ac1};
///
/// let a = BitMask::from_bools(array![[true, true, false, false]].view());
/// let b = BitMask::from_bools(array![[true, false, true, false]].view());
/// assert_eq!(gwet_ac1(&[a, b], None, EmptyPolicy::Nan)?, 0.0);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn gwet_ac1(masks: &[BitMask], region: Option<&BitMask>, policy: EmptyPolicy) -> Result<f64> {
    let votes = Votes::of(masks, region)?;
    let p = votes.coverage();
    beyond_chance(votes.observed(), 2.0 * p * (1.0 - p), policy, "gwet_ac1")
}

/// Fraction of pixels on which two raters agree, averaged over all pairs of raters.
///
/// ```text
/// mean over pairs i < j of #{p : Mᵢ(p) = Mⱼ(p)} / pixels
/// ```
///
/// # Errors
///
/// As [`fleiss_kappa`].
///
/// # Source
///
/// The observed agreement of Fleiss 1971; scikit-learn `accuracy_score` of each pair.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, EmptyPolicy, mean_pairwise_accuracy};
///
/// let a = BitMask::from_bools(array![[true, true, false, false]].view());
/// let b = BitMask::from_bools(array![[true, false, true, false]].view());
/// assert_eq!(mean_pairwise_accuracy(&[a, b], None, EmptyPolicy::Nan)?, 0.5);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn mean_pairwise_accuracy(
    masks: &[BitMask],
    region: Option<&BitMask>,
    policy: EmptyPolicy,
) -> Result<f64> {
    let observed = Votes::of(masks, region)?.observed();
    if observed.is_nan() {
        policy.undefined("mean_pairwise_accuracy")
    } else {
        Ok(observed)
    }
}

/// Cohen's kappa averaged over all pairs of masks.
///
/// ```text
/// mean over pairs i < j of (p_o − p_e) / (1 − p_e)
/// ```
///
/// A pair whose kappa is 0/0 becomes what `policy` says; a NaN makes the mean NaN.
///
/// # Errors
///
/// As [`fleiss_kappa`].
///
/// # Source
///
/// scikit-learn `cohen_kappa_score` of each pair.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, EmptyPolicy, mean_pairwise_kappa};
///
/// let a = BitMask::from_bools(array![[true, true, false, false]].view());
/// let b = BitMask::from_bools(array![[true, false, true, false]].view());
/// assert_eq!(mean_pairwise_kappa(&[a, b], None, EmptyPolicy::Nan)?, 0.0);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn mean_pairwise_kappa(
    masks: &[BitMask],
    region: Option<&BitMask>,
    policy: EmptyPolicy,
) -> Result<f64> {
    check_masks(masks, region, 2)?;
    let mut sum = 0.0;
    let mut pairs = 0;
    for (at, a) in masks.iter().enumerate() {
        for b in &masks[at + 1..] {
            sum += confusion(a, b, region)?.cohens_kappa(policy)?;
            pairs += 1;
        }
    }
    Ok(sum / f64::from(pairs))
}

fn beyond_chance(
    observed: f64,
    chance: f64,
    policy: EmptyPolicy,
    metric: &'static str,
) -> Result<f64> {
    if observed.is_nan() || chance.is_nan() {
        return policy.undefined(metric);
    }
    policy.ratio(observed - chance, 1.0 - chance, metric)
}
