//! Every public function with input no one means: a typed error or a number, never a panic.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array2, ArrayD, IxDyn};
use seg_metrics::compat::released_code;
use seg_metrics::*;

const POLICIES: [EmptyPolicy; 4] = [
    EmptyPolicy::Nan,
    EmptyPolicy::One,
    EmptyPolicy::Zero,
    EmptyPolicy::Error,
];

const NUMBERS: [f64; 11] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    -1.0,
    0.5,
    1.0,
    5e-324,
    f64::MAX,
    f64::MIN,
];

/// Shapes without axes, without pixels, of one pixel, and others.
fn shapes() -> Vec<Vec<usize>> {
    vec![
        vec![],
        vec![0],
        vec![0, 5],
        vec![5, 0],
        vec![1],
        vec![1, 1],
        vec![3, 4],
        vec![2, 0, 3],
        vec![2, 3, 2],
        vec![2, 1, 2, 2],
        vec![130],
    ]
}

fn masks() -> Vec<BitMask> {
    let mut all = Vec::new();
    for shape in shapes() {
        all.push(BitMask::empty(&shape));
        all.push(BitMask::full(&shape));
        let mut at = 0;
        let some = ArrayD::from_shape_simple_fn(IxDyn(&shape), || {
            at += 1;
            at % 3 == 0
        });
        all.push(BitMask::from_bools(some.view()));
    }
    all
}

fn maps() -> Vec<ArrayD<f64>> {
    let mut all = Vec::new();
    for shape in shapes() {
        for &value in &NUMBERS {
            all.push(ArrayD::from_elem(IxDyn(&shape), value));
        }
        let mut at = 0;
        all.push(ArrayD::from_shape_simple_fn(IxDyn(&shape), || {
            at += 1;
            f64::from(at % 7) / 6.0
        }));
    }
    all
}

/// A number that is none comes only where a policy asks for it.
#[track_caller]
fn calm(what: &str, policy: EmptyPolicy, result: Result<f64>) {
    let wanted = policy == EmptyPolicy::Nan;
    assert!(
        !matches!(result, Ok(x) if x.is_nan()) || wanted,
        "{what}: {result:?}"
    );
}

#[test]
fn two_masks() {
    let all = masks();
    for p in &all {
        for r in &all {
            let what = format!("{:?} {:?}", p.shape(), r.shape());
            assert_eq!(p.and(r).is_ok(), p.shape() == r.shape());
            for policy in POLICIES {
                calm(&what, policy, iou(p, r, policy));
                calm(&what, policy, dice(p, r, policy));
                for region in [None, Some(r), Some(&all[0])] {
                    let Ok(counts) = confusion(p, r, region) else {
                        continue;
                    };
                    for score in [
                        Confusion::precision,
                        Confusion::recall,
                        Confusion::specificity,
                        Confusion::accuracy,
                        Confusion::mcc,
                        Confusion::cohens_kappa,
                        Confusion::volumetric_similarity,
                        Confusion::volume_difference,
                        Confusion::expected_iou,
                        Confusion::chance_corrected_iou,
                    ] {
                        calm(&what, policy, score(&counts, policy));
                    }
                    for &beta in &NUMBERS {
                        calm(&what, policy, counts.f_beta(beta, policy));
                    }
                }
                let two = [p.clone(), r.clone()];
                for region in [None, Some(r)] {
                    for score in [fleiss_kappa, gwet_ac1, mean_pairwise_kappa] {
                        calm(&what, policy, score(&two, region, policy));
                    }
                    calm(
                        &what,
                        policy,
                        krippendorff_alpha_masks(&two, region, policy),
                    );
                    let _ = pairwise_iou(&two, region, policy);
                    let _ = mean_pairwise_accuracy(&two, region, policy);
                }
                for width in [0, 1, usize::MAX] {
                    for distance in [RimDistance::Chessboard, RimDistance::Euclidean] {
                        let width = RimWidth::Pixels(width);
                        calm(&what, policy, boundary_iou(p, r, width, distance, policy));
                    }
                }
            }
        }
    }
}

#[test]
fn outlines() {
    let all = masks();
    for p in &all {
        for r in &all {
            let what = format!("{:?} {:?}", p.shape(), r.shape());
            for &number in &NUMBERS {
                let spacing = vec![number; p.shape().len()];
                let fraction = RimWidth::OfDiagonal(number);
                for policy in POLICIES {
                    let rim = boundary_iou(p, r, fraction, RimDistance::Chessboard, policy);
                    calm(&what, policy, rim);
                    let ones = vec![1.0; p.shape().len()];
                    for spacing in [&spacing, &ones] {
                        let found = boundary_f1(p, r, number, spacing, policy);
                        calm(&what, policy, found.map(|f| f.f1));
                        let found = trimap_iou(p, r, number, spacing, policy);
                        calm(&what, policy, found.map(|f| f.iou));
                    }
                }
                let empty = EmptyDistance::default();
                let _ = distance_transform(p, &spacing);
                let _ = boundary_band(p, number, &spacing);
                if let Ok(found) = outline_distances(p, r, &spacing, empty) {
                    for convention in [
                        HausdorffConvention::MaxOfDirected,
                        HausdorffConvention::Pooled,
                    ] {
                        let _ = found.hausdorff_percentile(number, convention);
                    }
                    let _ = (found.hausdorff(), found.masd(), found.average_symmetric());
                    calm(
                        &what,
                        EmptyPolicy::One,
                        found.surface_dice(number, EmptyPolicy::One),
                    );
                }
                if let Ok(found) = surfel_distances(p, r, &spacing, empty) {
                    let _ = found.hausdorff_percentile(number);
                    let _ = found.average_from_prediction();
                    let dice = found.surface_dice(number, EmptyPolicy::One);
                    calm(&what, EmptyPolicy::One, dice);
                }
            }
        }
    }
}

