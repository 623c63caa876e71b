//! Every mistake a user can make has a name and says where it was made.
#![allow(clippy::unwrap_used)]

mod common;

use cam_methods::{
    Described, Error, Explainer, LayerScaling, Method, Parameters, Pixels, Preset, Semantics, Tap,
    TappedModel, Target,
};
use candle_core::{DType, Device, Result, Tensor};
use common::*;

fn fails(net: &dyn TappedModel, tap: &str, targets: &[Target], method: Method) -> Error {
    Explainer::new(net)
        .tap(tap)
        .explain(&images(2, 8, DType::F32), targets, method)
        .unwrap_err()
}

const TWO: [Target; 2] = [Target::Class(0), Target::Class(1)];

#[test]
fn an_unknown_tap_lists_the_taps_there_are() {
    let e = fails(&PooledNet::new(DType::F32), "layer4", &TWO, Method::GradCam);
    assert_eq!(
        e.to_string(),
        r#"the network has no tap "layer4"; it has ["early", "raw", "features"]"#
    );
}

#[test]
fn an_unknown_tap_among_the_layers_to_scale_lists_the_taps_there_are() {
    let mut semantics = Semantics::default();
    semantics.fusion.layer_cam = LayerScaling::Tanh {
        gamma: 2.0,
        taps: vec!["early".into(), "layer1".into()],
    };
    let e = Explainer::new(&PooledNet::new(DType::F32))
        .taps(["early", "features"])
        .semantics(semantics)
        .explain(&images(2, 8, DType::F32), &TWO, Method::LayerCam)
        .unwrap_err();
    assert_eq!(
        e.to_string(),
        r#"the network has no tap "layer1"; it has ["early", "raw", "features"]"#
    );
}

#[test]
fn a_disconnected_tap_is_named() {
    let ignores = |x: &Tensor, tap: &mut dyn Tap| {
        let a = x.relu()?;
        tap.visit("relu", a.clone())?;
        a.mean((2, 3))
    };
    let e = fails(&ignores, "relu", &TWO, Method::GradCam);
    assert!(
        matches!(&e, Error::Disconnected { tap } if tap == "relu"),
        "{e}"
    );
    let detaches =
        |x: &Tensor, tap: &mut dyn Tap| tap.visit("relu", x.relu()?)?.detach().mean((2, 3));
    assert!(matches!(
        fails(&detaches, "relu", &TWO, Method::LayerCam),
        Error::Disconnected { .. }
    ));
}

#[test]
fn one_target_per_image() {
    let net = PooledNet::new(DType::F32);
    let e = fails(&net, "features", &TWO[..1], Method::GradCam);
    assert_eq!(
        e.to_string(),
        "1 targets for a batch of 2 images: give one per image"
    );
    let outside = [Target::Class(0), Target::Class(7)];
    let e = fails(&net, "features", &outside, Method::GradCam);
    assert_eq!(
        e.to_string(),
        "class 7 does not exist: the network has 3 outputs"
    );
    let binary = [Target::Binary { positive: true }, Target::Class(0)];
    assert!(matches!(
        fails(&net, "features", &binary, Method::GradCam),
        Error::OutputShape { .. }
    ));
}

#[test]
fn values_that_are_not_finite_are_named() {
    let broken = |x: &Tensor, tap: &mut dyn Tap| tap.visit("log", (x * 0.0)?.log()?)?.mean((2, 3));
    let e = fails(&broken, "log", &TWO, Method::GradCam);
    assert!(
        matches!(&e, Error::NonFinite { what: "activations", place, count: 256 } if place == "log"),
        "{e}"
    );
    let overflows =
        |x: &Tensor, tap: &mut dyn Tap| (tap.visit("a", x.relu()?)?.mean((2, 3))? * 1e30)?.exp();
    assert!(matches!(
        fails(&overflows, "a", &TWO, Method::ScoreCam),
        Error::NonFinite { what: "scores", .. }
    ));
    let steep =
        |x: &Tensor, tap: &mut dyn Tap| (tap.visit("a", (x * 0.0)?)? + 0.0)?.sqrt()?.mean((2, 3));
    let e = fails(&steep, "a", &TWO, Method::GradCam);
    assert!(
        matches!(&e, Error::NonFinite { what: "gradients", place, .. } if place == "a"),
        "{e}"
    );
    let hole = Tensor::new(&[[[[f32::NAN]]]], &Device::Cpu).unwrap();
    let e = Explainer::new(&broken)
        .tap("log")
        .explain(&hole, &TWO[..1], Method::GradCam)
        .unwrap_err();
    assert!(matches!(e, Error::NonFinite { what: "images", .. }));
}

#[test]
fn shapes_that_are_no_map_of_the_batch() {
    let tokens = |x: &Tensor, tap: &mut dyn Tap| tap.visit("tokens", x.flatten_from(2)?)?.mean(2);
    let e = fails(&tokens, "tokens", &TWO, Method::GradCam);
    assert!(
        matches!(&e, Error::TapShape { tap, batch: 2, shape } if tap == "tokens" && shape == &[2, 2, 64]),
        "{e}"
    );
    let none = Explainer::new(&tokens)
        .explain(&images(2, 8, DType::F32), &TWO, Method::GradCam)
        .unwrap_err();
    assert!(matches!(none, Error::NoSpatialTap { .. }));
    let flat = Tensor::zeros((2, 8, 8), DType::F32, &Device::Cpu).unwrap();
    let e = Explainer::new(&tokens)
        .explain(&flat, &TWO, Method::GradCam)
        .unwrap_err();
    assert!(matches!(e, Error::ImageShape { .. }));
}

