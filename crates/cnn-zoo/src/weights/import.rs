//! Weights of other programs, brought into a network of this crate.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::architecture::Convention;
use crate::backbone::Backbone;
use crate::error::{Error, Result};
use crate::weights::change::Change;
use crate::weights::container::Container;
use crate::weights::file::TensorFile;
use crate::weights::keras::KerasFile;
use crate::weights::keras_offers::keras_offers;
use crate::weights::mismatch::{Mismatch, Misshaped};
use crate::weights::pth::{LEGACY_MAGIC, PthFile};
use crate::weights::shards::Shards;
use crate::weights::{WeightsInfo, check_owner, read_info, torch_names};

/// What a file of weights is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A safetensors container with PyTorch names.
    Safetensors,
    /// A state dict of `torch.save`.
    Pth,
    /// A model or weights that Keras wrote as HDF5.
    Keras,
    /// An index of several safetensors or `torch.save` files.
    Sharded,
}

/// How weights may differ from the network that takes them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImportOptions {
    /// Takes a first convolution for several channels into a network of one by summing over the
    /// channels, which gives a grey image what the same image in all channels would get.
    pub sum_channels: bool,
    /// Keeps the network's own last layer where the file's has another number of classes.
    pub replace_head: bool,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportReport {
    /// What the file is.
    pub format: Format,
    /// What the file says about itself, if this crate wrote it.
    pub info: Option<WeightsInfo>,
    /// The network's tensors that took the file's values, in the network's order.
    pub taken: Vec<String>,
    /// Those of them whose input channels were summed.
    pub summed: Vec<String>,
    /// The network's tensors that kept their own values: a head for another number of classes.
    pub kept: Vec<String>,
    /// Names in the file that no network here uses: counters and auxiliary heads.
    pub ignored: Vec<String>,
}

/// A stored tensor under this crate's name.
pub(super) struct Offer {
    pub(super) stored: String,
    pub(super) change: Change,
}

/// A set of weights, its tensors under this crate's names.
struct Opened {
    format: Format,
    info: Option<WeightsInfo>,
    file: Box<dyn TensorFile>,
    offers: BTreeMap<String, Offer>,
    ignored: Vec<String>,
}

