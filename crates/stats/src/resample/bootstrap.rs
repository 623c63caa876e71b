//! Resampling with replacement: observations, clusters, or clusters and then their members.

use super::permutation::block_order;
use super::random::{Stream, streams};
use crate::distribution::{normal_cdf, normal_quantile};
use crate::interval::{Interval, check_level};
use crate::moments::{mean, sorted, sum_of_squares};
use crate::names::named;
use crate::quantile::{QuantileMethod, quantile_of_sorted};
use crate::sample::require_count;
use crate::{Error, Result};
use rayon::prelude::*;
use std::ops::Range;

named! {
    /// How an interval is read off the resampled statistics.
    pub enum BootstrapInterval("bootstrap interval") {
        /// Bias-corrected and accelerated: second-order accurate.
        #[default]
        Bca = "bca",
        /// The quantiles themselves.
        Percentile = "percentile",
        /// The quantiles reflected about the estimate.
        Basic = "basic",
    }
}

/// Options of the bootstrap functions.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
pub struct BootstrapOptions {
    /// Number of resamples.
    pub resamples: usize,
    /// Seed of the random streams.
    pub seed: u64,
    /// Confidence level.
    pub level: f64,
    /// Kind of interval.
    pub method: BootstrapInterval,
}

impl Default for BootstrapOptions {
    fn default() -> Self {
        Self {
            resamples: 9999,
            seed: 0,
            level: 0.95,
            method: BootstrapInterval::Bca,
        }
    }
}

/// A statistic with its bootstrap distribution.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Bootstrap {
    /// Statistic of the data with its bounds.
    pub interval: Interval,
    /// Standard deviation of the resampled statistics.
    pub standard_error: f64,
    /// Mean of the resampled statistics less the statistic.
    pub bias: f64,
    /// Units that were resampled: observations or clusters.
    pub units: usize,
    /// The resampled statistics, in order of drawing.
    pub distribution: Vec<f64>,
}

/// Bootstrap of `n` independent observations.
///
/// `statistic` receives the indices of a resample, so that any number of columns can be resampled
/// together.
///
/// ```text
/// BCa: quantiles at Φ(z₀ + (z₀ ± z)/(1 − a(z₀ ± z)))
/// z₀ = Φ⁻¹(share of resamples below the estimate)     a = Σd³/(6(Σd²)^1.5), d by jackknife
/// ```
///
/// # Errors
///
/// [`Error::TooFewObservations`] below two observations, [`Error::OutOfRange`] for a level outside
/// (0, 1) or no resamples, [`Error::UndefinedStatistic`] if the statistic is NaN on a resample.
///
/// # Source
///
/// Efron and Tibshirani 1993; `scipy.stats.bootstrap`.
///
/// # Examples
///
/// ```
/// use cam_stats::{BootstrapOptions, bootstrap};
/// let x = [4.17, 5.58, 5.18, 6.11, 4.50, 4.61, 5.17, 4.53, 5.33, 5.14];
/// let mean = |index: &[usize]| index.iter().map(|&i| x[i]).sum::<f64>() / index.len() as f64;
/// let result = bootstrap(x.len(), mean, &BootstrapOptions { seed: 7, ..Default::default() })?;
/// assert!(result.interval.contains(5.032) && result.interval.width() < 0.9);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn bootstrap<F: Fn(&[usize]) -> f64 + Sync>(
    n: usize,
    statistic: F,
    options: &BootstrapOptions,
) -> Result<Bootstrap> {
    let order: Vec<usize> = (0..n).collect();
    let ranges: Vec<Range<usize>> = (0..n).map(|i| i..i + 1).collect();
    Plan {
        order,
        ranges,
        members: false,
    }
    .run(&statistic, options)
}

