#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod aggregate;
mod agreement;
mod comparison;
mod error;
mod mask;
mod overlap;
mod policy;
mod sample;
mod sweep;

pub use aggregate::Aggregate;
pub use agreement::pairs::{PairwiseIou, pairwise_iou};
pub use agreement::phi::{Agreement, agreement_per_slice, pairwise_agreement};
pub use comparison::Comparison;
pub use error::{Error, Result};
pub use mask::{BitMask, ThresholdStack};
pub use overlap::chance::{chance_corrected_iou, expected_iou};
pub use overlap::confusion::{Confusion, confusion};
pub use overlap::shortcuts::{dice, iou};
pub use policy::EmptyPolicy;
pub use sample::Sample;
pub use sweep::{Sweep, threshold_sweep};
