use crate::semantics::{Alpha, AlphaSum, PlusPlusRule};
use crate::{CamRule, Layer, RawMap, Result};

/// Grad-CAM++.
///
/// ```text
/// alpha_kij = g^2 / (2 g^2 + S_k g^3) = 1 / (2 + g S_k)        S_k = sum_ij A_kij
/// w_k = sum_ij alpha_kij ReLU(g_kij)                            M = sum_k w_k A_k
/// ```
///
/// The paper differentiates exp(y). Its derivatives are exp(y) g, exp(y) g^2, exp(y) g^3; the factor cancels
/// in alpha and scales the map otherwise, so it is left out: no score can overflow.
///
/// # Source
///
/// Chattopadhyay et al. 2018, Eq. 19, and `misc/utils.py` of its authors for the normalisation.
pub(crate) struct GradCamPlusPlus(pub(crate) PlusPlusRule);

impl CamRule for GradCamPlusPlus {
    fn name(&self) -> &str {
        "grad_cam_plus_plus"
    }

    fn map(&self, layer: &Layer<'_>) -> Result<RawMap> {
        let weights: Vec<f64> = layer
            .activations()
            .zip(layer.gradients()?)
            .map(|(a, g)| {
                let total: f64 = a.iter().map(|v| f64::from(*v)).sum();
                let cells = g.iter().map(|g| {
                    let g = f64::from(*g);
                    [g, g * g, g * g * g]
                });
                channel_weight(&self.0, total, cells)
            })
            .collect();
        Ok(layer.weighted_sum(&weights))
    }
}

/// Weight of a channel from the first three derivatives at its cells and the sum of its activations.
pub(crate) fn channel_weight(
    rule: &PlusPlusRule,
    total: f64,
    cells: impl Iterator<Item = [f64; 3]>,
) -> f64 {
    let (mut weight, mut positive, mut all) = (0f64, 0f64, 0f64);
    for [g, g2, g3] in cells {
        let alpha = match rule.alpha {
            _ if g2 == 0.0 => 0.0,
            Alpha::Exact => {
                // g^3 / g^2 first: both may underflow where their quotient does not
                let ratio = if g2 == g * g { g } else { g3 / g2 };
                quotient(1.0, 2.0 + total * ratio)
            }
            Alpha::Epsilon(epsilon) => quotient(g2, 2.0 * g2 + total * g3 + epsilon),
            Alpha::Undivided => g2,
        };
        all += alpha;
        if g > 0.0 {
            positive += alpha;
            weight += alpha * g;
        }
    }
    match rule.sum {
        AlphaSum::None => weight,
        AlphaSum::PositiveGradients if positive != 0.0 => weight / positive,
        AlphaSum::AllCells if all != 0.0 => weight / all,
        _ => weight,
    }
}

fn quotient(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}
