//! Every backward pass against central differences in `f64`, over random shapes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use candle_core::{Device, Tensor};
use cnn_ops::{
    ConvOptions, Corners, CountPadding, Padding, PoolOptions, adaptive_avg_pool2d, avg_pool2d,
    batch_norm_eval, batch_norm_train, conv2d, dropout, global_avg_pool2d, linear, max_pool2d,
    pad_reflect, pad_zero, relu, relu6, softmax_cross_entropy, upsample_bilinear2d,
    upsample_nearest2d,
};
use proptest::prelude::*;
use support::{check_gradients, distinct};

fn padding(p: [usize; 4]) -> Padding {
    Padding {
        top: p[0],
        bottom: p[1],
        left: p[2],
        right: p[3],
    }
}

prop_compose! {
    fn maps()(b in 1usize..3, c in 1usize..4, h in 1usize..7, w in 1usize..7) -> [usize; 4] {
        [b, c, h, w]
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
        let options = ConvOptions { stride, dilation, groups, padding: padding(pad) };
        let x = distinct(&[batch, channels * groups, input[0], input[1]], seed);
        let w = distinct(&[filters * groups, channels, kernel[0], kernel[1]], !seed);
        let b = distinct(&[filters * groups], seed ^ 7);
        if conv2d(&x, &w, Some(&b), &options).is_ok() {
            check_gradients(&|t| conv2d(&t[0], &t[1], Some(&t[2]), &options), &[x, w, b]);
        }
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
        let x = distinct(&shape, seed);
        if max_pool2d(&x, &options).is_ok() {
            check_gradients(&|t| max_pool2d(&t[0], &options), std::slice::from_ref(&x));
            for count in [CountPadding::Include, CountPadding::Exclude] {
                check_gradients(&|t| avg_pool2d(&t[0], &options, count), std::slice::from_ref(&x));
            }
        }
    }

    #[test]
    fn plane_maps(
        shape in maps(),
        output in [1usize..8, 1usize..8],
        pad in [0usize..4, 0usize..4, 0usize..4, 0usize..4],
        seed in any::<u64>(),
    ) {
        let x = [distinct(&shape, seed)];
        check_gradients(&|t| adaptive_avg_pool2d(&t[0], output), &x);
        check_gradients(&|t| global_avg_pool2d(&t[0]), &x);
        check_gradients(&|t| upsample_nearest2d(&t[0], output), &x);
        check_gradients(&|t| pad_zero(&t[0], padding(pad)), &x);
        for corners in [Corners::Align, Corners::HalfPixel] {
            check_gradients(&|t| upsample_bilinear2d(&t[0], output, corners), &x);
        }
        if pad_reflect(&x[0], padding(pad)).is_ok() {
            check_gradients(&|t| pad_reflect(&t[0], padding(pad)), &x);
        }
    }

    #[test]
    fn batch_norms(shape in maps(), seed in any::<u64>()) {
        let c = shape[1];
        let [x, gamma, beta, mean] = [
            distinct(&shape, seed),
            distinct(&[c], seed ^ 1),
            distinct(&[c], seed ^ 2),
            distinct(&[c], seed ^ 3),
        ];
        // A large eps keeps the curvature, and with it the truncation error, small.
        let eps = 0.1;
        let variance = (distinct(&[c], seed ^ 4) + 1.5).unwrap();
        let all = [x, gamma, beta];
        check_gradients(
            &|t| Ok(batch_norm_train(&t[0], Some(&t[1]), &t[2], eps)?.output), &all,
        );
        check_gradients(
            &|t| batch_norm_eval(&t[0], Some(&t[1]), &t[2], &mean, &variance, eps), &all,
        );
        let [x, _, beta] = all;
        let two = [x, beta];
        check_gradients(&|t| Ok(batch_norm_train(&t[0], None, &t[1], eps)?.output), &two);
        check_gradients(
            &|t| batch_norm_eval(&t[0], None, &t[1], &mean, &variance, eps), &two,
        );
    }

    #[test]
    fn pointwise(shape in maps(), p in 0.0f64..1.0, seed in any::<u64>()) {
        let x = (distinct(&shape, seed) * 9.0).unwrap();
        check_gradients(&|t| relu(&t[0]), std::slice::from_ref(&x));
        check_gradients(&|t| relu6(&t[0]), std::slice::from_ref(&x));
        check_gradients(&|t| dropout(&t[0], p, seed), &[x]);
    }

    #[test]
    fn heads(
        batch in 1usize..5,
        inputs in 1usize..5,
        classes in 1usize..5,
        weighted in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let x = distinct(&[batch, inputs], seed);
        let w = distinct(&[classes, inputs], seed ^ 1);
        let b = distinct(&[classes], seed ^ 2);
        check_gradients(&|t| linear(&t[0], &t[1], Some(&t[2])), &[x, w, b]);
        let labels: Vec<u32> = (0..batch).map(|i| (i * 7 % classes) as u32).collect();
        let labels = Tensor::new(labels, &Device::Cpu).unwrap();
        let weights: Vec<f32> = (0..classes).map(|i| i as f32 + 0.5).collect();
        let weights = weighted.then_some(weights.as_slice());
        let logits = (distinct(&[batch, classes], seed ^ 3) * 4.0).unwrap();
        check_gradients(&|t| softmax_cross_entropy(&t[0], &labels, weights), &[logits]);
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
        &|t| {
            let y = relu(&conv2d(&t[0], &t[1], None, &options)?)?;
            Ok((&t[0] + y)?)
        },
        &[x, w],
    );
    Ok(())
}
