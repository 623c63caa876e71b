#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod aggregate;
mod agreement;
mod boundary;
mod comparison;
pub mod compat;
mod error;
mod mask;
mod multiclass;
mod overlap;
mod partition;
mod policy;
mod ranking;
mod sample;
mod soft;
mod sweep;

pub use aggregate::Aggregate;
pub use agreement::alpha::{RatingScale, krippendorff_alpha, krippendorff_alpha_masks};
pub use agreement::kappa::{fleiss_kappa, gwet_ac1, mean_pairwise_accuracy, mean_pairwise_kappa};
pub use agreement::pairs::{PairwiseIou, pairwise_iou};
pub use agreement::phi::{Agreement, agreement_per_slice, pairwise_agreement};
pub use boundary::band::{TrimapIou, boundary_band, trimap_iou};
pub use boundary::contour::outline;
pub use boundary::empty::{BothEmptyDistance, EmptyDistance, OneEmptyDistance};
pub use boundary::f1::{BoundaryF1, boundary_f1};
pub use boundary::iou::{RimDistance, RimWidth, boundary_iou};
pub use boundary::pixel::{HausdorffConvention, OutlineDistances, outline_distances};
pub use boundary::surfel::{SurfaceOverlap, Surfel, SurfelDistances, surfel_distances};
pub use boundary::transform::distance_transform;
pub use comparison::Comparison;
pub use error::{Error, Result};
pub use mask::{BitMask, ThresholdStack};
pub use multiclass::table::{Background, ClassTable, ClassWeight, class_table};
pub use overlap::chance::{chance_corrected_iou, expected_iou};
pub use overlap::confusion::{Confusion, confusion};
pub use overlap::shortcuts::{dice, iou};
pub use partition::contingency::{Contingency, VariationOfInformation, contingency};
pub use policy::EmptyPolicy;
pub use ranking::pxap::PixelAveragePrecision;
pub use ranking::rank::{average_precision, roc_auc};
pub use sample::Sample;
pub use soft::calibration::{Calibration, ReliabilityBin, calibration};
pub use soft::overlap::{
    SoftOverlap, ThresholdAveraged, mean_absolute_error, soft_overlap, threshold_averaged,
};
pub use sweep::{Sweep, threshold_sweep};
