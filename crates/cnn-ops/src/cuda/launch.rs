//! Kernels, device memory and what an operator needs to reach them.
#![allow(unsafe_code)]

use std::sync::{Arc, OnceLock};

use candle_core::cuda_backend::cudarc::cublas::{
    CudaBlas, Gemm, StridedBatchedConfig, result::CublasError,
};
use candle_core::cuda_backend::cudarc::driver::{
    CudaFunction, CudaSlice, CudaStream, CudaView, CudaViewMut, DeviceRepr, LaunchArgs,
    LaunchConfig, ValidAsZeroBits,
};
use candle_core::cuda_backend::cudarc::nvrtc::{
    CompileError, CompileOptions, compile_ptx_with_opts,
};
use candle_core::cuda_backend::{CudaDType, CudaError, WrapErr};
use candle_core::op::BackpropOp;
use candle_core::{CudaDevice, CudaStorage, Layout, Result, Shape, Storage, Tensor};

use crate::element::Element;
use crate::error::Error;

/// All kernels; the first file holds what the others share.
const SOURCE: &str = concat!(
    include_str!("kernels/common.cu"),
    include_str!("kernels/plane.cu"),
    include_str!("kernels/pool.cu"),
    include_str!("kernels/norm.cu"),
    include_str!("kernels/conv.cu"),
    include_str!("kernels/pointwise.cu"),
    include_str!("kernels/loss.cu"),
);

/// `THREADS` of `kernels/common.cu`.
const THREADS: u32 = 256;
/// Blocks of the largest grid; kernels go on where it ends.
const BLOCKS: u64 = 1 << 20;

/// Pointer to nothing, for arguments that may be missing.
pub(super) const NULL: u64 = 0;

type Compiled = OnceLock<std::result::Result<String, CompileError>>;

/// An element type of the kernels.
pub(crate) trait DeviceElement: Element + CudaDType + DeviceRepr + ValidAsZeroBits {
    /// Its name in the kernels.
    const NAME: &'static str;
    /// Name of the compiled module.
    const MODULE: &'static str;
    #[cfg(feature = "cudnn")]
    const CUDNN: candle_core::cuda_backend::cudarc::cudnn::sys::cudnnDataType_t;

    fn compiled() -> &'static Compiled;

    /// cuBLAS's batched product.
    ///
    /// # Safety
    ///
    /// The matrices that `config` describes lie inside `a`, `b` and `c`.
    unsafe fn gemm(
        blas: &CudaBlas,
        config: StridedBatchedConfig<Self>,
        a: &CudaView<'_, Self>,
        b: &CudaView<'_, Self>,
        c: &mut CudaViewMut<'_, Self>,
    ) -> std::result::Result<(), CublasError>;
}

macro_rules! device_element {
    ($t:ty, $name:literal, $module:literal, $cudnn:ident) => {
        impl DeviceElement for $t {
            const NAME: &'static str = $name;
            const MODULE: &'static str = $module;
            #[cfg(feature = "cudnn")]
            const CUDNN: candle_core::cuda_backend::cudarc::cudnn::sys::cudnnDataType_t =
                candle_core::cuda_backend::cudarc::cudnn::sys::cudnnDataType_t::$cudnn;

            fn compiled() -> &'static Compiled {
                static COMPILED: Compiled = OnceLock::new();
                &COMPILED
            }

            unsafe fn gemm(
                blas: &CudaBlas,
                config: StridedBatchedConfig<Self>,
                a: &CudaView<'_, Self>,
                b: &CudaView<'_, Self>,
                c: &mut CudaViewMut<'_, Self>,
            ) -> std::result::Result<(), CublasError> {
                // SAFETY: the caller's promise.
                unsafe { blas.gemm_strided_batched(config, a, b, c) }
            }
        }
    };
}
device_element!(f32, "float", "cnn_ops_f32", CUDNN_DATA_FLOAT);
device_element!(f64, "double", "cnn_ops_f64", CUDNN_DATA_DOUBLE);

/// A kernel on the stream of its device.
pub(super) struct Kernel {
    function: CudaFunction,
    stream: Arc<CudaStream>,
}

impl Kernel {
    pub(super) fn builder(&self) -> LaunchArgs<'_> {
        self.stream.launch_builder(&self.function)
    }
}

/// The kernel `name` for elements of type `T`, compiled and loaded where that is still to be done.
pub(super) fn kernel<T: DeviceElement>(device: &CudaDevice, name: &str) -> Result<Kernel> {
    let compiled = T::compiled().get_or_init(|| {
        let options = CompileOptions {
            options: vec![format!("-DREAL={}", T::NAME)],
            name: Some(format!("{}.cu", T::MODULE)),
            ..CompileOptions::default()
        };
        compile_ptx_with_opts(SOURCE, options).map(|ptx| ptx.to_src())
    });
    match compiled {
        Ok(ptx) => Ok(Kernel {
            function: device
                .get_or_load_custom_func(name, T::MODULE, ptx)?
                .into_cuda_function(),
            stream: device.cuda_stream(),
        }),
        Err(error) => Err(CudaError::Compiler(error.clone()).into()),
    }
}

