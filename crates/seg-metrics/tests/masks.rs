//! Masks and stacks against one comparison at a time.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array2, Array3, ShapeBuilder, array};
use proptest::prelude::*;
use seg_metrics::{
    BitMask, Comparison, EmptyPolicy, Error, ThresholdStack, confusion, pairwise_agreement,
    pairwise_iou, threshold_sweep,
};

const THRESHOLDS: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// Values of which some lie exactly on a threshold, as `f32`.
fn heatmap(rows: usize, columns: usize, seed: u64) -> Array2<f32> {
    let mut state = seed;
    Array2::from_shape_fn((rows, columns), |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let draw = state >> 40;
        if draw.is_multiple_of(3) {
            (draw % 11) as f32 / 10.0
        } else {
            draw as f32 / (1 << 24) as f32
        }
    })
}

fn bools(rows: usize, columns: usize, seed: u64) -> Array2<bool> {
    heatmap(rows, columns, seed ^ 0xABCD).mapv(|v| v > 0.4)
}

proptest! {
    #[test]
    fn every_plane_is_one_comparison_per_pixel(
        rows in 1_usize..40, columns in 1_usize..40, seed: u64, above: bool, with_region: bool,
    ) {
        let heat = heatmap(rows, columns, seed);
        let inside = bools(rows, columns, seed);
        let region = BitMask::from_bools(inside.view());
        let comparison = if above { Comparison::Above } else { Comparison::AtLeast };
        let stack = ThresholdStack::new(
            heat.view(), &THRESHOLDS, comparison, with_region.then_some(&region),
        ).unwrap();
        for (t, &threshold) in THRESHOLDS.iter().enumerate() {
            let slow = ndarray::Zip::from(&heat).and(&inside).map_collect(|&v, &inside| {
                (inside || !with_region) && comparison.passes(f64::from(v), threshold)
            });
            let plane = stack.mask(t).unwrap();
            prop_assert_eq!(&plane, &BitMask::from_bools(slow.view()));
            prop_assert_eq!(plane.to_array(), slow.clone().into_dyn());
            prop_assert_eq!(stack.count(t), slow.iter().filter(|&&set| set).count() as u64);
        }
    }

    #[test]
    fn stack_agreement_equals_mask_agreement(
        rows in 1_usize..30, columns in 1_usize..30, seed: u64,
    ) {
        let region = BitMask::from_bools(bools(rows, columns, seed).view());
        let stacks: Vec<ThresholdStack> = (0..4)
            .map(|k| {
                let heat = heatmap(rows, columns, seed.wrapping_add(k));
                ThresholdStack::new(heat.view(), &THRESHOLDS, Comparison::AtLeast, Some(&region))
            })
            .collect::<Result<_, _>>()
            .unwrap();
        let all: Vec<&ThresholdStack> = stacks.iter().collect();
        let found = pairwise_agreement(&all, EmptyPolicy::One).unwrap();
        for t in 0..THRESHOLDS.len() {
            let masks: Vec<BitMask> = stacks.iter().map(|s| s.mask(t).unwrap()).collect();
            let slow = pairwise_iou(&masks, Some(&region), EmptyPolicy::One).unwrap();
            prop_assert_eq!(&found.levels[t].pairs, &slow.pairs);
            prop_assert_eq!(found.levels[t].n_undefined, slow.n_undefined);
            let sweep = threshold_sweep(&stacks[0], &masks[1], EmptyPolicy::Nan).unwrap();
            let counts = confusion(&masks[0], &masks[1], Some(&region)).unwrap();
            prop_assert_eq!(sweep.counts[t], counts);
        }
    }
}

#[test]
fn thresholds_may_be_many_unsorted_and_repeated() {
    let heat = heatmap(20, 20, 9);
    let thresholds: Vec<f64> = (0..40).map(|k| f64::from(k * 7 % 37) / 36.0).collect();
    let stack = ThresholdStack::new(heat.view(), &thresholds, Comparison::Above, None).unwrap();
    for (t, &threshold) in thresholds.iter().enumerate() {
        let alone = BitMask::from_threshold(heat.view(), threshold, Comparison::Above, None);
        assert_eq!(stack.mask(t), alone.ok());
    }
}

