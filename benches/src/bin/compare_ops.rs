//! The operators of `cnn-ops` as the works of the suite `ops` (`benches/compare/compare/ops.py`).
#![forbid(unsafe_code)]

use benches::Task;
use benches::operators::{Layer, Pass, values};
use candle_core::{DType, Device, Result, Tensor, Var};
use cnn_ops::vjp::Conv2d;
use cnn_ops::{Activation, ConvOptions, Padding, PoolOptions};

fn main() -> std::io::Result<()> {
    cnn_ops::keep_freed_memory();
    benches::serve(|work| task(work).ok().flatten())
}

fn task(work: &str) -> Result<Option<Task>> {
    let words: Vec<&str> = work.split(' ').collect();
    Ok(match words.as_slice() {
        ["conv2d", pass, rest @ ..] => match (Pass::parse(pass), Layer::parse(rest)) {
            (Some(pass), Some(layer)) => Some(convolution(&layer, pass)?),
            _ => None,
        },
        [
            "max_pool2d" | "avg_pool2d" | "global_avg_pool" | "batch_norm",
            pass,
            shape,
        ] => match (Pass::parse(pass), sides(shape)) {
            (Some(pass), Some(shape)) => Some(layer(words[0], pass, &shape)?),
            _ => None,
        },
        _ => None,
    })
}

fn sides(text: &str) -> Option<Vec<usize>> {
    let sides: Vec<usize> = text
        .split('x')
        .map(|n| n.parse().ok())
        .collect::<Option<_>>()?;
    (sides.len() == 4).then_some(sides)
}

/// Sum of the absolute values of the first plane of a result.
fn checksum(y: &Tensor) -> Result<f64> {
    let y = y.narrow(0, 0, 1)?.narrow(1, 0, 1)?;
    y.abs()?.to_dtype(DType::F64)?.sum_all()?.to_scalar()
}

/// `f(x)`, and its gradients if `pass` asks for them; every gradient of `wanted` is added to the checksum.
fn run(pass: Pass, wanted: &[Var], f: impl Fn() -> Result<Tensor>) -> Result<f64> {
    let y = f()?;
    if pass == Pass::Forward {
        benches::stop_clock();
        return checksum(&y);
    }
    let gradients = y.backward()?;
    benches::stop_clock();
    let mut sum = checksum(&y)?;
    for var in wanted {
        let gradient = gradients
            .get(var)
            .ok_or_else(|| candle_core::Error::Msg("no gradient".into()))?;
        if gradient.rank() == 4 {
            sum += checksum(gradient)?;
        }
    }
    Ok(sum)
}

fn task_of(work: impl Fn() -> Result<f64> + 'static) -> Task {
    Box::new(move || work().unwrap_or(f64::NAN))
}

fn convolution(layer: &Layer, pass: Pass) -> Result<Task> {
    let options = ConvOptions {
        stride: [layer.stride, layer.stride],
        padding: Padding::symmetric(layer.padding[0], layer.padding[1]),
        groups: layer.groups,
        ..ConvOptions::default()
    };
    let (x, w) = layer.tensors()?;
    Ok(match pass {
        Pass::Forward => {
            task_of(move || run(pass, &[], || Ok(cnn_ops::conv2d(&x, &w, None, &options)?)))
        }
        Pass::Both => {
            // As the networks of `cnn-zoo` train: on a tape, beside candle's graph.
            task_of(move || {
                let convolution = Conv2d::new(&x, &w, &options)?;
                let y = convolution.output(None, None, Activation::None)?;
                let dy = y.ones_like()?;
                let gradients = [
                    convolution.input_gradient(&dy)?,
                    convolution.weight_gradient(&dy)?,
                ];
                benches::stop_clock();
                gradients
                    .iter()
                    .try_fold(checksum(&y)?, |sum, g| Ok(sum + checksum(g)?))
            })
        }
    })
}

/// An operator on one tensor.
type Operator = Box<dyn Fn(&Tensor) -> Result<Tensor>>;

fn layer(op: &str, pass: Pass, shape: &[usize]) -> Result<Task> {
    let x = values(shape)?;
    let channels = shape[1];
    let gamma = Tensor::ones(channels, DType::F32, &Device::Cpu)?;
    let beta = Tensor::zeros(channels, DType::F32, &Device::Cpu)?;
    let pool = |kernel: usize, stride: usize, padding: usize| PoolOptions {
        kernel: [kernel, kernel],
        stride: [stride, stride],
        padding: Padding::symmetric(padding, padding),
        ceil_mode: false,
    };
    let f: Operator = match op {
        "max_pool2d" => {
            let options = pool(3, 2, 1);
            Box::new(move |x| Ok(cnn_ops::max_pool2d(x, &options)?))
        }
        "avg_pool2d" => {
            let options = pool(3, 1, 1);
            Box::new(move |x| {
                Ok(cnn_ops::avg_pool2d(
                    x,
                    &options,
                    cnn_ops::CountPadding::Exclude,
                )?)
            })
        }
        "global_avg_pool" => Box::new(|x| Ok(cnn_ops::global_avg_pool2d(x)?)),
        _ => Box::new(move |x| Ok(cnn_ops::batch_norm_train(x, Some(&gamma), &beta, 1e-5)?.output)),
    };
    Ok(match pass {
        Pass::Forward => task_of(move || run(pass, &[], || f(&x))),
        Pass::Both => {
            let vars = [Var::from_tensor(&x)?];
            task_of(move || run(pass, &vars, || f(&vars[0])))
        }
    })
}
