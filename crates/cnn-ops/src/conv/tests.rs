//! Every path against the definition.

use proptest::prelude::*;

use super::forward::{Epilogue, Weight, convolve};
use super::geometry::Geometry;
use super::{direct, paths, winograd, winograd_line};
use crate::element::Element;

/// Small whole numbers: every sum is exact, so every path must agree bit for bit.
pub(super) fn whole<T: Element>(n: usize, seed: u64) -> Vec<T> {
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
        filters in 1usize..10,
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

fn winograd_applies<T>(g: &Geometry) -> bool {
    size_of::<T>() == 4 && (winograd::suits(g) || winograd_line::suits(g))
}

fn agree<T: Element + std::fmt::Debug>(g: &Geometry, seed: u64) {
    let count = |s: [usize; 4]| s.iter().product::<usize>();
    let x = whole::<T>(count(g.input_shape()), seed);
    let w = whole::<T>(count(g.weight_shape()), seed ^ 0x5555);
    let dy = whole::<T>(count(g.output_shape()), seed ^ 0xaaaa);
    let y = convolve(g, &x, Weight::Plain(&w), Epilogue::none());
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
