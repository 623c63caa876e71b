//! An HDF5 file -> volumes, slices of them, and arrays.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use hdf5_pure::{ChunkCacheConfig, Dataset, DatasetAccessProperties, File, Group, ReadSeekSource};
use ndarray::{Array3, ArrayD, IxDyn};

use super::attributes::{self, Attribute, Attributes, Described};
use super::chunks::{ChunkError, Chunks, Kept};
use super::writer::archive_error;
use super::{ARRAYS, ArrayElement, FORMAT, FORMAT_VERSION, VOLUMES, check_name};
use crate::{Error, Result, Volume};

/// Deepest nesting of groups that is followed.
const MAX_DEPTH: usize = 32;
/// No filter of HDF5 packs more than this many bytes into one.
const MAX_RATIO: u64 = 1100;
/// Most bytes that one read may give.
const MAX_READ: u64 = 16 << 30;

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
    path: PathBuf,
    file: File,
    length: u64,
    /// The same file, for the chunks that are unpacked here.
    bytes: Mutex<std::fs::File>,
}

/// An array of an archive with its attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedArray<T> {
    /// The values.
    pub values: ArrayD<T>,
    /// The attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
}

impl Archive {
    /// Opens an archive for reading.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read, [`Error::Archive`] if it is not an archive of
    /// this crate or damaged, [`Error::NewerFormat`] if it was written by a later version.
    pub fn open(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
        if !metadata.is_file() {
            let kind = std::io::ErrorKind::InvalidInput;
            return Err(Error::io(
                path,
                std::io::Error::new(kind, "not a regular file"),
            ));
        }
        let io = |e| Error::io(path, e);
        let bytes = std::fs::File::open(path).map_err(io)?;
        // both read one file, even if another takes its name meanwhile
        let same = bytes.try_clone().map_err(io)?;
        let length = bytes.metadata().map_err(io)?.len();
        let (file, root) = guarded(path, "/", || {
            let file = File::from_source(ReadSeekSource::new(same)?)?;
            let root = file.root().attrs()?;
            Ok((file, root))
        })?;
        let root = attributes::from_hdf5(&root);
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
            Some(Attribute::Integer(version @ 1..)) if *version <= FORMAT_VERSION => {}
            Some(Attribute::Integer(found)) if *found > FORMAT_VERSION => {
                return Err(Error::NewerFormat {
                    path: path.to_path_buf(),
                    found: *found,
                    supported: FORMAT_VERSION,
                });
            }
            _ => return Err(wrong("attribute format_version is missing or no version")),
        }
        Ok(Self {
            path: path.to_path_buf(),
            file,
            length,
            bytes: Mutex::new(bytes),
        })
    }

    /// Names of all volumes, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Archive`] if the directory is damaged.
    pub fn names(&self) -> Result<Vec<String>> {
        self.list(VOLUMES)
    }

    /// Names of all arrays, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Archive`] if the directory is damaged.
    pub fn array_names(&self) -> Result<Vec<String>> {
        self.list(ARRAYS)
    }

    fn list(&self, group: &str) -> Result<Vec<String>> {
        fn walk(
            group: &Group,
            prefix: &str,
            depth: usize,
            names: &mut Vec<String>,
        ) -> Result<(), hdf5_pure::Error> {
            names.extend(
                group
                    .datasets()?
                    .into_iter()
                    .map(|name| format!("{prefix}{name}")),
            );
            // a link back to a parent would go on for ever
            if depth < MAX_DEPTH {
                for name in group.groups()? {
                    walk(
                        &group.group(&name)?,
                        &format!("{prefix}{name}/"),
                        depth + 1,
                        names,
                    )?;
                }
            }
            Ok(())
        }
        guarded(&self.path, group, || {
            let mut names = Vec::new();
            walk(&self.file.group(group)?, "", 0, &mut names)?;
            names.sort();
            Ok(names)
        })
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
        let full = format!("{group}/{name}");
        // every slice is read once, so keeping unpacked chunks would only cost memory
        let access = DatasetAccessProperties::new().with_chunk_cache(ChunkCacheConfig::disabled());
        let dataset = guarded(&self.path, &full, || {
            match self.file.dataset_with_options(&full, access) {
                Err(error) if is_absent(&error) => Ok(None),
                other => other.map(Some),
            }
        })?
        .ok_or_else(|| Error::NoSuchEntry {
            path: self.path.clone(),
            entry: full.clone(),
        })?;
        Ok(Entry {
            archive: self,
            name: full,
            dataset,
        })
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

/// Runs a read; a fault of the HDF5 library becomes an error of this entry.
fn guarded<T>(
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

struct Entry<'a> {
    archive: &'a Archive,
    name: String,
    dataset: Dataset,
}

impl Entry<'_> {
    fn read<T>(&self, read: impl FnOnce(&Dataset) -> Result<T, hdf5_pure::Error>) -> Result<T> {
        guarded(&self.archive.path, &self.name, || read(&self.dataset))
    }

    fn wrong(&self, reason: String) -> Error {
        Error::Archive {
            path: self.archive.path.clone(),
            entry: self.name.clone(),
            source: reason.into(),
        }
    }

    fn shape(&self) -> Result<Vec<u64>> {
        self.read(Dataset::shape)
    }

    fn attributes(&self) -> Result<Attributes> {
        Ok(attributes::from_hdf5(&self.read(Dataset::attrs)?))
    }

    fn volume_shape(&self) -> Result<[u64; 3]> {
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
    fn check_size(&self, shape: &[u64], rows: u64) -> Result<()> {
        let element = self.read(Dataset::element_size)?;
        let product = |axes: &[u64]| {
            axes.iter()
                .try_fold(element, |n, &axis| n.checked_mul(axis))
                .unwrap_or(u64::MAX)
        };
        let limit = self.archive.length.saturating_mul(MAX_RATIO).min(MAX_READ);
        let too_large = |what: &str, declared| Error::TooLarge {
            path: self.archive.path.clone(),
            what: format!("{} ({what})", self.name),
            declared,
            limit,
        };
        let all = product(shape);
        if all > self.archive.length.saturating_mul(MAX_RATIO) {
            return Err(too_large("its shape", all));
        }
        let mut window = shape.to_vec();
        if let Some(first) = window.first_mut() {
            *first = rows;
        }
        if product(&window) > limit {
            return Err(too_large("the part to be read", product(&window)));
        }
        if let Some(chunk) = self.read(Dataset::chunk_shape)?
            && product(&chunk) > limit
        {
            return Err(too_large("one chunk", product(&chunk)));
        }
        // the library reserves what the index says of a chunk
        if self.dataset.is_chunked()
            && let Ok(chunks) = self.read(Dataset::chunks)
            && let Some(beyond) = chunks.iter().find(|chunk| {
                let end = chunk.address.checked_add(chunk.storage_size);
                end.is_none_or(|end| end > self.archive.length)
            })
        {
            return Err(self.wrong(format!(
                "a chunk of {} bytes at {} reaches beyond the end of the file",
                beyond.storage_size, beyond.address
            )));
        }
        Ok(())
    }

    fn read_slices(&self, range: Range<usize>) -> Result<Volume> {
        let shape = self.volume_shape()?;
        let count = range.len() as u64;
        self.check_size(&shape, count)?;
        let stored = self.read_stored(shape, range.clone())?;
        let [slices, rows, columns] = shape.map(|n| n as usize);
        let stored = Array3::from_shape_vec((range.len(), rows, columns), stored)
            .map_err(|e| self.wrong(e.to_string()))?;
        let Described {
            spacing,
            rescale,
            orientation,
            positions,
            acquisition,
        } = attributes::understand(&self.attributes()?, slices).map_err(|e| self.wrong(e))?;
        let within = |error: Error| self.wrong(error.to_string());
        let mut volume = Volume::new(stored, spacing)
            .and_then(|v| v.with_rescale_per_slice(rescale[range.clone()].to_vec()))
            .map_err(within)?
            .with_acquisition(acquisition);
        if let Some(orientation) = orientation {
            volume = volume.with_orientation(orientation);
        }
        if let Some(positions) = positions {
            volume = volume
                .with_positions(positions[range].to_vec())
                .map_err(within)?;
        }
        Ok(volume)
    }

    fn read_stored(&self, shape: [u64; 3], range: Range<usize>) -> Result<Vec<i32>> {
        let kind = self.read(Dataset::dtype)?;
        let kept = Kept::of(&kind)
            .ok_or_else(|| self.wrong(format!("{kind:?} elements are no stored integers")))?;
        if let Some(chunks) = self.read(|d| Chunks::find(d, shape, kept))? {
            let archive = self.archive;
            return chunks.read(&archive.bytes, archive.length, range).map_err(
                |error| match error {
                    ChunkError::Io(source) => Error::io(&archive.path, source),
                    other => self.wrong(other.to_string()),
                },
            );
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
