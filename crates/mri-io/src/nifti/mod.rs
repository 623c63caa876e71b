//! NIfTI-1 files (`.nii`, `.nii.gz`) <-> volumes. Feature `nifti`.
//!
//! Voxels are kept in the order of the volume: i counts columns, j rows, k slices. NIfTI points to
//! the right, front and head where DICOM points to the left, back and head, so the first two
//! coordinates change sign.
//!
//! # Source
//!
//! `nifti1.h` of the NIfTI Data Format Working Group; read and written alike by nibabel
//! (`tests/golden/nibabel/`).

mod header;

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use ndarray::Array3;

use crate::{Acquisition, Error, Orientation, Result, Spacing, Volume, atomic};
use header::{HEADER, Header};

/// Most voxels that are read.
const MAX_VOXELS: u64 = 1 << 32;

/// Reads a single-file NIfTI-1 image of three axes, packed with gzip or not.
///
/// Spacing, orientation and positions follow from the affine of `sform`, else of `qform`, else
/// from the voxel sizes alone. Voxels of 8, 16 and 32 bits are stored integers; real numbers are
/// read if all are whole. A slope of 0 means none, as NIfTI has it.
///
/// # Errors
///
/// [`Error::Io`]; [`Error::Nifti`] if it is no such image, several volumes, a fraction, or shorter
/// than its header declares; [`Error::TooLarge`] if it declares more than 2³² voxels.
pub fn read(path: &Path) -> Result<Volume> {
    let wrong = |reason: String| Error::Nifti {
        path: path.to_path_buf(),
        reason,
    };
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let mut file = BufReader::new(file);
    let start = std::io::BufRead::fill_buf(&mut file).map_err(|e| Error::io(path, e))?;
    let mut source: Box<dyn Read> = if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut raw = [0; HEADER];
    source
        .read_exact(&mut raw)
        .map_err(|_| wrong("shorter than a NIfTI header".to_owned()))?;
    let header = Header::parse(&raw).map_err(wrong)?;
    let voxels = header.voxels();
    if voxels > MAX_VOXELS {
        return Err(Error::TooLarge {
            path: path.to_path_buf(),
            what: "the image".to_owned(),
            declared: voxels.saturating_mul(header.kind.width() as u64),
            limit: MAX_VOXELS * header.kind.width() as u64,
        });
    }
    let skip = header.offset.saturating_sub(HEADER as u64);
    std::io::copy(&mut source.by_ref().take(skip), &mut std::io::sink())
        .map_err(|e| Error::io(path, e))?;
    // memory grows with what is there, not with what is declared
    let expected = voxels * header.kind.width() as u64;
    let mut bytes = Vec::new();
    source
        .take(expected)
        .read_to_end(&mut bytes)
        .map_err(|e| wrong(format!("cannot be unpacked: {e}")))?;
    if bytes.len() as u64 != expected {
        let found = bytes.len();
        return Err(wrong(format!(
            "voxels need {expected} bytes, {found} present"
        )));
    }
    let stored = header.decode(&bytes).map_err(wrong)?;
    let [columns, rows, slices] = header.shape;
    let stored = Array3::from_shape_vec((slices, rows, columns), stored)
        .map_err(|e| wrong(e.to_string()))?;
    let mut volume = Volume::new(stored, header.spacing())?
        .with_rescale(header.rescale())?
        .with_acquisition(Acquisition {
            series_description: header.description.clone(),
            bits_stored: header.kind.bits(),
            signed: Some(header.kind.signed()),
            ..Acquisition::default()
        });
    if let Some((orientation, first, step)) = header.geometry() {
        let place = |slice: usize| {
            let along = slice as f64;
            std::array::from_fn(|axis| first[axis] + along * step[axis])
        };
        volume = volume
            .with_orientation(orientation)
            .with_positions((0..slices).map(place).collect())?;
    }
    Ok(volume)
}

/// Writes a volume as a single-file NIfTI-1 image, atomically; packed with gzip if the name ends in
/// `.gz`.
///
/// Kept are stored integers (in the narrowest of 8, 16 and 32 bits), rescale, spacing, orientation,
/// the position of the first slice and the series description. Other fields of the acquisition have
/// no place in NIfTI.
///
/// # Errors
///
/// [`Error::Nifti`] if slices differ in rescale, slices do not lie in even steps, or an axis is
/// longer than 32767; [`Error::Io`].
///
/// # Examples
///
/// ```
/// use mri_io::{Spacing, Volume, nifti};
/// use ndarray::Array3;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("scan.nii.gz");
/// let stored = Array3::from_shape_fn((3, 4, 5), |(s, r, c)| (100 * s + 10 * r + c) as i32);
/// let volume = Volume::new(stored, Spacing { slice_mm: 2.0, row_mm: 0.5, column_mm: 0.25 })?;
/// nifti::write(&path, &volume)?;
///
/// let read = nifti::read(&path)?;
/// assert_eq!(read.stored(), volume.stored());
/// assert_eq!(read.spacing(), volume.spacing());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(path: &Path, volume: &Volume) -> Result<()> {
    let header = Header::of(volume).map_err(|reason| Error::Nifti {
        path: path.to_path_buf(),
        reason,
    })?;
    let packed = path.extension().is_some_and(|end| end == "gz");
    atomic::write_atomically(path, |file| {
        if packed {
            let mut packer = GzEncoder::new(file, Compression::default());
            write_to(&mut packer, &header, volume)?;
            packer.finish().map(drop)
        } else {
            write_to(file, &header, volume)
        }
    })
}

fn write_to(file: &mut dyn Write, header: &Header, volume: &Volume) -> std::io::Result<()> {
    file.write_all(&header.to_bytes())?;
    // no extensions
    file.write_all(&[0; 4])?;
    for slice in volume.stored().outer_iter() {
        let bytes: Vec<u8> = slice
            .iter()
            .flat_map(|value| value.to_le_bytes().into_iter().take(header.kind.width()))
            .collect();
        file.write_all(&bytes)?;
    }
    Ok(())
}
