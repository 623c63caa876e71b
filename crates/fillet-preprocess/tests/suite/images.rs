//! Foreground, contrast and label filters against the reference programs.

use fillet_preprocess::contrast::ContrastMethod;
use fillet_preprocess::foreground::{foreground_steps, segment_volume};
use fillet_preprocess::patches::{LabelledPatch, PatchAssembly, PatchConfig};
use fillet_preprocess::phantom::{Cohort, PhantomConfig};
use fillet_preprocess::{
    ForegroundConfig, ForegroundVariant, adjust_contrast, majority_filter, segment_foreground,
};
use ndarray::{Array2, Array3, Axis, array};

use crate::golden;

const VARIANTS: [(&str, ForegroundVariant); 4] = [
    ("published", ForegroundVariant::Published),
    ("released", ForegroundVariant::Released),
    ("released_uncast", ForegroundVariant::ReleasedUncast),
    ("saturating", ForegroundVariant::Saturating),
];

#[test]
fn foreground_equals_scipy_opencv_and_scikit_learn_step_by_step() {
    for name in ["head", "small", "wide"] {
        let slice = golden::image(&format!("foreground/{name}_input.png"));
        for (label, variant) in VARIANTS {
            let config = ForegroundConfig {
                variant,
                ..ForegroundConfig::default()
            };
            let steps = foreground_steps(slice.view(), &config).unwrap();
            let listed = [
                ("eight_bit", &steps.eight_bit),
                ("maximum", &steps.maximum),
                ("eroded", &steps.eroded),
                ("blurred", &steps.blurred),
            ];
            for (step, ours) in listed {
                if variant == ForegroundVariant::ReleasedUncast {
                    continue;
                }
                let theirs = golden::image(&format!("foreground/{name}_{label}_{step}.png"));
                assert_eq!(ours.mapv(|v| v as f32), theirs, "{name} {label} {step}");
            }
            let theirs = golden::image(&format!("foreground/{name}_{label}_mask.png"));
            let different = steps
                .foreground
                .iter()
                .zip(&theirs)
                .filter(|(ours, theirs)| **ours != (**theirs > 0.0))
                .count();
            assert_eq!(different, 0, "{name} {label} mask");
        }
    }
}

#[test]
fn contrast_equals_numpy_and_scikit_image() {
    let head = golden::image("foreground/head_input.png");
    let mask = golden::image("foreground/head_saturating_mask.png");
    let masked = ndarray::Zip::from(&head)
        .and(&mask)
        .map_collect(|&v, &m| if m > 0.0 { v } else { 0.0 });
    let ragged = Array2::from_shape_fn((100, 77), |(r, c)| head[[r + 3, c + 10]]);
    // fixtures are rounded: stretch and equalise to tenths of a grey level, CLAHE to grey levels
    let cases = [
        (
            "masked_stretch",
            &masked,
            ContrastMethod::STRETCH,
            10.0,
            0.51,
        ),
        (
            "masked_equalise",
            &masked,
            ContrastMethod::Equalise,
            10.0,
            0.51,
        ),
        ("head_clahe", &head, ContrastMethod::CLAHE, 1.0, 0.51),
        ("masked_clahe", &masked, ContrastMethod::CLAHE, 1.0, 0.51),
        ("ragged_clahe", &ragged, ContrastMethod::CLAHE, 1.0, 0.51),
    ];
    for (name, slice, method, scale, tolerance) in cases {
        let ours = adjust_contrast(slice.view(), &method).unwrap();
        let theirs = golden::image(&format!("contrast/{name}.png"));
        let worst = ours
            .iter()
            .zip(&theirs)
            .map(|(a, b)| (a * scale - b).abs())
            .fold(0.0_f32, f32::max);
        assert!(worst <= tolerance, "{name}: {worst}");
    }
}

#[test]
fn majority_equals_scikit_image() {
    let fixture = golden::json("contrast/majority.json");
    let labels = golden::matrix(&fixture["labels"]).mapv(|v| v as u8);
    for size in [1, 2, 3, 4, 7, 12] {
        let theirs = golden::matrix(&fixture["expected"][size.to_string()]).mapv(|v| v as u8);
        assert_eq!(
            majority_filter(labels.view(), size).unwrap(),
            theirs,
            "size {size}"
        );
    }
}

