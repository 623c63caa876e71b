//! What a run does, as typed data: sizes come from a profile, meaning from a protocol.

mod check;
mod device;
mod file;
mod profile;
mod protocol;
mod supervised;
pub mod switches;

use std::path::PathBuf;

use cam_methods::Method;
use cnn_zoo::train::{Optimiser, TrainConfig};
use cnn_zoo::{Architecture, Convention, Initialisation};
use fillet_preprocess::phantom::PhantomConfig;
use fillet_preprocess::{
    AugmentConfig, ExcludedSlice, ForegroundConfig, ForegroundVariant, NormaliseConfig,
};
use serde::{Deserialize, Serialize};

pub use device::Device;
pub use profile::Profile;
pub use protocol::Protocol;
pub use supervised::SupervisedConfig;
pub use switches::{SWITCHES, Switches};

use crate::error::{Error, Result};

/// Everything that decides what a run does. Printed by `--print-config`, read by `--config`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The profile these sizes came from.
    pub profile: Profile,
    /// What the study means.
    pub protocol: Protocol,
    /// The protocol row by row; each may be set on its own.
    pub switches: Switches,
    /// `cpu` or `cuda:N`.
    pub device: Device,
    /// Seed of everything random.
    pub seed: u64,
    /// Where scans come from and which of their slices count.
    pub data: DataConfig,
    /// The phantom made when `data.directory` is absent.
    pub phantom: PhantomConfig,
    /// From volumes to slices that a network sees.
    pub preprocess: PreprocessConfig,
    /// The networks, in the order of tables and figures.
    pub networks: Vec<NetworkConfig>,
    /// How they are trained.
    pub training: TrainingConfig,
    /// How their decisions are mapped.
    pub explain: ExplainConfig,
    /// The supervised reference.
    pub supervised: SupervisedConfig,
    /// What is computed from the maps.
    pub analysis: AnalysisConfig,
}

/// Where scans come from and which of their slices count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Folder with one DICOM file or folder per scan; absent: the phantom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// The sample sheet; absent: `samples.csv` in `directory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<PathBuf>,
    /// The class whose evidence is mapped (y = 1).
    pub positive_class: String,
    /// Slices dropped at the start of every scan.
    pub trim_first: usize,
    /// Slices dropped at the end of every scan.
    pub trim_last: usize,
    /// Further slices to leave out, such as spoilt ones.
    #[serde(default)]
    pub exclude: Vec<ExcludedSlice>,
}

/// From volumes to slices that a network sees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreprocessConfig {
    /// Side of the square network input in pixels; scans of another matrix size are resampled.
    pub image_size: usize,
    /// From stored values to network input, per scan and inside the tissue (the paper: divide by 4096).
    pub normalise: NormaliseConfig,
    /// How the background is found.
    pub foreground: ForegroundConfig,
    /// Smallest share of foreground pixels of a slice worth keeping.
    pub minimum_foreground: f64,
}

/// One network of the study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Which network.
    pub architecture: Architecture,
    /// Factor on every number of channels; 1 is the network as published.
    pub width: f64,
    /// Whose details: Keras (as the authors ran) or PyTorch.
    pub convention: Convention,
    /// How fresh weights are drawn.
    #[serde(default)]
    pub initialisation: Initialisation,
}

impl NetworkConfig {
    /// A network whose convention does not exist, or that cannot see so small an image, is refused before anything is made.
    fn check(&self, image_size: usize) -> Result<()> {
        let fault =
            |e: &dyn std::fmt::Display| Error::usage(format!("network {}: {e}", self.architecture));
        if !self.architecture.supports(self.convention) {
            return Err(fault(
                &"it does not exist in this convention; Inception V4 is `torch`",
            ));
        }
        if self.architecture.labels_pixels()
            || Architecture::SUPERVISED.contains(&self.architecture)
        {
            return Err(fault(&"it learns from labelled pixels; see [supervised]"));
        }
        let least = self.architecture.minimum_input_size();
        if image_size < least {
            return Err(fault(&format!(
                "preprocess.image_size = {image_size}: it needs at least {least} pixels"
            )));
        }
        Ok(())
    }
}

/// How the networks are trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// Folds of the cross-fit; every fish is held out once.
    pub folds: usize,
    /// Trainings of every network, each from other random weights: how far they differ is the noise floor.
    pub seeds: usize,
    /// Cap on the epochs that the schedule of the protocol allows.
    pub epochs: usize,
    /// Cap on its patience: epochs without a better validation loss after which training stops.
    pub patience: usize,
    /// How contrast-adjusted and other copies enter an epoch.
    pub copies: Copies,
    /// Images per step.
    pub batch_size: usize,
    /// Step size of gradient descent.
    pub learning_rate: f64,
    /// The rule that turns gradients into steps (the paper: plain gradient descent).
    pub optimiser: Optimiser,
    /// Share of the running statistics of batch norm kept at each step; absent: as the network's
    /// convention says (0.99 for Keras, too slow for short training).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norm_momentum: Option<f64>,
    /// Folds trained at the same time, each on one thread; 1 trains them one after the other on all threads. The
    /// results are the same.
    pub concurrent_folds: usize,
    /// Random changes of the training images.
    pub augment: AugmentConfig,
}

