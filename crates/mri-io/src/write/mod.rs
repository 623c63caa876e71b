//! [`Volume`](crate::Volume) -> DICOM files.

mod classic;
mod description;
mod enhanced;
mod fields;
mod modules;
mod uid;

pub use classic::write_series;
pub use description::ScanDescription;
pub use enhanced::write_multi_frame;
pub(crate) use modules::write_object;
pub(crate) use uid::uid;
