//! An archive -> volumes, slices of them, and arrays, through the C library.

use std::ops::Range;
use std::path::{Path, PathBuf};

use hdf5::types::{IntSize, TypeDescriptor};
use hdf5::{Dataset, Group, LocationType};
use ndarray::{Array3, Ix3, IxDyn};

use super::{attributes, failed};
use crate::archive::attributes::{Attributes, understand};
use crate::archive::entry::{MAX_RATIO, MAX_READ, volume_of};
use crate::archive::file::{ENDLESS, MAX_DEPTH, MAX_GROUPS};
use crate::archive::reader::check_format;
use crate::archive::{ARRAYS, ArrayElement, VOLUMES, check_name};
use crate::{Error, NamedArray, Result, Volume};

/// Volumes and named arrays in one HDF5 file, read by libhdf5.
///
/// The methods are those of [`crate::Archive`].
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: hdf5::File,
    length: u64,
}

impl Archive {
    /// Opens an archive for reading.
    ///
    /// # Errors
    ///
    /// As [`crate::Archive::open`].
    pub fn open(path: &Path) -> Result<Self> {
        let io = |e| Error::io(path, e);
        let metadata = std::fs::metadata(path).map_err(io)?;
        if !metadata.is_file() {
            let kind = std::io::ErrorKind::InvalidInput;
            return Err(io(std::io::Error::new(kind, "not a regular file")));
        }
        let root = |e| failed(path, "/", e);
        let file = hdf5::File::open(path).map_err(root)?;
        check_format(path, &attributes::read(&file).map_err(root)?)?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            length: metadata.len(),
        })
    }

    /// Names of all volumes, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Archive`] if the directory is damaged.
    pub fn names(&self) -> Result<Vec<String>> {
        list(&self.path, &self.file, VOLUMES)
    }

    /// Names of all arrays, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Archive`] if the directory is damaged.
    pub fn array_names(&self) -> Result<Vec<String>> {
        list(&self.path, &self.file, ARRAYS)
    }

    /// `[slices, rows, columns]` of a volume, without reading it.
    ///
    /// # Errors
    ///
    /// As [`read_volume`](Self::read_volume).
    pub fn shape(&self, name: &str) -> Result<[usize; 3]> {
        self.entry(VOLUMES, name)?.volume_shape()
    }

    /// Reads a volume.
    ///
    /// # Errors
    ///
    /// As [`crate::Archive::read_volume`].
    pub fn read_volume(&self, name: &str) -> Result<Volume> {
        let entry = self.entry(VOLUMES, name)?;
        let slices = entry.volume_shape()?[0];
        entry.read_slices(0..slices)
    }

    /// Reads some slices of a volume, with their positions and rescale, and none of the others.
    ///
    /// # Errors
    ///
    /// As [`crate::Archive::read_slices`].
    pub fn read_slices(&self, name: &str, range: Range<usize>) -> Result<Volume> {
        let entry = self.entry(VOLUMES, name)?;
        let slices = entry.volume_shape()?[0];
        if range.is_empty() || range.end > slices {
            return Err(Error::SliceRange {
                path: self.path.clone(),
                entry: entry.name,
                start: range.start,
                end: range.end,
                slices,
            });
        }
        entry.read_slices(range)
    }

    /// Reads an array and its attributes.
    ///
    /// # Errors
    ///
    /// As [`crate::Archive::read_array`].
    pub fn read_array<T: ArrayElement>(&self, name: &str) -> Result<NamedArray<T>> {
        let entry = self.entry(ARRAYS, name)?;
        let kind = entry.kind()?;
        if kind != T::type_descriptor() {
            return Err(entry.wrong(&format!("elements are not {:?}", T::TYPE)));
        }
        let shape = entry.dataset.shape();
        entry.check_size(&shape)?;
        let values = entry.read(|d| d.read::<T, IxDyn>())?;
        Ok(NamedArray {
            values,
            attributes: entry.attributes()?,
        })
    }

    fn entry(&self, group: &str, name: &str) -> Result<Entry<'_>> {
        check_name(name)?;
        let full = format!("{group}/{name}");
        let absent = Error::NoSuchEntry {
            path: self.path.clone(),
            entry: full.clone(),
        };
        // the library asks of every part of a path in turn
        let mut parts = full.match_indices('/').map(|(at, _)| &full[..at]);
        let is = |path: &str, kind| self.file.loc_type_by_name(path).is_ok_and(|k| k == kind);
        if !parts.all(|part| is(part, LocationType::Group)) || !is(&full, LocationType::Dataset) {
            return Err(absent);
        }
        let dataset = self
            .file
            .dataset(&full)
            .map_err(|e| failed(&self.path, &full, e))?;
        Ok(Entry {
            archive: self,
            name: full,
            dataset,
        })
    }
}

