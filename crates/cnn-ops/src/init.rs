//! Initial weights from explicit seeds.
//!
//! Weights have PyTorch's layout: `[filters, channels per group, rows, columns]` for convolutions,
//! `[outputs, inputs]` for linear layers. Every value is a function of the seed and its position.

use candle_core::{DType, Device, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::element::checked_count;
use crate::error::{Error, Result};

/// Which side of a layer its variance is scaled by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fan {
    /// Elements that enter one output.
    In,
    /// Elements that one input reaches.
    Out,
}

/// Uniform weights after Glorot and Bengio, with Keras' fans.
///
/// ```text
/// limit = √(6/(fan_in + fan_out)),  w ~ U(−limit, limit)
/// fan_in = shape[1]·receptive,  fan_out = shape[0]·receptive,  receptive = Π shape[2..]
/// ```
///
/// # Shapes
///
/// - `shape`: at least one dimension; a vector of `n` has both fans `n`
/// - returns: `shape`, `dtype`
///
/// # Errors
///
/// An empty or overflowing shape, or a type that is neither `f32` nor `f64`.
///
/// # Source
///
/// Keras' `GlorotUniform`, the default of its `Conv2D` and `Dense`.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device};
///
/// let w = cnn_ops::init::glorot_uniform(&[8, 3, 3, 3], DType::F32, &Device::Cpu, 1)?;
/// assert_eq!(w.dims(), [8, 3, 3, 3]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn glorot_uniform(shape: &[usize], dtype: DType, device: &Device, seed: u64) -> Result<Tensor> {
    let [fan_in, fan_out] = fans("glorot_uniform", shape)?;
    let limit = (6.0 / (fan_in + fan_out)).sqrt();
    uniform("glorot_uniform", shape, limit, dtype, device, seed)
}

/// Glorot uniform weights of a depthwise convolution, with Keras' fans.
///
/// ```text
/// fan_in = channels·rows·columns,  fan_out = shape[0]/channels·rows·columns
/// ```
///
/// # Shapes
///
/// - `shape`: `[channels × multiplier, 1, rows, columns]`
///
/// # Errors
///
/// As [`glorot_uniform`]; [`Error::Groups`] if `shape[0]` is no multiple of `channels` or
/// `shape[1]` is not 1.
///
/// # Source
///
/// Keras' `DepthwiseConv2D`, whose kernel is `[rows, columns, channels, multiplier]`.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device};
///
/// let shape = [4, 1, 3, 3]; // fan_in 36, fan_out 9
/// let w = cnn_ops::init::glorot_uniform_depthwise(&shape, 4, DType::F32, &Device::Cpu, 1)?;
/// let limit = (6f32 / 45.0).sqrt();
/// assert!(w.flatten_all()?.to_vec1::<f32>()?.iter().all(|v| v.abs() <= limit));
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn glorot_uniform_depthwise(
    shape: &[usize; 4],
    channels: usize,
    dtype: DType,
    device: &Device,
    seed: u64,
) -> Result<Tensor> {
    const OP: &str = "glorot_uniform_depthwise";
    if channels == 0 || !shape[0].is_multiple_of(channels) || shape[1] != 1 {
        return Err(Error::Groups {
            op: OP,
            groups: channels,
            channels_per_group: shape[1],
            input_channels: channels,
            filters: shape[0],
        });
    }
    let receptive = shape[2] as f64 * shape[3] as f64;
    let fans = (channels + shape[0] / channels) as f64 * receptive;
    uniform(OP, shape, (6.0 / fans.max(1.0)).sqrt(), dtype, device, seed)
}

/// Uniform weights after He et al. for layers followed by a rectifier.
///
/// ```text
/// limit = √(6/fan),  w ~ U(−limit, limit)
/// ```
///
/// # Shapes
///
/// - `shape`: as [`glorot_uniform`]
///
/// # Errors
///
/// As [`glorot_uniform`].
///
/// # Source
///
/// PyTorch's `kaiming_uniform_(nonlinearity="relu")`.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device};
/// use cnn_ops::init::{Fan, kaiming_uniform};
///
/// let w = kaiming_uniform(&[8, 4, 3, 3], Fan::In, DType::F32, &Device::Cpu, 7)?;
/// let again = kaiming_uniform(&[8, 4, 3, 3], Fan::In, DType::F32, &Device::Cpu, 7)?;
/// assert_eq!(w.flatten_all()?.to_vec1::<f32>()?, again.flatten_all()?.to_vec1::<f32>()?);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn kaiming_uniform(
    shape: &[usize],
    fan: Fan,
    dtype: DType,
    device: &Device,
    seed: u64,
) -> Result<Tensor> {
    const OP: &str = "kaiming_uniform";
    let limit = (6.0 / pick(fans(OP, shape)?, fan)).sqrt();
    uniform(OP, shape, limit, dtype, device, seed)
}

