//! The arithmetic of one optimiser step, written over the tensors it changes.
//!
//! On the CPU nothing is allocated; elsewhere the same formulas run as candle operators.

use candle_core::{
    CpuStorage, Device, InplaceOp2, InplaceOp3, Layout, Result, Storage, Tensor, Var,
};
use rayon::prelude::*;

use crate::train::config::Optimiser;

/// Elements that one thread takes at a time.
const CHUNK: usize = 1 << 15;

/// What a step does to every element, besides the rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factors {
    /// Learning rate.
    pub(crate) rate: f64,
    /// Factor on the gradient: clipping.
    pub(crate) scale: f64,
    /// Share of the tensor added to its gradient, or taken off it by `AdamW`.
    pub(crate) decay: f64,
    /// Steps taken, this one included.
    pub(crate) steps: u64,
}

/// `1 − βᵗ`
fn correction(beta: f64, steps: u64) -> f64 {
    1.0 - beta.powi(i32::try_from(steps).unwrap_or(i32::MAX))
}

/// Changes a variable and what the rule remembers about it.
pub(crate) fn step(
    rule: Optimiser,
    factors: Factors,
    variable: &Var,
    memory: &mut [Tensor],
    gradient: &Tensor,
) -> Result<()> {
    let gradient = gradient.detach().contiguous()?;
    if !matches!(variable.device(), Device::Cpu) {
        return step_anywhere(rule, factors, variable, memory, &gradient);
    }
    let p = variable.as_tensor();
    let g = &gradient;
    let rate = factors.rate as f32;
    let scale = factors.scale as f32;
    let decay = factors.decay as f32;
    match (rule, memory) {
        (Optimiser::Momentum { momentum }, [velocity]) => {
            let kept = momentum as f32;
            let gather = |v: &mut f32, p: f32, g: f32| *v = kept * *v + (scale * g + decay * p);
            velocity.inplace_op3(p, g, &Three(gather))?;
            p.inplace_op2(velocity, &Two(|p: &mut f32, v: f32| *p -= rate * v))
        }
        (Optimiser::Nesterov { momentum }, [velocity]) => {
            let kept = momentum as f32;
            let gather = |v: &mut f32, p: f32, g: f32| *v = kept * *v + (scale * g + decay * p);
            velocity.inplace_op3(p, g, &Three(gather))?;
            let ahead = |p: &mut f32, v: f32, g: f32| {
                *p -= rate * ((scale * g + decay * *p) + kept * v);
            };
            p.inplace_op3(velocity, g, &Three(ahead))
        }
        (
            Optimiser::Adam {
                beta1,
                beta2,
                epsilon,
            }
            | Optimiser::AdamW {
                beta1,
                beta2,
                epsilon,
            },
            [mean, square],
        ) => {
            // Plain decay is part of the gradient, AdamW's is not.
            let (inside, outside) = match rule {
                Optimiser::AdamW { .. } => (0.0, (1.0 - factors.rate * factors.decay) as f32),
                _ => (decay, 1.0),
            };
            let [b1, b2] = [beta1, beta2].map(|beta| beta as f32);
            let average = |m: &mut f32, p: f32, g: f32| {
                *m = b1 * *m + (1.0 - b1) * (scale * g + inside * p);
            };
            mean.inplace_op3(p, g, &Three(average))?;
            let average = |s: &mut f32, p: f32, g: f32| {
                let g = scale * g + inside * p;
                *s = b2 * *s + (1.0 - b2) * (g * g);
            };
            square.inplace_op3(p, g, &Three(average))?;
            let first = (factors.rate / correction(beta1, factors.steps)) as f32;
            let second = correction(beta2, factors.steps).sqrt().recip() as f32;
            let epsilon = epsilon as f32;
            let update = |p: &mut f32, m: f32, s: f32| {
                *p = outside * *p - first * m / (s.sqrt() * second + epsilon);
            };
            p.inplace_op3(mean, square, &Three(update))
        }
        _ => {
            let update = |p: &mut f32, g: f32| *p -= rate * (scale * g + decay * *p);
            p.inplace_op2(g, &Two(update))
        }
    }
}

