//! Networks on disk: safetensors files that say what they hold, and the files of other programs.

mod change;
mod container;
mod file;
mod import;
mod keras;
mod keras_names;
mod keras_offers;
mod keras_order;
mod mismatch;
mod pickle;
mod pth;
mod shards;
mod torch_names;
mod zip;

pub use import::{Format, ImportOptions, ImportReport, import};
pub use mismatch::{Mismatch, Misshaped};

pub(crate) use container::{Container, Entry, write_container};
pub(crate) use file::TensorFile;

use std::path::Path;

use candle_core::Device;
use serde::{Deserialize, Serialize};

use crate::backbone::{Backbone, build};
use crate::config::BackboneConfig;
use crate::error::{Error, Result};
use crate::parameters::Parameters;

/// Version of the metadata that [`save`] writes.
pub const FORMAT_VERSION: u32 = 1;

/// What a weights file says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsInfo {
    /// Version of this record.
    pub format_version: u32,
    /// The network.
    pub backbone: BackboneConfig,
    /// How the images were scaled before the network saw them, in the writer's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<String>,
    /// How the weights came about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingRecord>,
}

/// How weights came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecord {
    /// Epoch the weights are from, counted from 0.
    pub epoch: usize,
    /// Validation loss of that epoch.
    pub validation_loss: f64,
    /// Validation accuracy of that epoch, in [0, 1].
    pub validation_accuracy: f64,
    /// Seed of the training.
    pub seed: u64,
}

impl WeightsInfo {
    /// The record of a network with nothing said about its training.
    #[must_use]
    pub fn of(network: &dyn Backbone) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            backbone: network.config().clone(),
            normalisation: None,
            training: None,
        }
    }
}

/// Name of the metadata entry that holds a [`WeightsInfo`] as JSON.
const INFO_KEY: &str = "cnn_zoo";
/// PyTorch's count of batches, which nothing here needs.
const IGNORED_SUFFIX: &str = ".num_batches_tracked";

/// Writes a network's tensors to a safetensors file; the file appears whole or not at all.
///
/// Names are PyTorch's, so that `model.load_state_dict(safetensors.torch.load_file(path))` works
/// for the Torch convention. The metadata entry `cnn_zoo` holds `info` as JSON. The same tensors
/// and `info` give the same bytes.
///
/// # Errors
///
/// [`Error::Fused`] for an inference copy, [`Error::Io`] if the file cannot be written.
///
/// # Examples
///
/// ```
/// use candle_core::Device;
/// use cnn_zoo::{Architecture, Backbone, BackboneConfig, build, weights};
///
/// let config = BackboneConfig {
///     width: 0.125,
///     input_size: [64, 64],
///     ..BackboneConfig::new(Architecture::Vgg16)
/// };
/// let network = build(&config, 1, &Device::Cpu)?;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("vgg16.safetensors");
/// weights::save(network.as_ref(), &path, &weights::WeightsInfo::of(network.as_ref()))?;
///
/// let again = weights::open(&path, &Device::Cpu)?;
/// assert_eq!(again.config(), network.config());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn save(network: &dyn Backbone, path: &Path, info: &WeightsInfo) -> Result<()> {
    if network.parameters().iter().any(|p| p.variable().is_none()) {
        return Err(Error::Fused("save"));
    }
    let entries: Vec<Entry<'_>> = network
        .parameters()
        .iter()
        .map(|p| Entry::new(p.name(), p.tensor()))
        .collect();
    let metadata = [(INFO_KEY, json(path, info)?)];
    write_container(path, &entries, &metadata)
}

/// Sets a network's tensors from a file of weights, with or without this crate's metadata: an
/// [`import`] that allows no difference.
///
/// Every name must match and have the network's shape, or nothing changes. Types F16, BF16 and
/// F64 are converted; PyTorch's `num_batches_tracked` is ignored.
///
/// # Errors
///
/// As [`import`].
pub fn load_into(network: &dyn Backbone, path: &Path) -> Result<Option<WeightsInfo>> {
    Ok(import(network, path, &ImportOptions::default())?.info)
}

