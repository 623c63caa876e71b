use crate::{CamRule, Layer, RawMap, Result};

/// Share of the sum of |A| below which the sum of A counts as cancelled.
const CANCELLED: f64 = 1e-6;

/// XGrad-CAM.
///
/// ```text
/// w_k = sum_ij A_kij g_kij / (sum_ij A_kij + epsilon)        M = sum_k w_k A_k
/// ```
///
/// With epsilon 0, a channel whose activations cancel (`|sum A| <= 1e-6 sum |A|`) gets the weight 0.
///
/// # Source
///
/// Fu et al. 2020, Eq. 8; epsilon 1e-7 in pytorch-grad-cam, 1e-8 in torch-cam.
pub(crate) struct XGradCam {
    pub(crate) epsilon: f64,
}

impl CamRule for XGradCam {
    fn name(&self) -> &str {
        "xgrad_cam"
    }

    fn map(&self, layer: &Layer<'_>) -> Result<RawMap> {
        let mut weights = Vec::with_capacity(layer.channels);
        for (a, g) in layer.activations().zip(layer.gradients()?) {
            let (mut product, mut sum, mut size) = (0f64, 0f64, 0f64);
            for (a, g) in a.iter().zip(g) {
                let a = f64::from(*a);
                product += a * f64::from(*g);
                sum += a;
                size += a.abs();
            }
            let cancelled = if self.epsilon == 0.0 {
                sum.abs() <= CANCELLED * size
            } else {
                sum + self.epsilon == 0.0
            };
            weights.push(if cancelled {
                0.0
            } else {
                product / (sum + self.epsilon)
            });
        }
        Ok(layer.weighted_sum(&weights))
    }
}
