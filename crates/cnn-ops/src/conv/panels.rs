//! Matrix products on operands that lie as the convolutions lay them: no repacking, and sums that
//! stay in registers from the first product to the last.
//!
//! The right operand is cut into panels of at most three vectors of columns. A kernel multiplies
//! some rows of the left operand, read element by element, with one panel: 8 rows by 3 vectors,
//! 12 by 2, or 24 by 1, so that 24 registers hold the sums. AVX-512 only; elsewhere the products go
//! through [`super::product`].
#![allow(unsafe_code)]

use super::product::{Matrix, multiply};
use crate::simd::Level;
use crate::vector::LANES;

/// Vectors of the widest panel.
const WIDEST: usize = 3;

/// Columns `first..first + 16·vectors` of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Panel {
    first: usize,
    vectors: usize,
}

/// Cuts columns into panels of three vectors, and two or fewer where that leaves no single one.
fn panels(columns: usize) -> impl Iterator<Item = Panel> + Clone {
    let total = columns.div_ceil(LANES);
    let wide = match total % WIDEST {
        0 | 2 => total / WIDEST,
        _ => (total / WIDEST).saturating_sub(1),
    };
    let rest = total - wide * WIDEST;
    let narrow = if rest == 1 { 1 } else { 2 };
    let wides = (0..wide).map(|i| Panel {
        first: i * WIDEST * LANES,
        vectors: WIDEST,
    });
    let narrows = (0..rest / narrow).map(move |i| Panel {
        first: (wide * WIDEST + i * narrow) * LANES,
        vectors: narrow,
    });
    wides.chain(narrows)
}

/// Whether this machine runs the kernels of this module.
pub(crate) fn available() -> bool {
    cfg!(target_arch = "x86_64") && Level::detect().is_avx512()
}

