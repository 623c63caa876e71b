//! The end of a layer in training: a residual added and a ReLU, in the memory of what came before.
//!
//! candle keeps every tensor of the graph. A convolution or a batch norm differentiates without
//! its own result, so its memory can become the memory of the rectified sum, as PyTorch's
//! in-place ReLU does it.

use std::mem;
use std::sync::{Mutex, PoisonError};

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, DType, Device, InplaceOp1, Layout, Result, Shape, Storage,
    Tensor,
};
use rayon::prelude::*;

/// Elements that one thread takes at a time.
const CHUNK: usize = 1 << 15;

/// Whether the memory of a fresh result of a layer can be taken.
pub(crate) fn can_take(y: &Tensor) -> bool {
    y.dtype() == DType::F32
        && matches!(y.device(), Device::Cpu)
        && y.layout().is_contiguous()
        && y.layout().start_offset() == 0
}

/// `max(scale·y + residual, 0)`, or without the maximum.
///
/// `y` must be the fresh result of a layer that differentiates without it, and nobody else's:
/// it holds nothing afterwards.
pub(crate) fn finish(
    y: &Tensor,
    residual: Option<&Tensor>,
    scale: f64,
    relu: bool,
) -> Result<Tensor> {
    let taken = Take(Mutex::new(Vec::new()));
    y.inplace_op1(&taken)?;
    let mut values = taken.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    if values.len() != y.elem_count() {
        candle_core::bail!("{} values for shape {:?}", values.len(), y.dims());
    }
    let scale = scale as f32;
    let rectify = move |v: f32| {
        // Written so that NaN stays.
        if relu && v < 0.0 { 0.0 } else { v }
    };
    let residual = residual.map(Tensor::contiguous).transpose()?;
    if let Some(residual) = &residual {
        let (storage, layout) = residual.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else {
            candle_core::bail!("the residual is on another device");
        };
        values
            .par_chunks_mut(CHUNK)
            .zip(slice(storage, layout)?.par_chunks(CHUNK))
            .for_each(|(v, r)| {
                for (v, &r) in v.iter_mut().zip(r) {
                    *v = rectify(scale * *v + r);
                }
            });
    } else {
        values
            .par_chunks_mut(CHUNK)
            .for_each(|v| v.iter_mut().for_each(|v| *v = rectify(scale * *v)));
    }
    let op = Finished {
        values: Mutex::new(values),
        scale,
        relu,
    };
    match residual {
        Some(residual) => y.apply_op2(&residual, op),
        None => y.apply_op1(op),
    }
}

/// The values of a contiguous tensor.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let refuse = candle_core::Error::RequiresContiguous { op: "layer" };
    match layout.contiguous_offsets() {
        Some((start, end)) => storage.as_slice::<f32>()?.get(start..end).ok_or(refuse),
        None => Err(refuse),
    }
}

struct Take(Mutex<Vec<f32>>);

impl InplaceOp1 for Take {
    fn name(&self) -> &'static str {
        "take"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, _: &Layout) -> Result<()> {
        let CpuStorage::F32(values) = storage else {
            candle_core::bail!("take: expected F32");
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = mem::take(values);
        Ok(())
    }
}

struct Finished {
    values: Mutex<Vec<f32>>,
    scale: f32,
    relu: bool,
}

impl Finished {
    fn give(&self, layout: &Layout) -> (CpuStorage, Shape) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        (
            CpuStorage::F32(mem::take(&mut values)),
            layout.shape().clone(),
        )
    }

    /// Gradients of the residual and of `y`.
    fn backward(&self, result: &Tensor, grad: &Tensor) -> Result<(Tensor, Tensor)> {
        let masked = if self.relu {
            result.apply_op2_no_bwd(&grad.contiguous()?, &Mask)?
        } else {
            grad.clone()
        };
        let scaled = if self.scale == 1.0 {
            masked.clone()
        } else {
            (&masked * f64::from(self.scale))?
        };
        Ok((masked, scaled))
    }
}

impl CustomOp1 for Finished {
    fn name(&self) -> &'static str {
        "finished"
    }

    fn cpu_fwd(&self, _: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok(self.give(layout))
    }

    fn bwd(&self, _: &Tensor, result: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.backward(result, grad)?.1))
    }
}

impl CustomOp2 for Finished {
    fn name(&self) -> &'static str {
        "finished"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        layout: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok(self.give(layout))
    }

    fn bwd(
        &self,
        _: &Tensor,
        residual: &Tensor,
        result: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (masked, scaled) = self.backward(result, grad)?;
        Ok((Some(scaled), residual.track_op().then_some(masked)))
    }
}

/// The gradient where the result is positive, else 0.
struct Mask;

impl CustomOp2 for Mask {
    fn name(&self) -> &'static str {
        "mask"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (y, dy) = (slice(s1, l1)?, slice(s2, l2)?);
        let mut dx = vec![0.0_f32; y.len()];
        dx.par_chunks_mut(CHUNK)
            .zip(y.par_chunks(CHUNK).zip(dy.par_chunks(CHUNK)))
            .for_each(|(dx, (y, dy))| {
                for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
                    *dx = if y > 0.0 { dy } else { 0.0 };
                }
            });
        Ok((CpuStorage::F32(dx), l1.shape().clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Var;

    #[test]
    fn agrees_with_the_same_in_steps() -> Result<()> {
        let wave = |phase: f64| -> Result<Tensor> {
            Tensor::arange(0_f32, 60.0, &Device::Cpu)?
                .affine(0.7, phase)?
                .sin()?
                .reshape((3, 4, 5))
        };
        for (relu, scale, with_residual) in [
            (true, 1.0, true),
            (true, 0.3, true),
            (false, 0.5, true),
            (true, 1.0, false),
        ] {
            let [x, r] = [
                Var::from_tensor(&wave(0.1)?)?,
                Var::from_tensor(&wave(2.0)?)?,
            ];
            let weight = wave(1.0)?;
            let run = |in_place: bool| -> Result<[Vec<f32>; 3]> {
                let y = (x.as_tensor() * 2.0)?;
                let residual = with_residual.then_some(r.as_tensor());
                let z = if in_place {
                    finish(&y, residual, scale, relu)?
                } else {
                    let mut z = (y * scale)?;
                    if let Some(residual) = residual {
                        z = (z + residual)?;
                    }
                    if relu { z.relu()? } else { z }
                };
                let gradients = (&z * &weight)?.sum_all()?.backward()?;
                let flat = |t: Option<&Tensor>| -> Result<Vec<f32>> {
                    t.map_or(Ok(Vec::new()), |t| t.flatten_all()?.to_vec1())
                };
                Ok([
                    flat(Some(&z.detach()))?,
                    flat(gradients.get(&x))?,
                    flat(gradients.get(&r))?,
                ])
            };
            assert_eq!(run(true)?, run(false)?, "{relu} {scale} {with_residual}");
        }
        Ok(())
    }
}
