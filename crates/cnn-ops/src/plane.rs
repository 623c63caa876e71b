//! Operators that map every `[height, width]` plane on its own and linearly.
//!
//! Average pooling, resampling and padding all have this form, so the forward pass, the backward
//! pass (the adjoint) and the distribution over threads are written once.

use std::sync::Arc;

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

#[cfg(feature = "cuda")]
use crate::cuda::{Source, plane};
use crate::element::{Element, check_float, checked_count, dims4, elements, with_element};
use crate::error::Result;
use crate::parallel::vec_by_chunks;
#[cfg(any(feature = "cuda", test))]
use crate::taps::Taps;

/// A linear map from planes of one size to planes of another.
pub(crate) trait PlaneMap: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    fn input(&self) -> [usize; 2];
    fn output(&self) -> [usize; 2];
    /// Operations per plane, to decide whether threads pay.
    fn work(&self) -> usize;
    /// Writes all of `y`, which holds zeros.
    fn forward<T: Element>(&self, x: &[T], y: &mut [T]);
    /// Adds into `dx`, which holds zeros.
    fn adjoint<T: Element>(&self, dy: &[T], dx: &mut [T]);
    /// The map as the product of a map of rows and one of columns.
    #[cfg(any(feature = "cuda", test))]
    fn taps(&self) -> [Taps; 2];
}

/// Applies `map` to every plane of `x`, with a backward pass.
pub(crate) fn apply<M: PlaneMap>(x: &Tensor, map: M) -> Result<Tensor> {
    let op = map.name();
    check_float(op, "x", x)?;
    let [b, c, _, _] = dims4(op, "x", x)?;
    let [h, w] = map.output();
    checked_count(op, "the output", &[b, c, h, w])?;
    #[cfg(test)]
    tests::check_taps(&map);
    Ok(x.contiguous()?.apply_op1(Forward(Arc::new(map)))?)
}

/// The result of [`record`].
pub(crate) struct Recorded<M> {
    pub(crate) output: Tensor,
    pub(crate) back: Adjoint<M>,
}

/// Applies `map` to every plane of `x`, outside candle's graph.
pub(crate) fn record<M: PlaneMap>(x: &Tensor, map: M) -> Result<Recorded<M>> {
    let op = map.name();
    check_float(op, "x", x)?;
    let [b, c, _, _] = dims4(op, "x", x)?;
    let [h, w] = map.output();
    checked_count(op, "the output", &[b, c, h, w])?;
    let map = Arc::new(map);
    Ok(Recorded {
        output: x.contiguous()?.apply_op1_no_bwd(&Forward(map.clone()))?,
        back: Adjoint(map),
    })
}

impl<M: PlaneMap> Adjoint<M> {
    pub(crate) fn pull(&self, dy: &Tensor) -> candle_core::Result<Tensor> {
        dy.apply_op1_no_bwd(self)
    }
}

struct Forward<M>(Arc<M>);
pub(crate) struct Adjoint<M>(Arc<M>);

fn run<T: Element>(
    op: &'static str,
    storage: &CpuStorage,
    layout: &Layout,
    [h, w]: [usize; 2],
    work: usize,
    f: impl Fn(&[T], &mut [T]) + Send + Sync,
) -> candle_core::Result<(CpuStorage, Shape)> {
    let x = elements::<T>(op, storage, layout)?;
    let (b, c, in_h, in_w) = layout.shape().dims4()?;
    let y = vec_by_chunks(b * c * h * w, h * w, work.saturating_mul(b * c), |i, y| {
        f(&x[i * in_h * in_w..(i + 1) * in_h * in_w], y);
    });
    Ok((T::to_cpu_storage_owned(y), Shape::from((b, c, h, w))))
}

impl<M: PlaneMap> CustomOp1 for Forward<M> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let m = &self.0;
        with_element!(m.name(), s.dtype(), T => {
            run::<T>(m.name(), s, l, m.output(), m.work(), |x, y| m.forward(x, y))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s: &CudaStorage, l: &Layout) -> candle_core::Result<(CudaStorage, Shape)> {
        let (op, [rows, columns], x) = (self.0.name(), self.0.taps(), Source::new(s, l));
        let input = self.0.input();
        with_element!(op, s.dtype(), T => plane::apply::<T>(op, [&rows, &columns], input, x))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let op = Adjoint(self.0.clone());
        Ok(Some(grad.contiguous()?.apply_op1_no_bwd(&op)?))
    }
}

