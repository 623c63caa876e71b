//! Methods that need more than one pass, or a description of the network: one file each.

mod ablation_cam;
mod cam;
mod full_grad;
mod group_cam;
mod is_cam;
mod perturbed_masks;
mod recipro_cam;
mod score_cam;
mod smooth_grad_cam_plus_plus;
mod ss_cam;
mod tail;

pub(crate) use full_grad::bias_terms;
pub(crate) use group_cam::blur;

use crate::explain::{Drawn, Observation};
use crate::{Error, Method, Result, TappedModel, Target};

/// Maps of a method that is no plain rule, `[tap][image]`; `gradients` are those at the taps.
pub(crate) fn draw<M: TappedModel + ?Sized>(
    observation: &mut Observation<'_, M>,
    method: Method,
    targets: &[Target],
    gradients: Option<&[Vec<f32>]>,
) -> Result<Vec<Vec<Drawn>>> {
    let missing = || Error::Missing {
        method,
        what: "gradients",
    };
    match method {
        Method::Cam => cam::draw(observation, targets),
        Method::ScoreCam => score_cam::draw(observation, targets, score_cam::Kind::All),
        Method::FasterScoreCam => score_cam::draw(observation, targets, score_cam::Kind::Faster),
        Method::SmoothGradCamPlusPlus => smooth_grad_cam_plus_plus::draw(observation, targets),
        Method::SsCam => ss_cam::draw(observation, targets),
        Method::IsCam => is_cam::draw(observation, targets),
        Method::AblationCam => ablation_cam::draw(observation, targets),
        Method::ReciproCam => recipro_cam::draw(observation, targets),
        Method::GroupCam => group_cam::draw(observation, targets, gradients.ok_or_else(missing)?),
        Method::FullGrad => full_grad::draw(observation),
        _ => Err(Error::Missing {
            method,
            what: "a rule",
        }),
    }
}
