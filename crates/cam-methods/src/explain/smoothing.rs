//! Smoothing of any method: over transformed images, or by the first principal component.

use super::Explainer;
use super::assemble::Drawn;
use super::observation::{Observation, Wanted};
use crate::rules::first_component;
use crate::{CamRule, Explanation, Method, Result, TappedModel, Target};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// Brightness factors of test-time smoothing, each with and without a horizontal flip.
const FACTORS: [f64; 3] = [0.9, 1.0, 1.1];

/// What is done to the maps of any method.
///
/// # Source
///
/// `aug_smooth` and `eigen_smooth` of pytorch-grad-cam.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Smoothing {
    /// Nothing.
    #[default]
    None,
    /// The mean of the heatmaps of six images: flipped or not, times 0.9, 1 or 1.1. Six times the cost. The raw
    /// and low maps, the weights and the diagnostics stay those of the unchanged image.
    TestTime,
    /// The map is the first principal component of the weighted activations instead of their sum. Methods
    /// that are no sum over channels stay as they are.
    PrincipalComponent,
    /// Both.
    Both,
}

impl Smoothing {
    pub(crate) fn test_time(self) -> bool {
        matches!(self, Self::TestTime | Self::Both)
    }

    pub(crate) fn principal_component(self) -> bool {
        matches!(self, Self::PrincipalComponent | Self::Both)
    }
}

impl<M: TappedModel + ?Sized> Observation<'_, M> {
    /// Replaces maps by the first principal component of what they are sums of.
    pub(super) fn smooth(
        &self,
        method: Method,
        rule: Option<&dyn CamRule>,
        gradients: Option<&[Vec<f32>]>,
        drawn: &mut [Vec<Drawn>],
    ) -> Result<()> {
        if matches!(method, Method::EigenCam | Method::EigenGradCam) {
            return Ok(());
        }
        for (l, maps) in drawn.iter_mut().enumerate() {
            for (b, drawn) in maps.iter_mut().enumerate() {
                let layer = self.layers[l].layer(b, gradients.map(|g| g[l].as_slice()));
                let parts: Option<Vec<Vec<f64>>> = match (&drawn.map.weights, rule) {
                    (Some(weights), _) => {
                        let scaled = |(a, w): (&[f32], &f32)| {
                            a.iter().map(|a| f64::from(*a) * f64::from(*w)).collect()
                        };
                        Some(layer.activations().zip(weights).map(scaled).collect())
                    }
                    (None, Some(rule)) => rule.contributions(&layer)?,
                    (None, None) => None,
                };
                if let Some(parts) = parts {
                    let weights = drawn.map.weights.take();
                    drawn.map = first_component(parts, &self.explainer.semantics.eigen);
                    drawn.map.weights = weights;
                }
            }
        }
        Ok(())
    }
}

/// Mean of the heatmaps of six transformed batches.
pub(super) fn explain_transformed<M: TappedModel + ?Sized>(
    explainer: &Explainer<'_, M>,
    images: &Tensor,
    targets: &[Target],
    methods: &[Method],
) -> Result<Explanation> {
    let mut inner = explainer.copy();
    inner.parameters.smoothing = match explainer.parameters.smoothing {
        Smoothing::Both | Smoothing::PrincipalComponent => Smoothing::PrincipalComponent,
        Smoothing::TestTime | Smoothing::None => Smoothing::None,
    };
    let mut flipped = inner.copy();
    if let Some(region) = &inner.region {
        flipped.region = Some(flip(region)?);
    }
    let full = methods.contains(&Method::FullGrad);
    let wanted = Wanted {
        gradients: methods.iter().any(|m| m.needs_gradients()),
        full,
    };
    let mut plain = Observation::new(&inner, images, wanted)?;
    // the class that the unchanged image is given, for every copy of it
    let targets = plain.resolve(targets)?;
    let mut explanation = plain.explain(&targets, methods)?;
    let mut sums: Vec<Tensor> = explanation.maps.iter().map(|m| m.up.clone()).collect();
    for mirrored in [false, true] {
        for factor in FACTORS {
            if !mirrored && factor == 1.0 {
                continue;
            }
            let copy = if mirrored {
                flip(images)?
            } else {
                images.clone()
            };
            let explainer = if mirrored { &flipped } else { &inner };
            let mut observation = Observation::new(explainer, &(copy * factor)?, wanted)?;
            let part = observation.explain(&targets, methods)?;
            explanation.passes.add(part.passes);
            for (sum, maps) in sums.iter_mut().zip(&part.maps) {
                let up = if mirrored {
                    flip(&maps.up)?
                } else {
                    maps.up.clone()
                };
                *sum = (&*sum + up)?;
            }
        }
    }
    let count = (2 * FACTORS.len()) as f64;
    for (maps, sum) in explanation.maps.iter_mut().zip(sums) {
        maps.up = (sum / count)?.clamp(0f32, 1f32)?;
    }
    Ok(explanation)
}

/// Mirrors the last axis.
fn flip(t: &Tensor) -> Result<Tensor> {
    let last = t.rank() - 1;
    let width = t.dim(last)?;
    let index: Vec<u32> = (0..width as u32).rev().collect();
    let index = Tensor::from_vec(index, width, t.device())?;
    Ok(t.contiguous()?.index_select(&index, last)?)
}