/// Bootstrap of clusters: whole clusters are drawn, with all their observations.
///
/// ```text
/// θ*_b = statistic of the observations of k clusters drawn with replacement from k
/// ```
///
/// For slices of fillets of fish, `clusters` holds the fish of each slice. The jackknife of BCa leaves
/// out one cluster at a time.
///
/// # Errors
///
/// As [`bootstrap`], with clusters in place of observations.
///
/// # Source
///
/// Field and Welsh, *Journal of the Royal Statistical Society B* 69 (2007) 369.
///
/// # Examples
///
/// ```
/// use cam_stats::{bootstrap, cluster_bootstrap};
/// // Two fish, four equal slices each: the slices tell no more than the fish.
/// let x = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0];
/// let mean = |index: &[usize]| index.iter().map(|&i| x[i]).sum::<f64>() / index.len() as f64;
/// let slices = bootstrap(8, mean, &Default::default())?;
/// let fish = cluster_bootstrap(&[0, 0, 0, 0, 1, 1, 1, 1], mean, &Default::default())?;
/// assert!(fish.standard_error > 1.8 * slices.standard_error);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn cluster_bootstrap<F: Fn(&[usize]) -> f64 + Sync>(
    clusters: &[usize],
    statistic: F,
    options: &BootstrapOptions,
) -> Result<Bootstrap> {
    let (order, ranges) = block_order(clusters.len(), Some(clusters));
    Plan {
        order,
        ranges,
        members: false,
    }
    .run(&statistic, options)
}

/// Bootstrap in two stages: clusters are drawn, then observations inside each cluster drawn.
///
/// ```text
/// θ*_b = statistic of n_c draws from each of k clusters c drawn with replacement from k
/// ```
///
/// # Errors
///
/// As [`cluster_bootstrap`].
///
/// # Source
///
/// Davison and Hinkley 1997, §3.8.
///
/// # Examples
///
/// ```
/// use cam_stats::{BootstrapInterval, BootstrapOptions, hierarchical_bootstrap};
/// let x = [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0];
/// let mean = |index: &[usize]| index.iter().map(|&i| x[i]).sum::<f64>() / index.len() as f64;
/// let options = BootstrapOptions { method: BootstrapInterval::Percentile, ..Default::default() };
/// let found = hierarchical_bootstrap(&[0, 0, 0, 0, 1, 1, 1, 1], mean, &options)?;
/// // The clusters have one mean: what is left is the spread inside them, √(1.25/8).
/// assert!((found.standard_error - 0.395).abs() < 0.02);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn hierarchical_bootstrap<F: Fn(&[usize]) -> f64 + Sync>(
    clusters: &[usize],
    statistic: F,
    options: &BootstrapOptions,
) -> Result<Bootstrap> {
    let (order, ranges) = block_order(clusters.len(), Some(clusters));
    Plan {
        order,
        ranges,
        members: true,
    }
    .run(&statistic, options)
}

/// Units as ranges of an order of the observations.
struct Plan {
    order: Vec<usize>,
    ranges: Vec<Range<usize>>,
    /// Whether the members of a drawn unit are drawn again.
    members: bool,
}

impl Plan {
    fn run(
        &self,
        statistic: &(dyn Fn(&[usize]) -> f64 + Sync),
        options: &BootstrapOptions,
    ) -> Result<Bootstrap> {
        check_level(options.level)?;
        require_count("a bootstrap (units)", 2, self.ranges.len())?;
        if options.resamples == 0 {
            return Err(Error::OutOfRange {
                name: "resamples",
                value: 0.0,
                range: "[1, ∞)",
            });
        }
        let everything: Vec<usize> = (0..self.order.len()).collect();
        let estimate = statistic(&everything);
        if estimate.is_nan() {
            return Err(Error::NanInput {
                name: "statistic of the data",
                index: 0,
            });
        }
        let work: Vec<(usize, usize)> = streams(options.resamples).collect();
        let parts: Vec<Vec<f64>> = work
            .par_iter()
            .map(|&(stream, count)| {
                let mut random = Stream::new(options.seed, stream);
                let mut index = Vec::with_capacity(self.order.len());
                (0..count)
                    .map(|_| {
                        self.draw(&mut random, &mut index);
                        statistic(&index)
                    })
                    .collect()
            })
            .collect();
        let distribution = parts.concat();
        if let Some(resample) = distribution.iter().position(|v| v.is_nan()) {
            return Err(Error::UndefinedStatistic { resample });
        }
        let interval = self.interval(estimate, &distribution, statistic, options)?;
        let count = distribution.len() as f64;
        Ok(Bootstrap {
            interval,
            standard_error: (sum_of_squares(&distribution).max(0.0) / (count - 1.0).max(1.0))
                .sqrt(),
            bias: mean(&distribution) - estimate,
            units: self.ranges.len(),
            distribution,
        })
    }

