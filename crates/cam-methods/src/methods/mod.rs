//! Methods that need more than one pass, or a description of the network: one file each.

mod cam;
mod score_cam;

use crate::explain::{Drawn, Observation};
use crate::{Method, Result, TappedModel, Target};

/// Maps of a method that is no plain rule, `[tap][image]`.
pub(crate) fn draw<M: TappedModel + ?Sized>(
    observation: &mut Observation<'_, M>,
    method: Method,
    targets: &[Target],
    _gradients: Option<&[Vec<f32>]>,
) -> Result<Vec<Vec<Drawn>>> {
    match method {
        Method::Cam => cam::draw(observation, targets),
        Method::FasterScoreCam => score_cam::draw(observation, targets, score_cam::Kind::Faster),
        Method::ScoreCam => score_cam::draw(observation, targets, score_cam::Kind::All),
        other => Err(crate::Error::Missing {
            method: other,
            what: "an implementation",
        }),
    }
}
