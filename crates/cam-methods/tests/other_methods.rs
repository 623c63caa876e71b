//! Methods that need several passes or a description of the network.
#![allow(clippy::unwrap_used)]

mod common;

use cam_methods::{
    BiasTerm, CamRule, Described, Error, Explainer, Layer, Method, NoTap, Parameters, RawMap,
    ScoreSpace, Semantics, Smoothing, Tap, Target,
};
use candle_core::{DType, Result, Tensor};
use common::*;

const TWO: [Target; 2] = [Target::Class(1), Target::Class(2)];

fn few() -> Parameters {
    Parameters {
        ss_samples: 2,
        is_steps: 3,
        groups: 4,
        ..Parameters::default()
    }
}

#[test]
fn every_method_gives_maps_in_range_for_any_chunk_and_thread() {
    let net = described();
    let x = images(2, 8, DType::F32);
    let run = |budget| {
        let explainer = Explainer::new(&net)
            .tap("features")
            .parameters(few())
            .memory_budget(budget);
        explainer.explain_all(&x, &TWO, &Method::ALL).unwrap()
    };
    let all = run(usize::MAX);
    let single = run(1);
    assert_eq!(all.maps.len(), Method::ALL.len());
    for (a, b) in all.maps.iter().zip(&single.maps) {
        assert_eq!(a.up.dims(), [2, 8, 8]);
        assert!(
            vec(&a.up).iter().all(|v| (0.0..=1.0).contains(v)),
            "{}",
            a.method
        );
        assert!(
            a.diagnostics.iter().all(|d| !d.zero_map),
            "{} is zero",
            a.method
        );
        // matrix products sum in another order for another batch
        assert_close(&vec(&a.up), &vec(&b.up), 1e-4);
    }
    // one pass more for Smooth Grad-CAM++'s copies each, none for FullGrad
    assert_eq!(
        all.passes.backward,
        1 + Parameters::default().smooth_samples
    );
    assert!(all.get(Method::GroupCam).is_some());
}

/// `PooledNet` without biases: its full gradient is the input term.
fn described() -> Described<PooledNet> {
    Described::wrap(PooledNet::new(DType::F32)).with_bias_terms(Vec::new())
}

#[test]
fn the_full_gradient_sums_to_the_score() {
    let bias = filled(&[CHANNELS], 11.0, DType::F64);
    let early = filled(&[4], 12.0, DType::F64);
    let (w1, w2) = (
        filled(&[4, 2, 3, 3], 1.0, DType::F64),
        filled(&[CHANNELS, 4, 3, 3], 2.0, DType::F64),
    );
    let head = filled(&[CHANNELS, CLASSES], 3.0, DType::F64);
    let net = |x: &Tensor, tap: &mut dyn Tap| {
        let x = x
            .conv2d(&w1, 1, 2, 1, 1)?
            .broadcast_add(&early.reshape((1, 4, 1, 1))?)?;
        let x = tap.visit("first", x)?.relu()?;
        let x = x
            .conv2d(&w2, 1, 1, 1, 1)?
            .broadcast_add(&bias.reshape((1, CHANNELS, 1, 1))?)?;
        tap.visit("second", x)?.relu()?.mean((2, 3))?.matmul(&head)
    };
    let terms = vec![
        BiasTerm {
            tap: "first".into(),
            bias: early.clone(),
        },
        BiasTerm {
            tap: "second".into(),
            bias: bias.clone(),
        },
    ];
    let x = images(2, 8, DType::F64);
    let scores: Vec<f64> = TWO
        .iter()
        .enumerate()
        .map(|(i, t)| {
            let y = net(&x, &mut NoTap).unwrap().narrow(0, i, 1).unwrap();
            t.score(&y, ScoreSpace::Logit)
                .unwrap()
                .to_vec1::<f64>()
                .unwrap()[0]
        })
        .collect();
    let net = Described::new(net).with_bias_terms(terms);
    let explainer = Explainer::new(&net).tap("second");
    let gradients = explainer.observe(&x).unwrap().full_gradients(&TWO).unwrap();
    assert_eq!(
        gradients
            .iter()
            .map(|g| g.place.as_str())
            .collect::<Vec<_>>(),
        ["input", "first", "second"]
    );
    for (i, score) in scores.iter().enumerate() {
        let total: f64 = gradients
            .iter()
            .map(|g| {
                g.values
                    .get(i)
                    .unwrap()
                    .sum_all()
                    .unwrap()
                    .to_scalar::<f64>()
                    .unwrap()
            })
            .sum();
        // f64 sums of some hundred terms of order 1
        assert!((total - score).abs() < 1e-10, "{total} {score}");
    }
    let maps = explainer.explain(&x, &TWO, Method::FullGrad).unwrap();
    assert_eq!(maps.layers[0].tap, "input");
    assert!(vec(&maps.up).contains(&1.0));
}

