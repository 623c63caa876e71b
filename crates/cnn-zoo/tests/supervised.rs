//! The networks that learn from labelled pixels.
#![allow(clippy::unwrap_used)] // helpers of tests are not recognised as tests

mod common;

use candle_core::{DType, Device, Tensor};
use cnn_zoo::train::{Control, Optimiser, TensorSource, TrainConfig, UNLABELLED, evaluate, fit};
use cnn_zoo::{Architecture, BackboneConfig, Convention, Error, TrainPass, build};
use common::{relative_difference, values};

/// Discs on a noisy ground with the label map; a ring around each disc has no label.
fn discs(count: usize, edge: usize) -> (Tensor, Tensor) {
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    for image in 0..count {
        let centre = [8 + 5 * (image % 3), 10 + 4 * (image % 4)];
        for row in 0..edge {
            for column in 0..edge {
                let distance = row.abs_diff(centre[0]).pow(2) + column.abs_diff(centre[1]).pow(2);
                let noise = (((row * 31 + column * 17 + image * 7) % 13) as f32 - 6.0) / 40.0;
                pixels.push(noise + if distance < 36 { 0.8 } else { 0.2 });
                labels.push(match distance {
                    0..30 => 1,
                    30..49 => UNLABELLED,
                    _ => 0,
                });
            }
        }
    }
    let shape = (count, 1, edge, edge);
    let images = Tensor::from_vec(pixels, shape, &Device::Cpu).unwrap();
    let labels = Tensor::from_vec(labels, (count, edge, edge), &Device::Cpu).unwrap();
    (images, labels)
}

fn u_net(convention: Convention) -> BackboneConfig {
    BackboneConfig {
        convention,
        width: 0.25,
        input_size: [32, 32],
        norm_momentum: Some(0.5),
        ..BackboneConfig::new(Architecture::UNet)
    }
}

fn settings() -> TrainConfig {
    TrainConfig {
        epochs: 12,
        batch_size: 4,
        learning_rate: 0.01,
        optimiser: Optimiser::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        },
        dice_weight: 1.0,
        patience: None,
        ..TrainConfig::default()
    }
}

#[test]
fn a_u_net_learns_to_find_discs() {
    let network = build(&u_net(Convention::Torch), 3, &Device::Cpu).unwrap();
    let (images, labels) = discs(8, 32);
    let train = TensorSource::new(images, labels, 4, Some(1)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let report = fit(
        network.as_ref(),
        &train,
        &train,
        &settings(),
        folder.path(),
        &mut |_| Control::Continue,
    )
    .unwrap();
    let score = evaluate(network.as_ref(), &train, 0).unwrap();
    assert!(score.accuracy > 0.98, "{:?}", report.history);
    assert!(score.images < 8 * 32 * 32, "unlabelled pixels were counted");
}

#[test]
fn unlabelled_pixels_do_not_count() {
    let (images, labels) = discs(2, 32);
    let network = build(&u_net(Convention::Torch), 3, &Device::Cpu).unwrap();
    let source = TensorSource::new(images.clone(), labels.clone(), 2, None).unwrap();
    let score = evaluate(network.as_ref(), &source, 0).unwrap();
    let rows = network
        .forward(&images)
        .unwrap()
        .permute((0, 2, 3, 1))
        .unwrap();
    let rows: Vec<Vec<f32>> = rows.reshape(((), 2)).unwrap().to_vec2().unwrap();
    let labels: Vec<u32> = labels.flatten_all().unwrap().to_vec1().unwrap();
    let (mut loss, mut count) = (0.0, 0);
    for (row, label) in rows.iter().zip(labels) {
        if label != UNLABELLED {
            let [a, b] = [
                f64::from(row[label as usize]),
                f64::from(row[1 - label as usize]),
            ];
            loss += (1.0 + (b - a).exp()).ln();
            count += 1;
        }
    }
    assert_eq!(score.images, count);
    assert!((score.loss - loss / count as f64).abs() < 1e-5);
}

#[test]
fn a_u_net_takes_any_size_and_fuses() {
    for convention in [Convention::Keras, Convention::Torch] {
        let network = build(&u_net(convention), 3, &Device::Cpu).unwrap();
        let x = common::stripes(2, 40, 0.0)
            .0
            .narrow(3, 0, 37)
            .unwrap()
            .contiguous()
            .unwrap();
        network.forward_train(&x, &mut TrainPass::new(0)).unwrap();
        let before = network.forward(&x).unwrap();
        assert_eq!(before.dims(), [2, 2, 40, 37]);
        let after = network.fuse().unwrap().forward(&x).unwrap();
        // folding rounds each weight once more
        assert!(relative_difference(&values(&after), &values(&before)) < 1e-4);
        let taps: Vec<&str> = network.taps().iter().map(|t| t.name.as_str()).collect();
        assert_eq!(
            taps,
            [
                "encoder.3",
                "decoder.2",
                "decoder.1",
                "decoder.0.conv2",
                "decoder.0"
            ]
        );
        let strides: Vec<usize> = network.taps().iter().map(|t| t.stride).collect();
        assert_eq!(strides, [8, 4, 2, 1, 1]);
    }
}

#[test]
fn maps_without_labels_or_of_another_size_are_refused() {
    let network = build(&u_net(Convention::Torch), 3, &Device::Cpu).unwrap();
    let (images, labels) = discs(2, 32);
    let none = (labels.zeros_like().unwrap() + f64::from(UNLABELLED)).unwrap();
    let flat = Tensor::zeros(2, DType::U32, &Device::Cpu).unwrap();
    for (labels, expected) in [
        (none, "batch 0 of epoch 0: no pixel of it is labelled"),
        (
            flat,
            "batch 0 of epoch 0: labels are [2] U32, expected [2, 32, 32] U32",
        ),
    ] {
        let source = TensorSource::new(images.clone(), labels, 2, None).unwrap();
        let error = evaluate(network.as_ref(), &source, 0).unwrap_err();
        assert!(matches!(error, Error::BadBatch { .. }));
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn patches_have_their_own_size_and_convention() {
    let config = BackboneConfig::new(Architecture::PatchV6);
    assert_eq!((config.input_size, config.classes), ([8, 8], 4));
    let torch = BackboneConfig {
        convention: Convention::Torch,
        ..config
    };
    let error = build(&torch, 0, &Device::Cpu).err().unwrap().to_string();
    assert_eq!(error, "patch_v6 has no torch form");
    let small = BackboneConfig {
        width: 0.0625,
        ..BackboneConfig::new(Architecture::PatchV3)
    };
    let network = build(&small, 1, &Device::Cpu).unwrap();
    let patch = Tensor::ones((3, 1, 8, 8), DType::F32, &Device::Cpu).unwrap();
    assert_eq!(network.forward(&patch).unwrap().dims(), [3, 4]);
    assert_eq!(network.features(&patch).unwrap().dims(), [3, 8, 4, 4]);
    let large = Tensor::ones((3, 1, 16, 16), DType::F32, &Device::Cpu).unwrap();
    assert!(network.forward(&large).is_err());
}
