//! Which algorithm runs which convolution.
#![allow(unsafe_code)]

use candle_core::cuda_backend::cudarc::driver::{CudaSlice, CudaView};
use candle_core::{CudaDevice, CudaStorage, Result, Shape, Tensor};

use super::launch::{
    DeviceElement, NULL, Source, allocate, kernel, launch, mismatch, output, over, tensor, zeros,
};
use super::sizes::OP;
use super::{depthwise, norm, patches};
use crate::conv::Geometry;
use crate::element::with_element;

fn shape(dims: [usize; 4]) -> Shape {
    Shape::from(dims.to_vec())
}

fn is_empty(g: &Geometry) -> bool {
    [g.batch, g.filters, g.channels].contains(&0)
}

/// What follows the sums; see `Epilogue` of the CPU.
struct Finish<'a, T> {
    bias: Option<CudaView<'a, T>>,
    residual: Option<CudaView<'a, T>>,
    relu: bool,
}

/// `y` of a convolution with an optional bias.
pub(crate) fn forward<T: DeviceElement>(
    g: &Geometry,
    x: Source<'_>,
    w: Source<'_>,
    bias: Option<Source<'_>>,
) -> Result<(CudaStorage, Shape)> {
    let finish = Finish {
        bias: bias.map(|b| b.elements::<T>(OP)).transpose()?,
        residual: None,
        relu: false,
    };
    let y = run::<T>(g, x, w, &finish)?;
    Ok(output(y, x.device(), shape(g.output_shape())))
}

/// Convolution, bias, residual and rectifier; the result carries no graph.
pub(crate) fn fused(
    g: &Geometry,
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    residual: Option<&Tensor>,
    relu: bool,
) -> Result<Tensor> {
    with_element!("conv2d_fused", x.dtype(), T => fused_typed::<T>(g, x, w, bias, residual, relu))
}

fn fused_typed<T: DeviceElement>(
    g: &Geometry,
    x: &Tensor,
    w: &Tensor,
    bias: Option<&Tensor>,
    residual: Option<&Tensor>,
    relu: bool,
) -> Result<Tensor> {
    let (xs, xl) = x.storage_and_layout();
    let (ws, wl) = w.storage_and_layout();
    let bias = bias.map(Tensor::storage_and_layout);
    let residual = residual.map(Tensor::storage_and_layout);
    let bias = match &bias {
        Some((storage, layout)) => Some(Source::of(OP, storage, layout)?.elements::<T>(OP)?),
        None => None,
    };
    let residual = match &residual {
        Some((storage, layout)) => Some(Source::of(OP, storage, layout)?.elements::<T>(OP)?),
        None => None,
    };
    let (x, w) = (Source::of(OP, &xs, xl)?, Source::of(OP, &ws, wl)?);
    let finish = Finish {
        bias,
        residual,
        relu,
    };
    let y = run::<T>(g, x, w, &finish)?;
    Ok(tensor(y, x.device(), shape(g.output_shape())))
}

fn run<T: DeviceElement>(
    g: &Geometry,
    x: Source<'_>,
    w: Source<'_>,
    finish: &Finish<'_, T>,
) -> Result<CudaSlice<T>> {
    let device = x.device();
    let n: usize = g.output_shape().iter().product();
    let mut y = if is_empty(g) {
        zeros::<T>(device, n)?
    } else {
        sums(g, device, &x.elements::<T>(OP)?, &w.elements::<T>(OP)?)?
    };
    if finish.bias.is_none() && finish.residual.is_none() && !finish.relu {
        return Ok(y);
    }
    for (what, view, expected) in [
        ("bias", &finish.bias, g.filters),
        ("residual", &finish.residual, n),
    ] {
        if let Some(view) = view
            && view.len() != expected
        {
            return Err(mismatch(OP, what, view.len(), expected));
        }
    }
    let (relu, filters) = (i32::from(finish.relu), g.filters as u64);
    let (pixels, n) = ((g.output[0] * g.output[1]) as u64, n as u64);
    let kernel = kernel::<T>(device, "epilogue")?;
    // SAFETY (all four): epilogue(y, bias, residual, relu, filters, pixels, n); `y` and the residual
    // have n elements and the bias one per filter, or they are null.
    unsafe {
        match (&finish.bias, &finish.residual) {
            (Some(b), Some(r)) => {
                launch!(kernel, over(n), &mut y, b, r, &relu, &filters, &pixels, &n)
            }
            (Some(b), None) => launch!(
                kernel,
                over(n),
                &mut y,
                b,
                &NULL,
                &relu,
                &filters,
                &pixels,
                &n
            ),
            (None, Some(r)) => launch!(
                kernel,
                over(n),
                &mut y,
                &NULL,
                r,
                &relu,
                &filters,
                &pixels,
                &n
            ),
            (None, None) => launch!(
                kernel,
                over(n),
                &mut y,
                &NULL,
                &NULL,
                &relu,
                &filters,
                &pixels,
                &n
            ),
        }
    }?;
    Ok(y)
}

