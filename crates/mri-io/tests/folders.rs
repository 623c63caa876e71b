//! Folders as people have them.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use mri_io::{
    Error, Problem, ScanDescription, Spacing, Volume, read_scan, read_scan_detailed,
    write_multi_frame, write_series,
};
use ndarray::Array3;
use tempfile::TempDir;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn ramp(slices: usize, rows: usize, columns: usize) -> Volume {
    let stored = Array3::from_shape_fn((slices, rows, columns), |(s, r, c)| {
        (100 * s + 10 * r + c) as i32
    });
    Volume::new(
        stored,
        Spacing {
            slice_mm: 0.7,
            row_mm: 0.3,
            column_mm: 0.4,
        },
    )
    .unwrap()
}

fn folder_with(volume: &Volume) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let files = write_series(folder.path(), volume, &ScanDescription::synthetic("scan")).unwrap();
    (folder, files)
}

#[test]
fn order_follows_positions_not_names() {
    let volume = ramp(4, 3, 5);
    let (folder, files) = folder_with(&volume);
    for (file, name) in files.iter().zip(["z", "b", "m.dcm", "a.IMA"]) {
        std::fs::rename(file, folder.path().join(name)).unwrap();
    }
    let reading = read_scan_detailed(folder.path()).unwrap();
    assert_eq!(reading.volume.stored(), volume.stored());
    assert_eq!(reading.volume.spacing(), volume.spacing());
    assert_eq!(reading.problems, []);
    assert!(reading.files[0].ends_with("z") && reading.files[3].ends_with("a.IMA"));
}

#[test]
fn other_files_are_left_out() {
    let volume = ramp(2, 3, 5);
    let (folder, _) = folder_with(&volume);
    let at = |name: &str| folder.path().join(name);
    std::fs::write(
        at("README.txt"),
        "This folder holds a scan, and this is no part of it.",
    )
    .unwrap();
    std::fs::write(at("empty"), "").unwrap();
    std::fs::write(at(".DS_Store"), "hidden").unwrap();
    std::fs::create_dir(at("sub")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(at("nowhere"), at("broken link")).unwrap();
    let reading = read_scan_detailed(folder.path()).unwrap();
    assert_eq!(reading.volume.stored(), volume.stored());
    let left_out = |name: &str| Problem::FileLeftOut {
        path: at(name),
        reason: "not a DICOM file".to_owned(),
    };
    assert_eq!(
        reading.problems,
        [left_out("README.txt"), left_out("empty")]
    );
}

#[test]
fn repeated_slices_are_read_once() {
    let volume = ramp(3, 3, 5);
    let (folder, files) = folder_with(&volume);
    let copy = folder.path().join("copy.dcm");
    std::fs::copy(&files[1], &copy).unwrap();
    let reading = read_scan_detailed(folder.path()).unwrap();
    assert_eq!(reading.volume.stored(), volume.stored());
    assert!(reading.problems.contains(&Problem::DuplicateSlice {
        kept: files[1].clone(),
        dropped: copy.clone()
    }));
    assert!(
        reading.problems.iter().any(
            |p| matches!(p, Problem::RepeatedInstanceUid { paths, .. } if paths.contains(&copy))
        )
    );
}

#[test]
fn different_pixels_at_one_place_are_an_error() {
    let (folder, files) = folder_with(&ramp(3, 3, 5));
    let mut bytes = std::fs::read(&files[1]).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    std::fs::write(folder.path().join("copy.dcm"), bytes).unwrap();
    let error = read_scan(folder.path()).unwrap_err();
    assert!(matches!(error, Error::ConflictingSlices { .. }), "{error}");
    assert!(error.to_string().contains("copy.dcm") && error.to_string().contains("0002.dcm"));
}

#[test]
fn a_missing_slice_is_a_gap() {
    let (folder, files) = folder_with(&ramp(5, 3, 5));
    std::fs::remove_file(&files[2]).unwrap();
    let reading = read_scan_detailed(folder.path()).unwrap();
    assert_eq!(reading.volume.slices(), 4);
    assert_eq!(reading.volume.spacing().slice_mm, 0.7);
    let [
        Problem::Gap {
            after_slice: 1,
            distance_mm,
            usual_mm,
        },
    ] = reading.problems[..]
    else {
        panic!("{:?}", reading.problems);
    };
    assert!((distance_mm - 1.4).abs() < 1e-9 && (usual_mm - 0.7).abs() < 1e-9);
}

#[test]
fn mixed_matrix_sizes_name_the_file() {
    let (folder, files) = folder_with(&ramp(3, 3, 5));
    let (other, others) = folder_with(&ramp(3, 4, 5));
    std::fs::copy(&others[2], &files[2]).unwrap();
    drop(other);
    let error = read_scan(folder.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}: matrix is [4, 5] (rows, columns), but other slices of the scan have [3, 5]",
            files[2].display()
        )
    );
}

#[test]
fn scouts_are_told_apart() {
    let volume = ramp(12, 3, 5);
    let (folder, _) = folder_with(&volume);
    let mut scout = ScanDescription::synthetic("scout");
    scout.series_description = "survey".to_owned();
    let path = folder.path().join("scout.dcm");
    write_multi_frame(&path, &ramp(2, 6, 6), &scout).unwrap();
    let reading = read_scan_detailed(folder.path()).unwrap();
    assert_eq!(reading.volume.stored(), volume.stored());
    assert_eq!(
        reading.problems,
        [Problem::ScoutLeftOut { paths: vec![path] }]
    );
}

#[test]
fn two_scans_in_one_folder_are_an_error() {
    let (folder, _) = folder_with(&ramp(4, 3, 5));
    let path = folder.path().join("second.dcm");
    write_multi_frame(&path, &ramp(4, 3, 5), &ScanDescription::synthetic("second")).unwrap();
    assert_eq!(
        read_scan(folder.path()).unwrap_err().to_string(),
        format!(
            "{}: several series, none plainly the scan: synthetic T2w (4 slices), synthetic T2w \
             (4 slices); put one scan into one folder",
            folder.path().display()
        )
    );
}

#[test]
fn a_folder_without_mr_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "no scan here").unwrap();
    assert_eq!(
        read_scan(folder.path()).unwrap_err().to_string(),
        format!(
            "{}: no MR image in this folder (1 files looked at)",
            folder.path().display()
        )
    );
    let missing = folder.path().join("missing");
    assert!(matches!(read_scan(&missing), Err(Error::Io { path, .. }) if path == missing));
    let text = folder.path().join("notes.txt");
    assert!(matches!(read_scan(&text), Err(Error::NotDicom { path }) if path == text));
}

#[test]
fn a_truncated_slice_is_named() {
    let (folder, files) = folder_with(&ramp(3, 3, 5));
    let bytes = std::fs::read(&files[1]).unwrap();
    std::fs::write(&files[1], &bytes[..bytes.len() - 7]).unwrap();
    let error = read_scan(folder.path()).unwrap_err();
    assert!(
        matches!(&error, Error::Truncated { path, expected: 30, found: 23, .. } if *path == files[1]),
        "{error}"
    );
}

#[test]
fn gzip_slices_and_plain_ones_mix() {
    let volume = read_scan(&data().join("12bitUnsigned.dcm.gz")).unwrap();
    assert_eq!(volume.shape(), [1, 384, 384]);
}
