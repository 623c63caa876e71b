//! Two-dimensional convolution.

mod depthwise;
#[cfg(test)]
mod direct;
mod forward;
mod geometry;
mod input_gradient;
mod line_transforms;
pub(crate) mod panels;
mod patches;
mod paths;
mod product;
#[cfg(test)]
mod tests;
mod weight_gradient;
pub(crate) mod winograd;
pub(crate) mod winograd_line;
#[cfg(test)]
mod winograd_tests;
mod winograd_transforms;

use std::sync::Arc;

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Device, Layout, Shape, Storage, Tensor,
};

#[cfg(feature = "cuda")]
use crate::cuda::{Source, conv as cuda};
use crate::element::{Element, check_float, check_same, check_vector, elements, with_element};
use crate::error::{Error, Result};
use crate::geometry::ConvOptions;
pub(crate) use forward::Epilogue;
pub(crate) use geometry::Geometry;
pub(crate) use product::Matrix;

const OP: &str = "conv2d";

/// Two-dimensional cross-correlation, as every deep learning framework calls a convolution.
///
/// ```text
/// y[b, o, i, j] = bias[o] + Σ w[o, c, u, v] · x[b, c', i·s₀ + u·d₀ − top, j·s₁ + v·d₁ − left]
/// ```
///
/// where `c'` runs over the channels of filter `o`'s group and x is zero outside its map. Of the
/// three gradients only those are computed whose tensor needs one ([`Tensor::track_op`]): none
/// for the weight when it is a plain tensor, none for the image when it is the network's input.
///
/// # Shapes
///
/// - `x`: `[batch, channels, height, width]`, `f32` or `f64`
/// - `weight`: `[filters, channels/groups, rows, columns]`; `bias`: `[filters]`
/// - returns: `[batch, filters, ⌊(height + top + bottom − span)/stride⌋ + 1, …]` with
///   `span = dilation·(rows − 1) + 1`
///
/// # CUDA
///
/// cuDNN with the feature `cudnn`, otherwise tiles of patches and cuBLAS; own kernels where every group
/// has one channel. Gradients likewise.
///
/// # Errors
///
/// Ranks, types, devices or channel counts that do not go together; a stride, dilation, kernel
/// side or group count of zero; a kernel larger than the padded input; sizes that overflow.
///
/// # Source
///
/// PyTorch's `conv2d`, with padding per side.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use cnn_ops::{ConvOptions, Padding, conv2d};
///
/// let x = Tensor::ones((1, 2, 5, 5), DType::F32, &Device::Cpu)?;
/// let w = Tensor::ones((3, 2, 1, 7), DType::F32, &Device::Cpu)?;
/// let options = ConvOptions { padding: Padding::symmetric(0, 3), ..ConvOptions::default() };
/// let y = conv2d(&x, &w, None, &options)?;
/// assert_eq!(y.dims(), [1, 3, 5, 5]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions,
) -> Result<Tensor> {
    let g = check(OP, x, weight, bias, options)?;
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let op = Convolution(Arc::new(g));
    Ok(match bias {
        Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, op)?,
        None => x.apply_op2(&weight, op)?,
    })
}

/// What follows a fused convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// Nothing.
    None,
    /// max(x, 0).
    Relu,
}

