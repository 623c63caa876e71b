//! Tests of the public interface; reference values live in `tests/golden/`.
#![allow(clippy::unwrap_used)]

mod augment;
mod bad_input;
mod golden;
mod images;
mod phantom;
mod phantom_design;
mod quantiles;
mod sheet;
mod split;
