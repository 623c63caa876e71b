//! What must hold for every input.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array1, Array2};
use proptest::prelude::*;
use seg_metrics::*;

fn mask(rows: usize, columns: usize) -> impl Strategy<Value = BitMask> {
    proptest::collection::vec(any::<bool>(), rows * columns).prop_map(move |pixels| {
        BitMask::from_bools(
            Array2::from_shape_vec((rows, columns), pixels)
                .unwrap()
                .view(),
        )
    })
}

/// Values that are multiples of 1/1024, so that `1 − x` and `x³` are exact.
fn heat(pixels: usize) -> impl Strategy<Value = Array1<f64>> {
    proptest::collection::vec(0_u32..=1024, pixels).prop_map(|steps| {
        steps
            .into_iter()
            .map(|step| f64::from(step) / 1024.0)
            .collect()
    })
}

const NAN: EmptyPolicy = EmptyPolicy::Nan;

fn same(a: f64, b: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-12
}

proptest! {
    #[test]
    fn overlap_is_symmetric_in_range_and_dice_follows_from_iou(p in mask(9, 8), r in mask(9, 8)) {
        let counts = confusion(&p, &r, None).unwrap();
        let back = confusion(&r, &p, None).unwrap();
        prop_assert_eq!(counts.transposed(), back);
        prop_assert_eq!(counts.total(), 72);
        let iou = counts.iou(NAN).unwrap();
        prop_assert!(same(iou, back.iou(NAN).unwrap()));
        prop_assert!(iou.is_nan() || (0.0..=1.0).contains(&iou));
        prop_assert!(same(counts.dice(NAN).unwrap(), 2.0 * iou / (1.0 + iou)));
        prop_assert!(same(counts.precision(NAN).unwrap(), back.recall(NAN).unwrap()));
        for score in [counts.mcc(NAN).unwrap(), counts.cohens_kappa(NAN).unwrap()] {
            prop_assert!(score.is_nan() || (-1.0 - 1e-12..=1.0 + 1e-12).contains(&score));
        }
        let table = p.and(&r).unwrap().count() as f64 / p.or(&r).unwrap().count() as f64;
        prop_assert!(same(iou, table));
    }

    #[test]
    fn identical_masks_agree_perfectly(p in mask(6, 7), n in 2_usize..6) {
        prop_assume!(!p.is_empty());
        let masks = vec![p.clone(); n];
        let found = pairwise_iou(&masks, None, NAN).unwrap();
        prop_assert_eq!(found.phi, 1.0);
        prop_assert_eq!(found.n_undefined, 0);
        let rim = boundary_iou(&p, &p, RimWidth::Pixels(2), RimDistance::Chessboard, NAN).unwrap();
        prop_assert_eq!(rim, 1.0);
        let distances = outline_distances(&p, &p, &[2.0, 1.0], EmptyDistance::default()).unwrap();
        prop_assert_eq!(distances.hausdorff().unwrap(), 0.0);
        prop_assert_eq!(distances.surface_dice(0.0, NAN).unwrap(), 1.0);
        prop_assert_eq!(boundary_f1(&p, &p, 0.0, &[1.0, 1.0], NAN).unwrap().f1, 1.0);
    }

    #[test]
    fn phi_does_not_depend_on_the_order_of_masks(masks in proptest::collection::vec(mask(5, 5), 4)) {
        let mut reversed = masks.clone();
        reversed.reverse();
        let (a, b) = (pairwise_iou(&masks, None, NAN), pairwise_iou(&reversed, None, NAN));
        prop_assert!(same(a.unwrap().phi, b.unwrap().phi));
        let kappa = |masks: &[BitMask]| fleiss_kappa(masks, None, NAN).unwrap();
        prop_assert!(same(kappa(&masks), kappa(&reversed)));
        let flipped: Vec<BitMask> = masks.iter().map(BitMask::complement).collect();
        prop_assert!(same(kappa(&masks), kappa(&flipped)));
    }

    #[test]
    fn distances_obey_their_order(p in mask(7, 6), r in mask(7, 6), scale in 0.1_f64..10.0) {
        prop_assume!(!p.is_empty() && !r.is_empty());
        let at = |spacing: &[f64]| {
            outline_distances(&p, &r, spacing, EmptyDistance::default()).unwrap()
        };
        let found = at(&[1.0, 0.5]);
        let hd = found.hausdorff().unwrap();
        let directed = HausdorffConvention::MaxOfDirected;
        let hd95 = found.hausdorff_percentile(95.0, directed).unwrap();
        let pooled = found.hausdorff_percentile(95.0, HausdorffConvention::Pooled).unwrap();
        prop_assert!(hd95 <= hd && pooled <= hd);
        prop_assert!(same(found.hausdorff_percentile(100.0, directed).unwrap(), hd));
        prop_assert!(found.average_symmetric().unwrap() <= hd);
        let back = outline_distances(&r, &p, &[1.0, 0.5], EmptyDistance::default()).unwrap();
        prop_assert_eq!(back.hausdorff().unwrap(), hd);
        prop_assert!(same(back.masd().unwrap(), found.masd().unwrap()));
        let scaled = at(&[scale, 0.5 * scale]).hausdorff().unwrap();
        prop_assert!((scaled - scale * hd).abs() <= 1e-9 * (1.0 + scaled));
        prop_assert_eq!(found.surface_dice(hd, NAN).unwrap(), 1.0);
        let narrow = found.surface_dice(0.5, NAN).unwrap();
        prop_assert!(narrow <= found.surface_dice(1.0, NAN).unwrap());
    }

    #[test]
    fn the_distance_transform_is_the_nearest_pixel(p in mask(6, 7), a in 0.2_f64..3.0, b in 0.2_f64..3.0) {
        let found = distance_transform(&p, &[a, b]).unwrap();
        for row in 0..6_usize {
            for column in 0..7_usize {
                let mut best = f64::INFINITY;
                for r in 0..6_usize {
                    for c in 0..7_usize {
                        if p.get(&[r, c]) == Some(true) {
                            let (dr, dc) = (r.abs_diff(row) as f64 * a, c.abs_diff(column) as f64 * b);
                            best = best.min(dr.hypot(dc));
                        }
                    }
                }
                let own = found[[row, column]];
                prop_assert!(own == best || (own - best).abs() < 1e-12, "{} {}", own, best);
            }
        }
    }

    #[test]
    fn ranks_ignore_monotone_transforms(h in heat(40), r in mask(1, 40)) {
        let reference = BitMask::from_bools(Array1::from(r.pixels()).view());
        let cubed = h.mapv(|value| value * value * value);
        let auc = |h: &Array1<f64>| roc_auc(h.view(), &reference, None, NAN).unwrap();
        prop_assert!(same(auc(&h), auc(&cubed)));
        let falling = auc(&h.mapv(|value| 1.0 - value));
        prop_assert!(same(auc(&h), 1.0 - falling));
        let ap = |h: &Array1<f64>| average_precision(h.view(), &reference, None, NAN).unwrap();
        prop_assert!(same(ap(&h), ap(&cubed)));
    }

    #[test]
    fn soft_scores_of_hard_maps_are_the_hard_scores(p in mask(5, 6), r in mask(5, 6)) {
        let soft = |mask: &BitMask| mask.to_array().mapv(|set| if set { 1.0_f64 } else { 0.0 });
        let (sp, sr) = (soft(&p), soft(&r));
        let sums = soft_overlap(sp.view(), sr.view(), None).unwrap();
        let (hard, dice) = (iou(&p, &r, NAN).unwrap(), dice(&p, &r, NAN).unwrap());
        for found in [sums.product_iou(NAN), sums.fuzzy_iou(NAN), sums.squared_iou(NAN)] {
            prop_assert!(same(found.unwrap(), hard));
        }
        for found in [sums.product_dice(NAN), sums.fuzzy_dice(NAN), sums.squared_dice(NAN)] {
            prop_assert!(same(found.unwrap(), dice));
        }
        let averaged = threshold_averaged(sp.view(), sr.view(), &[0.3, 0.7], None, NAN).unwrap();
        prop_assert!(same(averaged.iou, hard));
    }

    #[test]
    fn equal_soft_maps_score_one_where_they_should(h in heat(20)) {
        prop_assume!(h.sum() > 0.0);
        let sums = soft_overlap(h.view(), h.view(), None).unwrap();
        prop_assert_eq!(sums.fuzzy_iou(NAN).unwrap(), 1.0);
        prop_assert!(same(sums.squared_dice(NAN).unwrap(), 1.0));
        prop_assert!(sums.product_iou(NAN).unwrap() <= 1.0);
        prop_assert_eq!(sums.brier(NAN).unwrap(), 0.0);
    }

    #[test]
    fn partitions_do_not_care_for_names(
        a in proptest::collection::vec(0_u32..4, 30), b in proptest::collection::vec(0_u32..4, 30),
    ) {
        let (a, b) = (Array1::from(a), Array1::from(b));
        let renamed = b.mapv(|label| 17 - 3 * label);
        let one = contingency(a.view(), b.view()).unwrap();
        let two = contingency(a.view(), renamed.view()).unwrap();
        prop_assert!(same(one.rand(NAN).unwrap(), two.rand(NAN).unwrap()));
        prop_assert!(same(one.adjusted_rand(NAN).unwrap(), two.adjusted_rand(NAN).unwrap()));
        let voi = one.variation_of_information();
        prop_assert!(same(voi.sum(), two.variation_of_information().sum()));
        prop_assert!(voi.sum() >= -1e-12);
        let own = contingency(a.view(), a.view()).unwrap();
        prop_assert_eq!(own.rand(NAN).unwrap(), 1.0);
    }

    #[test]
    fn expected_iou_lies_between_zero_and_the_coverages(a in 0.001_f64..=1.0, b in 0.001_f64..=1.0) {
        let expected = expected_iou(a, b);
        prop_assert!(expected > 0.0 && expected <= a.min(b) + 1e-15);
        prop_assert!(same(expected, expected_iou(b, a)));
        prop_assert!(chance_corrected_iou(expected, expected).abs() < 1e-12 || expected == 1.0);
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let stacks_of = |slice: usize| {
        (0..4)
            .map(|map| {
                let heat = Array2::from_shape_fn((33, 31), |(r, c)| {
                    (((r * 7 + c * 13 + slice * 5 + map * 29) % 97) as f32) / 96.0
                });
                ThresholdStack::new(heat.view(), &[0.2, 0.5, 0.8], Comparison::AtLeast, None)
            })
            .collect()
    };
    let parallel = agreement_per_slice(12, stacks_of, NAN).unwrap();
    for (slice, found) in parallel.iter().enumerate() {
        let stacks: Vec<ThresholdStack> = stacks_of(slice).unwrap();
        let alone = pairwise_agreement(&stacks.iter().collect::<Vec<_>>(), NAN).unwrap();
        assert_eq!(found, &alone);
    }
}

#[test]
fn empty_masks_follow_the_policy_that_was_asked_for() {
    let (none, some) = (BitMask::empty(&[4, 4]), BitMask::full(&[4, 4]));
    let at = |p: &BitMask, r: &BitMask, one, both| {
        outline_distances(p, r, &[1.0, 1.0], EmptyDistance { one, both })
            .unwrap()
            .hausdorff()
    };
    use BothEmptyDistance as Both;
    use OneEmptyDistance as One;
    assert_eq!(
        at(&none, &some, One::Infinite, Both::Nan).unwrap(),
        f64::INFINITY
    );
    assert_eq!(at(&some, &none, One::Fixed(9.0), Both::Nan).unwrap(), 9.0);
    assert!(at(&none, &none, One::Infinite, Both::Nan).unwrap().is_nan());
    assert_eq!(at(&none, &none, One::Infinite, Both::Zero).unwrap(), 0.0);
    let refused = at(&none, &some, One::Error, Both::Nan).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "hausdorff is undefined: the prediction mask is empty"
    );
    let surfels = surfel_distances(&none, &some, &[1.0, 1.0], EmptyDistance::default()).unwrap();
    assert_eq!(surfels.surface_dice(1e300, NAN).unwrap(), 0.0);
    assert_eq!(
        boundary_f1(&none, &some, 1.0, &[1.0, 1.0], NAN).unwrap().f1,
        0.0
    );
    assert!(iou(&none, &none, EmptyPolicy::Error).is_err());
}
