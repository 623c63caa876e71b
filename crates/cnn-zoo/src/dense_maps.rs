//! The maps of a dense block in one buffer, to which every layer appends its own.
//!
//! Joining the maps anew for every layer would copy all of them as often as there are layers.
//! Here a layer's batch norm and ReLU read the maps where they are, with statistics that each
//! map needs only once, and in training every layer adds its gradient into one buffer beside
//! them. candle's graph carries a token instead of the joined maps: it orders the steps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Device, Layout, Shape, Storage};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

use crate::in_place::slice;

/// Mean and biased variance of a map over the images of a ghost batch.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    mean: f64,
    variance: f64,
}

/// What the layers of a block share.
struct Buffer {
    /// Images, maps that there will be, pixels of a map.
    images: usize,
    total: usize,
    pixels: usize,
    /// The ghost batch of every image, and how many images each has.
    ghost_of: Vec<usize>,
    ghosts: Vec<usize>,
    /// `[images, total, pixels]`; later maps are 0 so far.
    values: Vec<f32>,
    /// The same for gradients; empty until there are any.
    gradient: Vec<f32>,
    /// `[map][ghost]` for the maps so far; empty where statistics are given.
    moments: Vec<Vec<Moments>>,
}

/// Sum of a function of the values, in an order that no thread count changes.
fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f64 {
    let mut total = 0.0;
    for block in values.chunks(1024) {
        let mut lanes = [0.0_f32; 16];
        let (whole, rest) = block.as_chunks::<16>();
        for chunk in whole {
            for (lane, &v) in lanes.iter_mut().zip(chunk) {
                *lane += f(v);
            }
        }
        for (lane, &v) in lanes.iter_mut().zip(rest) {
            *lane += f(v);
        }
        total += lanes.iter().map(|&v| f64::from(v)).sum::<f64>();
    }
    total
}

/// The affine map that a batch norm is, for one map and one ghost batch.
#[derive(Debug, Clone, Copy)]
struct Scale {
    mean: f32,
    scale: f32,
    beta: f32,
}

impl Scale {
    fn apply(self, x: f32) -> f32 {
        (x - self.mean) * self.scale + self.beta
    }
}

impl Buffer {
    fn plane(&self, image: usize, map: usize) -> &[f32] {
        let start = (image * self.total + map) * self.pixels;
        self.values
            .get(start..start + self.pixels)
            .unwrap_or_default()
    }

    /// Copies maps to their place behind the ones so far.
    fn append(&mut self, from: usize, new: &[f32], with_moments: bool) {
        let (total, pixels) = (self.total, self.pixels);
        let count = new.len() / (self.images * pixels).max(1);
        self.values
            .par_chunks_mut((total * pixels).max(1))
            .zip(new.par_chunks((count * pixels).max(1)))
            .for_each(|(image, new)| {
                if let Some(place) = image.get_mut(from * pixels..(from + count) * pixels) {
                    place.copy_from_slice(new);
                }
            });
        if with_moments {
            let moments: Vec<Vec<Moments>> = (from..from + count)
                .into_par_iter()
                .map(|map| self.moments_of(map))
                .collect();
            self.moments.extend(moments);
        }
    }

    fn moments_of(&self, map: usize) -> Vec<Moments> {
        let over = |ghost: usize, f: &dyn Fn(&[f32]) -> f64| -> f64 {
            (0..self.images)
                .filter(|&image| self.ghost_of.get(image) == Some(&ghost))
                .map(|image| f(self.plane(image, map)))
                .sum()
        };
        self.ghosts
            .iter()
            .enumerate()
            .map(|(ghost, &length)| {
                let n = (length * self.pixels).max(1) as f64;
                let mean = over(ghost, &|plane| sum(plane, |v| v)) / n;
                let m = mean as f32;
                let squares = over(ghost, &|plane| sum(plane, |v| (v - m) * (v - m)));
                // The sum was taken around the rounded mean.
                let shift = mean - f64::from(m);
                Moments {
                    mean,
                    variance: (squares / n - shift * shift).max(0.0),
                }
            })
            .collect()
    }

