//! Archives: whole or not at all, equal on return, errors that name the entry.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use mri_io::{Acquisition, Archive, Attribute, Error, Orientation, Rescale, Spacing, Volume};
use ndarray::{Array2, Array3, arr1, s};

fn volume(seed: i32, slices: usize) -> Volume {
    let stored = Array3::from_shape_fn((slices, 9, 7), |(s, r, c)| {
        (seed + (s * 131 + r * 17 + c * 5) as i32 * 7) % 4096
    });
    Volume::new(
        stored,
        Spacing {
            slice_mm: 0.7,
            row_mm: 0.332_031_25,
            column_mm: 1.0 / 3.0,
        },
    )
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
        modality: Some("MR".to_owned()),
        manufacturer: Some("Þór".to_owned()),
        series_description: Some(String::new()),
        echo_time_ms: Some(68.25),
        bits_stored: Some(12),
        signed: Some(false),
        inverted: Some(true),
        ..Acquisition::default()
    })
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn volumes_come_back_equal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let mut writer = Archive::create(&path).unwrap();
    assert!(!path.exists());
    writer.write_volume("b/second", &volume(5, 3)).unwrap();
    writer.write_volume("first", &volume(1, 4)).unwrap();
    writer.write_volume("b/c/deep", &volume(2, 1)).unwrap();
    writer.finish().unwrap();
    assert_eq!(names(folder.path()), ["a.h5"]);

    let archive = Archive::open(&path).unwrap();
    assert_eq!(archive.names().unwrap(), ["b/c/deep", "b/second", "first"]);
    assert_eq!(archive.shape("first").unwrap(), [4, 9, 7]);
    assert_eq!(archive.read_volume("first").unwrap(), volume(1, 4));
    assert_eq!(archive.read_volume("b/second").unwrap(), volume(5, 3));
    assert_eq!(archive.read_volume("b/c/deep").unwrap(), volume(2, 1));
}

#[test]
fn every_width_of_integer_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let ranges = [
        (0, 255),
        (0, 65_535),
        (-32_768, 32_767),
        (-1, 65_535),
        (i32::MIN, i32::MAX),
    ];
    let volumes = ranges.map(|(least, most)| {
        let stored = Array3::from_shape_vec((2, 1, 2), vec![least, most, 0, 1]).unwrap();
        Volume::new(stored, Spacing::isotropic(1.0)).unwrap()
    });
    let mut writer = Archive::create(&path).unwrap();
    for (index, volume) in volumes.iter().enumerate() {
        writer.write_volume(&index.to_string(), volume).unwrap();
    }
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    for (index, volume) in volumes.iter().enumerate() {
        assert_eq!(archive.read_volume(&index.to_string()).unwrap(), *volume);
        let tail = archive.read_slices(&index.to_string(), 1..2).unwrap();
        assert_eq!(tail.stored(), volume.stored().slice(s![1.., .., ..]));
    }
}

#[test]
fn a_slice_range_keeps_its_places_and_rescale() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let whole = volume(3, 10);
    let mut writer = Archive::create(&path).unwrap();
    writer.write_volume("v", &whole).unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    let part = archive.read_slices("v", 4..7).unwrap();
    assert_eq!(part.stored(), whole.stored().slice(s![4..7, .., ..]));
    assert_eq!(part.values(), whole.values().slice(s![4..7, .., ..]));
    assert_eq!(part.positions(), Some(&whole.positions().unwrap()[4..7]));
    for range in [0..0, std::ops::Range { start: 7, end: 4 }, 5..11, 10..11] {
        let error = archive.read_slices("v", range).unwrap_err();
        assert!(
            matches!(error, Error::SliceRange { slices: 10, .. }),
            "{error}"
        );
    }
}

#[test]
fn arrays_carry_attributes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let map = Array3::from_shape_fn((4, 3, 2), |(a, b, c)| (a * 6 + b * 2 + c) as f32 / 7.0);
    let mask = Array2::from_shape_fn((5, 6), |(r, c)| u8::from(r > c));
    let mut writer = Archive::create(&path).unwrap();
    writer
        .write_array(
            "cams/resnet50/scan 1",
            map.view(),
            &[
                ("method", "grad_cam".into()),
                ("threshold", 0.5.into()),
                ("class", 1.into()),
                ("quartiles", Attribute::Numbers(vec![0.25, 0.5, 0.75])),
            ],
        )
        .unwrap();
    writer
        .write_array("mask", mask.view().reversed_axes(), &[])
        .unwrap();
    writer
        .write_array("line", arr1(&[1.0_f32, f32::NAN]).view(), &[])
        .unwrap();
    assert!(matches!(
        writer.write_array("none", Array2::<f32>::zeros((0, 2)).view(), &[]),
        Err(Error::Shape { .. })
    ));
    writer.finish().unwrap();

    let archive = Archive::open(&path).unwrap();
    assert_eq!(
        archive.array_names().unwrap(),
        ["cams/resnet50/scan 1", "line", "mask"]
    );
    let read = archive.read_array::<f32>("cams/resnet50/scan 1").unwrap();
    assert_eq!(read.values, map.into_dyn());
    assert_eq!(
        read.attributes["method"],
        Attribute::Text("grad_cam".to_owned())
    );
    assert_eq!(read.attributes["threshold"], Attribute::Number(0.5));
    assert_eq!(read.attributes["class"], Attribute::Integer(1));
    assert_eq!(
        read.attributes["quartiles"],
        Attribute::Numbers(vec![0.25, 0.5, 0.75])
    );
    assert_eq!(
        archive.read_array::<u8>("mask").unwrap().values,
        mask.reversed_axes().into_dyn()
    );
    let error = archive.read_array::<u8>("line").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: arrays/line: elements are not U8", path.display())
    );
}

