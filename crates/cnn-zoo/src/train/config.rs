//! What a training run is told.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The rule that turns gradients into steps.
///
/// ```text
/// Sgd        p ← p − rate·g
/// Momentum   v ← momentum·v + g        p ← p − rate·v
/// Nesterov   v ← momentum·v + g        p ← p − rate·(g + momentum·v)
/// Adam       m ← β₁m + (1−β₁)g   v ← β₂v + (1−β₂)g²   p ← p − rate·m̂ / (√v̂ + ε)
/// AdamW      as Adam, but weight decay shrinks p itself: p ← (1 − rate·decay)·p first
/// ```
///
/// # Source
///
/// `torch.optim.SGD`, `torch.optim.Adam` and `torch.optim.AdamW`; m̂ and v̂ are m/(1−β₁ᵗ) and v/(1−β₂ᵗ). Keras's SGD
/// takes the same steps while the rate is constant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Optimiser {
    /// Plain gradient descent.
    Sgd,
    /// Gradient descent with momentum.
    Momentum {
        /// Share of the velocity kept, in [0, 1).
        momentum: f64,
    },
    /// Gradient descent with Nesterov's momentum.
    Nesterov {
        /// Share of the velocity kept, in [0, 1).
        momentum: f64,
    },
    /// Adam (Kingma and Ba 2015).
    Adam {
        /// β₁, in [0, 1).
        beta1: f64,
        /// β₂, in [0, 1).
        beta2: f64,
        /// ε, above 0.
        epsilon: f64,
    },
    /// Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019).
    #[serde(rename = "adamw")]
    AdamW {
        /// β₁, in [0, 1).
        beta1: f64,
        /// β₂, in [0, 1).
        beta2: f64,
        /// ε, above 0.
        epsilon: f64,
    },
}

/// How the learning rate changes over the epochs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// It does not.
    Constant,
    /// `rate · factor^⌊epoch / every⌋`
    Step {
        /// Epochs between two changes, at least 1.
        every: usize,
        /// Factor of a change, above 0.
        factor: f64,
    },
    /// `rate · (1 + cos(π·epoch / epochs)) / 2`, over the `epochs` given here.
    Cosine {
        /// Epochs until the rate is 0, at least 1.
        epochs: usize,
    },
}

impl Schedule {
    /// The rate of an epoch, counted from 0.
    #[must_use]
    pub fn rate(self, initial: f64, epoch: usize) -> f64 {
        match self {
            Self::Constant => initial,
            Self::Step { every, factor } => {
                let changes = epoch / every.max(1);
                initial * factor.powi(i32::try_from(changes).unwrap_or(i32::MAX))
            }
            Self::Cosine { epochs } => {
                let share = epoch.min(epochs) as f64 / epochs.max(1) as f64;
                initial * (1.0 + (std::f64::consts::PI * share).cos()) / 2.0
            }
        }
    }
}

/// Everything that decides a training run besides the network and the data.
///
/// A field that a file leaves out takes its [default](TrainConfig::default), except that an
/// optional one is absent.
///
/// # Examples
///
/// ```
/// use cnn_zoo::train::{Optimiser, TrainConfig};
///
/// let config = TrainConfig {
///     epochs: 20,
///     optimiser: Optimiser::Nesterov { momentum: 0.9 },
///     ..TrainConfig::default()
/// };
/// config.validate()?;
/// # Ok::<(), cnn_zoo::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Most epochs to train.
    pub epochs: usize,
    /// Most images in a training batch; a source that hands over more is refused.
    pub batch_size: usize,
    /// Learning rate of the first epoch.
    pub learning_rate: f64,
    /// How the rate changes.
    pub schedule: Schedule,
    /// The rule that turns gradients into steps.
    pub optimiser: Optimiser,
    /// Weight decay: this share of every trainable tensor is added to its gradient, or, with
    /// [`Optimiser::AdamW`], this share times the rate is taken off the tensor.
    pub weight_decay: f64,
    /// Batches whose gradients are averaged, each weighted by its images, before a step is taken;
    /// what is left at the end of an epoch makes a step of its own.
    pub accumulate: usize,
    /// Images that share the statistics of a batch norm; `None` takes the whole batch. A batch of
    /// 32 on three devices, as the paper trained, has ghost batches of 11, 11 and 10. The running
    /// statistics move towards the mean over the ghost batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ghost_batch: Option<usize>,
    /// Longest gradient, as the norm over all tensors; longer ones are scaled down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Epochs without a lower validation loss before the run stops; `None` never stops early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Weight of each class in the training loss; `None` weighs all images alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<Vec<f32>>,
    /// Factor on the soft Dice loss that is added to the cross-entropy, for labelled pixels
    /// mostly; 0 leaves it out.
    pub dice_weight: f64,
    /// Seed of the dropout masks.
    pub seed: u64,
}

