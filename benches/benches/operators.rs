//! Convolution and pooling, forward and forward + backward, on layers of the paper's networks at 256².
#![allow(clippy::unwrap_used, missing_docs)] // criterion_group! makes an undocumented function

use candle_core::{Device, Tensor, Var};
use cnn_ops::{ConvOptions, Padding, PoolOptions, conv2d, max_pool2d};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// A convolution as `[channels in, channels out, kernel, stride, side, groups]`.
const LAYERS: [(&str, [usize; 6]); 5] = [
    ("resnet50 conv2 3x3", [64, 64, 3, 1, 64, 1]),
    ("resnet50 conv3 1x1", [512, 128, 1, 1, 32, 1]),
    ("resnet50 conv4 3x3", [256, 256, 3, 1, 16, 1]),
    ("vgg16 block4 3x3", [512, 512, 3, 1, 32, 1]),
    ("xception depthwise 3x3", [728, 728, 3, 1, 16, 728]),
];

fn values(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| (i as f32 * 0.618).sin()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn convolution(c: &mut Criterion) {
    let mut group = c.benchmark_group("conv2d");
    group.sample_size(20);
    for (name, [input, output, kernel, stride, side, groups]) in LAYERS {
        let options = ConvOptions {
            stride: [stride, stride],
            padding: Padding::symmetric(kernel / 2, kernel / 2),
            groups,
            ..ConvOptions::default()
        };
        let x = values(&[1, input, side, side]);
        let w = values(&[output, input / groups, kernel, kernel]);
        group.bench_function(BenchmarkId::new("forward", name), |b| {
            b.iter(|| conv2d(&x, &w, None, &options).unwrap());
        });
        let (x, w) = (Var::from_tensor(&x).unwrap(), Var::from_tensor(&w).unwrap());
        group.bench_function(BenchmarkId::new("forward and backward", name), |b| {
            b.iter(|| {
                conv2d(&x, &w, None, &options)
                    .unwrap()
                    .sum_all()
                    .unwrap()
                    .backward()
                    .unwrap()
            });
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
    let x = Var::from_tensor(&values(&[8, 64, 128, 128])).unwrap();
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

criterion_group!(benches, convolution, pooling);
criterion_main!(benches);
