//! NPY files of single-precision numbers.

use std::path::Path;

use super::Failure;

/// Most values of one array.
const MAX_VALUES: usize = 1 << 28;

/// Reads little-endian `f32` in C order: shape and values.
pub(super) fn read(path: &Path) -> Result<(Vec<usize>, Vec<f32>), Failure> {
    parse(&std::fs::read(path)?)
}

fn parse(bytes: &[u8]) -> Result<(Vec<usize>, Vec<f32>), Failure> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("not an NPY file")?;
    let cut = || Failure::from("the file is cut off");
    let (&[major, _], rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let (length, rest) = if major == 1 {
        let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        (u32::from_le_bytes(*length) as usize, rest)
    };
    let (header, data) = rest.split_at_checked(length).ok_or_else(cut)?;
    let header = std::str::from_utf8(header).map_err(|_| "its header is not text")?;
    let field = |key: &str| {
        let (_, after) = header.split_once(&format!("'{key}':"))?;
        Some(after.trim_start())
    };
    let kind = field("descr").and_then(|v| v.strip_prefix('\'')?.split_once('\''));
    match kind {
        Some(("<f4", _)) => {}
        Some((other, _)) => return Err(format!("its type is {other:?}, expected f32 (<f4)").into()),
        None => return Err("its type is not a single number".into()),
    }
    if !field("fortran_order").is_some_and(|v| v.starts_with("False")) {
        return Err("it is not in C order".into());
    }
    let (shape, _) = field("shape")
        .and_then(|v| v.strip_prefix('(')?.split_once(')'))
        .ok_or("its shape is missing")?;
    let shape: Vec<usize> = shape
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| format!("its shape is ({shape})"))?;
    let count = shape
        .iter()
        .try_fold(1_usize, |n, &d| n.checked_mul(d))
        .filter(|n| (1..=MAX_VALUES).contains(n))
        .ok_or_else(|| format!("its shape {shape:?} is empty or too large"))?;
    let (numbers, left) = data.as_chunks::<4>();
    if numbers.len() != count || !left.is_empty() {
        return Err(format!("{} bytes for the shape {shape:?} of f32", data.len()).into());
    }
    Ok((
        shape,
        numbers.iter().map(|b| f32::from_le_bytes(*b)).collect(),
    ))
}

/// Writes `[rows, columns]` of `f32`.
pub(super) fn write(path: &Path, size: [usize; 2], values: &[f32]) -> Result<(), Failure> {
    let [rows, columns] = size;
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // magic, version and length take 10 bytes; the header ends at a multiple of 64
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let length = u16::try_from(header.len())?;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(length.to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    Ok(std::fs::write(path, bytes)?)
}