/// The same with candle's operators, for other devices.
fn step_anywhere(
    rule: Optimiser,
    f: Factors,
    variable: &Var,
    memory: &mut [Tensor],
    gradient: &Tensor,
) -> Result<()> {
    let mut now = variable.as_detached_tensor();
    let mut gradient = (gradient * f.scale)?;
    if f.decay > 0.0 {
        if matches!(rule, Optimiser::AdamW { .. }) {
            now = (now * (1.0 - f.rate * f.decay))?;
        } else {
            gradient = (gradient + (&now * f.decay)?)?;
        }
    }
    let direction = match (rule, memory) {
        (Optimiser::Momentum { momentum }, [velocity]) => {
            *velocity = ((&*velocity * momentum)? + gradient)?;
            velocity.clone()
        }
        (Optimiser::Nesterov { momentum }, [velocity]) => {
            *velocity = ((&*velocity * momentum)? + &gradient)?;
            (gradient + (&*velocity * momentum)?)?
        }
        (
            Optimiser::Adam {
                beta1,
                beta2,
                epsilon,
            }
            | Optimiser::AdamW {
                beta1,
                beta2,
                epsilon,
            },
            [mean, square],
        ) => {
            *mean = ((&*mean * beta1)? + (&gradient * (1.0 - beta1))?)?;
            *square = ((&*square * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
            let root = (&*square / correction(beta2, f.steps))?.sqrt()?;
            ((&*mean / correction(beta1, f.steps))? / (root + epsilon)?)?
        }
        _ => gradient,
    };
    variable.set(&(now - (direction * f.rate)?)?)
}

/// `sum ← sum + factor·gradient`, without a temporary on the CPU.
pub(crate) fn add_scaled(sum: &mut Tensor, gradient: &Tensor, factor: f64) -> Result<()> {
    let gradient = gradient.detach().contiguous()?;
    if matches!(sum.device(), Device::Cpu) {
        let factor = factor as f32;
        sum.inplace_op2(
            &gradient,
            &Two(move |sum: &mut f32, g: f32| *sum += factor * g),
        )
    } else {
        *sum = (&*sum + (gradient * factor)?)?;
        Ok(())
    }
}

/// The sum of squares, added in an order that no thread count changes.
pub(crate) fn sum_of_squares(tensor: &Tensor) -> Result<f64> {
    let tensor = tensor.detach().contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        return tensor
            .to_dtype(candle_core::DType::F64)?
            .sqr()?
            .sum_all()?
            .to_scalar();
    };
    let parts: Vec<f64> = slice(storage, layout)?
        .par_chunks(CHUNK)
        .map(|chunk| chunk.iter().map(|&v| f64::from(v) * f64::from(v)).sum())
        .collect();
    Ok(parts.iter().sum())
}

fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let values = storage.as_slice::<f32>()?;
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or(candle_core::Error::RequiresContiguous { op: "optimiser" })?;
    values
        .get(start..end)
        .ok_or(candle_core::Error::RequiresContiguous { op: "optimiser" })
}

fn slice_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    let refuse = || candle_core::Error::RequiresContiguous { op: "optimiser" };
    let (start, end) = layout.contiguous_offsets().ok_or_else(refuse)?;
    match storage {
        CpuStorage::F32(values) => values.get_mut(start..end).ok_or_else(refuse),
        _ => Err(refuse()),
    }
}

/// Calls a function for every element and its partner.
struct Two<F>(F);

impl<F: Fn(&mut f32, f32) + Sync> InplaceOp2 for Two<F> {
    fn name(&self) -> &'static str {
        "optimiser"
    }

    fn cpu_fwd(
        &self,
        s1: &mut CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<()> {
        slice_mut(s1, l1)?
            .par_chunks_mut(CHUNK)
            .zip(slice(s2, l2)?.par_chunks(CHUNK))
            .for_each(|(x, y)| x.iter_mut().zip(y).for_each(|(x, &y)| self.0(x, y)));
        Ok(())
    }
}

/// Calls a function for every element and its two partners.
struct Three<F>(F);

impl<F: Fn(&mut f32, f32, f32) + Sync> InplaceOp3 for Three<F> {
    fn name(&self) -> &'static str {
        "optimiser"
    }

    fn cpu_fwd(
        &self,
        s1: &mut CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<()> {
        slice_mut(s1, l1)?
            .par_chunks_mut(CHUNK)
            .zip(slice(s2, l2)?.par_chunks(CHUNK))
            .zip(slice(s3, l3)?.par_chunks(CHUNK))
            .for_each(|((x, y), z)| {
                for ((x, &y), &z) in x.iter_mut().zip(y).zip(z) {
                    self.0(x, y, z);
                }
            });
        Ok(())
    }
}
