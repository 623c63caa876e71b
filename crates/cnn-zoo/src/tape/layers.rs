//! The layers of a network on the tape.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};
use cnn_ops::vjp::{BatchNorm as Normalised, BatchNormOptions, Conv2d, Recorded, batch_norm};
use cnn_ops::{Activation, ConvOptions};
use rayon::prelude::*;

use super::gradient::{CHUNK, Gradient, take};
use super::{Map, step, with_values};

/// Parameters' gradients.
type Found = Vec<Option<Tensor>>;

/// Puts the result of a layer on the tape; `back` takes its gradient.
fn record(
    inputs: &[&Map],
    parameters: &[&Tensor],
    value: Tensor,
    back: impl Fn(Vec<f32>) -> Result<Found> + Send + Sync + 'static,
) -> Result<Map> {
    let tokens: Vec<&Tensor> = inputs.iter().filter_map(|map| map.token()).collect();
    let gradient = Arc::new(Gradient::default());
    let own = gradient.clone();
    let token = step(&tokens, parameters, move || match own.take() {
        Some(dy) => back(dy),
        None => Ok(Vec::new()),
    })?;
    Ok(Map::new(value, token, gradient))
}

fn tensor(values: Vec<f32>, dims: &[usize]) -> Result<Tensor> {
    Tensor::from_vec(values, dims, &Device::Cpu)
}

/// Zero where the rectified result is.
fn mask(dy: &mut [f32], y: &Tensor) -> Result<()> {
    with_values(y, |y| {
        dy.par_chunks_mut(CHUNK)
            .zip(y.par_chunks(CHUNK))
            .for_each(|(dy, y)| {
                for (dy, &y) in dy.iter_mut().zip(y) {
                    *dy = if y > 0.0 { *dy } else { 0.0 };
                }
            });
    })
}

/// What comes after a convolution or a norm in the same step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tail<'a> {
    pub(crate) residual: Option<&'a Map>,
    pub(crate) relu: bool,
}

/// Convolution, bias, residual, ReLU.
pub(crate) fn conv(
    x: &Map,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions,
    tail: Tail<'_>,
) -> Result<Map> {
    let op = Conv2d::new(x.value(), weight, options)?;
    let activation = if tail.relu {
        Activation::Relu
    } else {
        Activation::None
    };
    let detached = bias.map(Tensor::detach);
    let added = tail.residual.map(Map::value);
    let y = op.output(detached.as_ref(), added, activation)?;
    let wants = [weight.track_op(), bias.is_some_and(Tensor::track_op)];
    let rectified = tail.relu.then(|| y.clone());
    let inputs: Vec<&Map> = std::iter::once(x).chain(tail.residual).collect();
    let parameters: Vec<&Tensor> = std::iter::once(weight).chain(bias).collect();
    let (to_x, to_residual) = (x.gradient(), tail.residual.and_then(Map::gradient));
    let dims = y.dims().to_vec();
    record(&inputs, &parameters, y, move |mut dy| {
        if let Some(y) = &rectified {
            mask(&mut dy, y)?;
        }
        if let Some(residual) = &to_residual {
            residual.add(dy.clone())?;
        }
        let dy = tensor(dy, &dims)?;
        let found = [
            wants[0].then(|| op.weight_gradient(&dy)).transpose()?,
            wants[1].then(|| op.bias_gradient(&dy)).transpose()?,
        ];
        if let Some(x) = &to_x {
            x.add_tensor(op.input_gradient(&dy)?)?;
        }
        Ok(found.into())
    })
}

/// The result of [`norm`].
pub(crate) struct NormStep {
    pub(crate) map: Map,
    /// Mean over the pieces of their means and unbiased variances, per channel.
    pub(crate) mean: Tensor,
    pub(crate) variance: Tensor,
}

/// Batch norm with the batch's statistics, residual, ReLU.
pub(crate) fn norm(
    x: &Map,
    gamma: Option<&Tensor>,
    beta: &Tensor,
    residual: Option<&Map>,
    options: &BatchNormOptions,
) -> Result<NormStep> {
    let op = batch_norm(x.value(), gamma, beta, residual.map(Map::value), options)?;
    let (mean, variance) = (op.mean.clone(), op.unbiased_variance.clone());
    let has_gamma = gamma.is_some();
    let inputs: Vec<&Map> = std::iter::once(x).chain(residual).collect();
    let parameters: Vec<&Tensor> = gamma.into_iter().chain([beta]).collect();
    let (to_x, to_residual) = (x.gradient(), residual.and_then(Map::gradient));
    let map = record(&inputs, &parameters, op.output.clone(), move |dy| {
        back_through_norm(&op, dy, has_gamma, [to_x.as_ref(), to_residual.as_ref()])
    })?;
    Ok(NormStep {
        map,
        mean,
        variance,
    })
}

