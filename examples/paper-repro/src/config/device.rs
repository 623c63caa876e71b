//! Where tensors live.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// `cpu` or `cuda:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Device {
    /// The processor.
    Cpu,
    /// The CUDA device with this number.
    Cuda(usize),
}

impl Device {
    /// Opens the device.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a CUDA device that is not there, or that this program was not built for.
    pub fn open(self) -> Result<candle_core::Device> {
        match self {
            Self::Cpu => Ok(candle_core::Device::Cpu),
            Self::Cuda(_) if !cfg!(feature = "cuda") => Err(Error::usage(format!(
                "device {self}: this program was built without CUDA; build it with --features cuda"
            ))),
            Self::Cuda(ordinal) => candle_core::Device::new_cuda(ordinal)
                .map_err(|e| Error::usage(format!("device {self}: {e}"))),
        }
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
        }
    }
}

impl std::str::FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.split_once(':') {
            None if text == "cpu" => Ok(Self::Cpu),
            Some(("cuda", ordinal)) => ordinal
                .parse()
                .map(Self::Cuda)
                .map_err(|e| format!("`{text}`: device number: {e}")),
            _ => Err(format!("`{text}` is no device; `cpu` or `cuda:N`")),
        }
    }
}

impl TryFrom<String> for Device {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        text.parse()
    }
}

impl From<Device> for String {
    fn from(device: Device) -> Self {
        device.to_string()
    }
}
