//! Recipro-CAM: the score with one cell of the feature map kept.
//!
//! ```text
//! M_ij = score(tail(A * e_ij))        e_ij one at (i, j), or a Gaussian around it
//! ```
//!
//! Byun and Lee 2022 (arXiv 2209.14074), Eq. 4. Only the network after the tap runs, once per cell. The score is
//! read in the space of Score-CAM.

use super::tail::tail_scores;
use crate::explain::{Drawn, Observation};
use crate::layer::narrow;
use crate::result::Scoring;
use crate::{RawMap, Result, TappedModel, Target};

pub(crate) fn draw<M: TappedModel + ?Sized>(
    observation: &mut Observation<'_, M>,
    targets: &[Target],
) -> Result<Vec<Vec<Drawn>>> {
    let space = observation.explainer.semantics.score_cam.space;
    let sigma = observation.explainer.parameters.recipro_sigma;
    let mut drawn = Vec::with_capacity(observation.layers.len());
    for l in 0..observation.layers.len() {
        let mut maps = Vec::with_capacity(targets.len());
        for (b, target) in targets.iter().enumerate() {
            let layer = observation.layers[l].layer(b, None);
            let ([height, width], cells) = (layer.size(), layer.cells());
            let values = layer.activations.to_vec();
            let scores = tail_scores(observation, (l, b), target, space, cells, &|range| {
                let mut out = Vec::with_capacity(range.len() * values.len());
                for at in range {
                    let mask = spot([height, width], at, sigma);
                    let keep = |a: &[f32]| {
                        a.iter()
                            .zip(&mask)
                            .map(|(a, m)| a * m)
                            .collect::<Vec<f32>>()
                    };
                    values.chunks_exact(cells).for_each(|a| out.extend(keep(a)));
                }
                out
            })?;
            let scoring = Scoring {
                scored: cells,
                forwards: cells,
                capped: false,
            };
            let map = RawMap {
                values: narrow(&scores),
                weights: None,
            };
            maps.push(Drawn {
                map,
                scoring: Some(scoring),
            });
            let stage = format!("recipro_cam at {}", observation.layers[l].tap);
            observation.report(&stage, b + 1, targets.len())?;
        }
        drawn.push(maps);
    }
    Ok(drawn)
}

fn spot([height, width]: [usize; 2], at: usize, sigma: f64) -> Vec<f32> {
    let (row, column) = ((at / width) as f64, (at % width) as f64);
    (0..height * width)
        .map(|i| {
            if sigma == 0.0 {
                return f32::from(u8::from(i == at));
            }
            let (dr, dc) = ((i / width) as f64 - row, (i % width) as f64 - column);
            // a deviation whose square underflows leaves the cell itself
            let spread = (2.0 * sigma * sigma).max(f64::MIN_POSITIVE);
            (-(dr * dr + dc * dc) / spread).exp() as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_spot_is_one_cell() {
        let cell = spot([2, 3], 4, 0.0);
        assert_eq!(cell, [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(spot([2, 3], 4, 1e-300), cell);
    }
}
