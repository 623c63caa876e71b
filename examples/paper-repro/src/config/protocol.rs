//! The three protocols: what a study means. Sizes belong to profiles.

use serde::{Deserialize, Serialize};

/// Which reading of the study is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// What the paper's text says.
    Published,
    /// What the authors' released code does.
    Released,
    /// Cross-fitted by fish: every scan is mapped by networks that never saw its fish.
    Rigorous,
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Published => "published",
            Self::Released => "released",
            Self::Rigorous => "rigorous",
        })
    }
}
