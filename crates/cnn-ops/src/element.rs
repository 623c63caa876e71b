//! Element types and views into candle's CPU storage.
#![allow(unsafe_code)]

use std::cell::RefCell;

use candle_core::{CpuStorage, DType, Layout, Tensor, WithDType};

use crate::conv::panels::{self, multiply_columns};
use crate::conv::{Epilogue, Geometry, Matrix, winograd, winograd_line};
use crate::error::{Error, Result};

/// `f32` or `f64`.
pub(crate) trait Element: WithDType + Default + std::iter::Sum {
    const ZERO: Self;
    const ONE: Self;
    const NEG_INFINITY: Self;
    fn is_nan(self) -> bool;
    fn fused_mul_add(self, a: Self, b: Self) -> Self;
    /// The convolution by an algorithm that only this type has, where that pays.
    fn convolve(_: &Geometry, _: &[Self], _: &[Self], _: Epilogue<'_, Self>) -> Option<Vec<Self>> {
        None
    }
    /// `dst = lhs·rhs` or `dst += lhs·rhs` where this type has a kernel for so few columns.
    ///
    /// # Safety
    ///
    /// As [`multiply_columns`].
    unsafe fn multiply_few(
        _: *mut Self,
        _: usize,
        _: Matrix<'_, Self>,
        _: Matrix<'_, Self>,
        _: bool,
    ) -> bool {
        false
    }
    /// Lends a buffer of this thread; its contents are whatever the last user left.
    fn with_scratch<R>(length: usize, f: impl FnOnce(&mut [Self]) -> R) -> R;
}

/// Buffers longer than this are given back instead of kept for the next call (16 MiB of `f32`).
const KEEP_SCRATCH: usize = 1 << 22;

/// Bytes of a cache line, to which buffers are aligned.
const ALIGNMENT: usize = 64;

macro_rules! lend_scratch {
    ($t:ty, $length:expr, $f:expr) => {{
        thread_local! {
            static SCRATCH: RefCell<Vec<Vec<$t>>> = const { RefCell::new(Vec::new()) };
        }
        // Taken off the stack while lent, so that a nested call gets another buffer.
        let mut buffer = SCRATCH.with_borrow_mut(Vec::pop).unwrap_or_default();
        if buffer.len() < $length + ALIGNMENT {
            buffer.clear();
            buffer.resize($length + ALIGNMENT, 0.0);
        }
        // Vectors that straddle cache lines load at half the speed.
        let start = buffer.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        let result = $f(&mut buffer[start..start + $length]);
        if buffer.len() <= KEEP_SCRATCH {
            SCRATCH.with_borrow_mut(|buffers| buffers.push(buffer));
        }
        result
    }};
}

impl Element for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NEG_INFINITY: Self = f32::NEG_INFINITY;
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.is_nan()
    }
    #[inline(always)]
    fn fused_mul_add(self, a: Self, b: Self) -> Self {
        self.mul_add(a, b)
    }
    fn convolve(
        g: &Geometry,
        x: &[Self],
        w: &[Self],
        epilogue: Epilogue<'_, Self>,
    ) -> Option<Vec<Self>> {
        if winograd::suits(g) {
            Some(winograd::convolve(g, x, w, epilogue))
        } else if winograd_line::suits(g) {
            winograd_line::convolve(g, x, w, epilogue)
        } else {
            None
        }
    }
    unsafe fn multiply_few(
        dst: *mut Self,
        row_stride: usize,
        lhs: Matrix<'_, Self>,
        rhs: Matrix<'_, Self>,
        accumulate: bool,
    ) -> bool {
        let suits = panels::available() && lhs.column_stride == 1 && rhs.column_stride == 1;
        if suits {
            // SAFETY: the caller's promise.
            unsafe { multiply_columns(dst, row_stride, lhs, rhs, accumulate) };
        }
        suits
    }
    fn with_scratch<R>(length: usize, f: impl FnOnce(&mut [Self]) -> R) -> R {
        lend_scratch!(f32, length, f)
    }
}

impl Element for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NEG_INFINITY: Self = f64::NEG_INFINITY;
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.is_nan()
    }
    #[inline(always)]
    fn fused_mul_add(self, a: Self, b: Self) -> Self {
        self.mul_add(a, b)
    }
    fn with_scratch<R>(length: usize, f: impl FnOnce(&mut [Self]) -> R) -> R {
        lend_scratch!(f64, length, f)
    }
}

