//! Score-CAM and Faster Score-CAM: channels weighted by the score of the image they mask.
//!
//! ```text
//! s_k = score(mask(A_k) * X)        w = weights(s)        M = sum_k w_k A_k
//! ```
//!
//! Wang et al. 2020, Eq. 5 to 7; tabayashi0117/Score-CAM for the channels of largest deviation. The map is
//! summed at the layer's resolution, which is the same as summing resized channels: resizing is linear.

use crate::explain::{Drawn, Observation};
use crate::result::Scoring;
use crate::score::Entry;
use crate::semantics::{ChannelWeights, ScoreCamRule};
use crate::{Layer, Method, Parameters, Result, TappedModel, Target};

/// Which channels are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    All,
    Faster,
}

pub(crate) fn draw<M: TappedModel + ?Sized>(
    observation: &mut Observation<'_, M>,
    targets: &[Target],
    kind: Kind,
) -> Result<Vec<Vec<Drawn>>> {
    let rule = observation.explainer.semantics.score_cam.clone();
    let method = if kind == Kind::All {
        Method::ScoreCam
    } else {
        Method::FasterScoreCam
    };
    let reduced = observation.reduced_scores();
    let mut drawn = Vec::with_capacity(observation.layers.len());
    for l in 0..observation.layers.len() {
        let selections: Vec<Selection> = (0..targets.len())
            .map(|b| {
                Selection::of(
                    &observation.layers[l].layer(b, None),
                    kind,
                    &observation.explainer.parameters,
                )
            })
            .collect();
        let channels: Vec<Vec<usize>> = selections.iter().map(|s| s.channels.clone()).collect();
        let stage = format!("{method} at {}", observation.layers[l].tap);
        let blank = rule.weights == ChannelWeights::Increase;
        observation.ensure_scores(l, &channels, blank, targets, &stage)?;
        let maps = selections
            .iter()
            .zip(targets)
            .enumerate()
            .map(|(b, (selection, target))| {
                let table = observation.tables.get(l, b);
                let scores = table.scores(target, rule.space, reduced)?;
                let rows: Vec<(usize, usize)> = selection
                    .channels
                    .iter()
                    .filter_map(|k| match table.entry(*k) {
                        Some(Entry::Row(row)) => Some((*k, row)),
                        _ => None,
                    })
                    .collect();
                let layer = observation.layers[l].layer(b, None);
                let each: Vec<(usize, f64)> =
                    rows.iter().map(|(k, row)| (*k, scores[*row])).collect();
                let baseline = table.blank().map_or(0.0, |row| scores[row]);
                let weights = weights(&rule, &each, baseline, layer.channels());
                let mut distinct: Vec<usize> = rows.iter().map(|(_, row)| *row).collect();
                distinct.sort_unstable();
                distinct.dedup();
                let scoring = Scoring {
                    scored: rows.len(),
                    forwards: distinct.len(),
                    capped: selection.capped,
                };
                Ok(Drawn {
                    map: layer.weighted_sum(&weights),
                    scoring: Some(scoring),
                })
            })
            .collect::<Result<_>>()?;
        drawn.push(maps);
    }
    Ok(drawn)
}

/// Channels to score, by index.
struct Selection {
    channels: Vec<usize>,
    capped: bool,
}

impl Selection {
    fn of(layer: &Layer<'_>, kind: Kind, parameters: &Parameters) -> Self {
        let wanted = match kind {
            Kind::All => layer.channels(),
            Kind::Faster => parameters.faster_channels.min(layer.channels()),
        };
        let kept = wanted.min(parameters.score_channel_cap.unwrap_or(wanted));
        let mut channels: Vec<usize> = if kept == layer.channels() {
            (0..kept).collect()
        } else {
            layer
                .channels_by_deviation()
                .into_iter()
                .take(kept)
                .collect()
        };
        channels.sort_unstable();
        Self {
            channels,
            capped: kept < wanted,
        }
    }
}

/// Channel weights from scores; channels without a score weigh nothing.
pub(crate) fn weights(
    rule: &ScoreCamRule,
    scores: &[(usize, f64)],
    baseline: f64,
    channels: usize,
) -> Vec<f64> {
    let mut weights = vec![0f64; channels];
    match rule.weights {
        ChannelWeights::AsIs => scores.iter().for_each(|(k, s)| weights[*k] = *s),
        ChannelWeights::Increase => scores.iter().for_each(|(k, s)| weights[*k] = s - baseline),
        ChannelWeights::ChannelSoftmax => {
            let peak = scores.iter().fold(f64::NEG_INFINITY, |m, (_, s)| m.max(*s));
            let total: f64 = scores.iter().map(|(_, s)| (s - peak).exp()).sum();
            scores
                .iter()
                .for_each(|(k, s)| weights[*k] = (s - peak).exp() / total);
        }
    }
    weights
}