/// `dst = lhs·rhs`, or `dst += lhs·rhs` if `accumulate`; both operands in rows without gaps.
///
/// The order of every sum depends on the sizes alone: over the rows of `rhs`, one after the other.
///
/// # Safety
///
/// `dst` points to `lhs.rows` rows of `rhs.columns` elements that begin `row_stride` apart, all
/// valid for writes, touched by no one else during the call, and initialised if `accumulate`.
pub(crate) unsafe fn multiply_columns(
    dst: *mut f32,
    row_stride: usize,
    lhs: Matrix<'_, f32>,
    rhs: Matrix<'_, f32>,
    accumulate: bool,
) {
    assert!(lhs.fits() && rhs.fits() && lhs.columns == rhs.rows);
    assert!(lhs.column_stride == 1 && rhs.column_stride == 1);
    if lhs.rows == 0 || rhs.columns == 0 {
        return;
    }
    #[cfg(target_arch = "x86_64")]
    if available() {
        // SAFETY: the machine has the instructions; the operands lie inside their slices.
        unsafe { avx512::multiply(dst, row_stride, lhs, rhs, accumulate) };
        return;
    }
    // SAFETY: the caller's promise.
    unsafe { multiply(dst, row_stride, lhs, rhs, accumulate) };
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::*;

    use super::{LANES, Matrix, Panel, panels};

    /// Operands of one block of the product.
    struct Block {
        depth: usize,
        /// Rows of the left operand.
        lhs: *const f32,
        lhs_stride: usize,
        /// A panel of the right operand.
        rhs: *const f32,
        rhs_stride: usize,
        dst: *mut f32,
        dst_stride: usize,
        /// What is fetched into the second-level cache meanwhile: `lines` cache lines every step.
        ahead: *const f32,
        lines: usize,
        /// Lanes of the last vector that exist.
        mask: __mmask16,
        accumulate: bool,
    }

    /// Steps of a kernel's loop that are written out.
    const UNROLL: usize = 4;

    type Kernel = unsafe fn(&Block);

    /// `R` rows by `V` vectors.
    ///
    /// # Safety
    ///
    /// The machine has AVX-512; the pointers of the block reach `R` rows of `depth` elements, `depth` rows of
    /// `V` vectors, and `R` rows of `V` vectors; of the last vector, the lanes of the mask.
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma")]
    #[expect(
        clippy::needless_range_loop,
        reason = "the compiler writes counted loops out"
    )]
    unsafe fn block<const R: usize, const V: usize>(b: &Block) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = [[_mm512_setzero_ps(); V]; R];
            if b.accumulate {
                for r in 0..R {
                    sums[r] = load::<V>(b.dst.add(r * b.dst_stride), b.mask);
                }
            }
            let (mut lhs, mut rhs) = (b.lhs, b.rhs);
            // Several steps at a time: pointer arithmetic takes turns with the products.
            let mut ahead = b.ahead;
            for _ in 0..b.depth / UNROLL {
                for _ in 0..b.lines {
                    _mm_prefetch::<_MM_HINT_T1>(ahead.cast());
                    ahead = ahead.wrapping_add(LANES);
                }
                for u in 0..UNROLL {
                    let x = load::<V>(rhs, b.mask);
                    for r in 0..R {
                        let w = _mm512_set1_ps(*lhs.add(r * b.lhs_stride + u));
                        for v in 0..V {
                            sums[r][v] = _mm512_fmadd_ps(w, x[v], sums[r][v]);
                        }
                    }
                    rhs = rhs.wrapping_add(b.rhs_stride);
                }
                lhs = lhs.wrapping_add(UNROLL);
            }
            for _ in 0..b.depth % UNROLL {
                let x = load::<V>(rhs, b.mask);
                for r in 0..R {
                    let w = _mm512_set1_ps(*lhs.add(r * b.lhs_stride));
                    for v in 0..V {
                        sums[r][v] = _mm512_fmadd_ps(w, x[v], sums[r][v]);
                    }
                }
                lhs = lhs.wrapping_add(1);
                rhs = rhs.wrapping_add(b.rhs_stride);
            }
            for r in 0..R {
                let row = b.dst.add(r * b.dst_stride);
                for v in 0..V {
                    if v + 1 == V {
                        _mm512_mask_storeu_ps(row.add(v * LANES), b.mask, sums[r][v]);
                    } else {
                        _mm512_storeu_ps(row.add(v * LANES), sums[r][v]);
                    }
                }
            }
        }
    }

    /// `V` vectors, of the last one the lanes of the mask.
    ///
    /// # Safety
    ///
    /// As [`block`].
    #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma")]
    #[inline]
    #[expect(clippy::needless_range_loop, reason = "as above")]
    unsafe fn load<const V: usize>(from: *const f32, mask: __mmask16) -> [__m512; V] {
        // SAFETY: the caller's promise.
        unsafe {
            let mut x = [_mm512_setzero_ps(); V];
            for v in 0..V {
                x[v] = if v + 1 == V {
                    _mm512_maskz_loadu_ps(mask, from.add(v * LANES))
                } else {
                    _mm512_loadu_ps(from.add(v * LANES))
                };
            }
            x
        }
    }

    macro_rules! kernels {
        ($vectors:literal: $($rows:literal)*) => { [$(block::<$rows, $vectors>),*] };
    }

    /// Kernels of one row upwards.
    static WIDE: [Kernel; 8] = kernels!(3: 1 2 3 4 5 6 7 8);
    static MIDDLE: [Kernel; 12] = kernels!(2: 1 2 3 4 5 6 7 8 9 10 11 12);
    static NARROW: [Kernel; 24] =
        kernels!(1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24);

    /// # Safety
    ///
    /// As [`super::multiply_columns`]; the operands fit their slices and the machine has AVX-512.
    pub(super) unsafe fn multiply(
        dst: *mut f32,
        row_stride: usize,
        lhs: Matrix<'_, f32>,
        rhs: Matrix<'_, f32>,
        accumulate: bool,
    ) {
        let all = panels(rhs.columns);
        for (vectors, kernels) in [(3, &WIDE[..]), (2, &MIDDLE[..]), (1, &NARROW[..])] {
            let panels = all.clone().filter(|p| p.vectors == vectors);
            let count = panels.clone().count();
            if count == 0 {
                continue;
            }
            // Rows in blocks that differ by one at most.
            let blocks = lhs.rows.div_ceil(kernels.len());
            for i in 0..blocks {
                let (from, to) = (i * lhs.rows / blocks, (i + 1) * lhs.rows / blocks);
                let kernel = kernels[to - from - 1];
                // The rows of the next block, where they lie without gaps, a part at each panel.
                let lines = if lhs.row_stride == lhs.columns && to < lhs.rows {
                    ((to - from) * UNROLL).div_ceil(LANES * count)
                } else {
                    0
                };
                for (p, panel) in panels.clone().enumerate() {
                    let fetched = p * (rhs.rows / UNROLL) * lines * LANES;
                    let block = Block {
                        depth: rhs.rows,
                        lhs: lhs.data.as_ptr().wrapping_add(from * lhs.row_stride),
                        lhs_stride: lhs.row_stride,
                        rhs: rhs.data.as_ptr().wrapping_add(panel.first),
                        rhs_stride: rhs.row_stride,
                        dst: dst.wrapping_add(from * row_stride + panel.first),
                        dst_stride: row_stride,
                        ahead: lhs
                            .data
                            .as_ptr()
                            .wrapping_add(to * lhs.row_stride + fetched),
                        lines,
                        mask: mask(panel, rhs.columns),
                        accumulate,
                    };
                    // SAFETY: rows `from..to` and the panel lie inside the operands, the
                    // destination has as many rows and columns.
                    unsafe { kernel(&block) };
                }
            }
        }
    }

    /// Lanes of a panel's last vector that are columns of the matrix.
    fn mask(panel: Panel, columns: usize) -> __mmask16 {
        let before = panel.first + (panel.vectors - 1) * LANES;
        match columns.saturating_sub(before) {
            n if n >= LANES => !0,
            n => (1 << n) - 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_cover_the_columns() {
        for columns in 0..400 {
            let mut next = 0;
            for p in panels(columns) {
                assert_eq!(p.first, next);
                assert!((1..=WIDEST).contains(&p.vectors));
                next += p.vectors * LANES;
            }
            assert_eq!(next, columns.next_multiple_of(LANES));
        }
    }

    /// Whole numbers: every order of summation gives the same.
    #[test]
    fn products_are_those_of_the_definition_and_touch_nothing_else() {
        let number = |i: usize| (i * 37 % 11) as f32 - 5.0;
        for (rows, depth, columns) in (1..30).map(|i| (i, 1 + i % 5, 1 + i * 7 % 130)).chain([
            (3, 0, 20),
            (8, 40, 48),
            (13, 9, 196),
            (25, 3, 16),
            (5, 7, 64),
        ]) {
            let (lhs_stride, dst_stride) = (depth + 3, columns + 2);
            let a: Vec<f32> = (0..rows * lhs_stride).map(number).collect();
            let lhs = Matrix::new(&a, rows, depth, lhs_stride);
            let element = |k: usize, j: usize| number(k * 1009 + j * 31);
            // Nothing behind the last element: what lies there must not be read.
            let width = columns + 5;
            let b: Vec<f32> = (0..(depth * width).saturating_sub(5))
                .map(|i| element(i / width, i % width))
                .collect();
            let rhs = Matrix::new(&b, depth, columns, width);
            let mut dst = vec![0.5; rows * dst_stride];
            for accumulate in [false, true] {
                // SAFETY: `dst` has `rows` rows of `dst_stride` elements.
                unsafe { multiply_columns(dst.as_mut_ptr(), dst_stride, lhs, rhs, accumulate) };
                let times = if accumulate { 2.0 } else { 1.0 };
                for (i, dst) in dst.chunks(dst_stride).enumerate() {
                    for (j, &d) in dst.iter().enumerate() {
                        let sum = (0..depth)
                            .map(|k| a[i * lhs_stride + k] * element(k, j))
                            .sum::<f32>();
                        let expected = if j < columns { times * sum } else { 0.5 };
                        assert_eq!(d, expected, "{rows}×{depth}×{columns} at {i}, {j}");
                    }
                }
            }
        }
    }
}
