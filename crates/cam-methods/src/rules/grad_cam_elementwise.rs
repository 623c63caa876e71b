use crate::{CamRule, Layer, RawMap, Result};

/// Element-wise Grad-CAM.
///
/// ```text
/// M_ij = sum_k ReLU(g_kij A_kij)
/// ```
///
/// # Source
///
/// Pillai and Pirsiavash 2021; pytorch-grad-cam's `GradCAMElementWise`.
pub(crate) struct GradCamElementwise;

impl CamRule for GradCamElementwise {
    fn name(&self) -> &str {
        "grad_cam_elementwise"
    }

    fn map(&self, layer: &Layer<'_>) -> Result<RawMap> {
        layer.cell_sum(|a, g| (g * a).max(0.0))
    }

    fn contributions(&self, layer: &Layer<'_>) -> Result<Option<Vec<Vec<f64>>>> {
        Ok(Some(layer.cell_values(|a, g| (g * a).max(0.0))?))
    }
}
