//! Score-CAM: a linear network whose weights are known, sharing, chunks, definitions.
#![allow(clippy::unwrap_used)]

mod common;

use cam_methods::{
    ChannelWeights, ConstantChannels, Control, Error, Explainer, Method, Parameters, Resize,
    ScoreSpace, Semantics, Tap, TappedModel, Target, resize_bilinear,
};
use candle_core::{DType, Device, Result, Tensor};
use common::*;

/// `y = V x + 1` on the flattened image; the tap sees fixed features.
struct Linear {
    v: Tensor,
    features: Tensor,
}

impl Linear {
    fn new() -> Self {
        Self {
            v: filled(&[2 * 8 * 8, CLASSES], 4.0, DType::F32),
            features: filled(&[1, 5, 3, 4], 8.0, DType::F32),
        }
    }
}

impl TappedModel for Linear {
    fn forward_tapped(&self, x: &Tensor, tap: &mut dyn Tap) -> Result<Tensor> {
        let n = x.dim(0)?;
        let features = tap.visit("features", self.features.repeat((n, 1, 1, 1))?)?;
        let tie = (features.mean((1, 2, 3))? * 0.0)?.unsqueeze(1)?;
        x.flatten_from(1)?.matmul(&self.v)?.broadcast_add(&tie)? + 1.0
    }
}

#[test]
fn a_linear_network_has_known_weights() {
    let net = Linear::new();
    let x = images(1, 8, DType::F32);
    let mut semantics = Semantics::literature();
    semantics.score_cam.space = ScoreSpace::Logit;
    semantics.score_cam.weights = ChannelWeights::Increase;
    let maps = explain(&net, "features", semantics, &x, 2, Method::ScoreCam);

    let (pixels, v) = (vec(&x), net.v.to_vec2::<f32>().unwrap());
    let features = vec(&net.features);
    let mut expected = Vec::new();
    for a in features.chunks(12) {
        let mut mask = resize_bilinear(a, [3, 4], [8, 8], Resize::HalfPixel).unwrap();
        let (low, high) = mask
            .iter()
            .fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        mask.iter_mut().for_each(|m| *m = (*m - low) / (high - low));
        // the offset 1 cancels: increase over the blank image
        expected.push(
            (0..128)
                .map(|i| v[i][2] * pixels[i] * mask[i % 64])
                .sum::<f32>(),
        );
    }
    // sums of 128 products of order 1 in f32
    assert_close(&vec(maps.weights().unwrap()), &expected, 2e-5);
    let raw: Vec<f32> = (0..12)
        .map(|i| (0..5).map(|k| expected[k] * features[k * 12 + i]).sum())
        .collect();
    assert_close(&vec(maps.raw()), &raw, 1e-4);
}

