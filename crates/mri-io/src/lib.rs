//! Read MR scans from DICOM into volumes, keep them in HDF5, and write DICOM.
#![forbid(unsafe_code)]