    /// `max(norm(x), 0)` of the first maps; `of(map, ghost)` says how each is scaled.
    fn rectified(&self, maps: usize, of: impl Fn(usize, usize) -> Scale + Sync) -> Vec<f32> {
        let mut y = vec![0.0; self.images * maps * self.pixels];
        y.par_chunks_mut(self.pixels.max(1))
            .enumerate()
            .for_each(|(index, y)| {
                let (image, map) = (index / maps, index % maps);
                let ghost = self.ghost_of.get(image).copied().unwrap_or(0);
                let scale = of(map, ghost);
                for (y, &x) in y.iter_mut().zip(self.plane(image, map)) {
                    let v = scale.apply(x);
                    // Written so that NaN stays.
                    *y = if v < 0.0 { 0.0 } else { v };
                }
            });
        y
    }

    /// Adds the gradient of the first maps, and gives those of γ and β.
    fn add_gradient(
        &mut self,
        dy: &[f32],
        scales: &[Vec<Scale>],
        rstd: &[Vec<f64>],
    ) -> [Vec<f32>; 2] {
        let (maps, pixels, total) = (scales.len(), self.pixels, self.total);
        if self.gradient.is_empty() {
            self.gradient = vec![0.0; self.values.len()];
        }
        let mut gradient = std::mem::take(&mut self.gradient);
        let this = &*self;
        let given = |image: usize, map: usize| {
            let start = (image * maps + map) * pixels;
            dy.get(start..start + pixels).unwrap_or_default()
        };
        // Σ d and Σ d·(x − mean) per map and ghost batch, d being 0 where the ReLU is.
        let sums: Vec<Vec<[f64; 2]>> = (0..maps)
            .into_par_iter()
            .map(|map| {
                let mut sums = vec![[0.0; 2]; this.ghosts.len()];
                for image in 0..this.images {
                    let ghost = this.ghost_of[image];
                    let found = masked_sums(
                        this.plane(image, map),
                        given(image, map),
                        scales[map][ghost],
                    );
                    sums[ghost][0] += found[0];
                    sums[ghost][1] += found[1];
                }
                sums
            })
            .collect();
        gradient
            .par_chunks_mut(pixels.max(1))
            .enumerate()
            .for_each(|(index, dx)| {
                let (image, map) = (index / total, index % total);
                if map >= maps {
                    return;
                }
                let ghost = this.ghost_of[image];
                let n = (this.ghosts[ghost] * pixels).max(1) as f64;
                let scale = scales[map][ghost];
                let [sum, dot] = sums[map][ghost];
                let constant = (f64::from(scale.scale) * sum / n) as f32;
                let slope = (f64::from(scale.scale) * rstd[map][ghost].powi(2) * dot / n) as f32;
                let pairs = this.plane(image, map).iter().zip(given(image, map));
                for (dx, (&x, &d)) in dx.iter_mut().zip(pairs) {
                    let d = if scale.apply(x) > 0.0 { d } else { 0.0 };
                    *dx += scale.scale * d - constant - slope * (x - scale.mean);
                }
            });
        self.gradient = gradient;
        let over_ghosts = |f: &dyn Fn(usize, usize) -> f64| -> Vec<f32> {
            (0..maps)
                .map(|map| (0..sums[map].len()).map(|ghost| f(map, ghost)).sum::<f64>() as f32)
                .collect()
        };
        [
            over_ghosts(&|map, ghost| sums[map][ghost][1] * rstd[map][ghost]),
            over_ghosts(&|map, ghost| sums[map][ghost][0]),
        ]
    }

    /// The gradient of some maps, which becomes 0 here.
    fn take_gradient(&mut self, from: usize, maps: usize) -> Vec<f32> {
        let (total, pixels) = (self.total, self.pixels);
        let mut taken = vec![0.0; self.images * maps * pixels];
        if !self.gradient.is_empty() {
            taken
                .par_chunks_mut((maps * pixels).max(1))
                .zip(self.gradient.par_chunks_mut((total * pixels).max(1)))
                .for_each(|(taken, image)| {
                    if let Some(own) = image.get_mut(from * pixels..(from + maps) * pixels) {
                        taken.copy_from_slice(own);
                        own.fill(0.0);
                    }
                });
        }
        taken
    }
}

