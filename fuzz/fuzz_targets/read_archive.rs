//! Any bytes as an HDF5 file: datasets, volumes, slices and arrays, or typed errors. Corpora: see README.md.
#![no_main]

use std::io::Write;

use mri_io::{Archive, Hdf5File, Spacing};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut file = tempfile::Builder::new().suffix(".h5").tempfile().expect("a temporary file");
    file.write_all(data).expect("written");
    if let Ok(archive) = Archive::open(file.path()) {
        for name in archive.names().unwrap_or_default() {
            let _ = archive.read_volume(&name);
            let _ = archive.read_slices(&name, 1..2);
        }
        for name in archive.array_names().unwrap_or_default() {
            let _ = archive.read_array::<f32>(&name);
        }
    }
    if let Ok(file) = Hdf5File::open(file.path()) {
        let _ = file.attributes("");
        for name in file.datasets().unwrap_or_default() {
            let _ = file.attributes(&name);
            let _ = file.read(&name);
            let _ = file.read_volume(&name, Spacing::isotropic(1.0));
        }
    }
});
