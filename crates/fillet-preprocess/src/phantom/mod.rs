#![doc = include_str!("model.md")]

mod anatomy;
mod annotate;
mod artefacts;
mod cohort;
mod config;
mod damage;
mod lattice;
mod render;
mod signal;

pub use annotate::{AnnotatorConfig, Label, annotate};
pub use cohort::{Cohort, PhantomScan, Scans};
pub use config::{
    Confounds, DamageConfig, DamageLayout, Freezing, OutcomeConfig, PhantomConfig, ScannerConfig,
    SecondScan, Softness, State, TissueConfig,
};
