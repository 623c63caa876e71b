//! The same numbers as PyTorch: activations, gradients, training passes, losses.

#[path = "common/rule.rs"]
mod rule;

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use cnn_zoo::train::{Control, Optimiser, Stage, TensorSource, TrainConfig, fit};
use cnn_zoo::{Architecture, Backbone, BackboneConfig, Convention, Role, TrainPass, build};
use serde::Deserialize;

#[derive(Deserialize)]
struct Activation {
    shape: Vec<usize>,
    mean: f64,
    mean_abs: f64,
    values: Vec<f64>,
}

#[derive(Deserialize)]
struct Fixture {
    width: f64,
    images: [usize; 4],
    logits: Vec<f64>,
    taps: BTreeMap<String, Activation>,
    gradients: BTreeMap<String, Activation>,
    train_logits: Vec<f64>,
    #[serde(default)]
    statistics: Option<Activation>,
    losses: Vec<f64>,
}

fn read(architecture: Architecture) -> Fixture {
    let path = format!(
        "{}/tests/golden/torch/{architecture}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn network(architecture: Architecture, fixture: &Fixture) -> Box<dyn Backbone> {
    let config = BackboneConfig {
        architecture,
        convention: Convention::Torch,
        width: fixture.width,
        input_size: [fixture.images[2], fixture.images[3]],
        ..BackboneConfig::new(architecture)
    };
    let network = build(&config, 0, &Device::Cpu).unwrap();
    rule::set_by_rule(network.as_ref());
    network
}

fn values(tensor: &Tensor) -> Vec<f64> {
    let flat: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
    flat.into_iter().map(f64::from).collect()
}

/// Largest difference relative to `scale`.
fn worst(found: &[f64], expected: &[f64], scale: f64) -> f64 {
    assert_eq!(found.len(), expected.len());
    found
        .iter()
        .zip(expected)
        .map(|(a, b)| {
            assert!(a.is_finite() && b.is_finite());
            (a - b).abs() / scale
        })
        .fold(0.0, f64::max)
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(1e-12, |m, v| v.abs().max(m))
}

fn assert_activation(what: &str, found: &Tensor, expected: &Activation, tolerance: f64) {
    assert_eq!(found.dims(), expected.shape, "{what}");
    let all = values(found);
    let count = all.len();
    let mean = all.iter().sum::<f64>() / count as f64;
    let mean_abs = all.iter().map(|v| v.abs()).sum::<f64>() / count as f64;
    let picks: Vec<f64> = (0..16).map(|k| all[k * (count - 1) / 15]).collect();
    // relative to the activation's own size
    let scale = largest(&expected.values).max(expected.mean_abs);
    let off = worst(&picks, &expected.values, scale)
        .max(worst(&[mean, mean_abs], &[expected.mean, expected.mean_abs], scale));
    assert!(off <= tolerance, "{what}: off by {off:.1e} of its size");
}

/// Evaluation mode to 1e-4 of each activation's size, the project's bound; measured ≤ 1e-5.
#[test]
fn evaluation_agrees_with_pytorch() {
    for architecture in Architecture::ALL {
        let fixture = read(architecture);
        let network = network(architecture, &fixture);
        let x = rule::images(&fixture.images);
        for (kind, network) in [("fused", network.fuse().unwrap()), ("plain", network)] {
            let mut seen = 0;
            let logits = network
                .forward_tapped(&x, &mut |name, activation| {
                    let what = format!("{architecture} {kind} {name}");
                    assert_activation(&what, &activation, &fixture.taps[name], 1e-4);
                    seen += 1;
                    Ok(activation)
                })
                .unwrap();
            assert_eq!(seen, fixture.taps.len(), "{architecture}");
            let scale = largest(&fixture.logits);
            let off = worst(&values(&logits), &fixture.logits, scale);
            assert!(off <= 1e-4, "{architecture} {kind} logits: {off:.1e}");
        }
    }
}

/// Gradients cross ReLUs and max-pools whose argument is within rounding of a tie, so a few
/// values may differ by a whole path; the sizes compared here did so by less than 1e-3.
#[test]
fn gradients_at_taps_agree_with_pytorch() {
    for architecture in Architecture::ALL {
        let fixture = read(architecture);
        let network = network(architecture, &fixture).fuse().unwrap();
        let x = rule::images(&fixture.images);
        let mut probes = Vec::new();
        let logits = network
            .forward_tapped(&x, &mut |name, activation| {
                let zero = Var::from_tensor(&activation.zeros_like()?)?;
                let next = (activation + zero.as_tensor())?;
                probes.push((name.to_owned(), zero));
                Ok(next)
            })
            .unwrap();
        let score = logits.narrow(1, 1, 1).unwrap().sum_all().unwrap();
        let gradients = score.backward().unwrap();
        for (name, expected) in &fixture.gradients {
            let (_, probe) = probes.iter().find(|(n, _)| n == name).unwrap();
            let found = gradients.get(probe.as_tensor()).unwrap();
            let what = format!("{architecture} gradient at {name}");
            assert_activation(&what, found, expected, 1e-3);
        }
    }
}

/// torchvision's VGG16 and Inception V3 have dropout, which the fixtures switch off and the
/// network does not; their training passes are compared in the Keras fixtures.
fn without_dropout() -> impl Iterator<Item = Architecture> {
    Architecture::ALL
        .into_iter()
        .filter(|a| !matches!(a, Architecture::Vgg16 | Architecture::InceptionV3))
}

/// Batch statistics over as few as 64 values amplify rounding: 1e-3 of the logits' size.
#[test]
fn a_training_pass_agrees_with_pytorch() {
    for architecture in without_dropout() {
        let fixture = read(architecture);
        let network = network(architecture, &fixture);
        let x = rule::images(&fixture.images);
        let logits = network.forward_train(&x, &mut TrainPass::new(0)).unwrap();
        let scale = largest(&fixture.train_logits);
        let off = worst(&values(&logits), &fixture.train_logits, scale);
        assert!(off <= 1e-3, "{architecture} logits: {off:.1e}");
        let moved: Vec<Tensor> = network
            .parameters()
            .with_role(Role::Statistic)
            .map(|p| p.tensor().detach())
            .collect();
        let expected = fixture.statistics.unwrap();
        let what = format!("{architecture} statistics");
        assert_activation(&what, &Tensor::cat(&moved, 0).unwrap(), &expected, 1e-4);
    }
}

/// Twenty steps of Nesterov's momentum follow PyTorch's loss.
#[test]
fn losses_follow_pytorch() {
    use Architecture::{DenseNet121, ResNet50, Xception};
    for architecture in [DenseNet121, ResNet50, Xception] {
        let fixture = read(architecture);
        let network = network(architecture, &fixture);
        let labels = Tensor::new(&[0u32, 1, 1, 0], &Device::Cpu).unwrap();
        let data = TensorSource::new(rule::images(&fixture.images), labels, 4, None).unwrap();
        let settings = TrainConfig {
            epochs: fixture.losses.len(),
            batch_size: 4,
            learning_rate: 0.0005,
            optimiser: Optimiser::Nesterov { momentum: 0.9 },
            patience: None,
            ..TrainConfig::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let mut losses = Vec::new();
        fit(network.as_ref(), &data, &data, &settings, folder.path(), &mut |p| {
            if p.stage == Stage::Train {
                losses.push(p.score.loss);
            }
            Control::Continue
        })
        .unwrap();
        let off = worst(&losses, &fixture.losses, 1.0);
        assert!(off <= 1e-3, "{architecture}: {off:.1e}\n{losses:?}");
    }
}

/// Every name and shape of the full networks, in both directions.
#[test]
fn names_and_shapes_are_those_of_the_libraries() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/torch/state-dicts.json"
    );
    let dicts: BTreeMap<Architecture, BTreeMap<String, Vec<usize>>> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(dicts.len(), 7);
    for (architecture, expected) in dicts {
        let config = BackboneConfig {
            convention: Convention::Torch,
            ..BackboneConfig::new(architecture)
        };
        let found: BTreeMap<String, Vec<usize>> = cnn_zoo::summary(&config)
            .unwrap()
            .tensors
            .into_iter()
            .map(|t| (t.name, t.shape))
            .collect();
        assert_eq!(found, expected, "{architecture}");
    }
}