#[test]
fn ablation_under_a_linear_head_is_the_share_of_the_score() {
    let net = PooledNet::new(DType::F32);
    let x = images(1, 8, DType::F32);
    let maps = explain(
        &net,
        "features",
        Semantics::literature(),
        &x,
        1,
        Method::AblationCam,
    );
    let explainer = Explainer::new(&net).tap("features");
    let observation = explainer.observe(&x).unwrap();
    let pooled = vec(&observation
        .activation("features")
        .unwrap()
        .mean((2, 3))
        .unwrap());
    let w = vec(&net.head.get(1).unwrap());
    let y: f32 = pooled.iter().zip(&w).map(|(a, w)| a * w).sum();
    let expected: Vec<f32> = pooled
        .iter()
        .zip(&w)
        .map(|(a, w)| a * w / y.abs())
        .collect();
    assert_close(&vec(maps.weights().unwrap()), &expected, 1e-5);
}

#[test]
fn recipro_cam_under_a_linear_head_is_a_cell_at_a_time() {
    let net = PooledNet::new(DType::F32);
    let x = images(1, 8, DType::F32);
    let mut semantics = Semantics::literature();
    semantics.score_cam.space = ScoreSpace::Logit;
    let recipro = explain(
        &net,
        "features",
        semantics.clone(),
        &x,
        1,
        Method::ReciproCam,
    );
    semantics.signed.clear();
    // the score of one cell alone is CAM there divided by the number of cells
    let cam = explain(&net, "features", semantics, &x, 1, Method::Cam);
    let expected: Vec<f32> = vec(cam.raw()).iter().map(|v| v / 16.0).collect();
    assert_close(&vec(recipro.raw()), &expected, 1e-6);
    assert_close(&vec(&recipro.up), &vec(&cam.up), 1e-5);
}

#[test]
fn a_shortcut_around_the_tap_is_no_obstacle() {
    let w = filled(&[2, 2, 3, 3], 4.0, DType::F32);
    let head = filled(&[2, CLASSES], 5.0, DType::F32);
    let residual = |x: &Tensor, tap: &mut dyn Tap| {
        let y = tap.visit("branch", x.conv2d(&w, 1, 1, 1, 1)?.relu()?)?;
        Tensor::cat(&[&y, x], 2)?.mean((2, 3))?.matmul(&head)
    };
    let x = images(2, 8, DType::F32);
    for method in [Method::AblationCam, Method::ReciproCam] {
        let both = Explainer::new(&residual)
            .tap("branch")
            .explain(&x, &TWO, method)
            .unwrap();
        let one = Explainer::new(&residual).tap("branch").explain(
            &x.narrow(0, 1, 1).unwrap(),
            &TWO[1..],
            method,
        );
        assert_close(
            &both.heatmap(1).unwrap(),
            &one.unwrap().heatmap(0).unwrap(),
            1e-5,
        );
    }
}

#[test]
fn without_noise_the_smoothed_methods_are_the_plain_ones() {
    let net = FlatNet::new(DType::F32);
    let x = images(2, 8, DType::F32);
    let still = Parameters {
        smooth_noise: 0.0,
        ss_noise: 0.0,
        is_steps: 1,
        ..Parameters::default()
    };
    let mut semantics = Semantics::literature();
    semantics.score_cam.weights = cam_methods::ChannelWeights::ChannelSoftmax;
    let explainer = Explainer::new(&net)
        .tap("features")
        .semantics(semantics)
        .parameters(still);
    let pairs = [
        (Method::SmoothGradCamPlusPlus, Method::GradCamPlusPlus),
        (Method::SsCam, Method::ScoreCam),
        (Method::IsCam, Method::ScoreCam),
    ];
    for (smoothed, plain) in pairs {
        let a = explainer.explain(&x, &TWO, smoothed).unwrap();
        let b = explainer.explain(&x, &TWO, plain).unwrap();
        assert_close(&vec(&a.up), &vec(&b.up), 1e-5);
    }
}

#[test]
fn the_seed_decides_what_is_random() {
    let net = FlatNet::new(DType::F32);
    let x = images(1, 8, DType::F32);
    let run = |seed, method| {
        let parameters = Parameters { seed, ..few() };
        let e = Explainer::new(&net).tap("features").parameters(parameters);
        vec(&e.explain(&x, &TWO[..1], method).unwrap().unscaled)
    };
    for method in [Method::Random, Method::SsCam, Method::SmoothGradCamPlusPlus] {
        assert_eq!(run(1, method), run(1, method));
        assert_ne!(run(1, method), run(2, method), "{method}");
    }
}

