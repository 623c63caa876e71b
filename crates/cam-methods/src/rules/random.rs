use crate::rng::{Rng, key};
use crate::{CamRule, Layer, RawMap, Result};

/// Random channel weights, uniform in [-1, 1): what a map looks like that knows only the activations.
///
/// # Source
///
/// The idea of pytorch-grad-cam's `RandomCAM`; the numbers depend on seed, tap and index in the batch.
pub(crate) struct Random {
    pub(crate) seed: u64,
}

impl CamRule for Random {
    fn name(&self) -> &str {
        "random"
    }

    fn needs_gradients(&self) -> bool {
        false
    }

    fn map(&self, layer: &Layer<'_>) -> Result<RawMap> {
        let mut rng = Rng::keyed(self.seed, &[key(layer.tap), layer.sample as u64]);
        let weights: Vec<f64> = (0..layer.channels)
            .map(|_| 2.0 * rng.uniform() - 1.0)
            .collect();
        Ok(layer.weighted_sum(&weights))
    }
}
