//! Random cases against the numbers of other programs; see `tests/golden/peers`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod labels;
mod masks;
mod outlines;

use ndarray::{ArrayD, IxDyn};
use seg_metrics::BitMask;
use serde_json::Value;

/// Fixtures are written with thirteen digits.
const WRITTEN: f64 = 1e-12;
/// MONAI computes in `f32`.
const SINGLE: f64 = 2e-6;

fn cases(text: &str, at_least: usize) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    let cases = file["cases"].as_array().unwrap().clone();
    assert!(cases.len() >= at_least, "{}", cases.len());
    cases
}

fn integers(value: &Value) -> Vec<usize> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_u64().unwrap() as usize)
        .collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("nan") => f64::NAN,
        Some("inf") => f64::INFINITY,
        _ => value.as_f64().unwrap(),
    }
}

/// A mask from packed hexadecimal digits, most significant bit first.
fn mask(case: &Value, name: &str) -> BitMask {
    let shape = integers(&case["shape"]);
    let digits = case[name].as_str().unwrap();
    let bits = digits.chars().flat_map(|digit| {
        let nibble = digit.to_digit(16).unwrap();
        [3, 2, 1, 0].map(|bit| nibble >> bit & 1 == 1)
    });
    let pixels = bits.take(shape.iter().product()).collect();
    BitMask::from_bools(
        ArrayD::from_shape_vec(IxDyn(&shape), pixels)
            .unwrap()
            .view(),
    )
}

#[track_caller]
fn near(found: f64, expected: &Value, tolerance: f64, case: &Value) {
    let expected = number(expected);
    let same = found == expected || (found.is_nan() && expected.is_nan());
    let close = (found - expected).abs() <= tolerance * expected.abs().max(1e-3);
    assert!(same || close, "expected {expected}, got {found} for {case}");
}
