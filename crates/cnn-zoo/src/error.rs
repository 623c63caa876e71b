//! The crate's error.

use std::path::{Path, PathBuf};

use crate::architecture::{Architecture, Convention};
use crate::weights::Mismatch;

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a network could not be built, run, trained, loaded or saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No network has this name.
    #[error(
        "unknown network {0:?}; known are densenet121, resnet50, inception_v3, inception_v4, \
         inception_resnet_v2, vgg16, xception, patch_v3, patch_v6 and u_net"
    )]
    UnknownArchitecture(String),
    /// No convention has this name.
    #[error("unknown convention {0:?}; known are keras and torch")]
    UnknownConvention(String),
    /// The network does not exist in the convention.
    #[error("{architecture} has no {convention} form")]
    NoSuchConvention {
        /// The network asked for.
        architecture: Architecture,
        /// The convention asked for.
        convention: Convention,
    },
    /// A field of a configuration is out of range.
    #[error("{field} is {value}, expected {expected}")]
    Config {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The images are smaller than the network can take.
    #[error("{architecture} needs images of at least {minimum} pixels a side, got {size:?}")]
    InputTooSmall {
        /// The network.
        architecture: Architecture,
        /// Height and width asked for.
        size: [usize; 2],
        /// The smallest edge.
        minimum: usize,
    },
    /// A map became smaller than the window of the layer that reads it.
    #[error("{layer}: a {window:?} window does not fit a {map:?} map; use larger images")]
    MapTooSmall {
        /// The layer.
        layer: String,
        /// Height and width of the padded map.
        map: [usize; 2],
        /// Height and width of the window.
        window: [usize; 2],
    },
    /// The image tensor does not suit the network.
    #[error("images are {actual}, expected {expected}")]
    Images {
        /// Shape and type given.
        actual: String,
        /// Shape and type needed.
        expected: String,
    },
    /// Two shapes that had to agree do not.
    #[error("{layer}: shapes differ, {left:?} and {right:?}")]
    ShapeMismatch {
        /// Where.
        layer: String,
        /// One shape.
        left: Vec<usize>,
        /// The other.
        right: Vec<usize>,
    },
    /// A layer's computation failed.
    #[error("layer {layer}: {source}")]
    Layer {
        /// The layer.
        layer: String,
        /// What failed.
        source: candle_core::Error,
    },
    /// A tensor operation outside the layers failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// Batch statistics of a single value per channel (Torch convention; Keras goes on).
    #[error("{layer}: batch norm cannot train on one value per channel; use a larger batch")]
    SingleValue {
        /// The layer.
        layer: String,
    },
    /// The network is an inference copy and cannot be trained or saved.
    #[error("the network is a fused inference copy; {0} the original")]
    Fused(&'static str),
    /// The network is a copy in double precision, which is for checks.
    #[error("the network is in double precision; {0} the original")]
    Double(&'static str),
    /// Reading or writing a file failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: std::io::Error,
    },
    /// A weights file is damaged or is not what it should be.
    #[error("{}: {reason}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A weights file belongs to another network; nothing was changed.
    #[error("{}: weights of {found}, the network is {expected}", path.display())]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// What the file says it holds.
        found: String,
        /// What the network is.
        expected: String,
    },
    /// A weights file does not match the network; nothing was changed.
    #[error("{}: {mismatch}", path.display())]
    WeightsMismatch {
        /// The file.
        path: PathBuf,
        /// Every name that is missing, unexpected or has another shape.
        mismatch: Box<Mismatch>,
    },
    /// A checkpoint was made with other settings.
    #[error(
        "{}: made with {field} = {found}, now {expected}; use another folder or remove it",
        path.display()
    )]
    OtherRun {
        /// The checkpoint.
        path: PathBuf,
        /// The setting that differs.
        field: String,
        /// Its value in the checkpoint.
        found: String,
        /// Its value now.
        expected: String,
    },
    /// The batch source failed.
    #[error("batch {index} of epoch {epoch}: {source}")]
    Source {
        /// Epoch, from 0.
        epoch: usize,
        /// Batch, from 0.
        index: usize,
        /// What failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A batch cannot be trained on.
    #[error("batch {index} of epoch {epoch}: {reason}")]
    BadBatch {
        /// Epoch, from 0.
        epoch: usize,
        /// Batch, from 0.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The loss is not a finite number.
    #[error(
        "the {stage} loss became {loss} in epoch {epoch}, batch {batch}{}; lower the learning rate",
        layer.as_ref().map(|l| format!(", first seen at {l}")).unwrap_or_default()
    )]
    NonFiniteLoss {
        /// `training` or `validation`.
        stage: &'static str,
        /// Epoch, from 0.
        epoch: usize,
        /// Batch, from 0.
        batch: usize,
        /// The loss.
        loss: f64,
        /// The first layer whose output is not finite, where it could be found.
        layer: Option<String>,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn bad_file(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::BadFile {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Tensor(inner) => inner,
            other => Self::wrap(other),
        }
    }
}

/// Names the layer in the error of a tensor operation.
pub(crate) trait InLayer<T> {
    fn in_layer(self, layer: &str) -> Result<T>;
}

impl<T, E: Into<candle_core::Error>> InLayer<T> for std::result::Result<T, E> {
    fn in_layer(self, layer: &str) -> Result<T> {
        self.map_err(|source| Error::Layer {
            layer: layer.to_owned(),
            source: source.into(),
        })
    }
}
