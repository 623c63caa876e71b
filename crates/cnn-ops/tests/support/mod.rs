//! Shared by the tests and the example `device_check`: random tensors, the operators with their
//! inputs, and finite differences.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

pub(crate) mod cases;
pub(crate) mod fixtures;

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

/// What an operator returns, and the gradients of Σ r·f with fixed random r.
pub(crate) struct Evaluation {
    pub(crate) shape: Vec<usize>,
    pub(crate) output: Vec<f64>,
    /// One per input; none where the result carries no graph.
    pub(crate) gradients: Vec<Vec<f64>>,
}

/// Runs an operator forward and backward where its inputs are.
pub(crate) fn evaluate(
    f: &dyn Fn(&[Tensor]) -> Result<Tensor>,
    inputs: &[Tensor],
) -> Result<Evaluation> {
    let vars: Vec<Var> = inputs
        .iter()
        .map(Var::from_tensor)
        .collect::<candle_core::Result<_>>()?;
    let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
    let y = f(&tensors)?;
    let mut evaluation = Evaluation {
        shape: y.dims().to_vec(),
        output: values(&y.to_device(&Device::Cpu)?),
        gradients: Vec::new(),
    };
    if y.track_op() && y.elem_count() > 0 {
        let store = weighted_sum(&y)?.backward()?;
        for v in &vars {
            let gradient = store.get(v.as_tensor()).expect("a gradient");
            let gradient = values(&gradient.to_device(&Device::Cpu)?);
            evaluation.gradients.push(gradient);
        }
    }
    Ok(evaluation)
}

/// Σ r·y with fixed random r.
pub(crate) fn weighted_sum(y: &Tensor) -> Result<Tensor> {
    total(y, &weights(y)?)
}

/// Fixed random numbers of the shape, type and device of `y`.
pub(crate) fn weights(y: &Tensor) -> Result<Tensor> {
    let r = distinct(y.dims(), 99);
    Ok(r.to_dtype(y.dtype())?.to_device(y.device())?)
}

/// Σ r·y.
pub(crate) fn total(y: &Tensor, r: &Tensor) -> Result<Tensor> {
    let product = (y * r)?;
    // candle's sum of a scalar asks a CUDA device for no memory, which it may refuse.
    if product.rank() == 0 {
        return Ok(product);
    }
    Ok(product.sum_all()?)
}

/// Compares every gradient with central differences in `f64`.
///
/// The step 1e-5 leaves a truncation error of order 1e-10 and a rounding error of order
/// 1e-16/1e-5 = 1e-11 times the size of the sum; 1e-6 has room for both.
pub(crate) fn check_gradients(f: &dyn Fn(&[Tensor]) -> Result<Tensor>, inputs: &[Tensor]) {
    const STEP: f64 = 1e-5;
    let actual = evaluate(f, inputs).unwrap().gradients;
    assert_eq!(actual.len(), inputs.len());
    for (i, input) in inputs.iter().enumerate() {
        let base = values(input);
        for at in 0..base.len() {
            let shifted = |step: f64| {
                let mut moved = base.clone();
                moved[at] += step;
                let mut all = inputs.to_vec();
                all[i] = Tensor::from_vec(moved, input.dims(), &Device::Cpu).unwrap();
                let y = f(&all).unwrap();
                weighted_sum(&y).unwrap().to_scalar::<f64>().unwrap()
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
