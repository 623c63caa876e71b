//! Fixtures and comparisons shared by the tests.

#![allow(dead_code, reason = "each test file uses its part")]

use serde_json::Value;
use std::path::PathBuf;

/// The entries of a fixture under `tests/golden`.
pub(crate) fn fixture(name: &str) -> Vec<Value> {
    match load(name) {
        Value::Array(cases) => cases,
        other => panic!("{name} is not a list: {other}"),
    }
}

/// A fixture as it stands.
pub(crate) fn load(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A number, or one of the names of numbers that JSON has not.
pub(crate) fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("nan") => f64::NAN,
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        Some(other) => panic!("not a number: {other}"),
        None => value
            .as_f64()
            .unwrap_or_else(|| panic!("not a number: {value}")),
    }
}

/// A list of numbers.
pub(crate) fn list(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("not a list: {value}"))
        .iter()
        .map(number)
        .collect()
}

/// A list of lists of numbers.
pub(crate) fn table(value: &Value) -> Vec<Vec<f64>> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("not a list: {value}"))
        .iter()
        .map(list)
        .collect()
}

/// Fails unless |got − wanted| ≤ 1e-13 + relative·|wanted|.
#[track_caller]
pub(crate) fn assert_close(got: f64, wanted: f64, relative: f64, what: &str) {
    let same = got == wanted || (got.is_nan() && wanted.is_nan());
    let near = (got - wanted).abs() <= 1e-13 + relative * wanted.abs();
    assert!(same || near, "{what}: got {got:e}, wanted {wanted:e}");
}
