//! Saving and loading.
#![allow(clippy::unwrap_used)] // helpers of tests are not recognised as tests

mod common;

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use cnn_zoo::{Architecture, Convention, Error, build, weights};
use common::{bits, read, small};
use proptest::prelude::*;

fn saved(folder: &Path, seed: u64) -> std::path::PathBuf {
    let config = small(Architecture::ResNet50, Convention::Torch);
    let network = build(&config, seed, &Device::Cpu).unwrap();
    let path = folder.join("net.safetensors");
    weights::save(
        network.as_ref(),
        &path,
        &weights::WeightsInfo::of(network.as_ref()),
    )
    .unwrap();
    path
}

/// Rewrites a file's tensors with candle's own writer, which keeps no metadata.
fn edited(path: &Path, edit: impl FnOnce(&mut std::collections::HashMap<String, Tensor>)) {
    let mut tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    edit(&mut tensors);
    candle_core::safetensors::save(&tensors, path).unwrap();
}

#[test]
fn a_saved_network_comes_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(folder.path(), 3);
    let config = small(Architecture::ResNet50, Convention::Torch);
    let original = build(&config, 3, &Device::Cpu).unwrap();
    let other = build(&config, 4, &Device::Cpu).unwrap();
    assert_ne!(bits(other.as_ref()), bits(original.as_ref()));
    let info = weights::load_into(other.as_ref(), &path).unwrap().unwrap();
    assert_eq!(info.backbone, config);
    assert_eq!(bits(other.as_ref()), bits(original.as_ref()));
    let opened = weights::open(&path, &Device::Cpu).unwrap();
    assert_eq!(bits(opened.as_ref()), bits(original.as_ref()));

    let first = read(folder.path(), "net.safetensors");
    saved(folder.path(), 3);
    assert_eq!(read(folder.path(), "net.safetensors"), first);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn names_are_those_of_torchvision() {
    let config = small(Architecture::ResNet50, Convention::Torch);
    let network = build(&config, 3, &Device::Cpu).unwrap();
    let names: Vec<&str> = network.parameters().iter().map(|p| p.name()).collect();
    assert_eq!(names.len(), 320 - 53); // torchvision also counts batches, once per norm
    for name in [
        "conv1.weight",
        "bn1.running_var",
        "layer1.0.downsample.0.weight",
        "layer4.2.bn3.bias",
        "fc.bias",
    ] {
        assert!(names.contains(&name), "{name}");
    }
}

#[test]
fn every_mismatch_is_listed_and_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(folder.path(), 3);
    edited(&path, |tensors| {
        let weight = tensors.remove("layer1.0.conv1.weight").unwrap();
        tensors.insert("layer1.0.conv.1.weight".into(), weight);
        tensors.remove("fc.bias");
        let flat = Tensor::zeros(5, DType::F32, &Device::Cpu).unwrap();
        tensors.insert("bn1.weight".into(), flat.clone());
        tensors.insert("bn1.num_batches_tracked".into(), flat);
    });
    let config = small(Architecture::ResNet50, Convention::Torch);
    let network = build(&config, 4, &Device::Cpu).unwrap();
    let before = bits(network.as_ref());
    let error = weights::load_into(network.as_ref(), &path).unwrap_err();
    let message = error.to_string();
    let Error::WeightsMismatch { mismatch, .. } = error else {
        panic!("{message}");
    };
    assert_eq!(mismatch.missing, ["layer1.0.conv1.weight", "fc.bias"]);
    assert_eq!(mismatch.unexpected, ["layer1.0.conv.1.weight"]);
    assert_eq!(mismatch.misshaped.len(), 1);
    assert_eq!(
        mismatch.closest("layer1.0.conv1.weight"),
        Some("layer1.0.conv.1.weight")
    );
    assert!(message.contains("net.safetensors"), "{message}");
    assert_eq!(bits(network.as_ref()), before);
}

