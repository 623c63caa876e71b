//! Volumes and arrays -> an HDF5 file that appears whole.

use std::collections::BTreeSet;
use std::path::Path;

use hdf5_pure::{DatasetBuilder, File, FileAccessProperties, FileCreateProperties, SyncPolicy};
use ndarray::{ArrayView, Dimension};

use super::attributes::{self, Attribute};
use super::chunks::{Kept, pack};
use super::graft::{self, Template};
use super::{ARRAYS, ArrayElement, FORMAT, FORMAT_VERSION, VOLUMES, check_name};
use crate::atomic::Pending;
use crate::{Archive, Error, Result, Volume};

/// Level of deflate: the default of h5py.
pub(super) const DEFLATE_LEVEL: u32 = 4;

/// Writes an [`Archive`]: under a temporary name first, under its own on [`finish`](Self::finish).
///
/// Entries go to the disk one by one, so that memory holds one of them at a time, however large
/// the archive. A writer that is dropped before `finish` leaves the old archive as it was; after a
/// kill, a hidden `.tmp` file next to it remains and can be deleted.
///
/// The same entries in the same order give the same bytes.
#[derive(Debug)]
pub struct ArchiveWriter {
    // first, so that the file is closed before its temporary name is removed
    file: File,
    pending: Pending,
    entries: BTreeSet<String>,
    /// For the shape of the last volume; most have the same.
    template: Option<Template>,
}

impl Archive {
    /// Starts an empty archive, which replaces a file of this name when it is finished.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the folder does not allow it.
    pub fn create(path: &Path) -> Result<ArchiveWriter> {
        let (pending, _) = Pending::create(path)?;
        let file = File::create_with_options(
            pending.temporary(),
            FileCreateProperties::new(),
            FileAccessProperties::new().with_sync_policy(SyncPolicy::OnClose),
        )
        .map_err(|e| archive_error(path, "/", e))?;
        let mut writer = ArchiveWriter {
            file,
            pending,
            entries: BTreeSet::new(),
            template: None,
        };
        let root = writer.file.root();
        let failed = |e| archive_error(path, "/", e);
        root.set_attr("format", Attribute::from(FORMAT).to_hdf5())
            .map_err(failed)?;
        root.set_attr("format_version", Attribute::from(FORMAT_VERSION).to_hdf5())
            .map_err(failed)?;
        for group in [VOLUMES, ARRAYS] {
            root.create_group(group).map_err(failed)?;
            writer.entries.insert(group.to_owned());
        }
        writer.file.commit().map_err(failed)?;
        Ok(writer)
    }

    /// Starts a copy of an archive, to which entries are added or in which they are replaced.
    ///
    /// # Errors
    ///
    /// As [`Archive::open`], and [`Error::Io`] if the folder or disk does not allow a copy.
    pub fn edit(path: &Path) -> Result<ArchiveWriter> {
        let old = Archive::open(path)?;
        let mut entries = BTreeSet::from([VOLUMES.to_owned(), ARRAYS.to_owned()]);
        for (group, names) in [(VOLUMES, old.names()?), (ARRAYS, old.array_names()?)] {
            for name in names {
                let full = format!("{group}/{name}");
                entries.extend(full.match_indices('/').map(|(at, _)| full[..at].to_owned()));
                entries.insert(full);
            }
        }
        drop(old);
        let (pending, mut copy) = Pending::create(path)?;
        let io = |e| Error::io(path, e);
        std::io::copy(&mut std::fs::File::open(path).map_err(io)?, &mut copy).map_err(io)?;
        drop(copy);
        let file = File::open_rw_with_options(
            pending.temporary(),
            FileAccessProperties::new().with_sync_policy(SyncPolicy::OnClose),
        )
        .map_err(|e| archive_error(path, "/", e))?;
        Ok(ArchiveWriter {
            file,
            pending,
            entries,
            template: None,
        })
    }
}

