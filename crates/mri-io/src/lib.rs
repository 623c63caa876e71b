#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod acquisition;
pub mod atomic;
mod dicom;
mod error;
pub mod npy;
mod order;
mod problem;
mod scan;
mod volume;
mod write;

pub use acquisition::Acquisition;
pub use error::{Error, Result, Source};
pub use problem::Problem;
pub use scan::{ScanReading, read_scan, read_scan_detailed};
pub use volume::{Orientation, Rescale, Spacing, Volume};
pub use write::{ScanDescription, write_multi_frame, write_series};
