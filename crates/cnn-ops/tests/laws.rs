//! Laws that hold without a reference: adjointness, determinism, special values.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use candle_core::{DType, Device, Tensor, Var};
use cnn_ops::{
    Activation, ConvOptions, Corners, CountPadding, Padding, PoolOptions, Result, avg_pool2d,
    batch_norm_eval, batch_norm_train, conv2d, conv2d_fused, dropout, ghost_batch_norm, init,
    linear, max_pool2d, relu, softmax_cross_entropy, upsample_bilinear2d,
};
use proptest::prelude::*;
use support::{distinct, values};

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `<f(x), y> = <x, fᵀ(y)>` for a linear `f`, whose backward pass is fᵀ.
fn check_adjoint(f: &dyn Fn(&Tensor) -> Result<Tensor>, x: &Tensor, tolerance: f64) {
    let x = Var::from_tensor(x).unwrap();
    let fx = f(&x).unwrap();
    let y = distinct(fx.dims(), 3).to_dtype(fx.dtype()).unwrap();
    let store = (&fx * &y).unwrap().sum_all().unwrap().backward().unwrap();
    let left = dot(&values(&fx), &values(&y));
    let right = dot(&values(&x), &values(store.get(&x).unwrap()));
    let scale = dot(&values(&fx), &values(&fx)).sqrt() * dot(&values(&y), &values(&y)).sqrt();
    assert!(
        (left - right).abs() <= tolerance * scale.max(1e-3),
        "{left} and {right} at scale {scale}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Larger maps than finite differences can afford. In `f32` a sum over n products carries a
    /// relative error of about √n·6e-8; 1e-5 covers n = 10⁴ and Winograd's factor of ten.
    #[test]
    fn convolution_is_adjoint_to_its_backward_pass(
        c in 1usize..40,
        f in 1usize..40,
        h in 3usize..24,
        w in 3usize..24,
        k in 1usize..4,
        s in 1usize..3,
        seed in any::<u64>(),
    ) {
        let options = ConvOptions {
            stride: [s, s],
            padding: Padding::same_keras([h, w], [k, k], [s, s], [1, 1]),
            ..ConvOptions::default()
        };
        let x = distinct(&[2, c, h, w], seed);
        let weight = distinct(&[f, c, k, k], !seed);
        check_adjoint(&|x| conv2d(x, &weight, None, &options), &x, 1e-12);
        let (x, weight) = (x.to_dtype(DType::F32).unwrap(), weight.to_dtype(DType::F32).unwrap());
        check_adjoint(&|x| conv2d(x, &weight, None, &options), &x, 1e-5);
        // The weight gradient is the adjoint of conv2d in its other argument.
        check_adjoint(&|w| conv2d(&x, w, None, &options), &weight, 1e-5);
    }

    #[test]
    fn plane_maps_are_adjoint(h in 2usize..30, w in 2usize..30, seed in any::<u64>()) {
        let x = distinct(&[2, 3, h, w], seed);
        let pool = PoolOptions::square(2, 1);
        check_adjoint(&|x| avg_pool2d(x, &pool, CountPadding::Include), &x, 1e-12);
        check_adjoint(&|x| upsample_bilinear2d(x, [17, 23], Corners::HalfPixel), &x, 1e-12);
    }
}

/// A little of everything, large enough to be cut into several tasks.
fn training_step() -> Vec<f64> {
    let device = Device::Cpu;
    let weight = |shape: &[usize], seed| {
        Var::from_tensor(&init::glorot_uniform(shape, DType::F32, &device, seed).unwrap()).unwrap()
    };
    let x = Var::from_tensor(&distinct(&[4, 8, 48, 40], 1).to_dtype(DType::F32).unwrap()).unwrap();
    let w1 = weight(&[96, 8, 3, 3], 2);
    let w2 = weight(&[96, 1, 3, 3], 3);
    let w3 = weight(&[64, 96, 1, 1], 4);
    let w4 = weight(&[128, 64, 3, 3], 5);
    let w5 = weight(&[96, 128, 3, 3], 8);
    let w6 = weight(&[1500, 96], 9);
    let (gamma, beta) = (weight(&[96], 6), weight(&[96], 7));
    let same = ConvOptions {
        padding: Padding::symmetric(1, 1),
        ..ConvOptions::default()
    };
    let y = conv2d(&x, &w1, Some(&beta), &same).unwrap();
    let norm = batch_norm_train(&y, Some(&gamma), &beta, 1e-3).unwrap();
    let y = dropout(&relu(&norm.output).unwrap(), 0.3, 11).unwrap();
    let depthwise = ConvOptions { groups: 96, ..same };
    let y = conv2d(&y, &w2, None, &depthwise).unwrap();
    let y = conv2d(&y, &w3, None, &ConvOptions::default()).unwrap();
    let y = max_pool2d(&y, &PoolOptions::square(3, 2)).unwrap();
    let two = ConvOptions {
        stride: [2, 2],
        ..same
    };
    let y = conv2d(&y, &w4, None, &two).unwrap();
    let y = upsample_bilinear2d(&y, [32, 32], Corners::Align).unwrap();
    let y = conv2d(&y, &w5, None, &same).unwrap();
    let y = avg_pool2d(&y, &PoolOptions::square(3, 1), CountPadding::Exclude).unwrap();
    let features = cnn_ops::global_avg_pool2d(&y).unwrap();
    let logits = linear(&features, &w6, None).unwrap();
    let labels = Tensor::new(&[1u32, 2, 3, 4], &device).unwrap();
    let loss = softmax_cross_entropy(&logits, &labels, None).unwrap();
    let store = loss.backward().unwrap();
    let mut all = values(&loss);
    for v in [&x, &w1, &w2, &w3, &w4, &w5, &w6, &gamma, &beta] {
        all.extend(values(store.get(v).unwrap()));
    }
    all.extend(values(&norm.variance));
    all
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let runs: Vec<Vec<f64>> = [1, 2, 4]
        .map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(training_step)
        })
        .into();
    let bits = |run: &[f64]| run.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&runs[0]), bits(&runs[1]));
    assert_eq!(bits(&runs[0]), bits(&runs[2]));
}

