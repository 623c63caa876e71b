//! The study of Syed et al. 2023, from DICOM to report.
fn main() {}
