//! The table of scores behind Score-CAM: one forward pass per distinct mask.

pub(crate) mod mask;
mod table;

pub(crate) use mask::LowMask;
pub(crate) use table::{Entry, ScoreTables};
