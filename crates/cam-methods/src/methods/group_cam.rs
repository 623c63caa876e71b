//! Group-CAM: groups of weighted channels as masks over a blurred image.
//!
//! ```text
//! w_k = mean g_k        G = ReLU(sum_(k in group) w_k A_k)        m = min-max(U G)
//! s = ReLU(score(X m + blur(X) (1 - m)) - score(blur(X)))        M = sum_groups s m
//! ```
//!
//! Zhang et al. 2021 (arXiv 2103.13859), Eq. 3 to 7. Scores are read in the space of Score-CAM. Groups are runs of
//! neighbouring channels; the blur is a Gaussian cut at half a deviation, as the authors' 51 pixels at
//! deviation 50, with reflected edges.

use super::perturbed_masks::pick;
use crate::explain::{Drawn, Observation};
use crate::layer::{mean, narrow};
use crate::resize::Resizer;
use crate::result::Scoring;
use crate::score::LowMask;
use crate::variants::{chunks, forward};
use crate::{RawMap, Result, TappedModel, Target, host};
use candle_core::Tensor;

struct Job {
    sample: usize,
    mask: LowMask,
}

pub(crate) fn draw<M: TappedModel + ?Sized>(
    observation: &mut Observation<'_, M>,
    targets: &[Target],
    gradients: &[Vec<f32>],
) -> Result<Vec<Vec<Drawn>>> {
    let rule = observation.explainer.semantics.score_cam.clone();
    let parameters = observation.explainer.parameters.clone();
    let images = observation.images.clone();
    let (_, _, height, width) = images.dims4()?;
    let blurred = blur(&images, parameters.group_blur * height.max(width) as f64)?;
    let outputs = forward(
        observation.explainer.model,
        &blurred,
        &mut observation.passes,
    )?;
    let baseline: Vec<f64> = targets
        .iter()
        .enumerate()
        .map(|(b, t)| {
            Ok(f64::from(
                host::values(&t.score(&outputs.narrow(0, b, 1)?, rule.space)?)?[0],
            ))
        })
        .collect::<Result<_>>()?;

    let mut drawn = Vec::with_capacity(observation.layers.len());
    for (l, gradients) in gradients.iter().enumerate() {
        let from = [observation.layers[l].height, observation.layers[l].width];
        let resizer = Resizer::new(rule.resize, from, [height, width]);
        let stage = format!("group_cam at {}", observation.layers[l].tap);
        let mut jobs = Vec::new();
        for sample in 0..targets.len() {
            let layer = observation.layers[l].layer(sample, Some(gradients));
            let weights: Vec<f64> = layer
                .gradients()?
                .map(|g| mean(g.iter().map(|v| f64::from(*v)), g.len()))
                .collect();
            let per_group = layer
                .channels()
                .div_ceil(parameters.groups.min(layer.channels()));
            for start in (0..layer.channels()).step_by(per_group) {
                let mut only = vec![0f64; layer.channels()];
                let end = (start + per_group).min(layer.channels());
                only[start..end].copy_from_slice(&weights[start..end]);
                let group: Vec<f32> = layer
                    .weighted_sum(&only)
                    .values
                    .iter()
                    .map(|v| v.max(0.0))
                    .collect();
                if let Some(mask) = LowMask::of(&group, &rule) {
                    jobs.push(Job { sample, mask });
                }
            }
        }
        let mut maps: Vec<Vec<f64>> = vec![vec![0.0; from[0] * from[1]]; targets.len()];
        let mut counts = vec![0; targets.len()];
        for range in chunks(jobs.len(), observation.chunk_size()?) {
            let part = &jobs[range.clone()];
            let mut masks = Vec::with_capacity(part.len() * height * width);
            part.iter()
                .for_each(|job| job.mask.extend(&resizer, rule.order, &mut masks));
            let samples: Vec<usize> = part.iter().map(|j| j.sample).collect();
            let masks = host::tensor(masks, &[part.len(), 1, height, width])?;
            let masks = masks.to_device(images.device())?.to_dtype(images.dtype())?;
            let (sharp, soft) = (pick(&images, &samples)?, pick(&blurred, &samples)?);
            let mixed = ((&sharp - &soft)?.broadcast_mul(&masks)? + &soft)?;
            let outputs = forward(observation.explainer.model, &mixed, &mut observation.passes)?;
            for (i, job) in part.iter().enumerate() {
                let score = targets[job.sample].score(&outputs.narrow(0, i, 1)?, rule.space)?;
                let score = f64::from(host::finite_values(&score, "scores", &stage)?[0]);
                let gain = (score - baseline[job.sample]).max(0.0);
                let stretched = job.mask.stretched(&resizer, rule.order);
                maps[job.sample]
                    .iter_mut()
                    .zip(stretched)
                    .for_each(|(m, v)| *m += gain * v);
                counts[job.sample] += 1;
            }
            observation.report(&stage, range.end, jobs.len())?;
        }
        drawn.push(
            maps.iter()
                .zip(counts)
                .map(|(m, n)| Drawn {
                    map: RawMap {
                        values: narrow(m),
                        weights: None,
                    },
                    scoring: Some(Scoring {
                        scored: n,
                        forwards: n,
                        capped: false,
                    }),
                })
                .collect(),
        );
    }
    Ok(drawn)
}

