//! Every operator with inputs to run it on.

use candle_core::{Device, Tensor};
use cnn_ops::{
    Activation, ConvOptions, Corners, CountPadding, Padding, PoolOptions, Result,
    adaptive_avg_pool2d, avg_pool2d, batch_norm_eval, batch_norm_train, conv2d, conv2d_fused,
    dropout, ghost_batch_norm, global_avg_pool2d, linear, max_pool2d, pad_reflect, pad_zero, relu,
    relu6, softmax_cross_entropy, upsample_bilinear2d, upsample_nearest2d,
};

use super::distinct;

type Body = Box<dyn Fn(&[Tensor]) -> Result<Tensor>>;

/// An operator and its inputs, in `f64` on the CPU. `run` follows the type and device of what it
/// is given.
pub(crate) struct Case {
    pub(crate) operator: &'static str,
    pub(crate) names: Vec<&'static str>,
    pub(crate) inputs: Vec<Tensor>,
    pub(crate) run: Body,
}

impl Case {
    pub(crate) fn new(
        operator: &'static str,
        inputs: &[(&'static str, Tensor)],
        run: impl Fn(&[Tensor]) -> Result<Tensor> + 'static,
    ) -> Self {
        Self {
            operator,
            names: inputs.iter().map(|(name, _)| *name).collect(),
            inputs: inputs.iter().map(|(_, x)| x.clone()).collect(),
            run: Box::new(run),
        }
    }
}

/// The cases whose options go with their shapes.
fn valid(cases: Vec<Case>) -> Vec<Case> {
    let runs = |case: &Case| (case.run)(&case.inputs).is_ok();
    cases.into_iter().filter(runs).collect()
}

/// A constant with the type and on the device of `x`.
fn like(constant: &Tensor, x: &Tensor) -> Result<Tensor> {
    Ok(constant.to_dtype(x.dtype())?.to_device(x.device())?)
}

pub(crate) fn padding(p: [usize; 4]) -> Padding {
    Padding {
        top: p[0],
        bottom: p[1],
        left: p[2],
        right: p[3],
    }
}

/// Sizes of a convolution: channels and filters are those of one group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) batch: usize,
    pub(crate) groups: usize,
    pub(crate) channels: usize,
    pub(crate) filters: usize,
    pub(crate) input: [usize; 2],
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
    pub(crate) pad: [usize; 4],
}

pub(crate) fn convolutions(s: &Sizes, seed: u64) -> Vec<Case> {
    let options = ConvOptions {
        stride: s.stride,
        dilation: s.dilation,
        groups: s.groups,
        padding: padding(s.pad),
    };
    let x = distinct(
        &[s.batch, s.channels * s.groups, s.input[0], s.input[1]],
        seed,
    );
    let shape = [s.filters * s.groups, s.channels, s.kernel[0], s.kernel[1]];
    let w = distinct(&shape, !seed);
    let b = distinct(&[shape[0]], seed ^ 7);
    let all = [("x", x), ("weight", w), ("bias", b)];
    let mut cases = vec![
        Case::new("conv2d", &all, move |t| {
            conv2d(&t[0], &t[1], Some(&t[2]), &options)
        }),
        Case::new("conv2d", &all[..2], move |t| {
            conv2d(&t[0], &t[1], None, &options)
        }),
    ];
    if let Ok(y) = (cases[0].run)(&cases[0].inputs) {
        let residual = distinct(y.dims(), seed ^ 5);
        let [x, w, b] = all;
        let all = [x, w, b, ("residual", residual)];
        cases.push(Case::new("conv2d_fused", &all, move |t| {
            let (b, r) = (Some(&t[2]), Some(&t[3]));
            conv2d_fused(&t[0], &t[1], b, r, Activation::Relu, &options)
        }));
        cases.push(Case::new("conv2d_fused", &all[..3], move |t| {
            conv2d_fused(&t[0], &t[1], Some(&t[2]), None, Activation::Relu, &options)
        }));
        cases.push(Case::new("conv2d_fused", &all[..2], move |t| {
            conv2d_fused(&t[0], &t[1], None, None, Activation::None, &options)
        }));
    }
    valid(cases)
}

pub(crate) fn pools(shape: [usize; 4], options: PoolOptions, seed: u64) -> Vec<Case> {
    let x = [("x", distinct(&shape, seed))];
    let average = |count| move |t: &[Tensor]| avg_pool2d(&t[0], &options, count);
    valid(vec![
        Case::new("max_pool2d", &x, move |t| max_pool2d(&t[0], &options)),
        Case::new("avg_pool2d", &x, average(CountPadding::Include)),
        Case::new("avg_pool2d", &x, average(CountPadding::Exclude)),
    ])
}

pub(crate) fn plane_maps(
    shape: [usize; 4],
    output: [usize; 2],
    pad: Padding,
    seed: u64,
) -> Vec<Case> {
    let x = [("x", distinct(&shape, seed))];
    let bilinear = |corners| move |t: &[Tensor]| upsample_bilinear2d(&t[0], output, corners);
    valid(vec![
        Case::new("adaptive_avg_pool2d", &x, move |t| {
            adaptive_avg_pool2d(&t[0], output)
        }),
        Case::new("global_avg_pool2d", &x, |t| global_avg_pool2d(&t[0])),
        Case::new("upsample_nearest2d", &x, move |t| {
            upsample_nearest2d(&t[0], output)
        }),
        Case::new("upsample_bilinear2d", &x, bilinear(Corners::Align)),
        Case::new("upsample_bilinear2d", &x, bilinear(Corners::HalfPixel)),
        Case::new("pad_zero", &x, move |t| pad_zero(&t[0], pad)),
        Case::new("pad_reflect", &x, move |t| pad_reflect(&t[0], pad)),
    ])
}

pub(crate) fn batch_norms(shape: [usize; 4], seed: u64) -> Vec<Case> {
    let c = shape[1];
    let x = ("x", distinct(&shape, seed));
    let gamma = ("gamma", distinct(&[c], seed ^ 1));
    let beta = ("beta", distinct(&[c], seed ^ 2));
    let mean = distinct(&[c], seed ^ 3);
    let variance = (distinct(&[c], seed ^ 4) + 1.5).unwrap();
    // A large eps keeps the curvature, and with it the truncation error of differences, small.
    let eps = 0.1;
    let all = [x.clone(), gamma, beta.clone()];
    let two = [x, beta];
    let given = move |x: &Tensor, gamma: Option<&Tensor>, beta: &Tensor| {
        let (mean, variance) = (like(&mean, x)?, like(&variance, x)?);
        batch_norm_eval(x, gamma, beta, &mean, &variance, eps)
    };
    let given_too = given.clone();
    valid(vec![
        Case::new("batch_norm_train", &all, move |t| {
            Ok(batch_norm_train(&t[0], Some(&t[1]), &t[2], eps)?.output)
        }),
        Case::new("batch_norm_train", &two, move |t| {
            Ok(batch_norm_train(&t[0], None, &t[1], eps)?.output)
        }),
        Case::new("ghost_batch_norm", &all, move |t| {
            Ok(ghost_batch_norm(&t[0], Some(&t[1]), &t[2], eps, 2)?.output)
        }),
        Case::new("batch_norm_eval", &all, move |t| {
            given(&t[0], Some(&t[1]), &t[2])
        }),
        Case::new("batch_norm_eval", &two, move |t| {
            given_too(&t[0], None, &t[1])
        }),
    ])
}

/// Mean and variance that [`batch_norm_train`] returns beside its output; they carry no gradient.
pub(crate) fn batch_statistics(shape: [usize; 4], seed: u64) -> Vec<Case> {
    let all = [
        ("x", distinct(&shape, seed)),
        ("beta", distinct(&[shape[1]], seed ^ 2)),
    ];
    vec![
        Case::new("batch_norm_train", &all, |t| {
            Ok(batch_norm_train(&t[0], None, &t[1], 1e-3)?.mean)
        }),
        Case::new("batch_norm_train", &all, |t| {
            batch_norm_train(&t[0], None, &t[1], 1e-3)?.unbiased_variance()
        }),
    ]
}

pub(crate) fn pointwise(shape: [usize; 4], p: f64, seed: u64) -> Vec<Case> {
    let x = [("x", (distinct(&shape, seed) * 9.0).unwrap())];
    valid(vec![
        Case::new("relu", &x, |t| relu(&t[0])),
        Case::new("relu6", &x, |t| relu6(&t[0])),
        Case::new("dropout", &x, move |t| dropout(&t[0], p, seed)),
    ])
}

pub(crate) fn heads([batch, inputs, classes]: [usize; 3], weighted: bool, seed: u64) -> Vec<Case> {
    let all = [
        ("x", distinct(&[batch, inputs], seed)),
        ("weight", distinct(&[classes, inputs], seed ^ 1)),
        ("bias", distinct(&[classes], seed ^ 2)),
    ];
    let labels: Vec<u32> = (0..batch).map(|i| (i * 7 % classes) as u32).collect();
    let labels = Tensor::new(labels, &Device::Cpu).unwrap();
    let weights: Vec<f32> = (0..classes).map(|i| i as f32 + 0.5).collect();
    let weights = weighted.then_some(weights);
    let logits = (distinct(&[batch, classes], seed ^ 3) * 4.0).unwrap();
    valid(vec![
        Case::new("linear", &all, |t| linear(&t[0], &t[1], Some(&t[2]))),
        Case::new("softmax_cross_entropy", &[("logits", logits)], move |t| {
            let labels = labels.to_device(t[0].device())?;
            softmax_cross_entropy(&t[0], &labels, weights.as_deref())
        }),
    ])
}