#[test]
fn layout_and_axes_do_not_matter() {
    let heat = heatmap(13, 29, 5);
    let mut column_major = Array2::<f32>::zeros((13, 29).f());
    column_major.assign(&heat);
    let cut = |view| BitMask::from_threshold(view, 0.5, Comparison::AtLeast, None).unwrap();
    assert_eq!(cut(heat.view()), cut(column_major.view()));
    let volume = Array3::from_shape_fn((3, 5, 7), |(s, r, c)| (s + r + c) % 2 == 0);
    let mask = BitMask::from_bools(volume.view());
    assert_eq!(mask.get(&[2, 4, 6]), Some(true));
    assert_eq!(mask.get(&[2, 5, 6]), None);
    assert_eq!(mask.to_array(), volume.into_dyn());
    assert_eq!(mask.complement().count() + mask.count(), 105);
}

#[test]
fn values_that_are_not_finite_are_named_inside_the_region_and_ignored_outside() {
    for bad in [f32::NAN, f32::INFINITY] {
        for at in [0, 63, 70] {
            let mut heat = Array2::from_elem((9, 8), 0.5_f32);
            heat[[at / 8, at % 8]] = bad;
            let found =
                ThresholdStack::new(heat.view(), &[0.25], Comparison::AtLeast, None).unwrap_err();
            let Error::NonFinite { what, index, value } = found else {
                panic!("{found}")
            };
            assert_eq!((what, index), ("heatmap", vec![at / 8, at % 8]));
            assert_eq!(value.is_nan(), bad.is_nan());

            let mut inside = Array2::from_elem((9, 8), true);
            inside[[at / 8, at % 8]] = false;
            let region = BitMask::from_bools(inside.view());
            let stack =
                ThresholdStack::new(heat.view(), &[0.25], Comparison::AtLeast, Some(&region));
            assert_eq!(stack.unwrap().count(0), 71);
        }
    }
    let heat = array![[0.5_f32]];
    assert!(ThresholdStack::new(heat.view(), &[f64::NAN], Comparison::AtLeast, None).is_err());
}

#[test]
fn mismatches_name_both_sides() {
    let a = BitMask::empty(&[2, 3]);
    let b = BitMask::empty(&[3, 2]);
    assert_eq!(
        confusion(&a, &b, None).unwrap_err().to_string(),
        "shapes differ: prediction is [2, 3], reference is [3, 2]"
    );
    let heat = Array2::from_elem((2, 2), 0.5_f32);
    let stack = |thresholds: &[f64]| {
        ThresholdStack::new(heat.view(), thresholds, Comparison::AtLeast, None).unwrap()
    };
    let found = pairwise_agreement(&[&stack(&[0.5]), &stack(&[0.6])], EmptyPolicy::Nan);
    assert_eq!(
        found.unwrap_err().to_string(),
        "stacks 0 and 1 differ in their thresholds: [0.5] and [0.6]"
    );
    let alone = pairwise_agreement(&[&stack(&[0.5])], EmptyPolicy::Nan).unwrap_err();
    assert_eq!(
        alone,
        Error::TooFew {
            what: "stacks",
            needed: 2,
            got: 1
        }
    );
}

#[test]
fn pairs_are_found_by_their_two_numbers() {
    let masks: Vec<BitMask> = (0..5)
        .map(|k| BitMask::from_bools(bools(10, 10, k).view()))
        .collect();
    let found = pairwise_iou(&masks, None, EmptyPolicy::Nan).unwrap();
    for a in 0..5 {
        for b in 0..5 {
            let direct = seg_metrics::iou(&masks[a], &masks[b], EmptyPolicy::Nan).unwrap();
            assert_eq!(found.matrix()[[a, b]], direct);
            assert_eq!(found.iou(a, b), (a != b).then_some(direct));
        }
    }
}
