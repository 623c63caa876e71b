//! Batch normalisation.

mod ghost;
mod groups;
mod kernels;
pub(crate) mod recorded;
mod running;
mod scale_shift;

use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Device, Layout, Shape, Tensor};

use crate::element::{
    Element, check_float, check_same, check_vector, dims4, elements, with_element,
};
use crate::error::{Error, Result};
pub use ghost::{GhostBatchNormOutput, ghost_batch_norm};
use groups::{Groups, Rectified, Statistics, Tail};
pub use running::{Momentum, update_running};
use scale_shift::ScaleShift;

/// What [`batch_norm_train`] returns.
#[derive(Debug, Clone)]
pub struct BatchNormOutput {
    /// Normalised input, `[batch, channel, height, width]`.
    pub output: Tensor,
    /// Mean of the batch per channel, without gradient.
    pub mean: Tensor,
    /// Biased variance of the batch per channel (divided by `count`), without gradient.
    pub variance: Tensor,
    /// Elements per channel: batch × height × width.
    pub count: usize,
}

impl BatchNormOutput {
    /// Unbiased variance, as both Keras and PyTorch put into their running statistics.
    ///
    /// ```text
    /// variance · count/(count − 1)      unchanged where count < 2
    /// ```
    ///
    /// # Errors
    ///
    /// Passes on candle's.
    pub fn unbiased_variance(&self) -> Result<Tensor> {
        if self.count < 2 {
            return Ok(self.variance.clone());
        }
        let factor = self.count as f64 / (self.count - 1) as f64;
        Ok(self.variance.affine(factor, 0.0)?)
    }
}

/// Batch normalisation with the statistics of the batch.
///
/// ```text
/// y = γ·(x − mean)/√(variance + eps) + β      mean and biased variance over batch, height, width
/// ```
///
/// The graph keeps `x` and two numbers per channel; the gradient flows through the statistics.
/// An empty batch gives an empty output with mean and variance zero and `count` 0. For ghost
/// batches see [`ghost_batch_norm`].
///
/// # Shapes
///
/// - `x`: `[batch, channel, height, width]`, `f32` or `f64`
/// - `gamma` (1 if `None`), `beta`: `[channel]`
///
/// # CUDA
///
/// Own kernels; sums in `f64`, cut by the sizes alone. Mean and variance stay on the device.
///
/// # Errors
///
/// Ranks, types, devices or sizes that do not go together; `eps` negative or not finite.
///
/// # Source
///
/// PyTorch's `batch_norm(training=True)`. `eps` is 1e-5 in PyTorch; in Keras 1e-3 by default and
/// 1.001e-5 in its ResNet and DenseNet; Keras' Inception v3 has no gamma.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[[[[1f32, 3.]]]], &Device::Cpu)?;
/// let beta = Tensor::zeros(1, candle_core::DType::F32, &Device::Cpu)?;
/// let y = cnn_ops::batch_norm_train(&x, None, &beta, 0.0)?;
/// assert_eq!(y.output.flatten_all()?.to_vec1::<f32>()?, [-1., 1.]);
/// assert_eq!(y.variance.to_vec1::<f32>()?, [1.]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn batch_norm_train(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: &Tensor,
    eps: f64,
) -> Result<BatchNormOutput> {
    const OP: &str = "batch_norm_train";
    let [b, c, h, w] = check(OP, x, &[("gamma", gamma), ("beta", Some(beta))], eps)?;
    let x = x.contiguous()?;
    let beta = beta.contiguous()?;
    #[cfg(feature = "cuda")]
    if x.device().is_cuda() {
        return crate::cuda::batch_norm::train(&x, gamma, &beta, eps);
    }
    let statistics = Arc::new(OnceLock::new());
    let op = Train {
        eps,
        statistics: statistics.clone(),
    };
    let output = match gamma {
        Some(gamma) => x.apply_op3(&gamma.contiguous()?, &beta, op)?,
        None => x.apply_op2(&beta, op)?,
    };
    let vector = |f: &dyn Fn(&Statistics) -> f64| -> Result<Tensor> {
        let values: Vec<f64> = match statistics.get() {
            Some(all) => all.iter().map(f).collect(),
            None => vec![0.0; c],
        };
        let values = Tensor::from_vec(values, c, &Device::Cpu)?;
        Ok(values.to_dtype(x.dtype())?)
    };
    Ok(BatchNormOutput {
        output,
        mean: vector(&|s| s.mean)?,
        variance: vector(&|s| s.variance)?,
        count: b * h * w,
    })
}

