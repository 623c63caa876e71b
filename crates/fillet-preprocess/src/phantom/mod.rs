#![doc = include_str!("model.md")]

mod anatomy;
mod artefacts;
mod cohort;
mod config;
mod damage;
mod lattice;
mod render;
mod signal;

pub use cohort::{Cohort, PhantomScan, Scans};
pub use config::{
    Confounds, DamageConfig, DamageLayout, Freezing, OutcomeConfig, PhantomConfig, ScannerConfig,
    SecondScan, Softness, State, TissueConfig,
};
