//! Profiles: how large a study is.

use cam_methods::Method;
use cnn_zoo::train::Optimiser;
use cnn_zoo::{Architecture, Convention, Initialisation};
use fillet_preprocess::phantom::{AnnotatorConfig, PhantomConfig};
use fillet_preprocess::{AugmentConfig, ForegroundConfig, NormaliseConfig};
use serde::{Deserialize, Serialize};

use super::{
    AnalysisConfig, Config, Copies, DataConfig, Device, ExplainConfig, NetworkConfig,
    PreprocessConfig, Protocol, SupervisedConfig, Switches, TrainingConfig,
};

/// How large a study is. What it means is its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// A minute on two cores: shows that everything works.
    Smoke,
    /// Minutes on two cores: small networks on small images.
    Quick,
    /// 64 scans × 8 slices × 128², half width, three seeds: what conclusions rest on; hours on two cores.
    Study,
    /// 64 scans × 54 slices × 256², full-width networks, the paper's schedule; meant for a GPU.
    Paper,
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Smoke => "smoke",
            Self::Quick => "quick",
            Self::Study => "study",
            Self::Paper => "paper",
        })
    }
}

/// The numbers in which profiles differ.
struct Size {
    fish: usize,
    slices: usize,
    /// Slices dropped at each end, where the phantom spoils them as the scanner did.
    trim: usize,
    image: usize,
    width: f64,
    folds: usize,
    epochs: usize,
    patience: usize,
    batch: usize,
    learning_rate: f64,
    optimiser: Optimiser,
    norm_momentum: Option<f64>,
    score_channels: Option<usize>,
    seeds: usize,
    supervised: Supervised,
    resamples: usize,
    foreground: ForegroundConfig,
    normalise: NormaliseConfig,
    augment: AugmentConfig,
}

/// The numbers of the supervised reference in which profiles differ.
struct Supervised {
    architecture: Architecture,
    width: f64,
    patch_size: usize,
    stride: usize,
    patches_per_scan: usize,
    epochs: usize,
    patience: usize,
    learning_rate: f64,
    smoothing: usize,
}

