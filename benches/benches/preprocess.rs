//! Background removal of one slice.
#![allow(clippy::unwrap_used, missing_docs)] // criterion_group! makes an undocumented function

use criterion::{Criterion, criterion_group, criterion_main};
use fillet_preprocess::{ForegroundConfig, segment_foreground};
use ndarray::Array2;

fn foreground(criterion: &mut Criterion) {
    let slice = Array2::from_shape_fn((256, 256), |(r, c)| {
        let inside = (r as f32 - 128.0).hypot(c as f32 - 128.0) < 80.0;
        if inside {
            900.0 + (r * 31 % 97) as f32
        } else {
            (c * 17 % 43) as f32
        }
    });
    let config = ForegroundConfig::default();
    criterion.bench_function("foreground of a 256² slice", |b| {
        b.iter(|| segment_foreground(slice.view(), &config).unwrap())
    });
}

criterion_group!(benches, foreground);
criterion_main!(benches);
