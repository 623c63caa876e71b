//! Do the maps deserve belief? Measures of a heatmap, with and without a known truth.
//!
//! Heatmaps are `[B, H, W]` tensors in [0, 1] as [`CamMaps::up`](crate::CamMaps::up), or plain values row by row.
//! No measure is enough by itself: compare with the [`controls`], which know nothing of the class.

mod adcc;
mod boxes;
mod confidence;
pub mod controls;
mod curves;
mod infidelity;
mod localisation;
mod pxap;
mod randomisation;
mod road;
mod scorer;
mod sensitivity;
mod similarity;

pub use adcc::{Adcc, adcc, complexity};
pub use boxes::{BoxAccuracy, PixelBox};
pub use confidence::{ConfidenceChange, ConfidenceSummary, confidence_change};
pub use curves::{Curve, Perturbation, perturbation_curves};
pub use infidelity::{InfidelityOptions, infidelity};
pub use localisation::{energy_inside, pointing_hit};
pub use pxap::PixelPrecision;
pub use randomisation::{RandomisationStage, randomisation_check};
pub use road::{Road, RoadOptions, road};
pub use scorer::Scorer;
pub use sensitivity::{SensitivityOptions, max_sensitivity};
pub use similarity::{Similarity, pearson, similarity, spearman};

use crate::{Error, Explanation, Result, Target, host};
use candle_core::Tensor;

/// Values of `[B, H, W]` maps, one vector per image, checked against the images they belong to.
pub(crate) fn map_values(maps: &Tensor, images: &Tensor) -> Result<Vec<Vec<f32>>> {
    let (b, _, h, w) = images.dims4()?;
    if maps.dims() != [b, h, w] {
        let (left, right) = (maps.dims().to_vec(), images.dims().to_vec());
        return Err(Error::ShapeMismatch {
            what: "maps and images",
            left,
            right,
        });
    }
    let values = host::finite_values(maps, "map", "evaluate")?;
    Ok(values.chunks_exact(h * w).map(<[f32]>::to_vec).collect())
}

/// Targets with `Argmax` replaced by the class that was explained, so that other images and networks are asked for
/// the same one.
pub(crate) fn fixed(targets: &[Target], explained: &Explanation) -> Vec<Target> {
    targets
        .iter()
        .zip(&explained.classes)
        .map(|(target, class)| match (target, class) {
            (Target::Argmax, Some(class)) => Target::Class(*class),
            _ => target.clone(),
        })
        .collect()
}

pub(crate) fn same_length(what: &'static str, left: usize, right: usize) -> Result<()> {
    if left == right && left > 0 {
        return Ok(());
    }
    Err(Error::ShapeMismatch {
        what,
        left: vec![left],
        right: vec![right],
    })
}

/// A map of plain values that can be measured.
pub(crate) fn finite(map: &[f32]) -> Result<()> {
    host::check_finite(map, "map", "evaluate")
}

/// Pixels by falling value; ties by index.
pub(crate) fn by_falling_value(map: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..map.len()).collect();
    order.sort_by(|i, j| map[*j].total_cmp(&map[*i]).then(i.cmp(j)));
    order
}
