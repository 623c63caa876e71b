//! DICOM folders into archives, and slices out of them, as the works of the suite `io`
//! (`benches/compare/compare/io.py`).
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use benches::Task;
use benches::rule::uniform;
use mri_io::{Archive, Result, ScanDescription, Spacing, Volume, read_scan, write_multi_frame};
use ndarray::Array3;

const SLICES: usize = 54;
const SIDE: usize = 256;
/// Scans that are different; the others are copies of them under other names.
const DISTINCT: usize = 4;

fn main() -> std::io::Result<()> {
    benches::serve(task)
}

fn task(work: &str) -> Option<Task> {
    let words: Vec<&str> = work.split(' ').collect();
    let (kind, options) = words.split_first()?;
    let option = |name: &str| {
        options
            .iter()
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    };
    let scans: usize = option("scans")?.parse().ok()?;
    let folder = PathBuf::from(std::env::var_os("COMPARE_IO")?);
    let names = make_scans(&folder, scans).ok()?;
    let archive = folder.join("ours.h5");
    Some(match *kind {
        "import" => Box::new(move || {
            let imported = import(&folder, &names, &archive);
            benches::stop_clock();
            imported
                .and_then(|()| stored_sum(&archive, &names))
                .unwrap_or(f64::NAN)
        }),
        "slices" => {
            let (first, end) = option("range")?.split_once("..")?;
            let range = first.parse().ok()?..end.parse().ok()?;
            import(&folder, &names, &archive).ok()?;
            Box::new(move || {
                let read = || -> Result<f64> {
                    let archive = Archive::open(&archive)?;
                    let mut sum = 0.0;
                    for name in &names {
                        let volume = archive.read_slices(name, range.clone())?;
                        sum += f64::from(volume.stored()[[0, SIDE / 2, SIDE / 2]]);
                    }
                    Ok(sum)
                };
                read().unwrap_or(f64::NAN)
            })
        }
        _ => return None,
    })
}

/// A scan of an ellipse of tissue in noise, 12 bits.
fn volume(which: usize) -> Option<Volume> {
    let seed = |slice: usize| (which * SLICES + slice) as u32;
    let stored = Array3::from_shape_fn((SLICES, SIDE, SIDE), |(slice, row, column)| {
        let at = 2 * (row * SIDE + column) as u32;
        let [a, b] = [0, 1].map(|i| uniform(seed(slice), at + i));
        // Rician noise about a level that varies smoothly over the tissue
        let radius = (-2.0 * (1.0 - a).ln()).sqrt() * 30.0;
        let (sine, cosine) = (std::f64::consts::TAU * b).sin_cos();
        let wave = (row as f64 / 9.0 + slice as f64).sin() * (column as f64 / 7.0).cos();
        let level = if benches::rule::in_tissue(row, column) {
            1000.0 + 120.0 * wave
        } else {
            0.0
        };
        (level + radius * cosine).hypot(radius * sine) as i32
    });
    let spacing = Spacing {
        slice_mm: 1.0,
        row_mm: 0.234_375,
        column_mm: 0.234_375,
    };
    Volume::new(stored, spacing).ok()
}

/// Writes the scans that are not there yet; their names are those of the files.
fn make_scans(folder: &Path, scans: usize) -> std::io::Result<Vec<String>> {
    std::fs::create_dir_all(folder.join("scans"))?;
    let names: Vec<String> = (0..scans).map(|scan| format!("scan{scan:02}")).collect();
    for (scan, name) in names.iter().enumerate() {
        let path = file(folder, name);
        if path.exists() {
            continue;
        }
        if scan < DISTINCT {
            let volume = volume(scan).ok_or(std::io::ErrorKind::InvalidData)?;
            write_multi_frame(&path, &volume, &ScanDescription::synthetic(name))
                .map_err(std::io::Error::other)?;
        } else {
            std::fs::copy(file(folder, &names[scan % DISTINCT]), path)?;
        }
    }
    Ok(names)
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join("scans").join(format!("{name}.dcm"))
}

fn import(folder: &Path, names: &[String], archive: &Path) -> Result<()> {
    let mut writer = Archive::create(archive)?;
    writer.write_volumes(names, |name| read_scan(&file(folder, name)))?;
    writer.finish()
}

fn stored_sum(archive: &Path, names: &[String]) -> Result<f64> {
    let archive = Archive::open(archive)?;
    let mut sum = 0.0;
    for name in names {
        let volume = archive.read_volume(name)?;
        sum += volume.stored().iter().map(|&v| f64::from(v)).sum::<f64>();
    }
    Ok(sum)
}
