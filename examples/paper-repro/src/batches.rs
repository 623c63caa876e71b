//! Slices in memory -> shuffled, augmented batches, each a pure function of (seed, epoch, index).

use candle_core::{Device, Tensor};
use cnn_zoo::train::{Batch, BatchSource};
use fillet_preprocess::{AugmentConfig, augment};
use ndarray::{Array2, ArrayView2};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::division::{Draw, Look};
use crate::tensors;

/// A slice with its class.
#[derive(Debug, Clone)]
pub struct LabelledSlice {
    /// Number that stays the same whatever the fold, so that its random changes do.
    pub id: u64,
    /// Which scan it is from, as a position in the sample sheet.
    pub scan: usize,
    /// The slice.
    pub image: Array2<f32>,
    /// The slice after each contrast method, where the protocol adds such copies.
    pub contrast: Vec<Array2<f32>>,
    /// Its class.
    pub label: u32,
}

impl LabelledSlice {
    fn look(&self, look: Look) -> ArrayView2<'_, f32> {
        match look {
            Look::Plain => self.image.view(),
            Look::Contrast(method) => self.contrast.get(method).unwrap_or(&self.image).view(),
        }
    }
}

/// Random order and random changes of training slices.
#[derive(Debug, Clone, Copy)]
pub struct Shuffled<'a> {
    /// What may change.
    pub augment: &'a AugmentConfig,
    /// Seed of order and changes.
    pub seed: u64,
    /// Slices per epoch: all, or that many drawn anew.
    pub per_epoch: usize,
}

/// Batches of some slices.
pub struct Slices<'a> {
    /// All slices of the study.
    pub slices: &'a [LabelledSlice],
    /// Those of this side, in the order of an unshuffled epoch.
    pub draws: Vec<Draw>,
    /// Images per batch.
    pub batch_size: usize,
    /// In random order and changed, or as they are.
    pub shuffled: Option<Shuffled<'a>>,
    /// Where batches go.
    pub device: &'a Device,
}

impl Slices<'_> {
    fn per_epoch(&self) -> usize {
        let all = self.draws.len();
        self.shuffled
            .map_or(all, |shuffled| shuffled.per_epoch.min(all))
    }

    /// What a batch is made of.
    pub fn members(&self, epoch: usize, index: usize) -> Vec<Draw> {
        let mut order: Vec<usize> = (0..self.draws.len()).collect();
        if let Some(shuffled) = self.shuffled {
            let mut rng = ChaCha8Rng::seed_from_u64(shuffled.seed);
            rng.set_stream(epoch as u64);
            order.shuffle(&mut rng);
            order.truncate(self.per_epoch());
        }
        let start = (index * self.batch_size).min(order.len());
        let end = (start + self.batch_size).min(order.len());
        order[start..end].iter().map(|&at| self.draws[at]).collect()
    }
}

impl BatchSource for Slices<'_> {
    fn batches(&self, _epoch: usize) -> usize {
        self.per_epoch().div_ceil(self.batch_size)
    }

    fn batch(&self, epoch: usize, index: usize) -> cnn_zoo::Result<Batch> {
        let members = self.members(epoch, index);
        let slice = |draw: &Draw| &self.slices[draw.item];
        let labels: Vec<u32> = members.iter().map(|draw| slice(draw).label).collect();
        let images = match self.shuffled {
            None => {
                let views: Vec<ArrayView2<'_, f32>> = members
                    .iter()
                    .map(|draw| slice(draw).look(draw.look))
                    .collect();
                tensors::batch(&views, self.device)?
            }
            Some(Shuffled {
                augment: config,
                seed,
                ..
            }) => {
                let changed = |draw: &Draw| {
                    // a copy changes in its own way
                    let id = slice(draw).id + draw.look.number() * self.slices.len() as u64;
                    augment(slice(draw).look(draw.look), config, seed, id, epoch as u64)
                };
                let changed: Vec<Array2<f32>> = members.par_iter().map(changed).collect();
                let views: Vec<ArrayView2<'_, f32>> =
                    changed.iter().map(|image| image.view()).collect();
                tensors::batch(&views, self.device)?
            }
        };
        Ok(Batch {
            images,
            labels: Tensor::new(labels, self.device)?,
        })
    }
}

/// A seed for one purpose, drawn from the run's seed and some numbers.
pub fn derived_seed(seed: u64, purpose: &[u64]) -> u64 {
    purpose.iter().fold(
        ChaCha8Rng::seed_from_u64(seed).next_u64(),
        |state, &number| {
            ChaCha8Rng::seed_from_u64(state ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).next_u64()
        },
    )
}
