//! Which treatments differ, after Friedman.

use crate::distribution::{studentized_range_isf, studentized_range_sf, t_p_value};
use crate::friedman::Friedman;
use crate::pairwise::PairwiseComparisons;
use crate::sample::require_count;
use crate::{Adjustment, Alternative, Error, Result};
use std::f64::consts::SQRT_2;

/// Nemenyi's test: all pairs of treatments against the studentized range.
///
/// ```text
/// q = √2·(r̄_i − r̄_j)/√(k(k + 1)/(6n))      p = P(range of k normals > |q|)
/// ```
///
/// The p-values hold for all pairs together; `p_adjusted` equals `p_value`.
///
/// # Errors
///
/// [`Error::NanInput`] for the result of a propagated NaN.
///
/// # Source
///
/// Nemenyi 1963 as in Demšar 2006; `scikit_posthocs.posthoc_nemenyi_friedman`.
///
/// # Examples
///
/// ```
/// use cam_stats::{friedman, nemenyi_friedman};
/// let blocks: Vec<[f64; 3]> = (0..12).map(|i| [f64::from(i), f64::from(i) + 0.5, 99.0]).collect();
/// let table = nemenyi_friedman(&friedman(&blocks)?)?;
/// assert!(table.pairs[1].p_value < 1e-4);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn nemenyi_friedman(test: &Friedman) -> Result<PairwiseComparisons> {
    let k = test.treatments as f64;
    let error = (k * (k + 1.0) / (6.0 * test.blocks as f64)).sqrt();
    defined(test)?;
    PairwiseComparisons::new(&test.mean_ranks, Adjustment::None, |_, _, difference| {
        let q = SQRT_2 * difference / error;
        (q, studentized_range_sf(q.abs(), test.treatments))
    })
}

/// The difference of mean ranks that Nemenyi's test calls significant.
///
/// ```text
/// CD = q_α/√2·√(k(k + 1)/(6n))
/// ```
///
/// # Errors
///
/// [`Error::TooFewObservations`] for fewer than two treatments or no block, [`Error::OutOfRange`]
/// for `alpha` outside (0, 1).
///
/// # Source
///
/// Nemenyi 1963; Demšar, *Journal of Machine Learning Research* 7 (2006) 1, Table 5.
///
/// # Examples
///
/// ```
/// let distance = cam_stats::nemenyi_critical_difference(3, 22, 0.05)?;
/// assert!((distance - 0.7066523).abs() < 1e-7);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn nemenyi_critical_difference(treatments: usize, blocks: usize, alpha: f64) -> Result<f64> {
    require_count("Nemenyi's test (treatments)", 2, treatments)?;
    require_count("Nemenyi's test (blocks)", 1, blocks)?;
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(Error::OutOfRange {
            name: "alpha",
            value: alpha,
            range: "(0, 1)",
        });
    }
    let k = treatments as f64;
    let error = (k * (k + 1.0) / (6.0 * blocks as f64)).sqrt();
    Ok(studentized_range_isf(alpha, treatments) / SQRT_2 * error)
}

/// Conover's test: all pairs of treatments by Student's t; more powerful than Nemenyi's.
///
/// ```text
/// t = (R_i − R_j) / √(2(nA − ΣR²)/((n − 1)(k − 1)))      ν = (n − 1)(k − 1)
/// ```
///
/// R are rank sums, A is the sum of all squared ranks. Where all blocks agree, the error is zero, and
/// t infinite for treatments that differ.
///
/// # Errors
///
/// [`Error::NanInput`] for the result of a propagated NaN.
///
/// # Source
///
/// Conover, *Practical Nonparametric Statistics* (1999) §5.8;
/// `scikit_posthocs.posthoc_conover_friedman`.
pub fn conover_friedman(test: &Friedman, adjustment: Adjustment) -> Result<PairwiseComparisons> {
    let (n, k) = (test.blocks as f64, test.treatments as f64);
    let degrees = (n - 1.0) * (k - 1.0);
    let sums: f64 = test.mean_ranks.iter().map(|r| (n * r) * (n * r)).sum();
    let error = (2.0 * (n * test.sum_squared_ranks - sums).max(0.0) / degrees).sqrt();
    defined(test)?;
    PairwiseComparisons::new(&test.mean_ranks, adjustment, |_, _, difference| {
        if difference == 0.0 {
            return (0.0, 1.0);
        }
        let t = n * difference / error;
        (t, t_p_value(t, degrees, Alternative::TwoSided))
    })
}

fn defined(test: &Friedman) -> Result<()> {
    if test.statistic.is_nan() {
        return Err(Error::NanInput {
            name: "test.statistic",
            index: 0,
        });
    }
    Ok(())
}
