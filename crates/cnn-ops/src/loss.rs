//! The loss of a classifier.

use std::sync::Arc;

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, DType, Layout, Shape, Tensor};

#[cfg(feature = "cuda")]
use crate::cuda::{Source, loss};
use crate::element::{Element, check_float, dims2, elements, with_element};
use crate::error::{Error, Result};

const OP: &str = "softmax_cross_entropy";

/// Mean cross entropy between logits and class labels.
///
/// ```text
/// L = Σᵢ w[yᵢ]·(log Σⱼ exp zᵢⱼ − z[i, yᵢ]) / Σᵢ w[yᵢ]        w = 1 without class weights
/// ```
///
/// Computed from differences to the largest logit, so large logits do not overflow; sums are
/// taken in `f64`. If the weights of all labels in the batch are zero the loss is zero.
///
/// # Shapes
///
/// - `logits`: `[batch, classes]`, `f32` or `f64`
/// - `labels`: `[batch]`, `u32`, each below `classes`
/// - `class_weights`: `classes` numbers, finite and not negative
/// - returns: a scalar
///
/// # CUDA
///
/// A block of threads per sample, in `f64`; the terms are added in order. The labels are read back to
/// be checked, so the call waits for the device.
///
/// # Errors
///
/// Ranks, types, devices or sizes that do not go together; a label or weight out of range;
/// [`Error::EmptyMean`] for an empty batch.
///
/// # Source
///
/// PyTorch's `cross_entropy(reduction="mean")`.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// let logits = Tensor::new(&[[0f32, 0.], [1000., 0.]], &Device::Cpu)?;
/// let labels = Tensor::new(&[1u32, 0], &Device::Cpu)?;
/// let loss = cnn_ops::softmax_cross_entropy(&logits, &labels, None)?;
/// assert!((loss.to_scalar::<f32>()? - 0.5 * 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn softmax_cross_entropy(
    logits: &Tensor,
    labels: &Tensor,
    class_weights: Option<&[f32]>,
) -> Result<Tensor> {
    check_float(OP, "logits", logits)?;
    let [batch, classes] = dims2(OP, "logits", logits)?;
    let mismatch = |right_name, right: &[usize]| Error::ShapeMismatch {
        op: OP,
        left_name: "logits",
        left: logits.dims().to_vec(),
        right_name,
        right: right.to_vec(),
    };
    if labels.dims() != [batch] {
        return Err(mismatch("labels", labels.dims()));
    }
    if labels.dtype() != DType::U32 {
        return Err(Error::UnsupportedDType {
            op: OP,
            argument: "labels",
            expected: "U32",
            actual: labels.dtype(),
        });
    }
    if batch == 0 || classes == 0 {
        return Err(Error::EmptyMean {
            op: OP,
            shape: logits.dims().to_vec(),
        });
    }
    let labels = labels.to_vec1::<u32>()?;
    if let Some((sample, &label)) = labels
        .iter()
        .enumerate()
        .find(|(_, l)| **l as usize >= classes)
    {
        return Err(Error::LabelOutOfRange {
            op: OP,
            sample,
            label,
            classes,
        });
    }
    if let Some(weights) = class_weights {
        if weights.len() != classes {
            return Err(mismatch("class_weights", &[weights.len()]));
        }
        if let Some(&value) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
            return Err(Error::InvalidValue {
                op: OP,
                argument: "class_weights",
                expected: "finite and not negative",
                value: f64::from(value),
            });
        }
    }
    let weights: Vec<f64> = labels
        .iter()
        .map(|&l| class_weights.map_or(1.0, |w| f64::from(w[l as usize])))
        .collect();
    let total: f64 = weights.iter().sum();
    let scale = if total > 0.0 { 1.0 / total } else { 0.0 };
    let op = CrossEntropy(Arc::new(Targets {
        labels,
        weights: weights.into_iter().map(|w| w * scale).collect(),
        classes,
    }));
    Ok(logits.contiguous()?.apply_op1(op)?)
}

struct Targets {
    labels: Vec<u32>,
    /// Share of each sample in the mean.
    weights: Vec<f64>,
    classes: usize,
}

impl Targets {
    /// Calls `f(sample's logits, largest logit, Σ exp(z − largest), label, share)`.
    fn for_each<T: Element>(&self, z: &[T], mut f: impl FnMut(usize, &[T], f64, f64, usize, f64)) {
        for (i, z) in z.chunks(self.classes).enumerate() {
            let largest = z.iter().fold(f64::NEG_INFINITY, |m, v| {
                let v = v.to_f64();
                if v > m || v.is_nan() { v } else { m }
            });
            let sum: f64 = z.iter().map(|v| (v.to_f64() - largest).exp()).sum();
            f(i, z, largest, sum, self.labels[i] as usize, self.weights[i]);
        }
    }
}

#[cfg(feature = "cuda")]
impl Targets {
    fn samples(&self) -> loss::Samples<'_> {
        loss::Samples {
            labels: &self.labels,
            shares: &self.weights,
            classes: self.classes,
        }
    }
}

struct CrossEntropy(Arc<Targets>);

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        OP
    }

    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        with_element!(OP, s.dtype(), T => {
            let mut loss = 0.0;
            self.0.for_each(elements::<T>(OP, s, l)?, |_, z, largest, sum, label, share| {
                if share > 0.0 {
                    loss += share * (sum.ln() - (z[label].to_f64() - largest));
                }
            });
            Ok((T::to_cpu_storage_owned(vec![T::from_f64(loss)]), Shape::from(())))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s: &CudaStorage, l: &Layout) -> candle_core::Result<(CudaStorage, Shape)> {
        let (samples, z) = (self.0.samples(), Source::new(s, l));
        with_element!(OP, s.dtype(), T => loss::forward::<T>(OP, &samples, z))
    }

    fn bwd(&self, z: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let op = CrossEntropyBackward(self.0.clone());
        Ok(Some(z.apply_op2_no_bwd(&grad.contiguous()?, &op)?))
    }
}

struct CrossEntropyBackward(Arc<Targets>);

impl CustomOp2 for CrossEntropyBackward {
    fn name(&self) -> &'static str {
        OP
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        with_element!(OP, s1.dtype(), T => {
            let z = elements::<T>(OP, s1, l1)?;
            let dy = elements::<T>(OP, s2, l2)?.first().map_or(0.0, |g| g.to_f64());
            let classes = self.0.classes;
            let mut dz = vec![T::ZERO; z.len()];
            self.0.for_each(z, |i, z, largest, sum, label, share| {
                let dz = &mut dz[i * classes..(i + 1) * classes];
                for (j, (d, z)) in dz.iter_mut().zip(z).enumerate() {
                    let probability = (z.to_f64() - largest).exp() / sum;
                    let target = if j == label { 1.0 } else { 0.0 };
                    *d = T::from_f64(dy * share * (probability - target));
                }
            });
            Ok((T::to_cpu_storage_owned(dz), l1.shape().clone()))
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
        let (samples, z, dy) = (self.0.samples(), Source::new(s1, l1), Source::new(s2, l2));
        with_element!(OP, s1.dtype(), T => loss::backward::<T>(OP, &samples, z, dy))
    }
}
