#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod architecture;
mod atomic;
mod backbone;
mod blocks;
mod builder;
mod config;
mod dense_maps;
mod error;
mod initial;
mod models;
mod parameters;
mod pass;
mod seed;
mod summary;
mod tape;
pub mod train;
mod train_pass;
pub mod weights;

pub use architecture::{Architecture, Convention};
pub use backbone::{Backbone, TapInfo, build};
pub use config::{BackboneConfig, Initialisation};
pub use error::{Error, Result};
pub use parameters::{Parameter, Parameters, Role};
pub use summary::{LayerSummary, Summary, TapSummary, TensorSummary, summary};
pub use train_pass::TrainPass;
