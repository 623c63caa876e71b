//! Which values are possible.

use super::Config;
use crate::error::{Error, Result};

impl Config {
    /// Checks every value that a type alone cannot guard.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] names the key, its value and what would be possible.
    pub fn validate(&self) -> Result<()> {
        let training = &self.training;
        let unit = |value: f64| value > 0.0 && value < 1.0;
        let checks: [(bool, &str, String, &str); 19] = [
            (
                (1..=100).contains(&training.seeds),
                "training.seeds",
                training.seeds.to_string(),
                "1 to 100",
            ),
            (
                (100..=1_000_000).contains(&self.analysis.resamples)
                    && (100..=1_000_000).contains(&self.analysis.permutations),
                "analysis",
                format!(
                    "resamples {}, permutations {}",
                    self.analysis.resamples, self.analysis.permutations
                ),
                "100 to 1000000 each",
            ),
            (
                self.explain.scale_slices >= 1,
                "explain.scale_slices",
                self.explain.scale_slices.to_string(),
                "at least 1",
            ),
            (
                !self.data.positive_class.trim().is_empty(),
                "data.positive_class",
                self.data.positive_class.clone(),
                "name a class of the sample sheet",
            ),
            (
                (16..=4096).contains(&self.preprocess.image_size),
                "preprocess.image_size",
                self.preprocess.image_size.to_string(),
                "16 to 4096",
            ),
            (
                (0.0..1.0).contains(&self.preprocess.minimum_foreground),
                "preprocess.minimum_foreground",
                self.preprocess.minimum_foreground.to_string(),
                "at least 0 and below 1",
            ),
            (
                !self.networks.is_empty(),
                "networks",
                "[]".into(),
                "at least one network",
            ),
            (
                self.networks
                    .iter()
                    .all(|n| n.width > 0.0 && n.width <= 4.0),
                "networks.width",
                format!(
                    "{:?}",
                    self.networks.iter().map(|n| n.width).collect::<Vec<_>>()
                ),
                "above 0 and at most 4",
            ),
            (
                distinct(self.networks.iter().map(|n| n.architecture)),
                "networks",
                join(self.networks.iter().map(|n| n.architecture)),
                "each network once",
            ),
            (
                training.folds >= 3,
                "training.folds",
                training.folds.to_string(),
                "at least 3 (train, validation, test)",
            ),
            (
                training.epochs >= 1,
                "training.epochs",
                training.epochs.to_string(),
                "at least 1",
            ),
            (
                training.concurrent_folds >= 1,
                "training.concurrent_folds",
                training.concurrent_folds.to_string(),
                "at least 1",
            ),
            (
                training.batch_size >= 1,
                "training.batch_size",
                training.batch_size.to_string(),
                "at least 1",
            ),
            (
                training.learning_rate > 0.0 && training.learning_rate.is_finite(),
                "training.learning_rate",
                training.learning_rate.to_string(),
                "a positive number",
            ),
            (
                training
                    .norm_momentum
                    .is_none_or(|m| (0.0..1.0).contains(&m)),
                "training.norm_momentum",
                format!("{:?}", training.norm_momentum),
                "at least 0 and below 1",
            ),
            (
                !self.explain.methods.is_empty()
                    && distinct(self.explain.methods.iter().map(ToString::to_string)),
                "explain.methods",
                join(&self.explain.methods),
                "at least one method, each once",
            ),
            (
                self.explain.batch_size >= 1
                    && self.explain.memory_mib >= 1
                    && self.explain.score_channels != Some(0),
                "explain",
                format!(
                    "batch_size {}, memory_mib {}, score_channels {:?}",
                    self.explain.batch_size, self.explain.memory_mib, self.explain.score_channels
                ),
                "each at least 1",
            ),
            (
                !self.analysis.thresholds.is_empty()
                    && self.analysis.thresholds.iter().all(|&t| unit(t))
                    && self.analysis.thresholds.windows(2).all(|w| w[0] < w[1]),
                "analysis.thresholds",
                format!("{:?}", self.analysis.thresholds),
                "increasing, between 0 and 1",
            ),
            (
                unit(self.analysis.truth_threshold) && unit(self.analysis.confidence),
                "analysis",
                format!(
                    "truth_threshold {}, confidence {}",
                    self.analysis.truth_threshold, self.analysis.confidence
                ),
                "between 0 and 1",
            ),
        ];
        let parts = [
            (
                "preprocess.foreground",
                self.preprocess.foreground.validate(),
            ),
            ("preprocess.normalise", self.preprocess.normalise.validate()),
            ("training.augment", training.augment.validate()),
            ("phantom", self.phantom.validate()),
            ("supervised.patch", self.supervised.patch().validate()),
            ("supervised.smoothing", self.supervised.check_smoothing()),
        ];
        for (key, outcome) in parts {
            outcome.map_err(|e| Error::usage(format!("{key}: {e}")))?;
        }
        for network in &self.networks {
            network.check(self.preprocess.image_size)?;
        }
        self.supervised.validate()?;
        if self.explain.memory_mib > 1 << 20 {
            return Err(Error::usage(format!(
                "explain.memory_mib = {}: at most {}",
                self.explain.memory_mib,
                1 << 20
            )));
        }
        if self.data.samples.is_some() && self.data.directory.is_none() {
            return Err(Error::usage(
                "data.samples needs data.directory (--samples goes with --data)",
            ));
        }
        for (fine, key, value, possible) in checks {
            if !fine {
                return Err(Error::usage(format!("{key} = {value}: {possible}")));
            }
        }
        training
            .to_zoo(self.switches.schedule)
            .validate()
            .map_err(|e| Error::usage(format!("training: {e}")))?;
        Ok(())
    }
}

fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> bool {
    let items: Vec<T> = items.collect();
    items
        .iter()
        .enumerate()
        .all(|(i, item)| !items[..i].contains(item))
}

fn join<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items
        .into_iter()
        .map(|item| item.to_string())
        .collect::<Vec<_>>()
        .join(",")
}
