//! p-values of a family -> p-values that can be read one by one.

use crate::Result;
use crate::names::named;
use crate::sample::require_probability;

named! {
    /// The correction for many tests.
    ///
    /// The first six control the chance of any false rejection; Hochberg and Hommel need independent or
    /// positively dependent tests. The last two control the share of false rejections.
    pub enum Adjustment("adjustment") {
        /// No correction.
        None = "none",
        /// m·p.
        Bonferroni = "bonferroni",
        /// 1 − (1 − p)^m, for independent tests.
        Sidak = "sidak",
        /// Step-down Bonferroni; never worse than Bonferroni.
        #[default]
        Holm = "holm",
        /// Step-down Šidák.
        HolmSidak = "holm_sidak",
        /// Step-up Bonferroni.
        Hochberg = "hochberg",
        /// Closed Simes test.
        Hommel = "hommel",
        /// Benjamini and Hochberg's false discovery rate.
        BenjaminiHochberg = "bh",
        /// Benjamini and Yekutieli's, for any dependence.
        BenjaminiYekutieli = "by",
    }
}

/// Adjusted p-values, in the order given.
///
/// ```text
/// Holm: max over j ≤ i of (m − j + 1)·p_(j)      Hochberg: min over j ≥ i of the same
/// BH:   min over j ≥ i of m/j·p_(j)              BY: BH times Σ 1/i
/// ```
///
/// # Errors
///
/// [`Error::OutOfRange`](crate::Error::OutOfRange) for a value outside [0, 1] or NaN.
///
/// # Source
///
/// R `p.adjust`, `statsmodels.stats.multitest.multipletests`.
///
/// # Examples
///
/// ```
/// use cam_stats::{Adjustment, adjust_p_values};
/// let p = [0.01, 0.04, 0.03];
/// assert_eq!(adjust_p_values(&p, Adjustment::Holm)?, [0.03, 0.06, 0.06]);
/// assert_eq!(adjust_p_values(&p, Adjustment::BenjaminiHochberg)?, [0.03, 0.04, 0.04]);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn adjust_p_values(p_values: &[f64], method: Adjustment) -> Result<Vec<f64>> {
    for &p in p_values {
        require_probability("p_values", p)?;
    }
    let m = p_values.len();
    let count = m as f64;
    let mut order: Vec<usize> = (0..m).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let ascending: Vec<f64> = order.iter().map(|&i| p_values[i]).collect();
    let remaining = |i: usize| (m - i) as f64;
    let adjusted = match method {
        Adjustment::None => ascending,
        Adjustment::Bonferroni => ascending.iter().map(|p| count * p).collect(),
        Adjustment::Sidak => ascending.iter().map(|p| sidak(*p, count)).collect(),
        Adjustment::Holm => step_down(&ascending, |i, p| remaining(i) * p),
        Adjustment::HolmSidak => step_down(&ascending, |i, p| sidak(p, remaining(i))),
        Adjustment::Hochberg => step_up(&ascending, |i, p| remaining(i) * p),
        Adjustment::Hommel => hommel(&ascending),
        Adjustment::BenjaminiHochberg => step_up(&ascending, |i, p| count / (i + 1) as f64 * p),
        Adjustment::BenjaminiYekutieli => {
            let harmonic: f64 = (1..=m).map(|i| 1.0 / i as f64).sum();
            step_up(&ascending, |i, p| harmonic * count / (i + 1) as f64 * p)
        }
    };
    let mut result = vec![0.0; m];
    for (&i, p) in order.iter().zip(adjusted) {
        result[i] = p.min(1.0);
    }
    Ok(result)
}

fn sidak(p: f64, tests: f64) -> f64 {
    -(tests * (-p).ln_1p()).exp_m1()
}

fn step_down(ascending: &[f64], factor: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    let mut running = 0.0f64;
    let steps = ascending.iter().enumerate().map(|(i, &p)| {
        running = running.max(factor(i, p));
        running
    });
    steps.collect()
}

fn step_up(ascending: &[f64], factor: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    let mut running = f64::INFINITY;
    let steps = ascending.iter().enumerate().rev().map(|(i, &p)| {
        running = running.min(factor(i, p));
        running
    });
    let mut result: Vec<f64> = steps.collect();
    result.reverse();
    result
}

/// For every size of an intersection of hypotheses the Simes p-value; the largest counts.
fn hommel(ascending: &[f64]) -> Vec<f64> {
    let m = ascending.len();
    let simes = |size: usize| {
        let tail = &ascending[m - size..];
        let terms = tail
            .iter()
            .enumerate()
            .map(|(j, p)| size as f64 * p / (j + 1) as f64);
        terms.fold(f64::INFINITY, f64::min)
    };
    if m == 0 {
        return Vec::new();
    }
    let mut adjusted = vec![simes(m); m];
    for size in (2..m).rev() {
        let first = m - size + 1;
        let tail = &ascending[first..];
        let rest = tail
            .iter()
            .enumerate()
            .map(|(j, p)| size as f64 * p / (j + 2) as f64);
        let rest = rest.fold(f64::INFINITY, f64::min);
        let mut q = 0.0;
        for (i, p) in ascending.iter().enumerate() {
            if i < first {
                q = (size as f64 * p).min(rest);
            }
            adjusted[i] = adjusted[i].max(q);
        }
    }
    adjusted
        .iter()
        .zip(ascending)
        .map(|(a, p)| a.max(*p))
        .collect()
}
