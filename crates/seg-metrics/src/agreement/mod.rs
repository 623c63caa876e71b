//! Several masks or stacks -> how well they agree with each other.

pub(crate) mod alpha;
pub(crate) mod kappa;
pub(crate) mod pairs;
pub(crate) mod phi;
