//! Names of the networks and of the two ways of defining them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A network of the zoo; the text form is the canonical name, `resnet50` for example.
///
/// # Examples
///
/// ```
/// use cnn_zoo::Architecture;
///
/// let parsed: Architecture = "inception_resnet_v2".parse()?;
/// assert_eq!(parsed, Architecture::InceptionResNetV2);
/// assert_eq!(parsed.to_string(), "inception_resnet_v2");
/// # Ok::<(), cnn_zoo::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Architecture {
    /// DenseNet with 121 layers (Huang et al. 2017).
    #[serde(rename = "densenet121")]
    DenseNet121,
    /// ResNet with 50 layers (He et al. 2016).
    #[serde(rename = "resnet50")]
    ResNet50,
    /// Inception V3 without its auxiliary head (Szegedy et al. 2016).
    #[serde(rename = "inception_v3")]
    InceptionV3,
    /// Inception V4 (Szegedy et al. 2017); only in the Torch convention.
    #[serde(rename = "inception_v4")]
    InceptionV4,
    /// Inception-ResNet V2 (Szegedy et al. 2017), the network that the released code of Syed et
    /// al. 2023 builds under the title "Inception V4".
    #[serde(rename = "inception_resnet_v2")]
    InceptionResNetV2,
    /// VGG with 16 layers, without batch norm (Simonyan and Zisserman 2015).
    #[serde(rename = "vgg16")]
    Vgg16,
    /// Xception (Chollet 2017).
    #[serde(rename = "xception")]
    Xception,
    /// The smaller patch network of Anderssen et al. 2021, the paper's reference 15; only in the
    /// Keras convention.
    #[serde(rename = "patch_v3")]
    PatchV3,
    /// The patch network that Anderssen et al. 2021 settled on; only in the Keras convention.
    #[serde(rename = "patch_v6")]
    PatchV6,
    /// A small U-Net (Ronneberger et al. 2015) that gives every pixel its own logits.
    #[serde(rename = "u_net")]
    UNet,
}

impl Architecture {
    /// The networks that learn from labelled pixels, of which the paper's reference is one.
    pub const SUPERVISED: [Self; 3] = [Self::PatchV3, Self::PatchV6, Self::UNet];

    /// Every network that learns from labelled images, in the order of the paper's tables with Inception V4 after Inception V3.
    pub const ALL: [Self; 7] = [
        Self::DenseNet121,
        Self::ResNet50,
        Self::InceptionV3,
        Self::InceptionV4,
        Self::InceptionResNetV2,
        Self::Vgg16,
        Self::Xception,
    ];

    /// The canonical name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DenseNet121 => "densenet121",
            Self::ResNet50 => "resnet50",
            Self::InceptionV3 => "inception_v3",
            Self::InceptionV4 => "inception_v4",
            Self::InceptionResNetV2 => "inception_resnet_v2",
            Self::Vgg16 => "vgg16",
            Self::Xception => "xception",
            Self::PatchV3 => "patch_v3",
            Self::PatchV6 => "patch_v6",
            Self::UNet => "u_net",
        }
    }

    /// The smallest image edge, in pixels, that the network accepts.
    ///
    /// # Source
    ///
    /// `min_size` of Keras applications: 75 for the Inception family, 71 for Xception, else 32.
    /// The patch networks halve twice and the U-Net three times.
    #[must_use]
    pub fn minimum_input_size(self) -> usize {
        match self {
            Self::InceptionV3 | Self::InceptionV4 | Self::InceptionResNetV2 => 75,
            Self::Xception => 71,
            Self::DenseNet121 | Self::ResNet50 | Self::Vgg16 => 32,
            Self::PatchV3 | Self::PatchV6 => 4,
            Self::UNet => 8,
        }
    }

    /// Whether the logits are those of every pixel, `[batch, classes, height, width]`, and the
    /// labels a map.
    #[must_use]
    pub fn labels_pixels(self) -> bool {
        self == Self::UNet
    }

    /// Whether the network exists in `convention`: all do, but Inception V4 has no Keras form and
    /// the patch networks no Torch form.
    #[must_use]
    pub fn supports(self, convention: Convention) -> bool {
        match self {
            Self::InceptionV4 => convention == Convention::Torch,
            Self::PatchV3 | Self::PatchV6 => convention == Convention::Keras,
            _ => true,
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Architecture {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .chain(Self::SUPERVISED)
            .find(|architecture| architecture.name() == text)
            .ok_or_else(|| Error::UnknownArchitecture(text.to_owned()))
    }
}

/// Whose definition of a network is built.
///
/// | | `Keras` | `Torch` |
/// |---|---|---|
/// | source | Keras applications 1.0.8 (TensorFlow 2.1) | torchvision, else timm |
/// | batch norm epsilon | 1e-3; 1.001e-5 for ResNet and DenseNet | 1e-5; 1e-3 for the Inception family |
/// | running statistics kept per step | 0.99 | 0.9 |
/// | ResNet stride | first 1×1 of a block, biases on | the 3×3 ("v1.5"), no biases |
/// | VGG head | flattened map, no dropout | adaptive 7×7 pool, dropout 0.5 |
/// | initialisation | Glorot uniform | each network's own |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Convention {
    /// As `tf.keras.applications` defines the network.
    Keras,
    /// As torchvision defines the network where it has it, else timm.
    Torch,
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Keras => "keras",
            Self::Torch => "torch",
        })
    }
}

impl FromStr for Convention {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "keras" => Ok(Self::Keras),
            "torch" => Ok(Self::Torch),
            _ => Err(Error::UnknownConvention(text.to_owned())),
        }
    }
}
