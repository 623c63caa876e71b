//! Matrix products of row-major matrices with cuBLAS.
#![allow(unsafe_code)]

use candle_core::cuda_backend::cudarc::cublas::sys::cublasOperation_t::{CUBLAS_OP_N, CUBLAS_OP_T};
use candle_core::cuda_backend::cudarc::cublas::{GemmConfig, StridedBatchedConfig};
use candle_core::cuda_backend::cudarc::driver::{CudaView, CudaViewMut};
use candle_core::{CudaDevice, Result};

use super::launch::{DeviceElement, int, library, mismatch};

/// How the matrices of a batch lie in memory.
#[derive(Clone, Copy)]
pub(super) struct Matrices {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Elements from row to row.
    pub(super) pitch: usize,
    /// Elements from matrix to matrix; 0 takes the same one every time.
    pub(super) step: usize,
    /// Whether the product takes the matrix transposed. `rows` and `columns` are those in memory.
    pub(super) transposed: bool,
}

impl Matrices {
    pub(super) fn new(rows: usize, columns: usize, pitch: usize, step: usize) -> Self {
        Self {
            rows,
            columns,
            pitch,
            step,
            transposed: false,
        }
    }

    pub(super) fn transposed(self) -> Self {
        Self {
            transposed: true,
            ..self
        }
    }

    /// Rows and columns of the factor.
    fn factor(&self) -> [usize; 2] {
        if self.transposed {
            [self.columns, self.rows]
        } else {
            [self.rows, self.columns]
        }
    }

    /// Elements from the first to behind the last.
    fn reach(&self, batch: usize) -> usize {
        if batch == 0 || self.rows == 0 || self.columns == 0 {
            return 0;
        }
        (batch - 1) * self.step + (self.rows - 1) * self.pitch + self.columns
    }
}

/// `c = a·b`, or `c += a·b`, for `batch` pairs of matrices.
#[derive(Clone, Copy)]
pub(super) struct Product {
    pub(super) op: &'static str,
    pub(super) batch: usize,
    pub(super) a: Matrices,
    pub(super) b: Matrices,
    pub(super) c: Matrices,
    pub(super) accumulate: bool,
}

impl Product {
    pub(super) fn run<T: DeviceElement>(
        &self,
        device: &CudaDevice,
        a: &CudaView<'_, T>,
        b: &CudaView<'_, T>,
        c: &mut CudaViewMut<'_, T>,
    ) -> Result<()> {
        let op = self.op;
        let ([m, k], [inner, n]) = (self.a.factor(), self.b.factor());
        if k != inner || [m, n] != [self.c.rows, self.c.columns] || self.c.transposed {
            return Err(mismatch(op, "the columns of a factor", k, inner));
        }
        for (matrices, length) in [(self.a, a.len()), (self.b, b.len()), (self.c, c.len())] {
            let reach = matrices.reach(self.batch);
            if reach > length {
                return Err(mismatch(op, "a matrix", length, reach));
            }
        }
        if m == 0 || n == 0 || k == 0 || self.batch == 0 {
            return Ok(());
        }
        let size = |what, value| int(op, what, value);
        let operation = |matrices: Matrices| {
            if matrices.transposed {
                CUBLAS_OP_T
            } else {
                CUBLAS_OP_N
            }
        };
        // cuBLAS reads columns where the rows lie here, so it is asked for cᵀ = bᵀ·aᵀ.
        let config = StridedBatchedConfig {
            gemm: GemmConfig {
                transa: operation(self.b),
                transb: operation(self.a),
                m: size("a side of a product", n)?,
                n: size("a side of a product", m)?,
                k: size("a side of a product", k)?,
                alpha: T::ONE,
                lda: size("a row of a matrix", self.b.pitch)?,
                ldb: size("a row of a matrix", self.a.pitch)?,
                beta: if self.accumulate { T::ONE } else { T::ZERO },
                ldc: size("a row of a matrix", self.c.pitch)?,
            },
            batch_size: size("the batch", self.batch)?,
            stride_a: self.b.step as i64,
            stride_b: self.a.step as i64,
            stride_c: self.c.step as i64,
        };
        // SAFETY: all three lie inside their views, as just checked.
        library(unsafe { T::gemm(&device.cublas_handle(), config, b, a, c) })
    }
}
