//! HDF5 files that other programs made, and some that nobody should make.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use mri_io::{Archive, Attribute, Error, Hdf5File, Spacing};
use ndarray::Array3;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/hdf5_files")
        .join(name)
}

#[test]
fn weights_of_keras_are_read() {
    let file = Hdf5File::open(&golden("keras.h5")).unwrap();
    let kernel = "model_weights/conv2d/conv2d/kernel:0";
    assert_eq!(
        file.datasets().unwrap(),
        ["model_weights/conv2d/conv2d/bias:0", kernel, "step"]
    );
    let root = file.attributes("").unwrap();
    assert_eq!(root["backend"], "tensorflow".into());
    assert_eq!(root["keras_version"], "2.15.0".into());
    let texts = |names: &[&str]| Attribute::Texts(names.iter().map(|&n| n.to_owned()).collect());
    assert_eq!(
        root["layer_names"],
        texts(&["conv2d", "batch_normalization"])
    );
    let Attribute::Text(config) = &root["model_config"] else {
        panic!("{:?}", root["model_config"]);
    };
    assert!(config.len() > 9000 && config.ends_with("\"]}"));
    let group = file.attributes("model_weights/conv2d").unwrap();
    assert_eq!(
        group["weight_names"],
        texts(&["conv2d/kernel:0", "conv2d/bias:0"])
    );
    let values = file.read(kernel).unwrap().values;
    assert_eq!(values.shape(), [3, 3, 2, 4]);
    for (index, &value) in values.iter().enumerate() {
        assert_eq!(value as f32, index as f32 / 7.0);
    }
    let step = file.read("step").unwrap().values;
    assert_eq!((step.ndim(), step.first()), (0, Some(&1234.0)));
}

#[test]
fn volumes_in_every_layout_are_read() {
    let file = Hdf5File::open(&golden("volumes.h5")).unwrap();
    let expected = Array3::from_shape_fn((6, 5, 4), |(s, r, c)| {
        (s * 20 + r * 4 + c) as i32 * 37 % 4096
    });
    let spacing = Spacing::isotropic(0.5);
    for name in ["contiguous", "big_endian", "odd_chunks", "lzf", "growing"] {
        assert_eq!(file.shape(name).unwrap(), [6, 5, 4], "{name}");
        let volume = file.read_volume(name, spacing).unwrap();
        assert_eq!(volume.stored(), expected, "{name}");
        assert_eq!(volume.spacing(), spacing);
        let real = file.read(name).unwrap().values;
        assert_eq!(real, expected.mapv(f64::from).into_dyn(), "{name}");
    }
    let real = file.read("real").unwrap();
    assert_eq!(
        real.values,
        expected.mapv(|v| f64::from(v) / 8.0).into_dyn()
    );
    assert_eq!(
        real.attributes["voxel_mm"],
        Attribute::Numbers(vec![1.0, 0.5, 0.5])
    );
}

#[test]
fn what_is_not_as_asked_is_named() {
    let path = golden("volumes.h5");
    let file = Hdf5File::open(&path).unwrap();
    for (name, entry) in [("absent", "absent"), ("contiguous/x", "contiguous/x")] {
        let error = file.read(name).unwrap_err();
        assert!(
            matches!(&error, Error::NoSuchEntry { entry: e, .. } if e == entry),
            "{error}"
        );
        assert!(file.attributes(name).is_err() && file.shape(name).is_err());
    }
    for name in ["text", "labels", "empty"] {
        let error = file.read(name).unwrap_err();
        assert!(
            matches!(&error, Error::Archive { entry, .. } if entry == name),
            "{error}"
        );
    }
    let error = file
        .read_volume("real", Spacing::isotropic(1.0))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("real: F64 elements are no stored integers"),
        "{error}"
    );
    let error = file
        .read_volume("labels", Spacing::isotropic(1.0))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("labels: 1 axes, a volume has 3"),
        "{error}"
    );
    // another program's file is no archive
    assert!(matches!(Archive::open(&path), Err(Error::Archive { entry, .. }) if entry == "/"));
}

#[test]
fn links_in_a_circle_end() {
    let path = golden("circles.h5");
    let archive = Archive::open(&path).unwrap();
    let error = archive.names().unwrap_err();
    assert!(
        matches!(&error, Error::Archive { entry, .. } if entry == "volumes"),
        "{error}"
    );
    assert!(error.to_string().contains("circle"), "{error}");
    assert!(Archive::edit(&path).is_err());
    // what is asked for by name is there
    let volume = archive.read_volume("b/a/b/self/a/left").unwrap();
    assert_eq!(volume.stored()[[1, 1, 1]], 7);
}

#[test]
fn links_to_nothing_and_to_other_files_hide_nothing() {
    let archive = Archive::open(&golden("loose_links.h5")).unwrap();
    assert_eq!(archive.names().unwrap(), ["v"]);
    assert_eq!(archive.read_volume("v").unwrap().stored()[[1, 0, 0]], 4);
    for name in ["nowhere", "outside", "round"] {
        let error = archive.read_volume(name).unwrap_err();
        assert!(
            error.to_string().contains(&format!("volumes/{name}")),
            "{error}"
        );
    }
}