#[test]
fn a_tap_called_twice_is_refused() {
    let twice = |x: &Tensor, tap: &mut dyn Tap| {
        let x = tap.visit("relu", x.relu()?)?;
        tap.visit("relu", (x * 2.0)?)?.mean((2, 3))
    };
    assert!(
        matches!(fails(&twice, "relu", &TWO, Method::GradCam), Error::RepeatedTap { tap } if tap == "relu")
    );
}

#[test]
fn training_mode_a_missing_head_and_parameters() {
    fn pooled(x: &Tensor, tap: &mut dyn Tap) -> Result<Tensor> {
        tap.visit("relu", x.relu()?)?.mean((2, 3))
    }
    let training = Described::new(pooled).with_training(true);
    assert!(matches!(
        fails(&training, "relu", &TWO, Method::GradCam),
        Error::TrainingMode
    ));
    assert!(matches!(
        fails(&pooled, "relu", &TWO, Method::Cam),
        Error::Missing {
            method: Method::Cam,
            ..
        }
    ));
    let none = Parameters {
        groups: 0,
        ..Parameters::default()
    };
    let e = Explainer::new(&pooled).parameters(none).explain(
        &images(2, 8, DType::F32),
        &TWO,
        Method::GradCam,
    );
    assert_eq!(
        e.unwrap_err().to_string(),
        "the parameter groups must be at least 1, got 0"
    );
    assert_eq!(
        "gradcam"
            .parse::<Method>()
            .unwrap_err()
            .to_string()
            .split(';')
            .next(),
        Some(r#"unknown method "gradcam""#)
    );
}

#[test]
fn a_region_must_fit_and_sets_the_scale() {
    let net = PooledNet::new(DType::F32);
    let x = images(2, 8, DType::F32);
    let mut semantics = Semantics::literature();
    semantics.normalise.pixels = Pixels::Region;
    let explain = |region: Option<Tensor>| {
        let mut explainer = Explainer::new(&net)
            .tap("early")
            .semantics(semantics.clone());
        if let Some(r) = region {
            explainer = explainer.region(r);
        }
        explainer.explain(&x, &TWO, Method::EigenCam)
    };
    assert!(matches!(explain(None), Err(Error::Region { .. })));
    let zeros = Tensor::zeros((8, 8), DType::F32, &Device::Cpu).unwrap();
    assert!(matches!(explain(Some(zeros)), Err(Error::Region { .. })));
    let wrong = Tensor::ones((8, 7), DType::F32, &Device::Cpu).unwrap();
    assert!(matches!(explain(Some(wrong)), Err(Error::Region { .. })));
    let mut half = vec![0f32; 64];
    half[32..].fill(1.0);
    let region = Tensor::from_vec(half, (8, 8), &Device::Cpu).unwrap();
    let maps = explain(Some(region)).unwrap();
    for image in 0..2 {
        let inside = &maps.heatmap(image).unwrap()[32..];
        assert_eq!(inside.iter().copied().fold(0f32, f32::max), 1.0);
        assert_eq!(inside.iter().copied().fold(1f32, f32::min), 0.0);
    }
}

#[test]
fn a_dead_network_gives_a_zero_map_and_a_diagnostic() {
    let dead = |x: &Tensor, tap: &mut dyn Tap| tap.visit("dead", (x.relu()? * 0.0)?)?.mean((2, 3));
    let x = images(2, 8, DType::F32);
    let methods = [
        Method::GradCam,
        Method::GradCamPlusPlus,
        Method::XGradCam,
        Method::ScoreCam,
        Method::EigenCam,
    ];
    let e = Explainer::new(&dead)
        .tap("dead")
        .explain_all(&x, &TWO, &methods)
        .unwrap();
    for maps in &e.maps {
        assert!(vec(&maps.up).iter().all(|v| *v == 0.0), "{}", maps.method);
        assert!(
            maps.diagnostics
                .iter()
                .all(|d| d.zero_map && d.dead_channels() == 2)
        );
    }
}

#[test]
fn numbers_out_of_range_are_refused_before_the_network_runs() {
    let never =
        |_: &Tensor, _: &mut dyn Tap| -> Result<Tensor> { candle_core::bail!("the network ran") };
    let x = images(2, 8, DType::F32);
    let with = |change: &dyn Fn(&mut Semantics, &mut Parameters)| {
        let (mut semantics, mut parameters) = (Semantics::literature(), Parameters::default());
        change(&mut semantics, &mut parameters);
        Explainer::new(&never)
            .semantics(semantics)
            .parameters(parameters)
            .explain(&x, &TWO, Method::LayerCam)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        with(&|s, _| s.score_cam.epsilon = f64::NAN),
        "the parameter score_cam.epsilon must be finite and not negative, got NaN"
    );
    assert_eq!(
        with(&|s, _| {
            s.fusion.layer_cam = LayerScaling::Tanh {
                gamma: 0.0,
                taps: Vec::new(),
            };
        }),
        "the parameter fusion.layer_cam.gamma must be finite and above 0, got 0"
    );
    // a kernel this wide would not fit into memory
    assert_eq!(
        with(&|_, p| p.group_blur = 1e9),
        "the parameter group_blur must be at most 16 sides of the image, got 1000000000"
    );
    for preset in Preset::ALL {
        assert!(Semantics::preset(preset).check().is_ok(), "{preset}");
    }
}
