//! The example `explain`: every option, every file it leaves, and what it says of bad input.
#![allow(clippy::unwrap_used)]

#[path = "../examples/explain/main.rs"]
mod explain;

use cam_methods::Method;
use candle_core::{Device, Tensor};
use cnn_zoo::weights::{WeightsInfo, save};
use cnn_zoo::{Architecture, BackboneConfig, Convention, build};
use serde_json::Value;
use std::path::{Path, PathBuf};

const SIZE: [usize; 2] = [48, 64];

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Weights that say what they are.
    fn weights(
        &self,
        architecture: Architecture,
        convention: Convention,
        channels: usize,
    ) -> String {
        let config = BackboneConfig {
            convention,
            input_channels: channels,
            width: 0.0625,
            input_size: SIZE,
            classes: 3,
            ..BackboneConfig::new(architecture)
        };
        let network = build(&config, 3, &Device::Cpu).unwrap();
        let path = self.path(&format!("{architecture}.safetensors"));
        save(network.as_ref(), &path, &WeightsInfo::of(network.as_ref())).unwrap();
        path.display().to_string()
    }

    fn image(&self, channels: usize) -> String {
        let [h, w] = SIZE;
        let values: Vec<f32> = (0..channels * h * w)
            .map(|i| (i as f32 * 0.11).sin())
            .collect();
        let image = Tensor::from_vec(values, (channels, h, w), &Device::Cpu).unwrap();
        let path = self.path(&format!("image{channels}.npy"));
        image.write_npy(&path).unwrap();
        path.display().to_string()
    }
}

fn run(arguments: &[&str]) -> Result<String, String> {
    let mut out = Vec::new();
    let arguments = arguments.iter().map(|a| (*a).to_owned());
    match explain::run(arguments, &mut out) {
        Ok(()) => Ok(String::from_utf8(out).unwrap()),
        Err(error) => Err(error.to_string()),
    }
}

fn report(folder: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join("result.json")).unwrap()).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

#[test]
fn every_key_and_file_is_there() {
    let folder = Folder::new();
    let weights = folder.weights(Architecture::ResNet50, Convention::Torch, 1);
    let image = folder.image(1);
    let out = folder.path("out/deep");
    let methods = "grad_cam, layer_cam,score_cam,cam,grad_cam";
    run(&[
        "--arch",
        "resnet50",
        "--weights",
        &weights,
        "--image",
        &image,
        "--class",
        "2",
        "--method",
        methods,
        "--tap",
        "layer3,layer4",
        "--semantics",
        "paper_released_code",
        "--convention",
        "torch",
        "--out",
        out.to_str().unwrap(),
    ])
    .unwrap_err(); // `cam` knows of one tap only
    let methods = "grad_cam, layer_cam,score_cam,grad_cam";
    run(&[
        "--arch",
        "resnet50",
        "--weights",
        &weights,
        "--image",
        &image,
        "--class",
        "2",
        "--method",
        methods,
        "--tap",
        "layer3, layer4,layer3",
        "--semantics",
        "paper_released_code",
        "--convention",
        "torch",
        "--out",
        out.to_str().unwrap(),
    ])
    .unwrap();
    let report = report(&out);
    assert_eq!(
        keys(&report),
        [
            "arch",
            "class",
            "logits",
            "methods",
            "passes",
            "semantics",
            "taps"
        ]
    );
    assert_eq!(report["arch"], "resnet50");
    assert_eq!(report["semantics"], "paper_released_code");
    assert_eq!(report["class"], 2);
    assert_eq!(report["logits"].as_array().unwrap().len(), 3);
    assert_eq!(report["passes"]["backward"], 1);
    assert!(report["passes"]["forward"].as_u64().unwrap() > 1);
    let taps = report["taps"].as_array().unwrap();
    assert_eq!(keys(&taps[0]), ["channels", "height", "name", "width"]);
    assert_eq!(
        (&taps[0]["name"], &taps[1]["name"]),
        (&"layer3".into(), &"layer4".into())
    );
    assert_eq!((taps.len(), &taps[1]["channels"]), (2, &128.into()));
    assert_eq!(
        (&taps[1]["height"], &taps[1]["width"]),
        (&2.into(), &2.into())
    );
    assert_eq!(
        keys(&report["methods"]),
        ["grad_cam", "layer_cam", "score_cam"]
    );
    for (name, findings) in report["methods"].as_object().unwrap() {
        assert_eq!(
            keys(findings),
            ["dead_channels", "raw_max", "raw_min", "zero_map"]
        );
        assert!(findings["zero_map"].is_boolean() && findings["raw_min"].is_number());
        let map = Tensor::read_npy(out.join(format!("{name}.npy"))).unwrap();
        assert_eq!(map.dims(), SIZE);
        let values: Vec<f32> = map.flatten_all().unwrap().to_vec1().unwrap();
        assert!(values.iter().all(|v| (0.0..=1.0).contains(v)));
        let overlay = image::open(out.join(format!("{name}.png"))).unwrap();
        assert_eq!([overlay.height() as usize, overlay.width() as usize], SIZE);
    }
}

