//! One image at one tap: what a rule sees.

use crate::normalise::Range;
use crate::{Error, Result};

/// Activations and gradients of one image at one tap.
///
/// # Shapes
///
/// - channels `K`, cells `height * width`, stored channel by channel, row by row
#[derive(Debug, Clone, Copy)]
pub struct Layer<'a> {
    pub(crate) tap: &'a str,
    pub(crate) sample: usize,
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) activations: &'a [f32],
    pub(crate) gradients: Option<&'a [f32]>,
}

/// A map at the layer's resolution, as a rule leaves it: signed and on its own scale.
#[derive(Debug, Clone, PartialEq)]
pub struct RawMap {
    /// `height * width` values, row by row.
    pub values: Vec<f32>,
    /// Weight of each channel, where the rule has one per channel.
    pub weights: Option<Vec<f32>>,
}

impl<'a> Layer<'a> {
    /// Name of the tap.
    pub fn tap(&self) -> &'a str {
        self.tap
    }

    /// Index of the image in its batch.
    pub fn sample(&self) -> usize {
        self.sample
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Rows and columns.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// Number of cells of one channel.
    pub fn cells(&self) -> usize {
        self.height * self.width
    }

    /// Activation of every channel in turn.
    pub fn activations(&self) -> impl ExactSizeIterator<Item = &'a [f32]> + use<'a> {
        self.activations.chunks_exact(self.cells())
    }

    /// Gradient of the score with respect to every channel in turn.
    ///
    /// # Errors
    ///
    /// [`Error::Disconnected`] if the pass was made without gradients, which happens only when a rule
    /// that says it needs none asks for them.
    pub fn gradients(&self) -> Result<impl ExactSizeIterator<Item = &'a [f32]> + use<'a>> {
        match self.gradients {
            Some(g) => Ok(g.chunks_exact(self.cells())),
            None => Err(Error::Disconnected {
                tap: self.tap.to_owned(),
            }),
        }
    }

    /// Map of channels weighted by one number each: `sum_k w_k A_k`.
    pub fn weighted_sum(&self, weights: &[f64]) -> RawMap {
        let mut sum = vec![0f64; self.cells()];
        for (a, w) in self.activations().zip(weights) {
            if *w != 0.0 {
                sum.iter_mut()
                    .zip(a)
                    .for_each(|(s, a)| *s += w * f64::from(*a));
            }
        }
        RawMap {
            values: narrow(&sum),
            weights: Some(narrow(weights)),
        }
    }

    /// Map whose cells are sums over channels of a function of activation and gradient there.
    ///
    /// # Errors
    ///
    /// As [`gradients`](Self::gradients).
    pub fn cell_sum(&self, f: impl Fn(f64, f64) -> f64) -> Result<RawMap> {
        let mut sum = vec![0f64; self.cells()];
        for (a, g) in self.activations().zip(self.gradients()?) {
            for ((s, a), g) in sum.iter_mut().zip(a).zip(g) {
                *s += f(f64::from(*a), f64::from(*g));
            }
        }
        Ok(RawMap {
            values: narrow(&sum),
            weights: None,
        })
    }

    /// A function of activation and gradient at every cell, channel by channel.
    ///
    /// # Errors
    ///
    /// As [`gradients`](Self::gradients).
    pub fn cell_values(&self, f: impl Fn(f64, f64) -> f64) -> Result<Vec<Vec<f64>>> {
        let channel = |(a, g): (&[f32], &[f32])| {
            a.iter()
                .zip(g)
                .map(|(a, g)| f(f64::from(*a), f64::from(*g)))
                .collect()
        };
        Ok(self
            .activations()
            .zip(self.gradients()?)
            .map(channel)
            .collect())
    }

    pub(crate) fn dead_channels(&self) -> usize {
        self.activations()
            .filter(|a| a.iter().all(|v| *v == 0.0))
            .count()
    }

    pub(crate) fn constant_channels(&self) -> usize {
        self.activations()
            .filter(|a| Range::of(*a).width() == 0.0)
            .count()
    }

    /// Channels by falling spatial standard deviation, ties by index.
    pub(crate) fn channels_by_deviation(&self) -> Vec<usize> {
        let variance: Vec<f64> = self
            .activations()
            .map(|a| {
                let mean = mean(a.iter().map(|v| f64::from(*v)), a.len());
                mean_of_squares(a, mean)
            })
            .collect();
        let mut order: Vec<usize> = (0..self.channels).collect();
        order.sort_by(|i, j| variance[*j].total_cmp(&variance[*i]).then(i.cmp(j)));
        order
    }
}

fn mean_of_squares(a: &[f32], mean_value: f64) -> f64 {
    mean(
        a.iter().map(|v| (f64::from(*v) - mean_value).powi(2)),
        a.len(),
    )
}

pub(crate) fn mean(values: impl Iterator<Item = f64>, count: usize) -> f64 {
    values.sum::<f64>() / count as f64
}

/// To single precision, keeping finite values finite.
pub(crate) fn narrow(values: &[f64]) -> Vec<f32> {
    values
        .iter()
        .map(|v| {
            if v.is_finite() {
                v.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
            } else {
                *v as f32
            }
        })
        .collect()
}
