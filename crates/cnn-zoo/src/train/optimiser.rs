//! Steps from gradients, with state that can be saved.

use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor, Var};

use crate::error::{Error, Result};
use crate::parameters::{Parameters, Role};
use crate::train::config::{Optimiser, TrainConfig};

/// A trainable tensor and what the optimiser remembers about it.
struct Slot {
    name: String,
    variable: Var,
    memory: Vec<Tensor>,
}

/// An optimiser with its state.
pub(crate) struct Stepper {
    rule: Optimiser,
    weight_decay: f64,
    clip_norm: Option<f64>,
    slots: Vec<Slot>,
    /// Steps taken so far.
    pub(crate) steps: u64,
}

impl Stepper {
    pub(crate) fn new(config: &TrainConfig, parameters: &Parameters) -> Result<Self> {
        let names = memory_names(config.optimiser);
        let mut slots = Vec::new();
        for parameter in parameters.with_role(Role::Trainable) {
            let variable = parameter.variable().ok_or(Error::Fused("train"))?.clone();
            let zero = variable.as_tensor().zeros_like()?;
            slots.push(Slot {
                name: parameter.name().to_owned(),
                memory: vec![zero; names.len()],
                variable,
            });
        }
        Ok(Self {
            rule: config.optimiser,
            weight_decay: config.weight_decay,
            clip_norm: config.clip_norm,
            slots,
            steps: 0,
        })
    }

    /// Every remembered tensor with its name.
    pub(crate) fn state(&self) -> impl Iterator<Item = (String, &Tensor)> {
        let names = memory_names(self.rule);
        self.slots.iter().flat_map(move |slot| {
            names
                .iter()
                .zip(&slot.memory)
                .map(|(kind, tensor)| (format!("{kind}.{}", slot.name), tensor))
        })
    }

    /// Replaces every remembered tensor by what `find` gives for its name and shape.
    pub(crate) fn restore(
        &mut self,
        steps: u64,
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
            restored.push(memory);
        }
        for (slot, memory) in self.slots.iter_mut().zip(restored) {
            slot.memory = memory;
        }
        self.steps = steps;
        Ok(())
    }

    /// One step at a learning rate.
    pub(crate) fn step(&mut self, gradients: &GradStore, rate: f64) -> Result<()> {
        self.steps += 1;
        let scale = self.clip_scale(gradients)?;
        for slot in &mut self.slots {
            let Some(gradient) = gradients.get(slot.variable.as_tensor()) else {
                continue;
            };
            let now = slot.variable.as_detached_tensor();
            let mut gradient = gradient.detach();
            if let Some(scale) = scale {
                gradient = (gradient * scale)?;
            }
            if self.weight_decay > 0.0 {
                gradient = (gradient + (&now * self.weight_decay)?)?;
            }
            let direction = direction(self.rule, self.steps, &mut slot.memory, gradient)?;
            slot.variable.set(&(now - (direction * rate)?)?)?;
        }
        Ok(())
    }

    /// The factor that brings the gradient's norm down to the limit, if it is above.
    fn clip_scale(&self, gradients: &GradStore) -> Result<Option<f64>> {
        let Some(limit) = self.clip_norm else {
            return Ok(None);
        };
        let mut sum = 0.0;
        for slot in &self.slots {
            if let Some(gradient) = gradients.get(slot.variable.as_tensor()) {
                sum += gradient
                    .detach()
                    .to_dtype(DType::F64)?
                    .sqr()?
                    .sum_all()?
                    .to_scalar::<f64>()?;
            }
        }
        let norm = sum.sqrt();
        Ok((norm > limit).then(|| limit / norm))
    }
}

/// What a rule remembers about each tensor.
fn memory_names(rule: Optimiser) -> &'static [&'static str] {
    match rule {
        Optimiser::Sgd => &[],
        Optimiser::Momentum { .. } | Optimiser::Nesterov { .. } => &["velocity"],
        Optimiser::Adam { .. } => &["mean", "square"],
    }
}

/// What is subtracted from a tensor, per unit of learning rate.
fn direction(
    rule: Optimiser,
    steps: u64,
    memory: &mut [Tensor],
    gradient: Tensor,
) -> Result<Tensor> {
    match (rule, memory) {
        (Optimiser::Momentum { momentum }, [velocity]) => {
            *velocity = ((&*velocity * momentum)? + gradient)?;
            Ok(velocity.clone())
        }
        (Optimiser::Nesterov { momentum }, [velocity]) => {
            *velocity = ((&*velocity * momentum)? + &gradient)?;
            Ok((gradient + (&*velocity * momentum)?)?)
        }
        (
            Optimiser::Adam {
                beta1,
                beta2,
                epsilon,
            },
            [mean, square],
        ) => {
            *mean = ((&*mean * beta1)? + (&gradient * (1.0 - beta1))?)?;
            *square = ((&*square * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
            let power = i32::try_from(steps).unwrap_or(i32::MAX);
            let first = 1.0 - beta1.powi(power);
            let second = 1.0 - beta2.powi(power);
            let root = ((&*square / second)?.sqrt()? + epsilon)?;
            Ok(((&*mean / first)? / root)?)
        }
        _ => Ok(gradient),
    }
}
