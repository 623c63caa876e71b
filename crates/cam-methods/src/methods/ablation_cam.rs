//! Ablation-CAM: channels weighted by how much the score drops without them.
//!
//! ```text
//! w_k = (y - y_(A_k = 0)) / |y|        M = sum_k w_k A_k
//! ```
//!
//! Desai and Ramaswamy 2020, Eq. 3. Only the network after the tap runs, once per channel that is not
//! already zero. pytorch-grad-cam replaces the network's modules in place, and fills with the minimum minus
//! 10^7 where activations can be negative; here a channel is always set to zero.

use super::tail::tail_scores;
use crate::explain::{Drawn, Observation};
use crate::result::Scoring;
use crate::semantics::AblationRule;
use crate::{Result, TappedModel, Target, host};

pub(crate) fn draw<M: TappedModel + ?Sized>(
    observation: &mut Observation<'_, M>,
    targets: &[Target],
) -> Result<Vec<Vec<Drawn>>> {
    let (space, rule) = (
        observation.explainer.semantics.gradient_score,
        observation.explainer.semantics.ablation,
    );
    let mut drawn = Vec::with_capacity(observation.layers.len());
    for l in 0..observation.layers.len() {
        let mut maps = Vec::with_capacity(targets.len());
        for (b, target) in targets.iter().enumerate() {
            let layer = observation.layers[l].layer(b, None);
            let (cells, channels) = (layer.cells(), layer.channels());
            let values = layer.activations.to_vec();
            let alive: Vec<usize> = layer
                .activations()
                .enumerate()
                .filter(|(_, a)| a.iter().any(|v| *v != 0.0))
                .map(|(k, _)| k)
                .collect();
            let output = observation.outputs.detach().narrow(0, b, 1)?;
            let full = f64::from(host::values(&target.score(&output, space)?)?[0]);
            let ablated = tail_scores(observation, (l, b), target, space, alive.len(), &|range| {
                let mut out = Vec::with_capacity(range.len() * values.len());
                for k in &alive[range] {
                    let start = out.len() + k * cells;
                    out.extend_from_slice(&values);
                    out[start..start + cells].fill(0.0);
                }
                out
            })?;
            let divisor = match rule {
                AblationRule::RelativeDrop => full.abs(),
                AblationRule::SignedRelativeDrop => full,
            };
            let divisor = if divisor == 0.0 { 1.0 } else { divisor };
            let mut weights = vec![0f64; channels];
            alive
                .iter()
                .zip(&ablated)
                .for_each(|(k, y)| weights[*k] = (full - y) / divisor);
            let scoring = Scoring {
                scored: channels,
                forwards: alive.len(),
                capped: false,
            };
            let map = observation.layers[l].layer(b, None).weighted_sum(&weights);
            maps.push(Drawn {
                map,
                scoring: Some(scoring),
            });
            let stage = format!("ablation_cam at {}", observation.layers[l].tap);
            observation.report(&stage, b + 1, targets.len())?;
        }
        drawn.push(maps);
    }
    Ok(drawn)
}
