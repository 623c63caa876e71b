//! What several test files share.
#![allow(dead_code)]

use std::path::Path;

use candle_core::{Device, Tensor};
use cnn_zoo::train::{BatchSource, Optimiser, TensorSource, TrainConfig};
use cnn_zoo::{Architecture, Backbone, BackboneConfig, Convention};

pub(crate) fn small(architecture: Architecture, convention: Convention) -> BackboneConfig {
    BackboneConfig {
        width: 0.0625,
        input_size: [32, 32],
        convention,
        ..BackboneConfig::new(architecture)
    }
}

/// Images of two classes that differ in the direction of their stripes.
pub(crate) fn stripes(count: usize, edge: usize, shift: f32) -> (Tensor, Tensor) {
    let mut pixels = Vec::with_capacity(count * edge * edge);
    let mut labels = Vec::with_capacity(count);
    for image in 0..count {
        let class = image % 2;
        labels.push(class as u32);
        for row in 0..edge {
            for column in 0..edge {
                let along = if class == 0 { row } else { column } as f32;
                let phase = image as f32 * 0.7 + shift;
                pixels.push(0.5 + 0.4 * (along * 0.9 + phase).sin());
            }
        }
    }
    let images = Tensor::from_vec(pixels, (count, 1, edge, edge), &Device::Cpu).unwrap();
    (images, Tensor::new(labels, &Device::Cpu).unwrap())
}

pub(crate) fn striped(
    count: usize,
    batch: usize,
    shuffle: Option<u64>,
    shift: f32,
) -> TensorSource {
    let (images, labels) = stripes(count, 64, shift);
    TensorSource::new(images, labels, batch, shuffle).unwrap()
}

pub(crate) fn settings(epochs: usize) -> TrainConfig {
    TrainConfig {
        epochs,
        batch_size: 4,
        learning_rate: 0.02,
        optimiser: Optimiser::Nesterov { momentum: 0.9 },
        patience: None,
        seed: 3,
        ..TrainConfig::default()
    }
}

/// Every byte of a network's tensors.
pub(crate) fn bits(network: &dyn Backbone) -> Vec<u32> {
    network
        .parameters()
        .iter()
        .flat_map(|p| values(p.tensor()))
        .map(f32::to_bits)
        .collect()
}

pub(crate) fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

pub(crate) fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

/// Largest difference relative to the largest value.
pub(crate) fn relative_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().chain(b).all(|v| v.is_finite()));
    let largest = b.iter().fold(1e-12_f32, |m, v| m.max(v.abs()));
    let difference = a
        .iter()
        .zip(b)
        .fold(0_f32, |m, (x, y)| m.max((x - y).abs()));
    difference / largest
}

pub(crate) fn check_source(source: &dyn BatchSource, epoch: usize) -> Vec<u32> {
    (0..source.batches(epoch))
        .flat_map(|i| {
            let batch = source.batch(epoch, i).unwrap();
            values(&batch.images.mean((1, 2, 3)).unwrap())
        })
        .map(f32::to_bits)
        .collect()
}
