//! Edge cases of labels, bands, empty grids and the released code.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array2, array};
use seg_metrics::compat::libraries::Library;
use seg_metrics::compat::released_code;
use seg_metrics::*;

#[test]
fn the_four_quirks_of_the_released_code() {
    let image = array![[0.0_f32, 3.0, 3.0], [3.0, 3.0, 3.0]];
    let region = released_code::region(image.view()).unwrap();
    assert_eq!((region.count(), region.get(&[0, 0])), (5, Some(false)));

    let labels = array![[0_u32, 0, 1], [2, 2, 2]];
    assert_eq!(
        released_code::supervised_mask(labels.view())
            .unwrap()
            .count(),
        3
    );
    assert_eq!(
        released_code::damaged_mask(labels.view()).unwrap().count(),
        1
    );
    let bad = released_code::supervised_mask(array![[3_u32]].view()).unwrap_err();
    assert_eq!(
        bad,
        Error::Label {
            label: 3,
            index: vec![0, 0],
            classes: 3
        }
    );

    let cold = Array2::from_elem((2, 3), 0.1_f32);
    let nothing = array![[2_u32, 2, 2], [2, 2, 2]];
    let iou = released_code::iou(cold.view(), nothing.view(), image.view(), 0.5).unwrap();
    assert!(iou.is_nan());
    let mean = released_code::mean_iou([iou, 0.5]);
    assert_eq!((mean.mean, mean.n, mean.n_undefined), (0.5, 1, 1));

    let stack = || ThresholdStack::new(cold.view(), &[0.5], Comparison::AtLeast, Some(&region));
    let phi = released_code::phi(&[&stack().unwrap(), &stack().unwrap()]).unwrap();
    assert_eq!((phi.phi(0), phi.n_undefined(0)), (Some(1.0), Some(1)));
}

#[test]
fn labels_that_are_no_class_are_named_unless_ignored() {
    let (p, r) = (array![[0_u32, 1], [1, 1]], array![[0_u32, 9], [1, 0]]);
    let error = class_table(p.view(), r.view(), 2, None, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "label 9 at [0, 1] is not below the number of classes 2 and is not the ignored label"
    );
    let table = class_table(p.view(), r.view(), 2, Some(9), None).unwrap();
    assert_eq!((table.ignored, table.counts.sum()), (1, 3));
    assert_eq!(table.pixel_accuracy(EmptyPolicy::Nan).unwrap(), 2.0 / 3.0);
    let absent = class_table(p.view(), p.view(), 3, None, None).unwrap();
    let mean = absent
        .mean_iou(Background::Include, EmptyPolicy::Nan)
        .unwrap();
    assert_eq!((mean.mean, mean.n, mean.n_undefined), (1.0, 2, 1));
}

#[test]
fn calibration_may_look_at_the_boundary_only() {
    let truth = Array2::from_shape_fn((9, 9), |(r, c)| (3..6).contains(&r) && (3..6).contains(&c));
    let mask = BitMask::from_bools(truth.view());
    let band = boundary_band(&mask, 1.0, &[1.0, 1.0]).unwrap();
    let soft = truth.mapv(|set| if set { 1.0_f64 } else { 0.0 });
    let heat = Array2::from_shape_fn((9, 9), |(r, c)| {
        if band.get(&[r, c]) == Some(true) {
            0.5
        } else {
            soft[[r, c]]
        }
    });
    let everywhere = calibration(heat.view(), soft.view(), None, 10).unwrap();
    let near = calibration(heat.view(), soft.view(), Some(&band), 10).unwrap();
    assert_eq!(near.n as u64, band.count());
    assert_eq!(near.brier, 0.25);
    assert!(everywhere.expected < near.expected);
    assert_eq!(near.bins.iter().map(|bin| bin.n).sum::<usize>(), near.n);
}

#[test]
fn values_outside_zero_to_one_are_refused_where_they_must_be_fractions() {
    let (low, high) = (array![[0.5_f64, -0.1]], array![[0.5_f64, 1.5]]);
    for bad in [&low, &high] {
        let error = soft_overlap(bad.view(), bad.view(), None).unwrap_err();
        assert!(
            matches!(
                error,
                Error::OutOfRange {
                    what: "prediction",
                    ..
                }
            ),
            "{error}"
        );
    }
    let nan = array![[0.5_f64, f64::NAN]];
    let error = calibration(low.view(), nan.view(), None, 10).unwrap_err();
    assert!(
        matches!(
            error,
            Error::OutOfRange {
                what: "heatmap",
                ..
            }
        ),
        "{error}"
    );
    let truth = BitMask::full(&[1, 2]);
    let error = roc_auc(nan.view(), &truth, None, EmptyPolicy::Nan).unwrap_err();
    assert!(
        error.to_string().contains("heatmap holds NaN at [0, 1]"),
        "{error}"
    );
}

#[test]
fn grids_without_pixels_and_odd_spacings_do_no_harm() {
    let none = BitMask::empty(&[0, 5]);
    assert_eq!((none.len(), none.complement().count()), (0, 0));
    assert!(none.coverage().is_nan());
    let empty = EmptyDistance::default();
    let found = outline_distances(&none, &none, &[1.0, 1.0], empty).unwrap();
    assert!(found.hausdorff().unwrap().is_nan());
    assert_eq!(distance_transform(&none, &[1.0, 1.0]).unwrap().len(), 0);
    let wide = (RimWidth::Pixels(usize::MAX), RimDistance::Chessboard);
    let some = BitMask::full(&[3, 4]);
    assert_eq!(
        boundary_iou(&some, &some, wide.0, wide.1, EmptyPolicy::Nan).unwrap(),
        1.0
    );
    for spacing in [&[1.0][..], &[1.0, 0.0], &[1.0, f64::NAN], &[1.0, -2.0]] {
        let error = outline_distances(&some, &some, spacing, empty).unwrap_err();
        assert!(matches!(error, Error::Spacing { axes: 2, .. }), "{error}");
    }
    let line = BitMask::full(&[7]);
    let error = surfel_distances(&line, &line, &[1.0], empty).unwrap_err();
    assert_eq!(
        error.to_string(),
        "surfel_distances needs 2 or 3 axes, the mask has 1"
    );
}

#[test]
fn libraries_differ_on_empty_masks_only() {
    let some = Confusion {
        tp: 2,
        fp: 1,
        fn_: 1,
        tn: 4,
    };
    let false_alarm = Confusion {
        fp: 3,
        tn: 5,
        ..Confusion::default()
    };
    for library in [Library::Sklearn, Library::Medpy, Library::MonaiIgnoreEmpty] {
        assert_eq!(library.iou(&some), 0.5);
        assert_eq!(library.empty_hausdorff(&some).unwrap(), None);
    }
    assert!(Library::MonaiIgnoreEmpty.dice(&false_alarm).is_nan());
    assert_eq!(Library::MonaiKeepEmpty.dice(&false_alarm), 0.0);
    assert!(Library::Medpy.empty_hausdorff(&false_alarm).is_err());
}
