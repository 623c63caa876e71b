use crate::{CamRule, Error, Layer, RawMap, Result};

/// CAM: the weights that a linear layer after global average pooling gives the class.
///
/// ```text
/// M = sum_k W_ck A_k
/// ```
///
/// # Source
///
/// Zhou et al. 2016, Eq. 2.
pub(crate) struct Cam {
    /// Weights of the class of each image, `[sample][channel]`.
    pub(crate) weights: Vec<Vec<f64>>,
}

impl CamRule for Cam {
    fn name(&self) -> &str {
        "cam"
    }

    fn needs_gradients(&self) -> bool {
        false
    }

    fn map(&self, layer: &Layer<'_>) -> Result<RawMap> {
        let weights = &self.weights[layer.sample];
        if weights.len() != layer.channels {
            return Err(Error::DescriptionMismatch {
                what: "columns of the linear head",
                tap: layer.tap.to_owned(),
                expected: layer.channels,
                got: weights.len(),
            });
        }
        Ok(layer.weighted_sum(weights))
    }
}
