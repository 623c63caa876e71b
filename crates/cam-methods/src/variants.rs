//! Many variants of an image through the network, a chunk at a time.

use crate::explain::{Explainer, Observation};
use crate::{Error, NoTap, Passes, Result, TappedModel, host};
use candle_core::Tensor;
use std::ops::Range;

/// Largest activation assumed where the network shows none larger, in values per pixel of the image.
const ASSUMED_VALUES_PER_PIXEL: usize = 16;
/// Activations of the largest size assumed to exist at once: input, output and workspace of a layer.
const LIVE_ACTIVATIONS: usize = 6;
/// Variants sent at once at most: more gains nothing.
const LARGEST_CHUNK: usize = 512;

/// How many images of this size fit into a budget of bytes, at least 1.
pub(crate) fn chunk_size(budget: usize, image: &Tensor, largest_activation: usize) -> usize {
    let width = image.dtype().size_in_bytes();
    let values = image.elem_count();
    let pixels = image.dims().iter().rev().take(2).product::<usize>();
    let activation = largest_activation.max(ASSUMED_VALUES_PER_PIXEL * pixels);
    let bytes = width * (3 * values + LIVE_ACTIVATIONS * activation) + 8 * pixels;
    (budget / bytes.max(1)).clamp(1, LARGEST_CHUNK)
}

/// Consecutive ranges of at most `chunk` that cover `0..total`.
pub(crate) fn chunks(total: usize, chunk: usize) -> impl Iterator<Item = Range<usize>> {
    (0..total)
        .step_by(chunk.max(1))
        .map(move |start| start..(start + chunk).min(total))
}

/// One forward pass without taps; outputs must be finite.
pub(crate) fn forward<M: TappedModel + ?Sized>(
    model: &M,
    images: &Tensor,
    passes: &mut Passes,
) -> Result<Tensor> {
    let outputs = model
        .forward_tapped(images, &mut NoTap)
        .map_err(|source| Error::Model { source })?;
    passes.forward += 1;
    passes.forward_images += images.dim(0)?;
    Ok(outputs.detach())
}

/// Output rows of a batch: the values of each image, in `f32`.
pub(crate) fn rows(outputs: &Tensor, stage: &str) -> Result<Vec<Vec<f32>>> {
    let n = outputs.dim(0)?;
    let values = host::finite_values(outputs, "scores", stage)?;
    Ok(values
        .chunks(values.len() / n.max(1))
        .map(<[f32]>::to_vec)
        .collect())
}

impl<M: TappedModel + ?Sized> Observation<'_, M> {
    pub(crate) fn chunk_size(&self) -> Result<usize> {
        Ok(chunk_size(
            self.explainer.budget,
            &self.images.narrow(0, 0, 1)?,
            self.largest_activation,
        ))
    }

    pub(crate) fn report(&self, stage: &str, done: usize, total: usize) -> Result<()> {
        Explainer::report(self.explainer, stage, done, total)
    }
}
