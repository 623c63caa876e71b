//! Every path against the definition.

use proptest::prelude::*;

use super::forward::Epilogue;
use super::geometry::Geometry;
use super::{direct, paths, winograd};
use crate::element::Element;

/// Small whole numbers: every sum is exact, so every path must agree bit for bit.
fn whole<T: Element>(n: usize, seed: u64) -> Vec<T> {
    let mut state = seed | 1;
    (0..n)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            T::from_f64(((state >> 40) % 9) as f64 - 4.0)
        })
        .collect()
}

prop_compose! {
    fn geometry()(
        batch in 0usize..4,
        groups in 1usize..4,
        channels in 1usize..4,
        filters in 1usize..4,
        input in [1usize..20, 1usize..20],
        kernel in [1usize..5, 1usize..5],
        stride in [1usize..4, 1usize..4],
        dilation in [1usize..3, 1usize..3],
        pad in [0usize..5, 0usize..5, 0usize..5, 0usize..5],
    ) -> Option<Geometry> {
        let size = |i: usize, pad: usize| {
            let span = (kernel[i] - 1) * dilation[i] + 1;
            (input[i] + pad).checked_sub(span).map(|free| free / stride[i] + 1)
        };
        Some(Geometry {
            batch,
            channels: channels * groups,
            input,
            filters: filters * groups,
            kernel,
            output: [size(0, pad[0] + pad[1])?, size(1, pad[2] + pad[3])?],
            stride,
            dilation,
            offset: [pad[0] as isize, pad[2] as isize],
            groups,
        })
    }
}

/// Largest difference relative to the largest element, or to `least`: an output that sees only
/// padding is zero, but its tile's transforms still round what they cancel.
fn relative_error(actual: &[f32], expected: &[f32], least: f32) -> f64 {
    assert_eq!(actual.len(), expected.len());
    let scale = expected.iter().fold(least, |m, v| m.max(v.abs()));
    let error = actual
        .iter()
        .zip(expected)
        .fold(0f32, |m, (a, e)| m.max((a - e).abs()));
    f64::from(error) / f64::from(scale)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// The transforms multiply by up to FAR³·5⁄2 and divide again, which costs up to a digit of
    /// the seven of `f32`: 2e-5 is the promise, 5e-6 the largest seen on real layers.
    #[test]
    fn winograd_agrees_with_the_definition(
        batch in 0usize..4,
        channels in 1usize..70,
        filters in 1usize..80,
        output in [1usize..40, 1usize..70],
        pad in [-3isize..5, -3isize..5],
        below in [-3isize..4, -3isize..4],
        seed in any::<u64>(),
    ) {
        let input = [0, 1].map(|i| output[i] as isize + 2 - pad[i] - below[i]);
        prop_assume!(input.iter().all(|&n| n > 0));
        let g = Geometry {
            batch,
            channels,
            input: input.map(|n| n as usize),
            filters,
            kernel: [3, 3],
            output,
            stride: [1, 1],
            dilation: [1, 1],
            offset: pad,
            groups: 1,
        };
        let x = whole::<f32>(g.input_shape().iter().product(), seed);
        let w = whole::<f32>(g.weight_shape().iter().product(), !seed);
        let fast = winograd::convolve(&g, &x, &w, Epilogue::none());
        let error = relative_error(&fast, &direct::forward(&g, &x, &w), 4.0 * channels as f32);
        prop_assert!(error < 2e-5, "{error}");
    }
}

/// More channels and filters than one slice of either, weights that are too many to keep, and all
/// that follows a fused convolution.
#[test]
fn winograd_in_several_slices_agrees_with_the_definition() {
    let sizes = [
        (1, 300, 40, [20, 36]),
        (2, 40, 300, [15, 44]),
        (3, 352, 352, [16, 32]),
        (2, 129, 137, [18, 16]),
    ];
    for (batch, channels, filters, map) in sizes {
        let g = Geometry {
            batch,
            channels,
            input: map,
            filters,
            kernel: [3, 3],
            output: map,
            stride: [1, 1],
            dilation: [1, 1],
            offset: [1, 1],
            groups: 1,
        };
        assert!(winograd::suits(&g));
        let x = whole::<f32>(g.input_shape().iter().product(), 1);
        let w = whole::<f32>(g.weight_shape().iter().product(), 2);
        let bias = whole::<f32>(filters, 3);
        let residual = whole::<f32>(g.output_shape().iter().product(), 4);
        let epilogue = Epilogue {
            bias: Some(&bias),
            residual: Some(&residual),
            relu: true,
        };
        let mut expected = direct::forward(&g, &x, &w);
        let pixels = map[0] * map[1];
        for (i, y) in expected.iter_mut().enumerate() {
            *y = (*y + bias[i / pixels % filters] + residual[i]).max(0.0);
        }
        let error = relative_error(&winograd::convolve(&g, &x, &w, epilogue), &expected, 1.0);
        assert!(error < 2e-5, "{g:?}: {error}");
    }
}

