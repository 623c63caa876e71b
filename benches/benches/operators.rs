//! Convolution and pooling, forward and forward + backward, on layers of the paper's networks at 256².
#![allow(clippy::unwrap_used, missing_docs)] // criterion_group! makes an undocumented function

use benches::operators::{Layer, values};
use candle_core::Var;
use cnn_ops::{ConvOptions, Padding, PoolOptions, conv2d, max_pool2d};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// The layers of `benches/compare/layers.csv`, those of the comparison with PyTorch, one image and eight.
fn convolution(c: &mut Criterion) {
    cnn_ops::keep_freed_memory();
    let mut group = c.benchmark_group("conv2d");
    group.sample_size(10);
    for layer in [Layer::table(1), Layer::table(8)].concat() {
        let options = ConvOptions {
            stride: [layer.stride, layer.stride],
            padding: Padding::symmetric(layer.padding[0], layer.padding[1]),
            groups: layer.groups,
            ..ConvOptions::default()
        };
        let (x, w) = layer.tensors().unwrap();
        group.bench_function(BenchmarkId::new("forward", &layer), |b| {
            b.iter(|| conv2d(&x, &w, None, &options).unwrap());
        });
        let (x, w) = (Var::from_tensor(&x).unwrap(), Var::from_tensor(&w).unwrap());
        group.bench_function(BenchmarkId::new("forward and backward", &layer), |b| {
            b.iter(|| conv2d(&x, &w, None, &options).unwrap().backward().unwrap());
        });
    }
    group.finish();
}

fn pooling(c: &mut Criterion) {
    let options = PoolOptions {
        kernel: [3, 3],
        stride: [2, 2],
        padding: Padding::symmetric(1, 1),
        ceil_mode: false,
    };
    let x = Var::from_tensor(&values(&[8, 64, 128, 128]).unwrap()).unwrap();
    let mut group = c.benchmark_group("max_pool2d");
    group.sample_size(20);
    group.bench_function("resnet50 stem, forward", |b| {
        b.iter(|| max_pool2d(x.as_tensor(), &options).unwrap())
    });
    group.bench_function("resnet50 stem, forward and backward", |b| {
        b.iter(|| {
            max_pool2d(x.as_tensor(), &options)
                .unwrap()
                .sum_all()
                .unwrap()
                .backward()
                .unwrap()
        });
    });
    group.finish();
}

criterion_group!(operators, convolution, pooling);
criterion_main!(operators);
