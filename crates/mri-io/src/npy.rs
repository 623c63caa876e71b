//! NumPy's npy format, version 1.0: arrays of `f32` with three axes.
//!
//! # Source
//!
//! NumPy Enhancement Proposal 1 and `numpy.lib.format`.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use ndarray::{Array3, ArrayView3, ShapeBuilder};

use crate::{Error, Result, atomic};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Writes an array as little-endian `f32` in row-major order, atomically.
///
/// # Shapes
///
/// - `array`: any `[slices, rows, columns]`
///
/// # Errors
///
/// [`Error::Io`] if the file cannot be written.
///
/// # Examples
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("map.npy");
/// let map = ndarray::Array3::from_elem((2, 3, 4), 0.5_f32);
/// mri_io::npy::write_f32(&path, map.view())?;
/// assert_eq!(mri_io::npy::read_f32(&path)?, map);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_f32(path: &Path, array: ArrayView3<'_, f32>) -> Result<()> {
    atomic::write_atomically(path, |file| {
        let (slices, rows, columns) = array.dim();
        let mut header = format!(
            "{{'descr': '<f4', 'fortran_order': False, 'shape': ({slices}, {rows}, {columns}), }}"
        );
        // data starts at a multiple of 64 bytes, after a newline
        let padding = 63 - (MAGIC.len() + 4 + header.len()) % 64;
        header.extend(std::iter::repeat_n(' ', padding));
        header.push('\n');
        file.write_all(MAGIC)?;
        file.write_all(&[1, 0])?;
        file.write_all(&(header.len() as u16).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        for slice in array.outer_iter() {
            let bytes: Vec<u8> = slice.iter().flat_map(|value| value.to_le_bytes()).collect();
            file.write_all(&bytes)?;
        }
        Ok(())
    })
}

/// Reads an array of little-endian `f32` with three axes, in row-major or column-major order.
///
/// # Shapes
///
/// - returns: `[slices, rows, columns]` as stored
///
/// # Errors
///
/// [`Error::Io`] if the file cannot be read; [`Error::Npy`] if it is not such an array or its
/// size is not the one that the header declares.
pub fn read_f32(path: &Path) -> Result<Array3<f32>> {
    let io = |source| Error::io(path, source);
    let wrong = |reason: String| Error::Npy {
        path: path.to_path_buf(),
        reason,
    };
    let file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut file = BufReader::new(file);

    let mut prelude = [0; 8];
    file.read_exact(&mut prelude)
        .map_err(|_| wrong("no npy header".to_owned()))?;
    if &prelude[..6] != MAGIC {
        return Err(wrong("no npy header".to_owned()));
    }
    let short = |_| wrong("header is incomplete".to_owned());
    let header_length = if prelude[6] == 1 {
        let mut raw = [0; 2];
        file.read_exact(&mut raw).map_err(short)?;
        u64::from(u16::from_le_bytes(raw))
    } else {
        let mut raw = [0; 4];
        file.read_exact(&mut raw).map_err(short)?;
        u64::from(u32::from_le_bytes(raw))
    };
    if header_length > length {
        return Err(wrong("header is incomplete".to_owned()));
    }
    let mut header = Vec::new();
    file.by_ref()
        .take(header_length)
        .read_to_end(&mut header)
        .map_err(io)?;
    let header = Header::parse(&String::from_utf8_lossy(&header)).map_err(wrong)?;

    let start = if prelude[6] == 1 { 10 } else { 12 } + header_length;
    let declared = header
        .shape
        .iter()
        .try_fold(4_u64, |n, &axis| n.checked_mul(axis as u64));
    let found = length.saturating_sub(start);
    if declared != Some(found) {
        return Err(wrong(format!(
            "shape {:?} does not match {found} bytes of data",
            header.shape
        )));
    }
    let mut bytes = Vec::with_capacity(found as usize);
    file.read_to_end(&mut bytes).map_err(io)?;
    let values = bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    Array3::from_shape_vec(header.shape.set_f(header.fortran_order), values)
        .map(|array| {
            if header.fortran_order {
                array.as_standard_layout().to_owned()
            } else {
                array
            }
        })
        .map_err(|e| wrong(e.to_string()))
}