#[test]
fn half_precision_and_foreign_files_load() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(folder.path(), 3);
    edited(&path, |tensors| {
        for tensor in tensors.values_mut() {
            *tensor = tensor.to_dtype(DType::F16).unwrap();
        }
    });
    let config = small(Architecture::ResNet50, Convention::Torch);
    let network = build(&config, 4, &Device::Cpu).unwrap();
    assert_eq!(weights::load_into(network.as_ref(), &path).unwrap(), None);
    let message = weights::open(&path, &Device::Cpu)
        .err()
        .unwrap()
        .to_string();
    assert!(message.contains("does not say which network"), "{message}");
    edited(&path, |tensors| {
        let labels = Tensor::zeros(4, DType::U32, &Device::Cpu).unwrap();
        let name = "bn1.weight".to_owned();
        assert!(tensors.insert(name, labels).is_some());
    });
    let message = weights::load_into(network.as_ref(), &path)
        .unwrap_err()
        .to_string();
    assert!(message.contains("bn1.weight is U32"), "{message}");
}

#[test]
fn another_network_or_a_fused_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(folder.path(), 3);
    let keras = build(
        &small(Architecture::ResNet50, Convention::Keras),
        0,
        &Device::Cpu,
    )
    .unwrap();
    let message = weights::load_into(keras.as_ref(), &path)
        .unwrap_err()
        .to_string();
    assert!(
        message.ends_with("weights of resnet50 (torch), the network is resnet50 (keras)"),
        "{message}"
    );
    let fused = keras.fuse().unwrap();
    let info = weights::WeightsInfo::of(fused.as_ref());
    let error = weights::save(fused.as_ref(), &path, &info).unwrap_err();
    assert!(matches!(error, Error::Fused("save")));
}

#[test]
fn damaged_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(folder.path(), 3);
    let whole = read(folder.path(), "net.safetensors");
    let config = small(Architecture::ResNet50, Convention::Torch);
    let network = build(&config, 4, &Device::Cpu).unwrap();
    let before = bits(network.as_ref());
    let mut huge = whole.clone();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut hostile = whole.clone();
    hostile[..8].copy_from_slice(&(1u64 << 40).to_le_bytes());
    for bytes in [
        &whole[..whole.len() - 1],
        &whole[..100],
        &[],
        &huge,
        &hostile,
    ] {
        std::fs::write(&path, bytes).unwrap();
        for error in [
            weights::load_into(network.as_ref(), &path).unwrap_err(),
            weights::open(&path, &Device::Cpu).err().unwrap(),
        ] {
            assert!(matches!(error, Error::BadFile { .. }), "{error}");
            assert!(error.to_string().contains("net.safetensors"), "{error}");
        }
    }
    assert_eq!(bits(network.as_ref()), before);
    let gone = folder.path().join("gone.safetensors");
    let error = weights::info(&gone).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
}

#[test]
fn metadata_cannot_ask_for_more_than_the_file_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.safetensors");
    let metadata = r#"{\"format_version\":1,\"backbone\":{\"architecture\":\"vgg16\",\"width\":8.0,\"input_size\":[60000,60000]}}"#;
    let header = format!(r#"{{"__metadata__":{{"cnn_zoo":"{metadata}"}}}}"#);
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    std::fs::write(&path, bytes).unwrap();
    let error = weights::open(&path, &Device::Cpu).err().unwrap();
    assert!(
        matches!(error, Error::WeightsMismatch { .. } | Error::BadFile { .. }),
        "{error}"
    );
    let newer = metadata.replace("\\\"format_version\\\":1", "\\\"format_version\\\":99");
    let header = format!(r#"{{"__metadata__":{{"cnn_zoo":"{newer}"}}}}"#);
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    std::fs::write(&path, bytes).unwrap();
    let message = weights::info(&path).unwrap_err().to_string();
    assert!(message.contains("newer version"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn flipped_header_bytes_never_panic(at in 0usize..4000, value in any::<u8>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.safetensors");
        let header = br#"{"__metadata__":{"cnn_zoo":"{}"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        bytes.extend([0u8; 16]);
        let at = at % bytes.len();
        bytes[at] = value;
        std::fs::write(&path, &bytes).unwrap();
        prop_assert!(weights::open(&path, &Device::Cpu).is_err());
    }
}
