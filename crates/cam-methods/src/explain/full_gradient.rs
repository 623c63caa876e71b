//! The full gradient of a score: input and biases.

use super::observation::{Observation, Recorded, Wanted};
use super::recorder::Recorder;
use crate::{BiasTerm, Error, Method, Result, TappedModel, Target, host};
use candle_core::{Tensor, Var};

/// Name of the images where a layer is named.
pub(super) const INPUT: &str = "input";

/// One term of a score's full gradient.
#[derive(Debug, Clone)]
pub struct GradientTerm {
    /// Where: `input`, or the tap of a bias.
    pub place: String,
    /// Gradient times input or bias, `[B, K, h, w]`.
    pub values: Tensor,
}

/// Probes of FullGrad.
pub(super) struct FullProbes {
    pub(super) input: Var,
    pub(super) biases: Vec<(String, Var, Tensor)>,
}

impl<M: TappedModel + ?Sized> Observation<'_, M> {
    /// The full gradient of the targets' scores: input gradient times input, and every bias gradient times its
    /// bias. In a network of linear layers and ReLU whose biases are all described, its sum over everything is
    /// the score (Srinivas and Fleuret 2019, Eq. 3).
    ///
    /// One forward and one backward pass, unless the observation was made for it.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] if the network does not describe its biases; as [`gradients`](Self::gradients).
    pub fn full_gradients(&mut self, targets: &[Target]) -> Result<Vec<GradientTerm>> {
        if self.probes.is_some() {
            self.gradients(targets)?;
            return self.full.clone().ok_or(Error::Missing {
                method: Method::FullGrad,
                what: "gradients",
            });
        }
        let targets = self.resolve(targets)?;
        let wanted = Wanted {
            gradients: true,
            full: true,
        };
        let mut copy = Observation::new(self.explainer, &self.images, wanted)?;
        let terms = copy.full_gradients(&targets)?;
        self.passes.add(copy.passes);
        Ok(terms)
    }

    /// The images as a layer, for methods whose maps have their size.
    pub(super) fn input_layer(&self) -> Result<Recorded> {
        let (_, channels, height, width) = self.images.dims4()?;
        Ok(Recorded {
            tap: INPUT.to_owned(),
            activation: self.images.clone(),
            values: host::values(&self.images)?,
            channels,
            height,
            width,
            probe: None,
        })
    }
}

/// The probes at the taps of the biases, with each bias shaped to multiply its gradient.
pub(super) fn bias_probes(
    biases: Vec<BiasTerm>,
    recorder: &Recorder<'_>,
) -> Result<Vec<(String, Var, Tensor)>> {
    biases
        .into_iter()
        .map(|term| {
            let visit = recorder.visits.iter().find(|v| v.name == term.tap);
            let Some((visit, probe)) = visit.and_then(|v| v.probe.clone().map(|p| (v, p))) else {
                return Err(Error::UnknownTap {
                    tap: term.tap,
                    available: recorder.names.clone(),
                });
            };
            let (channels, got) = (visit.activation.dim(1)?, term.bias.elem_count());
            if channels != got {
                let what = "length of the bias";
                return Err(Error::DescriptionMismatch {
                    what,
                    tap: term.tap,
                    expected: channels,
                    got,
                });
            }
            let bias = term
                .bias
                .detach()
                .to_dtype(probe.dtype())?
                .to_device(probe.device())?;
            Ok((term.tap, probe, bias.reshape((1, channels, 1, 1))?))
        })
        .collect()
}
