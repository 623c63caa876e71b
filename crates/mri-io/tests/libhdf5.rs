//! The C library and the archives written without it understand each other.
#![cfg(feature = "libhdf5")]
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use mri_io::{
    Acquisition, Archive, Attribute, Error, Orientation, Rescale, Spacing, Volume, libhdf5,
};
use ndarray::{Array2, Array3, s};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn volume(slices: usize, least: i32) -> Volume {
    let stored = Array3::from_shape_fn((slices, 9, 7), |(s, r, c)| {
        least + ((s * 131 + r * 17 + c * 5) as i32 * 7) % 4096
    });
    Volume::new(stored, Spacing::isotropic(0.7))
        .unwrap()
        .with_rescale_per_slice(
            (0..slices)
                .map(|s| Rescale {
                    slope: 0.1 + s as f64,
                    intercept: -1.0,
                })
                .collect(),
        )
        .unwrap()
        .with_orientation(Orientation::AXIAL)
        .with_positions((0..slices).map(|s| [1.0, 2.0, 0.7 * s as f64]).collect())
        .unwrap()
        .with_acquisition(Acquisition {
            manufacturer: Some("Þór".to_owned()),
            series_description: Some(String::new()),
            echo_time_ms: Some(68.25),
            bits_stored: Some(12),
            signed: Some(least < 0),
            ..Acquisition::default()
        })
}

fn map() -> Array2<f32> {
    Array2::from_shape_fn((5, 4), |(r, c)| (r * 4 + c) as f32 / 7.0)
}

fn attributes() -> [(&'static str, Attribute); 5] {
    [
        ("class", 1.into()),
        (
            "layers",
            Attribute::Texts(vec!["a".to_owned(), "bé".to_owned()]),
        ),
        ("method", "grad_cam".into()),
        ("quartiles", Attribute::Numbers(vec![0.25, 0.5, 0.75])),
        ("threshold", 0.5.into()),
    ]
}

/// Everything that both writers do, in the same words.
macro_rules! write_all {
    ($archive:path, $path:expr) => {{
        let path: &Path = $path;
        let mut writer = <$archive>::create(path).unwrap();
        writer.write_volume("fish 1/left", &volume(4, 0)).unwrap();
        writer.write_volume("fish 1/right", &volume(1, -5)).unwrap();
        writer.write_volume("wide", &volume(3, 70_000)).unwrap();
        writer
            .write_array("maps/a", map().view(), &attributes())
            .unwrap();
        let bytes = Array2::from_shape_fn((3, 6), |(r, c)| u8::from(r > c));
        writer
            .write_array("mask", bytes.view().reversed_axes(), &[])
            .unwrap();
        assert!(!path.exists());
        writer.finish().unwrap();

        let before = std::fs::read(path).unwrap();
        let mut writer = <$archive>::edit(path).unwrap();
        writer.remove("fish 1").unwrap();
        drop(writer);
        assert_eq!(std::fs::read(path).unwrap(), before);

        let mut writer = <$archive>::edit(path).unwrap();
        writer.write_volume("wide", &volume(2, 0)).unwrap();
        for clash in ["fish 1", "wide/below"] {
            let error = writer.write_volume(clash, &volume(1, 0)).unwrap_err();
            assert!(matches!(error, Error::EntryName { .. }), "{error}");
        }
        let error = writer.remove("fish 2").unwrap_err();
        assert!(matches!(error, Error::NoSuchEntry { .. }), "{error}");
        writer.write_volume("gone/x", &volume(2, 0)).unwrap();
        writer.remove("gone").unwrap();
        writer.finish().unwrap();
    }};
}

macro_rules! check_all {
    ($archive:path, $path:expr) => {{
        let path: &Path = $path;
        let archive = <$archive>::open(path).unwrap();
        assert_eq!(
            archive.names().unwrap(),
            ["fish 1/left", "fish 1/right", "wide"]
        );
        assert_eq!(archive.array_names().unwrap(), ["maps/a", "mask"]);
        assert_eq!(archive.shape("fish 1/left").unwrap(), [4, 9, 7]);
        assert_eq!(archive.read_volume("fish 1/left").unwrap(), volume(4, 0));
        assert_eq!(archive.read_volume("fish 1/right").unwrap(), volume(1, -5));
        assert_eq!(archive.read_volume("wide").unwrap(), volume(2, 0));
        let part = archive.read_slices("fish 1/left", 1..3).unwrap();
        let whole = volume(4, 0);
        assert_eq!(part.stored(), whole.stored().slice(s![1..3, .., ..]));
        assert_eq!(part.positions(), Some(&whole.positions().unwrap()[1..3]));
        assert!(matches!(
            archive.read_slices("fish 1/left", 3..5).unwrap_err(),
            Error::SliceRange {
                slices: 4,
                start: 3,
                end: 5,
                ..
            }
        ));
        let read = archive.read_array::<f32>("maps/a").unwrap();
        assert_eq!(read.values, map().into_dyn());
        let expected = attributes().map(|(name, value)| (name.to_owned(), value));
        assert_eq!(read.attributes, expected.into());
        assert_eq!(
            archive.read_array::<u8>("mask").unwrap().values.shape(),
            [6, 3]
        );
        let error = archive.read_array::<u8>("maps/a").unwrap_err().to_string();
        assert!(
            error.ends_with("arrays/maps/a: elements are not U8"),
            "{error}"
        );
        for absent in ["w", "wide/x", "x/y", "fish 1"] {
            let error = archive.read_volume(absent).unwrap_err();
            assert!(matches!(error, Error::NoSuchEntry { .. }), "{error}");
        }
    }};
}

#[test]
fn each_reads_what_the_other_wrote_and_edited() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("a.h5"), folder.path().join("b.h5"));
    write_all!(Archive, &ours);
    write_all!(libhdf5::Archive, &theirs);
    for path in [&ours, &theirs] {
        check_all!(Archive, path);
        check_all!(libhdf5::Archive, path);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn each_goes_on_with_what_the_other_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let mut writer = libhdf5::Archive::create(&path).unwrap();
    writer.write_volume("one", &volume(3, 0)).unwrap();
    writer.finish().unwrap();
    let mut writer = Archive::edit(&path).unwrap();
    writer.write_volume("two/x", &volume(4, 0)).unwrap();
    writer.finish().unwrap();
    let mut writer = libhdf5::Archive::edit(&path).unwrap();
    writer.write_volume("one", &volume(5, 0)).unwrap();
    writer.write_volume("two/y", &volume(2, 0)).unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    assert_eq!(archive.names().unwrap(), ["one", "two/x", "two/y"]);
    for (name, slices) in [("one", 5), ("two/x", 4), ("two/y", 2)] {
        assert_eq!(archive.read_volume(name).unwrap(), volume(slices, 0));
    }
}

