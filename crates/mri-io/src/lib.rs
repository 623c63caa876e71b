#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod acquisition;
mod archive;
pub mod atomic;
mod deidentify;
mod dicom;
mod error;
#[cfg(feature = "nifti")]
pub mod nifti;
pub mod npy;
mod order;
mod problem;
mod scan;
mod series;
mod volume;
mod write;

pub use acquisition::Acquisition;
#[cfg(feature = "libhdf5")]
pub use archive::libhdf5;
pub use archive::{Archive, ArchiveWriter, ArrayElement, Attribute, Hdf5File, NamedArray};
pub use deidentify::{Deidentification, DeidentificationReport, deidentify};
pub use error::{Error, Result, Source};
pub use problem::Problem;
pub use scan::{ScanReading, read_scan, read_scan_detailed};
pub use series::{Listing, Series, Unreadable, list_series};
pub use volume::{Orientation, Rescale, Spacing, Volume};
pub use write::{ScanDescription, write_multi_frame, write_series};