/// Normal weights after He et al. for layers followed by a rectifier.
///
/// ```text
/// w ~ N(0, 2/fan)
/// ```
///
/// # Shapes
///
/// - `shape`: as [`glorot_uniform`]
///
/// # Errors
///
/// As [`glorot_uniform`].
///
/// # Source
///
/// PyTorch's `kaiming_normal_(nonlinearity="relu")`; torchvision's ResNet uses [`Fan::Out`].
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device};
/// use cnn_ops::init::{Fan, kaiming_normal};
///
/// let w = kaiming_normal(&[8, 4, 3, 3], Fan::In, DType::F32, &Device::Cpu, 7)?;
/// let again = kaiming_normal(&[8, 4, 3, 3], Fan::In, DType::F32, &Device::Cpu, 7)?;
/// assert_eq!(w.flatten_all()?.to_vec1::<f32>()?, again.flatten_all()?.to_vec1::<f32>()?);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn kaiming_normal(
    shape: &[usize],
    fan: Fan,
    dtype: DType,
    device: &Device,
    seed: u64,
) -> Result<Tensor> {
    const OP: &str = "kaiming_normal";
    let deviation = (2.0 / pick(fans(OP, shape)?, fan)).sqrt();
    fill(OP, shape, dtype, device, seed, |a, b| {
        // Box-Muller; 1 − a lies in (0, 1].
        deviation * (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    })
}

/// A tensor filled with one value.
///
/// ```text
/// w = value
/// ```
///
/// # Shapes
///
/// - `shape`: any
///
/// # Errors
///
/// As [`glorot_uniform`].
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device};
///
/// let ones = cnn_ops::init::constant(&[2], 1.0, DType::F32, &Device::Cpu)?;
/// assert_eq!(ones.to_vec1::<f32>()?, [1., 1.]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn constant(shape: &[usize], value: f64, dtype: DType, device: &Device) -> Result<Tensor> {
    check_dtype("constant", dtype)?;
    checked_count("constant", "the tensor", shape)?;
    Ok(Tensor::full(value, shape, device)?.to_dtype(dtype)?)
}

fn pick([fan_in, fan_out]: [f64; 2], fan: Fan) -> f64 {
    match fan {
        Fan::In => fan_in,
        Fan::Out => fan_out,
    }
}

/// Fan in and fan out, at least 1 each.
fn fans(op: &'static str, shape: &[usize]) -> Result<[f64; 2]> {
    let receptive: f64 = shape.iter().skip(2).map(|&d| d as f64).product();
    let fans = match *shape {
        [] => {
            return Err(Error::Rank {
                op,
                argument: "shape",
                expected: 2,
                actual: Vec::new(),
            });
        }
        [n] => [n as f64, n as f64],
        [outputs, inputs, ..] => [inputs as f64 * receptive, outputs as f64 * receptive],
    };
    Ok(fans.map(|f| f.max(1.0)))
}

fn uniform(
    op: &'static str,
    shape: &[usize],
    limit: f64,
    dtype: DType,
    device: &Device,
    seed: u64,
) -> Result<Tensor> {
    fill(op, shape, dtype, device, seed, |a, _| {
        (2.0 * a - 1.0) * limit
    })
}

fn check_dtype(op: &'static str, dtype: DType) -> Result<()> {
    if matches!(dtype, DType::F32 | DType::F64) {
        return Ok(());
    }
    Err(Error::UnsupportedDType {
        op,
        argument: "dtype",
        expected: "F32 or F64",
        actual: dtype,
    })
}

/// Maps two numbers of [0, 1) to every element.
fn fill(
    op: &'static str,
    shape: &[usize],
    dtype: DType,
    device: &Device,
    seed: u64,
    f: impl Fn(f64, f64) -> f64,
) -> Result<Tensor> {
    check_dtype(op, dtype)?;
    let count = checked_count(op, "the tensor", shape)?;
    let count = if shape.contains(&0) { 0 } else { count };
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || (generator.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let values: Vec<f64> = (0..count)
        .map(|_| {
            let a = draw();
            f(a, draw())
        })
        .collect();
    let values = Tensor::from_vec(values, shape, &Device::Cpu)?;
    Ok(values.to_dtype(dtype)?.to_device(device)?)
}