/// How copies of training slices enter an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Copies {
    /// Every copy is seen once per epoch, which makes epochs longer.
    Added,
    /// An epoch is as long as without copies: as many draws from slices and copies together.
    Drawn,
}

/// How the networks' decisions are mapped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainConfig {
    /// The methods, in the order of tables and figures.
    pub methods: Vec<Method>,
    /// Slices explained together.
    pub batch_size: usize,
    /// Most channels of Score-CAM, chosen by spatial deviation; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_channels: Option<usize>,
    /// Memory for the masked copies of Score-CAM, in MiB.
    pub memory_mib: usize,
    /// Whether networks that were never trained are mapped as well, as a control.
    pub random_weights: bool,
    /// Slices of every training scan mapped to find the common scale of a network, method and fold.
    pub scale_slices: usize,
}

/// What is computed from the maps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnalysisConfig {
    /// Thresholds t of the maps; a pixel is damaged if its value is at least t.
    pub thresholds: Vec<f64>,
    /// The truth counts as damaged from this value on.
    pub truth_threshold: f64,
    /// Confidence level of every interval.
    pub confidence: f64,
    /// Resamples of every bootstrap.
    pub resamples: usize,
    /// Permutations of every permutation test.
    pub permutations: usize,
}

impl TrainingConfig {
    /// The same as `cnn-zoo` takes it.
    pub fn to_zoo(&self, schedule: switches::Schedule) -> TrainConfig {
        TrainConfig {
            epochs: self.epochs.min(schedule.epochs()),
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            optimiser: self.optimiser,
            patience: Some(self.patience.min(schedule.patience())),
            ..TrainConfig::default()
        }
    }
}

impl Config {
    /// The configuration of a profile.
    pub fn profile(profile: Profile) -> Self {
        profile.config()
    }

    /// Keeps the named networks, in that order; one that the profile lacks gets the width of its first network.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if no network is left.
    pub fn choose_networks(&mut self, wanted: &[Architecture]) -> Result<()> {
        let template = self
            .networks
            .first()
            .cloned()
            .ok_or_else(|| Error::usage("the configuration has no network"))?;
        self.networks = wanted
            .iter()
            .map(|&architecture| {
                self.networks
                    .iter()
                    .find(|network| network.architecture == architecture)
                    .cloned()
                    .unwrap_or(NetworkConfig {
                        architecture,
                        convention: if architecture.supports(template.convention) {
                            template.convention
                        } else if architecture.supports(Convention::Keras) {
                            Convention::Keras
                        } else {
                            Convention::Torch
                        },
                        ..template.clone()
                    })
            })
            .collect();
        Ok(())
    }

    /// Sets a protocol with all its switches.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.switches = Switches::of(protocol);
    }

    /// Leaves out what the switches leave out: one of the two networks that "Inception V4" may mean.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if no network is left.
    pub fn apply_switches(&mut self) -> Result<()> {
        let dropped = match self.switches.inception_v4 {
            switches::InceptionV4::AsNamed => Architecture::InceptionResNetV2,
            switches::InceptionV4::InceptionResnetV2 => Architecture::InceptionV4,
            switches::InceptionV4::Both => return Ok(()),
        };
        self.networks
            .retain(|network| network.architecture != dropped);
        if self.networks.is_empty() {
            return Err(Error::usage(format!(
                "no network is left: the switch inception_v4 = {} leaves out {dropped}",
                self.switches.value("inception_v4")
            )));
        }
        Ok(())
    }

    /// How the background is removed, the protocol's 8-bit step included.
    pub fn foreground(&self) -> ForegroundConfig {
        let foreground = self.preprocess.foreground;
        match foreground.variant {
            ForegroundVariant::Robust => foreground,
            _ => ForegroundConfig {
                variant: self.switches.eight_bit.variant(),
                ..foreground
            },
        }
    }

    /// Slices dropped at the start and at the end of every scan.
    pub fn trim(&self) -> [usize; 2] {
        match self.switches.slices {
            switches::SliceRule::All => [0, 0],
            _ => [self.data.trim_first, self.data.trim_last],
        }
    }

    /// Whether the data come from the phantom.
    pub fn is_synthetic(&self) -> bool {
        self.data.directory.is_none()
    }
}
