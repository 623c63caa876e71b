//! Threshold stacks, agreement and sweeps against their plain definitions, on maps of every kind.
#![allow(clippy::unwrap_used, missing_docs)]

use ndarray::{Array2, ArrayView2};
use seg_metrics::{
    BitMask, Comparison, EmptyPolicy, Error, ThresholdStack, pairwise_agreement, threshold_sweep,
};

const EVEN: &[f64] = &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const UNEVEN: &[f64] = &[0.9, 0.13, 0.5, 0.5, -0.2];
const SHAPES: [(usize, usize); 8] = [
    (1, 1),
    (3, 5),
    (16, 16),
    (7, 64),
    (33, 47),
    (40, 80),
    (17, 129),
    (64, 256),
];

struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A map of one kind; `variant` tells those of a group apart.
fn map(kind: &str, (rows, columns): (usize, usize), variant: usize) -> Array2<f32> {
    let mut random = Random(977 + variant as u64);
    let shift = variant as f32 * 0.4;
    Array2::from_shape_fn((rows, columns), |(r, c)| match kind {
        "smooth" => 0.5 + 0.5 * (r as f32 / 9.0 + shift).sin() * (c as f32 / 13.0 - shift).cos(),
        "noisy" => random.next() as f32,
        // Values that are thresholds, in f32, and their neighbours.
        "tenths" => {
            let tenth = (random.next() * 11.0).floor() as f32 / 10.0;
            [tenth, tenth.next_up(), tenth.next_down()][(r + c) % 3]
        }
        "constant" => 0.5,
        "zero" => 0.0,
        _ => (random.next() as f32 - 0.5) * 1e30,
    })
}

/// Regions: none, all, an ellipse, scattered pixels, one pixel, nothing.
fn region(kind: usize, (rows, columns): (usize, usize)) -> Option<Array2<bool>> {
    let inside = |(r, c): (usize, usize)| -> bool {
        let half = |at: usize, of: usize| (at as f64 + 0.5) / of as f64 - 0.5;
        match kind {
            1 => true,
            2 => half(r, rows).powi(2) + half(c, columns).powi(2) < 0.12,
            3 => (r * 31 + c * 17) % 41 == 0,
            4 => (r, c) == (rows / 2, columns / 3),
            _ => false,
        }
    };
    (kind > 0).then(|| Array2::from_shape_fn((rows, columns), inside))
}

fn plain(
    heat: ArrayView2<'_, f32>,
    t: f64,
    how: Comparison,
    region: &Option<Array2<bool>>,
) -> Array2<bool> {
    Array2::from_shape_fn(heat.dim(), |at| {
        let value = f64::from(heat[at]);
        let passes = match how {
            Comparison::AtLeast => value >= t,
            Comparison::Above => value > t,
        };
        passes && region.as_ref().is_none_or(|region| region[at])
    })
}

fn plain_iou(a: &Array2<bool>, b: &Array2<bool>) -> f64 {
    let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count();
    let either = a.iter().zip(b).filter(|(a, b)| **a || **b).count();
    if either == 0 {
        1.0
    } else {
        both as f64 / either as f64
    }
}

