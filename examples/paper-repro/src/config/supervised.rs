//! The supervised reference: a patch network taught by simulated annotators.

use cnn_zoo::Architecture;
use cnn_zoo::train::{Optimiser, TrainConfig};
use fillet_preprocess::patches::PatchConfig;
use fillet_preprocess::phantom::AnnotatorConfig;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How the supervised reference is made (Anderssen et al. 2021, with simulated annotators).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisedConfig {
    /// Whether it is made at all. It needs labels, which only the phantom has.
    pub enabled: bool,
    /// `patch_v3` or `patch_v6`.
    pub architecture: Architecture,
    /// Factor on every number of channels; 1 is the network as published.
    pub width: f64,
    /// Side of a patch in pixels (the code: 8).
    pub patch_size: usize,
    /// Distance between neighbouring patches in pixels (the code: 4).
    pub stride: usize,
    /// Most patches per class and training scan.
    pub patches_per_scan: usize,
    /// Most epochs (the code: 100).
    pub epochs: usize,
    /// Epochs without a better validation loss after which training stops (the code: 20).
    pub patience: usize,
    /// Patches per step (the code: 32).
    pub batch_size: usize,
    /// Step size (the code: 0.05).
    pub learning_rate: f64,
    /// The rule that turns gradients into steps (the code: plain gradient descent).
    pub optimiser: Optimiser,
    /// Side of the majority filter in pixels, fixed beforehand.
    pub smoothing: usize,
    /// Sides tried where the protocol picks the filter on its result.
    pub smoothing_tried: Vec<usize>,
    /// How raters see and draw.
    pub annotator: AnnotatorConfig,
}

impl SupervisedConfig {
    /// Size and distance of the patches.
    pub fn patch(&self) -> PatchConfig {
        PatchConfig {
            size: self.patch_size,
            stride: self.stride,
        }
    }

    /// The same as `cnn-zoo` takes it.
    pub fn to_zoo(&self, seed: u64) -> TrainConfig {
        TrainConfig {
            epochs: self.epochs,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            optimiser: self.optimiser,
            patience: Some(self.patience),
            seed,
            ..TrainConfig::default()
        }
    }

    /// Filters need at least one pixel.
    pub(super) fn check_smoothing(&self) -> fillet_preprocess::Result<()> {
        let one = ndarray::Array2::<u8>::zeros((1, 1));
        for &size in self.smoothing_tried.iter().chain([&self.smoothing]) {
            fillet_preprocess::majority_filter(one.view(), size)?;
        }
        Ok(())
    }

    /// Checks the numbers that a type alone cannot guard.
    pub(super) fn validate(&self) -> Result<()> {
        let checks = [
            (
                matches!(
                    self.architecture,
                    Architecture::PatchV3 | Architecture::PatchV6
                ),
                "architecture",
                self.architecture.to_string(),
                "patch_v3 or patch_v6",
            ),
            (
                self.width > 0.0 && self.width <= 4.0,
                "width",
                self.width.to_string(),
                "above 0 and at most 4",
            ),
            (
                self.patch_size.is_multiple_of(4),
                "patch_size",
                self.patch_size.to_string(),
                "a multiple of 4",
            ),
            (
                self.patches_per_scan >= 1,
                "patches_per_scan",
                self.patches_per_scan.to_string(),
                "at least 1",
            ),
            (
                self.epochs >= 1,
                "epochs",
                self.epochs.to_string(),
                "at least 1",
            ),
            (
                self.batch_size >= 1,
                "batch_size",
                self.batch_size.to_string(),
                "at least 1",
            ),
            (
                self.learning_rate > 0.0 && self.learning_rate.is_finite(),
                "learning_rate",
                self.learning_rate.to_string(),
                "a positive number",
            ),
            (
                !self.smoothing_tried.is_empty(),
                "smoothing_tried",
                "[]".to_owned(),
                "at least one size",
            ),
        ];
        for (fine, key, value, possible) in checks {
            if !fine {
                return Err(Error::usage(format!(
                    "supervised.{key} = {value}: {possible}"
                )));
            }
        }
        Ok(())
    }
}