#[test]
fn fused_equals_the_separate_operators() -> Result<()> {
    for (c, f, k, groups, h) in [
        (8, 16, 3, 1, 20),
        (64, 64, 3, 1, 33),
        (6, 6, 3, 6, 9),
        (5, 7, 1, 1, 4),
    ] {
        let options = ConvOptions {
            padding: Padding::symmetric(k / 2, k / 2),
            groups,
            ..ConvOptions::default()
        };
        let x = distinct(&[3, c, h, h], 1).to_dtype(DType::F32)?;
        let w = distinct(&[f, c / groups, k, k], 2).to_dtype(DType::F32)?;
        let b = distinct(&[f], 3).to_dtype(DType::F32)?;
        let residual = distinct(&[3, f, h, h], 4).to_dtype(DType::F32)?;
        for (bias, added, rectified) in (0..8).map(|i| (i & 1 == 0, i & 2 == 0, i & 4 == 0)) {
            let b = bias.then_some(&b);
            let mut expected = conv2d(&x, &w, b, &options)?;
            if added {
                expected = (expected + &residual)?;
            }
            let mut activation = Activation::None;
            if rectified {
                expected = relu(&expected)?;
                activation = Activation::Relu;
            }
            let residual = added.then_some(&residual);
            let fused = conv2d_fused(&x, &w, b, residual, activation, &options)?;
            // Same sums in the same order: bias, then residual.
            assert_eq!(
                values(&fused),
                values(&expected),
                "{c} {bias} {added} {rectified}"
            );
        }
    }
    Ok(())
}

#[test]
fn nan_is_not_hidden() -> Result<()> {
    let x = Tensor::new(&[[[[1f32, f32::NAN], [2., 3.]]]], &Device::Cpu)?;
    assert!(values(&max_pool2d(&x, &PoolOptions::square(2, 2))?)[0].is_nan());
    assert!(values(&relu(&x)?)[1].is_nan());
    Ok(())
}

#[test]
fn maximum_ties_send_the_gradient_to_the_first() -> Result<()> {
    let x = Var::from_tensor(&Tensor::ones((1, 1, 2, 2), DType::F32, &Device::Cpu)?)?;
    let store = max_pool2d(&x, &PoolOptions::square(2, 2))?
        .sum_all()?
        .backward()?;
    assert_eq!(values(store.get(&x).unwrap()), [1., 0., 0., 0.]);
    Ok(())
}

