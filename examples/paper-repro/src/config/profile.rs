//! Profiles: how large a study is.

use cam_methods::Method;
use cnn_zoo::train::Optimiser;
use cnn_zoo::{Architecture, Convention, Initialisation};
use fillet_preprocess::phantom::PhantomConfig;
use fillet_preprocess::{AugmentConfig, ForegroundConfig, NormaliseConfig};
use serde::{Deserialize, Serialize};

use super::{
    AnalysisConfig, Config, DataConfig, Device, ExplainConfig, NetworkConfig, PreprocessConfig,
    Protocol, TrainingConfig,
};

/// How large a study is. What it means is its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// A minute on two cores: shows that everything works.
    Smoke,
    /// Minutes on two cores: small networks on small images.
    Quick,
    /// 64 scans × 54 slices × 256², full-width networks, the paper's schedule; meant for a GPU.
    Paper,
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Smoke => "smoke",
            Self::Quick => "quick",
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
    foreground: ForegroundConfig,
    normalise: NormaliseConfig,
    augment: AugmentConfig,
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
                slices: 8,
                trim: 2,
                image: 64,
                width: 0.125,
                folds: 3,
                epochs: 16,
                patience: 16,
                batch: 8,
                learning_rate: 1e-3,
                optimiser: adam,
                norm_momentum: Some(0.9),
                score_channels: Some(32),
                foreground: small,
                normalise: muscle,
                augment: flips,
            },
            Self::Quick => Size {
                fish: 16,
                slices: 10,
                trim: 2,
                image: 96,
                width: 0.125,
                folds: 4,
                epochs: 30,
                patience: 30,
                batch: 16,
                learning_rate: 1e-3,
                optimiser: adam,
                norm_momentum: Some(0.9),
                score_channels: Some(64),
                foreground: small,
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
                patience: 200,
                batch: 32,
                learning_rate: 5e-3,
                optimiser: Optimiser::Sgd,
                norm_momentum: None,
                score_channels: None,
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
        let network = |architecture| NetworkConfig {
            architecture,
            width: size.width,
            convention: Convention::Keras,
            initialisation,
        };
        Config {
            profile: self,
            protocol: Protocol::Rigorous,
            device: Device::Cpu,
            seed: 2023,
            data: DataConfig {
                directory: None,
                samples: None,
                positive_class: "thawed".to_owned(),
                trim_first: size.trim,
                trim_last: size.trim,
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
            networks: vec![
                network(Architecture::ResNet50),
                network(Architecture::Vgg16),
            ],
            training: TrainingConfig {
                folds: size.folds,
                epochs: size.epochs,
                patience: size.patience,
                batch_size: size.batch,
                learning_rate: size.learning_rate,
                optimiser: size.optimiser,
                norm_momentum: size.norm_momentum,
                // small networks keep one core busy, not two; at full size memory allows one at a time
                concurrent_folds: if self == Self::Paper { 1 } else { 8 },
                augment: size.augment,
            },
            explain: ExplainConfig {
                methods: vec![Method::GradCam, Method::ScoreCam],
                batch_size: 8,
                score_channels: size.score_channels,
                memory_mib: 256,
            },
            analysis: AnalysisConfig {
                thresholds: (1..=9).map(|tenth| f64::from(tenth) / 10.0).collect(),
                truth_threshold: 0.5,
                confidence: 0.95,
            },
        }
    }
}
