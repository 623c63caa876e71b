//! What is written comes back, the same every time.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use mri_io::{
    Acquisition, Error, Orientation, Rescale, ScanDescription, Spacing, Volume, read_scan,
    write_multi_frame, write_series,
};
use ndarray::Array3;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn volume() -> Volume {
    let stored = Array3::from_shape_fn((4, 5, 6), |(s, r, c)| {
        ((s * 997 + r * 31 + c * 7) % 4096) as i32
    });
    Volume::new(
        stored,
        Spacing {
            slice_mm: 0.7,
            row_mm: 0.332_031_25,
            column_mm: 0.25,
        },
    )
    .unwrap()
    .with_acquisition(Acquisition {
        echo_time_ms: Some(68.0),
        repetition_time_ms: Some(4000.5),
        flip_angle_degrees: Some(90.0),
        field_strength_tesla: Some(7.0),
        slice_thickness_mm: Some(0.6),
        ..Acquisition::default()
    })
}

fn both(volume: &Volume, description: &ScanDescription) -> [Volume; 2] {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scan.dcm");
    let series = folder.path().join("series");
    write_multi_frame(&file, volume, description).unwrap();
    write_series(&series, volume, description).unwrap();
    [read_scan(&file).unwrap(), read_scan(&series).unwrap()]
}

#[test]
fn both_forms_come_back_equal() {
    let volume = volume();
    for read in both(&volume, &ScanDescription::synthetic("scan")) {
        assert_eq!(read.stored(), volume.stored());
        assert_eq!(read.spacing(), volume.spacing());
        assert_eq!(read.orientation(), Some(Orientation::AXIAL));
        let (a, b) = (read.acquisition(), volume.acquisition());
        assert_eq!(a.echo_time_ms, b.echo_time_ms);
        assert_eq!(a.repetition_time_ms, b.repetition_time_ms);
        assert_eq!(a.flip_angle_degrees, b.flip_angle_degrees);
        assert_eq!(a.field_strength_tesla, b.field_strength_tesla);
        assert_eq!(a.slice_thickness_mm, b.slice_thickness_mm);
        assert_eq!(a.bits_stored, Some(12));
        assert_eq!(a.manufacturer.as_deref(), Some("synthetic"));
    }
}

#[test]
fn rescale_and_place_of_each_slice_are_kept() {
    let orientation = Orientation {
        along_row: [0.0, 1.0, 0.0],
        along_column: [0.0, 0.0, -1.0],
    };
    let rescale: Vec<Rescale> = (0..4)
        .map(|s| Rescale {
            slope: 0.5 + f64::from(s),
            intercept: -f64::from(s),
        })
        .collect();
    let positions = (0..4)
        .map(|s| [40.0 - 0.7 * f64::from(s), 3.0, -8.0])
        .collect::<Vec<_>>();
    let volume = volume()
        .with_orientation(orientation)
        .with_rescale_per_slice(rescale.clone())
        .unwrap()
        .with_positions(positions.clone())
        .unwrap();
    for read in both(&volume, &ScanDescription::synthetic("scan")) {
        assert_eq!(read.orientation(), Some(orientation));
        assert_eq!(read.rescale(), rescale);
        assert_eq!(read.positions(), Some(positions.as_slice()));
        assert_eq!(read.values(), volume.values());
    }
}

#[test]
fn signed_values_are_kept() {
    let source = read_scan(&data().join("12bitSigned_0x0F0F.dcm.gz")).unwrap();
    let description = ScanDescription {
        signed: true,
        ..ScanDescription::synthetic("signed")
    };
    for read in both(&source, &description) {
        assert_eq!(read.stored(), source.stored());
        assert_eq!(read.acquisition().signed, Some(true));
    }
}

#[test]
fn the_same_scan_gives_the_same_bytes_and_another_name_other_identifiers() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str, file: &str| {
        let path = folder.path().join(file);
        write_multi_frame(&path, &volume(), &ScanDescription::synthetic(name)).unwrap();
        (
            std::fs::read(&path).unwrap(),
            read_scan(&path).unwrap().acquisition().series_uid.clone(),
        )
    };
    assert_eq!(bytes("a", "1.dcm"), bytes("a", "2.dcm"));
    assert_ne!(bytes("a", "3.dcm").1, bytes("b", "4.dcm").1);
}

#[test]
fn texts_beyond_ascii_survive() {
    let mut description = ScanDescription::synthetic("scan");
    description.series_description = "Þorskur, 2 °C".to_owned();
    for read in both(&volume(), &description) {
        assert_eq!(
            read.acquisition().series_description.as_deref(),
            Some("Þorskur, 2 °C")
        );
    }
}

#[test]
fn what_does_not_fit_is_refused_before_a_file_appears() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.dcm");
    let stored = Array3::from_elem((1, 1, 1), 4096);
    let large = Volume::new(stored, Spacing::isotropic(1.0)).unwrap();
    let description = ScanDescription::synthetic("scan");
    let error = write_multi_frame(&path, &large, &description).unwrap_err();
    assert_eq!(
        error.to_string(),
        "stored value 4096 does not fit into 12 unsigned bits"
    );
    let long = ScanDescription {
        patient_id: "x".repeat(65),
        ..description.clone()
    };
    let error = write_multi_frame(&path, &volume(), &long).unwrap_err();
    assert_eq!(
        error.to_string(),
        "patient_id cannot be written: longer than 64 characters"
    );
    let missing = folder.path().join("no").join("scan.dcm");
    let error = write_multi_frame(&missing, &volume(), &description).unwrap_err();
    assert!(matches!(error, Error::Io { path, .. } if path == missing));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
