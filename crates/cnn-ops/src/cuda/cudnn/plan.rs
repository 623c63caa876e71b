//! A convolution as cuDNN is told it, and the algorithm chosen for it.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};

use candle_core::cuda_backend::cudarc::cudnn::{result, result::CudnnError, sys};

use super::WORKSPACE;
use crate::conv::Geometry;
use crate::cuda::launch::DeviceElement;

pub(super) type Cudnn<T> = std::result::Result<T, CudnnError>;

/// Declares an owner of one of cuDNN's objects.
macro_rules! owner {
    ($name:ident, $raw:ty, $create:path, $destroy:path) => {
        pub(super) struct $name(pub(super) $raw);

        impl $name {
            pub(super) fn new() -> Cudnn<Self> {
                $create().map(Self)
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: created by `new` and destroyed nowhere else. A thread that ends after the
                // driver has gone gets an error, which no longer matters.
                let _ = unsafe { $destroy(self.0) };
            }
        }
    };
}
owner!(
    Handle,
    sys::cudnnHandle_t,
    result::create_handle,
    result::destroy_handle
);
owner!(
    Map,
    sys::cudnnTensorDescriptor_t,
    result::create_tensor_descriptor,
    result::destroy_tensor_descriptor
);
owner!(
    Filter,
    sys::cudnnFilterDescriptor_t,
    result::create_filter_descriptor,
    result::destroy_filter_descriptor
);
owner!(
    Motion,
    sys::cudnnConvolutionDescriptor_t,
    result::create_convolution_descriptor,
    result::destroy_convolution_descriptor
);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Pass {
    Forward,
    Input,
    Weight,
}

#[derive(Clone, Copy)]
enum Algorithm {
    Forward(sys::cudnnConvolutionFwdAlgo_t),
    Input(sys::cudnnConvolutionBwdDataAlgo_t),
    Weight(sys::cudnnConvolutionBwdFilterAlgo_t),
}

/// A geometry as cuDNN is told it, and the algorithm chosen for one pass.
pub(super) struct Plan {
    x: Map,
    y: Map,
    weight: Filter,
    motion: Motion,
    algorithm: Algorithm,
    /// Scratch memory it needs.
    pub(super) bytes: usize,
}

fn ints<const N: usize>(values: [usize; N]) -> Cudnn<[c_int; N]> {
    let mut out = [0; N];
    for (out, value) in out.iter_mut().zip(values) {
        *out = c_int::try_from(value)
            .map_err(|_| CudnnError(sys::cudnnStatus_t::CUDNN_STATUS_NOT_SUPPORTED))?;
    }
    Ok(out)
}

/// The first entry of a ranking that runs, is deterministic and fits; `size` asks for its workspace.
macro_rules! choose {
    ($found:expr, $ranking:expr, $variant:ident, $size:expr) => {{
        let found = usize::try_from($found).unwrap_or(0);
        $ranking.iter().take(found).find_map(|entry| {
            let usable = entry.status == sys::cudnnStatus_t::CUDNN_STATUS_SUCCESS
                && entry.determinism == sys::cudnnDeterminism_t::CUDNN_DETERMINISTIC;
            let bytes = usable.then(|| $size(entry.algo).ok()).flatten()?;
            (bytes <= WORKSPACE).then_some((Algorithm::$variant(entry.algo), bytes))
        })
    }};
}

