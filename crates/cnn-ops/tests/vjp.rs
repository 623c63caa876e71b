//! Operators with their way back give what the same operators give in candle's graph, bit for bit.

use candle_core::{DType, Device, Tensor, Var};
use cnn_ops::vjp::{self, BatchNormOptions, Conv2d, Recorded};
use cnn_ops::{Activation, ConvOptions, CountPadding, Padding, PoolOptions, Result};

fn wave(shape: &[usize], phase: f64) -> Result<Var> {
    let count: usize = shape.iter().product();
    let x = Tensor::arange(0f32, count as f32, &Device::Cpu)?
        .affine(0.37, phase)?
        .sin()?
        .reshape(shape)?;
    Ok(Var::from_tensor(&x)?)
}

fn bits(x: &Tensor) -> Result<Vec<u32>> {
    let values = x.flatten_all()?.to_vec1::<f32>()?;
    // A gradient of −0 adds to candle's zeros as 0.
    Ok(values.iter().map(|v| (v + 0.0).to_bits()).collect())
}

/// Gradients of `Σ y·dy` in candle's graph.
fn in_graph(y: &Tensor, dy: &Tensor, of: &[&Var]) -> Result<Vec<Vec<u32>>> {
    let gradients = (y * dy)?.sum_all()?.backward()?;
    of.iter()
        .map(|var| gradients.get(var).map_or(Ok(Vec::new()), bits))
        .collect()
}

#[test]
fn convolutions() -> Result<()> {
    let options = [
        ConvOptions::default(),
        ConvOptions {
            stride: [2, 1],
            padding: Padding {
                top: 1,
                bottom: 0,
                left: 2,
                right: 1,
            },
            ..ConvOptions::default()
        },
        ConvOptions {
            groups: 4,
            padding: Padding::symmetric(1, 1),
            ..ConvOptions::default()
        },
    ];
    for o in options {
        let x = wave(&[2, 4, 7, 6], 0.1)?;
        let w = wave(&[8, 4 / o.groups, 3, 3], 1.0)?;
        let b = wave(&[8], 2.0)?;
        let y = cnn_ops::conv2d(&x, &w, Some(&b), &o)?;
        let dy = wave(y.dims(), 3.0)?.as_detached_tensor();
        let expected = in_graph(&y, &dy, &[&x, &w, &b])?;
        let conv = Conv2d::new(&x, &w, &o)?;
        let own = conv.output(Some(&b), None, Activation::None)?;
        assert!(!own.track_op());
        assert_eq!(bits(&own)?, bits(&y)?);
        assert_eq!(bits(&conv.input_gradient(&dy)?)?, expected[0]);
        assert_eq!(bits(&conv.weight_gradient(&dy)?)?, expected[1]);
        assert_eq!(bits(&conv.bias_gradient(&dy)?)?, expected[2]);
    }
    Ok(())
}

#[test]
fn planes() -> Result<()> {
    let x = wave(&[2, 3, 7, 6], 0.1)?;
    let o = PoolOptions::square(3, 2).with_padding(Padding::symmetric(1, 1));
    let pairs: [(Tensor, Recorded); 4] = [
        (cnn_ops::max_pool2d(&x, &o)?, vjp::max_pool2d(&x, &o)?),
        (
            cnn_ops::avg_pool2d(&x, &o, CountPadding::Exclude)?,
            vjp::avg_pool2d(&x, &o, CountPadding::Exclude)?,
        ),
        (cnn_ops::global_avg_pool2d(&x)?, vjp::global_avg_pool2d(&x)?),
        (
            cnn_ops::upsample_nearest2d(&x, [9, 14])?,
            vjp::upsample_nearest2d(&x, [9, 14])?,
        ),
    ];
    for (y, recorded) in pairs {
        assert_eq!(bits(&recorded.output)?, bits(&y)?);
        assert!(!recorded.output.track_op());
        let dy = wave(y.dims(), 3.0)?.as_detached_tensor();
        let expected = in_graph(&y, &dy, &[&x])?;
        assert_eq!(bits(&recorded.pull(&dy)?)?, expected[0]);
    }
    Ok(())
}