/// Sets a network's tensors from a file of weights of any known format.
///
/// | what | how it is known | names |
/// |---|---|---|
/// | safetensors, one file | none of the below | torchvision's or timm's |
/// | `torch.save`, new or old form | ZIP or its own mark | the same |
/// | Keras HDF5: model, weights, `.weights.h5` | HDF5 | those of `keras.applications` |
/// | several files | a JSON index, or a folder that holds one | PyTorch's |
///
/// torchvision's old DenseNet names are understood, auxiliary heads and counters left out. Keras
/// kernels are turned to PyTorch's order, VGG16's first dense layer with the map it reads. Every
/// name must match and have the network's shape, apart from what `options` allow, or nothing
/// changes. No code in a file is ever executed, and no length in it is believed.
///
/// # Errors
///
/// [`Error::Io`], [`Error::BadFile`] for a damaged or hostile file, [`Error::OtherNetwork`] if it
/// says that it belongs to another network or was written by Keras for the Torch convention,
/// [`Error::WeightsMismatch`] with every missing, unexpected or misshaped name,
/// [`Error::Fused`] for an inference copy.
///
/// # Examples
///
/// ```
/// use candle_core::Device;
/// use cnn_zoo::weights::{ImportOptions, WeightsInfo, import, save};
/// use cnn_zoo::{Architecture, BackboneConfig, build};
///
/// let colour = BackboneConfig {
///     input_channels: 3,
///     classes: 10,
///     width: 0.125,
///     input_size: [64, 64],
///     ..BackboneConfig::new(Architecture::ResNet50)
/// };
/// let grey = BackboneConfig { input_channels: 1, classes: 2, ..colour.clone() };
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("colour.safetensors");
/// let trained = build(&colour, 1, &Device::Cpu)?;
/// save(trained.as_ref(), &path, &WeightsInfo::of(trained.as_ref()))?;
///
/// let network = build(&grey, 2, &Device::Cpu)?;
/// let options = ImportOptions { sum_channels: true, replace_head: true };
/// let report = import(network.as_ref(), &path, &options)?;
/// assert_eq!(report.summed, ["conv1.weight"]);
/// assert_eq!(report.kept, ["fc.weight", "fc.bias"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn import(
    network: &dyn Backbone,
    path: &Path,
    options: &ImportOptions,
) -> Result<ImportReport> {
    let opened = open(network, path)?;
    let parameters = network.parameters();
    let head = parameters
        .iter()
        .last()
        .and_then(|p| p.name().rsplit_once('.'))
        .map(|(unit, _)| unit.to_owned());
    let first = parameters.iter().next().map(|p| p.name().to_owned());
    let mut mismatch = Mismatch::default();
    let mut report = ImportReport {
        format: opened.format,
        info: opened.info,
        taken: Vec::new(),
        summed: Vec::new(),
        kept: Vec::new(),
        ignored: opened.ignored,
    };
    for parameter in parameters.iter() {
        let name = parameter.name();
        let Some(offer) = opened.offers.get(name) else {
            mismatch.missing.push(name.to_owned());
            continue;
        };
        let stored = opened.file.shape(&offer.stored).unwrap_or_default();
        let found = offer.change.shape(&stored);
        let expected = parameter.tensor().dims();
        let unit = name.rsplit_once('.').map(|(unit, _)| unit);
        if found == expected {
            report.taken.push(name.to_owned());
        } else if options.sum_channels
            && first.as_deref() == Some(name)
            && can_sum(&found, expected)
        {
            report.taken.push(name.to_owned());
            report.summed.push(name.to_owned());
        } else if options.replace_head
            && unit == head.as_deref()
            && found.get(1..) == expected.get(1..)
        {
            report.kept.push(name.to_owned());
        } else {
            mismatch.misshaped.push(Misshaped {
                name: name.to_owned(),
                expected: expected.to_vec(),
                found,
            });
        }
    }
    mismatch.unexpected = opened
        .offers
        .keys()
        .filter(|name| parameters.get(name).is_none())
        .cloned()
        .collect();
    mismatch.finish();
    if !mismatch.is_empty() {
        return Err(Error::WeightsMismatch {
            path: opened.file.path().to_owned(),
            mismatch: Box::new(mismatch),
        });
    }
    let mut staged = Vec::with_capacity(report.taken.len());
    for name in &report.taken {
        let (Some(parameter), Some(offer)) = (parameters.get(name), opened.offers.get(name)) else {
            continue;
        };
        let variable = parameter.variable().ok_or(Error::Fused("load into"))?;
        let mut tensor = offer.change.apply(opened.file.tensor(&offer.stored)?)?;
        if report.summed.contains(name) {
            tensor = tensor.sum_keepdim(1)?;
        }
        let tensor = tensor.to_dtype(variable.dtype())?;
        staged.push((variable, tensor.to_device(variable.device())?));
    }
    for (variable, tensor) in staged {
        variable.set(&tensor)?;
    }
    Ok(report)
}

/// Whether `[out, many, rows, columns]` can become `[out, 1, rows, columns]`.
fn can_sum(found: &[usize], expected: &[usize]) -> bool {
    matches!(
        (found, expected),
        (&[o, many, h, w], &[eo, 1, eh, ew]) if many > 1 && [o, h, w] == [eo, eh, ew]
    )
}

/// The file of a set of weights: the index, if `path` is a folder that holds one.
fn resolve(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    [
        "model.safetensors.index.json",
        "pytorch_model.bin.index.json",
        "model.safetensors",
        "pytorch_model.bin",
    ]
    .into_iter()
    .map(|name| path.join(name))
    .find(|candidate| candidate.is_file())
    .ok_or_else(|| Error::bad_file(path, "the folder holds no weights and no index of weights"))
}

