//! The buffer and its arithmetic.

use rayon::prelude::*;

/// Mean and biased variance of a map over the images of a ghost batch.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    pub(super) mean: f64,
    pub(super) variance: f64,
}

/// What the layers of a block share.
pub(super) struct Buffer {
    /// Images, maps that there will be, pixels of a map.
    pub(super) images: usize,
    pub(super) total: usize,
    pub(super) pixels: usize,
    /// The ghost batch of every image, and how many images each has.
    pub(super) ghost_of: Vec<usize>,
    pub(super) ghosts: Vec<usize>,
    /// `[images, total, pixels]`; later maps are 0 so far.
    pub(super) values: Vec<f32>,
    /// The same for gradients; empty until there are any.
    pub(super) gradient: Vec<f32>,
    /// `[map][ghost]` for the maps so far; empty where statistics are given.
    pub(super) moments: Vec<Vec<Moments>>,
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
pub(super) struct Scale {
    pub(super) mean: f32,
    pub(super) scale: f32,
    pub(super) beta: f32,
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
    pub(super) fn append(&mut self, from: usize, new: &[f32], with_moments: bool) {
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
    pub(super) fn rectified(
        &self,
        maps: usize,
        of: impl Fn(usize, usize) -> Scale + Sync,
    ) -> Vec<f32> {
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
    pub(super) fn add_gradient(
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
    pub(super) fn take_gradient(&mut self, from: usize, maps: usize) -> Vec<f32> {
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
