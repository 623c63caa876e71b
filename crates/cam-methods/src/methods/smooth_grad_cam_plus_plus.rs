//! Smooth Grad-CAM++: the derivatives of Grad-CAM++ averaged over noisy copies of the image.
//!
//! ```text
//! D1 = mean_n g,  D2 = mean_n g^2,  D3 = mean_n g^3        g at image + N(0, sigma)
//! alpha = D2 / (2 D2 + S D3)        w_k = sum_ij alpha ReLU(D1)        M = sum_k w_k A_k
//! ```
//!
//! Omeiza et al. 2019, Eq. 8 to 10, with D2 in the numerator (the printed D1 is a slip). S and A are those of
//! the image without noise, where torch-cam takes those of the last noisy copy. Sigma is a share of each
//! image's range.

use crate::explain::{Drawn, Observation};
use crate::normalise::Range;
use crate::rng::{Rng, key};
use crate::rules::channel_weight;
use crate::{Result, TappedModel, Target, host};
use candle_core::Tensor;

pub(crate) fn draw<M: TappedModel + ?Sized>(
    observation: &mut Observation<'_, M>,
    targets: &[Target],
) -> Result<Vec<Vec<Drawn>>> {
    let samples = observation.explainer.parameters.smooth_samples;
    let mut moments: Vec<Vec<[f64; 3]>> = observation
        .layers
        .iter()
        .map(|l| vec![[0.0; 3]; l.values.len()])
        .collect();
    for n in 0..samples {
        let noisy = noisy(observation, n)?;
        let mut copy = observation.explainer.observe(&noisy)?;
        let gradients = copy.gradients(targets)?;
        observation.passes.add(copy.passes());
        for ((moments, gradient), layer) in
            moments.iter_mut().zip(&gradients).zip(&observation.layers)
        {
            let gradient = host::finite_values(gradient, "gradients", &layer.tap)?;
            for (m, g) in moments.iter_mut().zip(gradient) {
                let g = f64::from(g);
                m[0] += g / samples as f64;
                m[1] += g * g / samples as f64;
                m[2] += g * g * g / samples as f64;
            }
        }
        observation.report("smooth_grad_cam_plus_plus", n + 1, samples)?;
    }
    let rule = observation.explainer.semantics.grad_cam_plus_plus.clone();
    let draw = |l: usize, b: usize| {
        let layer = observation.layers[l].layer(b, None);
        let (cells, size) = (layer.cells(), layer.cells() * layer.channels());
        let moments = moments[l][b * size..(b + 1) * size].chunks_exact(cells);
        let weights: Vec<f64> = layer
            .activations()
            .zip(moments)
            .map(|(a, m)| {
                let total = a.iter().map(|v| f64::from(*v)).sum();
                channel_weight(&rule, total, m.iter().copied())
            })
            .collect();
        Drawn {
            map: layer.weighted_sum(&weights),
            scoring: None,
        }
    };
    Ok((0..observation.layers.len())
        .map(|l| (0..targets.len()).map(|b| draw(l, b)).collect())
        .collect())
}

fn noisy<M: ?Sized>(observation: &Observation<'_, M>, n: usize) -> Result<Tensor> {
    let parameters = &observation.explainer.parameters;
    let images = &observation.images;
    let mut values = host::values(images)?;
    let per_image = values.len() / images.dim(0)?;
    for (b, image) in values.chunks_exact_mut(per_image).enumerate() {
        let sigma = parameters.smooth_noise * f64::from(Range::of(image.iter()).width());
        let mut rng = Rng::keyed(parameters.seed, &[key("smooth"), b as u64, n as u64]);
        image
            .iter_mut()
            .for_each(|v| *v += (sigma * rng.normal()) as f32);
    }
    Ok(host::tensor(values, images.dims())?
        .to_device(images.device())?
        .to_dtype(images.dtype())?)
}