fn back_through_norm(
    op: &Normalised,
    dy: Vec<f32>,
    has_gamma: bool,
    [to_x, to_residual]: [Option<&Arc<Gradient>>; 2],
) -> Result<Found> {
    let found = op.pull(&tensor(dy, op.output.dims())?)?;
    if let Some(x) = to_x {
        x.add_tensor(found.x)?;
    }
    if let (Some(residual), Some(own)) = (to_residual, found.residual) {
        residual.add_tensor(own)?;
    }
    let gamma = has_gamma.then_some(Some(found.gamma));
    Ok(gamma.into_iter().chain([Some(found.beta)]).collect())
}

/// `max(scale·x + residual, 0)`, or without the maximum.
pub(crate) fn finish(x: &Map, scale: f64, tail: Tail<'_>) -> Result<Map> {
    #[allow(clippy::cast_possible_truncation)]
    let scale = scale as f32;
    let mut y = with_values(x.value(), <[f32]>::to_vec)?;
    let rectify = |v: f32| {
        // Written so that NaN stays.
        if tail.relu && v < 0.0 { 0.0 } else { v }
    };
    match tail.residual {
        Some(residual) => with_values(residual.value(), |residual| {
            y.par_chunks_mut(CHUNK)
                .zip(residual.par_chunks(CHUNK))
                .for_each(|(y, r)| {
                    for (y, &r) in y.iter_mut().zip(r) {
                        *y = rectify(scale * *y + r);
                    }
                });
        })?,
        None => y
            .par_chunks_mut(CHUNK)
            .for_each(|y| y.iter_mut().for_each(|y| *y = rectify(scale * *y))),
    }
    let y = tensor(y, x.dims())?;
    let rectified = tail.relu.then(|| y.clone());
    let inputs: Vec<&Map> = std::iter::once(x).chain(tail.residual).collect();
    let (to_x, to_residual) = (x.gradient(), tail.residual.and_then(Map::gradient));
    record(&inputs, &[], y, move |mut dy| {
        if let Some(y) = &rectified {
            mask(&mut dy, y)?;
        }
        if let Some(residual) = &to_residual {
            residual.add(dy.clone())?;
        }
        if let Some(x) = &to_x {
            if scale != 1.0 {
                dy.par_chunks_mut(CHUNK)
                    .for_each(|dy| dy.iter_mut().for_each(|dy| *dy *= scale));
            }
            x.add(dy)?;
        }
        Ok(Vec::new())
    })
}

/// max(x, 0)
pub(crate) fn relu(x: &Map) -> Result<Map> {
    let y = cnn_ops::relu(x.value())?;
    let to_x = x.gradient();
    let kept = y.clone();
    record(&[x], &[], y, move |mut dy| {
        mask(&mut dy, &kept)?;
        if let Some(x) = &to_x {
            x.add(dy)?;
        }
        Ok(Vec::new())
    })
}

/// x + y
pub(crate) fn add(x: &Map, y: &Map) -> Result<Map> {
    let tail = Tail {
        residual: Some(y),
        relu: false,
    };
    finish(x, 1.0, tail)
}

/// Maps joined along the channels.
pub(crate) fn concat(maps: &[Map]) -> Result<Map> {
    let values: Vec<&Tensor> = maps.iter().map(Map::value).collect();
    let y = Tensor::cat(&values, 1)?;
    let inputs: Vec<&Map> = maps.iter().collect();
    let images = y.dim(0)?;
    let per_image = |t: &Tensor| t.elem_count() / images.max(1);
    let total = per_image(&y);
    let mut from = 0;
    let mut parts = Vec::with_capacity(maps.len());
    for map in maps {
        let own = per_image(map.value());
        parts.extend(map.gradient().map(|to| (to, [from, own, total])));
        from += own;
    }
    record(&inputs, &[], y, move |dy| {
        for (to, part) in &parts {
            to.add_part(&dy, *part, images)?;
        }
        Ok(Vec::new())
    })
}

/// An operator that brings its own way back.
pub(crate) fn recorded(x: &Map, op: Recorded) -> Result<Map> {
    let y = op.output.clone();
    let to_x = x.gradient();
    record(&[x], &[], y, move |dy| {
        if let Some(x) = &to_x {
            let dy = tensor(dy, op.output.dims())?;
            x.add(take(op.pull(&dy)?)?)?;
        }
        Ok(Vec::new())
    })
}
