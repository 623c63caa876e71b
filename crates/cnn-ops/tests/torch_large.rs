//! Convolutions large enough for the fast algorithms, against PyTorch's.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use candle_core::{DType, Device, Tensor, Var};
use cnn_ops::{ConvOptions, Padding, conv2d};
use serde::Deserialize;
use support::values;

#[derive(Deserialize)]
struct Document {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    input: [usize; 4],
    weight: [usize; 4],
    stride: usize,
    padding: [usize; 2],
    groups: usize,
    output: Kept,
    gradients: Gradients,
}

#[derive(Deserialize)]
struct Gradients {
    x: Kept,
    weight: Kept,
    bias: Kept,
}

/// The elements of a result at multiples of a step.
#[derive(Deserialize)]
struct Kept {
    shape: Vec<usize>,
    step: usize,
    largest: f64,
    values: Vec<f64>,
}

/// Sums of up to 2304 products; the transforms for 3×3, 1×7 and 7×1 filters at stride 1 lose some bits
/// more and stayed below 5e-6. The file has ten digits.
const TOLERANCES: [(DType, f64); 2] = [(DType::F32, 1e-5), (DType::F64, 1e-9)];

/// The rule of `golden/torch/make_large.py`.
fn data(number: u64, shape: &[usize], dtype: DType) -> Var {
    let values: Vec<f64> = (1..=shape.iter().product::<usize>() as u64)
        .map(|i| {
            let word =
                i.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number.wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let value = (word >> 32) as f64 / 4_294_967_296.0 - 0.5;
            (value * 1024.0).floor() / 1024.0
        })
        .collect();
    let values = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
    Var::from_tensor(&values.to_dtype(dtype).unwrap()).unwrap()
}

fn compare(what: &str, actual: &Tensor, expected: &Kept, tolerance: f64) {
    assert_eq!(actual.dims(), expected.shape, "{what}");
    let kept: Vec<f64> = values(actual).into_iter().step_by(expected.step).collect();
    assert_eq!(kept.len(), expected.values.len(), "{what}");
    for (i, (a, e)) in kept.iter().zip(&expected.values).enumerate() {
        assert!(
            (a - e).abs() <= tolerance * expected.largest,
            "{what}, element {}: {a}, PyTorch {e}",
            i * expected.step
        );
    }
}

#[test]
fn large_convolutions() {
    let text = include_str!("golden/torch/large.json");
    let document: Document = serde_json::from_str(text).unwrap();
    assert_eq!(document.cases.len(), 8);
    for case in &document.cases {
        for (dtype, tolerance) in TOLERANCES {
            let x = data(1, &case.input, dtype);
            let weight = data(2, &case.weight, dtype);
            let bias = data(3, &case.weight[..1], dtype);
            let options = ConvOptions {
                stride: [case.stride; 2],
                padding: Padding::symmetric(case.padding[0], case.padding[1]),
                groups: case.groups,
                ..ConvOptions::default()
            };
            let y = conv2d(&x, &weight, Some(&bias), &options).unwrap();
            let what = format!("{:?} * {:?}, {dtype:?}", case.input, case.weight);
            compare(&format!("{what}, output"), &y, &case.output, tolerance);
            let dy = data(4, y.dims(), dtype);
            let store = (y * dy.as_tensor())
                .unwrap()
                .sum_all()
                .unwrap()
                .backward()
                .unwrap();
            for (name, v, expected) in [
                ("x", &x, &case.gradients.x),
                ("weight", &weight, &case.gradients.weight),
                ("bias", &bias, &case.gradients.bias),
            ] {
                let what = format!("{what}, gradient of {name}");
                compare(&what, store.get(v).unwrap(), expected, tolerance);
            }
        }
    }
}