#[test]
fn editing_adds_and_replaces_and_can_be_abandoned() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let mut writer = Archive::create(&path).unwrap();
    writer.write_volume("x/old", &volume(1, 2)).unwrap();
    writer.write_volume("x/changed", &volume(2, 2)).unwrap();
    writer.finish().unwrap();
    let before = std::fs::read(&path).unwrap();

    let mut writer = Archive::edit(&path).unwrap();
    writer.write_volume("x/changed", &volume(9, 5)).unwrap();
    drop(writer);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(names(folder.path()), ["a.h5"]);

    let mut writer = Archive::edit(&path).unwrap();
    writer.write_volume("x/changed", &volume(9, 5)).unwrap();
    writer.write_volume("y/new", &volume(3, 1)).unwrap();
    let error = writer.write_volume("x", &volume(3, 1)).unwrap_err();
    assert!(matches!(error, Error::EntryName { .. }), "{error}");
    let error = writer
        .write_volume("x/old/below", &volume(3, 1))
        .unwrap_err();
    assert!(matches!(error, Error::EntryName { .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    assert_eq!(archive.names().unwrap(), ["x/changed", "x/old", "y/new"]);
    assert_eq!(archive.read_volume("x/old").unwrap(), volume(1, 2));
    assert_eq!(archive.read_volume("x/changed").unwrap(), volume(9, 5));
    assert_eq!(archive.read_volume("y/new").unwrap(), volume(3, 1));
}

#[test]
fn many_entries_and_the_same_bytes_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = folder.path().join(name);
        let mut writer = Archive::create(&path).unwrap();
        for index in 0..70 {
            writer
                .write_volume(&format!("scan {index:02}"), &volume(index, 2))
                .unwrap();
        }
        writer.finish().unwrap();
        path
    };
    let (a, b) = (write("a.h5"), write("b.h5"));
    assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
    let archive = Archive::open(&a).unwrap();
    assert_eq!(archive.names().unwrap().len(), 70);
    assert_eq!(archive.read_volume("scan 33").unwrap(), volume(33, 2));
}

#[test]
fn absent_entries_and_foreign_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let mut writer = Archive::create(&path).unwrap();
    writer.write_volume("v", &volume(1, 1)).unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    for name in ["w", "v/x", "x/y"] {
        let error = archive.read_volume(name).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{}: no entry volumes/{name}", path.display())
        );
    }
    let missing = folder.path().join("missing.h5");
    assert!(matches!(Archive::open(&missing), Err(Error::Io { path, .. }) if path == missing));
    let text = folder.path().join("text.h5");
    std::fs::write(&text, "this is no archive").unwrap();
    assert!(matches!(Archive::open(&text), Err(Error::Archive { path, .. }) if path == text));
    assert!(matches!(Archive::edit(&text), Err(Error::Archive { .. })));
}

#[test]
fn a_newer_format_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let mut builder = hdf5_pure::FileBuilder::new();
    builder.set_attr(
        "format",
        hdf5_pure::AttrValue::String("mri-io archive".to_owned()),
    );
    builder.set_attr("format_version", hdf5_pure::AttrValue::I64(2));
    builder.write(&path).unwrap();
    assert_eq!(
        Archive::open(&path).unwrap_err().to_string(),
        format!(
            "{}: archive format 2 is newer than 1, the newest known here; update this program",
            path.display()
        )
    );
}

