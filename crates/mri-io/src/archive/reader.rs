//! An archive -> volumes, slices of them, and arrays.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use ndarray::{ArrayD, IxDyn};

use super::attributes::{self, Attribute, Attributes};
use super::entry::{Entry, guarded};
use super::file::Hdf5File;
use super::{ARRAYS, ArrayElement, FORMAT, FORMAT_VERSION, VOLUMES, check_name};
use crate::{Error, Result, Volume};

/// Volumes and named arrays in one HDF5 file.
///
/// Opening reads the directory only; entries are fetched when they are read, slice ranges
/// without the slices around them. The file opens in h5py and other HDF5 programs.
///
/// # Examples
///
/// ```
/// use mri_io::{Archive, Spacing, Volume};
/// use ndarray::Array3;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("archive.h5");
/// let volume = Volume::new(Array3::from_shape_fn((5, 4, 4), |(s, _, _)| s as i32), Spacing::isotropic(1.0))?;
///
/// let mut writer = Archive::create(&path)?;
/// writer.write_volume("fish 1/left", &volume)?;
/// writer.finish()?;
///
/// let archive = Archive::open(&path)?;
/// assert_eq!(archive.names()?, ["fish 1/left"]);
/// assert_eq!(archive.read_volume("fish 1/left")?, volume);
/// assert_eq!(archive.read_slices("fish 1/left", 2..4)?.stored()[[0, 0, 0]], 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Archive {
    file: Hdf5File,
}

/// An array of an archive with its attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedArray<T> {
    /// The values.
    pub values: ArrayD<T>,
    /// The attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
}

/// Whether the attributes of the root say that this is an archive of a format known here.
pub(super) fn check_format(path: &Path, root: &Attributes) -> Result<()> {
    let wrong = |reason: &str| Error::Archive {
        path: path.to_path_buf(),
        entry: "/".to_owned(),
        source: reason.into(),
    };
    if root.get("format") != Some(&Attribute::from(FORMAT)) {
        return Err(wrong(
            "attribute format does not say that this is an archive of mri-io",
        ));
    }
    match root.get("format_version") {
        Some(Attribute::Integer(version @ 1..)) if *version <= FORMAT_VERSION => Ok(()),
        Some(Attribute::Integer(found)) if *found > FORMAT_VERSION => Err(Error::NewerFormat {
            path: path.to_path_buf(),
            found: *found,
            supported: FORMAT_VERSION,
        }),
        _ => Err(wrong("attribute format_version is missing or no version")),
    }
}

impl Archive {
    /// Opens an archive for reading.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Archive`] if it is not an archive of
    /// this crate or damaged, [`Error::NewerFormat`] if it was written by a later version.
    pub fn open(path: &Path) -> Result<Self> {
        let file = Hdf5File::open(path)?;
        let root = guarded(path, "/", || file.file.root().attrs())?;
        check_format(path, &attributes::from_hdf5(&root))?;
        Ok(Self { file })
    }

    /// Names of all volumes, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Archive`] if the directory is damaged.
    pub fn names(&self) -> Result<Vec<String>> {
        self.file.list(VOLUMES)
    }

    /// Names of all arrays, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Archive`] if the directory is damaged.
    pub fn array_names(&self) -> Result<Vec<String>> {
        self.file.list(ARRAYS)
    }

    /// `[slices, rows, columns]` of a volume, without reading it.
    ///
    /// # Errors
    ///
    /// As [`read_volume`](Self::read_volume).
    pub fn shape(&self, name: &str) -> Result<[usize; 3]> {
        Ok(self
            .entry(VOLUMES, name)?
            .volume_shape()?
            .map(|n| n as usize))
    }

    /// Reads a volume.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchEntry`] if there is none of this name; [`Error::Archive`] with the file and
    /// the entry if it is damaged or not a volume; [`Error::TooLarge`] if it declares more than
    /// the file can hold.
    pub fn read_volume(&self, name: &str) -> Result<Volume> {
        let entry = self.entry(VOLUMES, name)?;
        let slices = entry.volume_shape()?[0] as usize;
        entry.read_slices(0..slices)
    }

    /// Reads some slices of a volume, with their positions and rescale, and none of the others.
    ///
    /// # Errors
    ///
    /// [`Error::SliceRange`] if the range is empty or reaches beyond the volume; else as
    /// [`read_volume`](Self::read_volume).
    pub fn read_slices(&self, name: &str, range: Range<usize>) -> Result<Volume> {
        let entry = self.entry(VOLUMES, name)?;
        let slices = entry.volume_shape()?[0] as usize;
        if range.is_empty() || range.end > slices {
            return Err(Error::SliceRange {
                path: self.file.path.clone(),
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
    /// As [`read_volume`](Self::read_volume); [`Error::Archive`] also if the elements are of
    /// another type.
    pub fn read_array<T: ArrayElement>(&self, name: &str) -> Result<NamedArray<T>> {
        let entry = self.entry(ARRAYS, name)?;
        if entry.read(|d| d.dtype())? != T::TYPE {
            return Err(entry.wrong(format!("elements are not {:?}", T::TYPE)));
        }
        let shape = entry.shape()?;
        entry.check_size(&shape, shape.first().copied().unwrap_or(1))?;
        let values: Vec<T> = entry.read(|d| d.read::<T>())?;
        let shape: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        let values = ArrayD::from_shape_vec(IxDyn(&shape), values)
            .map_err(|e| entry.wrong(e.to_string()))?;
        Ok(NamedArray {
            values,
            attributes: entry.attributes()?,
        })
    }

    fn entry(&self, group: &str, name: &str) -> Result<Entry<'_>> {
        check_name(name)?;
        self.file.entry(&format!("{group}/{name}"))
    }
}
