//! IS-CAM: Score-CAM with every score averaged along the way from nothing to the full mask.
//!
//! ```text
//! s_k = 1/N sum_(j=1..N) score(X * (j / N) m_k)        w = softmax_k s
//! ```
//!
//! Naidu et al. 2020 (arXiv 2010.03023). The printed sum is read as a path of equal steps; torch-cam cumulates
//! its coefficients up to (N + 1) / 2, which leaves the path (its issue 154).

use super::perturbed_masks::{self, Version};
use crate::explain::{Drawn, Observation};
use crate::{Result, TappedModel, Target};

pub(crate) fn draw<M: TappedModel + ?Sized>(
    observation: &mut Observation<'_, M>,
    targets: &[Target],
) -> Result<Vec<Vec<Drawn>>> {
    let steps = observation.explainer.parameters.is_steps;
    let shrink = |mask: &mut [f32], v: Version| {
        let share = (v.repeat + 1) as f32 / steps as f32;
        mask.iter_mut().for_each(|m| *m *= share);
    };
    perturbed_masks::draw(observation, targets, steps, "is_cam", &shrink)
}
