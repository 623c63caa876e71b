//! Wrong arguments are typed errors that name both values, and no shape panics.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use candle_core::{DType, Device, Tensor, Var};
use cnn_ops::{
    ConvOptions, CountPadding, Error, Momentum, Padding, PoolOptions, Result, adaptive_avg_pool2d,
    avg_pool2d, batch_norm_eval, batch_norm_train, conv2d, dropout, global_avg_pool2d, init,
    linear, max_pool2d, pad_reflect, pad_zero, relu, softmax_cross_entropy, update_running,
    upsample_bilinear2d, upsample_nearest2d,
};
use proptest::prelude::*;

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap()
}

fn message<T>(result: Result<T>) -> String {
    result.err().map_or_else(String::new, |e| e.to_string())
}

#[test]
fn messages_name_both_values() {
    let x = zeros(&[1, 3, 5, 5]);
    let plain = ConvOptions::default();
    assert_eq!(
        message(conv2d(&x, &zeros(&[4, 2, 3, 3]), None, &plain)),
        "conv2d: 1 groups of 2 channels each need an input of 2 channels and a multiple of 1 \
         filters, got 3 channels and 4 filters"
    );
    assert_eq!(
        message(conv2d(&x, &zeros(&[4, 3, 7, 3]), None, &plain)),
        "conv2d: a kernel that spans [7, 3] does not fit into the padded input [5, 5] \
         (rows, columns)"
    );
    let w = zeros(&[4, 3, 3, 3]);
    assert_eq!(
        message(conv2d(&x, &w.to_dtype(DType::F64).unwrap(), None, &plain)),
        "conv2d: x is F32 but weight is F64"
    );
    assert_eq!(
        message(conv2d(&x, &w, Some(&zeros(&[3])), &plain)),
        "conv2d: bias has shape [3] but weight has [4, 3, 3, 3]"
    );
    assert_eq!(
        message(conv2d(
            &x,
            &w,
            None,
            &ConvOptions {
                stride: [1, 0],
                ..plain
            }
        )),
        "conv2d: stride must be at least 1, got [1, 0]"
    );
    let padded = PoolOptions::square(2, 2).with_padding(Padding::symmetric(2, 0));
    assert_eq!(
        message(max_pool2d(&x, &padded)),
        "max_pool2d: padding 2 on the top must be smaller than the kernel, 2"
    );
    assert_eq!(
        message(relu(&x.to_dtype(DType::U8).unwrap())),
        "relu: x must be F32 or F64, got U8"
    );
    assert_eq!(
        message(dropout(&x, 1.5, 0)),
        "dropout: p must be in [0, 1], got 1.5"
    );
    let labels = Tensor::new(&[0u32, 2], &Device::Cpu).unwrap();
    assert_eq!(
        message(softmax_cross_entropy(&zeros(&[2, 2]), &labels, None)),
        "softmax_cross_entropy: label 2 of sample 1 is outside 0..2"
    );
    assert_eq!(
        message(linear(&zeros(&[2, 3]), &zeros(&[4, 5]), None)),
        "linear: x has shape [2, 3] but weight has shape [4, 5]".replace("has shape [4", "has [4")
    );
}

#[test]
fn errors_pass_through_candle() {
    fn inside_candle() -> candle_core::Result<Tensor> {
        Ok(relu(&Tensor::zeros(3, DType::U8, &Device::Cpu)?)?)
    }
    // candle appends a backtrace where one is asked for.
    let text = inside_candle()
        .map_err(|e| e.to_string())
        .err()
        .unwrap_or_default();
    assert!(
        text.starts_with("relu: x must be F32 or F64, got U8"),
        "{text}"
    );
}

