//! The fast algorithms against the definition.

use proptest::prelude::*;

use super::forward::Epilogue;
use super::geometry::Geometry;
use super::tests::whole;
use super::{direct, winograd, winograd_line};

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

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    /// 2e-5 as for the square tiles: 1e-6 is usual, one tile in some hundreds reaches 8e-6.
    #[test]
    fn winograd_along_a_line_agrees_with_the_definition(
        batch in 0usize..4,
        channels in 1usize..70,
        filters in 1usize..150,
        output in [1usize..40, 1usize..70],
        across in any::<bool>(),
        along in -3isize..8,
        aside in -2isize..3,
        after in [-3isize..5, -2isize..3],
        seed in any::<u64>(),
    ) {
        let (kernel, offset) = match across {
            true => ([1, 7], [aside, along]),
            false => ([7, 1], [along, aside]),
        };
        let input = [0, 1].map(|i| output[i] as isize + kernel[i] - 1 - offset[i] - after[i]);
        prop_assume!(input.iter().all(|&n| n > 0));
        let g = Geometry {
            batch,
            channels,
            input: input.map(|n| n as usize),
            filters,
            kernel: kernel.map(|n| n as usize),
            output,
            stride: [1, 1],
            dilation: [1, 1],
            offset,
            groups: 1,
        };
        let x = whole::<f32>(g.input_shape().iter().product(), seed);
        let w = whole::<f32>(g.weight_shape().iter().product(), !seed);
        let bias = whole::<f32>(filters, 3);
        let epilogue = Epilogue { bias: Some(&bias), residual: None, relu: true };
        let fast = winograd_line::convolve(&g, &x, &w, epilogue).unwrap();
        let mut expected = direct::forward(&g, &x, &w);
        let pixels = output[0] * output[1];
        for (i, y) in expected.iter_mut().enumerate() {
            *y = (*y + bias[i / pixels % filters]).max(0.0);
        }
        let error = relative_error(&fast, &expected, 4.0 * channels as f32);
        prop_assert!(error < 2e-5, "{error}");
    }
}