#[test]
fn batch_norms() -> Result<()> {
    for (images, relu, with_residual, with_gamma) in [
        (5, false, false, true),
        (5, true, false, true),
        (5, true, true, false),
        (2, true, true, true),
        (3, false, true, true),
        (1, true, false, false),
    ] {
        let x = wave(&[5, 3, 4, 7], 0.1)?;
        let [gamma, beta] = [wave(&[3], 1.0)?, wave(&[3], 0.4)?];
        let r = wave(&[5, 3, 4, 7], 2.2)?;
        let gamma = with_gamma.then_some(gamma);
        let gamma_tensor = gamma.as_ref().map(|g| g.as_tensor());
        let norm = cnn_ops::ghost_batch_norm(&x, gamma_tensor, &beta, 1e-3, images)?;
        let mut y = norm.output;
        if with_residual {
            y = (y + r.as_tensor())?;
        }
        if relu {
            y = cnn_ops::relu(&y)?;
        }
        let dy = wave(y.dims(), 3.0)?.as_detached_tensor();
        let unused = wave(&[1], 0.0)?;
        let vars = [&x, gamma.as_ref().unwrap_or(&unused), &beta, &r];
        let expected = in_graph(&y, &dy, &vars)?;
        let options = BatchNormOptions {
            eps: 1e-3,
            images,
            relu,
        };
        let residual = with_residual.then(|| r.as_tensor());
        let own = vjp::batch_norm(&x, gamma_tensor, &beta, residual, &options)?;
        assert_eq!(bits(&own.output)?, bits(&y)?);
        for (a, b) in [
            (&own.mean, &norm.mean),
            (&own.unbiased_variance, &norm.unbiased_variance),
        ] {
            for (a, b) in a.to_vec1::<f32>()?.iter().zip(b.to_vec1::<f32>()?) {
                // averaged in f64 here, in f32 there
                assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{a} {b}");
            }
        }
        let found = own.pull(&dy)?;
        assert_eq!(bits(&found.x)?, expected[0], "{images} {relu}");
        if with_residual {
            let own = found.residual.as_ref().map(bits).transpose()?;
            assert_eq!(own.as_ref(), Some(&expected[3]));
        } else {
            assert!(found.residual.is_none());
        }
        let close = |own: &Tensor, expected: &[u32]| -> Result<()> {
            for (a, &b) in own.to_vec1::<f32>()?.iter().zip(expected) {
                let b = f32::from_bits(b);
                // sums of pieces in f64 here, in f32 there
                assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{a} {b}");
            }
            Ok(())
        };
        close(&found.beta, &expected[2])?;
        if with_gamma {
            close(&found.gamma, &expected[1])?;
        }
    }
    Ok(())
}

#[test]
fn wrong_gradients_are_refused() -> Result<()> {
    let x = wave(&[1, 2, 4, 4], 0.0)?;
    let pooled = vjp::max_pool2d(&x, &PoolOptions::square(2, 2))?;
    let wrong = Tensor::zeros((1, 2, 4, 4), DType::F32, &Device::Cpu)?;
    let error = pooled.pull(&wrong).err().map(|e| e.to_string());
    let error = error.unwrap_or_default();
    assert!(
        error.contains("[1, 2, 4, 4]") && error.contains("[1, 2, 2, 2]"),
        "{error}"
    );
    let double = Tensor::zeros((1, 2, 2, 2), DType::F64, &Device::Cpu)?;
    assert!(pooled.pull(&double).is_err());
    let w = wave(&[2, 2, 3, 3], 0.0)?;
    let conv = Conv2d::new(&x, &w, &ConvOptions::default())?;
    assert!(conv.input_gradient(&wrong).is_err());
    let beta = wave(&[2], 0.0)?;
    let options = BatchNormOptions {
        eps: 1e-3,
        images: 0,
        relu: false,
    };
    assert!(vjp::batch_norm(&x, None, &beta, None, &options).is_err());
    let options = BatchNormOptions {
        images: 1,
        ..options
    };
    let short = wave(&[1, 2, 4, 3], 0.0)?;
    assert!(vjp::batch_norm(&x, None, &beta, Some(&short), &options).is_err());
    // An empty batch works.
    let empty = Tensor::zeros((0, 2, 4, 4), DType::F32, &Device::Cpu)?;
    let norm = vjp::batch_norm(&empty, None, &beta, None, &options)?;
    assert_eq!(norm.pull(&norm.output)?.x.dims(), [0, 2, 4, 4]);
    Ok(())
}
