//! The rest of a network after a tap, run on many versions of one image's activation.

use crate::explain::{Observation, Replace};
use crate::variants::{chunk_size, chunks};
use crate::{Error, Result, ScoreSpace, TappedModel, Target, host};
use candle_core::Tensor;
use std::ops::Range;

/// Scores of `count` versions of the activation of one image at one tap. `make` returns the values of
/// versions in a range, one after the other.
///
/// The stem runs once per chunk on the one image, and the tap continues with the larger batch. A network that
/// joins a shortcut from before the tap cannot do that; it is given copies of the image instead.
pub(super) fn tail_scores<M: TappedModel + ?Sized>(
    observation: &mut Observation<'_, M>,
    (layer, sample): (usize, usize),
    target: &Target,
    space: ScoreSpace,
    count: usize,
    make: &dyn Fn(Range<usize>) -> Vec<f32>,
) -> Result<Vec<f64>> {
    let image = observation.images.narrow(0, sample, 1)?;
    let recorded = &observation.layers[layer];
    let (dtype, device) = (
        recorded.activation.dtype(),
        recorded.activation.device().clone(),
    );
    let size = [recorded.channels, recorded.height, recorded.width];
    let activation_budget = observation.largest_activation.max(size.iter().product());
    let chunk = chunk_size(observation.explainer.budget, &image, activation_budget);
    let mut scores = Vec::with_capacity(count);
    for range in chunks(count, chunk) {
        let n = range.len();
        let versions = host::tensor(make(range), &[n, size[0], size[1], size[2]])?;
        let versions = versions.to_device(&device)?.to_dtype(dtype)?;
        let outputs = run(observation, layer, &image, &versions)?;
        let part = target.score(&outputs.detach(), space)?;
        let place = &observation.layers[layer].tap;
        scores.extend(
            host::finite_values(&part, "scores", place)?
                .into_iter()
                .map(f64::from),
        );
    }
    Ok(scores)
}

fn run<M: TappedModel + ?Sized>(
    observation: &mut Observation<'_, M>,
    layer: usize,
    image: &Tensor,
    versions: &Tensor,
) -> Result<Tensor> {
    let n = versions.dim(0)?;
    let model = observation.explainer.model;
    let tap = observation.layers[layer].tap.clone();
    let mut replace = Replace {
        tap: &tap,
        activation: versions.clone(),
    };
    if !observation.joins_shortcut {
        observation.passes.forward += 1;
        observation.passes.forward_images += n;
        match model.forward_tapped(image, &mut replace) {
            Ok(outputs) if outputs.rank() > 0 && outputs.dim(0)? == n => return Ok(outputs),
            _ => observation.joins_shortcut = true,
        }
    }
    observation.passes.forward += 1;
    observation.passes.forward_images += n;
    let copies = image.repeat((n, 1, 1, 1))?;
    let outputs = model
        .forward_tapped(&copies, &mut replace)
        .map_err(|source| Error::Model { source })?;
    if outputs.rank() == 0 || outputs.dim(0)? != n {
        return Err(Error::OutputShape {
            target: format!("{n} versions of the activation at {tap}"),
            expected: "[batch, ...]",
            shape: outputs.dims().to_vec(),
        });
    }
    Ok(outputs)
}