#[test]
fn defaults_and_a_png_in_grey_and_colour() {
    let folder = Folder::new();
    let pixels = image::RgbImage::from_fn(64, 48, |x, y| {
        image::Rgb([(x * 4) as u8, (y * 5) as u8, 90])
    });
    pixels.save(folder.path("image.png")).unwrap();
    for (channels, architecture) in [(1, Architecture::DenseNet121), (3, Architecture::Vgg16)] {
        let weights = folder.weights(architecture, Convention::Keras, channels);
        let out = folder.path(architecture.name());
        run(&[
            "--arch",
            architecture.name(),
            "--weights",
            &weights,
            "--image",
            &folder.text("image.png"),
            "--method",
            "grad_cam,random",
            "--out",
            out.to_str().unwrap(),
        ])
        .unwrap();
        let report = report(&out);
        assert_eq!(report["semantics"], "literature");
        let logits: Vec<f32> = serde_json::from_value(report["logits"].clone()).unwrap();
        let class = report["class"].as_u64().unwrap() as usize;
        assert!(logits.iter().all(|l| *l <= logits[class]));
        let tap = if channels == 1 {
            "features.norm5.relu"
        } else {
            "features.29"
        };
        assert_eq!(report["taps"][0]["name"], tap);
        assert_eq!(report["passes"]["forward"], 1);
        assert_eq!(report["passes"]["backward"], 1);
    }
}

#[test]
fn sizes_come_from_weights_that_say_nothing() {
    let folder = Folder::new();
    let image = folder.image(2);
    for convention in [Convention::Torch, Convention::Keras] {
        let config = BackboneConfig {
            convention,
            input_channels: 2,
            width: 0.1,
            input_size: SIZE,
            classes: 5,
            ..BackboneConfig::new(Architecture::ResNet50)
        };
        let network = build(&config, 3, &Device::Cpu).unwrap();
        let tensors: std::collections::HashMap<String, Tensor> = network
            .parameters()
            .iter()
            .map(|p| (p.name().to_owned(), p.tensor().detach()))
            .collect();
        let bare = folder.path(&format!("bare-{convention}.safetensors"));
        candle_core::safetensors::save(&tensors, &bare).unwrap();
        let out = folder.path("out");
        run(&[
            "--arch",
            "resnet50",
            "--weights",
            bare.to_str().unwrap(),
            "--image",
            &image,
            "--method",
            "cam",
            "--out",
            out.to_str().unwrap(),
        ])
        .unwrap();
        let report = report(&out);
        assert_eq!(report["logits"].as_array().unwrap().len(), 5);
        assert_eq!(report["taps"][0]["channels"], 204); // 4 x 51
        let image = Tensor::read_npy(&image).unwrap().unsqueeze(0).unwrap();
        let expected: Vec<f32> = network
            .forward(&image)
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1()
            .unwrap();
        let logits: Vec<f32> = serde_json::from_value(report["logits"].clone()).unwrap();
        for (a, b) in logits.iter().zip(&expected) {
            assert!(
                (a - b).abs() < 1e-3 * b.abs().max(1.0),
                "{convention}: {a} {b}"
            );
        }
    }
}

#[test]
fn every_method_but_full_grad_explains_every_pooled_network() {
    let folder = Folder::new();
    let image = folder.image(1);
    let weights = folder.weights(Architecture::ResNet50, Convention::Keras, 1);
    let names: Vec<&str> = Method::ALL
        .iter()
        .filter(|m| **m != Method::FullGrad && **m != Method::SsCam && **m != Method::IsCam)
        .map(|m| m.name())
        .collect();
    let out = folder.path("all");
    run(&[
        "--arch",
        "resnet50",
        "--weights",
        &weights,
        "--image",
        &image,
        "--method",
        &names.join(","),
        "--out",
        out.to_str().unwrap(),
    ])
    .unwrap();
    assert_eq!(
        report(&out)["methods"].as_object().unwrap().len(),
        names.len()
    );
    let labels = folder.weights(Architecture::UNet, Convention::Keras, 1);
    run(&[
        "--arch",
        "u_net",
        "--weights",
        &labels,
        "--image",
        &image,
        "--method",
        "grad_cam,score_cam",
        "--out",
        out.to_str().unwrap(),
    ])
    .unwrap();
    assert_eq!(report(&out)["arch"], "u_net");
}