    fn draw(&self, random: &mut Stream, index: &mut Vec<usize>) {
        index.clear();
        for _ in 0..self.ranges.len() {
            let unit = &self.order[self.ranges[random.below(self.ranges.len())].clone()];
            if self.members {
                index.extend(unit.iter().map(|_| unit[random.below(unit.len())]));
            } else {
                index.extend_from_slice(unit);
            }
        }
    }

    fn interval(
        &self,
        estimate: f64,
        distribution: &[f64],
        statistic: &(dyn Fn(&[usize]) -> f64 + Sync),
        options: &BootstrapOptions,
    ) -> Result<Interval> {
        let ordered = sorted(distribution);
        let tail = (1.0 - options.level) / 2.0;
        let at = |p: f64| quantile_of_sorted(&ordered, p.clamp(0.0, 1.0), QuantileMethod::Linear);
        let (lower, upper) = match options.method {
            BootstrapInterval::Percentile => (at(tail), at(1.0 - tail)),
            BootstrapInterval::Basic => {
                (2.0 * estimate - at(1.0 - tail), 2.0 * estimate - at(tail))
            }
            BootstrapInterval::Bca => {
                let acceleration = self.acceleration(statistic)?;
                let shift = bias_correction(&ordered, estimate);
                let corrected = |p: f64| {
                    let z = shift + normal_quantile(p);
                    normal_cdf(shift + z / (1.0 - acceleration * z))
                };
                (at(corrected(tail)), at(corrected(1.0 - tail)))
            }
        };
        Ok(Interval {
            estimate,
            lower,
            upper,
            level: options.level,
        })
    }

    /// Σd³/(6(Σd²)^1.5) over the deviations of the statistic without each unit in turn.
    fn acceleration(&self, statistic: &(dyn Fn(&[usize]) -> f64 + Sync)) -> Result<f64> {
        let without: Vec<f64> = self
            .ranges
            .par_iter()
            .map(|left_out| {
                let mut index = self.order[..left_out.start].to_vec();
                index.extend_from_slice(&self.order[left_out.end..]);
                statistic(&index)
            })
            .collect();
        if let Some(resample) = without.iter().position(|v| v.is_nan()) {
            return Err(Error::UndefinedStatistic { resample });
        }
        let centre = mean(&without);
        let (mut squares, mut cubes) = (0.0, 0.0);
        for value in &without {
            let d = centre - value;
            squares += d * d;
            cubes += d * d * d;
        }
        Ok(if squares > 0.0 {
            cubes / (6.0 * squares.powf(1.5))
        } else {
            0.0
        })
    }
}

/// Φ⁻¹ of the share of resamples below the estimate, ties counted half.
///
/// A share of 0 or 1 is moved in by half a resample: the correction stays finite.
fn bias_correction(ordered: &[f64], estimate: f64) -> f64 {
    let count = ordered.len() as f64;
    let below = ordered.partition_point(|v| *v < estimate) as f64;
    let not_above = ordered.partition_point(|v| *v <= estimate) as f64;
    let share = (below + not_above) / (2.0 * count);
    normal_quantile(share.clamp(0.5 / count, 1.0 - 0.5 / count))
}
