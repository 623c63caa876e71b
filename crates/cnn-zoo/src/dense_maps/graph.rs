//! The steps of a block as candle's graph sees them.

use std::sync::{Arc, Mutex};

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Device, Layout, Shape};
use candle_core::{Result, Tensor};

use super::buffer::{Buffer, Scale};
use super::{lock, with_values};
use crate::in_place::slice;

/// What stands for the maps in the graph.
fn token() -> (CpuStorage, Shape) {
    (CpuStorage::F32(vec![0.0]), Shape::from(1))
}

/// Maps that were put into the buffer.
pub(super) struct Piece {
    pub(super) buffer: Arc<Mutex<Buffer>>,
    pub(super) from: usize,
    pub(super) maps: usize,
}

impl Piece {
    fn gradient(&self, of: &Tensor) -> Result<Tensor> {
        let taken = lock(&self.buffer).take_gradient(self.from, self.maps);
        Tensor::from_vec(taken, of.dims(), &Device::Cpu)
    }
}

impl CustomOp1 for Piece {
    fn name(&self) -> &'static str {
        "dense_maps"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok(token())
    }

    fn bwd(&self, first: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.gradient(first)?))
    }
}

impl CustomOp2 for Piece {
    fn name(&self) -> &'static str {
        "dense_maps_push"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok(token())
    }

    fn bwd(
        &self,
        _: &Tensor,
        new: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(grad.clone()), Some(self.gradient(new)?)))
    }
}

/// Batch norm and ReLU of the first maps.
pub(super) struct Read {
    pub(super) buffer: Arc<Mutex<Buffer>>,
    pub(super) maps: usize,
    pub(super) size: [usize; 2],
    pub(super) epsilon: f64,
}

impl Read {
    /// `1/√(variance + ε)` and the affine map, per map and ghost batch.
    fn scales(
        &self,
        buffer: &Buffer,
        gamma: &[f32],
        beta: &[f32],
    ) -> (Vec<Vec<Scale>>, Vec<Vec<f64>>) {
        let maps = buffer.moments.iter().take(self.maps);
        maps.zip(gamma.iter().zip(beta))
            .map(|(moments, (&gamma, &beta))| {
                moments
                    .iter()
                    .map(|m| {
                        let root = (m.variance + self.epsilon).sqrt();
                        let rstd = if root > 0.0 { root.recip() } else { 0.0 };
                        let scale = Scale {
                            mean: m.mean as f32,
                            scale: (f64::from(gamma) * rstd) as f32,
                            beta,
                        };
                        (scale, rstd)
                    })
                    .unzip()
            })
            .unzip()
    }
}

impl CustomOp3 for Read {
    fn name(&self) -> &'static str {
        "dense_maps_read"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let buffer = lock(&self.buffer);
        let (scales, _) = self.scales(&buffer, slice(s2, l2)?, slice(s3, l3)?);
        if scales.len() != self.maps {
            candle_core::bail!("{} channels of a norm for {} maps", scales.len(), self.maps);
        }
        let y = buffer.rectified(self.maps, |map, ghost| scales[map][ghost]);
        let [height, width] = self.size;
        let shape = (buffer.images, self.maps, height, width);
        Ok((CpuStorage::F32(y), Shape::from(shape)))
    }

    fn bwd(
        &self,
        token: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (g, b) = (gamma.to_vec1::<f32>()?, beta.to_vec1::<f32>()?);
        let mut buffer = lock(&self.buffer);
        let (scales, rstd) = self.scales(&buffer, &g, &b);
        let [dgamma, dbeta] = with_values(grad, |dy| buffer.add_gradient(dy, &scales, &rstd))?;
        let vector = |values| Tensor::from_vec(values, self.maps, &Device::Cpu);
        Ok((
            Some(token.zeros_like()?),
            Some(vector(dgamma)?),
            Some(vector(dbeta)?),
        ))
    }
}