/// Paths of the datasets below a group, relative to it, sorted.
pub(super) fn list(path: &Path, file: &hdf5::File, group: &str) -> Result<Vec<String>> {
    let wrong = |e| failed(path, group, e);
    let start = file.group(group).map_err(wrong)?;
    let (mut names, mut groups) = (Vec::new(), 0);
    let complete = visit(&start, "", 0, &mut groups, &mut names).map_err(wrong)?;
    if !complete {
        return Err(wrong(hdf5::Error::from(ENDLESS)));
    }
    names.sort();
    Ok(names)
}

/// Whether the walk came to an end.
fn visit(
    group: &Group,
    prefix: &str,
    depth: usize,
    groups: &mut usize,
    names: &mut Vec<String>,
) -> hdf5::Result<bool> {
    *groups += 1;
    if depth > MAX_DEPTH || *groups > MAX_GROUPS {
        return Ok(false);
    }
    for name in group.member_names()? {
        // links to nothing are left out
        match group.loc_type_by_name(&name) {
            Ok(LocationType::Dataset) => names.push(format!("{prefix}{name}")),
            Ok(LocationType::Group) => {
                let below = format!("{prefix}{name}/");
                if !visit(&group.group(&name)?, &below, depth + 1, groups, names)? {
                    return Ok(false);
                }
            }
            _ => {}
        }
    }
    Ok(true)
}

struct Entry<'a> {
    archive: &'a Archive,
    name: String,
    dataset: Dataset,
}

impl Entry<'_> {
    fn read<T>(&self, read: impl FnOnce(&Dataset) -> hdf5::Result<T>) -> Result<T> {
        read(&self.dataset).map_err(|e| failed(&self.archive.path, &self.name, e))
    }

    fn wrong(&self, reason: &str) -> Error {
        failed(&self.archive.path, &self.name, hdf5::Error::from(reason))
    }

    fn kind(&self) -> Result<TypeDescriptor> {
        self.read(|d| d.dtype()?.to_descriptor())
    }

    fn attributes(&self) -> Result<Attributes> {
        self.read(|d| attributes::read(d))
    }

    fn volume_shape(&self) -> Result<[usize; 3]> {
        let shape = self.dataset.shape();
        let count = shape.len();
        let shape: [usize; 3] = shape
            .try_into()
            .map_err(|_| self.wrong(&format!("{count} axes, a volume has 3")))?;
        if shape.contains(&0) {
            return Err(self.wrong(&format!("shape {shape:?} has no pixel")));
        }
        Ok(shape)
    }

    /// What is read is no more than the file can hold.
    fn check_size(&self, shape: &[usize]) -> Result<()> {
        let element = self.read(|d| Ok(d.dtype()?.size()))? as u64;
        let declared = shape
            .iter()
            .try_fold(element, |n, &axis| n.checked_mul(axis as u64))
            .unwrap_or(u64::MAX);
        let limit = self.archive.length.saturating_mul(MAX_RATIO).min(MAX_READ);
        if declared > limit {
            return Err(Error::TooLarge {
                path: self.archive.path.clone(),
                what: format!("{} (its shape)", self.name),
                declared,
                limit,
            });
        }
        Ok(())
    }

    fn read_slices(&self, range: Range<usize>) -> Result<Volume> {
        let [slices, rows, columns] = self.volume_shape()?;
        self.check_size(&[range.len(), rows, columns])?;
        let stored = self.read_stored(range.clone())?;
        let described = understand(&self.attributes()?, slices).map_err(|e| self.wrong(&e))?;
        volume_of(stored, described, range).map_err(|e| self.wrong(&e.to_string()))
    }

    fn read_stored(&self, range: Range<usize>) -> Result<Array3<i32>> {
        let Range { start, end } = range;
        macro_rules! widened {
            ($kind:ty) => {
                self.read(|d| d.read_slice::<$kind, _, Ix3>((start..end, .., ..)))?
                    .mapv(i32::from)
            };
        }
        use TypeDescriptor::{Integer, Unsigned};
        Ok(match self.kind()? {
            Unsigned(IntSize::U1) => widened!(u8),
            Integer(IntSize::U1) => widened!(i8),
            Unsigned(IntSize::U2) => widened!(u16),
            Integer(IntSize::U2) => widened!(i16),
            Integer(IntSize::U4) => widened!(i32),
            other => return Err(self.wrong(&format!("{other} elements are no stored integers"))),
        })
    }
}
