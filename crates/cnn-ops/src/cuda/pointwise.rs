//! Rectifiers and dropout.
#![allow(unsafe_code)]

use candle_core::cuda_backend::cudarc::driver::DeviceRepr;
use candle_core::{CudaStorage, Result, Shape};

use super::launch::{DeviceElement, Source, allocate, kernel, launch, output, over};

/// `min(max(x, 0), upper)`.
pub(crate) fn clamp<T: DeviceElement>(
    op: &'static str,
    upper: f64,
    x: Source<'_>,
) -> Result<(CudaStorage, Shape)> {
    let (device, view) = (x.device(), x.elements::<T>(op)?);
    let n = x.layout.shape().elem_count();
    let mut y = allocate::<T>(device, n)?;
    let (upper, count) = (T::from_f64(upper), n as u64);
    let kernel = kernel::<T>(device, "clamp")?;
    // SAFETY: clamp(x, y, upper, n); both tensors have n elements.
    unsafe { launch!(kernel, over(count), &view, &mut y, &upper, &count) }?;
    Ok(output(y, device, x.layout.shape().clone()))
}

/// `dy` where `0 < y < upper`, else 0.
pub(crate) fn clamp_backward<T: DeviceElement>(
    op: &'static str,
    upper: f64,
    y: Source<'_>,
    dy: Source<'_>,
) -> Result<(CudaStorage, Shape)> {
    let device = y.device();
    let (view, gradient) = (y.elements::<T>(op)?, dy.elements::<T>(op)?);
    let n = y
        .layout
        .shape()
        .elem_count()
        .min(dy.layout.shape().elem_count());
    let mut dx = allocate::<T>(device, n)?;
    let (upper, count) = (T::from_f64(upper), n as u64);
    let kernel = kernel::<T>(device, "clamp_backward")?;
    // SAFETY: clamp_backward(y, dy, dx, upper, n); no tensor has fewer than n elements.
    unsafe {
        launch!(
            kernel,
            over(count),
            &view,
            &gradient,
            &mut dx,
            &upper,
            &count
        )
    }?;
    Ok(output(dx, device, y.layout.shape().clone()))
}

/// `Key` of `kernels/pointwise.cu`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Key([u32; 8]);

// SAFETY: eight words, as in the kernel.
unsafe impl DeviceRepr for Key {}

/// Zeros where the element's word of the generator lies below `threshold`, `x·scale` elsewhere.
pub(crate) fn dropout<T: DeviceElement>(
    op: &'static str,
    seed: [u8; 32],
    threshold: u64,
    scale: f64,
    x: Source<'_>,
) -> Result<(CudaStorage, Shape)> {
    let (device, view) = (x.device(), x.elements::<T>(op)?);
    let n = x.layout.shape().elem_count();
    let mut y = allocate::<T>(device, n)?;
    let word = |i: usize| u32::from_le_bytes(std::array::from_fn(|b| seed[4 * i + b]));
    let key = Key(std::array::from_fn(word));
    let (scale, count) = (T::from_f64(scale), n as u64);
    let kernel = kernel::<T>(device, "dropout")?;
    let grid = over(count.div_ceil(16));
    // SAFETY: dropout(x, y, key, threshold, scale, n); both tensors have n elements.
    unsafe {
        launch!(
            kernel, grid, &view, &mut y, &key, &threshold, &scale, &count
        )
    }?;
    Ok(output(y, device, x.layout.shape().clone()))
}