#[test]
fn heatmaps() {
    let lists: [&[f64]; 6] = [
        &[],
        &[0.5],
        &[0.9, 0.1, 0.1],
        &[0.1, 0.2, 0.3, 0.4, 0.5],
        &[f64::NAN],
        &[f64::MIN, -1.0, 0.0, 1.0, f64::MAX],
    ];
    let all = maps();
    for map in &all {
        let what = format!("{:?} {:?}", map.shape(), map.first());
        let finite = map.iter().all(|value| value.is_finite());
        let truth = BitMask::full(map.shape());
        let other = BitMask::full(&[7, 7]);
        let single = map.mapv(|value| value as f32);
        for list in lists {
            for comparison in [Comparison::AtLeast, Comparison::Above] {
                let stack = ThresholdStack::new(map.view(), list, comparison, None);
                let valid = finite && !list.is_empty() && list.iter().all(|t| t.is_finite());
                assert_eq!(stack.is_ok(), valid, "{what} {list:?}");
                let none = BitMask::empty(map.shape());
                let outside = ThresholdStack::new(single.view(), list, comparison, Some(&none));
                let listed = !list.is_empty() && list.iter().all(|t| t.is_finite());
                assert_eq!(outside.is_ok(), listed, "{what} {list:?}");
                assert!(ThresholdStack::new(map.view(), list, comparison, Some(&other)).is_err());
                let Ok(stack) = stack else { continue };
                for policy in POLICIES {
                    let swept = threshold_sweep(&stack, &truth, policy);
                    calm(&what, policy, swept.map(|s| s.mean_iou));
                    let _ = pairwise_agreement(&[&stack, &stack], policy);
                }
                assert!(pairwise_agreement(&[&stack], EmptyPolicy::One).is_err());
                assert!(threshold_sweep(&stack, &other, EmptyPolicy::One).is_err());
            }
        }
        for policy in POLICIES {
            calm(&what, policy, roc_auc(map.view(), &truth, None, policy));
            calm(
                &what,
                policy,
                average_precision(map.view(), &truth, None, policy),
            );
            let averaged = threshold_averaged(map.view(), map.view(), &[0.5], None, policy);
            calm(&what, policy, averaged.map(|a| a.dice));
            if let Ok(sums) = soft_overlap(map.view(), single.view(), None) {
                for score in [
                    SoftOverlap::product_iou,
                    SoftOverlap::squared_dice,
                    SoftOverlap::fuzzy_iou,
                    SoftOverlap::brier,
                ] {
                    calm(&what, policy, score(&sums, policy));
                }
            }
        }
        for bins in [0, 1, 10, usize::MAX] {
            if let Ok(found) = calibration(map.view(), map.view(), None, bins) {
                assert!(found.expected < 1e-12 && found.brier == 0.0, "{what}");
            }
        }
        if let Ok(mut pooled) = PixelAveragePrecision::evenly(10) {
            let added = pooled.add(map.view(), &truth, None);
            let inside = map.iter().all(|value| (0.0..=1.0).contains(value));
            assert_eq!(added.is_ok(), inside, "{what}");
            calm(&what, EmptyPolicy::One, pooled.value(EmptyPolicy::One));
        }
        let labels = ArrayD::from_elem(IxDyn(map.shape()), u32::MAX);
        let _ = released_code::iou(map.view(), labels.view(), map.view(), 0.5);
        let _ = released_code::supervised_mask(labels.view());
        for classes in [0, 1, 3, usize::MAX] {
            let table = class_table(labels.view(), labels.view(), classes, None, None);
            assert!(table.is_err() || map.is_empty(), "{what}");
        }
        if let Ok(table) = contingency(labels.view(), labels.view()) {
            calm(
                &what,
                EmptyPolicy::One,
                table.adjusted_rand(EmptyPolicy::One),
            );
        }
    }
    assert!(PixelAveragePrecision::evenly(0).is_err());
    assert!(PixelAveragePrecision::evenly(usize::MAX).is_err());
}

#[test]
fn ratings() {
    for shape in [(0, 0), (0, 3), (3, 0), (1, 1), (1, 4), (2, 4), (3, 3)] {
        for &value in &NUMBERS {
            for scale in [
                RatingScale::Nominal,
                RatingScale::Ordinal,
                RatingScale::Interval,
                RatingScale::Ratio,
            ] {
                for policy in POLICIES {
                    let mut table = Array2::from_elem(shape, value);
                    let found = krippendorff_alpha(table.view(), scale, policy);
                    calm("constant", policy, found);
                    for (at, rating) in table.iter_mut().enumerate() {
                        *rating = if at % 2 == 0 { -value } else { 1.0 };
                    }
                    let found = krippendorff_alpha(table.view(), scale, policy);
                    calm(&format!("{shape:?} {value} {scale:?}"), policy, found);
                }
            }
        }
    }
}
