//! Batch normalisation with the statistics of the batch.
#![allow(unsafe_code)]

use candle_core::cuda_backend::cudarc::driver::DeviceSlice;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp2, CustomOp3, DeviceLocation, Layout, Result, Shape, Tensor,
};

use super::launch::{
    DeviceElement, NULL, Source, allocate, allocate_raw, blocks, kernel, launch, mismatch, output,
    over, tensor, zeros,
};
use super::norm::{Channels, dims, same, sums};
use crate::element::with_element;
use crate::error::Error;
use crate::norm::BatchNormOutput;

const OP: &str = "batch_norm_train";

/// Mean, biased variance and `1/√(variance + eps)` of every channel, `[3, channels]` in `f64`.
fn statistics<T: DeviceElement>(x: &Tensor, eps: f64) -> Result<Tensor> {
    let (storage, layout) = x.storage_and_layout();
    let x = Source::of(OP, &storage, layout)?;
    let shape = dims(OP, layout)?;
    let (device, channels) = (x.device(), shape[1]);
    let s = Channels::new(shape);
    if s.elements() == 0 {
        return Ok(tensor(
            zeros::<f64>(device, 3 * channels)?,
            device,
            (3, channels),
        ));
    }
    let view = x.elements::<T>(OP)?;
    let mut partial = allocate_raw::<f64>(device, s.parts())?;
    let parts = kernel::<T>(device, "channel_moments")?;
    let grid = blocks(s.channels * s.splits);
    // SAFETY: channel_moments(x, partial, s); two sums per channel and split.
    unsafe { launch!(parts, grid, &view, &mut partial, &s) }?;
    let mut all = allocate_raw::<f64>(device, 3 * channels)?;
    let finish = kernel::<T>(device, "channel_statistics")?;
    // SAFETY: channel_statistics(x, partial, statistics, s, eps); three numbers per channel.
    unsafe {
        launch!(
            finish,
            over(s.channels),
            &view,
            &partial,
            &mut all,
            &s,
            &eps
        )
    }?;
    Ok(tensor(all, device, (3, channels)))
}

/// Batch normalisation with the statistics of the batch, which stay on the device.
pub(crate) fn train(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: &Tensor,
    eps: f64,
) -> crate::Result<BatchNormOutput> {
    let (b, _, h, w) = x.dims4()?;
    let all = with_element!(OP, x.dtype(), T => statistics::<T>(x, eps))?;
    let vector = |i: usize| -> Result<Tensor> {
        if all.elem_count() == 0 {
            return Ok(beta.detach());
        }
        all.get(i)?.to_dtype(x.dtype())
    };
    let (mean, variance) = (vector(0)?, vector(1)?);
    let op = Train { statistics: all };
    let output = match gamma {
        Some(gamma) => x.apply_op3(&gamma.contiguous()?, beta, op)?,
        None => x.apply_op2(beta, op)?,
    };
    Ok(BatchNormOutput {
        output,
        mean,
        variance,
        count: b * h * w,
    })
}

struct Train {
    statistics: Tensor,
}

impl Train {
    fn run<T: DeviceElement>(
        &self,
        x: Source<'_>,
        gamma: Option<Source<'_>>,
        beta: Source<'_>,
    ) -> Result<(CudaStorage, Shape)> {
        let (device, view) = (x.device(), x.elements::<T>(OP)?);
        let shape = dims(OP, x.layout)?;
        let s = Channels::new(shape);
        let n = s.elements() as usize;
        let mut y = allocate::<T>(device, n)?;
        if n > 0 {
            let (storage, layout) = self.statistics.storage_and_layout();
            let all = Source::of(OP, &storage, layout)?.elements::<f64>(OP)?;
            let gamma = gamma.map(|g| g.elements::<T>(OP)).transpose()?;
            let beta = beta.elements::<T>(OP)?;
            same(
                OP,
                "gamma",
                gamma.as_ref().map_or(shape[1], DeviceSlice::len),
                shape[1],
            )?;
            same(OP, "beta", beta.len(), shape[1])?;
            same(OP, "the statistics", all.len(), 3 * shape[1])?;
            let kernel = kernel::<T>(device, "batch_norm")?;
            let grid = over(s.elements());
            // SAFETY (both): batch_norm(x, gamma, beta, statistics, y, s); the vectors have one
            // element per channel, the statistics three, or they are null.
            unsafe {
                match &gamma {
                    Some(g) => launch!(kernel, grid, &view, g, &beta, &all, &mut y, &s),
                    None => launch!(kernel, grid, &view, &NULL, &beta, &all, &mut y, &s),
                }
            }?;
        }
        Ok(output(y, device, x.layout.shape().clone()))
    }

    fn backward(&self, x: &Tensor, gamma: Option<&Tensor>, dy: &Tensor) -> Result<Gradients> {
        with_element!(OP, x.dtype(), T => self.typed_backward::<T>(x, gamma, dy))
    }