/// What a file is, from how it begins.
fn format_of(path: &Path) -> Result<Format> {
    let io = |error| Error::io(path, error);
    let mut start = Vec::new();
    std::fs::File::open(path)
        .map_err(io)?
        .take(LEGACY_MAGIC.len() as u64)
        .read_to_end(&mut start)
        .map_err(io)?;
    // The first eight bytes of a safetensors file are the length of its header, which may look like
    // anything; the ninth opens the header. No other format has that byte there.
    Ok(if start.get(8) == Some(&b'{') {
        Format::Safetensors
    } else if start.starts_with(b"PK") || start.starts_with(b"\x80") {
        Format::Pth
    } else if start.starts_with(b"\x89HDF\r\n") {
        Format::Keras
    } else if start
        .first()
        .is_some_and(|b| b.is_ascii_whitespace() || *b == b'{')
    {
        Format::Sharded
    } else {
        Format::Safetensors
    })
}

fn open(network: &dyn Backbone, path: &Path) -> Result<Opened> {
    let path = resolve(path)?;
    let format = format_of(&path)?;
    let config = network.config();
    let mut info = None;
    let file: Box<dyn TensorFile> = match format {
        Format::Safetensors => {
            let file = Container::read(&path)?;
            info = read_info(&file)?;
            if let Some(info) = &info {
                check_owner(&path, &info.backbone, config)?;
            }
            Box::new(file)
        }
        Format::Pth => Box::new(PthFile::open(&path)?),
        Format::Sharded => Box::new(Shards::open(&path, |shard| match format_of(shard)? {
            Format::Safetensors => Ok(Box::new(Container::read(shard)?)),
            Format::Pth => Ok(Box::new(PthFile::open(shard)?)),
            _ => Err(Error::bad_file(shard, "no part of sharded weights")),
        })?),
        Format::Keras => {
            if config.convention != Convention::Keras {
                return Err(Error::OtherNetwork {
                    path,
                    found: "a Keras network".to_owned(),
                    expected: format!("{} ({})", config.architecture, config.convention),
                });
            }
            let file = KerasFile::open(&path)?;
            let offers = keras_offers(network, &file);
            return Ok(Opened {
                format,
                info,
                file: Box::new(file),
                offers,
                ignored: Vec::new(),
            });
        }
    };
    let mut offers = BTreeMap::new();
    let mut ignored = Vec::new();
    for stored in file.names() {
        let Some(name) = torch_names::rename(config.architecture, &stored) else {
            ignored.push(stored);
            continue;
        };
        // timm's first two dense layers of VGG16 are convolutions over the whole map.
        let wanted = network.parameters().get(&name).map(|p| p.tensor().dims());
        let change = match wanted {
            Some(&[o, i]) if file.shape(&stored).is_some_and(|s| s.len() == 4) => {
                Change::Reshape(vec![o, i])
            }
            _ => Change::None,
        };
        offers.insert(name, Offer { stored, change });
    }
    Ok(Opened {
        format,
        info,
        file,
        offers,
        ignored,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Headers of 128 and of 19280 bytes begin like a pickle and like a ZIP file.
    #[test]
    fn the_length_of_a_safetensors_header_may_look_like_another_format() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let format = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            format_of(&path).unwrap()
        };
        for length in [128u64, 19_280, u64::from(b'{'), 10] {
            let mut bytes = length.to_le_bytes().to_vec();
            bytes.extend_from_slice(b"{\"a\":{}}     ");
            assert_eq!(format(&bytes), Format::Safetensors, "{length}");
        }
        assert_eq!(format(b"PK\x03\x04\0\0\0\0\0\0\0\0\0"), Format::Pth);
        assert_eq!(format(LEGACY_MAGIC), Format::Pth);
        assert_eq!(format(b"\x89HDF\r\n\x1a\n\0\0"), Format::Keras);
        assert_eq!(format(b"{ \"weight_map\": {} }"), Format::Sharded);
    }
}
