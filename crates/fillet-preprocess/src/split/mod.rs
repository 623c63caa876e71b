//! Items -> train, validation and test sides that share no fish, and an audit of any split.

mod audit;
mod groups;
mod k_fold;
mod released;

use std::fmt;

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::random::{hash_text, scramble};
use crate::sample_sheet::Specimen;

pub use audit::{LeakageReport, SideLeakage, audit};
pub use k_fold::{HoldOutConfig, KFoldConfig, ValidationSide, hold_out, k_fold};
pub use released::{ReleasedSplit, released_split};

/// What must never lie on two sides of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitUnit {
    /// The animal: both its fillets, fresh and thawed, stay together.
    #[default]
    Fish,
    /// The fillet: its fresh and its thawed scan stay together.
    Fillet,
    /// The single slice: neighbours are torn apart. Leaks; here to reproduce work that did so.
    Slice,
}

impl fmt::Display for SplitUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fish => "fish",
            Self::Fillet => "fillet",
            Self::Slice => "slice",
        })
    }
}

/// What each side should hold in equal proportions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stratify {
    /// Nothing but the number of items.
    None,
    /// Classes.
    Class,
    /// Every pair of class and treatment.
    #[default]
    ClassAndTreatment,
}

/// A side of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Fits the weights.
    Train,
    /// Decides when to stop.
    Validation,
    /// Measures.
    Test,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        })
    }
}

/// One thing to be put on a side: a scan, a slice of it, or a changed copy of that slice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitItem {
    /// The scan.
    pub scan: String,
    /// The slice within the scan; `None` for whole scans.
    pub slice: Option<usize>,
    /// The animal.
    pub fish: Option<String>,
    /// The fillet; unique within its fish.
    pub fillet: Option<String>,
    /// The label.
    pub class: String,
    /// The experimental group.
    pub treatment: Option<String>,
    /// Name of the change, if this is a changed copy of another item (`clahe`, `rotated`).
    pub copy: Option<String>,
    /// Hash of the pixels, if known ([`content_hash`]).
    pub content: Option<u64>,
}

impl SplitItem {
    /// The whole scan of a specimen.
    pub fn from_specimen(specimen: &Specimen) -> Self {
        Self {
            scan: specimen.scan.clone(),
            fish: specimen.fish.clone(),
            fillet: specimen.fillet.clone(),
            class: specimen.class.clone(),
            treatment: specimen.treatment.clone(),
            ..Self::default()
        }
    }

    /// One slice of the same scan.
    #[must_use]
    pub fn with_slice(mut self, slice: usize) -> Self {
        self.slice = Some(slice);
        self
    }

    /// A changed copy of the same slice.
    #[must_use]
    pub fn with_copy(mut self, change: &str) -> Self {
        self.copy = Some(change.to_owned());
        self
    }
}

/// The sides of one split, as indices into the items, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fold {
    /// Fits the weights.
    pub train: Vec<usize>,
    /// Decides when to stop; may be empty.
    pub validation: Vec<usize>,
    /// Measures.
    pub test: Vec<usize>,
}

impl Fold {
    /// The indices of one side.
    pub fn side(&self, role: Role) -> &[usize] {
        match role {
            Role::Train => &self.train,
            Role::Validation => &self.validation,
            Role::Test => &self.test,
        }
    }
}

/// A hash of the pixels of a slice, equal for equal pixels, to find duplicates.
///
/// # Shapes
///
/// - `slice`: `[rows, columns]`
pub fn content_hash(slice: ArrayView2<'_, f32>) -> u64 {
    let start = hash_text(&format!("{}x{}", slice.nrows(), slice.ncols()));
    slice.iter().fold(start, |state, value| {
        scramble(state ^ u64::from(value.to_bits()))
    })
}