    fn typed_backward<T: DeviceElement>(
        &self,
        x: &Tensor,
        gamma: Option<&Tensor>,
        dy: &Tensor,
    ) -> Result<Gradients> {
        let dy = dy.contiguous()?;
        let (xs, xl) = x.storage_and_layout();
        let (ds, dl) = dy.storage_and_layout();
        let (ss, sl) = self.statistics.storage_and_layout();
        let gamma = gamma.map(Tensor::storage_and_layout);
        let x = Source::of(OP, &xs, xl)?;
        let shape = dims(OP, xl)?;
        let (device, channels) = (x.device(), shape[1]);
        let s = Channels::new(shape);
        let mut dx = allocate::<T>(device, s.elements() as usize)?;
        let mut vectors = zeros::<T>(device, 2 * channels)?;
        if s.elements() > 0 {
            let view = x.elements::<T>(OP)?;
            let gradient = Source::of(OP, &ds, dl)?.elements::<T>(OP)?;
            let all = Source::of(OP, &ss, sl)?.elements::<f64>(OP)?;
            let mean = all
                .try_slice(..channels)
                .ok_or_else(|| mismatch(OP, "the statistics", all.len(), channels))?;
            let gamma = match &gamma {
                Some((storage, layout)) => {
                    Some(Source::of(OP, storage, layout)?.elements::<T>(OP)?)
                }
                None => None,
            };
            same(
                OP,
                "gamma",
                gamma.as_ref().map_or(channels, DeviceSlice::len),
                channels,
            )?;
            same(OP, "the statistics", all.len(), 3 * channels)?;
            let sums = sums::<T>(OP, device, shape, Some(&view), &gradient, Some(&mean))?;
            let mut coefficients = allocate::<T>(device, 4 * channels)?;
            let prepare = kernel::<T>(device, "batch_norm_coefficients")?;
            let (grid, out) = (over(s.channels), &mut coefficients);
            // SAFETY (both): batch_norm_coefficients(gamma, statistics, sums, gradients,
            // coefficients, s); 1, 3, 2, 2 and 4 numbers per channel, gamma may be null.
            unsafe {
                match &gamma {
                    Some(g) => launch!(prepare, grid, g, &all, &sums, &mut vectors, out, &s),
                    None => launch!(prepare, grid, &NULL, &all, &sums, &mut vectors, out, &s),
                }
            }?;
            let kernel = kernel::<T>(device, "batch_norm_backward")?;
            let grid = over(s.elements());
            // SAFETY: batch_norm_backward(x, dy, coefficients, dx, s); `sums` has checked that `x`
            // and `dy` have the elements of the shape.
            unsafe { launch!(kernel, grid, &view, &gradient, &coefficients, &mut dx, &s) }?;
        }
        let vectors = tensor(vectors, device, (2, channels));
        Ok(Gradients {
            x: tensor(dx, device, shape.to_vec()),
            beta: vectors.narrow(0, 0, 1)?.reshape(channels)?,
            gamma: vectors.narrow(0, 1, 1)?.reshape(channels)?,
        })
    }
}

struct Gradients {
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
}

/// These operators are made for tensors on a device alone.
fn not_here() -> candle_core::Error {
    Error::UnsupportedDevice {
        op: OP,
        device: DeviceLocation::Cpu,
    }
    .into()
}

impl CustomOp3 for Train {
    fn name(&self) -> &'static str {
        OP
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Err(not_here())
    }

    fn cuda_fwd(
        &self,
        s1: &CudaStorage,
        l1: &Layout,
        s2: &CudaStorage,
        l2: &Layout,
        s3: &CudaStorage,
        l3: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (x, gamma) = (Source::new(s1, l1), Source::new(s2, l2));
        with_element!(OP, s1.dtype(), T => self.run::<T>(x, Some(gamma), Source::new(s3, l3)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let g = self.backward(x, Some(gamma), grad)?;
        Ok((
            x.track_op().then_some(g.x),
            gamma.track_op().then_some(g.gamma),
            beta.track_op().then_some(g.beta),
        ))
    }
}

impl CustomOp2 for Train {
    fn name(&self) -> &'static str {
        OP
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Err(not_here())
    }

    fn cuda_fwd(
        &self,
        s1: &CudaStorage,
        l1: &Layout,
        s2: &CudaStorage,
        l2: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let (x, beta) = (Source::new(s1, l1), Source::new(s2, l2));
        with_element!(OP, s1.dtype(), T => self.run::<T>(x, None, beta))
    }

    fn bwd(
        &self,
        x: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let g = self.backward(x, None, grad)?;
        Ok((
            x.track_op().then_some(g.x),
            beta.track_op().then_some(g.beta),
        ))
    }
}