impl ArchiveWriter {
    /// Adds a volume, or replaces the one of this name.
    ///
    /// Stored in the smallest of 8, 16 and 32 bits that holds all stored values, one chunk per
    /// slice; the chunks are packed in parallel.
    ///
    /// # Errors
    ///
    /// [`Error::EntryName`] if the name is no relative path, [`Error::Io`] if the disk refuses,
    /// [`Error::Archive`] if the entry cannot be stored.
    pub fn write_volume(&mut self, name: &str, volume: &Volume) -> Result<()> {
        let stored = volume.stored();
        let kept = Kept::narrowest(stored);
        let attributes = attributes::describe(volume);
        let shape = volume.shape();
        let extent = shape.map(|n| n as u64);
        let failed = |e| archive_error(self.pending.target(), name, e);
        if !self.template.as_ref().is_some_and(|t| t.fits(extent, kept)) {
            self.template = Template::new(extent, kept, DEFLATE_LEVEL).map_err(failed)?;
        }
        let filled = match &self.template {
            Some(template) => {
                let packed = pack(stored, kept, DEFLATE_LEVEL).unwrap_or_default();
                template.fill(&packed).map_err(failed)?
            }
            None => None,
        };
        self.write(VOLUMES, name, |archive, full| {
            if let Some(source) = filled {
                archive.copy_from(&source, graft::DATASET, full)?;
                archive.commit()?;
                let mut dataset = archive.dataset(full)?;
                for (name, value) in &attributes {
                    dataset.set_attr(name, value.to_hdf5())?;
                }
                return Ok(());
            }
            let build = |dataset: &mut DatasetBuilder| {
                macro_rules! store {
                    ($kind:ty) => {
                        dataset.with_data(&stored.iter().map(|&v| v as $kind).collect::<Vec<_>>())
                    };
                }
                match kept {
                    Kept::U8 => store!(u8),
                    Kept::I8 => store!(i8),
                    Kept::U16 => store!(u16),
                    Kept::I16 => store!(i16),
                    Kept::I32 => store!(i32),
                };
                layout(dataset, &shape);
                for (name, value) in &attributes {
                    dataset.set_attr(name, value.to_hdf5());
                }
            };
            archive.root().create_dataset(full, build).map(drop)
        })
    }

