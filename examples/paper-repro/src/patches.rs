//! Small squares of slices for the supervised reference.

use candle_core::{Device, Tensor};
use cnn_zoo::Backbone;
use cnn_zoo::train::{Batch, BatchSource};
use ndarray::Array2;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::tensors;

/// A patch with its class: 1 damaged, 0 undamaged.
#[derive(Debug, Clone)]
pub struct Patch {
    /// The pixels.
    pub image: Array2<f32>,
    /// Its class.
    pub label: u32,
}

/// Batches of some patches.
pub struct Patches<'a> {
    /// The patches of this side, duplicates included.
    pub patches: Vec<&'a Patch>,
    /// Patches per batch.
    pub batch_size: usize,
    /// Seed of a random order, or none.
    pub shuffled: Option<u64>,
    /// Where batches go.
    pub device: &'a Device,
}

impl<'a> Patches<'a> {
    fn members(&self, epoch: usize, index: usize) -> Vec<&'a Patch> {
        let mut order: Vec<usize> = (0..self.patches.len()).collect();
        if let Some(seed) = self.shuffled {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(epoch as u64);
            order.shuffle(&mut rng);
        }
        let start = (index * self.batch_size).min(order.len());
        let end = (start + self.batch_size).min(order.len());
        order[start..end]
            .iter()
            .map(|&at| self.patches[at])
            .collect()
    }

    /// Fills the smaller class up with duplicates, as the reference study does.
    pub fn fill_up(&mut self) {
        let of = |label: u32| -> Vec<&'a Patch> {
            self.patches
                .iter()
                .copied()
                .filter(|patch| patch.label == label)
                .collect()
        };
        let (none, some) = (of(0), of(1));
        let (small, large) = if none.len() < some.len() {
            (none, some)
        } else {
            (some, none)
        };
        let missing = large.len() - small.len();
        self.patches
            .extend(small.iter().copied().cycle().take(missing));
    }

    /// Patches with the right answer.
    ///
    /// # Errors
    ///
    /// A wrong shape of a patch.
    pub fn correct(&self, network: &dyn Backbone) -> cnn_zoo::Result<usize> {
        let mut correct = 0;
        for index in 0..self.batches(0) {
            let batch = self.batch(0, index)?;
            let answers: Vec<u32> = network.forward(&batch.images)?.argmax(1)?.to_vec1()?;
            let members = self.members(0, index);
            correct += members
                .iter()
                .zip(answers)
                .filter(|(patch, answer)| patch.label == *answer)
                .count();
        }
        Ok(correct)
    }
}

impl BatchSource for Patches<'_> {
    fn batches(&self, _epoch: usize) -> usize {
        self.patches.len().div_ceil(self.batch_size)
    }

    fn batch(&self, epoch: usize, index: usize) -> cnn_zoo::Result<Batch> {
        let members = self.members(epoch, index);
        let views: Vec<_> = members.iter().map(|patch| patch.image.view()).collect();
        let labels: Vec<u32> = members.iter().map(|patch| patch.label).collect();
        Ok(Batch {
            images: tensors::batch(&views, self.device)?,
            labels: Tensor::new(labels, self.device)?,
        })
    }
}
