use crate::{CamRule, Layer, RawMap, Result};

/// HiResCAM.
///
/// ```text
/// M_ij = sum_k g_kij A_kij
/// ```
///
/// # Source
///
/// Draelos and Carin 2020, Eq. 2.
pub(crate) struct HiresCam;

impl CamRule for HiresCam {
    fn name(&self) -> &str {
        "hires_cam"
    }

    fn map(&self, layer: &Layer<'_>) -> Result<RawMap> {
        layer.cell_sum(|a, g| g * a)
    }

    fn contributions(&self, layer: &Layer<'_>) -> Result<Option<Vec<Vec<f64>>>> {
        Ok(Some(layer.cell_values(|a, g| g * a)?))
    }
}
