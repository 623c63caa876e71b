//! Constant, empty, non-finite and tiny images; configuration out of range.

use fillet_preprocess::contrast::ContrastMethod;
use fillet_preprocess::{
    Error, ExcludedSlice, ForegroundConfig, ForegroundVariant, NormaliseConfig, SliceValidity,
    adjust_contrast, liquid_loss_percent, majority_filter, normalise, segment_foreground,
};
use ndarray::{Array2, array};

const VARIANTS: [ForegroundVariant; 5] = [
    ForegroundVariant::Published,
    ForegroundVariant::Released,
    ForegroundVariant::ReleasedUncast,
    ForegroundVariant::Saturating,
    ForegroundVariant::Robust,
];

#[test]
fn images_without_contrast_are_all_background() {
    for shape in [(1, 1), (1, 7), (7, 1), (3, 2), (40, 40)] {
        for grey in [0.0, 1.0, 4095.0, -5.0] {
            let slice = Array2::from_elem(shape, grey);
            for variant in VARIANTS {
                let config = ForegroundConfig {
                    variant,
                    ..ForegroundConfig::default()
                };
                let mask = segment_foreground(slice.view(), &config).unwrap();
                assert!(
                    mask.iter().all(|inside| !inside),
                    "{shape:?} {grey} {variant:?}"
                );
            }
            for method in ContrastMethod::ALL {
                let out = adjust_contrast(slice.view(), &method).unwrap();
                assert!(
                    out.iter().all(|value| *value == 0.0),
                    "{shape:?} {grey} {method:?}"
                );
            }
            for config in [
                NormaliseConfig::Percentile {
                    lower: 1.0,
                    upper: 99.0,
                },
                NormaliseConfig::ZScore,
            ] {
                let out = normalise(slice.view(), None, &config).unwrap();
                assert!(
                    out.iter().all(|value| *value == 0.0),
                    "{shape:?} {grey} {config:?}"
                );
            }
        }
    }
}

#[test]
fn nan_and_empty_images_are_errors_that_say_where() {
    let mut slice = Array2::zeros((3, 4));
    slice[[1, 2]] = f32::NAN;
    let problem = segment_foreground(slice.view(), &ForegroundConfig::default()).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "pixel [1, 2] is NaN, finite values are needed"
    );
    assert!(matches!(
        adjust_contrast(slice.view(), &ContrastMethod::CLAHE),
        Err(Error::NonFinite { .. })
    ));
    let none = Array2::<f32>::zeros((0, 5));
    assert!(matches!(
        segment_foreground(none.view(), &ForegroundConfig::default()),
        Err(Error::EmptyImage {
            rows: 0,
            columns: 5
        })
    ));
    assert!(normalise(none.view(), None, &NormaliseConfig::default()).is_err());
}

#[test]
fn normalise_keeps_to_the_foreground() {
    let slice = array![[10.0_f32, 20.0], [30.0, 4000.0]];
    let mask = array![[true, true], [true, false]];
    let config = NormaliseConfig::Percentile {
        lower: 0.0,
        upper: 100.0,
    };
    let out = normalise(slice.view(), Some(mask.view()), &config).unwrap();
    assert_eq!(out, array![[0.0, 0.5], [1.0, 0.0]]);
    let other = array![[true], [true]];
    assert!(matches!(
        normalise(slice.view(), Some(other.view()), &config),
        Err(Error::ShapeMismatch { .. })
    ));
}

#[test]
fn configuration_out_of_range_names_its_key() {
    let even = ForegroundConfig {
        maximum_size: 6,
        ..ForegroundConfig::default()
    };
    let problem = segment_foreground(array![[1.0_f32]].view(), &even).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "`maximum_size` must be an odd number of pixels, at most 255, got 6"
    );
    assert!(NormaliseConfig::Divide { divisor: 0.0 }.validate().is_err());
    assert!(
        NormaliseConfig::Percentile {
            lower: 5.0,
            upper: 5.0
        }
        .validate()
        .is_err()
    );
    assert!(
        ContrastMethod::Clahe {
            clip_limit: 0.0,
            tiles: 8,
            bins: 256
        }
        .validate()
        .is_err()
    );
    assert!(majority_filter(array![[1_u8]].view(), 0).is_err());
    assert!(liquid_loss_percent(0.0, 1.0).is_err());
    assert!(liquid_loss_percent(f64::NAN, 1.0).is_err());
}

#[test]
fn valid_slices_follow_rule_and_list() {
    let rule = SliceValidity {
        drop_first: 1,
        drop_last: 1,
        exclude: vec![ExcludedSlice {
            scan: "a".into(),
            slice: -2,
        }],
    };
    assert_eq!(rule.valid_slices("a", 5).unwrap(), [1, 2]);
    assert_eq!(rule.valid_slices("b", 5).unwrap(), [1, 2, 3]);
    assert!(matches!(
        rule.valid_slices("b", 2),
        Err(Error::NoSlicesLeft { slices: 2, .. })
    ));
    assert!(matches!(
        rule.valid_slices("a", 1),
        Err(Error::Config { key: "exclude", .. })
    ));
}

#[test]
fn the_released_list_leaves_the_slices_of_the_study() {
    let name = |celsius: i32, sample: usize, class: &str| format!("{celsius} {sample} {class}");
    let rule = SliceValidity::released_with_list(|s| name(s.celsius, s.sample, s.class));
    let count = |class: &str| -> usize {
        [(-5, 11), (-20, 11), (-40, 10)]
            .into_iter()
            .flat_map(|(celsius, samples)| (1..=samples).map(move |sample| (celsius, sample)))
            .map(|(celsius, sample)| {
                let scan = name(celsius, sample, class);
                rule.valid_slices(&scan, 54).unwrap().len()
            })
            .sum()
    };
    assert_eq!((count("fresh"), count("thawed")), (762, 752));
}