/// The elements of a contiguous tensor.
pub(crate) fn elements<'a, T: Element>(
    op: &'static str,
    storage: &'a CpuStorage,
    layout: &Layout,
) -> candle_core::Result<&'a [T]> {
    let all = T::cpu_storage_as_slice(storage)?;
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or(candle_core::Error::RequiresContiguous { op })?;
    all.get(start..end)
        .ok_or(candle_core::Error::RequiresContiguous { op })
}

/// Runs `$body` with `$t` bound to the element type of `$dtype`.
macro_rules! with_element {
    ($op:expr, $dtype:expr, $t:ident => $body:expr) => {{
        #[allow(unused_imports)]
        use candle_core::{WithDType as _, backend::BackendStorage as _};
        match $dtype {
            candle_core::DType::F32 => {
                type $t = f32;
                $body
            }
            candle_core::DType::F64 => {
                type $t = f64;
                $body
            }
            other => Err(candle_core::Error::UnsupportedDTypeForOp(other, $op)),
        }
    }};
}
pub(crate) use with_element;

/// Checks that a tensor is one of `f32` or `f64` on a device that the operators run on.
pub(crate) fn check_float(op: &'static str, argument: &'static str, x: &Tensor) -> Result<()> {
    let runs = x.device().is_cpu() || (cfg!(feature = "cuda") && x.device().is_cuda());
    if !runs {
        return Err(Error::UnsupportedDevice {
            op,
            device: x.device().location(),
        });
    }
    match x.dtype() {
        DType::F32 | DType::F64 => Ok(()),
        actual => Err(Error::UnsupportedDType {
            op,
            argument,
            expected: "F32 or F64",
            actual,
        }),
    }
}

/// Checks that two tensors have the same element type and device.
pub(crate) fn check_same(
    op: &'static str,
    left_name: &'static str,
    left: &Tensor,
    right_name: &'static str,
    right: &Tensor,
) -> Result<()> {
    if !left.device().same_device(right.device()) {
        return Err(Error::DeviceMismatch {
            op,
            left_name,
            left: left.device().location(),
            right_name,
            right: right.device().location(),
        });
    }
    if left.dtype() != right.dtype() {
        return Err(Error::DTypeMismatch {
            op,
            left_name,
            left: left.dtype(),
            right_name,
            right: right.dtype(),
        });
    }
    Ok(())
}

/// The dimensions of a `[batch, channel, height, width]` tensor.
pub(crate) fn dims4(op: &'static str, argument: &'static str, x: &Tensor) -> Result<[usize; 4]> {
    <[usize; 4]>::try_from(x.dims()).map_err(|_| Error::Rank {
        op,
        argument,
        expected: 4,
        actual: x.dims().to_vec(),
    })
}

/// The dimensions of a two-dimensional tensor.
pub(crate) fn dims2(op: &'static str, argument: &'static str, x: &Tensor) -> Result<[usize; 2]> {
    <[usize; 2]>::try_from(x.dims()).map_err(|_| Error::Rank {
        op,
        argument,
        expected: 2,
        actual: x.dims().to_vec(),
    })
}

/// Checks that a tensor is a vector of `length` elements.
pub(crate) fn check_vector(
    op: &'static str,
    argument: &'static str,
    x: &Tensor,
    length: usize,
    other_name: &'static str,
    other: &[usize],
) -> Result<()> {
    if x.dims() == [length] {
        return Ok(());
    }
    Err(Error::ShapeMismatch {
        op,
        left_name: argument,
        left: x.dims().to_vec(),
        right_name: other_name,
        right: other.to_vec(),
    })
}

/// No tensor may have more elements (256 GiB of `f32`); asking for more is a mistake in an option.
const LARGEST: usize = 1 << 36;

/// Number of elements of a shape (zeros counting as ones), at most [`LARGEST`].
pub(crate) fn checked_count(
    op: &'static str,
    what: &'static str,
    shape: &[usize],
) -> Result<usize> {
    let count = shape
        .iter()
        .try_fold(1usize, |n, &d| n.checked_mul(d.max(1)))
        .filter(|&n| n <= LARGEST);
    count.ok_or_else(|| Error::Overflow {
        op,
        what,
        shape: shape.to_vec(),
    })
}
