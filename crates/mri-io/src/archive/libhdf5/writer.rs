//! Volumes and arrays -> an HDF5 file that appears whole, through the C library.

use std::path::Path;

use hdf5::{H5Type, LocationType};
use ndarray::{ArrayView, Dimension};

use super::reader::Archive;
use super::{attributes, failed};
use crate::archive::attributes::{Attribute, describe};
use crate::archive::chunks::Kept;
use crate::archive::writer::{DEFLATE_LEVEL, not_empty};
use crate::archive::{ARRAYS, ArrayElement, FORMAT, FORMAT_VERSION, VOLUMES, check_name};
use crate::atomic::Pending;
use crate::{Error, Result, Volume};

/// Writes an [`Archive`](super::Archive) through libhdf5: under a temporary name first, under its
/// own on [`finish`](Self::finish).
///
/// The methods are those of [`crate::ArchiveWriter`].
#[derive(Debug)]
pub struct ArchiveWriter {
    // first, so that the file is closed before its temporary name is removed
    file: hdf5::File,
    pending: Pending,
}

impl Archive {
    /// Starts an empty archive, which replaces a file of this name when it is finished.
    ///
    /// # Errors
    ///
    /// As [`crate::Archive::create`].
    pub fn create(path: &Path) -> Result<ArchiveWriter> {
        let (pending, _) = Pending::create(path)?;
        let root = |e| failed(path, "/", e);
        let file = hdf5::File::create(pending.temporary()).map_err(root)?;
        let start = || {
            attributes::write(&file, "format", &Attribute::from(FORMAT))?;
            attributes::write(&file, "format_version", &Attribute::from(FORMAT_VERSION))?;
            file.create_group(VOLUMES)?;
            file.create_group(ARRAYS)
        };
        start().map_err(root)?;
        Ok(ArchiveWriter { file, pending })
    }

    /// Starts a copy of an archive, to which entries are added or in which they are replaced.
    ///
    /// # Errors
    ///
    /// As [`crate::Archive::edit`].
    pub fn edit(path: &Path) -> Result<ArchiveWriter> {
        drop(Self::open(path)?);
        let (pending, mut copy) = Pending::create(path)?;
        let io = |e| Error::io(path, e);
        std::io::copy(&mut std::fs::File::open(path).map_err(io)?, &mut copy).map_err(io)?;
        drop(copy);
        let file = hdf5::File::open_rw(pending.temporary()).map_err(|e| failed(path, "/", e))?;
        Ok(ArchiveWriter { file, pending })
    }
}

impl ArchiveWriter {
    /// Adds a volume, or replaces the one of this name.
    ///
    /// # Errors
    ///
    /// As [`crate::ArchiveWriter::write_volume`].
    pub fn write_volume(&mut self, name: &str, volume: &Volume) -> Result<()> {
        let attributes = describe(volume);
        let attributes: Vec<(&str, Attribute)> = attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        let stored = volume.stored();
        macro_rules! store {
            ($kind:ty) => {
                self.write(
                    VOLUMES,
                    name,
                    stored.mapv(|v| v as $kind).view(),
                    &attributes,
                )
            };
        }
        match Kept::narrowest(stored) {
            Kept::U8 => store!(u8),
            Kept::I8 => store!(i8),
            Kept::U16 => store!(u16),
            Kept::I16 => store!(i16),
            Kept::I32 => store!(i32),
        }
    }

    /// Adds a named array with attributes, or replaces the one of this name.
    ///
    /// # Shapes
    ///
    /// - `array`: any shape with at least one axis and one element, `f32` or `u8`
    ///
    /// # Errors
    ///
    /// As [`crate::ArchiveWriter::write_array`].
    pub fn write_array<T: ArrayElement, D: Dimension>(
        &mut self,
        name: &str,
        array: ArrayView<'_, T, D>,
        attributes: &[(&str, Attribute)],
    ) -> Result<()> {
        not_empty(&array)?;
        self.write(ARRAYS, name, array, attributes)
    }

    /// Takes out a volume or an array, or all volumes and arrays below a name.
    ///
    /// # Errors
    ///
    /// As [`crate::ArchiveWriter::remove`].
    pub fn remove(&mut self, name: &str) -> Result<()> {
        check_name(name)?;
        let path = self.pending.target();
        let mut found = false;
        for group in [VOLUMES, ARRAYS] {
            let full = format!("{group}/{name}");
            if self.kind(&full).is_some() {
                found = true;
                self.file
                    .unlink(&full)
                    .map_err(|e| failed(path, &full, e))?;
            }
        }
        if found {
            return Ok(());
        }
        Err(Error::NoSuchEntry {
            path: path.to_path_buf(),
            entry: name.to_owned(),
        })
    }

    /// What lies at a path, every part of which is looked at in turn.
    fn kind(&self, full: &str) -> Option<LocationType> {
        let mut parents = full.match_indices('/').map(|(at, _)| &full[..at]);
        let at = |path: &str| self.file.loc_type_by_name(path).ok();
        if !parents.all(|parent| at(parent) == Some(LocationType::Group)) {
            return None;
        }
        at(full)
    }

    fn write<T: H5Type + Clone, D: Dimension>(
        &mut self,
        group: &str,
        name: &str,
        array: ArrayView<'_, T, D>,
        attributes: &[(&str, Attribute)],
    ) -> Result<()> {
        check_name(name)?;
        let full = format!("{group}/{name}");
        let parents: Vec<&str> = full.match_indices('/').map(|(at, _)| &full[..at]).collect();
        let clash =
            |parent: &&str| matches!(self.kind(parent), Some(k) if k != LocationType::Group);
        if self.kind(&full) == Some(LocationType::Group) || parents.iter().any(clash) {
            return Err(Error::EntryName {
                name: name.to_owned(),
                reason: "it is both an entry and a group of entries",
            });
        }
        let mut chunk = array.shape().to_vec();
        if chunk.len() > 1 {
            chunk[0] = 1;
        }
        let add = || {
            if self.kind(&full).is_some() {
                self.file.unlink(&full)?;
            }
            for parent in &parents {
                if self.kind(parent).is_none() {
                    self.file.create_group(parent)?;
                }
            }
            let standard = array.as_standard_layout();
            let dataset = self
                .file
                .new_dataset_builder()
                .obj_track_times(false)
                .chunk(chunk)
                .shuffle()
                .deflate(DEFLATE_LEVEL as u8)
                .with_data(standard.view())
                .create(full.as_str())?;
            attributes
                .iter()
                .try_for_each(|(name, value)| attributes::write(&dataset, name, value))
        };
        add().map_err(|e| failed(self.pending.target(), &full, e))
    }

    /// Makes the archive durable and gives it its name, replacing an older file.
    ///
    /// # Errors
    ///
    /// As [`crate::ArchiveWriter::finish`].
    pub fn finish(self) -> Result<()> {
        let Self { file, pending } = self;
        let path = pending.target().to_path_buf();
        file.close().map_err(|e| failed(&path, "/", e))?;
        let written = std::fs::File::options()
            .write(true)
            .open(pending.temporary())
            .map_err(|e| Error::io(&path, e))?;
        pending.commit(&written)
    }
}