/// Convolution, bias, residual and activation in one pass, for inference.
///
/// ```text
/// y = act(conv2d(x, weight) + bias + residual)
/// ```
///
/// The result carries no graph even if an argument does.
///
/// # Shapes
///
/// - as [`conv2d`]; `residual`: the shape of the result
///
/// # CUDA
///
/// The sums as [`conv2d`], then one kernel for all that follows them.
///
/// # Errors
///
/// As [`conv2d`], and a residual of another shape or type.
///
/// # Source
///
/// PyTorch's `torch.nn.intrinsic.ConvAddReLU2d`; folding a batch norm into weight and bias is the
/// caller's part.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
/// use cnn_ops::{Activation, ConvOptions, conv2d_fused};
///
/// let x = Tensor::new(&[[[[1f32, -2.]]]], &Device::Cpu)?;
/// let w = Tensor::new(&[[[[3f32]]]], &Device::Cpu)?;
/// let bias = Tensor::new(&[1f32], &Device::Cpu)?;
/// let options = ConvOptions::default();
/// let y = conv2d_fused(&x, &w, Some(&bias), Some(&x), Activation::Relu, &options)?;
/// assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [5., 0.]); // 3·1 + 1 + 1, and 3·(−2) + 1 − 2
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn conv2d_fused(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    residual: Option<&Tensor>,
    activation: Activation,
    options: &ConvOptions,
) -> Result<Tensor> {
    const OP: &str = "conv2d_fused";
    let g = check(OP, x, weight, bias, options)?;
    if let Some(residual) = residual {
        check_same(OP, "x", x, "residual", residual)?;
        if residual.dims() != g.output_shape() {
            return Err(Error::ShapeMismatch {
                op: OP,
                left_name: "residual",
                left: residual.dims().to_vec(),
                right_name: "the result",
                right: g.output_shape().to_vec(),
            });
        }
    }
    let contiguous = |t: Option<&Tensor>| t.map(Tensor::contiguous).transpose();
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    let (bias, residual) = (contiguous(bias)?, contiguous(residual)?);
    #[cfg(feature = "cuda")]
    if x.device().is_cuda() {
        let (bias, residual, relu) = (
            bias.as_ref(),
            residual.as_ref(),
            activation == Activation::Relu,
        );
        return Ok(cuda::fused(&g, &x, &weight, bias, residual, relu)?);
    }
    let y = with_element!(OP, x.dtype(), T => {
        view::<T, _>(OP, Some(&x), |x| {
            view::<T, _>(OP, Some(&weight), |w| {
                view::<T, _>(OP, bias.as_ref(), |bias| {
                    view::<T, _>(OP, residual.as_ref(), |residual| {
                        let epilogue = Epilogue {
                            bias,
                            residual,
                            relu: activation == Activation::Relu,
                        };
                        let y = paths::forward(&g, x.unwrap_or(&[]), w.unwrap_or(&[]), epilogue);
                        Tensor::from_vec(y, g.output_shape().to_vec(), &Device::Cpu)
                    })
                })
            })
        })
    })?;
    Ok(y)
}

/// Lends the elements of a contiguous CPU tensor.
fn view<T: Element, R>(
    op: &'static str,
    x: Option<&Tensor>,
    f: impl FnOnce(Option<&[T]>) -> candle_core::Result<R>,
) -> candle_core::Result<R> {
    let Some(x) = x else { return f(None) };
    let (storage, layout) = x.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => f(Some(elements(op, storage, layout)?)),
        _ => Err(candle_core::Error::RequiresContiguous { op }),
    }
}

fn check(
    op: &'static str,
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: &ConvOptions,
) -> Result<Geometry> {
    check_float(op, "x", x)?;
    check_same(op, "x", x, "weight", weight)?;
    let g = Geometry::new(op, x, weight, options)?;
    if let Some(bias) = bias {
        check_same(op, "x", x, "bias", bias)?;
        check_vector(op, "bias", bias, g.filters, "weight", weight.dims())?;
    }
    Ok(g)
}

struct Convolution(Arc<Geometry>);

impl Convolution {
    fn input_gradient(&self, weight: &Tensor, dy: &Tensor) -> candle_core::Result<Tensor> {
        dy.apply_op2_no_bwd(weight, &InputGradient(self.0.clone()))
    }

    fn weight_gradient(&self, x: &Tensor, dy: &Tensor) -> candle_core::Result<Tensor> {
        dy.apply_op2_no_bwd(x, &WeightGradient(self.0.clone()))
    }
}

impl CustomOp2 for Convolution {
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
            let (x, w) = (elements::<T>(OP, s1, l1)?, elements(OP, s2, l2)?);
            let y = paths::forward(&self.0, x, w, Epilogue::none());
            Ok((T::to_cpu_storage_owned(y), shape(self.0.output_shape())))
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
        let (x, w) = (Source::new(s1, l1), Source::new(s2, l2));
        with_element!(OP, s1.dtype(), T => cuda::forward::<T>(&self.0, x, w, None))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let dy = grad.contiguous()?;
        let dx = x.track_op().then(|| self.input_gradient(weight, &dy));
        let dw = weight.track_op().then(|| self.weight_gradient(x, &dy));
        Ok((dx.transpose()?, dw.transpose()?))
    }
}