impl Default for TrainConfig {
    /// The paper's schedule: plain SGD at 0.005, batches of 32, 2500 epochs, patience 200.
    fn default() -> Self {
        Self {
            epochs: 2500,
            batch_size: 32,
            learning_rate: 0.005,
            schedule: Schedule::Constant,
            optimiser: Optimiser::Sgd,
            weight_decay: 0.0,
            accumulate: 1,
            ghost_batch: None,
            clip_norm: None,
            patience: Some(200),
            class_weights: None,
            dice_weight: 0.0,
            seed: 0,
        }
    }
}

impl TrainConfig {
    /// Checks every field.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the field and what it may be.
    pub fn validate(&self) -> Result<()> {
        let in_unit = |x: f64| (0.0..1.0).contains(&x);
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let momentum_fits = match self.optimiser {
            Optimiser::Sgd => true,
            Optimiser::Momentum { momentum } | Optimiser::Nesterov { momentum } => {
                in_unit(momentum)
            }
            Optimiser::Adam {
                beta1,
                beta2,
                epsilon,
            }
            | Optimiser::AdamW {
                beta1,
                beta2,
                epsilon,
            } => in_unit(beta1) && in_unit(beta2) && positive(epsilon),
        };
        let schedule_fits = match self.schedule {
            Schedule::Constant => true,
            Schedule::Step { every, factor } => every > 0 && positive(factor),
            Schedule::Cosine { epochs } => epochs > 0,
        };
        let weights_fit = self
            .class_weights
            .as_ref()
            .is_none_or(|w| w.iter().all(|&x| x.is_finite() && x >= 0.0));
        let checks: [(bool, &'static str, String, &'static str); 12] = [
            (
                self.epochs > 0,
                "epochs",
                self.epochs.to_string(),
                "at least 1",
            ),
            (
                self.batch_size > 0,
                "batch_size",
                self.batch_size.to_string(),
                "at least 1",
            ),
            (
                positive(self.learning_rate),
                "learning_rate",
                self.learning_rate.to_string(),
                "more than 0",
            ),
            (
                momentum_fits,
                "optimiser",
                format!("{:?}", self.optimiser),
                "momentum and betas in [0, 1), epsilon above 0",
            ),
            (
                schedule_fits,
                "schedule",
                format!("{:?}", self.schedule),
                "a period of at least 1, a factor above 0",
            ),
            (
                self.weight_decay.is_finite() && self.weight_decay >= 0.0,
                "weight_decay",
                self.weight_decay.to_string(),
                "at least 0",
            ),
            (
                self.dice_weight.is_finite() && self.dice_weight >= 0.0,
                "dice_weight",
                self.dice_weight.to_string(),
                "at least 0",
            ),
            (
                self.accumulate > 0,
                "accumulate",
                self.accumulate.to_string(),
                "at least 1",
            ),
            (
                self.ghost_batch != Some(0),
                "ghost_batch",
                "0".to_owned(),
                "at least 1, or absent",
            ),
            (
                self.clip_norm.is_none_or(positive),
                "clip_norm",
                format!("{:?}", self.clip_norm),
                "more than 0",
            ),
            (
                self.patience != Some(0),
                "patience",
                "0".to_owned(),
                "at least 1, or absent",
            ),
            (
                weights_fit,
                "class_weights",
                format!("{:?}", self.class_weights),
                "finite and at least 0",
            ),
        ];
        for (fits, field, value, expected) in checks {
            if !fits {
                return Err(Error::Config {
                    field,
                    value,
                    expected,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_their_formulas() {
        assert_eq!(Schedule::Constant.rate(0.1, 99), 0.1);
        let step = Schedule::Step {
            every: 10,
            factor: 0.5,
        };
        assert_eq!([9, 10, 25].map(|e| step.rate(0.8, e)), [0.8, 0.4, 0.2]);
        let cosine = Schedule::Cosine { epochs: 10 };
        assert_eq!(cosine.rate(1.0, 0), 1.0);
        assert!((cosine.rate(1.0, 5) - 0.5).abs() < 1e-12);
        assert!(cosine.rate(1.0, 10).abs() < 1e-12);
    }

    #[test]
    fn fields_out_of_range_are_named() {
        let config = TrainConfig {
            learning_rate: f64::NAN,
            ..TrainConfig::default()
        };
        let message = config.validate().unwrap_err().to_string();
        assert_eq!(message, "learning_rate is NaN, expected more than 0");
    }
}
