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
    ghost_batch: Option<usize>,
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
            ghost_batch: None,
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

    /// Images that share the statistics of a batch norm; `None`, the default, takes all.
    ///
    /// The batch is cut into pieces of this size; the last one takes what is left, so a batch of
    /// 32 in ghost batches of 11 has 11, 11 and 10. Running statistics move towards the mean of
    /// the pieces' statistics, as they do over the replicas of TensorFlow's `MirroredStrategy`.
    #[must_use]
    pub fn ghost_batch(mut self, images: Option<usize>) -> Self {
        self.ghost_batch = images;
        self
    }

    /// Lengths of the ghost batches of a batch.
    pub(crate) fn ghosts(&self, batch: usize) -> Vec<usize> {
        let size = self.ghost_batch.unwrap_or(batch).max(1);
        let mut lengths = vec![size; batch / size];
        if !batch.is_multiple_of(size) || batch == 0 {
            lengths.push(batch % size);
        }
        lengths
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