/// A grid that runs over `n` elements; one block where there are none.
pub(super) fn over(n: u64) -> LaunchConfig {
    blocks(n.div_ceil(u64::from(THREADS)))
}

/// A grid with one block per item, at least one.
pub(super) fn blocks(items: u64) -> LaunchConfig {
    LaunchConfig {
        grid_dim: (items.clamp(1, BLOCKS) as u32, 1, 1),
        block_dim: (THREADS, 1, 1),
        shared_mem_bytes: 0,
    }
}

/// Memory for `n` elements, whose contents are undefined; never an empty block, which CUDA refuses.
pub(super) fn allocate<T: DeviceElement>(device: &CudaDevice, n: usize) -> Result<CudaSlice<T>> {
    allocate_raw(device, n)
}

/// The same for types that no kernel is compiled for.
pub(super) fn allocate_raw<T: DeviceRepr>(device: &CudaDevice, n: usize) -> Result<CudaSlice<T>> {
    // SAFETY: every caller launches a kernel that writes all of it before anything reads it; for
    // integers and floats every bit pattern is a value.
    unsafe { device.alloc::<T>(n.max(1)) }
}

/// Memory for `n` zeros.
pub(super) fn zeros<T: DeviceElement>(device: &CudaDevice, n: usize) -> Result<CudaSlice<T>> {
    device.alloc_zeros::<T>(n.max(1))
}

/// A copy of host data on the device.
pub(super) fn upload<T: DeviceRepr + Copy + Default + 'static>(
    device: &CudaDevice,
    data: &[T],
) -> Result<CudaSlice<T>> {
    if data.is_empty() {
        return device.clone_htod(&[T::default()]);
    }
    device.clone_htod(data)
}

/// A tensor as candle hands it to an operator.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) storage: &'a CudaStorage,
    pub(crate) layout: &'a Layout,
}

impl<'a> Source<'a> {
    pub(crate) fn new(storage: &'a CudaStorage, layout: &'a Layout) -> Self {
        Self { storage, layout }
    }

    /// The tensor that owns a locked storage.
    pub(super) fn of(op: &'static str, storage: &'a Storage, layout: &'a Layout) -> Result<Self> {
        match storage {
            Storage::Cuda(storage) => Ok(Self { storage, layout }),
            other => Err(Error::UnsupportedDevice {
                op,
                device: other.device().location(),
            }
            .into()),
        }
    }

    pub(super) fn device(&self) -> &'a CudaDevice {
        &self.storage.device
    }

    /// The elements of a contiguous tensor.
    pub(super) fn elements<T: DeviceElement>(&self, op: &'static str) -> Result<CudaView<'a, T>> {
        let all = self.storage.as_cuda_slice::<T>()?;
        self.layout
            .contiguous_offsets()
            .and_then(|(start, end)| all.try_slice(start..end))
            .ok_or(candle_core::Error::RequiresContiguous { op })
    }
}

/// What an operator returns to candle.
pub(super) fn output<T: DeviceElement>(
    data: CudaSlice<T>,
    device: &CudaDevice,
    shape: impl Into<Shape>,
) -> (CudaStorage, Shape) {
    let storage = CudaStorage::wrap_cuda_slice(data, device.clone());
    (storage, shape.into())
}

/// A tensor without a graph.
pub(super) fn tensor<T: DeviceElement>(
    data: CudaSlice<T>,
    device: &CudaDevice,
    shape: impl Into<Shape>,
) -> Tensor {
    let (storage, shape) = output(data, device, shape);
    Tensor::from_storage(Storage::Cuda(storage), shape, BackpropOp::none(), false)
}

/// A size as the kernels count it.
pub(super) fn int(op: &'static str, what: &'static str, value: usize) -> Result<i32> {
    i32::try_from(value).map_err(|_| too_large(op, what, value, i32::MAX as usize))
}

/// Two sizes that belong together and differ; a mistake in this crate.
pub(super) fn mismatch(
    op: &'static str,
    what: &'static str,
    actual: usize,
    expected: usize,
) -> candle_core::Error {
    Error::ShapeMismatch {
        op,
        left_name: what,
        left: vec![actual],
        right_name: "its place",
        right: vec![expected],
    }
    .into()
}

pub(super) fn too_large(
    op: &'static str,
    what: &'static str,
    value: usize,
    limit: usize,
) -> candle_core::Error {
    Error::DeviceLimit {
        op,
        what,
        value,
        limit,
    }
    .into()
}

/// Starts a kernel.
///
/// # Safety
///
/// The arguments are those of the kernel in number, order and type, and every element it reaches
/// lies in the memory they name.
macro_rules! launch {
    ($kernel:expr, $config:expr, $($argument:expr),+ $(,)?) => {{
        use candle_core::cuda_backend::cudarc::driver::PushKernelArg as _;
        use candle_core::cuda_backend::WrapErr as _;
        let kernel = $kernel;
        let mut builder = kernel.builder();
        $( builder.arg($argument); )+
        builder.launch($config).map(|_| ()).w()
    }};
}
pub(super) use launch;

/// Passes on the errors of CUDA's libraries.
pub(super) fn library<T, E: Into<CudaError>>(result: std::result::Result<T, E>) -> Result<T> {
    result.w()
}