    /// Adds volumes under the given names in turn, each made by `make` while the one before it is
    /// packed; memory holds two of them.
    ///
    /// # Errors
    ///
    /// The first error of `make`, else as [`write_volume`](Self::write_volume). Volumes before it
    /// have been added.
    ///
    /// # Examples
    ///
    /// ```
    /// use mri_io::{Archive, ScanDescription, Spacing, Volume, read_scan, write_multi_frame};
    /// use ndarray::Array3;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let names = ["a", "b", "c"];
    /// for name in names {
    ///     let volume = Volume::new(Array3::from_elem((2, 8, 8), 7), Spacing::isotropic(1.0))?;
    ///     let file = folder.path().join(name);
    ///     write_multi_frame(&file, &volume, &ScanDescription::synthetic(name))?;
    /// }
    /// let path = folder.path().join("archive.h5");
    /// let mut writer = Archive::create(&path)?;
    /// writer.write_volumes(&names, |name| read_scan(&folder.path().join(name)))?;
    /// writer.finish()?;
    /// assert_eq!(Archive::open(&path)?.names()?, names);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_volumes<S: AsRef<str> + Sync>(
        &mut self,
        names: &[S],
        make: impl Fn(&str) -> Result<Volume> + Sync,
    ) -> Result<()> {
        let mut next = names.first().map(|name| make(name.as_ref()));
        for (index, name) in names.iter().enumerate() {
            let Some(volume) = next.take().transpose()? else {
                break;
            };
            let after = names.get(index + 1);
            let (written, made) = rayon::join(
                || self.write_volume(name.as_ref(), &volume),
                || after.map(|after| make(after.as_ref())),
            );
            written?;
            next = made;
        }
        Ok(())
    }

    /// Adds a named array with attributes, or replaces the one of this name.
    ///
    /// # Shapes
    ///
    /// - `array`: any shape with at least one axis and one element, `f32` or `u8`
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the array is empty; else as [`write_volume`](Self::write_volume).
    pub fn write_array<T: ArrayElement, D: Dimension>(
        &mut self,
        name: &str,
        array: ArrayView<'_, T, D>,
        attributes: &[(&str, Attribute)],
    ) -> Result<()> {
        not_empty(&array)?;
        self.write(ARRAYS, name, |archive, full| {
            let build = |dataset: &mut DatasetBuilder| {
                dataset.with_data(&array.iter().copied().collect::<Vec<T>>());
                layout(dataset, array.shape());
                for (name, value) in attributes {
                    dataset.set_attr(name, value.to_hdf5());
                }
            };
            archive.root().create_dataset(full, build).map(drop)
        })
    }

    /// Takes out a volume or an array, or all volumes and arrays below a name, as in
    /// `remove("fish 1")` for `fish 1/left` and `fish 1/right`. To replace a group, take it out and
    /// write it anew; readers see neither before [`finish`](Self::finish).
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchEntry`] if there is nothing of this name; else as
    /// [`write_volume`](Self::write_volume).
    ///
    /// # Examples
    ///
    /// ```
    /// use mri_io::{Archive, Spacing, Volume};
    /// use ndarray::Array3;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("archive.h5");
    /// let volume = Volume::new(Array3::from_elem((2, 8, 8), 7), Spacing::isotropic(1.0))?;
    /// let mut writer = Archive::create(&path)?;
    /// for name in ["fish 1/left", "fish 1/right", "fish 2/left"] {
    ///     writer.write_volume(name, &volume)?;
    /// }
    /// writer.finish()?;
    ///
    /// let mut writer = Archive::edit(&path)?;
    /// writer.remove("fish 1")?;
    /// writer.write_volume("fish 1/left", &volume)?;
    /// writer.finish()?;
    /// assert_eq!(Archive::open(&path)?.names()?, ["fish 1/left", "fish 2/left"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove(&mut self, name: &str) -> Result<()> {
        check_name(name)?;
        let path = self.pending.target().to_path_buf();
        let mut found = false;
        for group in [VOLUMES, ARRAYS] {
            let full = format!("{group}/{name}");
            if !self.entries.contains(&full) {
                continue;
            }
            found = true;
            let below = format!("{full}/");
            self.entries
                .retain(|entry| *entry != full && !entry.starts_with(&below));
            self.file
                .root()
                .delete(&full)
                .and_then(|()| self.file.commit())
                .map_err(|e| archive_error(&path, &full, e))?;
        }
        if found {
            return Ok(());
        }
        Err(Error::NoSuchEntry {
            path,
            entry: name.to_owned(),
        })
    }

    fn write(
        &mut self,
        group: &str,
        name: &str,
        add: impl FnOnce(&File, &str) -> Result<(), hdf5_pure::Error>,
    ) -> Result<()> {
        check_name(name)?;
        let path = self.pending.target().to_path_buf();
        let full = format!("{group}/{name}");
        let failed = |e| archive_error(&path, &full, e);
        let root = self.file.root();
        let is_group = self
            .entries
            .range(format!("{full}/")..)
            .next()
            .is_some_and(|next| next.starts_with(&format!("{full}/")));
        let parents: Vec<&str> = full
            .match_indices('/')
            .skip(1)
            .map(|(at, _)| &full[..at])
            .collect();
        let clash = parents
            .iter()
            .any(|p| self.entries.contains(*p) && self.file.dataset(p).is_ok());
        if is_group || clash {
            let reason = "it is both an entry and a group of entries";
            return Err(Error::EntryName {
                name: name.to_owned(),
                reason,
            });
        }
        if self.entries.remove(&full) {
            root.delete(&full).map_err(failed)?;
            self.file.commit().map_err(failed)?;
        }
        for parent in parents {
            if !self.entries.contains(parent) {
                root.create_group(parent).map_err(failed)?;
                self.entries.insert(parent.to_owned());
            }
        }
        add(&self.file, &full).map_err(failed)?;
        self.file.commit().map_err(failed)?;
        self.entries.insert(full);
        Ok(())
    }

    /// Makes the archive durable and gives it its name, replacing an older file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Archive`] if the disk refuses; the old file is then untouched.
    pub fn finish(self) -> Result<()> {
        let Self { file, pending, .. } = self;
        let path = pending.target().to_path_buf();
        file.close().map_err(|e| archive_error(&path, "/", e))?;
        let written = std::fs::File::options()
            .write(true)
            .open(pending.temporary())
            .map_err(|e| Error::io(&path, e))?;
        pending.commit(&written)
    }
}

/// HDF5 has no chunks without elements.
pub(super) fn not_empty<T, D: Dimension>(array: &ArrayView<'_, T, D>) -> Result<()> {
    if array.is_empty() || array.ndim() == 0 {
        return Err(Error::Shape {
            what: "array",
            expected: vec![1],
            found: array.shape().to_vec(),
        });
    }
    Ok(())
}

/// One compressed chunk per index of the first axis.
fn layout(dataset: &mut DatasetBuilder, shape: &[usize]) {
    let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    let mut chunk = shape.clone();
    if chunk.len() > 1 {
        chunk[0] = 1;
    }
    dataset
        .with_shape(&shape)
        .with_chunks(&chunk)
        .with_shuffle()
        .with_deflate(DEFLATE_LEVEL);
}

pub(crate) fn archive_error(path: &Path, entry: &str, error: hdf5_pure::Error) -> Error {
    match error {
        hdf5_pure::Error::Io(source) => Error::io(path, source),
        other => Error::Archive {
            path: path.to_path_buf(),
            entry: entry.to_owned(),
            source: other.into(),
        },
    }
}
