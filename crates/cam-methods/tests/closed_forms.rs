//! Under pooling and a linear layer the gradient methods have closed forms.
#![allow(clippy::unwrap_used)]

mod common;

use cam_methods::{Explainer, LayerCamRule, Method, NoTap, Semantics, Tap, TappedModel, Target};
use candle_core::{DType, Tensor};
use common::*;

const SIZE: usize = 12;
/// Sums of some hundred products in f32, on maps of order 1.
const ROUNDING: f32 = 2e-6;

fn up(method: Method, semantics: Semantics) -> Vec<f32> {
    let net = PooledNet::new(DType::F32);
    vec(&explain(
        &net,
        "features",
        semantics,
        &images(2, SIZE, DType::F32),
        1,
        method,
    )
    .up)
}

/// The activation at a tap.
fn activation(net: &PooledNet, tap: &str) -> Tensor {
    let explainer = Explainer::new(net).tap(tap);
    let observation = explainer.observe(&images(2, SIZE, DType::F32)).unwrap();
    observation.activation(tap).unwrap().clone()
}

#[test]
fn four_methods_equal_cam_under_pooling_and_a_linear_layer() {
    let mut semantics = Semantics::literature();
    semantics.signed.clear();
    let cam = up(Method::Cam, semantics.clone());
    assert!(cam.contains(&1.0));
    for method in [Method::GradCam, Method::XGradCam, Method::HiresCam] {
        assert_close(&cam, &up(method, semantics.clone()), ROUNDING);
    }
}

#[test]
fn layer_cam_positive_grad_cam_and_grad_cam_plus_plus_agree() {
    let layer = up(Method::LayerCam, Semantics::literature());
    for method in [Method::PositiveGradCam, Method::GradCamPlusPlus] {
        assert_close(&layer, &up(method, Semantics::literature()), ROUNDING);
    }
    assert_close(
        &up(Method::LayerCam, Semantics::tf_keras_vis()),
        &up(Method::GradCamPlusPlus, Semantics::tf_keras_vis()),
        ROUNDING,
    );
}

#[test]
fn layer_cam_is_the_sum_over_channels_with_positive_weight() {
    let net = PooledNet::new(DType::F32);
    let a = activation(&net, "features");
    let w = net
        .head
        .narrow(0, 1, 1)
        .unwrap()
        .relu()
        .unwrap()
        .reshape((1, CHANNELS, 1, 1))
        .unwrap();
    let cells = (SIZE / 2 * SIZE / 2) as f64;
    let expected = (a.broadcast_mul(&w).unwrap().sum(1).unwrap() / cells).unwrap();
    let maps = explain(
        &net,
        "features",
        Semantics::literature(),
        &images(2, SIZE, DType::F32),
        1,
        Method::LayerCam,
    );
    assert_close(&vec(maps.raw()), &vec(&expected), ROUNDING);
}

#[test]
fn the_papers_own_layer_cam_is_zero_there_and_says_so() {
    let net = PooledNet::new(DType::F32);
    let maps = explain(
        &net,
        "features",
        Semantics::paper_text(),
        &images(2, SIZE, DType::F32),
        1,
        Method::LayerCam,
    );
    assert_eq!(maps.semantics.layer_cam, LayerCamRule::GradientDeviation);
    assert!(vec(&maps.up).iter().all(|v| *v == 0.0));
    assert!(maps.diagnostics.iter().all(|d| d.zero_map));
}

#[test]
fn before_the_relu_the_gradient_is_a_mask_times_a_constant() {
    let net = PooledNet::new(DType::F32);
    let x = images(1, SIZE, DType::F32);
    let a = activation(&net, "raw").narrow(0, 0, 1).unwrap();
    let cells = SIZE / 2 * SIZE / 2;
    let weights: Vec<f32> = vec(&a)
        .chunks(cells)
        .zip(vec(&net.head.narrow(0, 1, 1).unwrap()))
        .map(|(a, w)| {
            w / cells as f32 * a.iter().filter(|v| **v > 0.0).count() as f32 / cells as f32
        })
        .collect();
    let grad = explain(&net, "raw", Semantics::literature(), &x, 1, Method::GradCam);
    assert_close(&vec(grad.weights().unwrap()), &weights, 1e-8);
    let positive: Vec<f32> = weights.iter().map(|w| w.max(0.0)).collect();
    for method in [Method::LayerCam, Method::PositiveGradCam] {
        let maps = explain(&net, "raw", Semantics::paper_released_code(), &x, 1, method);
        assert_close(&vec(maps.weights().unwrap()), &positive, 1e-8);
    }
    // all active cells share one alpha, so that its normalised sum leaves the gradient itself
    let constant: Vec<f32> = vec(&net.head.narrow(0, 1, 1).unwrap())
        .iter()
        .zip(&weights)
        .map(|(w, mean)| {
            if *mean == 0.0 {
                0.0
            } else {
                w.max(0.0) / cells as f32
            }
        })
        .collect();
    let plus = explain(
        &net,
        "raw",
        Semantics::tf_keras_vis(),
        &x,
        1,
        Method::GradCamPlusPlus,
    );
    assert_close(&vec(plus.weights().unwrap()), &constant, 1e-7);
}

#[test]
fn grad_cam_plus_plus_survives_scores_that_overflow_an_exponential() {
    let net = PooledNet::new(DType::F32);
    let loud = |x: &Tensor, tap: &mut dyn Tap| net.forward_tapped(x, tap)? * 1e6;
    let x = images(1, SIZE, DType::F32);
    assert!(vec(&loud(&x, &mut NoTap).unwrap()).iter().any(|y| *y > 1e4));
    let maps = Explainer::new(&loud)
        .tap("features")
        .explain(&x, &[Target::Class(1)], Method::GradCamPlusPlus)
        .unwrap();
    let quiet = explain(
        &net,
        "features",
        Semantics::literature(),
        &x,
        1,
        Method::GradCamPlusPlus,
    );
    assert_close(&vec(&maps.up), &vec(&quiet.up), 1e-5);
}

#[test]
fn several_layers_are_scaled_by_tanh_and_fused_by_the_maximum() {
    let net = PooledNet::new(DType::F32);
    let x = images(1, SIZE, DType::F32);
    let fused = Explainer::new(&net)
        .taps(["early", "features"])
        .explain(&x, &[Target::Class(1)], Method::LayerCam)
        .unwrap();
    let mut expected = vec![0f32; SIZE * SIZE];
    for layer in &fused.layers {
        let raw: Vec<f32> = vec(&layer.raw).iter().map(|v| v.max(0.0)).collect();
        let peak = raw.iter().fold(0f32, |m, v| m.max(*v));
        assert!(peak > 0.0);
        let scaled: Vec<f32> = raw.iter().map(|v| (2.0 * v / peak).tanh()).collect();
        let side = layer.raw.dim(1).unwrap();
        let up = cam_methods::resize_bilinear(
            &scaled,
            [side, side],
            [SIZE, SIZE],
            fused.semantics.resize,
        )
        .unwrap();
        expected.iter_mut().zip(up).for_each(|(e, v)| *e = e.max(v));
    }
    let (low, high) = expected
        .iter()
        .fold((f32::MAX, 0f32), |(l, h), v| (l.min(*v), h.max(*v)));
    expected
        .iter_mut()
        .for_each(|v| *v = (*v - low) / (high - low));
    assert_close(&vec(&fused.up), &expected, 1e-6);
}
