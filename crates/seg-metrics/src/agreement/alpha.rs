//! Ratings with gaps -> Krippendorff's alpha.

use ndarray::ArrayView2;

use super::pairs::check_masks;
use crate::{BitMask, EmptyPolicy, Error, Result};

/// How far apart two ratings are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum RatingScale {
    /// Equal or not: 1 if a ≠ b.
    #[default]
    Nominal,
    /// Ranks: the square of the number of ratings between a and b.
    Ordinal,
    /// Numbers: (a − b)².
    Interval,
    /// Amounts: ((a − b) / (a + b))².
    Ratio,
}

/// Krippendorff's alpha: reliability of ratings, with any number of raters and gaps.
///
/// ```text
/// α = 1 − Dₒ / Dₑ
/// Dₒ = mean distance of two ratings of the same unit,  Dₑ = of any two ratings
/// ```
///
/// Units with fewer than two ratings are left out. 0/0 (one value only) is by `policy`.
///
/// # Shapes
///
/// `ratings`: `[rater, unit]`, NaN where a rater gave none.
///
/// # Errors
///
/// [`Error::TooFew`] if no unit has two ratings; [`Error::NonFinite`] for an infinite rating;
/// [`Error::Undefined`] if all ratings are equal under [`EmptyPolicy::Error`].
///
/// # Source
///
/// Krippendorff 2011; the Python package krippendorff 0.9.0.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{EmptyPolicy, RatingScale, krippendorff_alpha};
///
/// let ratings = array![[1.0, 2.0, 3.0, f64::NAN], [1.0, 2.0, 3.0, 4.0]];
/// let alpha = krippendorff_alpha(ratings.view(), RatingScale::Nominal, EmptyPolicy::Nan)?;
/// assert_eq!(alpha, 1.0);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn krippendorff_alpha(
    ratings: ArrayView2<'_, f64>,
    scale: RatingScale,
    policy: EmptyPolicy,
) -> Result<f64> {
    let mut values: Vec<f64> = ratings
        .iter()
        .copied()
        .filter(|value| !value.is_nan())
        .collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    if let Some(((rater, unit), &value)) = ratings.indexed_iter().find(|(_, v)| v.is_infinite()) {
        return Err(Error::NonFinite {
            what: "table of ratings",
            index: vec![rater, unit],
            value,
        });
    }
    // Squares of differences, weighted by counts, stay finite.
    const GREATEST: f64 = 1e140;
    if let Some(&value) = values.iter().find(|value| value.abs() > GREATEST) {
        return Err(Error::OutOfRange {
            what: "rating",
            low: -GREATEST,
            high: GREATEST,
            value,
        });
    }
    let mut coincidences = vec![0.0; values.len() * values.len()];
    for unit in ratings.columns() {
        let mut counts = vec![0.0; values.len()];
        for rating in unit.iter().filter(|rating| !rating.is_nan()) {
            counts[values.partition_point(|value| value < rating)] += 1.0;
        }
        add_unit(&counts, &mut coincidences);
    }
    alpha(&values, &coincidences, scale, policy)
}

/// Krippendorff's alpha of several masks: each mask a rater, each pixel of the region a unit.
///
/// ```text
/// α = 1 − (n − 1)·Σ over pixels of k₀ k₁ / (r − 1) / (n₀ n₁)
/// k₁ of the r masks hold a pixel, k₀ = r − k₁; n₀ + n₁ = n = r · pixels
/// ```
///
/// # Errors
///
/// [`Error::TooFew`] with fewer than two masks or an empty region; [`Error::ShapeMismatch`];
/// [`Error::Undefined`] if all masks are empty or all are full under [`EmptyPolicy::Error`].
///
/// # Source
///
/// Krippendorff 2004, nominal data without gaps; the `krippendorff` package for Python.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, EmptyPolicy, krippendorff_alpha_masks};
///
/// let a = BitMask::from_bools(array![[true, true, false, false]].view());
/// let b = BitMask::from_bools(array![[true, false, true, false]].view());
/// let alpha = krippendorff_alpha_masks(&[a, b], None, EmptyPolicy::Nan)?;
/// assert_eq!(alpha, 0.125);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn krippendorff_alpha_masks(
    masks: &[BitMask],
    region: Option<&BitMask>,
    policy: EmptyPolicy,
) -> Result<f64> {
    check_masks(masks, region, 2)?;
    let mut coincidences = vec![0.0; 4];
    for (a, own) in masks.iter().enumerate() {
        for (b, other) in masks.iter().enumerate() {
            if a != b {
                let counts = crate::confusion(own, other, region)?;
                let found = [counts.tn, counts.fn_, counts.fp, counts.tp];
                for (sum, found) in coincidences.iter_mut().zip(found) {
                    *sum += found as f64 / (masks.len() - 1) as f64;
                }
            }
        }
    }
    alpha(&[0.0, 1.0], &coincidences, RatingScale::Nominal, policy)
}

/// Adds the pairs of one unit's ratings to the coincidence matrix.
fn add_unit(counts: &[f64], coincidences: &mut [f64]) {
    let ratings: f64 = counts.iter().sum();
    if ratings < 2.0 {
        return;
    }
    let n = counts.len();
    for (a, own) in counts.iter().enumerate() {
        for (b, other) in counts.iter().enumerate() {
            let pairs = own * (other - f64::from(a == b));
            coincidences[a * n + b] += pairs / (ratings - 1.0);
        }
    }
}

fn alpha(
    values: &[f64],
    coincidences: &[f64],
    scale: RatingScale,
    policy: EmptyPolicy,
) -> Result<f64> {
    let n = values.len();
    let totals: Vec<f64> = (0..n)
        .map(|a| coincidences[a * n..(a + 1) * n].iter().sum())
        .collect();
    let all: f64 = totals.iter().sum();
    if all < 2.0 {
        return Err(Error::TooFew {
            what: "units with two ratings",
            needed: 1,
            got: 0,
        });
    }
    let mut observed = 0.0;
    let mut expected = 0.0;
    for a in 0..n {
        for b in 0..n {
            let distance = scale.distance(values, &totals, a, b);
            observed += coincidences[a * n + b] * distance;
            expected += totals[a] * totals[b] * distance;
        }
    }
    if expected == 0.0 {
        return policy.undefined("krippendorff_alpha");
    }
    Ok(1.0 - (all - 1.0) * observed / expected)
}

impl RatingScale {
    fn distance(self, values: &[f64], totals: &[f64], a: usize, b: usize) -> f64 {
        if a == b {
            return 0.0;
        }
        let (x, y) = (values[a], values[b]);
        match self {
            Self::Nominal => 1.0,
            Self::Interval => (x - y) * (x - y),
            Self::Ratio if x + y == 0.0 => 0.0,
            Self::Ratio => ((x - y) / (x + y)).powi(2),
            Self::Ordinal => {
                let between: f64 = totals[a.min(b)..=a.max(b)].iter().sum();
                (between - (totals[a] + totals[b]) / 2.0).powi(2)
            }
        }
    }
}