#[test]
fn stacks_agree_with_their_definition() {
    let mut compared = 0;
    for shape in SHAPES {
        for kind in ["smooth", "noisy", "tenths", "constant", "zero", "huge"] {
            let maps: Vec<Array2<f32>> = (0..3).map(|v| map(kind, shape, v)).collect();
            let truth = map("smooth", shape, 9).mapv(|value| value >= 0.5);
            for roi in 0..6 {
                let inside = region(roi, shape);
                let packed = inside
                    .as_ref()
                    .map(|pixels| BitMask::from_bools(pixels.view()));
                for (thresholds, how) in [(EVEN, Comparison::AtLeast), (UNEVEN, Comparison::Above)]
                {
                    let name = format!("{kind} {shape:?}, region {roi}, {how:?}");
                    let stack = |heat: &Array2<f32>| {
                        ThresholdStack::new(heat.view(), thresholds, how, packed.as_ref()).unwrap()
                    };
                    let stacks: Vec<ThresholdStack> = maps.iter().map(stack).collect();
                    let refs: Vec<&ThresholdStack> = stacks.iter().collect();
                    let agreed = pairwise_agreement(&refs, EmptyPolicy::One).unwrap();
                    let reference = BitMask::from_bools(truth.view());
                    let sweep = threshold_sweep(&stacks[0], &reference, EmptyPolicy::One).unwrap();
                    let truth = match &inside {
                        None => truth.clone(),
                        Some(inside) => &truth & inside,
                    };
                    for (t, &threshold) in thresholds.iter().enumerate() {
                        let masks: Vec<Array2<bool>> = maps
                            .iter()
                            .map(|heat| plain(heat.view(), threshold, how, &inside))
                            .collect();
                        for (stack, mask) in stacks.iter().zip(&masks) {
                            let set = mask.iter().filter(|&&pixel| pixel).count();
                            assert_eq!(stack.count(t), set as u64, "{name} at {threshold}");
                            let expected = BitMask::from_bools(mask.view());
                            assert_eq!(stack.mask(t), Some(expected), "{name} at {threshold}");
                        }
                        let pairs =
                            [(0, 1), (0, 2), (1, 2)].map(|(a, b)| plain_iou(&masks[a], &masks[b]));
                        assert_eq!(agreed.levels[t].pairs, pairs, "{name} at {threshold}");
                        assert_eq!(
                            sweep.iou[t],
                            plain_iou(&masks[0], &truth),
                            "{name} at {threshold}"
                        );
                        compared += 1;
                    }
                }
            }
        }
    }
    assert_eq!(compared, 8 * 6 * 6 * (9 + 5));
}

#[test]
fn f64_maps_and_views_give_the_same_stacks() {
    for shape in SHAPES {
        let heat = map("noisy", shape, 1);
        let wide = heat.mapv(f64::from);
        let turned = heat.t().as_standard_layout().into_owned();
        for roi in 0..6 {
            let packed = region(roi, shape).map(|pixels| BitMask::from_bools(pixels.view()));
            let single =
                ThresholdStack::new(heat.view(), EVEN, Comparison::AtLeast, packed.as_ref());
            let single = single.unwrap();
            let double =
                ThresholdStack::new(wide.view(), EVEN, Comparison::AtLeast, packed.as_ref());
            assert_eq!(double.unwrap(), single);
            let view = ThresholdStack::new(turned.t(), EVEN, Comparison::AtLeast, packed.as_ref());
            assert_eq!(view.unwrap(), single);
            let one =
                BitMask::from_threshold(heat.view(), 0.3, Comparison::AtLeast, packed.as_ref());
            assert_eq!(Some(one.unwrap()), single.mask(2));
        }
    }
}

#[test]
fn the_first_value_that_is_no_number_is_named_if_it_lies_inside() {
    let mut random = Random(5);
    for shape in SHAPES {
        for roi in 0..6 {
            let inside = region(roi, shape);
            let packed = inside
                .as_ref()
                .map(|pixels| BitMask::from_bools(pixels.view()));
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut heat = map("noisy", shape, 2);
                for _ in 0..3 {
                    let at = (random.next() * heat.len() as f64) as usize;
                    heat[(at / shape.1, at % shape.1)] = bad;
                }
                let expected = heat
                    .indexed_iter()
                    .find(|&(at, value)| {
                        !value.is_finite() && inside.as_ref().is_none_or(|inside| inside[at])
                    })
                    .map(|((r, c), _)| vec![r, c]);
                for thresholds in [EVEN, UNEVEN] {
                    let found = ThresholdStack::new(
                        heat.view(),
                        thresholds,
                        Comparison::AtLeast,
                        packed.as_ref(),
                    );
                    match (&expected, found) {
                        (Some(at), Err(Error::NonFinite { index, .. })) => assert_eq!(&index, at),
                        (None, Ok(stack)) => {
                            for (t, &threshold) in thresholds.iter().enumerate() {
                                let mask =
                                    plain(heat.view(), threshold, Comparison::AtLeast, &inside);
                                assert_eq!(stack.mask(t), Some(BitMask::from_bools(mask.view())));
                            }
                        }
                        (expected, found) => panic!("{expected:?} is not {found:?}"),
                    }
                }
            }
        }
    }
}
