//! Linear maps of planes: averages, resampling, padding and their adjoints.
#![allow(unsafe_code)]

use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView, DeviceRepr};
use candle_core::{CudaDevice, CudaStorage, Result, Shape};

use super::launch::{
    DeviceElement, Source, allocate, blocks, kernel, launch, mismatch, output, over, too_large,
    upload,
};
use crate::taps::Taps;

/// Outputs with at least this many taps get a block of threads each.
const WIDE: usize = 128;

/// `Planes` of `kernels/plane.cu`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Planes {
    input: [u32; 2],
    output: [u32; 2],
}

// SAFETY: four integers in the kernel's order.
unsafe impl DeviceRepr for Planes {}

impl Planes {
    fn new(op: &'static str, input: [usize; 2], output: [usize; 2]) -> Result<Self> {
        for side in [input, output].concat() {
            if side > i32::MAX as usize {
                return Err(too_large(op, "a side of a map", side, i32::MAX as usize));
            }
        }
        Ok(Self {
            input: input.map(|v| v as u32),
            output: output.map(|v| v as u32),
        })
    }
}

/// Applies the taps of rows and columns to every plane of `x`, whose planes have the size `input`.
pub(crate) fn apply<T: DeviceElement>(
    op: &'static str,
    [rows, columns]: [&Taps; 2],
    input: [usize; 2],
    x: Source<'_>,
) -> Result<(CudaStorage, Shape)> {
    let (device, view) = (x.device(), x.elements::<T>(op)?);
    let (b, c, h, w) = x.layout.shape().dims4()?;
    if [h, w] != input || !rows.fits(h) || !columns.fits(w) {
        return Err(mismatch(op, "a map", h * w, input[0] * input[1]));
    }
    let [oh, ow] = [rows.len(), columns.len()];
    let sizes = Planes::new(op, input, [oh, ow])?;
    let joined = rows.sources() + columns.sources();
    let Ok(shift) = u32::try_from(rows.sources()) else {
        return Err(too_large(op, "the taps", joined, u32::MAX as usize));
    };
    if u32::try_from(joined).is_err() {
        return Err(too_large(op, "the taps", joined, u32::MAX as usize));
    }
    let shifted = columns.start.iter().map(|s| s + shift);
    let start: Vec<u32> = rows.start.iter().copied().chain(shifted).collect();
    let source = [&rows.source[..], &columns.source].concat();
    let weights = rows.weight.iter().chain(&columns.weight);
    let weight: Vec<T> = weights.map(|&w| T::from_f64(w)).collect();
    let start = upload(device, &start)?;
    let source = upload(device, &source)?;
    let weight = upload(device, &weight)?;
    let n = b * c * oh * ow;
    let mut y = allocate::<T>(device, n)?;
    let planes = (b * c) as u64;
    let wide = rows.longest().saturating_mul(columns.longest()) >= WIDE;
    let (name, grid) = if wide {
        ("separable_wide", blocks(n as u64))
    } else {
        ("separable", over(n as u64))
    };
    let kernel = kernel::<T>(device, name)?;
    // SAFETY: separable(x, y, planes, sizes, start, source, weight), and separable_wide alike;
    // `start` has one entry more than outputs for either axis, all taps lie inside `source` and
    // `weight`, and all sources inside a plane of `x`, as just checked.
    unsafe {
        launch!(
            kernel, grid, &view, &mut y, &planes, &sizes, &start, &source, &weight
        )
    }?;
    Ok(output(y, device, (b, c, oh, ow)))
}

/// Planes of the size `input` moved into planes of the size `output`:
/// `y[r, c] = x[r + by[0], c + by[1]]`, zero where that lies outside.
#[cfg_attr(not(feature = "cudnn"), allow(dead_code))]
pub(super) fn shift<T: DeviceElement>(
    op: &'static str,
    device: &CudaDevice,
    planes: usize,
    x: &CudaView<'_, T>,
    input: [usize; 2],
    size: [usize; 2],
    by: [i32; 2],
) -> Result<CudaSlice<T>> {
    let sizes = Planes::new(op, input, size)?;
    let n = planes * size[0] * size[1];
    let mut y = allocate::<T>(device, n)?;
    let planes = planes as u64;
    let kernel = kernel::<T>(device, "shift_planes")?;
    let [top, left] = by;
    // SAFETY: shift_planes(x, y, planes, sizes, top, left); the callers' `x` has `planes` planes of
    // the size `input`.
    unsafe {
        launch!(
            kernel,
            over(n as u64),
            x,
            &mut y,
            &planes,
            &sizes,
            &top,
            &left
        )
    }?;
    Ok(y)
}
