//! Images of the examples: PNG and NPY files to tensors.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use cnn_ops::Corners;

pub(crate) type Failure = Box<dyn std::error::Error>;

/// Most values of one image.
const MAX_VALUES: usize = 1 << 28;

/// Channels, rows, columns and values of an image.
struct Pixels {
    shape: [usize; 3],
    values: Vec<f32>,
}

/// Reads an image as `[1, channels, height, width]`, resized if it has another size.
///
/// PNG values are divided by the largest of their depth; NPY values (`[rows, columns]` or
/// `[channels, rows, columns]`) by `divisor`.
pub(crate) fn read(
    path: &Path,
    channels: usize,
    size: [usize; 2],
    divisor: f64,
) -> Result<Tensor, Failure> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let pixels = match extension(path).as_deref() {
        Some("png") => read_png(path, channels).map_err(|e| named(&e))?,
        Some("npy") => read_npy(path, divisor).map_err(|e| named(&e))?,
        _ => return Err(named(&"expected a .png or .npy file").into()),
    };
    let [found, height, width] = pixels.shape;
    if found != channels {
        return Err(named(&format!("{found} channels, the network takes {channels}")).into());
    }
    if let Some(value) = pixels.values.iter().find(|v| !v.is_finite()) {
        return Err(named(&format!("it holds {value}")).into());
    }
    let image = Tensor::from_vec(pixels.values, (1, channels, height, width), &Device::Cpu)?;
    if [height, width] == size {
        return Ok(image);
    }
    Ok(cnn_ops::upsample_bilinear2d(
        &image,
        size,
        Corners::HalfPixel,
    )?)
}

/// The lower-case extension of a file's name.
pub(crate) fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

/// The images directly in a folder, sorted by name.
#[allow(dead_code)] // of the two programs that share this file one takes its images by name
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let path = entry?.path();
        if matches!(extension(&path).as_deref(), Some("png" | "npy")) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read_png(path: &Path, channels: usize) -> Result<Pixels, Failure> {
    let mut reader = image::ImageReader::open(path)?;
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(4 * MAX_VALUES as u64);
    reader.limits(limits);
    reader.set_format(image::ImageFormat::Png);
    let image = reader.decode()?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    let plane = height * width;
    let values = if channels == 1 {
        let grey = image.into_luma16();
        grey.as_raw()
            .iter()
            .map(|&v| f32::from(v) / 65_535.0)
            .collect()
    } else {
        let colour = image.into_rgb16();
        let raw = colour.as_raw();
        (0..3 * plane)
            .map(|i| f32::from(raw[3 * (i % plane) + i / plane]) / 65_535.0)
            .collect()
    };
    let channels = if channels == 1 { 1 } else { 3 };
    Ok(Pixels {
        shape: [channels, height, width],
        values,
    })
}

/// Reads format 1.0 to 3.0 of NumPy's files, C order, little-endian.
fn read_npy(path: &Path, divisor: f64) -> Result<Pixels, Failure> {
    let bytes = std::fs::read(path)?;
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("not an NPY file")?;
    let cut = || "the file is cut off";
    let (&[major, _], rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let (length, rest) = if major == 1 {
        let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
        (u16::from_le_bytes(*length) as usize, rest)
    } else {
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        (u32::from_le_bytes(*length) as usize, rest)
    };
    let (header, data) = rest.split_at_checked(length).ok_or_else(cut)?;
    let header = std::str::from_utf8(header)?;
    let field = |key: &str| {
        let (_, after) = header.split_once(&format!("'{key}':"))?;
        Some(after.trim_start())
    };
    if !field("fortran_order").is_some_and(|v| v.starts_with("False")) {
        return Err("it is not in C order".into());
    }
    let kind = field("descr")
        .and_then(|v| v.strip_prefix('\'')?.split_once('\''))
        .map(|(kind, _)| kind)
        .ok_or("its type is not a single number")?;
    let shape = field("shape")
        .and_then(|v| v.strip_prefix('(')?.split_once(')'))
        .map(|(inner, _)| inner)
        .ok_or("its shape is missing")?;
    let shape: Vec<usize> = shape
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let shape = match shape[..] {
        [rows, columns] => [1, rows, columns],
        [channels, rows, columns] => [channels, rows, columns],
        _ => return Err(format!("shape {shape:?}, expected two or three axes").into()),
    };
    let count = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
    let count = count
        .filter(|n| (1..=MAX_VALUES).contains(n))
        .ok_or_else(|| format!("shape {shape:?} is empty or too large"))?;
    let dtype = match kind {
        "<f4" => DType::F32,
        "<f8" => DType::F64,
        "|u1" => DType::U8,
        "<u4" => DType::U32,
        "<i2" => DType::I16,
        "<i4" => DType::I32,
        "<i8" => DType::I64,
        "<u2" => DType::F16, // read below: candle has no such type
        _ => return Err(format!("type {kind:?} is not read").into()),
    };
    if data.len() != count * dtype.size_in_bytes() {
        return Err(format!("{} bytes for shape {shape:?} of {kind}", data.len()).into());
    }
    let values: Vec<f64> = if kind == "<u2" {
        let pairs = data.as_chunks::<2>().0;
        pairs
            .iter()
            .map(|&b| f64::from(u16::from_le_bytes(b)))
            .collect()
    } else {
        Tensor::from_raw_buffer(data, dtype, &[count], &Device::Cpu)?
            .to_dtype(DType::F64)?
            .to_vec1()?
    };
    Ok(Pixels {
        shape,
        values: values.into_iter().map(|v| (v / divisor) as f32).collect(),
    })
}
