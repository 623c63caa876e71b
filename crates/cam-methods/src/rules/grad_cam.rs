use crate::layer::mean;
use crate::{CamRule, Layer, RawMap, Result};

/// Grad-CAM.
///
/// ```text
/// w_k = mean_ij g_kij        M = sum_k w_k A_k
/// ```
///
/// # Source
///
/// Selvaraju et al. 2017, Eq. 1 and 2.
pub(crate) struct GradCam;

impl CamRule for GradCam {
    fn name(&self) -> &str {
        "grad_cam"
    }

    fn map(&self, layer: &Layer<'_>) -> Result<RawMap> {
        let weights: Vec<f64> = layer
            .gradients()?
            .map(|g| mean(g.iter().map(|g| f64::from(*g)), g.len()))
            .collect();
        Ok(layer.weighted_sum(&weights))
    }
}