fn sums<T: DeviceElement>(
    g: &Geometry,
    device: &CudaDevice,
    x: &CudaView<'_, T>,
    w: &CudaView<'_, T>,
) -> Result<CudaSlice<T>> {
    if g.is_depthwise() {
        return depthwise::forward(g, device, x, w);
    }
    #[cfg(feature = "cudnn")]
    if let Some(y) = super::cudnn::forward(g, device, x, w)? {
        return Ok(y);
    }
    patches::forward(g, device, x, w)
}

/// `dx` from the output gradient and the weight.
pub(crate) fn input_gradient<T: DeviceElement>(
    g: &Geometry,
    dy: Source<'_>,
    w: Source<'_>,
) -> Result<(CudaStorage, Shape)> {
    let device = dy.device();
    let (gradient, weight) = (dy.elements::<T>(OP)?, w.elements::<T>(OP)?);
    let dx = if is_empty(g) {
        zeros::<T>(device, g.input_shape().iter().product())?
    } else if g.is_depthwise() {
        depthwise::input_gradient(g, device, &gradient, &weight)?
    } else {
        #[cfg(feature = "cudnn")]
        let done = super::cudnn::input_gradient(g, device, &gradient, &weight)?;
        #[cfg(not(feature = "cudnn"))]
        let done = None;
        match done {
            Some(dx) => dx,
            None => patches::input_gradient(g, device, &gradient, &weight)?,
        }
    };
    Ok(output(dx, device, shape(g.input_shape())))
}

/// `dw` from the output gradient and the input.
pub(crate) fn weight_gradient<T: DeviceElement>(
    g: &Geometry,
    dy: Source<'_>,
    x: Source<'_>,
) -> Result<(CudaStorage, Shape)> {
    let device = dy.device();
    let (gradient, input) = (dy.elements::<T>(OP)?, x.elements::<T>(OP)?);
    let dw = if is_empty(g) {
        zeros::<T>(device, g.weight_shape().iter().product())?
    } else if g.is_depthwise() {
        depthwise::weight_gradient(g, device, &gradient, &input)?
    } else {
        #[cfg(feature = "cudnn")]
        let done = super::cudnn::weight_gradient(g, device, &gradient, &input)?;
        #[cfg(not(feature = "cudnn"))]
        let done = None;
        match done {
            Some(dw) => dw,
            None => patches::weight_gradient(g, device, &gradient, &input)?,
        }
    };
    Ok(output(dw, device, shape(g.weight_shape())))
}

/// `db`: the sum of the output gradient over batch, rows and columns.
pub(crate) fn bias_gradient<T: DeviceElement>(
    g: &Geometry,
    dy: Source<'_>,
) -> Result<(CudaStorage, Shape)> {
    let device = dy.device();
    let sums = norm::sums::<T>(
        OP,
        device,
        g.output_shape(),
        None,
        &dy.elements::<T>(OP)?,
        None,
    )?;
    let mut db = allocate::<T>(device, g.filters)?;
    let n = g.filters as u64;
    let kernel = kernel::<T>(device, "round_to_element")?;
    // SAFETY: round_to_element(sums, out, n); the first row of `sums` has one sum per filter.
    unsafe { launch!(kernel, over(n), &sums, &mut db, &n) }?;
    Ok(output(db, device, g.filters))
}
