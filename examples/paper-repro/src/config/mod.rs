//! What a run does, as typed data: sizes come from a profile, meaning from a protocol.

mod device;
mod profile;
mod protocol;
mod supervised;
pub mod switches;

use std::path::{Path, PathBuf};

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

    /// Reads a configuration; keys left out keep the values of the file's profile (`quick` if it names none).
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] names the file, and the key that is unknown or has an impossible value.
    pub fn from_file(file: &Path) -> Result<Self> {
        let fault = |e: &dyn std::fmt::Display| {
            Error::usage(format!("configuration {}: {e}", file.display()))
        };
        let text = std::fs::read_to_string(file).map_err(|e| fault(&e))?;
        let given: toml::Table = toml::from_str(&text).map_err(|e| fault(&e))?;
        let profile = match given.get("profile") {
            Some(value) => value
                .clone()
                .try_into()
                .map_err(|e| fault(&format!("profile: {e}")))?,
            None => Profile::Quick,
        };
        let mut base = Self::profile(profile);
        if let Some(value) = given.get("protocol") {
            base.set_protocol(
                value
                    .clone()
                    .try_into()
                    .map_err(|e| fault(&format!("protocol: {e}")))?,
            );
        }
        let mut merged = toml::Table::try_from(base).map_err(|e| fault(&e))?;
        merge(&mut merged, given, "").map_err(|key| {
            fault(&format!(
                "unknown key `{key}`; --print-config shows the keys there are"
            ))
        })?;
        merged.try_into().map_err(|e| fault(&e))
    }

    /// The configuration as TOML that `--config` accepts.
    ///
    /// # Errors
    ///
    /// [`Error::Run`] if a value has no TOML form.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::Run(e.into()))
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

    /// Whether the data come from the phantom.
    pub fn is_synthetic(&self) -> bool {
        self.data.directory.is_none()
    }
}

/// Lays `over` on `base`; the error is the path of a key of a table that `base` lacks.
fn merge(base: &mut toml::Table, over: toml::Table, path: &str) -> std::result::Result<(), String> {
    for (key, value) in over {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match (base.get_mut(&key), value) {
            // another kind of optimiser or normalisation has other keys
            (Some(toml::Value::Table(inner)), toml::Value::Table(value))
                if !changes_kind(inner, &value) =>
            {
                merge(inner, value, &path)?;
            }
            (Some(slot), value) => *slot = value,
            // keys that may be absent are absent from the base as well
            (None, value) if OPTIONAL.contains(&path.as_str()) => {
                base.insert(key, value);
            }
            (None, _) => return Err(path),
        }
    }
    Ok(())
}

const OPTIONAL: [&str; 4] = [
    "data.directory",
    "data.samples",
    "training.norm_momentum",
    "explain.score_channels",
];

fn changes_kind(base: &toml::Table, over: &toml::Table) -> bool {
    ["kind", "method"].iter().any(|tag| {
        over.get(*tag)
            .is_some_and(|kind| base.get(*tag) != Some(kind))
    })
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
