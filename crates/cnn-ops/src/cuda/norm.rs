//! Sums per channel and batch normalisation.
#![allow(unsafe_code)]

use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, DeviceRepr, DeviceSlice};
use candle_core::{
    CpuStorage, CudaDevice, CudaStorage, CustomOp2, CustomOp3, DeviceLocation, Layout, Result,
    Shape, Tensor,
};

use super::launch::{
    DeviceElement, NULL, Source, allocate, allocate_raw, blocks, kernel, launch, output, over,
    tensor, too_large, zeros,
};
use crate::element::with_element;
use crate::error::Error;
use crate::norm::BatchNormOutput;

const OP: &str = "batch_norm_train";
/// Elements of a channel that a block sums at least.
const PER_BLOCK: usize = 4096;
/// Blocks that all channels together are cut into at most, unless there are more channels.
const BLOCKS: usize = 2048;

/// `Channels` of `kernels/norm.cu`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Channels {
    channels: u64,
    plane: u64,
    count: u64,
    splits: u64,
}

// SAFETY: four integers in the kernel's order.
unsafe impl DeviceRepr for Channels {}

impl Channels {
    fn new([b, c, h, w]: [usize; 4]) -> Self {
        let count = b * h * w;
        let most = (BLOCKS / c.max(1)).max(1);
        Self {
            channels: c as u64,
            plane: (h * w) as u64,
            count: count as u64,
            splits: count.div_ceil(PER_BLOCK).clamp(1, most) as u64,
        }
    }

    fn elements(&self) -> u64 {
        self.channels * self.count
    }

    fn parts(&self) -> usize {
        (2 * self.channels * self.splits) as usize
    }
}

fn dims(op: &'static str, layout: &Layout) -> Result<[usize; 4]> {
    <[usize; 4]>::try_from(layout.dims()).map_err(|_| candle_core::Error::RequiresContiguous { op })
}

fn same(op: &'static str, what: &'static str, actual: usize, expected: usize) -> Result<()> {
    if actual == expected {
        return Ok(());
    }
    Err(too_large(op, what, expected, actual))
}

/// Per channel `Σ dy` and then `Σ (x − mean)·dy`, zero without `x`; `mean` is 0 if not given.
pub(super) fn sums<T: DeviceElement>(
    op: &'static str,
    device: &CudaDevice,
    shape: [usize; 4],
    x: Option<&CudaView<'_, T>>,
    dy: &CudaView<'_, T>,
    mean: Option<&CudaView<'_, f64>>,
) -> Result<CudaSlice<f64>> {
    let s = Channels::new(shape);
    if s.elements() == 0 {
        return zeros::<f64>(device, 2 * shape[1]);
    }
    let n = s.elements() as usize;
    same(op, "the output gradient", dy.len(), n)?;
    same(op, "x", x.map_or(n, DeviceSlice::len), n)?;
    same(
        op,
        "mean",
        mean.map_or(shape[1], DeviceSlice::len),
        shape[1],
    )?;
    let mut partial = allocate_raw::<f64>(device, s.parts())?;
    let parts = kernel::<T>(device, "channel_products")?;
    let grid = blocks(s.channels * s.splits);
    // SAFETY (all four): channel_products(x, dy, mean, partial, s); `x` and `dy` have the elements
    // of the shape, `mean` one per channel, or they are null; `partial` two per channel and split.
    unsafe {
        match (x, mean) {
            (Some(x), Some(m)) => launch!(parts, grid, x, dy, m, &mut partial, &s),
            (Some(x), None) => launch!(parts, grid, x, dy, &NULL, &mut partial, &s),
            (None, Some(m)) => launch!(parts, grid, &NULL, dy, m, &mut partial, &s),
            (None, None) => launch!(parts, grid, &NULL, dy, &NULL, &mut partial, &s),
        }
    }?;
    let mut totals = allocate_raw::<f64>(device, 2 * shape[1])?;
    let add = kernel::<T>(device, "channel_totals")?;
    // SAFETY: channel_totals(partial, sums, s); two sums per channel.
    unsafe { launch!(add, over(s.channels), &partial, &mut totals, &s) }?;
    Ok(totals)
}

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
                .ok_or_else(|| too_large(OP, "the statistics", channels, all.len()))?;
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

/// `x·scale[channel] + shift[channel]`.
pub(crate) fn scale_shift<T: DeviceElement>(
    op: &'static str,
    x: Source<'_>,
    scale: Source<'_>,
    shift: Source<'_>,
) -> Result<(CudaStorage, Shape)> {
    let (device, view) = (x.device(), x.elements::<T>(op)?);
    let shape = dims(op, x.layout)?;
    let s = Channels::new(shape);
    let mut y = allocate::<T>(device, s.elements() as usize)?;
    if s.elements() > 0 {
        let (scale, shift) = (scale.elements::<T>(op)?, shift.elements::<T>(op)?);
        same(op, "scale", scale.len(), shape[1])?;
        same(op, "shift", shift.len(), shape[1])?;
        let kernel = kernel::<T>(device, "scale_shift")?;
        // SAFETY: scale_shift(x, scale, shift, y, s); one scale and one shift per channel.
        unsafe {
            launch!(
                kernel,
                over(s.elements()),
                &view,
                &scale,
                &shift,
                &mut y,
                &s
            )
        }?;
    }
    Ok(output(y, device, x.layout.shape().clone()))
}

/// `Σ x·dy` and `Σ dy` per channel.
pub(crate) fn channel_sums(op: &'static str, x: &Tensor, dy: &Tensor) -> Result<(Tensor, Tensor)> {
    let totals = with_element!(op, x.dtype(), T => typed_sums::<T>(op, x, dy))?;
    let channels = totals.dims()[1];
    let vector = |i: usize| totals.narrow(0, i, 1)?.reshape(channels);
    if channels == 0 {
        return Ok((vector(1)?, vector(0)?));
    }
    Ok((
        vector(1)?.to_dtype(x.dtype())?,
        vector(0)?.to_dtype(x.dtype())?,
    ))
}

fn typed_sums<T: DeviceElement>(op: &'static str, x: &Tensor, dy: &Tensor) -> Result<Tensor> {
    let (xs, xl) = x.storage_and_layout();
    let (ds, dl) = dy.storage_and_layout();
    let (x, dy) = (Source::of(op, &xs, xl)?, Source::of(op, &ds, dl)?);
    let shape = dims(op, xl)?;
    let (view, gradient) = (x.elements::<T>(op)?, dy.elements::<T>(op)?);
    let totals = sums::<T>(op, x.device(), shape, Some(&view), &gradient, None)?;
    Ok(tensor(totals, x.device(), (2, shape[1])))
}