/// Refuses weights that say they belong to another network.
fn check_owner(path: &Path, found: &BackboneConfig, expected: &BackboneConfig) -> Result<()> {
    let name = |c: &BackboneConfig| format!("{} ({})", c.architecture, c.convention);
    let [found, expected] = [name(found), name(expected)];
    if found == expected {
        return Ok(());
    }
    Err(Error::OtherNetwork {
        path: path.to_owned(),
        found,
        expected,
    })
}

/// Builds the network that a file's metadata describes, with the file's weights.
///
/// # Errors
///
/// As [`load_into`], and [`Error::BadFile`] if the file has no `cnn_zoo` metadata.
pub fn open(path: &Path, device: &Device) -> Result<Box<dyn Backbone>> {
    let file = Container::read(path)?;
    let Some(info) = read_info(&file)? else {
        return Err(Error::bad_file(
            path,
            "the file does not say which network it belongs to; build one and load into it",
        ));
    };
    // Checked as shapes first: hostile metadata must not make a large network.
    let (_, parameters, _) =
        crate::backbone::measured(&info.backbone).map_err(|error| Error::bad_file(path, error))?;
    compare(&parameters, "", &file)?;
    let network = build(&info.backbone, 0, device)?;
    set_all(network.parameters(), "", &file)?;
    Ok(network)
}

/// The metadata of a file, if it is one of this crate's.
///
/// # Errors
///
/// [`Error::Io`] or [`Error::BadFile`].
pub fn info(path: &Path) -> Result<Option<WeightsInfo>> {
    read_info(&Container::read(path)?)
}

fn read_info(file: &Container) -> Result<Option<WeightsInfo>> {
    let Some(text) = file.metadata(INFO_KEY) else {
        return Ok(None);
    };
    #[derive(Deserialize)]
    struct Version {
        format_version: u32,
    }
    let wrong = |error: serde_json::Error| {
        Error::bad_file(file.path(), format!("metadata {INFO_KEY:?}: {error}"))
    };
    let version: Version = serde_json::from_str(text).map_err(wrong)?;
    if version.format_version > FORMAT_VERSION {
        return Err(Error::bad_file(
            file.path(),
            format!(
                "written by a newer version (format {}, this one reads up to {FORMAT_VERSION})",
                version.format_version
            ),
        ));
    }
    serde_json::from_str(text).map(Some).map_err(wrong)
}

pub(crate) fn json<T: Serialize>(path: &Path, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::bad_file(path, error))
}

/// Lists where `file`, below `prefix`, differs from `parameters`.
fn compare(parameters: &Parameters, prefix: &str, file: &Container) -> Result<()> {
    let mut mismatch = Mismatch::default();
    for parameter in parameters.iter() {
        match file.shape(&format!("{prefix}{}", parameter.name())) {
            None => mismatch.missing.push(parameter.name().to_owned()),
            Some(shape) if shape[..] != *parameter.tensor().dims() => {
                mismatch.misshaped.push(Misshaped {
                    name: parameter.name().to_owned(),
                    expected: parameter.tensor().dims().to_vec(),
                    found: shape,
                });
            }
            Some(_) => {}
        }
    }
    mismatch.unexpected = file
        .names()
        .into_iter()
        .filter_map(|name| name.strip_prefix(prefix).map(str::to_owned))
        .filter(|name| parameters.get(name).is_none() && !name.ends_with(IGNORED_SUFFIX))
        .collect();
    mismatch.finish();
    if mismatch.is_empty() {
        Ok(())
    } else {
        Err(Error::WeightsMismatch {
            path: file.path().to_owned(),
            mismatch: Box::new(mismatch),
        })
    }
}

/// Sets every parameter from the tensors of `file` whose names start with `prefix`; all or none.
pub(crate) fn set_all(parameters: &Parameters, prefix: &str, file: &Container) -> Result<()> {
    compare(parameters, prefix, file)?;
    let mut staged = Vec::with_capacity(parameters.len());
    for parameter in parameters.iter() {
        let Some(variable) = parameter.variable() else {
            return Err(Error::Fused("load into"));
        };
        let name = format!("{prefix}{}", parameter.name());
        let tensor = file.tensor(&name)?.to_dtype(variable.dtype())?;
        let tensor = tensor.to_device(variable.device())?;
        staged.push((variable, tensor));
    }
    for (variable, tensor) in staged {
        variable.set(&tensor)?;
    }
    Ok(())
}
