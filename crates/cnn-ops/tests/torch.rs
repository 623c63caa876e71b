//! Forward and backward passes against PyTorch's, in both element types.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use candle_core::{DType, Tensor, Var};
use support::fixtures::{self, Fixture};
use support::values;

/// Largest error relative to the largest element. The fixtures are computed in `f64` and written
/// with twelve decimals. In `f32` a sum over n ≤ 180 products has an error of a few times 6e-8.
const TOLERANCES: [(DType, f64); 2] = [(DType::F32, 1e-5), (DType::F64, 1e-10)];

fn compare(what: &str, actual: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(actual.dims(), expected.dims(), "{what}");
    let (actual, expected) = (values(actual), values(expected));
    let scale = expected.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    for (i, (a, e)) in actual.iter().zip(&expected).enumerate() {
        assert!(
            (a - e).abs() <= tolerance * scale,
            "{what}, element {i}: {a}, PyTorch {e}"
        );
    }
}

fn check(fixtures: &[Fixture]) {
    for fixture in fixtures {
        for (dtype, tolerance) in TOLERANCES {
            let case = &fixture.case;
            let options = fixture.options();
            let typed = |x: &Tensor| Var::from_tensor(&x.to_dtype(dtype).unwrap()).unwrap();
            let vars: Vec<Var> = case.inputs.iter().map(typed).collect();
            let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
            let y = (case.run)(&tensors).unwrap();
            let what = format!("{options} {dtype:?} output");
            compare(&what, &y, &fixture.output(), tolerance);
            let dy = fixture.output_gradient().to_dtype(dtype).unwrap();
            let store = (y * dy).unwrap().sum_all().unwrap().backward().unwrap();
            for (name, v) in case.names.iter().zip(&vars) {
                let what = format!("{options} {dtype:?} gradient of {name}");
                compare(
                    &what,
                    store.get(v).unwrap(),
                    &fixture.gradient(name),
                    tolerance,
                );
            }
        }
    }
}

#[test]
fn convolutions() {
    check(&fixtures::convolutions());
}

#[test]
fn pools() {
    check(&fixtures::pools());
}

#[test]
fn resampling() {
    check(&fixtures::resampling());
}

#[test]
fn layers() {
    check(&fixtures::layers());
}

#[test]
fn batch_statistics() {
    let layers = fixtures::layers();
    let train = |f: &&Fixture| f.case.operator == "batch_norm_train";
    let trained: Vec<_> = layers.iter().filter(train).collect();
    assert!(!trained.is_empty());
    for fixture in trained {
        for (dtype, _) in TOLERANCES {
            for [actual, expected] in fixtures::statistics(fixture, dtype) {
                let what = format!("{} {dtype:?} statistics", fixture.options());
                compare(&what, &actual, &expected, 1e-6);
            }
        }
    }
}
