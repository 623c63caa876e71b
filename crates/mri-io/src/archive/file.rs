//! Any HDF5 file: what lies in it, and arrays out of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use hdf5_pure::{ChunkCacheConfig, DatasetAccessProperties, File, Group, ReadSeekSource};
use ndarray::{ArrayD, IxDyn};

use super::NamedArray;
use super::attributes::{self, Attribute};
use super::entry::{Entry, guarded};
use crate::{Error, Result, Spacing, Volume};

/// Deepest nesting of groups that is followed.
pub(super) const MAX_DEPTH: usize = 64;
/// Most groups that are visited; links in a circle would otherwise go on for ever.
pub(super) const MAX_GROUPS: usize = 1 << 16;
/// What is said of a directory that goes beyond either.
pub(super) const ENDLESS: &str =
    "more than 64 groups in each other or 65536 in all, as links in a circle make";

/// An HDF5 file of any origin: of h5py, of Keras, or an [`Archive`](crate::Archive).
///
/// Opening reads the directory only. Datasets are named by their paths without a leading `/`.
///
/// # Examples
///
/// ```
/// use mri_io::{Archive, Hdf5File};
/// use ndarray::arr2;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("file.h5");
/// let mut writer = Archive::create(&path)?;
/// writer.write_array("map", arr2(&[[0.5_f32, 1.0]]).view(), &[("method", "grad_cam".into())])?;
/// writer.finish()?;
///
/// let file = Hdf5File::open(&path)?;
/// assert_eq!(file.datasets()?, ["arrays/map"]);
/// assert_eq!(file.shape("arrays/map")?, [1, 2]);
/// assert_eq!(file.read("arrays/map")?.values[[0, 1]], 1.0);
/// assert_eq!(file.attributes("arrays/map")?["method"], "grad_cam".into());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Hdf5File {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) length: u64,
    /// The same file, for the chunks that are unpacked here.
    pub(super) bytes: Mutex<std::fs::File>,
}

