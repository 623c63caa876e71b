//! Heatmaps -> checked pairs of values inside a region.

use ndarray::{ArrayView, Dimension};

use crate::error::{position, same_shape};
use crate::{BitMask, Error, Result, Sample};

/// Values in `[0, 1]` of the pixels inside the region, in row-major order.
pub(crate) fn unit_values<T: Sample, D: Dimension>(
    what: &'static str,
    values: ArrayView<'_, T, D>,
    region: Option<&BitMask>,
) -> Result<Vec<f64>> {
    let found = inside(what, values, region)?;
    if let Some(&value) = found.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        return Err(Error::OutOfRange {
            what,
            low: 0.0,
            high: 1.0,
            value,
        });
    }
    Ok(found)
}

/// Finite values of the pixels inside the region, in row-major order.
pub(crate) fn inside<T: Sample, D: Dimension>(
    what: &'static str,
    values: ArrayView<'_, T, D>,
    region: Option<&BitMask>,
) -> Result<Vec<f64>> {
    let shape = values.shape().to_vec();
    if let Some(region) = region {
        same_shape(what, &shape, "region of interest", region.shape())?;
    }
    let mut found = Vec::with_capacity(region.map_or(values.len(), |r| r.count() as usize));
    for (flat, &value) in values.iter().enumerate() {
        if region.is_none_or(|region| region.bit(flat)) {
            let value: f64 = value.into();
            if !value.is_finite() {
                return Err(Error::NonFinite {
                    what,
                    index: position(&shape, flat),
                    value,
                });
            }
            found.push(value);
        }
    }
    Ok(found)
}

/// The pixels of a mask inside the region, in row-major order.
pub(crate) fn truth(
    shape: &[usize],
    reference: &BitMask,
    region: Option<&BitMask>,
) -> Result<Vec<bool>> {
    same_shape("heatmap", shape, "reference", reference.shape())?;
    let pixels = reference.pixels();
    Ok(match region {
        None => pixels,
        Some(region) => pixels
            .into_iter()
            .zip(region.pixels())
            .filter(|p| p.1)
            .map(|p| p.0)
            .collect(),
    })
}
