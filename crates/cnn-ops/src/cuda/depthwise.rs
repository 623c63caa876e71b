//! Convolutions with one input channel per group.
#![allow(unsafe_code)]

use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView};
use candle_core::{CudaDevice, Result};

use super::launch::{DeviceElement, allocate, blocks, kernel, launch, over};
use super::sizes::{Sizes, count};
use crate::conv::Geometry;

/// The output, without bias.
pub(super) fn forward<T: DeviceElement>(
    g: &Geometry,
    device: &CudaDevice,
    x: &CudaView<'_, T>,
    w: &CudaView<'_, T>,
) -> Result<CudaSlice<T>> {
    let lengths = [
        ("x", x.len(), count(g.input_shape())),
        ("weight", w.len(), count(g.weight_shape())),
    ];
    let sizes = Sizes::new(g, lengths)?;
    let n = count(g.output_shape());
    let mut y = allocate::<T>(device, n)?;
    let kernel = kernel::<T>(device, "depthwise")?;
    // SAFETY: depthwise(x, w, y, sizes); all three have the elements of the geometry.
    unsafe { launch!(kernel, over(n as u64), x, w, &mut y, &sizes) }?;
    Ok(y)
}

/// The gradient of the input.
pub(super) fn input_gradient<T: DeviceElement>(
    g: &Geometry,
    device: &CudaDevice,
    dy: &CudaView<'_, T>,
    w: &CudaView<'_, T>,
) -> Result<CudaSlice<T>> {
    let lengths = [
        ("the output gradient", dy.len(), count(g.output_shape())),
        ("weight", w.len(), count(g.weight_shape())),
    ];
    let sizes = Sizes::new(g, lengths)?;
    let n = count(g.input_shape());
    let mut dx = allocate::<T>(device, n)?;
    let kernel = kernel::<T>(device, "depthwise_input_gradient")?;
    // SAFETY: depthwise_input_gradient(dy, w, dx, sizes), as above.
    unsafe { launch!(kernel, over(n as u64), dy, w, &mut dx, &sizes) }?;
    Ok(dx)
}

/// The gradient of the weight.
pub(super) fn weight_gradient<T: DeviceElement>(
    g: &Geometry,
    device: &CudaDevice,
    dy: &CudaView<'_, T>,
    x: &CudaView<'_, T>,
) -> Result<CudaSlice<T>> {
    let lengths = [
        ("the output gradient", dy.len(), count(g.output_shape())),
        ("x", x.len(), count(g.input_shape())),
    ];
    let sizes = Sizes::new(g, lengths)?;
    let n = count(g.weight_shape());
    let mut dw = allocate::<T>(device, n)?;
    let kernel = kernel::<T>(device, "depthwise_weight_gradient")?;
    // SAFETY: depthwise_weight_gradient(dy, x, dw, sizes), as above.
    unsafe { launch!(kernel, blocks(n as u64), dy, x, &mut dw, &sizes) }?;
    Ok(dw)
}
