//! Fully connected layers.

use candle_core::{CpuStorage, CustomOp2, DType, Layout, Shape, Tensor};

use crate::element::{Element, check_same, check_vector, dims2, elements, with_element};
use crate::error::{Error, Result};
use crate::parallel::for_each_chunk;
use crate::simd::{LANES, kernel, multiply_add};

/// Affine map of every row.
///
/// ```text
/// y = x·wᵀ + b
/// ```
///
/// # Shapes
///
/// - `x`: `[batch, inputs]`
/// - `weight`: `[outputs, inputs]`; `bias`: `[outputs]`
/// - returns: `[batch, outputs]`
///
/// # Errors
///
/// Ranks, types, devices or sizes that do not go together.
///
/// # Source
///
/// PyTorch's `linear`; runs on every device of candle. On the CPU a row of the result does not depend on
/// the other rows of the batch: each element is one dot product, summed in an order that `inputs` decides.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[[1f32, 2.]], &Device::Cpu)?;
/// let w = Tensor::new(&[[3f32, 4.], [5., 6.]], &Device::Cpu)?;
/// let b = Tensor::new(&[0.5f32, 0.], &Device::Cpu)?;
/// let y = cnn_ops::linear(&x, &w, Some(&b))?;
/// assert_eq!(y.to_vec2::<f32>()?, [[11.5, 17.]]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    const OP: &str = "linear";
    let [batch, inputs] = dims2(OP, "x", x)?;
    let [outputs, expected] = dims2(OP, "weight", weight)?;
    check_same(OP, "x", x, "weight", weight)?;
    if inputs != expected {
        return Err(Error::ShapeMismatch {
            op: OP,
            left_name: "x",
            left: x.dims().to_vec(),
            right_name: "weight",
            right: weight.dims().to_vec(),
        });
    }
    if let Some(bias) = bias {
        check_same(OP, "x", x, "bias", bias)?;
        check_vector(OP, "bias", bias, outputs, "weight", weight.dims())?;
    }
    let y = if batch == 0 || inputs == 0 || outputs == 0 {
        Tensor::zeros((batch, outputs), x.dtype(), x.device())?
    } else if x.device().is_cpu() && matches!(x.dtype(), DType::F32 | DType::F64) {
        x.contiguous()?.apply_op2(&weight.contiguous()?, Products)?
    } else {
        x.matmul(&weight.t()?)?
    };
    match bias {
        Some(bias) if batch > 0 && outputs > 0 => Ok(y.broadcast_add(bias)?),
        _ => Ok(y),
    }
}

/// Elements of a row that stay in the first cache while the batch passes over them.
const PART: usize = 2048;
/// Outputs of a task.
const ROWS: usize = 16;

kernel! {
    /// Adds `Σ a·b`.
    fn add_dot<T>(a: &[T], b: &[T], sum: &mut T) {
        const STEP: usize = 4 * LANES;
        let b = &b[..a.len()];
        let (mut s0, mut s1, mut s2, mut s3) =
            ([T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES], [T::ZERO; LANES]);
        let whole = a.len() / STEP * STEP;
        for (a, b) in a[..whole].chunks_exact(STEP).zip(b[..whole].chunks_exact(STEP)) {
            for l in 0..LANES {
                s0[l] = multiply_add::<T, FMA>(a[l], b[l], s0[l]);
                s1[l] = multiply_add::<T, FMA>(a[LANES + l], b[LANES + l], s1[l]);
                s2[l] = multiply_add::<T, FMA>(a[2 * LANES + l], b[2 * LANES + l], s2[l]);
                s3[l] = multiply_add::<T, FMA>(a[3 * LANES + l], b[3 * LANES + l], s3[l]);
            }
        }
        let mut total = T::ZERO;
        for (&a, &b) in a[whole..].iter().zip(&b[whole..]) {
            total = multiply_add::<T, FMA>(a, b, total);
        }
        for l in 0..LANES {
            total += (s0[l] + s1[l]) + (s2[l] + s3[l]);
        }
        *sum += total;
    }
}

