//! How often a network is right, counted by animal.

use std::collections::BTreeMap;

use cnn_zoo::Backbone;
use cnn_zoo::train::BatchSource;
use stats::Interval;
use stats::distribution::normal_quantile;

use crate::batches::Slices;
use crate::error::{Result, failed};

/// Right answers and slices of one animal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    correct: usize,
    total: usize,
}

/// Right answers by animal: slices of one animal are not independent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accuracy {
    animals: BTreeMap<String, Count>,
}

impl Accuracy {
    /// Several counts as one.
    pub fn pooled(parts: &[&Self]) -> Self {
        let mut all = Self::default();
        for (animal, count) in parts.iter().flat_map(|part| &part.animals) {
            let sum = all.animals.entry(animal.clone()).or_default();
            sum.correct += count.correct;
            sum.total += count.total;
        }
        all
    }

    /// Slices with the right answer.
    pub fn correct(&self) -> usize {
        self.animals.values().map(|count| count.correct).sum()
    }

    /// All slices.
    pub fn total(&self) -> usize {
        self.animals.values().map(|count| count.total).sum()
    }

    /// Share of slices with the right answer.
    pub fn share(&self) -> f64 {
        self.correct() as f64 / self.total() as f64
    }

    /// Confidence interval with the animal as unit.
    ///
    /// ```text
    /// SE² = m / (m − 1) · Σ over animals (correct_i − p · total_i)² / total²        (ratio estimator, m animals)
    /// n_eff = min(total, p(1 − p) / SE²), or m where p is 0 or 1
    /// Wilson interval of p at n_eff
    /// ```
    ///
    /// Slices as unit would make it too narrow: neighbouring slices of one fish are alike. `None` without a slice.
    pub fn interval(&self, level: f64) -> Option<Interval> {
        if self.total() == 0 {
            return None;
        }
        let (p, total, m) = (self.share(), self.total() as f64, self.animals.len() as f64);
        let squares = |count: &Count| (count.correct as f64 - p * count.total as f64).powi(2);
        let variance = m / (m - 1.0).max(1.0) * self.animals.values().map(squares).sum::<f64>()
            / (total * total);
        let n_eff = if p * (1.0 - p) > 0.0 {
            (p * (1.0 - p) / variance).clamp(1.0, total)
        } else {
            m
        };
        Some(effective_wilson(p, n_eff, level))
    }
}

/// Wilson's interval at a number of observations that need not be whole.
///
/// ```text
/// (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n)
/// ```
fn effective_wilson(p: f64, n: f64, level: f64) -> Interval {
    let z = normal_quantile(0.5 + level / 2.0);
    let (shrink, centre) = (1.0 + z * z / n, p + z * z / (2.0 * n));
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    Interval {
        estimate: p,
        lower: ((centre - half) / shrink).clamp(0.0, p),
        upper: ((centre + half) / shrink).clamp(p, 1.0),
        level,
    }
}

/// Counts how often a network is right.
///
/// # Errors
///
/// [`Error::Run`](crate::error::Error::Run) if the network fails.
pub fn evaluate<'a>(
    model: &dyn Backbone,
    source: &Slices<'_>,
    animal_of: impl Fn(usize) -> &'a str,
) -> Result<Accuracy> {
    let mut accuracy = Accuracy::default();
    for index in 0..source.batches(0) {
        let batch = source
            .batch(0, index)
            .map_err(|e| failed("evaluation batch", e))?;
        let answers: Vec<u32> = model
            .forward(&batch.images)
            .and_then(|logits| logits.argmax(1)?.to_vec1())
            .map_err(|e| failed("evaluation", e))?;
        for (draw, answer) in source.members(0, index).into_iter().zip(answers) {
            let slice = &source.slices[draw.item];
            let count = accuracy
                .animals
                .entry(animal_of(slice.scan).to_owned())
                .or_default();
            count.total += 1;
            count.correct += usize::from(answer == slice.label);
        }
    }
    Ok(accuracy)
}

#[cfg(test)]
mod tests {
    use stats::{ProportionInterval, proportion_interval};

    use super::*;

    fn accuracy(counts: &[(usize, usize)]) -> Accuracy {
        let count = |(i, &(correct, total)): (usize, &(usize, usize))| {
            (i.to_string(), Count { correct, total })
        };
        Accuracy {
            animals: counts.iter().enumerate().map(count).collect(),
        }
    }

    #[test]
    fn all_right_has_the_width_of_as_many_observations_as_animals() {
        let ours = accuracy(&[(8, 8); 6]).interval(0.95).unwrap();
        let wilson = proportion_interval(6, 6, 0.95, ProportionInterval::Wilson).unwrap();
        assert!((ours.lower - wilson.lower).abs() < 1e-12 && ours.upper == 1.0);
    }

    #[test]
    fn animals_that_differ_widen_the_interval() {
        let alike = accuracy(&[(6, 8); 4]).interval(0.95).unwrap();
        let unlike = accuracy(&[(8, 8), (8, 8), (8, 8), (0, 8)])
            .interval(0.95)
            .unwrap();
        assert!(unlike.width() > 1.2 * alike.width());
        assert_eq!(alike.estimate, unlike.estimate);
    }

    #[test]
    fn nothing_has_no_interval() {
        assert!(Accuracy::default().interval(0.95).is_none());
    }
}
