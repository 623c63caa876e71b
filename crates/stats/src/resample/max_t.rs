//! Many correlations with one variable -> p-values that hold for all of them.

use super::permutation::{block_order, check_permutations};
use super::random::{Stream, streams};
use crate::moments::{centred, dot};
use crate::names::named;
use crate::quantile::{QuantileMethod, quantile_of_sorted};
use crate::rank::Ranked;
use crate::sample::{require_count, require_equal_lengths, require_finite, require_not_nan};
use crate::{Error, Result};
use rayon::prelude::*;

named! {
    /// The correlation that is permuted.
    pub enum MaxTCorrelation("correlation") {
        /// Of mid-ranks.
        #[default]
        Spearman = "spearman",
        /// Of values.
        Pearson = "pearson",
    }
}

/// Options of [`max_t`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
pub struct MaxTOptions {
    /// Permutations drawn.
    pub permutations: usize,
    /// Seed of the permutations.
    pub seed: u64,
    /// Ranks or values.
    pub correlation: MaxTCorrelation,
    /// Labels within which y is permuted (treatments); none permutes freely.
    pub blocks: Option<Vec<usize>>,
}

impl Default for MaxTOptions {
    fn default() -> Self {
        Self {
            permutations: 9999,
            seed: 0,
            correlation: MaxTCorrelation::Spearman,
            blocks: None,
        }
    }
}

/// One of many correlations.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MaxTEntry {
    /// The correlation.
    pub statistic: f64,
    /// Two-sided permutation p-value of this one alone.
    pub p_value: f64,
    /// Single-step: share of permutations whose largest |r| reaches this one.
    pub p_adjusted: f64,
    /// Step-down: the same among this and all smaller ones; never above `p_adjusted`.
    pub p_step_down: f64,
}

/// Correlations of many variables with one, corrected for their number and dependence.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MaxT {
    /// One entry per variable, in the order given.
    pub entries: Vec<MaxTEntry>,
    /// The largest |r| of each permutation, ascending.
    pub maxima: Vec<f64>,
}

impl MaxT {
    /// The |r| that the largest of all correlations exceeds by chance with probability `alpha`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for `alpha` outside [0, 1].
    pub fn critical_value(&self, alpha: f64) -> Result<f64> {
        crate::sample::require_probability("alpha", alpha)?;
        Ok(quantile_of_sorted(
            &self.maxima,
            1.0 - alpha,
            QuantileMethod::InvertedCdf,
        ))
    }
}

