//! Pieces that the networks share.

mod conv;
mod conv_norm;
mod dense;
mod graph;
mod norm;
mod separable;

pub(crate) use conv::{Conv, Geometry, ScaledConv};
pub(crate) use conv_norm::{After, ConvNorm};
pub(crate) use dense::Dense;
pub(crate) use graph::{Built, Node, Plan, chain, conv, split, tapped_conv};
pub(crate) use norm::BatchNorm;
pub(crate) use separable::Separable;