#[test]
fn weights_follow_their_definition() {
    let net = FlatNet::new(DType::F32);
    let x = images(1, 8, DType::F32);
    let weights = |space, weights| {
        let mut semantics = Semantics::literature();
        semantics.score_cam.space = space;
        semantics.score_cam.weights = weights;
        vec(
            explain(&net, "features", semantics, &x, 1, Method::ScoreCam)
                .weights()
                .unwrap(),
        )
    };
    let p = weights(ScoreSpace::Probability, ChannelWeights::AsIs);
    assert!(p.iter().all(|p| *p > 0.0 && *p < 1.0));
    let softmax = weights(ScoreSpace::Logit, ChannelWeights::ChannelSoftmax);
    assert!((softmax.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    let logits = weights(ScoreSpace::Logit, ChannelWeights::AsIs);
    let total: f32 = logits.iter().map(|l| l.exp()).sum();
    let by_hand: Vec<f32> = logits.iter().map(|l| l.exp() / total).collect();
    assert_close(&softmax, &by_hand, 1e-6);
}

#[test]
fn the_double_softmax_of_two_classes_is_a_squeezed_sigmoid() {
    let logits = Tensor::new(&[[1.5f32, -0.5]], &Device::Cpu).unwrap();
    let p = vec(&Target::Class(0)
        .score(&logits, ScoreSpace::Probability)
        .unwrap())[0];
    let double = vec(&Target::Class(0)
        .score(&logits, ScoreSpace::DoubleSoftmax)
        .unwrap())[0];
    assert!((double - 1.0 / (1.0 + (1.0 - 2.0 * p).exp())).abs() < 1e-6);
}

/// Features with a dead, a constant, two proportional and two single-cell channels.
fn redundant(x: &Tensor, tap: &mut dyn Tap) -> Result<Tensor> {
    let base = x.mean_keepdim(1)?;
    let zero = (&base * 0.0)?;
    let cell = |v: f32| {
        let mut one = vec![0f32; 64];
        one[20] = v;
        Tensor::from_vec(one, (1, 1, 8, 8), x.device())?.broadcast_as(base.shape())
    };
    let all = [
        zero.clone(),
        (&zero + 2.0)?,
        base.clone(),
        (&base * 4.0)?,
        cell(3.0)?,
        cell(0.7)?,
        base.sqr()?,
    ];
    let features = tap.visit("features", Tensor::cat(&all, 1)?)?;
    let pooled = features.mean((2, 3))?;
    Tensor::stack(&[pooled.sum(1)?, pooled.sqr()?.sum(1)?], 1)
}

#[test]
fn sharing_masks_gives_the_same_bytes_with_fewer_passes() {
    let x = images(2, 8, DType::F32);
    let targets = [Target::Class(1), Target::Class(0)];
    for semantics in [
        Semantics::literature(),
        Semantics::tf_keras_vis(),
        Semantics::pytorch_grad_cam(),
    ] {
        let run = |share, budget| {
            let explainer = Explainer::new(&redundant)
                .tap("features")
                .semantics(semantics.clone())
                .share_masks(share)
                .memory_budget(budget);
            explainer
                .explain_all(&x, &targets, &[Method::ScoreCam])
                .unwrap()
        };
        let shared = run(true, usize::MAX);
        let apart = run(false, usize::MAX);
        assert_eq!(
            vec(&shared.maps[0].up),
            vec(&apart.maps[0].up),
            "{}",
            semantics.label()
        );
        assert_eq!(
            vec(shared.maps[0].weights().unwrap()),
            vec(apart.maps[0].weights().unwrap())
        );
        // alike are two proportional channels, two with one cell, and a dead and a constant one where they count
        let skips = semantics.score_cam.constant == ConstantChannels::Skip;
        let saved = apart.passes.forward_images - shared.passes.forward_images;
        assert_eq!(saved, 2 * if skips { 2 } else { 3 });
        // one image at a time, or as many as there are
        assert_eq!(vec(&run(true, 1).maps[0].up), vec(&shared.maps[0].up));
        let d = &shared.maps[0].diagnostics[0].layers[0];
        assert_eq!((d.dead_channels, d.constant_channels), (1, 2));
        let scoring = d.scoring.unwrap();
        assert!(scoring.forwards <= 4 && !scoring.capped);
    }
}

#[test]
fn faster_with_every_channel_is_score_cam_and_costs_nothing_more() {
    let net = FlatNet::new(DType::F32);
    let x = images(2, 8, DType::F32);
    let targets = [Target::Class(1), Target::Class(2)];
    let methods = [Method::ScoreCam, Method::FasterScoreCam];
    let explainer = Explainer::new(&net).tap("features");
    let alone = explainer.explain_all(&x, &targets, &methods[..1]).unwrap();
    let few = Parameters {
        faster_channels: 2,
        ..Parameters::default()
    };
    let both = Explainer::new(&net)
        .tap("features")
        .parameters(few)
        .explain_all(&x, &targets, &methods)
        .unwrap();
    assert_eq!(alone.passes, both.passes);
    let kept = vec(both.maps[1].weights().unwrap());
    assert_eq!(
        kept.chunks(CHANNELS)
            .map(|w| w.iter().filter(|w| **w != 0.0).count())
            .collect::<Vec<_>>(),
        [2, 2]
    );
    let all = Parameters {
        faster_channels: CHANNELS,
        ..Parameters::default()
    };
    let both = Explainer::new(&net)
        .tap("features")
        .parameters(all)
        .explain_all(&x, &targets, &methods)
        .unwrap();
    assert_eq!(vec(&both.maps[0].up), vec(&both.maps[1].up));
}

#[test]
fn a_cap_is_stated_and_another_class_needs_no_more_scores() {
    let net = FlatNet::new(DType::F32);
    let x = images(1, 8, DType::F32);
    let capped = Parameters {
        score_channel_cap: Some(3),
        ..Parameters::default()
    };
    let explainer = Explainer::new(&net).tap("features").parameters(capped);
    let mut observation = explainer.observe(&x).unwrap();
    let first = observation
        .explain(&[Target::Class(0)], &[Method::ScoreCam])
        .unwrap();
    let scoring = first.maps[0].diagnostics[0].layers[0].scoring.unwrap();
    assert!(scoring.capped && scoring.scored == 3);
    let second = observation
        .explain(&[Target::Class(1)], &[Method::ScoreCam])
        .unwrap();
    assert_eq!(first.passes.forward_images, second.passes.forward_images);
    assert_ne!(
        vec(first.maps[0].weights().unwrap()),
        vec(second.maps[0].weights().unwrap())
    );
}

#[test]
fn the_observer_sees_progress_and_can_stop() {
    let net = FlatNet::new(DType::F32);
    let x = images(1, 8, DType::F32);
    let explainer = Explainer::new(&net)
        .tap("features")
        .memory_budget(1)
        .observer(|p| {
            assert_eq!(p.stage, "score_cam at features");
            if p.done == 2 {
                Control::Stop
            } else {
                Control::Continue
            }
        });
    let stopped = explainer.explain(&x, &[Target::Class(0)], Method::ScoreCam);
    assert!(
        matches!(
            stopped,
            Err(Error::Cancelled {
                done: 2,
                total: CHANNELS
            })
        ),
        "{stopped:?}"
    );
}

#[test]
fn a_segmentation_is_reduced_to_its_region() {
    let net = |x: &Tensor, tap: &mut dyn Tap| {
        let a = tap.visit("features", Tensor::cat(&[x.relu()?, x.sqr()?], 1)?)?;
        a.narrow(1, 0, 2)? * a.narrow(1, 2, 2)?
    };
    let x = images(1, 8, DType::F32);
    let mask = Tensor::ones((8, 8), DType::F32, &Device::Cpu).unwrap();
    let region = [Target::Region {
        class: 1,
        mask: mask.clone(),
    }];
    let custom = [Target::Custom(std::sync::Arc::new(|y: &Tensor| {
        y.narrow(1, 1, 1)?.mean((1, 2, 3))
    }))];
    let explainer = Explainer::new(&net).tap("features");
    let mut observation = explainer.observe(&x).unwrap();
    for method in [Method::ScoreCam, Method::GradCam] {
        let a = observation.explain(&region, &[method]).unwrap();
        let b = observation.explain(&custom, &[method]).unwrap();
        assert_close(&vec(&a.maps[0].up), &vec(&b.maps[0].up), 1e-5);
        assert!(!a.maps[0].diagnostics[0].zero_map);
    }
}