fn masked_sums(x: &[f32], d: &[f32], scale: Scale) -> [f64; 2] {
    let mut totals = [0.0_f64; 2];
    for (x, d) in x.chunks(1024).zip(d.chunks(1024)) {
        let mut lanes = [[0.0_f32; 16]; 2];
        for (x, d) in x.chunks(16).zip(d.chunks(16)) {
            for (lane, (&x, &d)) in x.iter().zip(d).enumerate() {
                let d = if scale.apply(x) > 0.0 { d } else { 0.0 };
                lanes[0][lane] += d;
                lanes[1][lane] += d * (x - scale.mean);
            }
        }
        for (total, lanes) in totals.iter_mut().zip(&lanes) {
            *total += lanes.iter().map(|&v| f64::from(v)).sum::<f64>();
        }
    }
    totals
}

/// Maps to which a dense block appends.
pub(crate) struct DenseMaps {
    buffer: Arc<Mutex<Buffer>>,
    maps: usize,
    size: [usize; 2],
    /// Orders the steps in candle's graph; absent where there is none.
    token: Option<Tensor>,
}

/// What a batch norm reads.
pub(crate) struct Normalised {
    pub(crate) output: Tensor,
    /// Mean over the ghost batches of their means and unbiased variances.
    pub(crate) mean: Vec<f32>,
    pub(crate) variance: Vec<f32>,
}

fn lock(buffer: &Mutex<Buffer>) -> MutexGuard<'_, Buffer> {
    buffer.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with_values<T>(x: &Tensor, f: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let x = x.contiguous()?;
    let (storage, layout) = x.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => Ok(f(slice(storage, layout)?)),
        _ => candle_core::bail!("expected a tensor in main memory"),
    }
}

impl DenseMaps {
    /// A buffer that will hold `total` maps and holds those of `first`; `ghosts` are the ghost
    /// batches of training, `None` means inference.
    pub(crate) fn new(first: &Tensor, total: usize, ghosts: Option<&[usize]>) -> Result<Self> {
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
        with_values(first, |values| buffer.append(0, values, ghosts.is_some()))?;
        let buffer = Arc::new(Mutex::new(buffer));
        let token = ghosts
            .map(|_| {
                first.apply_op1(Piece {
                    buffer: buffer.clone(),
                    from: 0,
                    maps,
                })
            })
            .transpose()?;
        Ok(Self {
            buffer,
            maps,
            size: [height, width],
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
    pub(crate) fn push(&mut self, new: &Tensor) -> Result<()> {
        let (_, maps, _, _) = new.dims4()?;
        let from = self.maps;
        with_values(new, |values| {
            lock(&self.buffer).append(from, values, self.token.is_some());
        })?;
        if let Some(token) = &self.token {
            self.token = Some(token.apply_op2(
                new,
                Piece {
                    buffer: self.buffer.clone(),
                    from,
                    maps,
                },
            )?);
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
        let Some(token) = &self.token else {
            candle_core::bail!("the maps were made for inference");
        };
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
        let op = Read {
            buffer: self.buffer.clone(),
            maps: self.maps,
            size: self.size,
            epsilon,
        };
        Ok(Normalised {
            output: token.apply_op3(&gamma.contiguous()?, &beta.contiguous()?, op)?,
            mean,
            variance,
        })
    }
}

/// What stands for the maps in the graph.
fn token() -> (CpuStorage, Shape) {
    (CpuStorage::F32(vec![0.0]), Shape::from(1))
}

/// Maps that were put into the buffer.
struct Piece {
    buffer: Arc<Mutex<Buffer>>,
    from: usize,
    maps: usize,
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
struct Read {
    buffer: Arc<Mutex<Buffer>>,
    maps: usize,
    size: [usize; 2],
    epsilon: f64,
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
