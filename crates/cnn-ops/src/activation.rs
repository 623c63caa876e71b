//! Rectifiers.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Shape, Tensor};

#[cfg(feature = "cuda")]
use crate::cuda::{Source, pointwise};
use crate::element::{check_float, elements, with_element};
use crate::error::Result;
use crate::parallel::vec_by_chunks;
use crate::simd::kernel;

const CHUNK: usize = 1 << 14;

/// Rectified linear unit, with derivative 0 at 0.
///
/// ```text
/// y = max(x, 0),   dy/dx = 1 where x > 0, else 0
/// ```
///
/// # Shapes
///
/// - `x`: any, `f32` or `f64`; the result has the same
///
/// # CUDA
///
/// One kernel, equal bits.
///
/// # Errors
///
/// Type or device of `x`.
///
/// # Source
///
/// PyTorch and TensorFlow. Stock candle has derivative 1 at 0, which lets gradients flow out of a
/// masked (exactly zero) background. NaN stays NaN, as in PyTorch.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Var};
///
/// let x = Var::new(&[-1f32, 0., 2.], &Device::Cpu)?;
/// let gradients = cnn_ops::relu(&x)?.sum_all()?.backward()?;
/// let dx = gradients.get(&x).map(|g| g.to_vec1::<f32>()).transpose()?;
/// assert_eq!(dx, Some(vec![0., 0., 1.]));
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn relu(x: &Tensor) -> Result<Tensor> {
    clamp("relu", x, f64::INFINITY)
}

/// Rectified linear unit clipped at six, with derivative 0 at both ends.
///
/// ```text
/// y = min(max(x, 0), 6)
/// ```
///
/// # Shapes
///
/// - `x`: any, `f32` or `f64`; the result has the same
///
/// # CUDA
///
/// One kernel, equal bits.
///
/// # Errors
///
/// Type or device of `x`.
///
/// # Source
///
/// PyTorch's `relu6` (`hardtanh` with open ends for the derivative).
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[-1f32, 3., 8.], &Device::Cpu)?;
/// assert_eq!(cnn_ops::relu6(&x)?.to_vec1::<f32>()?, [0., 3., 6.]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn relu6(x: &Tensor) -> Result<Tensor> {
    clamp("relu6", x, 6.0)
}

fn clamp(name: &'static str, x: &Tensor, upper: f64) -> Result<Tensor> {
    check_float(name, "x", x)?;
    Ok(x.contiguous()?.apply_op1(Clamp { name, upper })?)
}

#[derive(Clone, Copy)]
struct Clamp {
    name: &'static str,
    upper: f64,
}

kernel! {
    fn forward<T>(x: &[T], upper: T, y: &mut [T]) {
        for (y, &x) in y.iter_mut().zip(x) {
            // Written so that NaN fails every comparison and stays.
            let lower = if x < T::ZERO { T::ZERO } else { x };
            *y = if lower > upper { upper } else { lower };
        }
    }
}

kernel! {
    fn backward<T>(y: &[T], dy: &[T], upper: T, dx: &mut [T]) {
        for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
            // Both comparisons always: the signs are random, and a wrong guess is dear.
            *dx = if (y > T::ZERO) & (y < upper) { dy } else { T::ZERO };
        }
    }
}

impl CustomOp1 for Clamp {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        with_element!(self.name, s.dtype(), T => {
            let x = elements::<T>(self.name, s, l)?;
            let upper = T::from_f64(self.upper);
            let y = vec_by_chunks(x.len(), CHUNK, x.len(), |i, y| forward(&x[i * CHUNK..], upper, y));
            Ok((T::to_cpu_storage_owned(y), l.shape().clone()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s: &CudaStorage, l: &Layout) -> candle_core::Result<(CudaStorage, Shape)> {
        let x = Source::new(s, l);
        with_element!(self.name, s.dtype(), T => pointwise::clamp::<T>(self.name, self.upper, x))
    }

    fn bwd(&self, _: &Tensor, y: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let op = ClampBackward(*self);
        Ok(Some(y.apply_op2_no_bwd(&grad.contiguous()?, &op)?))
    }
}

struct ClampBackward(Clamp);

impl CustomOp2 for ClampBackward {
    fn name(&self) -> &'static str {
        self.0.name
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let op = self.0.name;
        with_element!(op, s1.dtype(), T => {
            let y = elements::<T>(op, s1, l1)?;
            let dy = elements::<T>(op, s2, l2)?;
            let upper = T::from_f64(self.0.upper);
            let dx = vec_by_chunks(y.len(), CHUNK, y.len(), |i, dx| {
                backward(&y[i * CHUNK..], &dy[i * CHUNK..], upper, dx);
            });
            Ok((T::to_cpu_storage_owned(dx), l1.shape().clone()))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &CudaStorage,
        l1: &Layout,
        s2: &CudaStorage,
        l2: &Layout,
    ) -> candle_core::Result<(CudaStorage, Shape)> {
        let (op, upper) = (self.0.name, self.0.upper);
        let (y, dy) = (Source::new(s1, l1), Source::new(s2, l2));
        with_element!(op, s1.dtype(), T => pointwise::clamp_backward::<T>(op, upper, y, dy))
    }
}

#[cfg(test)]
mod tests {
    use super::{backward, forward};
    use crate::simd::Level;

    #[test]
    fn kernels_agree_between_instruction_sets() {
        for level in Level::available() {
            for n in 0..70 {
                let x: Vec<f32> = (0..n).map(|i| (i * 37 % 19) as f32 - 6.0).collect();
                let dy: Vec<f32> = (0..n).map(|i| i as f32 + 1.0).collect();
                let (mut y, mut dx) = (vec![f32::NAN; n], vec![f32::NAN; n]);
                forward::at(level, &x, 6.0, &mut y);
                backward::at(level, &y, &dy, 6.0, &mut dx);
                for i in 0..n {
                    assert_eq!(y[i], x[i].clamp(0.0, 6.0));
                    let inside = x[i] > 0.0 && x[i] < 6.0;
                    assert_eq!(dx[i], if inside { dy[i] } else { 0.0 });
                }
            }
            let mut y = [0f32];
            forward::at(level, &[f32::NAN], 6.0, &mut y);
            assert!(y[0].is_nan());
        }
    }
}
