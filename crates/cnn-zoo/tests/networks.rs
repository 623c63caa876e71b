//! Building, running, tapping and fusing.
#![allow(clippy::unwrap_used)] // helpers of tests are not recognised as tests

mod common;

use candle_core::{DType, Device, Tensor, Var};
use cnn_zoo::train::{TrainConfig, Trainer};
use cnn_zoo::weights::{self, WeightsInfo};
use cnn_zoo::{Architecture, BackboneConfig, Convention, Error, TrainPass, build};
use common::{bits, relative_difference, small, stripes, values};

/// The networks of the zoo in both conventions, small.
fn all() -> Vec<BackboneConfig> {
    let mut configs = Vec::new();
    let patches = [Architecture::PatchV3, Architecture::PatchV6];
    for architecture in Architecture::ALL.into_iter().chain(patches) {
        for convention in [Convention::Keras, Convention::Torch] {
            let edge = architecture.minimum_input_size().max(64);
            let config = BackboneConfig {
                input_size: [edge, edge],
                norm_momentum: Some(0.0),
                classes: 2,
                ..small(architecture, convention)
            };
            match build(&config, 1, &Device::Cpu) {
                Ok(_) => configs.push(config),
                Err(Error::NoSuchConvention { .. }) => {}
                Err(error) => panic!("{architecture} {convention}: {error}"),
            }
        }
    }
    configs
}

fn images(config: &BackboneConfig, count: usize) -> Tensor {
    stripes(count, config.input_size[0], 0.0).0
}

/// Takes the statistics of a batch, so that signals keep their size through any depth, and gives
/// every norm and bias a value that a forgotten term would show.
fn disturb(network: &dyn cnn_zoo::Backbone) {
    let x = images(network.config(), 3);
    network.forward_train(&x, &mut TrainPass::new(0)).unwrap();
    for (index, p) in network.parameters().iter().enumerate() {
        if p.tensor().rank() == 1 {
            let wave = Tensor::arange(0f32, p.count() as f32, &Device::Cpu)
                .unwrap()
                .affine(0.7, index as f64)
                .unwrap()
                .sin()
                .unwrap();
            let factor = wave.affine(0.3, 1.0).unwrap();
            let mut changed = (p.tensor().detach() * factor).unwrap();
            if !p.name().ends_with("running_var") {
                changed = (changed + wave.affine(0.1, 0.0).unwrap()).unwrap();
            }
            p.variable().unwrap().set(&changed).unwrap();
        }
    }
}

#[test]
fn fused_copies_compute_the_same_without_a_graph() {
    for config in all() {
        let what = format!("{} {}", config.architecture, config.convention);
        let network = build(&config, 4, &Device::Cpu).unwrap();
        disturb(network.as_ref());
        let x = images(&config, 2);
        let fused = network.fuse().unwrap();
        let before = network.forward(&x).unwrap();
        let after = fused.forward(&x).unwrap();
        assert!(before.track_op(), "{what}");
        assert!(!after.track_op(), "{what}");
        // folding rounds each weight once more: 1e-4 of the largest logit is the issue's bound
        let difference = relative_difference(&values(&after), &values(&before));
        assert!(difference < 1e-4, "{what} {difference}");
        assert_eq!(fused.taps(), network.taps());
        let mut pass = TrainPass::new(0);
        assert!(matches!(
            fused.forward_train(&x, &mut pass),
            Err(Error::Fused(_))
        ));
    }
}

#[test]
fn taps_come_in_order_with_their_shapes_and_can_replace() {
    for config in all() {
        let what = format!("{} {}", config.architecture, config.convention);
        let network = build(&config, 4, &Device::Cpu).unwrap();
        let x = images(&config, 1);
        for network in [network.fuse().unwrap(), network] {
            let mut seen = Vec::new();
            let logits = network
                .forward_tapped(&x, &mut |name, activation| {
                    seen.push((name.to_owned(), activation.dims()[1]));
                    Ok(activation)
                })
                .unwrap();
            let expected: Vec<_> = network
                .taps()
                .iter()
                .map(|t| (t.name.clone(), t.channels))
                .collect();
            assert_eq!(seen, expected, "{what}");
            assert_eq!(seen.last().unwrap().0, network.default_tap(), "{what}");
            // a tap may split what is one step otherwise
            let plain = values(&network.forward(&x).unwrap());
            assert!(
                relative_difference(&values(&logits), &plain) < 1e-5,
                "{what}"
            );

            // replaced by zeros and by a batch of three
            let logits = network
                .forward_tapped(&x, &mut |name, activation| {
                    if name == network.default_tap() {
                        activation.zeros_like()?.repeat((3, 1, 1, 1))
                    } else {
                        Ok(activation)
                    }
                })
                .unwrap();
            assert_eq!(logits.dims(), [3, 2], "{what}");
            let features = network.features(&x).unwrap();
            assert_eq!(features.dims()[1], network.taps().last().unwrap().channels);
            let smallest = values(&features).into_iter().fold(f32::INFINITY, f32::min);
            assert!(smallest >= 0.0, "{what} is not past its ReLU");
        }
    }
}

