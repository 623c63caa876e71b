//! The image to explain.

use std::path::Path;

use candle_core::{Device, Tensor};

use super::{Failure, npy};

/// Most bytes that decoding a PNG may take.
const MAX_BYTES: u64 = 1 << 30;

/// An image before it is known how many channels the network takes.
pub(super) enum Picture {
    /// `[channels, H, W]`, as it is.
    Array([usize; 3], Vec<f32>),
    /// Pixels of a PNG.
    Png(image::DynamicImage),
}

impl Picture {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let named =
            |error: &dyn std::fmt::Display| Failure::from(format!("{}: {error}", path.display()));
        let extension = path
            .extension()
            .and_then(|e| e.to_str())
            .map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("npy") => {
                let (shape, values) = npy::read(path).map_err(|e| named(&e))?;
                let shape = <[usize; 3]>::try_from(shape).map_err(|shape| {
                    named(&format!(
                        "its shape is {shape:?}, expected [channels, H, W]"
                    ))
                })?;
                Ok(Self::Array(shape, values))
            }
            Some("png") => read_png(path).map(Self::Png).map_err(|e| named(&e)),
            _ => Err(named(&"expected a .png or .npy file")),
        }
    }

    /// Rows and columns.
    pub(super) fn size(&self) -> [usize; 2] {
        match self {
            Self::Array([_, height, width], _) => [*height, *width],
            Self::Png(png) => [png.height() as usize, png.width() as usize],
        }
    }

    /// `[1, channels, H, W]`; a PNG becomes grey or coloured as the network wants it.
    pub(super) fn tensor(&self, channels: usize) -> Result<Tensor, Failure> {
        let [height, width] = self.size();
        let values = match self {
            Self::Array([found, ..], values) if *found == channels => values.clone(),
            Self::Array([found, ..], _) => {
                return Err(format!(
                    "the image has {found} channels, the network takes {channels}"
                )
                .into());
            }
            Self::Png(png) if channels == 1 => scaled(png.to_luma16().as_raw()),
            Self::Png(png) if channels == 3 => {
                let interleaved = scaled(png.to_rgb16().as_raw());
                (0..3)
                    .flat_map(|c| interleaved.iter().skip(c).step_by(3).copied())
                    .collect()
            }
            Self::Png(_) => {
                return Err(format!(
                    "a PNG gives 1 or 3 channels, the network takes {channels}; use .npy"
                )
                .into());
            }
        };
        Ok(Tensor::from_vec(
            values,
            (1, channels, height, width),
            &Device::Cpu,
        )?)
    }
}

fn scaled(values: &[u16]) -> Vec<f32> {
    values.iter().map(|&v| f32::from(v) / 65_535.0).collect()
}

fn read_png(path: &Path) -> Result<image::DynamicImage, Failure> {
    let mut reader = image::ImageReader::open(path)?;
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    reader.set_format(image::ImageFormat::Png);
    Ok(reader.decode()?)
}
