//! Any bytes as a DICOM file: a volume or a typed error. Start the corpus from `crates/mri-io/tests/data`.
#![no_main]

use std::io::Write;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut file = tempfile::Builder::new().suffix(".dcm").tempfile().expect("a temporary file");
    file.write_all(data).expect("written");
    if let Ok(volume) = mri_io::read_scan(file.path()) {
        assert!(volume.stored().len() <= data.len() * 1024, "more pixels than the file can hold");
    }
});
