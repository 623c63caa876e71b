//! Where batches come from.

use candle_core::Tensor;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};

/// Images and their classes.
#[derive(Debug, Clone)]
pub struct Batch {
    /// `[batch, channels, height, width]`, `f32`.
    pub images: Tensor,
    /// `[batch]`, `u32`, each below the number of classes; for a network that labels pixels
    /// `[batch, height, width]`, where [`UNLABELLED`](crate::train::UNLABELLED) pixels do not
    /// count.
    pub labels: Tensor,
}

/// Gives batches as a pure function of (epoch, index), on any thread.
///
/// That is what makes a resumed run equal an uninterrupted one: the loop asks for any batch of
/// any epoch, possibly twice, and must get the same one.
pub trait BatchSource: Sync {
    /// Number of batches in an epoch, counted from 0.
    fn batches(&self, epoch: usize) -> usize;

    /// One batch.
    ///
    /// # Errors
    ///
    /// The source's own; wrap a foreign one in [`Error::Source`].
    fn batch(&self, epoch: usize, index: usize) -> Result<Batch>;
}

/// A source over tensors in memory, in their order or shuffled anew in each epoch.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use cnn_zoo::train::{BatchSource, TensorSource};
///
/// let images = Tensor::zeros((5, 1, 32, 32), DType::F32, &Device::Cpu)?;
/// let labels = Tensor::new(&[0u32, 1, 0, 1, 1], &Device::Cpu)?;
/// let source = TensorSource::new(images, labels, 2, Some(7))?;
/// assert_eq!(source.batches(0), 3);
/// assert_eq!(source.batch(0, 2)?.labels.dims(), [1]);
/// # Ok::<(), cnn_zoo::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TensorSource {
    images: Tensor,
    labels: Tensor,
    batch_size: usize,
    shuffle: Option<u64>,
}

impl TensorSource {
    /// A source over `images` `[n, channels, height, width]` and `labels` `[n]` or
    /// `[n, height, width]`.
    ///
    /// `shuffle` seeds the order of each epoch; `None` keeps the order given.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] if the counts differ, [`Error::Config`] for an empty set or a
    /// batch size of 0.
    pub fn new(
        images: Tensor,
        labels: Tensor,
        batch_size: usize,
        shuffle: Option<u64>,
    ) -> Result<Self> {
        let count = images.dims().first().copied().unwrap_or(0);
        if labels.dims().first() != Some(&count) {
            return Err(Error::ShapeMismatch {
                layer: "images and labels".to_owned(),
                left: images.dims().to_vec(),
                right: labels.dims().to_vec(),
            });
        }
        for (field, value) in [("images", count), ("batch_size", batch_size)] {
            if value == 0 {
                return Err(Error::Config {
                    field,
                    value: "0".to_owned(),
                    expected: "at least 1",
                });
            }
        }
        Ok(Self {
            images,
            labels,
            batch_size,
            shuffle,
        })
    }

    fn count(&self) -> usize {
        self.labels.dims().first().copied().unwrap_or(0)
    }

    /// The order of an epoch (Fisher and Yates; Durstenfeld 1964).
    fn order(&self, epoch: usize, seed: u64) -> Vec<u32> {
        let count = u32::try_from(self.count()).unwrap_or(u32::MAX);
        let mut order: Vec<u32> = (0..count).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(crate::seed::mix(seed, epoch as u64));
        for last in (1..order.len()).rev() {
            // The product's high half is below last + 1; its bias is below 2⁻³² for any set here.
            let pick = (u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64;
            order.swap(last, usize::try_from(pick).unwrap_or(last));
        }
        order
    }
}

impl BatchSource for TensorSource {
    fn batches(&self, _epoch: usize) -> usize {
        self.count().div_ceil(self.batch_size)
    }

    fn batch(&self, epoch: usize, index: usize) -> Result<Batch> {
        let start = index * self.batch_size;
        let length = self.batch_size.min(self.count().saturating_sub(start));
        let Some(seed) = self.shuffle else {
            return Ok(Batch {
                images: self.images.narrow(0, start, length)?,
                labels: self.labels.narrow(0, start, length)?,
            });
        };
        let order = self.order(epoch, seed);
        let chosen = order.get(start..start + length).unwrap_or_default();
        let chosen = Tensor::new(chosen, self.images.device())?;
        Ok(Batch {
            images: self.images.index_select(&chosen, 0)?,
            labels: self.labels.index_select(&chosen, 0)?,
        })
    }
}