#[test]
fn lists() {
    let listed = run(&["--list-methods"]).unwrap();
    let names: Vec<&str> = listed.lines().collect();
    assert_eq!(names, Method::ALL.map(Method::name));
    let listed = run(&["--arch", "vgg16", "--list-taps"]).unwrap();
    assert!(
        listed
            .lines()
            .any(|l| l.starts_with("features.29\t") && l.ends_with("default"))
    );
    let folder = Folder::new();
    let weights = folder.weights(Architecture::DenseNet121, Convention::Torch, 1);
    let listed = run(&[
        "--arch",
        "densenet121",
        "--weights",
        &weights,
        "--list-taps",
    ])
    .unwrap();
    assert!(
        listed
            .lines()
            .any(|l| l.starts_with("features.norm5.relu\t64 channels")),
        "{listed}"
    );
    assert!(run(&["--help"]).unwrap().contains("--method"));
}

#[test]
fn bad_input_is_named() {
    let folder = Folder::new();
    let weights = folder.weights(Architecture::ResNet50, Convention::Torch, 1);
    let image = folder.image(1);
    std::fs::write(folder.path("cut.npy"), b"\x93NUMPY\x01\x00\xff").unwrap();
    std::fs::write(folder.path("broken.png"), b"\x89PNG\r\n").unwrap();
    std::fs::write(folder.path("text.txt"), b"hello").unwrap();
    let flat = Tensor::zeros((4, 4), candle_core::DType::F32, &Device::Cpu).unwrap();
    flat.write_npy(folder.path("flat.npy")).unwrap();
    let wide = Tensor::zeros((1, 48, 64), candle_core::DType::F64, &Device::Cpu).unwrap();
    wide.write_npy(folder.path("wide.npy")).unwrap();
    let nan = Tensor::full(f32::NAN, (1, 48, 64), &Device::Cpu).unwrap();
    nan.write_npy(folder.path("nan.npy")).unwrap();
    let out = folder.text("out");
    let base = [
        ("--arch", "resnet50"),
        ("--weights", weights.as_str()),
        ("--image", image.as_str()),
        ("--method", "grad_cam"),
        ("--out", out.as_str()),
    ];
    let with = |name: &str, value: &str| -> String {
        let mut options: Vec<(&str, &str)> = base.to_vec();
        options.retain(|(n, _)| *n != name);
        options.push((name, value));
        let arguments: Vec<&str> = options.iter().flat_map(|(n, v)| [*n, *v]).collect();
        run(&arguments).unwrap_err()
    };
    let expect = |name: &str, value: &str, part: &str| {
        let error = with(name, value);
        assert!(error.contains(part), "{name} {value}: {error}");
    };
    expect("--arch", "resnet51", "resnet51");
    expect("--arch", "vgg16", "weights of resnet50");
    expect(
        "--weights",
        &folder.text("none.safetensors"),
        "none.safetensors",
    );
    expect("--weights", &folder.text("text.txt"), "text.txt");
    expect("--image", &folder.text("none.npy"), "none.npy");
    expect("--image", &folder.text("cut.npy"), "cut off");
    expect("--image", &folder.text("broken.png"), "broken.png");
    expect(
        "--image",
        &folder.text("text.txt"),
        "expected a .png or .npy",
    );
    expect("--image", &folder.text("flat.npy"), "[channels, H, W]");
    expect("--image", &folder.text("wide.npy"), "f32");
    expect("--image", &folder.text("nan.npy"), "input");
    expect("--image", &folder.image(3), "3 channels");
    expect("--class", "3", "3");
    expect("--class", "-1", "--class");
    expect("--method", "grad_cam,gradcam", "gradcam");
    expect("--method", "full_grad", "bias");
    expect("--tap", "layer9", "layer4");
    expect("--tap", "layer3,,layer4", "empty");
    expect("--semantics", "lit", "literature");
    expect("--convention", "caffe", "caffe");
    expect("--convention", "keras", "resnet50");
    expect("--out", &image, "image1.npy");
    expect("--colour", "jet", "--colour");
    for missing in base.map(|(name, _)| name) {
        let arguments: Vec<&str> = base
            .iter()
            .filter(|(n, _)| *n != missing)
            .flat_map(|(n, v)| [*n, *v])
            .collect();
        let error = run(&arguments).unwrap_err();
        assert!(error.contains(missing), "{error}");
    }
    assert!(!folder.path("out").exists(), "nothing is left behind");
}