fn iou(a: &Array2<bool>, b: ndarray::ArrayView2<'_, bool>) -> f64 {
    let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count();
    let any = a.iter().zip(b).filter(|(a, b)| **a || **b).count();
    both as f64 / any as f64
}

#[test]
fn robust_foreground_finds_the_phantom_where_the_paper_does_not() {
    let robust = ForegroundConfig {
        variant: ForegroundVariant::Robust,
        ..ForegroundConfig::default()
    };
    let config = PhantomConfig {
        fish: 2,
        slices: 6,
        size: 128,
        ..PhantomConfig::ci()
    };
    for scan in Cohort::generate(&config, 5).unwrap() {
        let scan = scan.unwrap();
        let values = scan.volume.values();
        let masks = segment_volume(values.view(), &robust).unwrap();
        for (slice, truth) in scan.tissue.axis_iter(Axis(0)).enumerate() {
            let overlap = iou(&masks.index_axis(Axis(0), slice).to_owned(), truth);
            let least = if scan.spoilt[slice] { 0.80 } else { 0.93 };
            assert!(
                overlap > least,
                "{} slice {slice}: {overlap}",
                scan.specimen.scan
            );
        }
        // cut so that tissue covers the corner: the paper's method returns the background
        let (middle, truth) = (
            values.index_axis(Axis(0), 3),
            scan.tissue.index_axis(Axis(0), 3),
        );
        let cut = |row: usize, column: usize| [row + 50, column + 50];
        let slice = Array2::from_shape_fn((70, 70), |(r, c)| middle[cut(r, c)]);
        let truth = Array2::from_shape_fn((70, 70), |(r, c)| truth[cut(r, c)]);
        assert!(truth[[0, 0]], "the cut starts in tissue");
        let ours = segment_foreground(slice.view(), &robust).unwrap();
        let papers = segment_foreground(slice.view(), &ForegroundConfig::default()).unwrap();
        assert!(iou(&ours, truth.view()) > 0.9);
        assert!(iou(&papers, truth.view()) < 0.1);
    }
    // a pouch as bright as muscle
    let mut bright = config;
    bright.scanner.film = [0.9, 1.0];
    for scan in Cohort::generate(&bright, 6).unwrap() {
        let scan = scan.unwrap();
        let masks = segment_volume(scan.volume.values().view(), &robust).unwrap();
        for (slice, truth) in scan.tissue.axis_iter(Axis(0)).enumerate() {
            if !scan.spoilt[slice] {
                let overlap = iou(&masks.index_axis(Axis(0), slice).to_owned(), truth);
                assert!(overlap > 0.9, "{} {slice}: {overlap}", scan.specimen.scan);
            }
        }
    }
    let noise = Array2::from_shape_fn((64, 64), |(r, c)| ((r * 37 + c * 61) % 47) as f32);
    let empty = segment_foreground(noise.view(), &robust).unwrap();
    assert!(
        empty.iter().all(|inside| !inside),
        "an empty slice has no tissue"
    );
}

#[test]
fn patches_cover_and_vote() {
    let config = PatchConfig { size: 2, stride: 1 };
    assert_eq!(config.positions(3, 2).unwrap(), [[0, 0], [1, 0]]);
    let slice = array![[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.0]];
    let patches = config.extract(slice.view(), &[[1, 0]]).unwrap();
    assert_eq!(
        patches,
        Array3::from_shape_vec((1, 2, 2), vec![3.0, 4.0, 5.0, 6.0]).unwrap()
    );
    let labels = array![[1_u8, 1, 2], [1, 1, 2], [0, 0, 2]];
    let pure = config.pure(labels.view(), 0).unwrap();
    assert_eq!(
        pure,
        [LabelledPatch {
            position: [0, 0],
            label: 1
        }]
    );
    let two = [
        LabelledPatch {
            position: [0, 0],
            label: 1,
        },
        LabelledPatch {
            position: [0, 1],
            label: 2,
        },
    ];
    let overwritten = config
        .assemble([2, 4], &two, PatchAssembly::Overwrite, 9)
        .unwrap();
    assert_eq!(overwritten.row(0).to_vec(), [1, 2, 2, 9]);
    let voted = config
        .assemble([2, 4], &two, PatchAssembly::Vote, 9)
        .unwrap();
    assert_eq!(voted.row(0).to_vec(), [1, 1, 2, 9]);
    assert!(config.extract(slice.view(), &[[2, 0]]).is_err());
}