#[test]
fn constant_channels_normalise_to_beta() -> Result<()> {
    let x = Tensor::full(3f32, (2, 1, 2, 2), &Device::Cpu)?;
    let beta = Tensor::new(&[0.5f32], &Device::Cpu)?;
    let y = batch_norm_train(&x, None, &beta, 0.0)?;
    assert_eq!(values(&y.output), [0.5; 8]);
    assert_eq!(values(&y.variance), [0.0]);
    let zero = beta.zeros_like()?;
    assert!(batch_norm_eval(&x, None, &beta, &zero, &zero, 1e-5)?.dims() == x.dims());
    Ok(())
}

#[test]
fn a_nan_in_the_batch_stays_visible() -> Result<()> {
    let x = Tensor::new(&[[[[1f32, f32::NAN]], [[1., 3.]]]], &Device::Cpu)?;
    let y = batch_norm_train(&x, None, &Tensor::zeros(2, DType::F32, &Device::Cpu)?, 1e-5)?;
    let variance = values(&y.variance);
    assert!(variance[0].is_nan() && variance[1] == 1.0, "{variance:?}");
    assert!(values(&y.output)[..2].iter().all(|v| v.is_nan()));
    Ok(())
}

#[test]
fn ghost_batches_are_batches_of_their_own() -> Result<()> {
    let all = |x: &Tensor| x.flatten_all().and_then(|x| x.to_vec1::<f64>()).unwrap();
    let x = init::glorot_uniform(&[5, 3, 4, 2], DType::F64, &Device::Cpu, 3)?;
    let beta = Tensor::new(&[0.5f64, -1.0, 2.0], &Device::Cpu)?;
    let ghosts = ghost_batch_norm(&x, None, &beta, 1e-3, 2)?;
    assert_eq!(ghosts.pieces, [2, 2, 1]);
    let mut means = beta.zeros_like()?;
    for (i, &length) in ghosts.pieces.iter().enumerate() {
        let piece = batch_norm_train(&x.narrow(0, 2 * i, length)?, None, &beta, 1e-3)?;
        let part = ghosts.output.narrow(0, 2 * i, length)?;
        assert_eq!(all(&piece.output), all(&part));
        means = (means + piece.mean / 3.0)?;
    }
    let difference = (means - ghosts.mean)?
        .abs()?
        .sum_all()?
        .to_scalar::<f64>()?;
    assert!(difference < 1e-14); // the order of three additions
    let whole = ghost_batch_norm(&x, None, &beta, 1e-3, 9)?;
    assert_eq!(
        all(&whole.output),
        all(&batch_norm_train(&x, None, &beta, 1e-3)?.output)
    );
    assert!(ghost_batch_norm(&x, None, &beta, 1e-3, 0).is_err());
    let empty = ghost_batch_norm(&x.narrow(0, 0, 0)?, None, &beta, 1e-3, 2)?;
    assert_eq!(
        (empty.output.dims(), &empty.pieces[..]),
        (&[0, 3, 4, 2][..], &[0][..])
    );
    Ok(())
}

#[test]
fn initial_weights_have_the_documented_variance() -> Result<()> {
    let (device, shape) = (Device::Cpu, [64, 32, 3, 3]);
    let deviation = |w: &Tensor| {
        let v = values(w);
        (v.iter().map(|v| v * v).sum::<f64>() / v.len() as f64).sqrt()
    };
    // 18432 samples: the standard error of a deviation is about 0.5 %, so 3 % is six of them.
    let cases = [
        (
            init::glorot_uniform(&shape, DType::F64, &device, 1)?,
            2.0 / (32. * 9. + 64. * 9.),
        ),
        (
            init::kaiming_uniform(&shape, init::Fan::In, DType::F64, &device, 2)?,
            2.0 / (32. * 9.),
        ),
        (
            init::kaiming_normal(&shape, init::Fan::Out, DType::F64, &device, 3)?,
            2.0 / (64. * 9.),
        ),
        (
            init::glorot_uniform_depthwise(&[2048, 1, 3, 3], 2048, DType::F64, &device, 4)?,
            2.0 / (2049. * 9.),
        ),
    ];
    for (w, variance) in cases {
        let ratio = deviation(&w) / f64::sqrt(variance);
        assert!((ratio - 1.0).abs() < 0.03, "{ratio}");
    }
    let again = init::glorot_uniform(&shape, DType::F64, &device, 1)?;
    assert_eq!(
        values(&again),
        values(&init::glorot_uniform(&shape, DType::F64, &device, 1)?)
    );
    assert_ne!(
        values(&again),
        values(&init::glorot_uniform(&shape, DType::F64, &device, 2)?)
    );
    Ok(())
}
