//! SS-CAM: Score-CAM with every score averaged over noisy versions of the mask.
//!
//! ```text
//! s_k = mean_i score(X * (m_k + N(0, sigma)))        w = softmax_k s
//! ```
//!
//! Wang et al. 2020 (arXiv 2006.14255), its first variant: noise on the feature map, here on the mask in
//! [0, 1] as torch-cam does; 10 copies and sigma 2 as in the paper. No code of the authors is known.

use super::perturbed_masks::{self, Version};
use crate::explain::{Drawn, Observation};
use crate::rng::{Rng, key};
use crate::{Result, TappedModel, Target};

pub(crate) fn draw<M: TappedModel + ?Sized>(
    observation: &mut Observation<'_, M>,
    targets: &[Target],
) -> Result<Vec<Vec<Drawn>>> {
    let parameters = observation.explainer.parameters.clone();
    let add_noise = |mask: &mut [f32], v: Version| {
        let keys = [
            key("ss_cam"),
            v.layer as u64,
            v.sample as u64,
            v.channel as u64,
            v.repeat as u64,
        ];
        let mut rng = Rng::keyed(parameters.seed, &keys);
        mask.iter_mut()
            .for_each(|m| *m += (parameters.ss_noise * rng.normal()) as f32);
    };
    perturbed_masks::draw(
        observation,
        targets,
        parameters.ss_samples,
        "ss_cam",
        &add_noise,
    )
}
