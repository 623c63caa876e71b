#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod augment;
pub mod contrast;
mod error;
pub mod foreground;
mod liquid_loss;
mod majority;
pub mod normalise;
pub mod patches;
pub mod phantom;
mod random;
mod sample_sheet;
pub mod split;
mod validity;
mod whole;

pub use augment::{AugmentConfig, AugmentParameters, Fill, augment, augment_batch};
pub use contrast::{ContrastMethod, adjust_contrast};
pub use error::{Error, Result};
pub use foreground::{ForegroundConfig, ForegroundVariant, segment_foreground};
pub use liquid_loss::liquid_loss_percent;
pub use majority::majority_filter;
pub use normalise::{NormaliseConfig, normalise};
pub use sample_sheet::{COLUMNS, SampleSheet, Specimen};
pub use split::{Fold, KFoldConfig, SplitItem, SplitUnit, Stratify, k_fold};
pub use validity::{ExcludedSlice, LateStart, RELEASED_LATE_STARTS, SliceValidity};
