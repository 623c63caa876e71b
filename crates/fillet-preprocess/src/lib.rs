#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod augment;
mod error;
pub mod foreground;
mod liquid_loss;
pub mod normalise;
pub mod phantom;
mod random;
mod sample_sheet;
pub mod split;

pub use augment::{AugmentConfig, AugmentParameters, Fill, augment};
pub use error::{Error, Result};
pub use foreground::{ForegroundConfig, ForegroundVariant, segment_foreground};
pub use liquid_loss::liquid_loss_percent;
pub use normalise::{NormaliseConfig, normalise};
pub use sample_sheet::{COLUMNS, SampleSheet, Specimen};
pub use split::{Fold, KFoldConfig, SplitItem, SplitUnit, Stratify, k_fold};