struct Header {
    fortran_order: bool,
    shape: [usize; 3],
}

impl Header {
    /// Reads the Python dictionary of the header; its keys may come in any order.
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let after = |key: &str| {
            let at = text.find(&format!("'{key}'"))? + key.len() + 2;
            Some(text.get(at..)?.trim_start().strip_prefix(':')?.trim_start())
        };
        let descr = after("descr").ok_or("no descr")?;
        if !descr.starts_with("'<f4'") {
            let found = descr.split('\'').nth(1).unwrap_or("unknown");
            return Err(format!(
                "type {found}, expected <f4 (little-endian single precision)"
            ));
        }
        let order = after("fortran_order").ok_or("no fortran_order")?;
        let fortran_order = match order {
            o if o.starts_with("True") => true,
            o if o.starts_with("False") => false,
            _ => return Err("fortran_order is neither True nor False".to_owned()),
        };
        let shape = after("shape").ok_or("no shape")?;
        let inside = shape
            .strip_prefix('(')
            .and_then(|s| s.split(')').next())
            .ok_or("no shape")?;
        let axes: Vec<usize> = inside
            .split(',')
            .map(str::trim)
            .filter(|axis| !axis.is_empty())
            .map(|axis| axis.parse().map_err(|_| format!("shape ({inside})")))
            .collect::<std::result::Result<_, _>>()?;
        let count = axes.len();
        let shape = axes
            .try_into()
            .map_err(|_| format!("{count} axes, expected 3"))?;
        Ok(Self {
            fortran_order,
            shape,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        std::fs::write(&path, bytes).unwrap();
        let error = read_f32(&path).unwrap_err().to_string();
        error
            .strip_prefix(&path.display().to_string())
            .unwrap()
            .to_owned()
    }

    #[test]
    fn bytes_are_those_of_numpy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        write_f32(&path, Array3::from_elem((1, 2, 1), 1.5).view()).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        // numpy.save of numpy.full((1, 2, 1), 1.5, "float32"), numpy 2.4.6
        let mut expected = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        expected.extend(b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 1), }");
        expected.resize(127, b' ');
        expected.extend(b"\n\x00\x00\xc0\x3f\x00\x00\xc0\x3f");
        assert_eq!(bytes, expected);
    }

    #[test]
    fn column_major_arrays_are_turned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        write_f32(
            &path,
            Array3::from_shape_fn((2, 1, 2), |(i, _, k)| (2 * i + k) as f32).view(),
        )
        .unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.windows(5).position(|w| w == b"False").unwrap();
        bytes[at..at + 5].copy_from_slice(b"True ");
        std::fs::write(&path, bytes).unwrap();
        let array = read_f32(&path).unwrap();
        assert_eq!(
            array,
            Array3::from_shape_fn((2, 1, 2), |(i, _, k)| (2 * k + i) as f32)
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let file = |header: &str, data: usize| {
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((header.len() as u16).to_le_bytes());
            bytes.extend(header.as_bytes());
            bytes.extend(vec![0; data]);
            bytes
        };
        let prefix = ": not a readable npy array: ";
        assert_eq!(message(b"hello"), format!("{prefix}no npy header"));
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1), }";
        assert_eq!(
            message(&file(header, 8)),
            format!("{prefix}type <f8, expected <f4 (little-endian single precision)")
        );
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
        assert_eq!(
            message(&file(header, 12)),
            format!("{prefix}1 axes, expected 3")
        );
        let header =
            "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 9), }";
        assert_eq!(
            message(&file(header, 12)),
            format!("{prefix}shape [4294967296, 4294967296, 9] does not match 12 bytes of data")
        );
    }
}
