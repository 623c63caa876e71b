//! What other programs do, by name, so that their numbers can be met.

pub mod libraries;
pub mod released_code;
