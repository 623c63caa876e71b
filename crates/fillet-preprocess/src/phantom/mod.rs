#![doc = include_str!("model.md")]

mod anatomy;
mod annotate;
mod artefacts;
mod boundary;
mod choices;
mod cohort;
mod config;
mod damage;
mod lattice;
mod render;
mod signal;
mod validate;

pub use annotate::{AnnotatorConfig, Label, annotate};
pub use choices::{DamageLayout, Freezing, SecondScan, Softness, State};
pub use cohort::{Cohort, PhantomScan, Scans};
pub use config::{
    Confounds, DamageConfig, OutcomeConfig, PhantomConfig, ScannerConfig, TissueConfig,
};
