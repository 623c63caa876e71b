//! Booleans or heatmaps -> packed masks, one bit per pixel.

pub(crate) mod bits;
pub(crate) mod count;
pub(crate) mod cut;
pub(crate) mod levels;
pub(crate) mod pack;
pub(crate) mod runs;
pub(crate) mod stack;

pub use bits::BitMask;
pub use stack::ThresholdStack;
