//! Channel scores averaged over altered versions of each channel's mask: the common part of SS-CAM and IS-CAM.

use super::score_cam::weights;
use crate::explain::{Drawn, Observation};
use crate::resize::Resizer;
use crate::result::Scoring;
use crate::score::LowMask;
use crate::semantics::ChannelWeights;
use crate::variants::{chunks, forward};
use crate::{Error, Result, TappedModel, Target, host};
use candle_core::Tensor;

/// Which version of which mask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version {
    pub(super) layer: usize,
    pub(super) sample: usize,
    pub(super) channel: usize,
    pub(super) repeat: usize,
}

/// Maps with channel weights `softmax_k mean_i score(X * alter_i(mask_k))`. Constant channels are left out.
pub(super) fn draw<M: TappedModel + ?Sized>(
    observation: &mut Observation<'_, M>,
    targets: &[Target],
    repeats: usize,
    name: &str,
    alter: &dyn Fn(&mut [f32], Version),
) -> Result<Vec<Vec<Drawn>>> {
    let mut rule = observation.explainer.semantics.score_cam.clone();
    let (_, _, height, width) = observation.images.dims4()?;
    let mut drawn = Vec::with_capacity(observation.layers.len());
    for l in 0..observation.layers.len() {
        let from = [observation.layers[l].height, observation.layers[l].width];
        let resizer = Resizer::new(rule.resize, from, [height, width]);
        let stage = format!("{name} at {}", observation.layers[l].tap);
        let masks: Vec<(usize, usize, LowMask)> = (0..targets.len())
            .flat_map(|b| {
                let layer = observation.layers[l].layer(b, None);
                let of = |(k, a)| LowMask::of(a, &rule).map(|mask| (b, k, mask));
                layer
                    .activations()
                    .enumerate()
                    .filter_map(of)
                    .collect::<Vec<_>>()
            })
            .collect();
        let mut sums: Vec<f64> = vec![0.0; masks.len()];
        let total = masks.len() * repeats;
        for range in chunks(total, observation.chunk_size()?) {
            let mut values = Vec::with_capacity(range.len() * height * width);
            let mut samples = Vec::with_capacity(range.len());
            for i in range.clone() {
                let (sample, channel, mask) = &masks[i / repeats];
                let start = values.len();
                mask.extend(&resizer, rule.order, &mut values);
                let version = Version {
                    layer: l,
                    sample: *sample,
                    channel: *channel,
                    repeat: i % repeats,
                };
                alter(&mut values[start..], version);
                samples.push(*sample);
            }
            let images = masked(&observation.images, values, &samples)?;
            let outputs = forward(
                observation.explainer.model,
                &images,
                &mut observation.passes,
            )?;
            for (at, i) in range.clone().enumerate() {
                let score = targets[samples[at]].score(&outputs.narrow(0, at, 1)?, rule.space)?;
                sums[i / repeats] += f64::from(host::finite_values(&score, "scores", &stage)?[0]);
            }
            observation.report(&stage, range.end, total)?;
        }
        rule.weights = ChannelWeights::ChannelSoftmax;
        let maps = (0..targets.len())
            .map(|b| {
                let layer = observation.layers[l].layer(b, None);
                let scores: Vec<(usize, f64)> = masks
                    .iter()
                    .zip(&sums)
                    .filter(|((sample, ..), _)| *sample == b)
                    .map(|((_, k, _), sum)| (*k, sum / repeats as f64))
                    .collect();
                let scoring = Scoring {
                    scored: scores.len(),
                    forwards: scores.len() * repeats,
                    capped: false,
                };
                let weights = weights(&rule, &scores, 0.0, layer.channels());
                Drawn {
                    map: layer.weighted_sum(&weights),
                    scoring: Some(scoring),
                }
            })
            .collect();
        drawn.push(maps);
    }
    Ok(drawn)
}

/// Images `samples[i]` multiplied by mask `i`, masks given one after the other.
pub(super) fn masked(images: &Tensor, masks: Vec<f32>, samples: &[usize]) -> Result<Tensor> {
    let (_, _, height, width) = images.dims4()?;
    let device = images.device();
    let masks = host::tensor(masks, &[samples.len(), 1, height, width])?.to_device(device)?;
    Ok(pick(images, samples)?.broadcast_mul(&masks.to_dtype(images.dtype())?)?)
}

/// The images of a list of indices.
pub(super) fn pick(images: &Tensor, samples: &[usize]) -> Result<Tensor> {
    let batch = images.dim(0)?;
    let index = samples
        .iter()
        .map(|s| u32::try_from(*s).map_err(|_| Error::TargetCount { targets: *s, batch }))
        .collect::<Result<Vec<u32>>>()?;
    Ok(images.index_select(&Tensor::from_vec(index, samples.len(), images.device())?, 0)?)
}