impl<M: PlaneMap> CustomOp1 for Adjoint<M> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let m = &self.0;
        with_element!(m.name(), s.dtype(), T => {
            run::<T>(m.name(), s, l, m.input(), m.work(), |dy, dx| m.adjoint(dy, dx))
        })
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, s: &CudaStorage, l: &Layout) -> candle_core::Result<(CudaStorage, Shape)> {
        let (op, [rows, columns], dy) = (self.0.name(), self.0.taps(), Source::new(s, l));
        let [h, w] = self.0.input();
        let (rows, columns) = (rows.transposed(h), columns.transposed(w));
        let output = self.0.output();
        with_element!(op, s.dtype(), T => plane::apply::<T>(op, [&rows, &columns], output, dy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernels compute from taps, in their order.
    fn separable([rows, columns]: [&Taps; 2], width: usize, x: &[f64]) -> Vec<f64> {
        let taps = |axis: &Taps, i: usize| -> Vec<(usize, f64)> {
            let range = axis.start[i] as usize..axis.start[i + 1] as usize;
            range
                .map(|t| (axis.source[t] as usize, axis.weight[t]))
                .collect()
        };
        let mut y = Vec::new();
        for r in 0..rows.len() {
            for c in 0..columns.len() {
                let line = |row: usize| -> f64 {
                    let terms = taps(columns, c);
                    terms.iter().map(|(s, w)| w * x[row * width + s]).sum()
                };
                y.push(taps(rows, r).iter().map(|&(s, w)| w * line(s)).sum());
            }
        }
        y
    }

    fn close(actual: &[f64], expected: &[f64]) {
        assert_eq!(actual.len(), expected.len());
        for (a, e) in actual.iter().zip(expected) {
            assert!((a - e).abs() < 1e-12, "{a} and {e}");
        }
    }

    /// Compares the taps of a map and their adjoint with its own two passes.
    pub(super) fn check_taps<M: PlaneMap>(map: &M) {
        let ([h, w], [oh, ow]) = (map.input(), map.output());
        let numbers = |n: usize| (0..n).map(|i| ((i * 7919 + 13) % 101) as f64 / 50.0 - 1.0);
        let (x, dy): (Vec<_>, Vec<_>) = (numbers(h * w).collect(), numbers(oh * ow).collect());
        let [rows, columns] = map.taps();
        assert!(rows.fits(h) && columns.fits(w));
        let mut y = vec![0.0; oh * ow];
        map.forward(&x, &mut y);
        close(&separable([&rows, &columns], w, &x), &y);
        let mut dx = vec![0.0; h * w];
        map.adjoint(&dy, &mut dx);
        let (rows, columns) = (rows.transposed(h), columns.transposed(w));
        assert!(rows.fits(oh) && columns.fits(ow));
        close(&separable([&rows, &columns], ow, &dy), &dx);
    }

    /// `apply` checks the taps of every map that the unit tests make.
    #[test]
    fn taps_are_the_maps() -> Result<()> {
        use crate::{Corners, CountPadding, Padding, PoolOptions};
        let padding = Padding {
            top: 1,
            bottom: 0,
            left: 2,
            right: 1,
        };
        for (h, w) in [(2, 1), (3, 4), (7, 5), (12, 9)] {
            let x = Tensor::zeros(
                (1, 1, h, w),
                candle_core::DType::F64,
                &candle_core::Device::Cpu,
            )?;
            let options = PoolOptions {
                ceil_mode: true,
                ..PoolOptions::square(3, 2).with_padding(padding)
            };
            crate::avg_pool2d(&x, &options, CountPadding::Include)?;
            crate::avg_pool2d(&x, &options, CountPadding::Exclude)?;
            crate::global_avg_pool2d(&x)?;
            crate::pad_zero(&x, padding)?;
            if w > 2 {
                crate::pad_reflect(&x, padding)?;
            }
            for output in [[1, 1], [2, 3], [6, 11], [24, 9]] {
                crate::adaptive_avg_pool2d(&x, output)?;
                crate::upsample_nearest2d(&x, output)?;
                crate::upsample_bilinear2d(&x, output, Corners::Align)?;
                crate::upsample_bilinear2d(&x, output, Corners::HalfPixel)?;
            }
        }
        Ok(())
    }
}
