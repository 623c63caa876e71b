//! One dataset of an HDF5 file: read whole or in part, after its claims were checked.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use hdf5_pure::Dataset;
use ndarray::Array3;

use super::attributes::{self, Attributes, Described};
use super::chunks::{ChunkError, Chunks, Kept};
use super::file::Hdf5File;
use super::writer::archive_error;
use crate::{Error, Result, Volume};

/// No filter of HDF5 packs more than this many bytes into one.
pub(super) const MAX_RATIO: u64 = 1100;
/// Most bytes that one read may give.
pub(super) const MAX_READ: u64 = 16 << 30;

/// Runs a read; a fault of the HDF5 library becomes an error of this entry.
pub(super) fn guarded<T>(
    path: &Path,
    entry: &str,
    read: impl FnOnce() -> Result<T, hdf5_pure::Error>,
) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|e| archive_error(path, entry, e)),
        Err(_) => Err(Error::Archive {
            path: path.to_path_buf(),
            entry: entry.to_owned(),
            source: "the HDF5 reader failed".into(),
        }),
    }
}

pub(super) struct Entry<'a> {
    pub(super) file: &'a Hdf5File,
    pub(super) name: String,
    pub(super) dataset: Dataset,
}

impl Entry<'_> {
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Dataset) -> Result<T, hdf5_pure::Error>,
    ) -> Result<T> {
        guarded(&self.file.path, &self.name, || read(&self.dataset))
    }

    pub(super) fn wrong(&self, reason: String) -> Error {
        Error::Archive {
            path: self.file.path.clone(),
            entry: self.name.clone(),
            source: reason.into(),
        }
    }

    pub(super) fn shape(&self) -> Result<Vec<u64>> {
        self.read(Dataset::shape)
    }

    pub(super) fn attributes(&self) -> Result<Attributes> {
        Ok(attributes::from_hdf5(&self.read(Dataset::attrs)?))
    }

    pub(super) fn volume_shape(&self) -> Result<[u64; 3]> {
        let shape = self.shape()?;
        let count = shape.len();
        let shape: [u64; 3] = shape
            .try_into()
            .map_err(|_| self.wrong(format!("{count} axes, a volume has 3")))?;
        if shape.contains(&0) {
            return Err(self.wrong(format!("shape {shape:?} has no pixel")));
        }
        Ok(shape)
    }

    /// What `rows` along the first axis need is no more than the file can hold.
    pub(super) fn check_size(&self, shape: &[u64], rows: u64) -> Result<()> {
        let element = self.read(Dataset::element_size)?;
        let product = |axes: &[u64]| {
            axes.iter()
                .try_fold(element, |n, &axis| n.checked_mul(axis))
                .unwrap_or(u64::MAX)
        };
        let limit = self.file.length.saturating_mul(MAX_RATIO).min(MAX_READ);
        let too_large = |what: &str, declared| Error::TooLarge {
            path: self.file.path.clone(),
            what: format!("{} ({what})", self.name),
            declared,
            limit,
        };
        let all = product(shape);
        if all > self.file.length.saturating_mul(MAX_RATIO) {
            return Err(too_large("its shape", all));
        }
        let mut window = shape.to_vec();
        if let Some(first) = window.first_mut() {
            *first = rows;
        }
        if product(&window) > limit {
            return Err(too_large("the part to be read", product(&window)));
        }
        let Some(chunk) = self.read(Dataset::chunk_shape)? else {
            return Ok(());
        };
        let chunk = product(&chunk);
        if chunk > limit {
            return Err(too_large("one chunk", chunk));
        }
        // the library reserves what the index says of a chunk, and goes over all of each
        if let Ok(chunks) = self.read(Dataset::chunks) {
            let together = chunk.saturating_mul(chunks.len() as u64);
            if together > self.file.length.saturating_mul(MAX_RATIO) {
                return Err(too_large("its chunks", together));
            }
            let beyond = chunks.iter().find(|chunk| {
                let end = chunk.address.checked_add(chunk.storage_size);
                end.is_none_or(|end| end > self.file.length)
            });
            if let Some(beyond) = beyond {
                return Err(self.wrong(format!(
                    "a chunk of {} bytes at {} reaches beyond the end of the file",
                    beyond.storage_size, beyond.address
                )));
            }
        }
        Ok(())
    }

    /// The stored integers of some slices.
    pub(super) fn read_array(&self, range: Range<usize>) -> Result<Array3<i32>> {
        let shape = self.volume_shape()?;
        self.check_size(&shape, range.len() as u64)?;
        let [_, rows, columns] = shape.map(|n| n as usize);
        let stored = self.read_stored(shape, range.clone())?;
        Array3::from_shape_vec((range.len(), rows, columns), stored)
            .map_err(|e| self.wrong(e.to_string()))
    }

    pub(super) fn read_slices(&self, range: Range<usize>) -> Result<Volume> {
        let shape = self.volume_shape()?;
        let slices = shape[0] as usize;
        let stored = self.read_array(range.clone())?;
        let described =
            attributes::understand(&self.attributes()?, slices).map_err(|e| self.wrong(e))?;
        volume_of(stored, described, range).map_err(|e| self.wrong(e.to_string()))
    }

    fn read_stored(&self, shape: [u64; 3], range: Range<usize>) -> Result<Vec<i32>> {
        let kind = self.read(Dataset::dtype)?;
        let kept = Kept::of(&kind)
            .ok_or_else(|| self.wrong(format!("{kind:?} elements are no stored integers")))?;
        if let Some(chunks) = self.read(|d| Chunks::find(d, shape, kept))? {
            let file = self.file;
            return chunks
                .read(&file.bytes, file.length, range)
                .map_err(|error| match error {
                    ChunkError::Io(source) => Error::io(&file.path, source),
                    other => self.wrong(other.to_string()),
                });
        }
        let count = range.len() as u64;
        let whole = count == shape[0];
        let start = range.start as u64;
        macro_rules! widened {
            ($kind:ty, $rows:ident) => {{
                let narrow = self.read(|d| {
                    if whole {
                        d.read::<$kind>()
                    } else {
                        d.$rows(start, count)
                    }
                })?;
                narrow.into_iter().map(i32::from).collect::<Vec<i32>>()
            }};
        }
        Ok(match kept {
            Kept::U8 => widened!(u8, read_u8_rows),
            Kept::I8 => widened!(i8, read_i8_rows),
            Kept::U16 => widened!(u16, read_u16_rows),
            Kept::I16 => widened!(i16, read_i16_rows),
            Kept::I32 => widened!(i32, read_i32_rows),
        })
    }
}

/// The slices `range` of a volume from their stored integers and the fields of the whole.
pub(super) fn volume_of(
    stored: Array3<i32>,
    described: Described,
    range: Range<usize>,
) -> Result<Volume> {
    let Described {
        spacing,
        rescale,
        orientation,
        positions,
        acquisition,
    } = described;
    let mut volume = Volume::new(stored, spacing)?
        .with_rescale_per_slice(rescale[range.clone()].to_vec())?
        .with_acquisition(acquisition);
    if let Some(orientation) = orientation {
        volume = volume.with_orientation(orientation);
    }
    match positions {
        Some(positions) => volume.with_positions(positions[range].to_vec()),
        None => Ok(volume),
    }
}
