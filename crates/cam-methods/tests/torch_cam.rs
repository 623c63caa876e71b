//! Maps of torch-cam 0.5.0 on a small network (`golden/torch-cam`).
#![allow(clippy::unwrap_used)]

mod common;

use cam_methods::{Explainer, Method, Semantics, Target};
use common::small::Small;
use common::vec;
use serde_json::Value;

/// The fixture is rounded to 5e-6; sums run in another order.
const TOLERANCE: f32 = 1e-4;

#[test]
fn every_case_agrees_under_the_preset() {
    let fixture: Value =
        serde_json::from_str(include_str!("golden/torch-cam/small_network.json")).unwrap();
    let net = Small::new();
    let targets: Vec<Target> = net.classes().into_iter().map(Target::Class).collect();
    let cases = fixture["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let method: Method = case["method"].as_str().unwrap().parse().unwrap();
        let taps: Vec<String> = serde_json::from_value(case["taps"].clone()).unwrap();
        let expected: Vec<f32> = serde_json::from_value(case["map"].clone()).unwrap();
        let maps = Explainer::new(&net)
            .taps(taps.clone())
            .semantics(Semantics::torch_cam())
            .explain(&net.images(3), &targets, method)
            .unwrap();
        let ours = vec(if taps.len() == 1 {
            maps.low()
        } else {
            &maps.up
        });
        assert_eq!(ours.len(), expected.len());
        let worst = ours
            .iter()
            .zip(&expected)
            .map(|(a, b)| (a - b).abs())
            .fold(0f32, f32::max);
        assert!(worst <= TOLERANCE, "{method} at {taps:?}: {worst}");
    }
}
