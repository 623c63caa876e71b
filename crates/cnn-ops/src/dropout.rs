//! Dropout from an explicit seed.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[cfg(feature = "cuda")]
use crate::cuda::{Source, pointwise};
use crate::element::{Element, check_float, elements, with_element};
use crate::error::{Error, Result};
use crate::parallel::vec_by_chunks;

const OP: &str = "dropout";
/// Elements drawn from one stream of the generator.
const CHUNK: usize = 1 << 12;

/// Sets a random fraction `p` of the elements to zero and scales the rest.
///
/// ```text
/// y = x/(1 − p) with probability 1 − p, else 0
/// ```
///
/// The mask is a function of `seed` and the position alone, so it does not depend on the number
/// of threads, and the backward pass draws it again instead of keeping it. Use another seed for
/// every layer and step. `p = 0` returns `x`, `p = 1` zeros.
///
/// # Shapes
///
/// - `x`: any, `f32` or `f64`; the result has the same
///
/// # CUDA
///
/// The same mask: the kernel draws the same words of ChaCha8.
///
/// # Errors
///
/// [`Error::InvalidValue`] unless `0 ≤ p ≤ 1`; type or device of `x`.
///
/// # Source
///
/// Inverted dropout of Keras and PyTorch; the generator is ChaCha8, one stream per 4096 elements.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
/// use cnn_ops::dropout;
///
/// let x = Tensor::ones(100, candle_core::DType::F32, &Device::Cpu)?;
/// let (a, b) = (dropout(&x, 0.5, 7)?, dropout(&x, 0.5, 7)?);
/// assert_eq!(a.to_vec1::<f32>()?, b.to_vec1::<f32>()?);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn dropout(x: &Tensor, p: f64, seed: u64) -> Result<Tensor> {
    check_float(OP, "x", x)?;
    if !(0.0..=1.0).contains(&p) {
        return Err(Error::InvalidValue {
            op: OP,
            argument: "p",
            expected: "in [0, 1]",
            value: p,
        });
    }
    if p == 0.0 {
        return Ok(x.clone());
    }
    Ok(x.contiguous()?.apply_op1(Dropout { p, seed })?)
}

#[derive(Clone, Copy)]
struct Dropout {
    p: f64,
    seed: u64,
}

impl Dropout {
    /// An element is dropped if its 32 bits lie below this, p·2³².
    fn threshold(&self) -> u64 {
        (self.p * 4_294_967_296.0) as u64
    }

    fn scale(&self) -> f64 {
        if self.p < 1.0 {
            1.0 / (1.0 - self.p)
        } else {
            0.0
        }
    }

    fn apply<T: Element>(&self, stream: usize, x: &[T], y: &mut [T]) {
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        generator.set_stream(stream as u64);
        let threshold = self.threshold();
        let scale = T::from_f64(self.scale());
        for (y, &x) in y.iter_mut().zip(x) {
            if u64::from(generator.next_u32()) >= threshold {
                *y = x * scale;
            }
        }
    }
}

impl CustomOp1 for Dropout {
    fn name(&self) -> &'static str {
        OP
    }

    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        with_element!(OP, s.dtype(), T => {
                    let x = elements::<T>(OP, s, l)?;
                    let work = x.len().saturating_mul(4);
        let y = vec_by_chunks(x.len(), CHUNK, work, |i, y| self.apply(i, &x[i * CHUNK..], y));
                    Ok((T::to_cpu_storage_owned(y), l.shape().clone()))
                })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s: &CudaStorage, l: &Layout) -> candle_core::Result<(CudaStorage, Shape)> {
        let (x, seed) = (
            Source::new(s, l),
            ChaCha8Rng::seed_from_u64(self.seed).get_seed(),
        );
        let (threshold, scale) = (self.threshold(), self.scale());
        with_element!(OP, s.dtype(), T => pointwise::dropout::<T>(OP, seed, threshold, scale, x))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        Ok(Some(grad.contiguous()?.apply_op1_no_bwd(self)?))
    }
}
