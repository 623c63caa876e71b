//! NIfTI images of nibabel, and what comes back of one's own.
#![cfg(feature = "nifti")]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mri_io::{Acquisition, Error, Orientation, Rescale, Spacing, Volume, nifti};
use ndarray::Array3;
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    shape: [usize; 3],
    stored: Vec<i32>,
    affine: Option<[[f64; 4]; 4]>,
    zooms: [f64; 3],
    slope: f64,
    intercept: f64,
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/nibabel")
}

/// Columns of the affine of nibabel, from what the volume says of itself.
fn affine_columns(volume: &Volume) -> [[f64; 3]; 4] {
    let Orientation {
        along_row,
        along_column,
    } = volume.orientation().unwrap();
    let positions = volume.positions().unwrap();
    let Spacing {
        row_mm, column_mm, ..
    } = volume.spacing();
    let step: [f64; 3] = std::array::from_fn(|axis| positions[1][axis] - positions[0][axis]);
    [
        along_row.map(|x| x * column_mm),
        along_column.map(|x| x * row_mm),
        step,
        positions[0],
    ]
    .map(|[x, y, z]| [-x, -y, z])
}

#[test]
fn images_of_nibabel_read_alike() {
    let text = std::fs::read_to_string(golden().join("expected.json")).unwrap();
    let all: BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    assert_eq!(all.len(), 3);
    for (name, expected) in all {
        let volume = nifti::read(&golden().join(&name)).unwrap();
        assert_eq!(volume.shape(), expected.shape, "{name}");
        assert!(volume.stored().iter().eq(&expected.stored), "{name}");
        let Rescale { slope, intercept } = volume.rescale()[0];
        assert_eq!((slope, intercept), (expected.slope, expected.intercept));
        let [slice_mm, row_mm, column_mm] = volume.spacing().to_array();
        for (ours, theirs) in [column_mm, row_mm, slice_mm]
            .into_iter()
            .zip(expected.zooms)
        {
            // single precision
            assert!((ours - theirs).abs() < 1e-6, "{name}: {ours} {theirs}");
        }
        let Some(affine) = expected.affine else {
            assert_eq!(volume.orientation(), None);
            continue;
        };
        for (column, ours) in affine_columns(&volume).into_iter().enumerate() {
            for (row, ours) in ours.into_iter().enumerate() {
                // single precision of numbers up to 40; the quaternion loses a little more
                let theirs = affine[row][column];
                assert!((ours - theirs).abs() < 1e-5, "{name}: {ours} {theirs}");
            }
        }
        assert_eq!(volume.acquisition().series_description, Some(name));
    }
}

fn volume(least: i32, most: i32) -> Volume {
    let stored = Array3::from_shape_fn((3, 4, 5), |(s, r, c)| match (s, r, c) {
        (0, 0, 0) => least,
        (2, 3, 4) => most,
        _ => (s * 20 + r * 5 + c) as i32,
    });
    let spacing = Spacing {
        slice_mm: 2.5,
        row_mm: 0.5,
        column_mm: 0.25,
    };
    let orientation = Orientation {
        along_row: [0.0, 1.0, 0.0],
        along_column: [0.0, 0.0, -1.0],
    };
    let normal = orientation.normal();
    let positions = (0..3)
        .map(|s| std::array::from_fn(|axis| 1.5 + 2.5 * f64::from(s) * normal[axis]))
        .collect();
    Volume::new(stored, spacing)
        .unwrap()
        .with_rescale(Rescale {
            slope: 0.5,
            intercept: 4.0,
        })
        .unwrap()
        .with_orientation(orientation)
        .with_positions(positions)
        .unwrap()
        .with_acquisition(Acquisition {
            series_description: Some("fillet".to_owned()),
            ..Acquisition::default()
        })
}

#[test]
fn volumes_come_back() {
    let folder = tempfile::tempdir().unwrap();
    for (index, (least, most)) in [(0, 200), (-3, 4000), (0, 60_000), (-1, 1 << 30)]
        .into_iter()
        .enumerate()
    {
        for end in ["nii", "nii.gz"] {
            let path = folder.path().join(format!("{index}.{end}"));
            let volume = volume(least, most);
            nifti::write(&path, &volume).unwrap();
            let read = nifti::read(&path).unwrap();
            assert_eq!(read.stored(), volume.stored());
            assert_eq!(read.spacing(), volume.spacing());
            assert_eq!(read.rescale(), volume.rescale());
            assert_eq!(read.orientation(), volume.orientation());
            assert_eq!(read.positions(), volume.positions());
            assert_eq!(
                read.acquisition().series_description.as_deref(),
                Some("fillet")
            );
        }
    }
}

#[test]
fn what_nifti_cannot_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    let slopes = (1..4)
        .map(|s| Rescale {
            slope: f64::from(s),
            intercept: 0.0,
        })
        .collect();
    let differing = volume(0, 1).with_rescale_per_slice(slopes).unwrap();
    let error = nifti::write(&path, &differing).unwrap_err();
    assert!(error.to_string().ends_with("slices differ in rescale"));
    let uneven = volume(0, 1)
        .with_positions(vec![[0.0; 3], [1.0, 0.0, 0.0], [9.0, 0.0, 0.0]])
        .unwrap();
    let error = nifti::write(&path, &uneven).unwrap_err();
    assert!(error.to_string().contains("even steps"), "{error}");
    assert!(!path.exists());
}

#[test]
fn damaged_images_are_errors_and_cost_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    nifti::write(&path, &volume(0, 9)).unwrap();
    let good = std::fs::read(&path).unwrap();
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        nifti::read(&path).unwrap_err()
    };
    let short = with(&|b| b.truncate(400));
    assert!(short.to_string().contains("48 present"), "{short}");
    assert!(matches!(with(&|b| b.truncate(100)), Error::Nifti { .. }));
    assert!(matches!(with(&|b| b[70] = 99), Error::Nifti { .. }));
    assert!(matches!(with(&|b| b[344] = b'x'), Error::Nifti { .. }));
    // 32767³ voxels
    let enormous = with(&|b| {
        for at in [42, 44, 46] {
            b[at..at + 2].copy_from_slice(&i16::MAX.to_le_bytes());
        }
    });
    assert!(matches!(enormous, Error::TooLarge { .. }), "{enormous}");
    // as many as may be read, but not there
    let absent = with(&|b| b[42..44].copy_from_slice(&i16::MAX.to_le_bytes()));
    assert!(matches!(absent, Error::Nifti { .. }), "{absent}");
    let several = with(&|b| {
        b[40] = 4;
        b[48] = 2;
    });
    assert!(several.to_string().contains("three"), "{several}");
}
