//! Weights of other programs: every format, every difference, and files that mean harm.
#![allow(clippy::unwrap_used)] // helpers of tests are not recognised as tests

mod common;
#[path = "common/rule.rs"]
mod rule;

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use cnn_zoo::weights::{Format, ImportOptions, ImportReport, WeightsInfo, import, save};
use cnn_zoo::{Architecture, Backbone, BackboneConfig, Convention, Error, build};
use common::bits;
use proptest::prelude::*;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/weights")
        .join(name)
}

fn config(architecture: Architecture, convention: Convention) -> BackboneConfig {
    let (width, edge) = match architecture {
        Architecture::Vgg16 => (1.0 / 64.0, 96),
        Architecture::Xception => (1.0 / 32.0, 107),
        _ => (1.0 / 32.0, 96),
    };
    BackboneConfig {
        convention,
        width,
        input_size: [edge, edge],
        ..BackboneConfig::new(architecture)
    }
}

fn network(config: &BackboneConfig) -> Box<dyn Backbone> {
    build(config, 5, &Device::Cpu).unwrap()
}

/// Imports a fixture and checks every tensor against the rule, to a relative rounding.
fn check(
    name: &str,
    architecture: Architecture,
    convention: Convention,
    rounding: f32,
) -> ImportReport {
    let config = config(architecture, convention);
    let found = network(&config);
    let report = import(found.as_ref(), &golden(name), &ImportOptions::default()).unwrap();
    let expected = network(&config);
    rule::set_by_rule(expected.as_ref());
    assert_eq!(report.taken.len(), found.parameters().len(), "{name}");
    for (found, expected) in found.parameters().iter().zip(expected.parameters().iter()) {
        let pairs = common::values(found.tensor())
            .into_iter()
            .zip(common::values(expected.tensor()));
        for (a, b) in pairs {
            // half precision underflows below 6e-5
            let tolerance = rounding * b.abs().max(6e-5 * f32::from(rounding > 0.0));
            assert!(
                (a - b).abs() <= tolerance,
                "{name} {} {a} {b}",
                found.name()
            );
        }
    }
    report
}

/// Half a unit in the last place of half precision and of bfloat16.
const F16: f32 = 1.0 / 2048.0;
const BF16: f32 = 1.0 / 256.0;

#[test]
fn pytorchs_files_of_either_form_are_read() {
    let (vgg, densenet) = (Architecture::Vgg16, Architecture::DenseNet121);
    let report = check("densenet121-old.pth", densenet, Convention::Torch, F16);
    assert_eq!(report.format, Format::Pth);
    check("vgg16.pth", vgg, Convention::Torch, BF16);
    check("vgg16-timm.pth", vgg, Convention::Torch, F16);
}

#[test]
fn keras_files_of_every_layout_are_read() {
    for name in ["vgg16-model.h5", "vgg16.weights.h5"] {
        let report = check(name, Architecture::Vgg16, Convention::Keras, 0.0);
        assert_eq!(report.format, Format::Keras);
    }
    check(
        "xception-tf.h5",
        Architecture::Xception,
        Convention::Keras,
        0.0,
    );
    let torch = network(&config(Architecture::Vgg16, Convention::Torch));
    let error = import(
        torch.as_ref(),
        &golden("vgg16-model.h5"),
        &ImportOptions::default(),
    );
    let message = error.unwrap_err().to_string();
    assert!(
        message.ends_with("weights of a Keras network, the network is vgg16 (torch)"),
        "{message}"
    );
}

#[test]
fn code_in_a_pickle_is_named_and_not_run() {
    let network = network(&config(Architecture::Vgg16, Convention::Torch));
    let before = bits(network.as_ref());
    let error = import(
        network.as_ref(),
        &golden("code.pth"),
        &ImportOptions::default(),
    );
    let message = error.unwrap_err().to_string();
    assert!(message.contains("code.pth"), "{message}");
    assert!(
        message.contains("system") && message.contains("nothing was executed"),
        "{message}"
    );
    assert_eq!(bits(network.as_ref()), before);
}

#[test]
fn colours_are_summed_and_heads_replaced_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("colour.safetensors");
    let grey = config(Architecture::ResNet50, Convention::Torch);
    let colour = BackboneConfig {
        input_channels: 3,
        classes: 7,
        ..grey.clone()
    };
    let trained = network(&colour);
    rule::set_by_rule(trained.as_ref());
    save(trained.as_ref(), &path, &WeightsInfo::of(trained.as_ref())).unwrap();
    let network = network(&grey);
    let before = bits(network.as_ref());
    for options in [
        ImportOptions::default(),
        ImportOptions {
            sum_channels: true,
            ..ImportOptions::default()
        },
    ] {
        let error = import(network.as_ref(), &path, &options).unwrap_err();
        let Error::WeightsMismatch { mismatch, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(
            mismatch.misshaped.len(),
            if options.sum_channels { 2 } else { 3 }
        );
        assert_eq!(bits(network.as_ref()), before);
    }
    let options = ImportOptions {
        sum_channels: true,
        replace_head: true,
    };
    let head = common::values(network.parameters().get("fc.weight").unwrap().tensor());
    let report = import(network.as_ref(), &path, &options).unwrap();
    assert_eq!(report.summed, ["conv1.weight"]);
    assert_eq!(report.kept, ["fc.weight", "fc.bias"]);
    assert_eq!(report.info.unwrap().backbone, colour);
    let now = common::values(network.parameters().get("fc.weight").unwrap().tensor());
    assert_eq!(now, head);
    // A grey image gives the grey network what three equal channels give the colour network.
    let image = rule::images(&[1, 1, 96, 96]);
    let same = Tensor::cat(&[&image, &image, &image], 1).unwrap();
    let a = common::values(&network.features(&image).unwrap());
    let b = common::values(&trained.features(&same).unwrap());
    // another order of the same sums
    assert!(common::relative_difference(&a, &b) < 1e-4);
}

