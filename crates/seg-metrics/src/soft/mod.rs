//! Heatmaps against soft or hard truth, without or with many thresholds.

pub(crate) mod calibration;
pub(crate) mod overlap;
pub(crate) mod values;