#[test]
fn damage_is_an_error_or_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let mut writer = Archive::create(&path).unwrap();
    writer.write_volume("v", &volume(1, 6)).unwrap();
    writer.finish().unwrap();
    let good = std::fs::read(&path).unwrap();
    let mut named = 0;
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 0x24;
        std::fs::write(&path, &bad).unwrap();
        match Archive::open(&path).and_then(|a| a.read_volume("v")) {
            Ok(read) => assert_eq!(read.stored(), volume(1, 6).stored(), "byte {at}"),
            Err(error) => {
                let text = error.to_string();
                assert!(text.starts_with(&path.display().to_string()), "{text}");
                named += usize::from(text.contains("volumes/v"));
            }
        }
    }
    assert!(named > 10, "{named}");
    for end in (0..good.len()).step_by(101) {
        std::fs::write(&path, &good[..end]).unwrap();
        assert!(
            Archive::open(&path)
                .and_then(|a| a.read_volume("v"))
                .is_err(),
            "{end}"
        );
    }
}

#[test]
fn an_archive_of_h5py_is_read_and_edited() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/h5py/archive.h5");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    std::fs::copy(source, &path).unwrap();
    let expected = Array3::from_shape_fn((4, 5, 6), |(s, r, c)| {
        (s * 30 + r * 6 + c) as i32 * 31 - 1000
    });
    let check = |archive: &Archive| {
        let volume = archive.read_volume("fish 1/left").unwrap();
        assert_eq!(volume.stored(), expected);
        assert_eq!(volume.spacing().to_array(), [0.7, 0.5, 0.25]);
        assert_eq!(
            volume.rescale()[3],
            Rescale {
                slope: 2.0,
                intercept: 3.0
            }
        );
        assert_eq!(
            volume.acquisition().series_description.as_deref(),
            Some("Þorskur")
        );
        assert_eq!(volume.acquisition().echo_time_ms, Some(68.0));
        let part = archive.read_slices("contiguous", 2..3).unwrap();
        assert_eq!(part.stored()[[0, 0, 0]], 860);
        let map = archive.read_array::<f32>("map").unwrap();
        assert_eq!(map.values.shape(), [3, 4]);
        assert_eq!(
            map.attributes["method"],
            Attribute::Text("grad_cam".to_owned())
        );
    };
    let archive = Archive::open(&path).unwrap();
    assert_eq!(archive.names().unwrap(), ["contiguous", "fish 1/left"]);
    check(&archive);
    let mut writer = Archive::edit(&path).unwrap();
    writer.write_volume("fish 1/right", &volume(4, 2)).unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    assert_eq!(
        archive.names().unwrap(),
        ["contiguous", "fish 1/left", "fish 1/right"]
    );
    assert_eq!(archive.read_volume("fish 1/right").unwrap(), volume(4, 2));
    check(&archive);
}

#[test]
fn every_kind_of_integer_and_number_of_slices_survives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kinds.h5");
    // the narrowest kinds that hold the ends: u8, u16, i16, i32; with and without a chunk index,
    // and with one of several pages
    let ends = [
        (0, 255),
        (0, 65_535),
        (-32_768, 32_767),
        (i32::MIN, i32::MAX),
    ];
    let volumes: Vec<Volume> = ends
        .iter()
        .flat_map(|&(least, most)| [1_usize, 2, 7, 1025].map(|slices| (least, most, slices)))
        .map(|(least, most, slices)| {
            let span = (i64::from(most) - i64::from(least)) as u64;
            let stored = Array3::from_shape_fn((slices, 3, 5), |(s, r, c)| {
                let step = ((s * 15 + r * 5 + c) as u64 * 0x9e37_79b9) % (span + 1);
                match (s, r, c) {
                    (0, 0, 0) => least,
                    (0, 0, 1) => most,
                    _ => (i64::from(least) + step as i64) as i32,
                }
            });
            Volume::new(stored, Spacing::isotropic(1.0)).unwrap()
        })
        .collect();
    let mut writer = Archive::create(&path).unwrap();
    for (index, volume) in volumes.iter().enumerate() {
        writer.write_volume(&format!("v{index}"), volume).unwrap();
    }
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    for (index, volume) in volumes.iter().enumerate() {
        let name = format!("v{index}");
        assert_eq!(archive.read_volume(&name).unwrap(), *volume, "{name}");
        let last = volume.slices() - 1;
        let part = archive.read_slices(&name, last..last + 1).unwrap();
        assert_eq!(
            part.stored().index_axis(ndarray::Axis(0), 0),
            volume.stored().index_axis(ndarray::Axis(0), last),
            "{name}"
        );
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let stored = Array3::from_shape_fn((9, 16, 16), |(s, r, c)| {
        (s * 391 + r * 57 + c * c * 13) as i32 % 4096
    });
    let volume = Volume::new(stored, Spacing::isotropic(1.0)).unwrap();
    let bytes = [1, 4].map(|threads| {
        let path = folder.path().join(format!("{threads}.h5"));
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut writer = Archive::create(&path).unwrap();
            writer.write_volume("a", &volume).unwrap();
            writer.write_volume("b/c", &volume).unwrap();
            writer.finish().unwrap();
        });
        std::fs::read(&path).unwrap()
    });
    assert!(bytes[0] == bytes[1]);
}
