use crate::layer::mean;
use crate::{CamRule, Layer, RawMap, Result};

/// Grad-CAM with positive gradients only.
///
/// ```text
/// w_k = mean_ij ReLU(g_kij)        M = sum_k w_k A_k
/// ```
///
/// # Source
///
/// What tf-keras-vis 0.8.0 and 0.8.1 offered as `Layercam` (its issue 88).
pub(crate) struct PositiveGradCam;

impl CamRule for PositiveGradCam {
    fn name(&self) -> &str {
        "positive_grad_cam"
    }

    fn map(&self, layer: &Layer<'_>) -> Result<RawMap> {
        let weights: Vec<f64> = layer
            .gradients()?
            .map(|g| mean(g.iter().map(|g| f64::from(g.max(0.0))), g.len()))
            .collect();
        Ok(layer.weighted_sum(&weights))
    }
}
