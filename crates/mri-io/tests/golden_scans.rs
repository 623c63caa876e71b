//! Stored values, geometry and errors of real scans, as pydicom sees them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mri_io::{Error, Problem, Rescale, read_scan, read_scan_detailed};
use ndarray::Axis;
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
#[serde(untagged)]
enum Expected {
    Error { error: String },
    Scan(Box<Scan>),
}

#[derive(Deserialize)]
struct Scan {
    transfer_syntax: String,
    frames: usize,
    rows: usize,
    columns: usize,
    bits_stored: u16,
    signed: bool,
    sum: i64,
    min: i32,
    max: i32,
    sha256_i32le: String,
    pixel_spacing_mm: Option<[f64; 2]>,
    position_mm: Option<[f64; 3]>,
    rescale_slope: Option<f64>,
    rescale_intercept: Option<f64>,
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn checksum<'a>(stored: impl IntoIterator<Item = &'a i32>) -> String {
    let mut hash = Sha256::new();
    stored
        .into_iter()
        .for_each(|v| hash.update(v.to_le_bytes()));
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn every_file_reads_as_in_pydicom() {
    let text = std::fs::read_to_string(data().join("../golden/pydicom/expected.json")).unwrap();
    let all: BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    assert!(all.len() >= 20);
    for (name, expected) in all {
        // its frames are put in another order, see below
        if name == "derived/enhanced.dcm" {
            continue;
        }
        let path = data().join(&name);
        let expected = match expected {
            Expected::Scan(scan) => scan,
            Expected::Error { error } => {
                assert!(error.contains("less than expected"));
                let error = read_scan(&path).unwrap_err();
                assert!(matches!(error, Error::Truncated { .. }), "{error}");
                continue;
            }
        };
        if name.contains("jpeg_2000") && !cfg!(feature = "jpeg2000") {
            let error = read_scan(&path).unwrap_err();
            assert!(
                matches!(error, Error::UnsupportedTransferSyntax { .. }),
                "{error}"
            );
            continue;
        }
        let volume = read_scan(&path).unwrap_or_else(|e| panic!("{e}"));
        let stored = volume.stored();
        assert_eq!(
            volume.shape(),
            [expected.frames, expected.rows, expected.columns],
            "{name}"
        );
        assert_eq!(
            stored.iter().map(|&v| i64::from(v)).sum::<i64>(),
            expected.sum,
            "{name}"
        );
        assert_eq!(stored.iter().min(), Some(&expected.min), "{name}");
        assert_eq!(stored.iter().max(), Some(&expected.max), "{name}");
        assert_eq!(checksum(stored), expected.sha256_i32le, "{name}");
        let acquisition = volume.acquisition();
        assert_eq!(
            acquisition.transfer_syntax.as_ref(),
            Some(&expected.transfer_syntax)
        );
        assert_eq!(acquisition.bits_stored, Some(expected.bits_stored));
        assert_eq!(acquisition.signed, Some(expected.signed));
        assert_eq!(acquisition.modality.as_deref(), Some("MR"));
        if let Some([row_mm, column_mm]) = expected.pixel_spacing_mm {
            assert_eq!(
                [volume.spacing().row_mm, volume.spacing().column_mm],
                [row_mm, column_mm]
            );
        }
        if let Some(position) = expected.position_mm {
            assert_eq!(volume.positions(), Some(&[position][..]), "{name}");
        }
        let rescale = Rescale {
            slope: expected.rescale_slope.unwrap_or(1.0),
            intercept: expected.rescale_intercept.unwrap_or(0.0),
        };
        assert!(volume.rescale().iter().all(|r| *r == rescale), "{name}");
    }
}

#[test]
fn acquisition_fields_are_read() {
    let volume = read_scan(&data().join("MR_small.dcm")).unwrap();
    let acquisition = volume.acquisition();
    assert_eq!(acquisition.manufacturer.as_deref(), Some("TOSHIBA_MEC"));
    assert_eq!(acquisition.repetition_time_ms, Some(4000.0));
    assert_eq!(acquisition.echo_time_ms, Some(240.0));
    assert_eq!(acquisition.flip_angle_degrees, Some(90.0));
    assert_eq!(acquisition.field_strength_tesla, None);
    assert_eq!(acquisition.slice_thickness_mm, Some(0.8));
    assert_eq!(volume.orientation().unwrap().along_row, [1.0, 0.0, 0.0]);
}

#[test]
fn interleaved_enhanced_frames_are_put_in_space() {
    let reading = read_scan_detailed(&data().join("derived/enhanced.dcm")).unwrap();
    let source = read_scan(&data().join("emri_small.dcm")).unwrap();
    let volume = reading.volume;
    assert_eq!(reading.problems, []);
    assert_eq!(volume.spacing().to_array(), [2.5, 0.75, 0.5]);
    // rows run to the back and columns to the feet, so the normal points to the right (−x),
    // and place p of the file lies at x = −10 − 2.5 p
    assert_eq!(volume.orientation().unwrap().normal(), [-1.0, 0.0, 0.0]);
    let frame_at = [0, 5, 1, 6, 2, 7, 3, 8, 4, 9];
    for (place, frame) in frame_at.into_iter().enumerate() {
        let p = place as f64;
        assert_eq!(
            volume.stored().index_axis(Axis(0), place),
            source.stored().index_axis(Axis(0), frame)
        );
        assert_eq!(
            volume.rescale()[place],
            Rescale {
                slope: 1.0 + p,
                intercept: -p
            }
        );
        assert_eq!(
            volume.positions().unwrap()[place],
            [-10.0 - 2.5 * p, 0.0, 0.0]
        );
    }
}

#[test]
fn a_folder_of_slices_is_one_volume() {
    let reading = read_scan_detailed(&data().join("t1_head")).unwrap();
    assert_eq!(reading.volume.shape(), [3, 256, 256]);
    assert_eq!(reading.problems, []);
    // the first file lies furthest along the normal of this sagittal scan, or nearest
    let positions = reading.volume.positions().unwrap();
    let normal = reading.volume.orientation().unwrap().normal();
    let along: Vec<f64> = positions
        .iter()
        .map(|p| (0..3).map(|i| p[i] * normal[i]).sum())
        .collect();
    assert!(along.windows(2).all(|w| w[0] < w[1]), "{along:?}");
    assert!((reading.volume.spacing().slice_mm - 1.0).abs() < 1e-3);
    for (slice, path) in reading.files.iter().enumerate() {
        let alone = read_scan(path).unwrap();
        assert_eq!(
            alone.stored().index_axis(Axis(0), 0),
            reading.volume.stored().index_axis(Axis(0), slice)
        );
        assert_eq!(reading.volume.rescale()[slice].slope, 2.361_660_561_660_56);
    }
}

#[test]
fn inverted_images_are_told_apart_and_left_as_stored() {
    let reading = read_scan_detailed(&data().join("derived/small_monochrome1.dcm")).unwrap();
    assert!(reading.problems.contains(&Problem::Inverted));
    assert_eq!(reading.volume.acquisition().inverted, Some(true));
}

#[test]
fn a_truncated_file_is_named_with_both_sizes() {
    let path = data().join("MR_truncated.dcm");
    assert_eq!(
        read_scan(&path).unwrap_err().to_string(),
        format!(
            "{}: file is truncated: PixelData (7FE0,0010) needs 8192 bytes, 8130 present",
            path.display()
        )
    );
}
