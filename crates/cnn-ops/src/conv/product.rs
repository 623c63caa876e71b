//! Matrix products on strided views, over the `gemm` crate.
#![allow(unsafe_code)]

use gemm::{Parallelism, gemm};

use crate::element::Element;

/// Columns of the widest kernel of `gemm` on AVX-512, and how many more it should not be given.
const WIDE: usize = 64;
const FEW: usize = 16;

/// A read-only matrix inside a slice.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// Rows of `columns` elements that begin `row_stride` apart.
    pub(crate) fn new(data: &'a [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        Self {
            data,
            rows,
            columns,
            row_stride,
            column_stride: 1,
        }
    }

    pub(crate) fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// The first columns and the rest.
    fn split(self, columns: usize) -> (Self, Self) {
        let left = Self { columns, ..self };
        let from = (columns * self.column_stride).min(self.data.len());
        let right = Self {
            data: &self.data[from..],
            columns: self.columns - columns,
            ..self
        };
        (left, right)
    }

    pub(crate) fn fits(&self) -> bool {
        self.rows == 0
            || self.columns == 0
            || (self.rows - 1) * self.row_stride + (self.columns - 1) * self.column_stride
                < self.data.len()
    }
}

/// `dst = lhs·rhs`, or `dst += lhs·rhs` if `accumulate`.
///
/// Runs on the calling thread: the order of every sum depends on the sizes alone.
///
/// # Safety
///
/// `dst` points to `lhs.rows` rows of `rhs.columns` elements that begin `row_stride` apart, all
/// valid for writes, touched by no one else during the call, and initialised if `accumulate`.
pub(crate) unsafe fn multiply<T: Element>(
    dst: *mut T,
    row_stride: usize,
    lhs: Matrix<'_, T>,
    rhs: Matrix<'_, T>,
    accumulate: bool,
) {
    assert!(lhs.fits() && rhs.fits() && lhs.columns == rhs.rows);
    // The last few columns cost `gemm` as much as four times as many; a kernel of our own takes them.
    let few = rhs.columns % WIDE;
    let rhs = if rhs.columns > few && (1..=FEW).contains(&few) && lhs.columns > 0 {
        let (left, right) = rhs.split(rhs.columns - few);
        // SAFETY: the last columns of the caller's destination.
        let done =
            unsafe { T::multiply_few(dst.add(left.columns), row_stride, lhs, right, accumulate) };
        if done { left } else { rhs }
    } else {
        rhs
    };
    // SAFETY: both operands lie inside their slices (checked), the destination is the caller's
    // promise; gemm reads `dst` only where `read_dst` is set.
    unsafe {
        gemm(
            lhs.rows,
            rhs.columns,
            lhs.columns,
            dst,
            1,
            row_stride as isize,
            accumulate,
            lhs.data.as_ptr(),
            lhs.column_stride as isize,
            lhs.row_stride as isize,
            rhs.data.as_ptr(),
            rhs.column_stride as isize,
            rhs.row_stride as isize,
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
