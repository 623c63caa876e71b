//! The choices a phantom study is made of: treatment, state, layout, softness.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Freezing treatment of a fillet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freezing {
    /// −5 °C: slow, large ice crystals.
    Minus5,
    /// −20 °C.
    Minus20,
    /// −40 °C: fast, hardly any visible damage.
    Minus40,
}

impl Freezing {
    /// All treatments, warmest first.
    pub const ALL: [Self; 3] = [Self::Minus5, Self::Minus20, Self::Minus40];

    /// The temperature in degrees Celsius.
    pub fn celsius(self) -> i32 {
        match self {
            Self::Minus5 => -5,
            Self::Minus20 => -20,
            Self::Minus40 => -40,
        }
    }

    /// The canonical name, as in sample sheets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minus5 => "minus_5",
            Self::Minus20 => "minus_20",
            Self::Minus40 => "minus_40",
        }
    }
}

impl fmt::Display for Freezing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Freezing {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|treatment| treatment.name() == name)
            .ok_or_else(|| Error::UnknownName {
                what: "treatment",
                name: name.to_owned(),
                known: &["minus_5", "minus_20", "minus_40"],
            })
    }
}

/// State of a fillet when scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Before freezing.
    Fresh,
    /// After freezing and thawing.
    Thawed,
    /// Never frozen, taken out and scanned a second time.
    Rescanned,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Thawed => "thawed",
            Self::Rescanned => "rescanned",
        })
    }
}

/// What the second scan of each fillet shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondScan {
    /// The fillet after freezing and thawing.
    #[default]
    Thawed,
    /// Null cohort: the same fresh fillet, positioned and scanned anew. Any accuracy above chance
    /// is leakage or a confound.
    FreshAgain,
    /// There is none.
    None,
}

/// Where freezing damages a fillet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DamageLayout {
    /// Cold from all sides: freezing lasts longest in the middle. "The middle" solves it.
    Centre,
    /// Cold from the skin side only: freezing lasts longest at the opposite face.
    Contact,
    /// Foci of slow freezing spread over the fillet independently of depth. The default, because
    /// a map that always marks the middle must not score well.
    #[default]
    Foci,
}

/// How fast damage rises across a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Softness {
    /// Logistic width 0.1 in ln(freezing time).
    Hard,
    /// Logistic width 0.6.
    #[default]
    Soft,
    /// Logistic width 1.2.
    VerySoft,
}

impl Softness {
    /// Logistic width in ln(freezing time).
    pub fn width(self) -> f64 {
        match self {
            Self::Hard => 0.1,
            Self::Soft => 0.6,
            Self::VerySoft => 1.2,
        }
    }
}
