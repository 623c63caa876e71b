//! The example `restated_models`: the logits are those of candle-transformers, and every method explains them.
#![allow(clippy::unwrap_used)]

#[path = "../examples/restated_models/main.rs"]
mod restated;

use cam_methods::{Explainer, Method, Target};
use candle_transformers::models::{resnet, vit};
use restated::{Pair, small_vit, weights_by_rule};

/// Both run in single precision and sum in different orders, through 50 layers.
const TOLERANCE: f32 = 1e-4;

fn check(pair: &Pair, tap: &str, channels: usize, size: [usize; 2], methods: &[Method]) {
    let off = pair.difference().unwrap();
    assert!(off <= TOLERANCE, "{}: {off}", pair.name);
    let targets = [Target::Class(1), Target::Argmax];
    let explained = Explainer::new(pair.network.as_ref())
        .tap(tap)
        .explain_all(&pair.images, &targets, methods)
        .unwrap();
    let shape = explained.taps.iter().find(|t| t.name == tap).unwrap();
    assert_eq!(
        (shape.channels, [shape.height, shape.width]),
        (channels, size)
    );
    for maps in &explained.maps {
        let raw: Vec<f32> = maps.raw().flatten_all().unwrap().to_vec1().unwrap();
        assert!(
            raw.iter().any(|v| *v != 0.0),
            "{} {} shows nothing",
            pair.name,
            maps.method
        );
        assert_eq!(maps.raw().dims(), [2, size[0], size[1]]);
    }
}

#[test]
fn resnet50_agrees_and_is_explained() {
    let weights = weights_by_rule(|w| resnet::resnet50(5, w)).unwrap();
    let pair = restated::resnet50(weights, 5).unwrap();
    let methods = [
        Method::Cam,
        Method::GradCam,
        Method::LayerCam,
        Method::FasterScoreCam,
    ];
    check(&pair, "layer4", 2048, [2, 2], &methods);
    // gradients above the strided convolutions and the last stage
    check(&pair, "layer2", 512, [8, 8], &[Method::GradCamPlusPlus]);
}

#[test]
fn tokens_of_a_transformer_become_a_map() {
    let config = small_vit();
    let weights = weights_by_rule(|w| vit::Model::new(&config, 5, w)).unwrap();
    let pair = restated::vit(weights, &config, 5).unwrap();
    let methods = [
        Method::GradCam,
        Method::LayerCam,
        Method::ScoreCam,
        Method::AblationCam,
        Method::EigenCam,
    ];
    check(
        &pair,
        "encoder.layer.1.layernorm_before",
        32,
        [4, 4],
        &methods,
    );
}
