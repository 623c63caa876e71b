//! Every backward pass against central differences in `f64`, over random shapes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use candle_core::Tensor;
use cnn_ops::{ConvOptions, Padding, PoolOptions, conv2d, relu};
use proptest::prelude::*;
use support::cases::{self, Case, padding};
use support::{check_gradients, distinct};

prop_compose! {
    fn maps()(b in 1usize..3, c in 1usize..4, h in 1usize..7, w in 1usize..7) -> [usize; 4] {
        [b, c, h, w]
    }
}

/// Those of the cases that have gradients.
fn check(cases: &[Case]) {
    for case in cases.iter().filter(|c| c.operator != "conv2d_fused") {
        check_gradients(&*case.run, &case.inputs);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn convolution(
        batch in 1usize..3,
        groups in 1usize..3,
        channels in 1usize..3,
        filters in 1usize..3,
        input in [1usize..7, 1usize..7],
        kernel in [1usize..4, 1usize..4],
        stride in [1usize..4, 1usize..4],
        dilation in [1usize..3, 1usize..3],
        pad in [0usize..4, 0usize..4, 0usize..4, 0usize..4],
        seed in any::<u64>(),
    ) {
        let sizes = cases::Sizes {
            batch, groups, channels, filters, input, kernel, stride, dilation, pad,
        };
        check(&cases::convolutions(&sizes, seed));
    }

    #[test]
    fn pools(
        shape in maps(),
        kernel in [1usize..4, 1usize..4],
        stride in [1usize..4, 1usize..4],
        pad in [0usize..3, 0usize..3, 0usize..3, 0usize..3],
        ceil_mode in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let options = PoolOptions { kernel, stride, padding: padding(pad), ceil_mode };
        check(&cases::pools(shape, options, seed));
    }

    #[test]
    fn plane_maps(
        shape in maps(),
        output in [1usize..8, 1usize..8],
        pad in [0usize..4, 0usize..4, 0usize..4, 0usize..4],
        seed in any::<u64>(),
    ) {
        check(&cases::plane_maps(shape, output, padding(pad), seed));
    }

    #[test]
    fn batch_norms(shape in maps(), seed in any::<u64>()) {
        check(&cases::batch_norms(shape, seed));
    }

    #[test]
    fn pointwise(shape in maps(), p in 0.0f64..1.0, seed in any::<u64>()) {
        check(&cases::pointwise(shape, p, seed));
    }

    #[test]
    fn heads(
        batch in 1usize..5,
        inputs in 1usize..5,
        classes in 1usize..5,
        weighted in any::<bool>(),
        seed in any::<u64>(),
    ) {
        check(&cases::heads([batch, inputs, classes], weighted, seed));
    }
}

#[test]
fn nothing_is_computed_for_plain_tensors() -> cnn_ops::Result<()> {
    let x = candle_core::Var::from_tensor(&distinct(&[1, 2, 4, 4], 1))?;
    let w = distinct(&[3, 2, 3, 3], 2);
    let y = conv2d(&x, &w, None, &ConvOptions::default())?;
    let store = y.sum_all()?.backward()?;
    assert!(store.get(&x).is_some());
    assert!(store.get(&w).is_none());
    assert!(!conv2d(&x.detach(), &w, None, &ConvOptions::default())?.track_op());
    Ok(())
}

#[test]
fn a_shared_input_receives_the_sum_of_its_gradients() -> cnn_ops::Result<()> {
    let x = distinct(&[1, 2, 3, 3], 5);
    let w = distinct(&[2, 2, 3, 3], 6);
    let options = ConvOptions {
        padding: Padding::symmetric(1, 1),
        ..ConvOptions::default()
    };
    check_gradients(
        &|t: &[Tensor]| {
            let y = relu(&conv2d(&t[0], &t[1], None, &options)?)?;
            Ok((&t[0] + y)?)
        },
        &[x, w],
    );
    Ok(())
}