/// Batch normalisation with given statistics.
///
/// ```text
/// y = γ·(x − mean)/√(variance + eps) + β
/// ```
///
/// Gradients flow to `x`, `gamma` and `beta`, not to the statistics.
///
/// # Shapes
///
/// - `x`: `[batch, channel, height, width]`, `f32` or `f64`
/// - `gamma` (1 if `None`), `beta`, `mean`, `variance`: `[channel]`; the variance is not negative
///
/// # CUDA
///
/// One kernel forward; the sums of the backward pass in `f64`.
///
/// # Errors
///
/// Ranks, types, devices or sizes that do not go together; `eps` negative or not finite.
///
/// # Source
///
/// PyTorch's `batch_norm(training=False)`.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[[[[1f32, 5.]]]], &Device::Cpu)?;
/// let one = |v: f32| Tensor::new(&[v], &Device::Cpu);
/// let y = cnn_ops::batch_norm_eval(&x, None, &one(10.)?, &one(3.)?, &one(4.)?, 0.0)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [9., 11.]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn batch_norm_eval(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    eps: f64,
) -> Result<Tensor> {
    const OP: &str = "batch_norm_eval";
    let vectors = [
        ("gamma", gamma),
        ("beta", Some(beta)),
        ("mean", Some(mean)),
        ("variance", Some(variance)),
    ];
    let [_, channels, _, _] = check(OP, x, &vectors, eps)?;
    if channels == 0 {
        return Ok(x.clone());
    }
    let rstd = ((variance.detach() + eps)?.sqrt()?).recip()?;
    let scale = match gamma {
        Some(gamma) => gamma.mul(&rstd)?,
        None => rstd,
    };
    let shift = beta.sub(&scale.mul(&mean.detach())?)?;
    let op = ScaleShift { name: OP };
    Ok(x.contiguous()?
        .apply_op3(&scale.contiguous()?, &shift.contiguous()?, op)?)
}

