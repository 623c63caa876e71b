//! The study of Syed et al. 2023, from DICOM to report.
#![forbid(unsafe_code)]
