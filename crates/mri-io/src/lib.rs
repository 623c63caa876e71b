//! Read MR scans from DICOM into volumes, keep them in HDF5, and write DICOM.
#![forbid(unsafe_code)]

mod acquisition;
mod error;
mod volume;

pub use acquisition::Acquisition;
pub use error::{Error, Result, Source};
pub use volume::{Orientation, Rescale, Spacing, Volume};
