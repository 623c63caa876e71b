//! Volumes and named arrays in one HDF5 file.
//!
//! ```text
//! /                      attributes format = "mri-io archive", format_version = 1
//! /volumes/<name>        integers [slice, row, column], one chunk per slice, shuffle + deflate;
//!                        spacing, rescale, geometry and acquisition as attributes
//! /arrays/<name>         f32 or u8 of any shape, one chunk per index of the first axis
//! ```
//!
//! Names may contain `/` and then form groups.

mod attributes;
mod chunks;
mod entry;
mod file;
mod graft;
#[cfg(feature = "libhdf5")]
pub mod libhdf5;
mod reader;
mod writer;

pub use attributes::Attribute;
pub use file::Hdf5File;
pub use reader::{Archive, NamedArray};
pub use writer::ArchiveWriter;

use crate::{Error, Result};

pub(crate) const FORMAT: &str = "mri-io archive";
pub(crate) const FORMAT_VERSION: i64 = 1;
pub(crate) const VOLUMES: &str = "volumes";
pub(crate) const ARRAYS: &str = "arrays";

/// Most parts of a name.
const MAX_PARTS: usize = 32;

mod sealed {
    /// Keeps the set of element types closed.
    #[cfg(not(feature = "libhdf5"))]
    pub trait Sealed {}
    /// Keeps the set of element types closed; the C library must know them too.
    #[cfg(feature = "libhdf5")]
    pub trait Sealed: hdf5::H5Type {}
    impl Sealed for f32 {}
    impl Sealed for u8 {}
}

/// A type of array element that an [`Archive`] holds: `f32` or `u8`.
pub trait ArrayElement: sealed::Sealed + hdf5_pure::H5Element + Copy {
    #[doc(hidden)]
    const TYPE: hdf5_pure::DType;
}

impl ArrayElement for f32 {
    const TYPE: hdf5_pure::DType = hdf5_pure::DType::F32;
}

impl ArrayElement for u8 {
    const TYPE: hdf5_pure::DType = hdf5_pure::DType::U8;
}

/// A name is a relative path without empty, `.` or `..` parts.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.contains('\0') {
        "it contains a zero byte"
    } else if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        "it has an empty, . or .. part"
    } else if name.split('/').count() > MAX_PARTS {
        "it has more than 32 parts"
    } else {
        return Ok(());
    };
    Err(Error::EntryName {
        name: name.to_owned(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names_are_relative_paths() {
        assert!(check_name("fish 1/left.dcm").is_ok());
        let deep = vec!["a"; 33].join("/");
        for name in ["", "/a", "a/", "a//b", "../a", "a/./b", "a\0", &deep] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }
}