/// Westfall and Young's max-T: permutes y once for all variables.
///
/// ```text
/// p_j = (1 + #{permutations with max_i |r_i*| ≥ |r_j|})/(N + 1)
/// ```
///
/// Thirty maps against one liquid loss are far from independent; keeping their dependence makes this
/// sharper than Bonferroni or Holm at the same guarantee.
///
/// # Shapes
///
/// `variables`: `[variable, observation]`, each as long as `y`.
///
/// # Errors
///
/// [`Error::LengthMismatch`], [`Error::TooFewObservations`] below three observations or without
/// variables, [`Error::ConstantInput`], [`Error::NanInput`], [`Error::NonFinite`],
/// [`Error::OutOfRange`] for no permutations.
///
/// # Source
///
/// Westfall and Young 1993; R `multtest::mt.maxT`.
///
/// # Examples
///
/// ```
/// use cam_stats::{MaxTOptions, max_t};
/// let y: Vec<f64> = (0..20).map(f64::from).collect();
/// let noise: Vec<f64> = (0..20).map(|i| f64::from(i * 7 % 20)).collect();
/// let table = max_t(&[&y, &noise], &y, &MaxTOptions { permutations: 999, ..Default::default() })?;
/// assert_eq!(table.entries[0].p_adjusted, 0.001);
/// assert!(table.entries[1].p_adjusted > 0.05);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn max_t<V: AsRef<[f64]>>(variables: &[V], y: &[f64], options: &MaxTOptions) -> Result<MaxT> {
    check_permutations(options.permutations)?;
    require_count("max-T (variables)", 1, variables.len())?;
    let n = y.len();
    require_count("a correlation", 3, n)?;
    let blocks = options.blocks.as_deref();
    if let Some(blocks) = blocks {
        require_equal_lengths("y", n, "blocks", blocks.len())?;
    }
    let (order, ranges) = block_order(n, blocks);
    let unit = |name: &'static str, values: &[f64]| -> Result<Vec<f64>> {
        require_equal_lengths("y", n, name, values.len())?;
        let scores = match options.correlation {
            MaxTCorrelation::Spearman => {
                require_not_nan(name, values)?;
                Ranked::new(values).ranks
            }
            MaxTCorrelation::Pearson => {
                require_finite(name, values)?;
                values.to_vec()
            }
        };
        let deviations = centred(&scores);
        let length = dot(&deviations, &deviations).sqrt();
        if length <= 0.0 || scores.iter().all(|s| *s == scores[0]) {
            return Err(Error::ConstantInput { name });
        }
        Ok(order.iter().map(|&i| deviations[i] / length).collect())
    };
    let y = unit("y", y)?;
    let count = variables.len();
    // Transposed, so that one value of y meets all variables in a row.
    let mut table = vec![0.0; n * count];
    for (j, variable) in variables.iter().enumerate() {
        for (i, value) in unit("variables", variable.as_ref())?
            .into_iter()
            .enumerate()
        {
            table[i * count + j] = value;
        }
    }
    let observed = correlations(&table, &y, count);
    let mut descending: Vec<usize> = (0..count).collect();
    descending.sort_by(|&a, &b| observed[b].abs().total_cmp(&observed[a].abs()));
    let work: Vec<(usize, usize)> = streams(options.permutations).collect();
    let tallies: Vec<Tally> = work
        .par_iter()
        .map(|&(stream, permutations)| {
            let mut random = Stream::new(options.seed, stream);
            let mut shuffled = y.clone();
            let mut tally = Tally::new(count, permutations);
            for _ in 0..permutations {
                for range in &ranges {
                    random.shuffle(&mut shuffled[range.clone()]);
                }
                tally.add(
                    &correlations(&table, &shuffled, count),
                    &observed,
                    &descending,
                );
            }
            tally
        })
        .collect();
    Ok(summarise(
        tallies,
        &observed,
        &descending,
        options.permutations,
    ))
}

fn correlations(table: &[f64], y: &[f64], count: usize) -> Vec<f64> {
    let mut sums = vec![0.0; count];
    for (row, value) in table.chunks_exact(count).zip(y) {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += x * value;
        }
    }
    sums
}

/// Counts of one stream of permutations.
struct Tally {
    alone: Vec<usize>,
    step_down: Vec<usize>,
    maxima: Vec<f64>,
}

impl Tally {
    fn new(count: usize, permutations: usize) -> Self {
        Self {
            alone: vec![0; count],
            step_down: vec![0; count],
            maxima: Vec::with_capacity(permutations),
        }
    }

    fn add(&mut self, permuted: &[f64], observed: &[f64], descending: &[usize]) {
        let mut largest = 0.0f64;
        for &j in descending.iter().rev() {
            // Equal correlations can differ in the last digit.
            let bar = observed[j].abs() - 1e-13;
            self.alone[j] += usize::from(permuted[j].abs() >= bar);
            largest = largest.max(permuted[j].abs());
            self.step_down[j] += usize::from(largest >= bar);
        }
        self.maxima.push(largest);
    }
}

fn summarise(
    tallies: Vec<Tally>,
    observed: &[f64],
    descending: &[usize],
    permutations: usize,
) -> MaxT {
    let count = observed.len();
    let (mut alone, mut step_down) = (vec![0; count], vec![0; count]);
    let mut maxima = Vec::with_capacity(permutations);
    for tally in tallies {
        for j in 0..count {
            alone[j] += tally.alone[j];
            step_down[j] += tally.step_down[j];
        }
        maxima.extend(tally.maxima);
    }
    maxima.sort_unstable_by(f64::total_cmp);
    let share = |hits: usize| (hits + 1) as f64 / (permutations + 1) as f64;
    let mut entries: Vec<MaxTEntry> = (0..count)
        .map(|j| {
            let reached = maxima.partition_point(|m| *m < observed[j].abs() - 1e-13);
            MaxTEntry {
                statistic: observed[j].clamp(-1.0, 1.0),
                p_value: share(alone[j]),
                p_adjusted: share(permutations - reached),
                p_step_down: share(step_down[j]),
            }
        })
        .collect();
    let mut running = 0.0f64;
    for &j in descending {
        running = running.max(entries[j].p_step_down);
        entries[j].p_step_down = running;
    }
    MaxT { entries, maxima }
}