impl Hdf5File {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Archive`] if it is not HDF5 or damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let io = |e| Error::io(path, e);
        if !std::fs::metadata(path).map_err(io)?.is_file() {
            let kind = std::io::ErrorKind::InvalidInput;
            return Err(io(std::io::Error::new(kind, "not a regular file")));
        }
        let bytes = std::fs::File::open(path).map_err(io)?;
        // both read one file, even if another takes its name meanwhile
        let same = bytes.try_clone().map_err(io)?;
        let length = bytes.metadata().map_err(io)?.len();
        let file = guarded(path, "/", || File::from_source(ReadSeekSource::new(same)?))?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            length,
            bytes: Mutex::new(bytes),
        })
    }

    /// Paths of all datasets, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Archive`] if the directory is damaged or does not end.
    pub fn datasets(&self) -> Result<Vec<String>> {
        self.list("")
    }

    /// Paths of the datasets below a group, relative to it; the empty path is the root.
    pub(super) fn list(&self, group: &str) -> Result<Vec<String>> {
        let mut walk = Walk {
            names: Vec::new(),
            groups: 0,
        };
        let complete = guarded(&self.path, group, || {
            let start = match group {
                "" => self.file.root(),
                group => self.file.group(group)?,
            };
            walk.visit(&start, "", 0)
        })?;
        if !complete {
            return Err(self.wrong(group, ENDLESS));
        }
        let mut names = walk.names;
        names.sort();
        Ok(names)
    }

    /// Lengths of the axes of a dataset; none for a single value.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchEntry`] if there is no such dataset; [`Error::Archive`] if it is damaged.
    pub fn shape(&self, name: &str) -> Result<Vec<usize>> {
        let shape = self.entry(name)?.shape()?;
        Ok(shape.into_iter().map(|n| n as usize).collect())
    }

    /// Reads a dataset of numbers as doubles, with its attributes.
    ///
    /// Whole numbers beyond 2⁵³ are rounded.
    ///
    /// # Shapes
    ///
    /// - `values`: the shape of the dataset; no axes for a single value
    ///
    /// # Errors
    ///
    /// As [`shape`](Self::shape); [`Error::Archive`] also if it holds no numbers;
    /// [`Error::TooLarge`] if it declares more than the file can hold.
    pub fn read(&self, name: &str) -> Result<NamedArray<f64>> {
        let entry = self.entry(name)?;
        let shape = entry.shape()?;
        entry.check_size(&shape, shape.first().copied().unwrap_or(1))?;
        let values = entry.read(|d| d.read_f64())?;
        let shape: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        let values = ArrayD::from_shape_vec(IxDyn(&shape), values)
            .map_err(|e| entry.wrong(e.to_string()))?;
        Ok(NamedArray {
            values,
            attributes: entry.attributes()?,
        })
    }

    /// Reads a dataset of whole numbers as a volume.
    ///
    /// # Shapes
    ///
    /// - dataset: `[slices, rows, columns]`, integers of up to 32 bits signed or 16 bits unsigned
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); [`Error::Archive`] also if it has not three axes;
    /// [`Error::Spacing`].
    pub fn read_volume(&self, name: &str, spacing: Spacing) -> Result<Volume> {
        let entry = self.entry(name)?;
        let slices = entry.volume_shape()?[0] as usize;
        Volume::new(entry.read_array(0..slices)?, spacing)
    }

    /// Attributes of a dataset or group; the empty path is the root. Kinds of attributes that
    /// [`Attribute`] has no name for are left out.
    ///
    /// # Errors
    ///
    /// As [`shape`](Self::shape).
    pub fn attributes(&self, name: &str) -> Result<BTreeMap<String, Attribute>> {
        let group = guarded(&self.path, name, || {
            let group = match name {
                "" => Ok(self.file.root()),
                name => self.file.group(name),
            };
            match group {
                Ok(group) => group.attrs().map(Some),
                Err(error) if is_absent(&error) => Ok(None),
                Err(error) => Err(error),
            }
        })?;
        match group {
            Some(raw) => Ok(attributes::from_hdf5(&raw)),
            None => self.entry(name)?.attributes(),
        }
    }

    pub(super) fn entry(&self, name: &str) -> Result<Entry<'_>> {
        // every slice is read once, so keeping unpacked chunks would only cost memory
        let access = DatasetAccessProperties::new().with_chunk_cache(ChunkCacheConfig::disabled());
        let dataset = guarded(&self.path, name, || {
            match self.file.dataset_with_options(name, access) {
                Err(error) if is_absent(&error) => Ok(None),
                other => other.map(Some),
            }
        })?
        .ok_or_else(|| Error::NoSuchEntry {
            path: self.path.clone(),
            entry: name.to_owned(),
        })?;
        Ok(Entry {
            file: self,
            name: name.to_owned(),
            dataset,
        })
    }

    pub(super) fn wrong(&self, entry: &str, reason: &str) -> Error {
        Error::Archive {
            path: self.path.clone(),
            entry: if entry.is_empty() { "/" } else { entry }.to_owned(),
            source: reason.into(),
        }
    }
}

struct Walk {
    names: Vec<String>,
    groups: usize,
}

impl Walk {
    /// Whether the walk came to an end.
    fn visit(
        &mut self,
        group: &Group,
        prefix: &str,
        depth: usize,
    ) -> Result<bool, hdf5_pure::Error> {
        self.groups += 1;
        if depth > MAX_DEPTH || self.groups > MAX_GROUPS {
            return Ok(false);
        }
        let datasets = group.datasets()?;
        self.names
            .extend(datasets.into_iter().map(|name| format!("{prefix}{name}")));
        for (name, child) in group.iter_groups()? {
            if !self.visit(&child, &format!("{prefix}{name}/"), depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn is_absent(error: &hdf5_pure::Error) -> bool {
    matches!(
        error,
        hdf5_pure::Error::Format(hdf5_pure::FormatError::PathNotFound(_))
            | hdf5_pure::Error::NotADataset(_)
            | hdf5_pure::Error::NotAGroup(_)
    )
}