fn check(
    op: &'static str,
    x: &Tensor,
    vectors: &[(&'static str, Option<&Tensor>)],
    eps: f64,
) -> Result<[usize; 4]> {
    check_float(op, "x", x)?;
    let dims = dims4(op, "x", x)?;
    for (name, vector) in vectors {
        if let Some(vector) = vector {
            check_same(op, "x", x, name, vector)?;
            check_vector(op, name, vector, dims[1], "x", x.dims())?;
        }
    }
    if !(eps.is_finite() && eps >= 0.0) {
        return Err(Error::InvalidValue {
            op,
            argument: "eps",
            expected: "finite and not negative",
            value: eps,
        });
    }
    Ok(dims)
}

/// Sums of consecutive blocks of one channel, in a fixed order.
pub(crate) fn block_sum<T: Element>(x: &[T], f: impl Fn(T) -> T) -> f64 {
    let mut total = 0.0;
    for block in x.chunks(1024) {
        let mut lanes = [T::ZERO; 16];
        let chunks = block.chunks_exact(16);
        for (i, &v) in chunks.remainder().iter().enumerate() {
            lanes[i] += f(v);
        }
        for chunk in chunks {
            for (lane, &v) in lanes.iter_mut().zip(chunk) {
                *lane += f(v);
            }
        }
        total += lanes.iter().map(|v| v.to_f64()).sum::<f64>();
    }
    total
}

struct Train {
    eps: f64,
    statistics: Arc<OnceLock<Vec<Statistics>>>,
}

impl Train {
    fn run<T: Element>(
        &self,
        x: &[T],
        dims: (usize, usize, usize, usize),
        gamma: Option<&[T]>,
        beta: &[T],
    ) -> Vec<T> {
        let (b, c, h, w) = dims;
        let tail = Tail {
            residual: None,
            relu: false,
        };
        let found = groups::forward(&whole(b, c, h * w), x, gamma, beta, self.eps, tail);
        let _ = self.statistics.set(found.statistics);
        found.y
    }

    fn backward(&self) -> TrainBackward {
        TrainBackward {
            statistics: self.statistics.clone(),
        }
    }
}

impl CustomOp3 for Train {
    fn name(&self) -> &'static str {
        "batch_norm_train"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let op = "batch_norm_train";
        with_element!(op, s1.dtype(), T => {
            let x = elements::<T>(op, s1, l1)?;
            let gamma = elements::<T>(op, s2, l2)?;
            let y = self.run(x, l1.shape().dims4()?, Some(gamma), elements::<T>(op, s3, l3)?);
            Ok((T::to_cpu_storage_owned(y), l1.shape().clone()))
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let g = self.backward().run(x, Some(gamma), &grad.contiguous()?)?;
        Ok((
            x.track_op().then_some(g.x),
            gamma.track_op().then_some(g.gamma),
            beta.track_op().then_some(g.beta),
        ))
    }
}

impl CustomOp2 for Train {
    fn name(&self) -> &'static str {
        "batch_norm_train"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let op = "batch_norm_train";
        with_element!(op, s1.dtype(), T => {
            let x = elements::<T>(op, s1, l1)?;
            let y = self.run(x, l1.shape().dims4()?, None, elements::<T>(op, s2, l2)?);
            Ok((T::to_cpu_storage_owned(y), l1.shape().clone()))
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let g = self.backward().run(x, None, &grad.contiguous()?)?;
        Ok((
            x.track_op().then_some(g.x),
            beta.track_op().then_some(g.beta),
        ))
    }
}

struct Gradients {
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
}

struct TrainBackward {
    statistics: Arc<OnceLock<Vec<Statistics>>>,
}

impl TrainBackward {
    fn run(
        &self,
        x: &Tensor,
        gamma: Option<&Tensor>,
        dy: &Tensor,
    ) -> candle_core::Result<Gradients> {
        let missing = || candle_core::Error::BackwardNotSupported {
            op: "batch_norm_train",
        };
        let all = self.statistics.get().ok_or_else(missing)?;
        with_element!("batch_norm_train", x.dtype(), T => {
            let gamma = gamma.map(|g| g.to_vec1::<T>()).transpose()?;
            self.typed::<T>(all, x, gamma.as_deref(), dy)
        })
    }

    fn typed<T: Element>(
        &self,
        all: &[Statistics],
        x: &Tensor,
        gamma: Option<&[T]>,
        dy: &Tensor,
    ) -> candle_core::Result<Gradients> {
        let op = "batch_norm_train";
        let (b, c, h, w) = x.dims4()?;
        let (xs, xl) = x.storage_and_layout();
        let (ds, dl) = dy.storage_and_layout();
        let (candle_core::Storage::Cpu(xs), candle_core::Storage::Cpu(ds)) = (&*xs, &*ds) else {
            return Err(candle_core::Error::BackwardNotSupported { op });
        };
        let xv = elements::<T>(op, xs, xl)?;
        let dv = elements::<T>(op, ds, dl)?;
        let g = whole(b, c, h * w);
        // Without a ReLU the gradient does not depend on β.
        let beta = vec![T::ZERO; c];
        let found = groups::backward(&g, xv, gamma, &beta, all, Rectified::No, dv);
        Ok(Gradients {
            x: Tensor::from_vec(found.x, (b, c, h, w), &Device::Cpu)?,
            gamma: Tensor::from_vec(found.gamma, c, &Device::Cpu)?,
            beta: Tensor::from_vec(found.beta, c, &Device::Cpu)?,
        })
    }
}

/// A batch in one piece.
fn whole(batch: usize, channels: usize, pixels: usize) -> Groups {
    Groups {
        batch,
        channels,
        pixels,
        images: batch.max(1),
    }
}
