//! What was odd about a scan, though it could be read.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Something odd about a scan that did not keep it from being read.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Problem {
    /// A file of the folder was left out.
    FileLeftOut {
        /// File concerned.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Images that only show where the scan lies were left out.
    ScoutLeftOut {
        /// Files concerned.
        paths: Vec<PathBuf>,
    },
    /// Two files hold the same slice; the second was left out.
    DuplicateSlice {
        /// File that is kept.
        kept: PathBuf,
        /// File that was left out.
        dropped: PathBuf,
    },
    /// Different files carry the same SOP Instance UID; all are kept.
    RepeatedInstanceUid {
        /// The UID.
        uid: String,
        /// Files concerned.
        paths: Vec<PathBuf>,
    },
    /// Neighbouring slices lie further apart than the others.
    Gap {
        /// Slice before the gap, counted from 0.
        after_slice: usize,
        /// Distance found, mm.
        distance_mm: f64,
        /// Distance between most slices, mm.
        usual_mm: f64,
    },
    /// Several frames lie at the same position (echoes, phases, time points).
    SharedPositions {
        /// Number of frames.
        frames: usize,
        /// Number of different positions.
        positions: usize,
    },
    /// Slices without a position were put in the order of their instance numbers or files.
    NoPositions,
    /// Distance of pixels within a slice is not stated; 1 mm assumed.
    NoPixelSpacing,
    /// Distance of slices is neither stated nor follows from positions; 1 mm assumed.
    NoSliceSpacing,
    /// Slices differ in the distance of their pixels; that of the first is used.
    MixedPixelSpacing {
        /// First file that differs.
        path: PathBuf,
    },
    /// Larger values are meant to be shown darker (MONOCHROME1); values are left as stored.
    Inverted,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |paths: &[PathBuf]| {
            paths
                .iter()
                .map(|p| p.display().to_string())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self {
            Self::FileLeftOut { path, reason } => {
                write!(f, "{} left out: {reason}", path.display())
            }
            Self::ScoutLeftOut { paths } => write!(f, "scout images left out: {}", list(paths)),
            Self::DuplicateSlice { kept, dropped } => {
                write!(
                    f,
                    "{} repeats the slice of {}",
                    dropped.display(),
                    kept.display()
                )
            }
            Self::RepeatedInstanceUid { uid, paths } => {
                write!(f, "SOP Instance UID {uid} is repeated: {}", list(paths))
            }
            Self::Gap {
                after_slice,
                distance_mm,
                usual_mm,
            } => write!(
                f,
                "gap of {distance_mm:.3} mm after slice {after_slice}, others {usual_mm:.3} mm apart"
            ),
            Self::SharedPositions { frames, positions } => {
                write!(f, "{frames} frames share {positions} positions")
            }
            Self::NoPositions => {
                f.write_str("no slice positions, ordered by instance number or file")
            }
            Self::NoPixelSpacing => f.write_str("PixelSpacing is missing, 1 mm assumed"),
            Self::NoSliceSpacing => f.write_str("slice spacing is missing, 1 mm assumed"),
            Self::MixedPixelSpacing { path } => {
                write!(
                    f,
                    "{}: PixelSpacing differs from that of the first slice",
                    path.display()
                )
            }
            Self::Inverted => {
                f.write_str("MONOCHROME1: larger values are meant to be shown darker")
            }
        }
    }
}