fn winograd_applies<T>(g: &Geometry) -> bool {
    size_of::<T>() == 4 && winograd::suits(g)
}

fn agree<T: Element + std::fmt::Debug>(g: &Geometry, seed: u64) {
    let count = |s: [usize; 4]| s.iter().product::<usize>();
    let x = whole::<T>(count(g.input_shape()), seed);
    let w = whole::<T>(count(g.weight_shape()), seed ^ 0x5555);
    let dy = whole::<T>(count(g.output_shape()), seed ^ 0xaaaa);
    let y = super::forward::convolve(g, &x, &w, Epilogue::none());
    assert_eq!(y, direct::forward(g, &x, &w));
    if !winograd_applies::<T>(g) {
        assert_eq!(paths::forward(g, &x, &w, Epilogue::none()), y);
    }
    if !g.transposed().is_some_and(|t| winograd_applies::<T>(&t)) {
        let dx = paths::input_gradient(g, &dy, &w);
        assert_eq!(dx, direct::input_gradient(g, &dy, &w));
    }
    assert_eq!(
        paths::weight_gradient(g, &dy, &x),
        direct::weight_gradient(g, &dy, &x)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_path_equals_the_definition(g in geometry(), seed in any::<u64>()) {
        if let Some(g) = g {
            agree::<f32>(&g, seed);
            agree::<f64>(&g, seed);
        }
    }
}

/// Large enough for several tiles, blocks of channels, blocks of filters and splits.
#[test]
fn large_convolutions_equal_the_definition() {
    let base = Geometry {
        batch: 2,
        channels: 3,
        input: [40, 37],
        filters: 5,
        kernel: [3, 3],
        output: [40, 37],
        stride: [1, 1],
        dilation: [1, 1],
        offset: [1, 1],
        groups: 1,
    };
    agree::<f32>(&base, 1);
    agree::<f32>(
        &Geometry {
            stride: [2, 2],
            output: [20, 19],
            ..base
        },
        2,
    );
    agree::<f32>(
        &Geometry {
            channels: 256,
            input: [9, 8],
            output: [9, 8],
            filters: 150,
            batch: 3,
            ..base
        },
        3,
    );
    agree::<f32>(
        &Geometry {
            channels: 256,
            input: [9, 8],
            output: [5, 4],
            stride: [2, 2],
            filters: 150,
            ..base
        },
        4,
    );
    agree::<f32>(
        &Geometry {
            kernel: [1, 1],
            offset: [0, 0],
            channels: 70,
            filters: 130,
            ..base
        },
        5,
    );
    agree::<f32>(
        &Geometry {
            kernel: [1, 1],
            offset: [0, 0],
            channels: 70,
            filters: 130,
            input: [7, 6],
            output: [7, 6],
            batch: 9,
            ..base
        },
        6,
    );
    agree::<f32>(
        &Geometry {
            groups: 32,
            channels: 32,
            filters: 64,
            ..base
        },
        7,
    );
    agree::<f32>(
        &Geometry {
            groups: 32,
            channels: 32,
            filters: 32,
            stride: [2, 2],
            output: [20, 19],
            ..base
        },
        8,
    );
    agree::<f64>(
        &Geometry {
            groups: 4,
            channels: 8,
            filters: 12,
            kernel: [7, 1],
            offset: [3, 0],
            input: [40, 37],
            ..base
        },
        9,
    );
}

/// Every multiple of a whole number below 2²⁴ is exact in `f32`, so a filter over more than
/// one block of channels still agrees exactly.
#[test]
fn many_channels_equal_the_definition() {
    let g = Geometry {
        batch: 1,
        channels: 700,
        input: [16, 16],
        filters: 9,
        kernel: [3, 3],
        output: [16, 16],
        stride: [1, 1],
        dilation: [1, 1],
        offset: [1, 1],
        groups: 1,
    };
    agree::<f32>(&g, 11);
}