#[test]
fn empty_batches_work() -> Result<()> {
    let x = zeros(&[0, 3, 8, 8]);
    let w = zeros(&[4, 3, 3, 3]);
    let c = zeros(&[3]);
    let pool = PoolOptions::square(2, 2);
    assert_eq!(
        conv2d(&x, &w, None, &ConvOptions::default())?.dims(),
        [0, 4, 6, 6]
    );
    assert_eq!(max_pool2d(&x, &pool)?.dims(), [0, 3, 4, 4]);
    assert_eq!(
        avg_pool2d(&x, &pool, CountPadding::Include)?.dims(),
        [0, 3, 4, 4]
    );
    assert_eq!(global_avg_pool2d(&x)?.dims(), [0, 3]);
    let norm = batch_norm_train(&x, Some(&c), &c, 1e-5)?;
    assert_eq!(
        (norm.output.dims(), norm.count),
        ([0, 3, 8, 8].as_slice(), 0)
    );
    assert_eq!(
        batch_norm_eval(&x, None, &c, &c, &c, 1e-5)?.dims(),
        x.dims()
    );
    assert_eq!(relu(&x)?.dims(), x.dims());
    assert_eq!(
        linear(&zeros(&[0, 3]), &zeros(&[2, 3]), Some(&zeros(&[2])))?.dims(),
        [0, 2]
    );
    assert_eq!(
        pad_zero(&x, Padding::symmetric(1, 1))?.dims(),
        [0, 3, 10, 10]
    );
    assert_eq!(upsample_nearest2d(&x, [3, 3])?.dims(), [0, 3, 3, 3]);
    let none = Tensor::zeros(0, DType::U32, &Device::Cpu)?;
    let loss = softmax_cross_entropy(&zeros(&[0, 3]), &none, None);
    assert!(matches!(loss, Err(Error::EmptyMean { .. })));
    Ok(())
}

