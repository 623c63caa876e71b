//! Heatmaps of pytorch-grad-cam 1.5.5 on a small network (`golden/pytorch-grad-cam`).
#![allow(clippy::unwrap_used)]

mod common;

use cam_methods::{
    Explainer, Method, NoTap, Parameters, Semantics, Smoothing, TappedModel, Target,
};
use common::small::Small;
use common::{assert_close, vec};

/// The fixture is rounded to 5e-6; OpenCV resizes with 11-bit weights on some builds, sums run in another order.
const TOLERANCE: f32 = 1e-4;

#[test]
fn the_network_is_the_same() {
    let net = Small::new();
    let logits: Vec<f32> = serde_json::from_value(net.0["logits"].clone()).unwrap();
    assert_close(
        &vec(&net.forward_tapped(&net.images(3), &mut NoTap).unwrap()),
        &logits,
        2e-6,
    );
}

#[test]
fn every_case_agrees_under_the_preset() {
    let net = Small::new();
    let classes = net.classes();
    let cases = net.0["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 20);
    for case in cases {
        let method: Method = case["method"].as_str().unwrap().parse().unwrap();
        let taps: Vec<String> = serde_json::from_value(case["taps"].clone()).unwrap();
        let batch = case["batch"].as_u64().unwrap() as usize;
        let smoothing: Smoothing = serde_json::from_value(case["smoothing"].clone()).unwrap();
        let expected: Vec<f32> = serde_json::from_value(case["up"].clone()).unwrap();
        let targets: Vec<Target> = classes[..batch].iter().map(|c| Target::Class(*c)).collect();
        let maps = Explainer::new(&net)
            .taps(taps.clone())
            .semantics(Semantics::pytorch_grad_cam())
            .parameters(Parameters {
                smoothing,
                ..Parameters::default()
            })
            .explain(&net.images(batch), &targets, method)
            .unwrap();
        let up = vec(&maps.up);
        let worst = up
            .iter()
            .zip(&expected)
            .map(|(a, b)| (a - b).abs())
            .fold(0f32, f32::max);
        assert!(expected.iter().any(|v| *v > 0.5), "{method} shows nothing");
        assert!(
            worst <= TOLERANCE,
            "{method} at {taps:?}, batch {batch}, {smoothing:?}: {worst}"
        );
    }
}
