//! Whole networks of a quarter of the width at 128²: forward, and a training step.
#![allow(clippy::unwrap_used, missing_docs)] // criterion_group! makes an undocumented function

use candle_core::{Device, Tensor};
use cnn_zoo::train::{Batch, TrainConfig, Trainer};
use cnn_zoo::{Architecture, BackboneConfig, Convention, build};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const EDGE: usize = 128;
const BATCH: usize = 4;

fn config(architecture: Architecture) -> BackboneConfig {
    BackboneConfig {
        convention: Convention::Torch,
        width: 0.25,
        input_size: [EDGE, EDGE],
        ..BackboneConfig::new(architecture)
    }
}

fn images() -> Tensor {
    let values: Vec<f32> = (0..BATCH * EDGE * EDGE)
        .map(|i| (i as f32 * 0.618).sin())
        .collect();
    Tensor::from_vec(values, (BATCH, 1, EDGE, EDGE), &Device::Cpu).unwrap()
}

fn forward(c: &mut Criterion) {
    let mut group = c.benchmark_group("forward, fused");
    group.sample_size(10);
    let images = images();
    for architecture in Architecture::ALL {
        let network = build(&config(architecture), 1, &Device::Cpu).unwrap();
        let network = network.fuse().unwrap();
        group.bench_function(BenchmarkId::from_parameter(architecture), |b| {
            b.iter(|| network.forward(&images).unwrap());
        });
    }
    group.finish();
}

fn training(c: &mut Criterion) {
    cnn_ops::keep_freed_memory();
    let mut group = c.benchmark_group("training step");
    group.sample_size(10);
    let batch = Batch {
        images: images(),
        labels: Tensor::new(&[0u32, 1, 0, 1], &Device::Cpu).unwrap(),
    };
    for architecture in Architecture::ALL {
        let network = build(&config(architecture), 1, &Device::Cpu).unwrap();
        let mut trainer = Trainer::new(network.as_ref(), &TrainConfig::default()).unwrap();
        group.bench_function(BenchmarkId::from_parameter(architecture), |b| {
            b.iter(|| trainer.step(&batch, 1e-5).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, forward, training);
criterion_main!(benches);