#[test]
fn a_head_elsewhere_or_of_another_width_is_refused() {
    let net = PooledNet::new(DType::F32);
    let x = images(1, 8, DType::F32);
    let e = Explainer::new(&net)
        .tap("early")
        .explain(&x, &TWO[..1], Method::Cam)
        .unwrap_err();
    assert!(matches!(e, Error::UnknownTap { .. }));
    let e = Explainer::new(&net)
        .tap("features")
        .explain(&x, &[Target::Probability(0)], Method::Cam)
        .unwrap_err();
    assert!(matches!(
        e,
        Error::Missing {
            method: Method::Cam,
            ..
        }
    ));
    let e = Explainer::new(&net)
        .tap("features")
        .explain(&x, &TWO[..1], Method::FullGrad)
        .unwrap_err();
    assert!(matches!(
        e,
        Error::Missing {
            method: Method::FullGrad,
            ..
        }
    ));
}

/// A rule of one's own that happens to be HiResCAM.
struct Product;

impl CamRule for Product {
    fn name(&self) -> &str {
        "product"
    }

    fn map(&self, layer: &Layer<'_>) -> cam_methods::Result<RawMap> {
        layer.cell_sum(|a, g| a * g)
    }
}

#[test]
fn a_rule_of_ones_own() {
    let net = FlatNet::new(DType::F32);
    let x = images(2, 8, DType::F32);
    let explainer = Explainer::new(&net).tap("features");
    let own = explainer.explain_rule(&x, &TWO, &Product).unwrap();
    assert_eq!(own.method, "product");
    assert_eq!(
        vec(&own.up),
        vec(&explainer.explain(&x, &TWO, Method::HiresCam).unwrap().up)
    );
}

#[test]
fn smoothing_costs_six_passes_and_commutes_with_the_mirror() {
    let net = FlatNet::new(DType::F32);
    let x = images(1, 8, DType::F32);
    let smooth = Parameters {
        smoothing: Smoothing::TestTime,
        ..Parameters::default()
    };
    let explainer = Explainer::new(&net).tap("features").parameters(smooth);
    let e = explainer
        .explain_all(&x, &[Target::Argmax], &[Method::GradCam])
        .unwrap();
    assert_eq!((e.passes.forward, e.passes.backward), (6, 6));
    let mirror = Tensor::new(&[7u32, 6, 5, 4, 3, 2, 1, 0], x.device()).unwrap();
    let mirrored = x.index_select(&mirror, 3).unwrap();
    let class = [Target::Class(e.classes[0].unwrap())];
    let other = explainer
        .explain(&mirrored, &class, Method::GradCam)
        .unwrap();
    let back = other.up.index_select(&mirror, 2).unwrap();
    assert_close(&vec(&e.maps[0].up), &vec(&back), 1e-6);
}

/// Tokens of a vision transformer, without its class token.
#[test]
fn tokens_become_a_grid_at_the_tap() {
    let embed = filled(&[4, 2, 2, 2], 1.0, DType::F32);
    let mix = filled(&[5, 5], 2.0, DType::F32);
    let head = filled(&[4, CLASSES], 3.0, DType::F32);
    let vit = |x: &Tensor, tap: &mut dyn Tap| -> Result<Tensor> {
        let patches = x.conv2d(&embed, 0, 4, 1, 1)?.flatten_from(2)?; // [B, D, 4]
        let (b, d, _) = patches.dims3()?;
        let class = Tensor::ones((b, d, 1), x.dtype(), x.device())?;
        let tokens = Tensor::cat(&[&class, &patches], 2)?
            .broadcast_matmul(&mix)?
            .tanh()?;
        let grid = tokens.narrow(2, 1, 4)?.reshape((b, d, 2, 2))?;
        let grid = tap.visit("block", grid)?.flatten_from(2)?;
        let tokens = Tensor::cat(&[&tokens.narrow(2, 0, 1)?, &grid], 2)?.broadcast_matmul(&mix)?;
        tokens.narrow(2, 0, 1)?.squeeze(2)?.matmul(&head)
    };
    let maps = Explainer::new(&vit)
        .explain(&images(2, 8, DType::F32), &TWO, Method::HiresCam)
        .unwrap();
    assert_eq!(
        (maps.raw().dims(), maps.up.dims()),
        (&[2usize, 2, 2][..], &[2usize, 8, 8][..])
    );
    assert!(!maps.diagnostics[0].zero_map);
}