#[test]
fn the_gradient_of_an_empty_batch_is_zero() -> Result<()> {
    let w = candle_core::Var::from_tensor(&zeros(&[4, 3, 3, 3]))?;
    let y = conv2d(&zeros(&[0, 3, 8, 8]), &w, None, &ConvOptions::default())?;
    let store = y.sum_all()?.backward()?;
    let dw = store
        .get(&w)
        .map(|g| g.abs()?.sum_all()?.to_scalar::<f32>());
    assert_eq!(dw.transpose()?, Some(0.0));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Any combination of sizes, zero included, returns.
    #[test]
    fn no_shape_panics(
        x in [0usize..3, 0usize..4, 0usize..5, 0usize..5],
        w in [0usize..4, 0usize..4, 0usize..4, 0usize..4],
        stride in [0usize..4, 0usize..4],
        dilation in [0usize..3, 0usize..3],
        groups in 0usize..4,
        pad in [0usize..4, 0usize..4, 0usize..4, 0usize..4],
        output in [0usize..4, 0usize..4],
        ceil_mode in any::<bool>(),
    ) {
        let map = zeros(&x);
        let padding = Padding { top: pad[0], bottom: pad[1], left: pad[2], right: pad[3] };
        let conv = ConvOptions { stride, dilation, groups, padding };
        if let Ok(y) = conv2d(&map, &zeros(&w), None, &conv) {
            prop_assert_eq!(y.dims()[0], x[0]);
        }
        let pool = PoolOptions { kernel: [w[2], w[3]], stride, padding, ceil_mode };
        let per_channel = zeros(&[x[1]]);
        let results = [
            max_pool2d(&map, &pool),
            avg_pool2d(&map, &pool, CountPadding::Exclude),
            adaptive_avg_pool2d(&map, output),
            upsample_bilinear2d(&map, output, cnn_ops::Corners::Align),
            upsample_nearest2d(&map, output),
            pad_zero(&map, padding),
            pad_reflect(&map, padding),
            batch_norm_train(&map, None, &per_channel, 0.0).map(|y| y.output),
        ];
        for y in results.into_iter().flatten() {
            prop_assert_eq!(&y.dims()[..2], &x[..2]);
            prop_assert!(y.flatten_all()?.to_vec1::<f32>()?.iter().all(|v| v.is_finite()));
        }
    }

    /// As below for one channel per group, where planes are copied with their padding.
    #[test]
    fn huge_options_of_depthwise_convolutions_do_not_overflow(shift in 0u32..60, which in 0usize..5) {
        let huge = usize::MAX >> shift;
        let (x, w) = (zeros(&[1, 2, 4, 4]), zeros(&[2, 1, 2, 2]));
        let mut conv = ConvOptions { groups: 2, ..ConvOptions::default() };
        match which {
            0 => conv.stride[0] = huge,
            1 => conv.stride[1] = huge,
            2 => conv.stride = [huge, huge],
            3 => conv.padding = Padding::symmetric(huge / 2, 0),
            _ => {
                conv.dilation = [huge, huge];
                conv.padding = Padding::symmetric(huge / 2, huge / 2);
            }
        }
        // Memory for up to 2²⁸ elements is what a test should not ask for.
        prop_assume!(which < 3 || !(12..52).contains(&shift) || huge > 1 << 30);
        if let Ok(y) = conv2d(&x, &w, None, &conv) {
            prop_assert!(which < 3 || y.elem_count() < 1 << 28);
        } else {
            prop_assert!(which >= 3);
        }
    }

    /// Options near the end of the address space are errors, not overflows.
    #[test]
    fn huge_options_do_not_overflow(shift in 0u32..28, which in 0usize..8) {
        let huge = usize::MAX >> shift;
        prop_assume!(huge > 1 << 36);
        let x = zeros(&[1, 1, 4, 4]);
        let mut conv = ConvOptions::default();
        let mut pool = PoolOptions::square(2, 2);
        match which {
            0 => (conv.stride[0], pool.stride[0]) = (huge, huge),
            1 => (conv.stride[1], pool.stride[1]) = (huge, huge),
            2 => (conv.dilation[0], pool.kernel[0]) = (huge, huge),
            3 => (conv.dilation[1], pool.kernel[1]) = (huge, huge),
            4 => (conv.padding.top, pool.padding.top) = (huge, huge),
            5 => (conv.padding.bottom, pool.padding.bottom) = (huge, huge),
            6 => (conv.padding.left, pool.padding.left) = (huge, huge),
            _ => conv.groups = huge,
        }
        let w = zeros(&[1, 1, 2, 2]);
        let stride = which < 2;
        prop_assert_eq!(conv2d(&x, &w, None, &conv).is_ok(), stride);
        prop_assert_eq!(max_pool2d(&x, &pool).is_ok(), stride || which == 7);
        pool.ceil_mode = true;
        prop_assert_eq!(max_pool2d(&x, &pool).is_ok(), stride || which == 7);
        prop_assert!(init::constant(&[huge, huge], 0.0, DType::F32, &Device::Cpu).is_err());
    }
}

#[test]
fn running_statistics() {
    let running = Var::new(&[1f64, 2.], &Device::Cpu).unwrap();
    let batch = Tensor::new(&[3f64, 6.], &Device::Cpu).unwrap();
    update_running(&running, &batch, Momentum::Torch(0.25)).unwrap();
    assert_eq!(running.to_vec1::<f64>().unwrap(), [1.5, 3.]);
    update_running(&running, &batch, Momentum::Keras(0.5)).unwrap();
    assert_eq!(running.to_vec1::<f64>().unwrap(), [2.25, 4.5]);
    for momentum in [-0.1, 1.5, f64::NAN] {
        let error = update_running(&running, &batch, Momentum::Keras(momentum)).unwrap_err();
        assert!(matches!(error, Error::InvalidValue { .. }), "{error}");
    }
    let short = Tensor::new(&[3f64], &Device::Cpu).unwrap();
    let error = update_running(&running, &short, Momentum::Torch(0.1)).unwrap_err();
    assert!(matches!(error, Error::ShapeMismatch { .. }), "{error}");
    let single = batch.to_dtype(DType::F32).unwrap();
    let error = update_running(&running, &single, Momentum::Torch(0.1)).unwrap_err();
    assert!(matches!(error, Error::DTypeMismatch { .. }), "{error}");
    assert_eq!(running.to_vec1::<f64>().unwrap(), [2.25, 4.5]);
}