#[test]
fn gradients_at_taps_flow_through_fused_copies() {
    for config in all() {
        let what = format!("{} {}", config.architecture, config.convention);
        let network = build(&config, 4, &Device::Cpu).unwrap();
        disturb(network.as_ref());
        let x = images(&config, 1);
        let gradient = |network: &dyn cnn_zoo::Backbone, at: &str| {
            let mut probe = None;
            let logits = network
                .forward_tapped(&x, &mut |name, activation| {
                    if name != at {
                        return Ok(activation);
                    }
                    let zero = Var::from_tensor(&activation.zeros_like()?)?;
                    let next = (activation.detach() + zero.as_tensor())?;
                    probe = Some(zero);
                    Ok(next)
                })
                .unwrap();
            let score = logits.narrow(1, 1, 1).unwrap().sum_all().unwrap();
            let gradients = score.backward().unwrap();
            values(gradients.get(probe.unwrap().as_tensor()).unwrap())
        };
        let fused = network.fuse().unwrap();
        for tap in network.taps() {
            let before = gradient(network.as_ref(), &tap.name);
            let after = gradient(fused.as_ref(), &tap.name);
            assert!(before.iter().any(|&g| g != 0.0), "{what} {}", tap.name);
            // folding moves the gradients by rounding only, unless it flips a ReLU at 0
            let difference = relative_difference(&after, &before);
            assert!(difference < 1e-3, "{what} {} {difference}", tap.name);
        }
    }
}

#[test]
fn training_mode_moves_statistics_and_evaluation_does_not() {
    for config in all() {
        let what = format!("{} {}", config.architecture, config.convention);
        let network = build(&config, 4, &Device::Cpu).unwrap();
        let x = images(&config, 2);
        let before = bits(network.as_ref());
        network.forward(&x).unwrap();
        assert_eq!(bits(network.as_ref()), before, "{what}");
        let logits = network.forward_train(&x, &mut TrainPass::new(0)).unwrap();
        assert!(values(&logits).iter().all(|v| v.is_finite()), "{what}");
        let has_norms = network.parameters().count(cnn_zoo::Role::Statistic) > 0;
        assert_eq!(bits(network.as_ref()) != before, has_norms, "{what}");
    }
}

#[test]
fn every_trainable_tensor_gets_a_gradient() {
    for config in all() {
        let what = format!("{} {}", config.architecture, config.convention);
        let network = build(&config, 4, &Device::Cpu).unwrap();
        let x = images(&config, 3);
        let logits = network.forward_train(&x, &mut TrainPass::new(1)).unwrap();
        let labels = Tensor::new(&[0u32, 1, 1], &Device::Cpu).unwrap();
        let loss = cnn_ops::softmax_cross_entropy(&logits, &labels, None).unwrap();
        let gradients = loss.backward().unwrap();
        for p in network.parameters().with_role(cnn_zoo::Role::Trainable) {
            let found = gradients.get(p.tensor()).map(Tensor::dims);
            assert_eq!(found, Some(p.tensor().dims()), "{what} {}", p.name());
        }
    }
}