/// `x·wᵀ`
struct Products;

impl CustomOp2 for Products {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        xs: &CpuStorage,
        xl: &Layout,
        ws: &CpuStorage,
        wl: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (batch, inputs) = xl.shape().dims2()?;
        let (outputs, _) = wl.shape().dims2()?;
        with_element!(self.name(), xs.dtype(), T => {
            let y = products(elements::<T>(self.name(), xs, xl)?, elements(self.name(), ws, wl)?, inputs);
            Ok((T::to_cpu_storage_owned(y), Shape::from((batch, outputs))))
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let dx = x.track_op().then(|| dy.matmul(w)).transpose()?;
        let dw = w.track_op().then(|| dy.t()?.matmul(x)).transpose()?;
        Ok((dx, dw))
    }
}

/// Every row of the one with every row of the other.
fn products<T: Element>(x: &[T], w: &[T], inputs: usize) -> Vec<T> {
    let (batch, outputs) = (x.len() / inputs, w.len() / inputs);
    // Per output, so that a task has its own part of the result.
    let mut columns = vec![T::ZERO; batch * outputs];
    for_each_chunk(&mut columns, ROWS * batch, w.len() * batch, |task, sums| {
        for (i, sums) in sums.chunks_mut(batch).enumerate() {
            let w = &w[(task * ROWS + i) * inputs..][..inputs];
            for start in (0..inputs).step_by(PART) {
                let part = start..(start + PART).min(inputs);
                for (row, sum) in sums.iter_mut().enumerate() {
                    add_dot(&x[row * inputs..][part.clone()], &w[part.clone()], sum);
                }
            }
        }
    });
    if batch == 1 {
        return columns;
    }
    let mut y = Vec::with_capacity(columns.len());
    for row in 0..batch {
        y.extend(columns.iter().skip(row).step_by(batch));
    }
    y
}

#[cfg(test)]
mod tests {
    use super::{add_dot, products};
    use crate::simd::Level;

    /// Small whole numbers: every order of summation is exact.
    fn whole(n: usize, factor: usize) -> Vec<f32> {
        (0..n).map(|i| (i * factor % 13) as f32 - 6.0).collect()
    }

    #[test]
    fn kernels_agree_between_instruction_sets() {
        for n in (0..200).chain([2047, 2048, 2049, 5000]) {
            let (a, b) = (whole(n, 37), whole(n, 23));
            let expected: f32 = 3.0 + a.iter().zip(&b).map(|(a, b)| a * b).sum::<f32>();
            for level in Level::available() {
                let mut sum = 3.0;
                add_dot::at(level, &a, &b, &mut sum);
                assert_eq!(sum, expected);
            }
        }
    }

    #[test]
    fn a_row_does_not_depend_on_its_batch() {
        let noise = |n: usize, factor: u64| -> Vec<f32> {
            let word = |i: usize| (i as u64 + factor).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
            (0..n)
                .map(|i| word(i) as f32 / (1 << 23) as f32 - 1.0)
                .collect()
        };
        for (batch, inputs, outputs) in [(1, 5, 3), (7, 2500, 37), (3, 64, 100)] {
            let (x, w) = (noise(batch * inputs, 1), noise(outputs * inputs, 99));
            let y = products(&x, &w, inputs);
            assert_eq!(y.len(), batch * outputs);
            for row in 0..batch {
                let alone = products(&x[row * inputs..][..inputs], &w, inputs);
                assert_eq!(y[row * outputs..][..outputs], alone);
                for (o, &value) in alone.iter().enumerate() {
                    let w = &w[o * inputs..][..inputs];
                    let x = &x[row * inputs..][..inputs];
                    let exact: f64 = x
                        .iter()
                        .zip(w)
                        .map(|(&x, &w)| f64::from(x) * f64::from(w))
                        .sum();
                    assert!((f64::from(value) - exact).abs() < 1e-5 * (inputs as f64).sqrt());
                }
            }
        }
    }
}