impl Plan {
    pub(super) fn new<T: DeviceElement>(
        handle: &Handle,
        pass: Pass,
        g: &Geometry,
    ) -> Cudnn<Option<Self>> {
        let (x, y) = (Map::new()?, Map::new()?);
        let (weight, motion) = (Filter::new()?, Motion::new()?);
        let (layout, dtype) = (sys::cudnnTensorFormat_t::CUDNN_TENSOR_NCHW, T::CUDNN);
        let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
        // The step of a single output or kernel element does not matter and may be of any size.
        let step = |counts: [usize; 2], steps: [usize; 2]| {
            std::array::from_fn(|i| if counts[i] > 1 { steps[i] } else { 1 })
        };
        let [stride_h, stride_w] = ints(step(g.output, g.stride))?;
        let [dilation_h, dilation_w] = ints(step(g.kernel, g.dilation))?;
        let [top, left] = ints(g.offset.map(|v| usize::try_from(v).unwrap_or(usize::MAX)))?;
        let [groups] = ints([g.groups])?;
        // SAFETY: the descriptors were created above and live as long as the plan; the ranking has
        // as many entries as cuDNN is asked for. All of its fields are integers or enumerations with
        // a zero, so zeroed entries are valid.
        unsafe {
            result::set_tensor4d_descriptor(x.0, layout, dtype, ints(g.input_shape())?)?;
            result::set_tensor4d_descriptor(y.0, layout, dtype, ints(g.output_shape())?)?;
            result::set_filter4d_descriptor(weight.0, dtype, layout, ints(g.weight_shape())?)?;
            result::set_convolution2d_descriptor(
                motion.0, top, left, stride_h, stride_w, dilation_h, dilation_w, mode, dtype,
            )?;
            result::set_convolution_group_count(motion.0, groups)?;
            result::set_convolution_math_type(motion.0, sys::cudnnMathType_t::CUDNN_FMA_MATH)?;
            let mut found = 0;
            let (h, m) = (handle.0, motion.0);
            let chosen = match pass {
                Pass::Forward => {
                    let mut ranking: [sys::cudnnConvolutionFwdAlgoPerf_t; 8] = std::mem::zeroed();
                    let list = ranking.as_mut_ptr();
                    result::get_convolution_forward_algorithm(
                        h, x.0, weight.0, m, y.0, 8, &mut found, list,
                    )?;
                    choose!(found, ranking, Forward, |a| {
                        result::get_convolution_forward_workspace_size(h, x.0, weight.0, m, y.0, a)
                    })
                }
                Pass::Input => {
                    let mut ranking: [sys::cudnnConvolutionBwdDataAlgoPerf_t; 6] =
                        std::mem::zeroed();
                    let list = ranking.as_mut_ptr();
                    result::get_convolution_backward_data_algorithm(
                        h, weight.0, y.0, m, x.0, 6, &mut found, list,
                    )?;
                    choose!(found, ranking, Input, |a| {
                        result::get_convolution_backward_data_workspace_size(
                            h, weight.0, y.0, m, x.0, a,
                        )
                    })
                }
                Pass::Weight => {
                    let mut ranking: [sys::cudnnConvolutionBwdFilterAlgoPerf_t; 7] =
                        std::mem::zeroed();
                    let list = ranking.as_mut_ptr();
                    result::get_convolution_backward_filter_algorithm(
                        h, x.0, y.0, m, weight.0, 7, &mut found, list,
                    )?;
                    choose!(found, ranking, Weight, |a| {
                        result::get_convolution_backward_filter_workspace_size(
                            h, x.0, y.0, m, weight.0, a,
                        )
                    })
                }
            };
            Ok(chosen.map(|(algorithm, bytes)| Self {
                x,
                y,
                weight,
                motion,
                algorithm,
                bytes,
            }))
        }
    }

    /// Runs the pass; `a`, `b` and `out` are (x, w, y), (dy, w, dx) or (dy, x, dw).
    ///
    /// # Safety
    ///
    /// They hold the tensors of the plan's geometry in its element type, and `workspace` as many
    /// bytes as the plan asks for.
    pub(super) unsafe fn run<T: DeviceElement>(
        &self,
        handle: &Handle,
        a: *const c_void,
        b: *const c_void,
        out: *mut c_void,
        workspace: *mut c_void,
    ) -> Cudnn<()> {
        let (one, zero) = (T::ONE, T::ZERO);
        let (one, zero) = ((&raw const one).cast(), (&raw const zero).cast());
        let (h, m, bytes) = (handle.0, self.motion.0, self.bytes);
        let (x, y, w) = (self.x.0, self.y.0, self.weight.0);
        // SAFETY: the caller's promise; the scaling factors have the element type, as cuDNN wants
        // them for floats and doubles.
        unsafe {
            match self.algorithm {
                Algorithm::Forward(algo) => result::convolution_forward(
                    h, one, x, a, w, b, m, algo, workspace, bytes, zero, y, out,
                ),
                Algorithm::Input(algo) => result::convolution_backward_data(
                    h, one, w, b, y, a, m, algo, workspace, bytes, zero, x, out,
                ),
                Algorithm::Weight(algo) => result::convolution_backward_filter(
                    h, one, x, b, y, a, m, algo, workspace, bytes, zero, w, out,
                ),
            }
        }
    }
}
