//! What a training pass carries from layer to layer.

use candle_core::{DType, Tensor};

use crate::error::Result;
use crate::seed::mix;

/// State of one training pass.
///
/// # Examples
///
/// ```
/// let pass = cnn_zoo::TrainPass::new(17);
/// assert_eq!(pass.seed(), 17);
/// ```
#[derive(Debug, Clone)]
pub struct TrainPass {
    seed: u64,
    draws: u64,
    watch: bool,
    first_non_finite: Option<String>,
}

impl TrainPass {
    /// A pass whose dropout masks follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            draws: 0,
            watch: false,
            first_non_finite: None,
        }
    }

    /// Also looks for the first layer whose output is not finite, which costs time.
    #[must_use]
    pub fn watching(mut self) -> Self {
        self.watch = true;
        self
    }

    /// The seed of the dropout masks.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The first layer whose output was not finite; only a [watching](Self::watching) pass looks.
    #[must_use]
    pub fn first_non_finite(&self) -> Option<&str> {
        self.first_non_finite.as_deref()
    }

    /// The seed of the next dropout mask.
    pub(crate) fn next_seed(&mut self) -> u64 {
        self.draws += 1;
        mix(self.seed, self.draws)
    }

    /// Remembers `layer` if it is the first whose output is not finite.
    pub(crate) fn look_at(&mut self, layer: &str, x: &Tensor) -> Result<()> {
        if self.watch && self.first_non_finite.is_none() {
            let sum = x
                .detach()
                .abs()?
                .flatten_all()?
                .to_dtype(DType::F64)?
                .sum_all()?
                .to_scalar::<f64>()?;
            if !sum.is_finite() {
                self.first_non_finite = Some(layer.to_owned());
            }
        }
        Ok(())
    }
}
