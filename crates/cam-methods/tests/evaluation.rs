//! Measures on a network whose answers are known.
#![allow(clippy::unwrap_used)]

mod common;

use cam_methods::evaluate::{
    BoxAccuracy, ConfidenceSummary, InfidelityOptions, Perturbation, PixelBox, PixelPrecision,
    RoadOptions, Scorer, SensitivityOptions, adcc, complexity, confidence_change, controls,
    energy_inside, infidelity, max_sensitivity, pearson, perturbation_curves, pointing_hit,
    randomisation_check, road, spearman,
};
use cam_methods::{Error, Explainer, Method, ScoreSpace, Tap, TappedModel, Target};
use candle_core::{DType, Device, Tensor};
use common::*;

/// The score is the sum over the left half of the image.
fn left_half(x: &Tensor, _: &mut dyn Tap) -> candle_core::Result<Tensor> {
    let width = x.dim(3)?;
    x.narrow(3, 0, width / 2)?.sum((1, 2, 3))?.unsqueeze(1)
}

fn half_map(left: f32, right: f32) -> Tensor {
    let values: Vec<f32> = (0..64)
        .map(|i| if i % 8 < 4 { left } else { right })
        .collect();
    Tensor::from_vec(values, (1, 8, 8), &Device::Cpu).unwrap()
}

#[test]
fn a_map_of_what_counts_beats_a_map_of_what_does_not() {
    let x = Tensor::ones((1, 1, 8, 8), DType::F32, &Device::Cpu).unwrap();
    let scorer = Scorer::new(&left_half).space(ScoreSpace::Logit).chunk(3);
    let target = [Target::Class(0)];
    let (good, bad) = (half_map(1.0, 0.0), half_map(0.0, 1.0));

    let drops = [&good, &bad].map(|m| confidence_change(&scorer, &x, &target, m).unwrap()[0]);
    assert_eq!((drops[0].drop, drops[1].drop), (0.0, 1.0));
    let summary = ConfidenceSummary::of(&drops).unwrap();
    assert_eq!(
        (summary.average_drop_percent, summary.increase_percent),
        (50.0, 0.0)
    );

    // the 32 pixels that count go first: a line from 32 to 0 over half the axis
    let area = |map, perturbation| {
        let curve = perturbation_curves(&scorer, &x, &target, map, perturbation, 8)
            .unwrap()
            .remove(0);
        assert_eq!(curve.fractions.len(), 9);
        curve.area
    };
    assert!((area(&good, Perturbation::Deletion) - 8.0).abs() < 1e-6);
    assert!((area(&bad, Perturbation::Deletion) - 24.0).abs() < 1e-6);
    assert!((area(&good, Perturbation::Insertion { blur: 0.0 }) - 24.0).abs() < 1e-6);

    // the score is linear with these very weights
    let exact = infidelity(&scorer, &x, &target, &good, &InfidelityOptions::default()).unwrap()[0];
    let wrong = infidelity(&scorer, &x, &target, &bad, &InfidelityOptions::default()).unwrap()[0];
    assert!(exact < 1e-8 && wrong > 0.1, "{exact} {wrong}");

    // a bright block on the left: imputing it from the dark around it costs the score
    let block: Vec<f32> = (0..64)
        .map(|i| {
            f32::from(u8::from(
                (2..6).contains(&(i / 8)) && (1..4).contains(&(i % 8)),
            ))
        })
        .collect();
    let inverse: Vec<f32> = block.iter().map(|v| 1.0 - v).collect();
    let dark = Tensor::from_vec(block, (1, 1, 8, 8), &Device::Cpu).unwrap();
    let inverse = Tensor::from_vec(inverse, (1, 8, 8), &Device::Cpu).unwrap();
    let road = |map: &Tensor| {
        road(&scorer, &dark, &target, map, &RoadOptions::default())
            .unwrap()
            .remove(0)
    };
    let (right, wrong) = (road(&dark.squeeze(1).unwrap()), road(&inverse));
    assert!(
        right.combined > 0.0 && wrong.combined < 0.0,
        "{right:?} {wrong:?}"
    );
    assert!(right.most_relevant_first < 0.0 && right == road(&dark.squeeze(1).unwrap()));
}

