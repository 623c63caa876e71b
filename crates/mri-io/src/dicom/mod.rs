//! DICOM files -> headers and stored pixels.
//!
//! The bytes are walked here rather than by `dicom-object`, because version 0.10.1 of its parser
//! reserves memory for a declared length before it has looked whether the file is that long, and
//! descends into nested sequences without a limit. Dictionary, character sets and image codecs,
//! and everything that is written, come from dicom-rs.

pub(crate) mod codec;
pub(crate) mod container;
pub(crate) mod dataset;
pub(crate) mod header;
pub(crate) mod pixels;
pub(crate) mod rle;
pub(crate) mod value;