impl Profile {
    fn size(self) -> Size {
        // the filters of the background removal are sized for 256 pixels; small images get smaller ones
        let small = ForegroundConfig {
            maximum_size: 3,
            erosions: 1,
            gaussian_size: 3,
            ..ForegroundConfig::default()
        };
        let middle = ForegroundConfig {
            maximum_size: 3,
            erosions: 2,
            gaussian_size: 5,
            ..ForegroundConfig::default()
        };
        // rotating or shifting a small image blurs the very texture that tells thawed from fresh
        let flips = AugmentConfig {
            rotation_degrees: 0.0,
            row_shift: 0.0,
            column_shift: 0.0,
            ..AugmentConfig::default()
        };
        // muscle becomes about 1, so that short training starts at the right scale
        let muscle = NormaliseConfig::Divide { divisor: 1024.0 };
        // short training does not get far with plain gradient descent
        let adam = Optimiser::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        };
        match self {
            Self::Smoke => Size {
                fish: 6,
                slices: 6,
                trim: 2,
                // the last map of the Inception networks has one cell below 107 pixels
                image: 112,
                width: 0.125,
                folds: 3,
                epochs: 4,
                patience: 4,
                batch: 8,
                learning_rate: 1e-3,
                optimiser: adam,
                norm_momentum: Some(0.9),
                score_channels: Some(16),
                seeds: 1,
                supervised: Supervised {
                    architecture: Architecture::PatchV3,
                    width: 0.125,
                    patch_size: 4,
                    stride: 2,
                    patches_per_scan: 100,
                    epochs: 6,
                    patience: 6,
                    learning_rate: 1e-3,
                    smoothing: 3,
                },
                resamples: 200,
                foreground: small,
                normalise: muscle,
                augment: flips,
            },
            Self::Quick => Size {
                fish: 16,
                slices: 8,
                trim: 2,
                image: 112,
                width: 0.125,
                folds: 4,
                epochs: 8,
                patience: 8,
                batch: 8,
                learning_rate: 1e-3,
                optimiser: adam,
                norm_momentum: Some(0.9),
                score_channels: Some(16),
                seeds: 1,
                supervised: Supervised {
                    architecture: Architecture::PatchV3,
                    width: 0.125,
                    patch_size: 4,
                    stride: 2,
                    patches_per_scan: 100,
                    epochs: 10,
                    patience: 10,
                    learning_rate: 1e-3,
                    smoothing: 3,
                },
                resamples: 500,
                foreground: small,
                normalise: muscle,
                augment: flips,
            },
            Self::Study => Size {
                fish: 16,
                slices: 14,
                trim: 3,
                image: 128,
                width: 0.5,
                folds: 5,
                epochs: 100,
                patience: 25,
                batch: 16,
                learning_rate: 1e-3,
                optimiser: adam,
                norm_momentum: Some(0.9),
                score_channels: None,
                seeds: 3,
                supervised: Supervised {
                    architecture: Architecture::PatchV3,
                    width: 0.5,
                    patch_size: 4,
                    stride: 2,
                    patches_per_scan: 200,
                    epochs: 50,
                    patience: 10,
                    learning_rate: 1e-3,
                    smoothing: 4,
                },
                resamples: 2000,
                foreground: middle,
                normalise: muscle,
                augment: flips,
            },
            Self::Paper => Size {
                fish: 16,
                slices: 54,
                trim: 15,
                image: 256,
                width: 1.0,
                folds: 5,
                epochs: 2500,
                patience: 250,
                batch: 32,
                learning_rate: 5e-3,
                optimiser: Optimiser::Sgd,
                norm_momentum: None,
                score_channels: None,
                seeds: 5,
                supervised: Supervised {
                    architecture: Architecture::PatchV6,
                    width: 1.0,
                    patch_size: 8,
                    stride: 4,
                    patches_per_scan: 2000,
                    epochs: 100,
                    patience: 20,
                    learning_rate: 0.05,
                    smoothing: 4,
                },
                resamples: 10_000,
                foreground: ForegroundConfig::default(),
                normalise: NormaliseConfig::default(),
                augment: AugmentConfig::default(),
            },
        }
    }

    pub(super) fn config(self) -> Config {
        let size = self.size();
        // Glorot's rule, as in the paper, needs the paper's thousands of epochs where there is no batch norm
        let initialisation = if self == Self::Paper {
            Initialisation::Convention
        } else {
            Initialisation::He
        };
        let network = |architecture: Architecture| NetworkConfig {
            architecture,
            width: size.width,
            convention: if architecture.supports(Convention::Keras) {
                Convention::Keras
            } else {
                Convention::Torch
            },
            initialisation,
        };
        Config {
            profile: self,
            protocol: Protocol::Rigorous,
            switches: Switches::of(Protocol::Rigorous),
            device: Device::Cpu,
            seed: 2023,
            data: DataConfig {
                directory: None,
                samples: None,
                positive_class: "thawed".to_owned(),
                trim_first: size.trim,
                trim_last: size.trim,
                exclude: Vec::new(),
            },
            phantom: PhantomConfig {
                fish: size.fish,
                slices: size.slices,
                size: size.image,
                slice_spacing_mm: 54.0 / size.slices as f64,
                ..PhantomConfig::paper()
            },
            preprocess: PreprocessConfig {
                image_size: size.image,
                normalise: size.normalise,
                foreground: size.foreground,
                minimum_foreground: 0.02,
            },
            networks: Architecture::ALL.into_iter().map(network).collect(),
            training: TrainingConfig {
                folds: size.folds,
                seeds: size.seeds,
                epochs: size.epochs,
                patience: size.patience,
                copies: if self == Self::Paper {
                    Copies::Added
                } else {
                    Copies::Drawn
                },
                batch_size: size.batch,
                learning_rate: size.learning_rate,
                optimiser: size.optimiser,
                norm_momentum: size.norm_momentum,
                // small networks keep one core busy, not two; at full size memory allows one at a time
                concurrent_folds: if self == Self::Paper { 1 } else { 8 },
                augment: size.augment,
            },
            explain: ExplainConfig {
                methods: vec![
                    Method::GradCam,
                    Method::GradCamPlusPlus,
                    Method::LayerCam,
                    Method::ScoreCam,
                    Method::FasterScoreCam,
                ],
                batch_size: 8,
                score_channels: size.score_channels,
                memory_mib: 256,
                random_weights: true,
                scale_slices: 1,
            },
            supervised: SupervisedConfig {
                enabled: true,
                architecture: size.supervised.architecture,
                width: size.supervised.width,
                patch_size: size.supervised.patch_size,
                stride: size.supervised.stride,
                patches_per_scan: size.supervised.patches_per_scan,
                epochs: size.supervised.epochs,
                patience: size.supervised.patience,
                batch_size: 32,
                learning_rate: size.supervised.learning_rate,
                optimiser: size.optimiser,
                smoothing: size.supervised.smoothing,
                smoothing_tried: match self {
                    Self::Paper => vec![1, 4, 8, 12, 16, 20, 24, 28, 32],
                    _ => vec![1, 2, 4, 6, 8],
                },
                annotator: AnnotatorConfig::default(),
            },
            analysis: AnalysisConfig {
                thresholds: (1..=9).map(|tenth| f64::from(tenth) / 10.0).collect(),
                truth_threshold: 0.5,
                confidence: 0.95,
                resamples: size.resamples,
                permutations: size.resamples,
            },
        }
    }
}
