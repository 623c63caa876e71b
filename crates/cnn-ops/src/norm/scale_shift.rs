//! One scale and one shift per channel.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Shape, Tensor};

use super::block_sum;
use crate::element::{Element, elements, with_element};
use crate::parallel::{for_each_chunk, vec_by_chunks};

/// `y = x·scale[channel] + shift[channel]`.
pub(super) struct ScaleShift {
    pub(super) name: &'static str,
}

impl CustomOp3 for ScaleShift {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        with_element!(self.name, s1.dtype(), T => {
            let x = elements::<T>(self.name, s1, l1)?;
            let scale = elements::<T>(self.name, s2, l2)?;
            let shift = elements::<T>(self.name, s3, l3)?;
            let (_, c, h, w) = l1.shape().dims4()?;
            let p = h * w;
            let y = vec_by_chunks(x.len(), p, x.len(), |i, y| {
                let (scale, shift) = (scale[i % c], shift[i % c]);
                for (y, &x) in y.iter_mut().zip(&x[i * p..]) {
                    *y = x * scale + shift;
                }
            });
            Ok((T::to_cpu_storage_owned(y), l1.shape().clone()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &CudaStorage,
        l1: &Layout,
        s2: &CudaStorage,
        l2: &Layout,
        s3: &CudaStorage,
        l3: &Layout,
    ) -> candle_core::Result<(CudaStorage, Shape)> {
        use crate::cuda::{Source, norm};
        let (x, scale, shift) = (
            Source::new(s1, l1),
            Source::new(s2, l2),
            Source::new(s3, l3),
        );
        with_element!(self.name, s1.dtype(), T => {
            norm::scale_shift::<T>(self.name, x, scale, shift)
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let dx = if x.track_op() {
            let zero = shift.detach().zeros_like()?;
            Some(grad.apply_op3_no_bwd(&scale.detach(), &zero, self)?)
        } else {
            None
        };
        #[cfg(feature = "cuda")]
        if x.device().is_cuda() {
            let (dscale, dshift) = crate::cuda::norm::channel_sums(self.name, x, &grad)?;
            let (dscale, dshift) = (Some(dscale), Some(dshift));
            return Ok((
                dx,
                dscale.filter(|_| scale.track_op()),
                dshift.filter(|_| shift.track_op()),
            ));
        }
        let (dscale, dshift) = if scale.track_op() || shift.track_op() {
            with_element!(self.name, x.dtype(), T => channel_sums::<T>(self.name, x, &grad))
                .map(|(a, b)| (Some(a), Some(b)))?
        } else {
            (None, None)
        };
        Ok((
            dx,
            dscale.filter(|_| scale.track_op()),
            dshift.filter(|_| shift.track_op()),
        ))
    }
}

/// Σ x·dy and Σ dy per channel.
fn channel_sums<T: Element>(
    op: &'static str,
    x: &Tensor,
    dy: &Tensor,
) -> candle_core::Result<(Tensor, Tensor)> {
    let (b, c, h, w) = x.dims4()?;
    let p = h * w;
    let (xs, xl) = x.storage_and_layout();
    let (ds, dl) = dy.storage_and_layout();
    let (candle_core::Storage::Cpu(xs), candle_core::Storage::Cpu(ds)) = (&*xs, &*ds) else {
        return Err(candle_core::Error::BackwardNotSupported { op });
    };
    let xv = elements::<T>(op, xs, xl)?;
    let dv = elements::<T>(op, ds, dl)?;
    let mut sums = vec![[0.0f64; 2]; c];
    for_each_chunk(&mut sums, 1, xv.len() * 2, |ch, out| {
        for i in 0..b {
            let range = (i * c + ch) * p..(i * c + ch + 1) * p;
            out[0][0] += block_dot(&xv[range.clone()], &dv[range.clone()], T::ZERO);
            out[0][1] += block_sum(&dv[range], |v| v);
        }
    });
    let vector = |k: usize| {
        let values: Vec<T> = sums.iter().map(|s| T::from_f64(s[k])).collect();
        Tensor::from_vec(values, c, &Device::Cpu)
    };
    Ok((vector(0)?, vector(1)?))
}

/// Σ (x − mean)·d in a fixed order.
fn block_dot<T: Element>(x: &[T], d: &[T], mean: T) -> f64 {
    let mut total = 0.0;
    for (x, d) in x.chunks(1024).zip(d.chunks(1024)) {
        let mut lanes = [T::ZERO; 16];
        let (xs, ds) = (x.chunks_exact(16), d.chunks_exact(16));
        for (i, (&x, &d)) in xs.remainder().iter().zip(ds.remainder()).enumerate() {
            lanes[i] += (x - mean) * d;
        }
        for (x, d) in xs.zip(ds) {
            for ((lane, &x), &d) in lanes.iter_mut().zip(x).zip(d) {
                *lane += (x - mean) * d;
            }
        }
        total += lanes.iter().map(|v| v.to_f64()).sum::<f64>();
    }
    total
}
