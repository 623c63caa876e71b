//! Steps from gradients, with state that can be saved.

use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor, Var};

use crate::error::{Error, Result};
use crate::parameters::{Parameters, Role};
use crate::train::config::{Optimiser, TrainConfig};
use crate::train::update::{self, Factors};

/// A trainable tensor and what the optimiser remembers about it.
struct Slot {
    name: String,
    variable: Var,
    memory: Vec<Tensor>,
    /// The gradient that waits for the next step: a batch's own, or with accumulation the sum
    /// over images.
    gradient: Option<Tensor>,
}

/// Name of the accumulated gradients in a checkpoint.
const GRADIENT: &str = "gradient";

/// An optimiser with its state.
pub(crate) struct Stepper {
    rule: Optimiser,
    weight_decay: f64,
    clip_norm: Option<f64>,
    accumulate: usize,
    slots: Vec<Slot>,
    /// Batches whose gradients wait for a step.
    pub(crate) waiting_batches: usize,
    /// Images in them.
    pub(crate) waiting_images: usize,
    /// Steps taken so far.
    pub(crate) steps: u64,
}

impl Stepper {
    pub(crate) fn new(config: &TrainConfig, parameters: &Parameters) -> Result<Self> {
        let names = memory_names(config.optimiser);
        let mut slots = Vec::new();
        for parameter in parameters.with_role(Role::Trainable) {
            let variable = parameter.variable().ok_or(Error::Fused("train"))?.clone();
            if variable.dtype() != DType::F32 {
                return Err(Error::Double("train"));
            }
            let mut memory = Vec::with_capacity(names.len());
            for _ in names {
                memory.push(variable.as_tensor().zeros_like()?);
            }
            slots.push(Slot {
                name: parameter.name().to_owned(),
                memory,
                gradient: None,
                variable,
            });
        }
        Ok(Self {
            rule: config.optimiser,
            weight_decay: config.weight_decay,
            clip_norm: config.clip_norm,
            accumulate: config.accumulate,
            slots,
            waiting_batches: 0,
            waiting_images: 0,
            steps: 0,
        })
    }

    /// Every remembered tensor with its name, the gradients that wait included.
    pub(crate) fn state(&self) -> impl Iterator<Item = (String, &Tensor)> {
        let names = memory_names(self.rule);
        self.slots.iter().flat_map(move |slot| {
            names
                .iter()
                .zip(&slot.memory)
                .chain(slot.gradient.as_ref().map(|g| (&GRADIENT, g)))
                .map(|(kind, tensor)| (format!("{kind}.{}", slot.name), tensor))
        })
    }

    /// Replaces every remembered tensor by what `find` gives for its name and shape, and the
    /// waiting gradients where `waiting` counts batches and images.
    pub(crate) fn restore(
        &mut self,
        steps: u64,
        waiting: [usize; 2],
        mut find: impl FnMut(&str, &[usize]) -> Result<Tensor>,
    ) -> Result<()> {
        let names = memory_names(self.rule);
        let mut restored = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let mut memory = Vec::with_capacity(names.len());
            for kind in names {
                let name = format!("{kind}.{}", slot.name);
                memory.push(find(&name, slot.variable.dims())?);
            }
            let gradient = if waiting[0] > 0 {
                let name = format!("{GRADIENT}.{}", slot.name);
                Some(find(&name, slot.variable.dims())?)
            } else {
                None
            };
            restored.push((memory, gradient));
        }
        for (slot, (memory, gradient)) in self.slots.iter_mut().zip(restored) {
            slot.memory = memory;
            slot.gradient = gradient;
        }
        self.steps = steps;
        [self.waiting_batches, self.waiting_images] = waiting;
        Ok(())
    }

    /// Adds a batch's gradients to those that wait for the next step; with
    /// [`accumulate`](TrainConfig::accumulate) 1 they are only held until [`step`](Self::step).
    pub(crate) fn gather(&mut self, mut gradients: GradStore, images: usize) -> Result<()> {
        for slot in &mut self.slots {
            let Some(gradient) = gradients.remove(slot.variable.as_tensor()) else {
                continue;
            };
            if self.accumulate == 1 {
                slot.gradient = Some(gradient);
                continue;
            }
            let sum = match &mut slot.gradient {
                Some(sum) => sum,
                empty => empty.insert(gradient.zeros_like()?),
            };
            update::add_scaled(sum, &gradient, images as f64)?;
        }
        self.waiting_batches += 1;
        self.waiting_images += images;
        Ok(())
    }

    /// Whether enough batches wait for a step.
    pub(crate) fn is_due(&self) -> bool {
        self.waiting_batches >= self.accumulate
    }

    /// One step at a learning rate with the gradients that wait, if any do.
    pub(crate) fn step(&mut self, rate: f64) -> Result<()> {
        if self.waiting_batches == 0 {
            return Ok(());
        }
        self.steps += 1;
        let mean = if self.accumulate == 1 {
            1.0
        } else {
            1.0 / self.waiting_images.max(1) as f64
        };
        let factors = Factors {
            rate,
            scale: mean * self.clip_scale(mean)?,
            decay: self.weight_decay,
            steps: self.steps,
        };
        for slot in &mut self.slots {
            if let Some(gradient) = slot.gradient.take() {
                update::step(
                    self.rule,
                    factors,
                    &slot.variable,
                    &mut slot.memory,
                    &gradient,
                )?;
            }
        }
        self.waiting_batches = 0;
        self.waiting_images = 0;
        Ok(())
    }

    /// The factor that brings the norm of `mean` times the gradients down to the limit, or 1.
    fn clip_scale(&self, mean: f64) -> Result<f64> {
        let Some(limit) = self.clip_norm else {
            return Ok(1.0);
        };
        let mut sum = 0.0;
        for slot in &self.slots {
            if let Some(gradient) = &slot.gradient {
                sum += update::sum_of_squares(gradient)?;
            }
        }
        let norm = sum.sqrt() * mean;
        Ok(if norm > limit { limit / norm } else { 1.0 })
    }
}

/// What a rule remembers about each tensor.
fn memory_names(rule: Optimiser) -> &'static [&'static str] {
    match rule {
        Optimiser::Sgd => &[],
        Optimiser::Momentum { .. } | Optimiser::Nesterov { .. } => &["velocity"],
        Optimiser::Adam { .. } | Optimiser::AdamW { .. } => &["mean", "square"],
    }
}
