//! Batch norm and ReLU over the maps of a block in training.

use std::sync::{Arc, Mutex};

use candle_core::{Device, Result, Tensor};

use super::buffer::{Buffer, Scale};
use super::lock;

/// Batch norm and ReLU of the first maps.
pub(super) struct Read {
    pub(super) buffer: Arc<Mutex<Buffer>>,
    pub(super) maps: usize,
    pub(super) size: [usize; 2],
    pub(super) epsilon: f64,
    pub(super) gamma: Tensor,
    pub(super) beta: Tensor,
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

    pub(super) fn output(&self) -> Result<Tensor> {
        let buffer = lock(&self.buffer);
        let (gamma, beta) = (self.gamma.to_vec1::<f32>()?, self.beta.to_vec1::<f32>()?);
        let (scales, _) = self.scales(&buffer, &gamma, &beta);
        if scales.len() != self.maps {
            candle_core::bail!("{} channels of a norm for {} maps", scales.len(), self.maps);
        }
        let y = buffer.rectified(self.maps, |map, ghost| scales[map][ghost]);
        let [height, width] = self.size;
        Tensor::from_vec(y, (buffer.images, self.maps, height, width), &Device::Cpu)
    }

    /// Hands the gradient on to the buffer and gives those of γ and β.
    pub(super) fn back(&self, dy: &[f32]) -> Result<Vec<Option<Tensor>>> {
        let (gamma, beta) = (self.gamma.to_vec1::<f32>()?, self.beta.to_vec1::<f32>()?);
        let mut buffer = lock(&self.buffer);
        let (scales, rstd) = self.scales(&buffer, &gamma, &beta);
        let found = buffer.add_gradient(dy, &scales, &rstd);
        let vector = |values| Tensor::from_vec(values, self.maps, &Device::Cpu).map(Some);
        found.into_iter().map(vector).collect()
    }
}
