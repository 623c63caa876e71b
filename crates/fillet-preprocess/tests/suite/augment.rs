//! Augmentation against keras-preprocessing, and as a function of its seed.

use fillet_preprocess::{AugmentConfig, AugmentParameters, Fill, augment};
use ndarray::Array2;
use proptest::prelude::*;

use crate::golden;

#[test]
fn given_parameters_equal_keras_preprocessing() {
    let fixture = golden::json("augment/cases.json");
    let image = golden::matrix(&fixture["image"]);
    let cases = fixture["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let parameters: AugmentParameters =
            serde_json::from_value(case["parameters"].clone()).unwrap();
        let ours = parameters.apply(image.view());
        let theirs = golden::matrix(&case["expected"]);
        for (a, b) in ours.iter().zip(&theirs) {
            // values up to 4095 in f32: half a unit in the last place is 1.2e-4
            assert!((a - b).abs() < 5e-4, "{parameters:?}: {a} {b}");
        }
    }
}

#[test]
fn constant_fill_reaches_only_pixels_from_outside() {
    let image = Array2::from_elem((9, 9), 7.0_f32);
    let moved = AugmentParameters {
        rotation_degrees: 0.0,
        row_shift: 3.0,
        column_shift: 0.0,
        flip_horizontal: false,
        flip_vertical: false,
        fill: Fill::Constant(-1.0),
    }
    .apply(image.view());
    assert!(
        moved
            .rows()
            .into_iter()
            .take(6)
            .all(|row| row.iter().all(|&v| v == 7.0))
    );
    assert!(
        moved
            .rows()
            .into_iter()
            .skip(6)
            .all(|row| row.iter().all(|&v| v == -1.0))
    );
}

#[test]
fn flips_alone_move_pixels_and_change_none() {
    let image = Array2::from_shape_fn((70, 90), |(r, c)| (r * 90 + c) as f32 / 7.0);
    for (horizontal, vertical) in [(false, false), (true, false), (false, true), (true, true)] {
        for fill in [Fill::Nearest, Fill::Constant(-1.0)] {
            let flipped = AugmentParameters {
                rotation_degrees: 0.0,
                row_shift: 0.0,
                column_shift: 0.0,
                flip_horizontal: horizontal,
                flip_vertical: vertical,
                fill,
            }
            .apply(image.view());
            let expected = Array2::from_shape_fn(image.dim(), |(r, c)| {
                let r = if vertical { 69 - r } else { r };
                let c = if horizontal { 89 - c } else { c };
                image[[r, c]]
            });
            assert_eq!(flipped, expected);
        }
    }
}

proptest! {
    #[test]
    fn draws_stay_in_range_and_values_within_the_image(
        seed in any::<u64>(), sample in any::<u64>(), epoch in 0_u64..3000,
        rows in 1_usize..20, columns in 1_usize..20,
    ) {
        let config = AugmentConfig::default();
        let p = config.draw([rows, columns], seed, sample, epoch);
        prop_assert!(p.rotation_degrees.abs() <= 45.0);
        prop_assert!(p.row_shift.abs() <= 0.2 * rows as f64);
        prop_assert!(p.column_shift.abs() <= 0.2 * columns as f64);
        let image = Array2::from_shape_fn((rows, columns), |(r, c)| (r * 31 + c * 17) as f32);
        let out = augment(image.view(), &config, seed, sample, epoch);
        let most = image.iter().copied().fold(0.0, f32::max);
        prop_assert!(out.iter().all(|v| (0.0..=most + 1e-3).contains(v)));
    }

    #[test]
    fn no_augmentation_changes_nothing(seed in any::<u64>(), rows in 1_usize..9, columns in 1_usize..9) {
        let image = Array2::from_shape_fn((rows, columns), |(r, c)| (r * 31 + c * 17) as f32);
        prop_assert_eq!(augment(image.view(), &AugmentConfig::none(), seed, 0, 0), image);
    }
}