#[test]
fn the_archive_of_h5py_is_read() {
    let archive = libhdf5::Archive::open(&golden("h5py/archive.h5")).unwrap();
    assert_eq!(archive.names().unwrap(), ["contiguous", "fish 1/left"]);
    let ours = Archive::open(&golden("h5py/archive.h5")).unwrap();
    for name in archive.names().unwrap() {
        assert_eq!(
            archive.read_volume(&name).unwrap(),
            ours.read_volume(&name).unwrap()
        );
    }
    let map = archive.read_array::<f32>("map").unwrap();
    assert_eq!(map, ours.read_array("map").unwrap());
}

#[test]
fn what_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.h5");
    assert!(
        matches!(libhdf5::Archive::open(&missing), Err(Error::Io { path, .. }) if path == missing)
    );
    let text = folder.path().join("text.h5");
    std::fs::write(&text, "this is no archive").unwrap();
    for error in [
        libhdf5::Archive::open(&text).unwrap_err(),
        libhdf5::Archive::open(&golden("hdf5_files/keras.h5")).unwrap_err(),
    ] {
        assert!(
            matches!(&error, Error::Archive { entry, .. } if entry == "/"),
            "{error}"
        );
    }
    let circles = libhdf5::Archive::open(&golden("hdf5_files/circles.h5")).unwrap();
    assert!(circles.names().unwrap_err().to_string().contains("circle"));
    let loose = libhdf5::Archive::open(&golden("hdf5_files/loose_links.h5")).unwrap();
    assert_eq!(loose.names().unwrap(), ["v"]);
}
