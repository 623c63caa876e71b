//! Shared by the tests: random tensors and finite differences.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use candle_core::{DType, Device, Tensor, Var};
use cnn_ops::Result;

/// Numbers in (-1, 1), no two closer than 1/(2n) and none closer than that to zero, so that a
/// small step never changes a maximum or the sign of an element.
pub(crate) fn distinct(shape: &[usize], seed: u64) -> Tensor {
    let n: usize = shape.iter().product();
    let mut order: Vec<usize> = (0..n).collect();
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    for i in (1..n).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        order.swap(i, (state >> 33) as usize % (i + 1));
    }
    let values: Vec<f64> = order
        .into_iter()
        .map(|i| (2 * i + 1) as f64 / n as f64 - 1.0 + 0.1 / n as f64)
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

pub(crate) fn values(x: &Tensor) -> Vec<f64> {
    x.to_dtype(DType::F64)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap()
}

/// Σ r·f(inputs) with fixed random r.
fn weighted_sum(f: &dyn Fn(&[Tensor]) -> Result<Tensor>, inputs: &[Tensor]) -> Tensor {
    let y = f(inputs).unwrap();
    let r = distinct(y.dims(), 99).to_dtype(y.dtype()).unwrap();
    (y * r).unwrap().sum_all().unwrap()
}

/// Gradients of Σ r·f with respect to every input, `None` where candle has none.
pub(crate) fn gradients(
    f: &dyn Fn(&[Tensor]) -> Result<Tensor>,
    inputs: &[Tensor],
) -> Vec<Vec<f64>> {
    let vars: Vec<Var> = inputs
        .iter()
        .map(|x| Var::from_tensor(x).unwrap())
        .collect();
    let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let store = weighted_sum(f, &tensors).backward().unwrap();
    vars.iter()
        .map(|v| values(store.get(v.as_tensor()).expect("a gradient")))
        .collect()
}

/// Compares every gradient with central differences in `f64`.
///
/// The step 1e-5 leaves a truncation error of order 1e-10 and a rounding error of order
/// 1e-16/1e-5 = 1e-11 times the size of the sum; 1e-6 has room for both.
pub(crate) fn check_gradients(f: &dyn Fn(&[Tensor]) -> Result<Tensor>, inputs: &[Tensor]) {
    const STEP: f64 = 1e-5;
    let actual = gradients(f, inputs);
    for (i, input) in inputs.iter().enumerate() {
        let base = values(input);
        for at in 0..base.len() {
            let shifted = |step: f64| {
                let mut moved = base.clone();
                moved[at] += step;
                let mut all = inputs.to_vec();
                all[i] = Tensor::from_vec(moved, input.dims(), &Device::Cpu).unwrap();
                weighted_sum(f, &all).to_scalar::<f64>().unwrap()
            };
            let expected = (shifted(STEP) - shifted(-STEP)) / (2.0 * STEP);
            let got = actual[i][at];
            assert!(
                (got - expected).abs() <= 1e-6 * expected.abs().max(1.0),
                "input {i} of shape {:?}, element {at}: gradient {got}, difference {expected}",
                input.dims()
            );
        }
    }
}
