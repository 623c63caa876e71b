//! Contrast stretching between two percentiles.

use ndarray::Array2;

use super::LARGEST;
use crate::normalise::percentile;

/// Moves the percentiles of the non-zero pixels to 0 and 4095 and clamps. Without two different
/// percentiles, pixels above them become 4095 and the others 0.
pub(super) fn stretch(slice: &Array2<f32>, lower: f64, upper: f64) -> Array2<f32> {
    let mut values: Vec<f32> = slice
        .iter()
        .copied()
        .filter(|&value| value != 0.0)
        .collect();
    let (Some(low), Some(high)) = (
        percentile(&mut values, lower),
        percentile(&mut values, upper),
    ) else {
        return Array2::zeros(slice.dim());
    };
    slice.mapv(|value| {
        let value = f64::from(value);
        if value <= low {
            0.0
        } else if value <= high {
            (LARGEST / (high - low) * (value - low)) as f32
        } else {
            LARGEST as f32
        }
    })
}
