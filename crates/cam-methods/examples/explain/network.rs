//! A network of cnn-zoo with the sizes that its weights have.

use std::io::Read;
use std::path::Path;

use cam_methods::{LinearHead, Tap, TappedModel};
use candle_core::{Device, Tensor};
use cnn_zoo::weights::{self, ImportOptions, Mismatch};
use cnn_zoo::{Architecture, Backbone, BackboneConfig, Convention, Error, build};

use super::Failure;
use super::options::Network;

/// Width of the network that the shapes in a file are compared with: an eighth of every channel count is whole.
const PROBE_WIDTH: f64 = 0.125;

/// A network of the zoo as cam-methods sees it.
pub(super) struct Zoo {
    pub(super) backbone: Box<dyn Backbone>,
    head: Option<LinearHead>,
}

impl TappedModel for Zoo {
    fn forward_tapped(&self, images: &Tensor, tap: &mut dyn Tap) -> candle_core::Result<Tensor> {
        self.backbone
            .forward_tapped(images, &mut |name, a| tap.visit(name, a))
    }

    fn linear_head(&self) -> Option<LinearHead> {
        self.head.clone()
    }
}

impl Network {
    /// The network with its weights, for images of a size, ready to be explained.
    pub(super) fn open(&self, size: [usize; 2]) -> Result<Zoo, Failure> {
        let path = self.weights.as_deref().ok_or("--weights is missing")?;
        let trained = self.trained(path, size)?;
        let backbone = trained.fuse()?;
        let head = linear_head(backbone.as_ref());
        Ok(Zoo { backbone, head })
    }

    /// The network as published, without weights of its own.
    pub(super) fn blank(&self, size: [usize; 2]) -> Result<Box<dyn Backbone>, Failure> {
        let mut config = BackboneConfig {
            width: PROBE_WIDTH,
            ..BackboneConfig::new(self.architecture)
        };
        config.convention = self.convention.unwrap_or(config.convention);
        if !self.architecture.labels_pixels() && config.input_size[0] > 8 {
            config.input_size = size;
        }
        Ok(build(&config, 0, &Device::Cpu)?)
    }

    pub(super) fn trained(
        &self,
        path: &Path,
        size: [usize; 2],
    ) -> Result<Box<dyn Backbone>, Failure> {
        let is_container = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("safetensors"));
        let described = match is_container {
            true => weights::info(path)?,
            false => None,
        };
        if let Some(info) = described {
            let mut config = info.backbone;
            if config.architecture != self.architecture {
                let found = config.architecture;
                return Err(format!(
                    "{}: weights of {found}, not of {}",
                    path.display(),
                    self.architecture
                )
                .into());
            }
            config.convention = self.convention.unwrap_or(config.convention);
            return Ok(load(&config, path)?);
        }
        let mut first = None;
        for convention in self.conventions(path)? {
            match self.measured(convention, path, size) {
                Ok(network) => return Ok(network),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.map_or_else(
            || format!("{} has no such convention", self.architecture).into(),
            Failure::from,
        ))
    }

    /// Conventions to try, the likeliest first.
    fn conventions(&self, path: &Path) -> Result<Vec<Convention>, Failure> {
        if let Some(convention) = self.convention {
            return Ok(vec![convention]);
        }
        let order = match is_hdf5(path)? {
            true => [Convention::Keras, Convention::Torch],
            false => [Convention::Torch, Convention::Keras],
        };
        let supported = order.into_iter().filter(|c| self.architecture.supports(*c));
        Ok(supported.collect())
    }

    /// The network with the width, channels and classes that the shapes in the file tell.
    fn measured(
        &self,
        convention: Convention,
        path: &Path,
        size: [usize; 2],
    ) -> Result<Box<dyn Backbone>, Error> {
        let config = BackboneConfig {
            convention,
            width: PROBE_WIDTH,
            input_size: size,
            ..BackboneConfig::new(self.architecture)
        };
        let probe = build(&config, 0, &Device::Cpu)?;
        let error = match weights::import(probe.as_ref(), path, &ImportOptions::default()) {
            Ok(_) => return Ok(probe),
            Err(error) => error,
        };
        let Error::WeightsMismatch { mismatch, .. } = &error else {
            return Err(error);
        };
        if !(mismatch.missing.is_empty() && mismatch.unexpected.is_empty()) {
            return Err(error);
        }
        let mut last = None;
        for config in candidates(&config, probe.as_ref(), mismatch) {
            match load(&config, path) {
                Ok(network) => return Ok(network),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or(error))
    }
}

fn load(config: &BackboneConfig, path: &Path) -> Result<Box<dyn Backbone>, Error> {
    let network = build(config, 0, &Device::Cpu)?;
    weights::import(network.as_ref(), path, &ImportOptions::default())?;
    Ok(network)
}

fn is_hdf5(path: &Path) -> Result<bool, Failure> {
    if path.is_dir() {
        return Ok(false);
    }
    let mut start = Vec::new();
    std::fs::File::open(path)
        .map_err(|error| format!("{}: {error}", path.display()))?
        .take(8)
        .read_to_end(&mut start)?;
    Ok(start == b"\x89HDF\r\n\x1a\n")
}

/// Configurations that explain how the file's shapes differ from the probe's; widths are tried from round to exact,
/// since channel counts are rounded.
fn candidates(
    probe: &BackboneConfig,
    network: &dyn Backbone,
    mismatch: &Mismatch,
) -> Vec<BackboneConfig> {
    let found = |name: &str| mismatch.misshaped.iter().find(|m| m.name == name);
    let mut config = probe.clone();
    let names: Vec<&str> = network.parameters().iter().map(|p| p.name()).collect();
    let [Some(first), Some(last)] = [names.first(), names.last()] else {
        return Vec::new();
    };
    if let Some(input) = found(first).and_then(|m| m.found.get(1)) {
        config.input_channels = *input;
    }
    if let Some(classes) = found(last).and_then(|m| m.found.first()) {
        config.classes = *classes;
    }
    let head = last.rsplit_once('.').map(|(unit, _)| unit);
    let widest = mismatch
        .misshaped
        .iter()
        .filter(|m| m.name.rsplit_once('.').map(|(unit, _)| unit) != head)
        .filter_map(|m| Some((*m.expected.first()?, *m.found.first()?)))
        .max_by_key(|(expected, _)| *expected);
    let Some((expected, found)) = widest.filter(|(expected, found)| expected != found) else {
        return vec![config];
    };
    let width = found as f64 / (expected as f64 / PROBE_WIDTH);
    let rounded = |parts: f64| (width * parts).round() / parts;
    let mut widths = vec![rounded(64.0), rounded(100.0), width];
    widths.retain(|w| *w > 0.0);
    widths.dedup();
    widths
        .into_iter()
        .map(|width| BackboneConfig {
            width,
            ..config.clone()
        })
        .collect()
}

/// The linear layer behind global average pooling: the last one, where it reads as many values as the last spatial
/// activation has channels.
fn linear_head(network: &dyn Backbone) -> Option<LinearHead> {
    if matches!(
        network.config().architecture,
        Architecture::Vgg16 | Architecture::PatchV3 | Architecture::PatchV6 | Architecture::UNet
    ) {
        return None;
    }
    let tap = network.default_tap();
    let channels = network.taps().iter().find(|t| t.name == tap)?.channels;
    let weight = network
        .parameters()
        .iter()
        .filter(|p| p.tensor().rank() == 2)
        .last()?
        .tensor();
    (weight.dims()[1] == channels).then(|| LinearHead {
        tap: tap.to_owned(),
        weight: weight.detach(),
    })
}