/// Separable Gaussian of deviation `sigma` pixels, cut at `sigma / 2`, edges reflected.
pub(crate) fn blur(images: &Tensor, sigma: f64) -> Result<Tensor> {
    let (_, _, height, width) = images.dims4()?;
    let radius = (sigma / 2.0).round() as usize;
    if radius == 0 {
        return Ok(images.clone());
    }
    let kernel: Vec<f64> = (0..=2 * radius)
        .map(|i| (-(i as f64 - radius as f64).powi(2) / (2.0 * sigma * sigma)).exp())
        .collect();
    let total: f64 = kernel.iter().sum();
    let kernel: Vec<f64> = kernel.iter().map(|k| k / total).collect();
    let mut values = host::values(images)?;
    for plane in values.chunks_exact_mut(height * width) {
        for row in plane.chunks_exact_mut(width) {
            let blurred = blur_line(row, &kernel);
            row.copy_from_slice(&blurred);
        }
        for c in 0..width {
            let column: Vec<f32> = (0..height).map(|r| plane[r * width + c]).collect();
            blur_line(&column, &kernel)
                .iter()
                .enumerate()
                .for_each(|(r, v)| plane[r * width + c] = *v);
        }
    }
    Ok(host::tensor(values, images.dims())?
        .to_device(images.device())?
        .to_dtype(images.dtype())?)
}

fn blur_line(line: &[f32], kernel: &[f64]) -> Vec<f32> {
    let radius = (kernel.len() / 2) as isize;
    (0..line.len() as isize)
        .map(|i| {
            let sum: f64 = kernel
                .iter()
                .enumerate()
                .map(|(k, w)| w * f64::from(line[reflect(i + k as isize - radius, line.len())]))
                .sum();
            sum as f32
        })
        .collect()
}

/// Index mirrored at both ends without repeating the edge, as often as it takes.
fn reflect(i: isize, n: usize) -> usize {
    let period = (2 * n as isize - 2).max(1);
    let i = i.rem_euclid(period);
    i.min(period - i).unsigned_abs().min(n - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_mirrored() {
        let at = |i| reflect(i, 4);
        assert_eq!(
            [at(-3), at(-1), at(0), at(3), at(4), at(6), at(7), at(-9)],
            [3, 1, 0, 3, 2, 0, 1, 3]
        );
        assert_eq!(reflect(-5, 1), 0);
    }

    #[test]
    fn a_blur_keeps_constants_and_lowers_contrast() {
        let flat = host::tensor(vec![0.7; 30], &[1, 1, 5, 6]).unwrap();
        assert!(
            host::values(&blur(&flat, 4.0).unwrap())
                .unwrap()
                .iter()
                .all(|v| (v - 0.7).abs() < 1e-6)
        );
        let mut spike = vec![0f32; 30];
        spike[14] = 1.0;
        let spike = host::values(&blur(&host::tensor(spike, &[1, 1, 5, 6]).unwrap(), 4.0).unwrap())
            .unwrap();
        assert!(spike[14] < 0.3 && spike[14] > 0.0);
    }
}
