//! Sums per channel, and one scale and one shift per channel.
#![allow(unsafe_code)]

use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, DeviceRepr, DeviceSlice};
use candle_core::{CudaDevice, CudaStorage, Layout, Result, Shape, Tensor};

use super::launch::{
    DeviceElement, NULL, Source, allocate, allocate_raw, blocks, kernel, launch, mismatch, output,
    over, tensor, zeros,
};
use crate::element::with_element;

/// Elements of a channel that a block sums at least.
const PER_BLOCK: usize = 4096;
/// Blocks that all channels together are cut into at most, unless there are more channels.
const BLOCKS: usize = 2048;

/// `Channels` of `kernels/norm.cu`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Channels {
    pub(super) channels: u64,
    plane: u64,
    count: u64,
    pub(super) splits: u64,
}

// SAFETY: four integers in the kernel's order.
unsafe impl DeviceRepr for Channels {}

impl Channels {
    pub(super) fn new([b, c, h, w]: [usize; 4]) -> Self {
        let count = b * h * w;
        let most = (BLOCKS / c.max(1)).max(1);
        Self {
            channels: c as u64,
            plane: (h * w) as u64,
            count: count as u64,
            splits: count.div_ceil(PER_BLOCK).clamp(1, most) as u64,
        }
    }

    pub(super) fn elements(&self) -> u64 {
        self.channels * self.count
    }

    pub(super) fn parts(&self) -> usize {
        (2 * self.channels * self.splits) as usize
    }
}

pub(super) fn dims(op: &'static str, layout: &Layout) -> Result<[usize; 4]> {
    <[usize; 4]>::try_from(layout.dims()).map_err(|_| candle_core::Error::RequiresContiguous { op })
}

pub(super) fn same(
    op: &'static str,
    what: &'static str,
    actual: usize,
    expected: usize,
) -> Result<()> {
    if actual == expected {
        return Ok(());
    }
    Err(mismatch(op, what, actual, expected))
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
