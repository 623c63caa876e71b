//! Writes one small scan as a multi-frame file, as a folder of slices and without names:
//! `write_scan FOLDER`. `tests/golden/validity/check.py` looks at what comes out.

use std::error::Error;
use std::path::PathBuf;

use mri_io::{
    Deidentification, Rescale, ScanDescription, Spacing, Volume, deidentify, write_multi_frame,
    write_series,
};
use ndarray::Array3;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(
        std::env::args_os()
            .nth(1)
            .ok_or("usage: write_scan FOLDER")?,
    );
    std::fs::create_dir_all(&folder)?;
    let stored = Array3::from_shape_fn((4, 48, 64), |(s, r, c)| {
        ((s * 997 + r * 31 + c * 7) % 4096) as i32
    });
    let spacing = Spacing {
        slice_mm: 1.0,
        row_mm: 0.234_375,
        column_mm: 0.25,
    };
    let rescale = (0..4).map(|s| Rescale {
        slope: 1.0 + f64::from(s) / 2.0,
        intercept: -f64::from(s),
    });
    let volume = Volume::new(stored, spacing)?.with_rescale_per_slice(rescale.collect())?;
    let description = ScanDescription {
        series_description: "Þorskur, T2".to_owned(),
        ..ScanDescription::synthetic("fillet 1")
    };
    let multi_frame = folder.join("multi_frame.dcm");
    write_multi_frame(&multi_frame, &volume, &description)?;
    let slices = write_series(&folder.join("series"), &volume, &description)?;
    let how = Deidentification {
        subject: "subject 1".to_owned(),
        key: "a secret".to_owned(),
    };
    deidentify(&multi_frame, &folder.join("nameless_multi_frame.dcm"), &how)?;
    deidentify(&slices[1], &folder.join("nameless_slice.dcm"), &how)?;
    Ok(())
}
