//! What a network is built from.

use serde::{Deserialize, Serialize};

use crate::architecture::{Architecture, Convention};
use crate::error::{Error, Result};

/// Everything that decides a network's shape and arithmetic, and nothing else.
///
/// # Examples
///
/// ```
/// use cnn_zoo::{Architecture, BackboneConfig, Convention};
///
/// let config = BackboneConfig {
///     width: 0.25,
///     input_size: [64, 64],
///     ..BackboneConfig::new(Architecture::ResNet50)
/// };
/// assert_eq!(config.convention, Convention::Keras);
/// assert_eq!(config.channels(2048), 512);
/// config.validate()?;
/// # Ok::<(), cnn_zoo::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackboneConfig {
    /// Which network.
    pub architecture: Architecture,
    /// Channels of the input image.
    #[serde(default = "default_channels")]
    pub input_channels: usize,
    /// Number of classes, the length of a row of logits.
    #[serde(default = "default_classes")]
    pub classes: usize,
    /// Factor on every hidden channel count; 1 is the published network.
    #[serde(default = "default_width")]
    pub width: f64,
    /// Whose definition.
    #[serde(default = "default_convention")]
    pub convention: Convention,
    /// Height and width of the images, in pixels.
    #[serde(default = "default_size")]
    pub input_size: [usize; 2],
    /// Share of the old running statistics that a training step keeps, in [0, 1); `None` takes
    /// the convention's (Keras 0.99, Torch 0.9). Short runs need a smaller one: at 0.99 the
    /// statistics lag a hundred steps behind the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norm_momentum: Option<f64>,
    /// How fresh weights are drawn.
    #[serde(default)]
    pub initialisation: Initialisation,
}

/// How fresh weights are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initialisation {
    /// As the convention's library does for this network.
    #[default]
    Convention,
    /// Normal with variance 2 / fan-in for every kernel and dense weight, biases 0 (He et al.
    /// 2015): keeps the signal's size through a deep network without batch norm, which Glorot's
    /// rule halves at every rectified layer. VGG16 needs it to start at all in short training.
    He,
}

fn default_channels() -> usize {
    1
}
fn default_classes() -> usize {
    2
}
fn default_width() -> f64 {
    1.0
}
fn default_convention() -> Convention {
    Convention::Keras
}
fn default_size() -> [usize; 2] {
    [256, 256]
}

impl BackboneConfig {
    /// The network as the paper uses it: Keras, one channel, two classes, 256 × 256, full width.
    /// Inception V4 has no Keras form and is given the Torch convention; the patch networks read
    /// patches of 8 × 8 pixels and know four classes.
    #[must_use]
    pub fn new(architecture: Architecture) -> Self {
        let is_patch = matches!(architecture, Architecture::PatchV3 | Architecture::PatchV6);
        Self {
            architecture,
            input_channels: default_channels(),
            classes: if is_patch { 4 } else { default_classes() },
            width: default_width(),
            convention: if architecture.supports(Convention::Keras) {
                Convention::Keras
            } else {
                Convention::Torch
            },
            input_size: if is_patch { [8, 8] } else { default_size() },
            norm_momentum: None,
            initialisation: Initialisation::Convention,
        }
    }

    /// A channel count of the published network, scaled by the width and at least 1.
    ///
    /// ```text
    /// max(1, round(full · width))
    /// ```
    #[must_use]
    pub fn channels(&self, full: usize) -> usize {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let scaled = (full as f64 * self.width).round() as usize;
        scaled.max(1)
    }

    /// Checks every field.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a value out of range, [`Error::InputTooSmall`] for an image edge
    /// below the network's minimum, [`Error::NoSuchConvention`] for Inception V4 in Keras form or a patch
    /// network in Torch form.
    pub fn validate(&self) -> Result<()> {
        let refuse = |field, value: String, expected| {
            Err(Error::Config {
                field,
                value,
                expected,
            })
        };
        for (field, value) in [
            ("input_channels", self.input_channels),
            ("classes", self.classes),
        ] {
            if !(1..=1 << 20).contains(&value) {
                return refuse(field, value.to_string(), "from 1 to 1048576");
            }
        }
        if !(self.width.is_finite() && self.width > 0.0 && self.width <= 8.0) {
            return refuse("width", self.width.to_string(), "more than 0, at most 8");
        }
        if let Some(kept) = self.norm_momentum
            && !(0.0..1.0).contains(&kept)
        {
            return refuse("norm_momentum", kept.to_string(), "in [0, 1)");
        }
        let minimum = self.architecture.minimum_input_size();
        if self.input_size.iter().any(|&edge| edge < minimum) {
            return Err(Error::InputTooSmall {
                architecture: self.architecture,
                size: self.input_size,
                minimum,
            });
        }
        if self.input_size.iter().any(|&edge| edge > 1 << 16) {
            let value = format!("{:?}", self.input_size);
            return refuse("input_size", value, "at most 65536 a side");
        }
        if !self.architecture.supports(self.convention) {
            return Err(Error::NoSuchConvention {
                architecture: self.architecture,
                convention: self.convention,
            });
        }
        Ok(())
    }
}