#[test]
fn sharded_weights_are_read_through_their_index() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(Architecture::ResNet50, Convention::Torch);
    let source = network(&config);
    rule::set_by_rule(source.as_ref());
    let mut parts = [
        std::collections::HashMap::new(),
        std::collections::HashMap::new(),
    ];
    let mut map = serde_json::Map::new();
    for (index, p) in source.parameters().iter().enumerate() {
        let file = format!("part-{}.safetensors", index % 2);
        map.insert(p.name().to_owned(), file.into());
        parts[index % 2].insert(p.name().to_owned(), p.tensor().detach());
    }
    for (index, part) in parts.iter().enumerate() {
        let path = folder.path().join(format!("part-{index}.safetensors"));
        candle_core::safetensors::save(part, path).unwrap();
    }
    let index = folder.path().join("model.safetensors.index.json");
    let write = |map: &serde_json::Map<String, serde_json::Value>| {
        let text = serde_json::json!({"metadata": {"total_size": 1}, "weight_map": map});
        std::fs::write(&index, text.to_string()).unwrap();
    };
    write(&map);
    for path in [index.as_path(), folder.path()] {
        let network = network(&config);
        let report = import(network.as_ref(), path, &ImportOptions::default()).unwrap();
        assert_eq!(report.format, Format::Sharded);
        assert_eq!(bits(network.as_ref()), bits(source.as_ref()));
    }
    let network = network(&config);
    for (place, expected) in [
        ("../part-0.safetensors", "is no file beside the index"),
        ("/part-0.safetensors", "is no file beside the index"),
        ("part-1.safetensors", "which the index puts there"),
        ("gone.safetensors", "gone.safetensors"),
    ] {
        let mut map = map.clone();
        map.insert("conv1.weight".to_owned(), place.into());
        write(&map);
        let error = import(network.as_ref(), &index, &ImportOptions::default()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// The network into which a fixture fits.
fn taker(name: &str) -> Box<dyn Backbone> {
    let (architecture, convention) = match name {
        "densenet121-old.pth" => (Architecture::DenseNet121, Convention::Torch),
        "xception-tf.h5" => (Architecture::Xception, Convention::Keras),
        name if name.ends_with(".h5") => (Architecture::Vgg16, Convention::Keras),
        _ => (Architecture::Vgg16, Convention::Torch),
    };
    network(&config(architecture, convention))
}

const FILES: [&str; 6] = [
    "densenet121-old.pth",
    "vgg16.pth",
    "vgg16-timm.pth",
    "vgg16-model.h5",
    "vgg16.weights.h5",
    "xception-tf.h5",
];

#[test]
fn files_cut_off_anywhere_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    for name in FILES {
        let whole = std::fs::read(golden(name)).unwrap();
        let network = taker(name);
        let before = bits(network.as_ref());
        for share in [0, 1, 7, 100, 900, 999] {
            let path = folder.path().join("cut");
            std::fs::write(&path, &whole[..whole.len() * share / 1000]).unwrap();
            let result = import(network.as_ref(), &path, &ImportOptions::default());
            assert!(result.is_err(), "{name} {share}");
        }
        assert_eq!(bits(network.as_ref()), before, "{name}");
    }
}

#[test]
fn integers_where_numbers_belong_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("integers.pth");
    // The storage type of every tensor of half precision becomes an integer's of the same size.
    let mut bytes = std::fs::read(golden("densenet121-old.pth")).unwrap();
    let text = b"HalfStorage\n";
    let at = bytes.windows(text.len()).position(|w| w == text).unwrap();
    bytes.splice(at..at + text.len(), *b"ShortStorage\n");
    std::fs::write(&path, &bytes).unwrap();
    let network = taker("densenet121-old.pth");
    let error = import(network.as_ref(), &path, &ImportOptions::default()).unwrap_err();
    assert!(error.to_string().contains("2-byte integers"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Wherever bytes are changed, the answer is a value or an error, and soon.
    #[test]
    fn changed_bytes_never_panic(
        which in 0..FILES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        near_start in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changed");
        let mut bytes = std::fs::read(golden(FILES[which])).unwrap();
        // the descriptions lie at the start or at the end
        let span = bytes.len().min(4096);
        let start = if near_start { 0 } else { bytes.len() - span };
        for (index, value) in &changes {
            bytes[start + index.index(span)] = *value;
        }
        std::fs::write(&path, &bytes).unwrap();
        let network = taker(FILES[which]);
        let _ = import(network.as_ref(), &path, &ImportOptions::default());
    }
}

#[test]
fn a_network_without_variables_takes_nothing() {
    let network = taker("vgg16.pth").fuse().unwrap();
    let result = import(
        network.as_ref(),
        &golden("vgg16.pth"),
        &ImportOptions::default(),
    );
    assert!(matches!(result, Err(Error::Fused(_))));
    let image = Tensor::zeros((1, 1, 96, 96), DType::F32, &Device::Cpu).unwrap();
    assert_eq!(network.forward(&image).unwrap().dims(), [1, 2]);
}
