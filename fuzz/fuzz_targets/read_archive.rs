//! Any bytes as an HDF5 archive: volumes, slices and arrays, or typed errors. Corpora: see README.md.
#![no_main]

use std::io::Write;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut file = tempfile::Builder::new().suffix(".h5").tempfile().expect("a temporary file");
    file.write_all(data).expect("written");
    if let Ok(archive) = mri_io::Archive::open(file.path()) {
        for name in archive.names().unwrap_or_default() {
            let _ = archive.read_volume(&name);
            let _ = archive.read_slices(&name, 1..2);
        }
        for name in archive.array_names().unwrap_or_default() {
            let _ = archive.read_array::<f32>(&name);
        }
    }
});