#[test]
fn dropout_follows_the_seed() {
    let config = small(Architecture::Vgg16, Convention::Torch);
    let network = build(&config, 4, &Device::Cpu).unwrap();
    let x = images(&config, 2);
    let run = |seed| {
        values(
            &network
                .forward_train(&x, &mut TrainPass::new(seed))
                .unwrap(),
        )
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn one_value_per_channel_follows_the_convention() {
    let run = |convention| {
        let config = small(Architecture::ResNet50, convention);
        let network = build(&config, 4, &Device::Cpu).unwrap();
        network
            .forward_train(&images(&config, 1), &mut TrainPass::new(0))
            .map(|logits| values(&logits))
    };
    let keras = run(Convention::Keras).unwrap();
    assert!(keras.iter().all(|v| v.is_finite()));
    let error = run(Convention::Torch).unwrap_err().to_string();
    assert_eq!(
        error,
        "layer4.0.downsample.1: batch norm cannot train on one value per channel; use a larger batch"
    );
}

#[test]
fn bad_configurations_and_images_are_refused() {
    let refuse = |config: BackboneConfig| {
        build(&config, 0, &Device::Cpu)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let base = small(Architecture::ResNet50, Convention::Keras);
    assert_eq!(
        refuse(BackboneConfig {
            input_size: [31, 64],
            ..base.clone()
        }),
        "resnet50 needs images of at least 32 pixels a side, got [31, 64]"
    );
    assert_eq!(
        refuse(BackboneConfig {
            width: f64::NAN,
            ..base.clone()
        }),
        "width is NaN, expected more than 0, at most 8"
    );
    assert_eq!(
        refuse(BackboneConfig {
            convention: Convention::Keras,
            ..BackboneConfig::new(Architecture::InceptionV4)
        }),
        "inception_v4 has no keras form"
    );
    let network = build(&base, 0, &Device::Cpu).unwrap();
    let two = Tensor::zeros((1, 2, 32, 32), DType::F32, &Device::Cpu).unwrap();
    let message = network.forward(&two).unwrap_err().to_string();
    assert!(
        message.contains("images are [1, 2, 32, 32] F32, expected [batch, 1, ≥ 32, ≥ 32] F32"),
        "{message}"
    );
    let double = Tensor::zeros((1, 1, 32, 32), DType::F64, &Device::Cpu).unwrap();
    assert!(network.forward(&double).is_err());
    let flat = Tensor::zeros((32, 32), DType::F32, &Device::Cpu).unwrap();
    assert!(network.forward(&flat).is_err());
}

#[test]
fn configurations_survive_json_and_reject_unknown_keys() {
    let config = small(Architecture::Xception, Convention::Torch);
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(
        serde_json::from_str::<BackboneConfig>(&text).unwrap(),
        config
    );
    let error = serde_json::from_str::<BackboneConfig>(r#"{"architecture":"vgg16","depth":3}"#)
        .unwrap_err()
        .to_string();
    assert!(error.contains("unknown field `depth`"), "{error}");
    assert_eq!(
        "resnet51".parse::<Architecture>().unwrap_err().to_string(),
        "unknown network \"resnet51\"; known are densenet121, resnet50, inception_v3, \
         inception_v4, inception_resnet_v2, vgg16, xception, patch_v3, patch_v6 and u_net"
    );
}

#[test]
fn a_copy_in_double_precision_is_for_checks() {
    for config in all() {
        let what = format!("{} {}", config.architecture, config.convention);
        let network = build(&config, 4, &Device::Cpu).unwrap();
        disturb(network.as_ref());
        let x = images(&config, 2);
        let double = network.double().unwrap();
        let exact = x.to_dtype(DType::F64).unwrap();
        let of = |network: &dyn cnn_zoo::Backbone| -> Vec<f64> {
            let logits = network.forward(&exact).unwrap().flatten_all().unwrap();
            logits.to_vec1().unwrap()
        };
        let logits = of(double.as_ref());
        let largest = logits.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        for (found, bound) in [
            // folding rounds each weight once more; batch norm may magnify that
            (of(double.fuse().unwrap().as_ref()), 1e-12),
            (
                values(&network.forward(&x).unwrap())
                    .into_iter()
                    .map(f64::from)
                    .collect(),
                1e-4,
            ),
        ] {
            for (a, b) in found.iter().zip(&logits) {
                assert!((a - b).abs() <= bound * largest, "{what}: {a} {b}");
            }
        }
        let error = double.forward(&x).unwrap_err().to_string();
        assert!(error.contains("F32") && error.contains("F64"), "{error}");
        let error = Trainer::new(double.as_ref(), &TrainConfig::default()).err();
        assert!(matches!(error, Some(Error::Double("train"))), "{what}");
        let error = network.fuse().unwrap().double().err();
        assert!(matches!(error, Some(Error::Fused("copy"))), "{what}");
    }
}

#[test]
fn weights_can_be_read_into_a_copy_in_double_precision() {
    let config = small(Architecture::ResNet50, Convention::Torch);
    let network = build(&config, 4, &Device::Cpu).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    weights::save(network.as_ref(), &path, &WeightsInfo::of(network.as_ref())).unwrap();
    let other = build(&config, 5, &Device::Cpu).unwrap().double().unwrap();
    weights::load_into(other.as_ref(), &path).unwrap();
    for (a, b) in network.parameters().iter().zip(other.parameters().iter()) {
        assert_eq!(b.tensor().dtype(), DType::F64);
        assert_eq!(
            values(a.tensor()),
            values(&b.tensor().to_dtype(DType::F32).unwrap())
        );
    }
}
