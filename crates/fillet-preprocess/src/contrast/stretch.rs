//! Contrast stretching between two percentiles.

use ndarray::{Array2, ArrayViewMut2, Zip};

use super::LARGEST;
use crate::normalise;
use crate::whole::{self, LEVELS};

/// The line through (low, 0) and (high, 4095), held at its ends.
struct Line {
    low: f64,
    high: f64,
    slope: f64,
}

impl Line {
    fn new(low: f64, high: f64) -> Self {
        let slope = LARGEST / (high - low);
        Self { low, high, slope }
    }

    /// Without two different percentiles, what lies above them becomes 4095 and the rest 0.
    fn at(&self, value: f64) -> f32 {
        if value <= self.low {
            0.0
        } else if value <= self.high {
            (self.slope * (value - self.low)) as f32
        } else {
            LARGEST as f32
        }
    }
}

/// Moves the percentiles of the non-zero pixels to 0 and 4095 and clamps; `out` holds zeros.
pub(super) fn stretch(slice: &Array2<f32>, lower: f64, upper: f64, out: ArrayViewMut2<'_, f32>) {
    let mut values: Vec<f32> = slice
        .iter()
        .copied()
        .filter(|&value| value != 0.0)
        .collect();
    let mut percentile = |percent| normalise::percentile(&mut values, percent);
    if let (Some(low), Some(high)) = (percentile(lower), percentile(upper)) {
        let line = Line::new(low, high);
        Zip::from(out)
            .and(slice)
            .for_each(|to, &value| *to = line.at(f64::from(value)));
    }
}

/// [`stretch`] of whole grey values.
pub(super) fn stretch_whole(
    levels: &Array2<u16>,
    lower: f64,
    upper: f64,
    out: ArrayViewMut2<'_, f32>,
) {
    let counts = whole::histogram(levels);
    let percentile = |percent| whole::percentile(&counts, 1, percent);
    if let (Some(low), Some(high)) = (percentile(lower), percentile(upper)) {
        let line = Line::new(low, high);
        let table: [f32; LEVELS] = std::array::from_fn(|level| line.at(level as f64));
        whole::look_up_into(levels, &table, out);
    }
}