#[test]
fn measures_of_a_method_are_in_range_and_repeatable() {
    let net = FlatNet::new(DType::F32);
    let x = images(2, 8, DType::F32);
    let targets = [Target::Argmax, Target::Class(1)];
    let explainer = Explainer::new(&net).tap("features");
    let scorer = Scorer::new(&net);
    let first = adcc(&explainer, &scorer, &x, &targets, Method::GradCam).unwrap();
    assert_eq!(
        first,
        adcc(&explainer, &scorer, &x, &targets, Method::GradCam).unwrap()
    );
    for a in first {
        let adcc = a.adcc.unwrap();
        assert!(
            (0.0..=1.0).contains(&adcc) && (0.0..=1.0).contains(&a.complexity),
            "{a:?}"
        );
    }
    let options = SensitivityOptions::default();
    let s = max_sensitivity(&explainer, &x, &targets, Method::GradCam, &options).unwrap();
    assert!(
        s.iter().all(|s| s.is_some_and(|s| s > 0.0 && s < 1.0)),
        "{s:?}"
    );
    let constant = max_sensitivity(&explainer, &x, &targets, Method::Random, &options).unwrap();
    assert!(constant.iter().all(Option::is_some));
}

#[test]
fn a_randomised_network_changes_the_map_and_the_same_one_does_not() {
    let net = FlatNet::new(DType::F32);
    let other = PooledNet::new(DType::F32);
    let x = images(2, 8, DType::F32);
    let targets = [Target::Class(0), Target::Class(1)];
    let explainer = Explainer::new(&net as &dyn TappedModel).tap("features");
    let stages: [(&str, &dyn TappedModel); 2] = [("nothing", &net), ("everything", &other)];
    let checked = randomisation_check(&explainer, &x, &targets, Method::GradCam, &stages).unwrap();
    assert_eq!(checked[0].name, "nothing");
    assert!(
        checked[0]
            .similarities
            .iter()
            .all(|s| s.ssim.is_some_and(|v| v > 0.999_999))
    );
    assert!(
        checked[1]
            .similarities
            .iter()
            .any(|s| s.spearman.is_none_or(|v| v < 0.9))
    );
}

#[test]
fn every_randomised_network_is_asked_for_the_class_of_the_first() {
    let net = FlatNet::new(DType::F32);
    let other = PooledNet::new(DType::F32);
    let x = images(3, 8, DType::F32);
    let explainer = Explainer::new(&net as &dyn TappedModel).tap("features");
    let found = explainer
        .explain_all(&x, &[const { Target::Argmax }; 3], &[Method::GradCam])
        .unwrap();
    let classes: Vec<Target> = found
        .classes
        .iter()
        .map(|c| Target::Class(c.unwrap()))
        .collect();
    let stages: [(&str, &dyn TappedModel); 1] = [("everything", &other)];
    let check = |targets: &[Target]| {
        randomisation_check(&explainer, &x, targets, Method::GradCam, &stages).unwrap()
    };
    assert_eq!(check(&classes), check(&[const { Target::Argmax }; 3]));
    // which would not be so if the other network chose: it prefers another class for some image
    let own: Vec<usize> = other
        .forward_tapped(&x, &mut cam_methods::NoTap)
        .unwrap()
        .argmax(1)
        .unwrap()
        .to_vec1::<u32>()
        .unwrap()
        .into_iter()
        .map(|c| c as usize)
        .collect();
    assert!(found.classes.iter().zip(&own).any(|(a, b)| *a != Some(*b)));
}

