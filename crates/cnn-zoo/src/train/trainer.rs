//! Training one batch at a time, for loops of one's own.

use crate::backbone::Backbone;
use crate::error::Result;
use crate::seed::mix;
use crate::train::config::TrainConfig;
use crate::train::history::Score;
use crate::train::optimiser::Stepper;
use crate::train::source::Batch;
use crate::train::step;
use crate::train_pass::TrainPass;

/// A network and an optimiser, for a training loop that [`fit`](crate::train::fit) does not suit.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use cnn_zoo::train::{Batch, TrainConfig, Trainer};
/// use cnn_zoo::{Architecture, BackboneConfig, build};
///
/// let config = BackboneConfig {
///     width: 0.05,
///     input_size: [32, 32],
///     ..BackboneConfig::new(Architecture::Vgg16)
/// };
/// let network = build(&config, 1, &Device::Cpu)?;
/// let mut trainer = Trainer::new(network.as_ref(), &TrainConfig::default())?;
/// let batch = Batch {
///     images: Tensor::ones((2, 1, 32, 32), DType::F32, &Device::Cpu)?,
///     labels: Tensor::new(&[1u32, 1], &Device::Cpu)?,
/// };
/// let first = trainer.step(&batch, 0.01)?;
/// let second = trainer.step(&batch, 0.01)?;
/// assert!(second.loss < first.loss);
/// # Ok::<(), cnn_zoo::Error>(())
/// ```
pub struct Trainer<'a> {
    network: &'a dyn Backbone,
    config: TrainConfig,
    stepper: Stepper,
    batches: u64,
}

impl<'a> Trainer<'a> {
    /// A trainer that has taken no step; `config` decides the rule, not the number of epochs.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) for a bad configuration,
    /// [`Error::Fused`](crate::Error::Fused) for an inference copy.
    pub fn new(network: &'a dyn Backbone, config: &TrainConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self {
            network,
            config: config.clone(),
            stepper: Stepper::new(config, network.parameters())?,
            batches: 0,
        })
    }

    /// One batch forward and backward, and a step at `rate` once
    /// [`accumulate`](TrainConfig::accumulate) batches have come; the score is the batch's before
    /// the step.
    ///
    /// # Errors
    ///
    /// [`Error::BadBatch`](crate::Error::BadBatch) or
    /// [`Error::NonFiniteLoss`](crate::Error::NonFiniteLoss), which count the batches of this
    /// trainer in epoch 0.
    pub fn step(&mut self, batch: &Batch, rate: f64) -> Result<Score> {
        let index = self.batches;
        let pass =
            TrainPass::new(mix(self.config.seed, index)).ghost_batch(self.config.ghost_batch);
        let at = [0, usize::try_from(index).unwrap_or(usize::MAX)];
        let done = step::train(self.network, batch, &self.config, pass, at)?;
        self.batches += 1;
        self.stepper.gather(done.gradients, done.score.images)?;
        if self.stepper.is_due() {
            self.stepper.step(rate)?;
        }
        Ok(Score {
            loss: done.score.loss,
            accuracy: done.score.correct as f64 / done.score.images.max(1) as f64,
            images: done.score.images,
        })
    }
}
