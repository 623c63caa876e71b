//! The gradient of one activation, gathered from all its uses.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor};
use rayon::prelude::*;

/// Elements that one thread takes at a time.
pub(super) const CHUNK: usize = 1 << 15;

/// The sum of the gradients that have come so far.
#[derive(Debug, Default)]
pub(crate) struct Gradient(Mutex<Option<Vec<f32>>>);

impl Gradient {
    fn lock(&self) -> MutexGuard<'_, Option<Vec<f32>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a gradient; the first is kept as it is.
    pub(crate) fn add(&self, more: Vec<f32>) -> Result<()> {
        let mut sum = self.lock();
        match &mut *sum {
            None => *sum = Some(more),
            Some(sum) => {
                check_length(sum.len(), more.len())?;
                sum.par_chunks_mut(CHUNK)
                    .zip(more.par_chunks(CHUNK))
                    .for_each(|(sum, more)| {
                        for (sum, &more) in sum.iter_mut().zip(more) {
                            *sum += more;
                        }
                    });
            }
        }
        Ok(())
    }

    /// Adds the gradient of channels `from..from + own` of `joined`, whose images have `total`
    /// values per pixel; `own`, `from` and `total` count values, not channels.
    pub(super) fn add_part(
        &self,
        joined: &[f32],
        [from, own, total]: [usize; 3],
        images: usize,
    ) -> Result<()> {
        check_length(joined.len(), images * total)?;
        let mut sum = self.lock();
        let is_first = sum.is_none();
        let sum = sum.get_or_insert_with(|| vec![0.0; images * own]);
        check_length(sum.len(), images * own)?;
        sum.par_chunks_mut(own.max(1))
            .zip(joined.par_chunks(total.max(1)))
            .for_each(|(sum, joined)| {
                let part = joined.get(from..from + own).unwrap_or_default();
                if is_first {
                    sum.copy_from_slice(part);
                } else {
                    for (sum, &more) in sum.iter_mut().zip(part) {
                        *sum += more;
                    }
                }
            });
        Ok(())
    }

    /// Adds what lies in a fresh tensor that nobody else holds.
    pub(crate) fn add_tensor(&self, more: Tensor) -> Result<()> {
        self.add(take(more)?)
    }

    /// The sum, which starts anew; `None` if nothing has come.
    pub(crate) fn take(&self) -> Option<Vec<f32>> {
        self.lock().take()
    }
}

fn check_length(left: usize, right: usize) -> Result<()> {
    if left != right {
        candle_core::bail!("gradients of {left} and {right} values");
    }
    Ok(())
}

/// The values of a contiguous tensor.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let refuse = candle_core::Error::RequiresContiguous { op: "layer" };
    match layout.contiguous_offsets() {
        Some((start, end)) => storage.as_slice::<f32>()?.get(start..end).ok_or(refuse),
        None => Err(refuse),
    }
}

/// The values of a fresh tensor that nobody else holds, without a copy where it owns exactly
/// those.
pub(super) fn take(x: Tensor) -> Result<Vec<f32>> {
    let whole = x.layout().is_contiguous() && x.layout().start_offset() == 0;
    if whole {
        let taken = Take(Mutex::new(Vec::new()));
        x.inplace_op1(&taken)?;
        let values = taken.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        check_length(values.len(), x.elem_count())?;
        return Ok(values);
    }
    x.flatten_all()?.to_vec1()
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
