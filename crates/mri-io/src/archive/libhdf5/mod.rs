//! Archives through the C library libhdf5: the same files, the same names, the same values.
//!
//! For programs that link libhdf5 anyway, or want its filters and drivers. It needs an installed
//! libhdf5 (1.8.5 to 1.14) with its headers, found as `hdf5-metno` finds it (`HDF5_DIR`,
//! pkg-config). Chunks are packed one after the other, and a damaged file is left to the library
//! to notice: for files of unknown origin use [`crate::Archive`].
//!
//! # Examples
//!
//! ```
//! use mri_io::{Spacing, Volume, libhdf5};
//! use ndarray::Array3;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("archive.h5");
//! let volume = Volume::new(Array3::from_elem((5, 8, 8), 7), Spacing::isotropic(1.0))?;
//! let mut writer = libhdf5::Archive::create(&path)?;
//! writer.write_volume("fish 1/left", &volume)?;
//! writer.finish()?;
//!
//! assert_eq!(libhdf5::Archive::open(&path)?.read_volume("fish 1/left")?, volume);
//! assert_eq!(mri_io::Archive::open(&path)?.read_volume("fish 1/left")?, volume);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attributes;
mod reader;
mod writer;

pub use reader::Archive;
pub use writer::ArchiveWriter;

use std::path::Path;

use crate::Error;

fn failed(path: &Path, entry: &str, error: hdf5::Error) -> Error {
    Error::Archive {
        path: path.to_path_buf(),
        entry: entry.to_owned(),
        source: error.to_string().into(),
    }
}