impl CustomOp3 for Convolution {
    fn name(&self) -> &'static str {
        OP
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
        with_element!(OP, s1.dtype(), T => {
            let (x, w) = (elements::<T>(OP, s1, l1)?, elements(OP, s2, l2)?);
            let epilogue = Epilogue {
                bias: Some(elements(OP, s3, l3)?),
                ..Epilogue::none()
            };
            let y = paths::forward(&self.0, x, w, epilogue);
            Ok((T::to_cpu_storage_owned(y), shape(self.0.output_shape())))
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
        let (x, w, bias) = (
            Source::new(s1, l1),
            Source::new(s2, l2),
            Source::new(s3, l3),
        );
        with_element!(OP, s1.dtype(), T => cuda::forward::<T>(&self.0, x, w, Some(bias)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dy = grad.contiguous()?;
        let dx = x.track_op().then(|| self.input_gradient(weight, &dy));
        let dw = weight.track_op().then(|| self.weight_gradient(x, &dy));
        let db = bias
            .track_op()
            .then(|| dy.apply_op1_no_bwd(&BiasGradient(self.0.clone())));
        Ok((dx.transpose()?, dw.transpose()?, db.transpose()?))
    }
}

fn shape(dims: [usize; 4]) -> Shape {
    Shape::from(dims.to_vec())
}

/// The gradients of a convolution, outside candle's graph.
#[derive(Debug, Clone)]
pub(crate) struct ConvolutionGradients(Arc<Geometry>);

impl ConvolutionGradients {
    pub(crate) fn new(x: &Tensor, weight: &Tensor, options: &ConvOptions) -> Result<Self> {
        Ok(Self(Arc::new(check(OP, x, weight, None, options)?)))
    }

    pub(crate) fn output_shape(&self) -> [usize; 4] {
        self.0.output_shape()
    }

    pub(crate) fn input(&self, weight: &Tensor, dy: &Tensor) -> candle_core::Result<Tensor> {
        Convolution(self.0.clone()).input_gradient(weight, dy)
    }

    pub(crate) fn weight(&self, x: &Tensor, dy: &Tensor) -> candle_core::Result<Tensor> {
        Convolution(self.0.clone()).weight_gradient(x, dy)
    }

    pub(crate) fn bias(&self, dy: &Tensor) -> candle_core::Result<Tensor> {
        dy.apply_op1_no_bwd(&BiasGradient(self.0.clone()))
    }
}

struct InputGradient(Arc<Geometry>);

impl CustomOp2 for InputGradient {
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
            let (dy, w) = (elements::<T>(OP, s1, l1)?, elements(OP, s2, l2)?);
            let dx = paths::input_gradient(&self.0, dy, w);
            Ok((T::to_cpu_storage_owned(dx), shape(self.0.input_shape())))
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
        let (dy, w) = (Source::new(s1, l1), Source::new(s2, l2));
        with_element!(OP, s1.dtype(), T => cuda::input_gradient::<T>(&self.0, dy, w))
    }
}

struct WeightGradient(Arc<Geometry>);

impl CustomOp2 for WeightGradient {
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
            let (dy, x) = (elements::<T>(OP, s1, l1)?, elements(OP, s2, l2)?);
            let dw = paths::weight_gradient(&self.0, dy, x);
            Ok((T::to_cpu_storage_owned(dw), shape(self.0.weight_shape())))
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
        let (dy, x) = (Source::new(s1, l1), Source::new(s2, l2));
        with_element!(OP, s1.dtype(), T => cuda::weight_gradient::<T>(&self.0, dy, x))
    }
}

struct BiasGradient(Arc<Geometry>);

impl CustomOp1 for BiasGradient {
    fn name(&self) -> &'static str {
        OP
    }

    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        with_element!(OP, s.dtype(), T => {
            let db = weight_gradient::bias_gradient(&self.0, elements::<T>(OP, s, l)?);
            Ok((T::to_cpu_storage_owned(db), Shape::from(self.0.filters)))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s: &CudaStorage, l: &Layout) -> candle_core::Result<(CudaStorage, Shape)> {
        let dy = Source::new(s, l);
        with_element!(OP, s.dtype(), T => cuda::bias_gradient::<T>(&self.0, dy))
    }
}
