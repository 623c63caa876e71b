//! Thresholding and agreement of heatmaps.
#![allow(clippy::unwrap_used, missing_docs)] // criterion_group! makes an undocumented function

use criterion::{Criterion, criterion_group, criterion_main};
use ndarray::Array2;
use seg_metrics::{Comparison, EmptyPolicy, ThresholdStack, pairwise_agreement};

const THRESHOLDS: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

fn heatmap(phase: f32) -> Array2<f32> {
    Array2::from_shape_fn((256, 256), |(r, c)| {
        0.5 + 0.25 * ((r as f32 / 40.0 + phase).sin() + (c as f32 / 55.0 - phase).cos())
    })
}

fn agreement(c: &mut Criterion) {
    let maps: Vec<Array2<f32>> = (0..30).map(|i| heatmap(i as f32 * 0.05)).collect();
    c.bench_function("30 maps of 256² at 9 thresholds", |b| {
        b.iter(|| {
            let stack = |map: &Array2<f32>| {
                ThresholdStack::new(map.view(), &THRESHOLDS, Comparison::AtLeast, None)
            };
            maps.iter()
                .map(stack)
                .collect::<Result<Vec<_>, _>>()
                .unwrap()
        });
    });
    let stacks: Vec<ThresholdStack> = maps
        .iter()
        .map(|map| ThresholdStack::new(map.view(), &THRESHOLDS, Comparison::AtLeast, None).unwrap())
        .collect();
    let stacks: Vec<&ThresholdStack> = stacks.iter().collect();
    c.bench_function("435 pairs at 9 thresholds", |b| {
        b.iter(|| pairwise_agreement(&stacks, EmptyPolicy::Nan).unwrap())
    });
}

criterion_group!(benches, agreement);
criterion_main!(benches);
