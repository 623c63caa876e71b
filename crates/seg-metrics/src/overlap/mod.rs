//! Two masks -> counts, and every ratio made of them.

pub(crate) mod chance;
pub(crate) mod confusion;
pub(crate) mod ratios;
pub(crate) mod shortcuts;
