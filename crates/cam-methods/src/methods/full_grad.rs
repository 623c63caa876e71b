//! FullGrad: the input gradient times the input, and every bias gradient times its bias.
//!
//! ```text
//! M = psi(X * dy/dX) + sum_l sum_k U psi(g_lk b_lk)        psi = min-max of the absolute value
//! ```
//!
//! Srinivas and Fleuret 2019, Eq. 6, and `idiap/fullgrad-saliency`. The terms without psi sum to the score where
//! every bias is described: [`Observation::full_gradients`](crate::Observation::full_gradients). The map is made
//! at image size and does not depend on the taps explained.

use crate::explain::{Drawn, Observation};
use crate::layer::narrow;
use crate::normalise::{Range, min_max};
use crate::resize::Resizer;
use crate::semantics::{FullGradRule, FullGradScale};
use crate::{BiasTerm, Error, GradientTerm, Method, RawMap, Result, TappedModel, host};

/// The bias terms of a network, which FullGrad cannot do without.
pub(crate) fn bias_terms<M: TappedModel + ?Sized>(model: &M) -> Result<Vec<BiasTerm>> {
    model.bias_terms().ok_or(Error::Missing {
        method: Method::FullGrad,
        what: "its bias terms",
    })
}

pub(crate) fn draw<M: TappedModel + ?Sized>(
    observation: &mut Observation<'_, M>,
) -> Result<Vec<Vec<Drawn>>> {
    let rule = observation.explainer.semantics.full_grad.clone();
    let terms = observation.full.as_ref().ok_or(Error::Missing {
        method: Method::FullGrad,
        what: "gradients",
    })?;
    let (batch, _, height, width) = observation.images.dims4()?;
    let mut maps = vec![vec![0f64; height * width]; batch];
    for GradientTerm {
        place,
        values: term,
    } in terms
    {
        let (_, channels, h, w) = term.dims4()?;
        let values = host::finite_values(term, "gradients", place)?;
        let resizer = Resizer::new(rule.resize, [h, w], [height, width]);
        for (map, sample) in maps.iter_mut().zip(values.chunks_exact(channels * h * w)) {
            let scaled = psi(sample, h * w, &rule);
            let mut sum = vec![0f32; h * w];
            for channel in scaled.chunks_exact(h * w) {
                sum.iter_mut().zip(channel).for_each(|(s, v)| *s += v);
            }
            map.iter_mut()
                .zip(resizer.apply(&sum))
                .for_each(|(m, v)| *m += f64::from(v));
        }
    }
    let drawn = |m: &Vec<f64>| Drawn {
        map: RawMap {
            values: narrow(m),
            weights: None,
        },
        scoring: None,
    };
    Ok(vec![maps.iter().map(drawn).collect()])
}

fn psi(sample: &[f32], cells: usize, rule: &FullGradRule) -> Vec<f32> {
    let mut values: Vec<f32> = sample.iter().map(|v| v.abs()).collect();
    let part = match rule.scale {
        FullGradScale::PerLayer => values.len(),
        FullGradScale::PerChannel => cells,
    };
    for values in values.chunks_exact_mut(part) {
        let range = Range::of(values.iter());
        min_max(values, range, rule.epsilon);
    }
    values
}