#[test]
fn controls_and_localisation() {
    let truth: Vec<bool> = (0..64).map(|i| i % 8 < 4).collect();
    let good = vec(&half_map(0.8, 0.1));
    assert_eq!(complexity(&controls::uniform([8, 8])), Some(1.0));
    assert_eq!(
        energy_inside(&controls::uniform([8, 8]), &truth).unwrap(),
        Some(0.5)
    );
    assert!(energy_inside(&good, &truth).unwrap().unwrap() > 0.8);
    assert_eq!(energy_inside(&[0.0; 64], &truth).unwrap(), None);
    let centre = controls::centre_gaussian([8, 8], 0.25);
    assert_eq!(centre[27], centre[36]);
    let mut pxap = PixelPrecision::new();
    assert_eq!(pxap.value(), None);
    pxap.add(&controls::uniform([8, 8]), &truth).unwrap();
    assert_eq!(pxap.value(), Some(0.5));
}

#[test]
fn mistakes_are_named() {
    let x = images(1, 8, DType::F32);
    let scorer = Scorer::new(&left_half);
    let small = Tensor::zeros((1, 4, 4), DType::F32, &Device::Cpu).unwrap();
    let e = confidence_change(&scorer, &x, &[Target::Class(0)], &small).unwrap_err();
    assert!(matches!(e, Error::ShapeMismatch { .. }));
    let map = half_map(1.0, 0.0);
    let e = perturbation_curves(
        &scorer,
        &x,
        &[Target::Class(0)],
        &map,
        Perturbation::Deletion,
        0,
    )
    .unwrap_err();
    assert!(matches!(e, Error::Parameter { name: "steps", .. }));
    let all = RoadOptions {
        percentages: vec![100.0],
        ..RoadOptions::default()
    };
    assert!(matches!(
        road(&scorer, &x, &[Target::Class(0)], &map, &all),
        Err(Error::Parameter { .. })
    ));
    assert!(matches!(
        scorer.score(&x, &[]),
        Err(Error::TargetCount { .. })
    ));
    let noisy = RoadOptions {
        noise: f64::NAN,
        ..RoadOptions::default()
    };
    assert!(matches!(
        road(&scorer, &x, &[Target::Class(0)], &map, &noisy),
        Err(Error::Parameter { name: "noise", .. })
    ));
    for blur in [f64::NAN, -1.0, 1e9] {
        let e = perturbation_curves(
            &scorer,
            &x,
            &[Target::Class(0)],
            &map,
            Perturbation::Insertion { blur },
            4,
        );
        assert!(matches!(e, Err(Error::Parameter { name: "blur", .. })));
    }
}

#[test]
fn plain_values_that_are_not_finite_are_refused() {
    let (map, truth) = ([f32::NAN, 1.0], [true, false]);
    let mut pxap = PixelPrecision::new();
    let mut boxes = BoxAccuracy::new();
    let found = [
        pointing_hit(&map, &truth, [1, 2], 0.0).map(|_| ()),
        energy_inside(&map, &truth).map(|_| ()),
        pearson(&map, &[0.0, 1.0]).map(|_| ()),
        spearman(&[0.0, 1.0], &map).map(|_| ()),
        pxap.add(&map, &truth),
        boxes.add(&map, [1, 2], &[]),
    ];
    for result in found {
        assert!(matches!(result, Err(Error::NonFinite { count: 1, .. })));
    }
    assert_eq!((pxap.value(), boxes.max_box_acc()), (None, None));
}

#[test]
fn boxes_and_controls_at_their_limits() {
    let all = PixelBox {
        top: 0,
        left: 0,
        bottom: usize::MAX,
        right: usize::MAX,
    };
    let none = PixelBox {
        top: 5,
        left: 5,
        bottom: 1,
        right: 1,
    };
    assert_eq!((all.iou(none), none.iou(none)), (0.0, 0.0));
    assert_eq!(controls::centre_gaussian([1, 3], 0.0), [0.0, 1.0, 0.0]);
}
