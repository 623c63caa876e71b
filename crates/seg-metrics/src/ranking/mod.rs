//! A heatmap and a mask -> scores that need no threshold.

pub(crate) mod pxap;
pub(crate) mod rank;
