//! The maps of a dense block in one buffer, to which every layer appends its own.
//!
//! Joining the maps anew for every layer would copy all of them as often as there are layers.
//! Here a layer's batch norm and ReLU read the maps where they are, with statistics that each
//! map needs only once, and in training every layer adds its gradient into one buffer beside
//! them. candle's graph carries a token instead of the joined maps: it orders the steps.

mod buffer;
mod graph;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{Device, Result, Tensor};

use crate::tape::{Gradient, Map, step, with_values};
use buffer::{Buffer, Moments, Scale};
use graph::Read;

/// Maps to which a dense block appends.
pub(crate) struct DenseMaps {
    buffer: Arc<Mutex<Buffer>>,
    maps: usize,
    size: [usize; 2],
    trains: bool,
    /// Orders the steps in candle's graph; absent where nothing is tracked.
    token: Option<Tensor>,
}

/// What a batch norm reads.
pub(crate) struct Normalised {
    pub(crate) output: Map,
    /// Mean over the ghost batches of their means and unbiased variances.
    pub(crate) mean: Vec<f32>,
    pub(crate) variance: Vec<f32>,
}

/// The step that put maps into the buffer: their gradient comes from there.
fn put(
    buffer: &Arc<Mutex<Buffer>>,
    before: Option<&Tensor>,
    new: &Map,
    from: usize,
    maps: usize,
) -> Result<Option<Tensor>> {
    let (buffer, to) = (buffer.clone(), new.gradient());
    let tokens: Vec<&Tensor> = before.into_iter().chain(new.token()).collect();
    step(&tokens, &[], move || {
        if let Some(to) = &to {
            to.add(lock(&buffer).take_gradient(from, maps))?;
        }
        Ok(Vec::new())
    })
}

fn lock(buffer: &Mutex<Buffer>) -> MutexGuard<'_, Buffer> {
    buffer.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DenseMaps {
    /// A buffer that will hold `total` maps and holds those of `first`; `ghosts` are the ghost
    /// batches of training, `None` means inference.
    pub(crate) fn new(first: &Map, total: usize, ghosts: Option<&[usize]>) -> Result<Self> {
        let (images, maps, height, width) = first.dims4()?;
        let lengths = ghosts.map_or_else(|| vec![images], <[usize]>::to_vec);
        let ghost_of = lengths
            .iter()
            .enumerate()
            .flat_map(|(ghost, &length)| std::iter::repeat_n(ghost, length))
            .collect();
        let mut buffer = Buffer {
            images,
            total,
            pixels: height * width,
            ghost_of,
            ghosts: lengths,
            values: vec![0.0; images * total * height * width],
            gradient: Vec::new(),
            moments: Vec::new(),
        };
        with_values(first.value(), |values| {
            buffer.append(0, values, ghosts.is_some())
        })?;
        let buffer = Arc::new(Mutex::new(buffer));
        let token = match ghosts {
            Some(_) => put(&buffer, None, first, 0, maps)?,
            None => None,
        };
        Ok(Self {
            buffer,
            maps,
            size: [height, width],
            trains: ghosts.is_some(),
            token,
        })
    }

    /// Pixels of a map.
    pub(crate) fn pixels(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Images of the batch.
    pub(crate) fn images(&self) -> usize {
        lock(&self.buffer).images
    }

    /// Appends maps.
    pub(crate) fn push(&mut self, new: &Map) -> Result<()> {
        let (_, maps, _, _) = new.dims4()?;
        let from = self.maps;
        with_values(new.value(), |values| {
            lock(&self.buffer).append(from, values, self.trains);
        })?;
        if self.trains {
            self.token = put(&self.buffer, self.token.as_ref(), new, from, maps)?;
        }
        self.maps += maps;
        Ok(())
    }

    /// The maps so far as one tensor, without a graph.
    pub(crate) fn to_tensor(&self) -> Result<Tensor> {
        let buffer = lock(&self.buffer);
        let mut values = Vec::with_capacity(buffer.images * self.maps * buffer.pixels);
        for image in 0..buffer.images {
            let start = image * buffer.total * buffer.pixels;
            let own = buffer.values.get(start..start + self.maps * buffer.pixels);
            values.extend_from_slice(own.unwrap_or_default());
        }
        let [height, width] = self.size;
        let shape = (buffer.images, self.maps, height, width);
        Tensor::from_vec(values, shape, &Device::Cpu)
    }

    /// Batch norm with given statistics and ReLU, without a graph.
    pub(crate) fn evaluate(
        &self,
        gamma: Option<&Tensor>,
        [beta, mean, variance]: [&Tensor; 3],
        epsilon: f64,
    ) -> Result<Tensor> {
        let vector = |t: &Tensor| t.detach().to_vec1::<f32>();
        let gamma = gamma.map(vector).transpose()?;
        let (beta, mean, variance) = (vector(beta)?, vector(mean)?, vector(variance)?);
        let scales: Vec<Scale> = (0..self.maps)
            .map(|map| Scale {
                mean: mean[map],
                scale: (gamma.as_ref().map_or(1.0, |g| f64::from(g[map]))
                    / (f64::from(variance[map]) + epsilon).sqrt()) as f32,
                beta: beta[map],
            })
            .collect();
        let buffer = lock(&self.buffer);
        let values = buffer.rectified(self.maps, |map, _| scales[map]);
        let [height, width] = self.size;
        let shape = (buffer.images, self.maps, height, width);
        Tensor::from_vec(values, shape, &Device::Cpu)
    }

    /// Batch norm with the batch's statistics and ReLU.
    pub(crate) fn train(&self, gamma: &Tensor, beta: &Tensor, epsilon: f64) -> Result<Normalised> {
        if !self.trains {
            candle_core::bail!("the maps were made for inference");
        }
        let (mut mean, mut variance) = (Vec::new(), Vec::new());
        {
            let buffer = lock(&self.buffer);
            let parts = buffer.ghosts.len() as f64;
            for moments in &buffer.moments {
                let of = |f: &dyn Fn(&Moments, f64) -> f64| -> f32 {
                    let sum: f64 = moments
                        .iter()
                        .zip(&buffer.ghosts)
                        .map(|(m, &images)| f(m, (images * buffer.pixels) as f64))
                        .sum();
                    (sum / parts) as f32
                };
                mean.push(of(&|m, _| m.mean));
                variance.push(of(&|m, n| m.variance * n / (n - 1.0).max(1.0)));
            }
        }
        let read = Read {
            buffer: self.buffer.clone(),
            maps: self.maps,
            size: self.size,
            epsilon,
            gamma: gamma.detach(),
            beta: beta.detach(),
        };
        let output = read.output()?;
        let gradient = Arc::new(Gradient::default());
        let own = gradient.clone();
        let tokens: Vec<&Tensor> = self.token.iter().collect();
        let token = step(&tokens, &[gamma, beta], move || match own.take() {
            Some(dy) => read.back(&dy),
            None => Ok(Vec::new()),
        })?;
        Ok(Normalised {
            output: Map::new(output, token, gradient),
            mean,
            variance,
        })
    }
}
