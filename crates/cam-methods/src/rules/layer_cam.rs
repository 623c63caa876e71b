use super::PositiveGradCam;
use crate::layer::{mean, narrow};
use crate::semantics::LayerCamRule;
use crate::{CamRule, Layer, RawMap, Result};

/// Layer-CAM, by the rule of the semantics.
///
/// ```text
/// PositiveGradient       M_ij = sum_k ReLU(g_kij) A_kij
/// GradientDeviation      M_ij = sum_k ReLU(g_kij - mean_ij g_k) A_kij
/// MeanPositiveGradient   M    = sum_k mean_ij ReLU(g_kij) A_k
/// ```
///
/// # Source
///
/// Jiang et al. 2021, Eq. 5 and 6; Syed et al. 2023, before Eq. 10; tf-keras-vis 0.8.0.
pub(crate) struct LayerCam(pub(crate) LayerCamRule);

impl CamRule for LayerCam {
    fn name(&self) -> &str {
        "layer_cam"
    }

    fn map(&self, layer: &Layer<'_>) -> Result<RawMap> {
        match self.0 {
            LayerCamRule::PositiveGradient => layer.cell_sum(|a, g| g.max(0.0) * a),
            LayerCamRule::MeanPositiveGradient => PositiveGradCam.map(layer),
            LayerCamRule::GradientDeviation => deviation(layer),
        }
    }

    fn contributions(&self, layer: &Layer<'_>) -> Result<Option<Vec<Vec<f64>>>> {
        Ok(match self.0 {
            LayerCamRule::PositiveGradient => Some(layer.cell_values(|a, g| g.max(0.0) * a)?),
            LayerCamRule::MeanPositiveGradient | LayerCamRule::GradientDeviation => None,
        })
    }
}

fn deviation(layer: &Layer<'_>) -> Result<RawMap> {
    let mut sum = vec![0f64; layer.cells()];
    for (a, g) in layer.activations().zip(layer.gradients()?) {
        let constant = g.iter().all(|v| *v == g[0]);
        if constant {
            continue;
        }
        let centre = mean(g.iter().map(|g| f64::from(*g)), g.len());
        for ((s, a), g) in sum.iter_mut().zip(a).zip(g) {
            *s += (f64::from(*g) - centre).max(0.0) * f64::from(*a);
        }
    }
    Ok(RawMap {
        values: narrow(&sum),
        weights: None,
    })
}
