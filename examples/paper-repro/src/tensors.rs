//! Slices -> batches. The one file of the study that knows arrays and tensors.

use candle_core::{Device, Tensor};
use ndarray::{ArrayView2, ArrayView3};

use crate::error::{Result, failed};

/// Slices `[slice, row, column]` as images `[batch, 1, height, width]`.
///
/// # Errors
///
/// [`Error::Run`](crate::error::Error::Run) if the device refuses.
pub fn images(slices: ArrayView3<'_, f32>, device: &Device) -> Result<Tensor> {
    let (batch, rows, columns) = slices.dim();
    let values: Vec<f32> = slices.iter().copied().collect();
    Tensor::from_vec(values, (batch, 1, rows, columns), device)
        .map_err(|e| failed("images to device", e))
}

/// Single slices of one size as images `[batch, 1, height, width]`.
///
/// # Errors
///
/// A candle error if the sizes differ or the device refuses.
pub fn batch(slices: &[ArrayView2<'_, f32>], device: &Device) -> candle_core::Result<Tensor> {
    let (rows, columns) = slices.first().map_or((0, 0), |slice| slice.dim());
    let values: Vec<f32> = slices
        .iter()
        .flat_map(|slice| slice.iter().copied())
        .collect();
    Tensor::from_vec(values, (slices.len(), 1, rows, columns), device)
}

/// Masks `[slice, row, column]` as a tensor of 0 and 1.
///
/// # Errors
///
/// [`Error::Run`](crate::error::Error::Run) if the device refuses.
pub fn masks(masks: ArrayView3<'_, bool>, device: &Device) -> Result<Tensor> {
    let values: Vec<f32> = masks
        .iter()
        .map(|&inside| f32::from(u8::from(inside)))
        .collect();
    Tensor::from_vec(values, masks.dim(), device).map_err(|e| failed("masks to device", e))
}
