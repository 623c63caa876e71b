//! For any input: heatmaps have the size of the image, are finite and lie in [0, 1].
#![allow(clippy::unwrap_used)]

mod common;

use cam_methods::{Explainer, Method, Preset, Resize, Semantics, Tap, Target, resize_bilinear};
use candle_core::{Device, Tensor};
use proptest::prelude::*;

const METHODS: [Method; 12] = [
    Method::GradCam,
    Method::GradCamPlusPlus,
    Method::XGradCam,
    Method::HiresCam,
    Method::GradCamElementwise,
    Method::LayerCam,
    Method::PositiveGradCam,
    Method::ScoreCam,
    Method::FasterScoreCam,
    Method::EigenCam,
    Method::EigenGradCam,
    Method::Random,
];

fn value() -> impl Strategy<Value = f32> {
    prop_oneof![
        3 => -2f32..2.0,
        1 => Just(0f32),
        1 => Just(1f32),
        1 => (-6i32..6).prop_map(|e| 10f32.powi(e)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn maps_are_finite_and_in_range(
        (h, w) in (1usize..6, 1usize..6),
        (height, width) in (1usize..9, 1usize..9),
        seed in prop::collection::vec(value(), 8 * 8 + 3 * 5 * 5 + 6),
        preset in 0usize..6,
    ) {
        let x = Tensor::from_slice(&seed[..height * width], (1, 1, height, width), &Device::Cpu).unwrap();
        let features = Tensor::from_slice(&seed[64..64 + 3 * h * w], (1, 3, h, w), &Device::Cpu).unwrap();
        let head = Tensor::from_slice(&seed[seed.len() - 6..], (3, 2), &Device::Cpu).unwrap();
        let net = |x: &Tensor, tap: &mut dyn Tap| {
            let n = x.dim(0)?;
            let a = tap.visit("a", features.repeat((n, 1, 1, 1))?)?;
            let bright = x.mean((1, 2, 3))?.unsqueeze(1)?;
            a.sqr()?.mean((2, 3))?.broadcast_add(&bright)?.matmul(&head)
        };
        let explainer = Explainer::new(&net).tap("a").semantics(Semantics::preset(Preset::ALL[preset]));
        let e = explainer.explain_all(&x, &[Target::Class(1)], &METHODS).unwrap();
        for maps in &e.maps {
            prop_assert_eq!(maps.up.dims(), &[1, height, width]);
            prop_assert_eq!(maps.raw().dims(), &[1, h, w]);
            for v in common::vec(&maps.up).into_iter().chain(common::vec(maps.low())) {
                prop_assert!((0.0..=1.0).contains(&v), "{}: {v}", maps.method);
            }
            for v in common::vec(maps.raw()).into_iter().chain(common::vec(&maps.unscaled)) {
                prop_assert!(v.is_finite(), "{}: {v}", maps.method);
            }
        }
    }

    #[test]
    fn resizing_keeps_within_the_values(
        map in prop::collection::vec(-1e6f32..1e6, 12),
        (height, width) in (1usize..20, 1usize..20),
        half in any::<bool>(),
    ) {
        let resize = if half { Resize::HalfPixel } else { Resize::AlignCorners };
        let up = resize_bilinear(&map, [3, 4], [height, width], resize).unwrap();
        prop_assert_eq!(up.len(), height * width);
        let (low, high) = map.iter().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        // one rounding error of the largest difference
        let slack = (high - low) * 1e-6;
        prop_assert!(up.iter().all(|v| *v >= low - slack && *v <= high + slack));
    }

    #[test]
    fn semantics_and_methods_survive_json(preset in 0usize..6, method in 0usize..20) {
        let semantics = Semantics::preset(Preset::ALL[preset]);
        let text = serde_json::to_string(&semantics).unwrap();
        prop_assert_eq!(&semantics, &serde_json::from_str::<Semantics>(&text).unwrap());
        let method = Method::ALL[method];
        prop_assert_eq!(serde_json::to_string(&method).unwrap(), format!("\"{method}\""));
        prop_assert_eq!(method.name().parse::<Method>().unwrap(), method);
        prop_assert_eq!(Preset::ALL[preset].name().parse::<Preset>().unwrap(), Preset::ALL[preset]);
    }
}
