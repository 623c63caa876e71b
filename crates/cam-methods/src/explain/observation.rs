//! One forward pass, and every explanation that can be drawn from it.

use super::Explainer;

use super::assemble::{Assembler, Drawn};
use super::full_gradient::{FullProbes, GradientTerm, INPUT, bias_probes};
use super::gradients::{backward, scores};
use super::recorder::Recorder;
use crate::score::ScoreTables;
use crate::semantics::LayerScaling;
use crate::{
    CamMaps, CamRule, Error, Explanation, Layer, Method, Passes, RawMap, Result, TapShape,
    TappedModel, Target, host, methods, rules,
};
use candle_core::{Tensor, Var};

/// An activation at a tap, on the device and as plain values.
pub(crate) struct Recorded {
    pub(crate) tap: String,
    pub(crate) activation: Tensor,
    pub(crate) values: Vec<f32>,
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(super) probe: Option<Var>,
}

/// What a pass must be able to differentiate.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    pub(crate) gradients: bool,
    pub(crate) full: bool,
}

impl Recorded {
    /// One image; `gradients` are those of the whole batch.
    pub(crate) fn layer<'a>(&'a self, sample: usize, gradients: Option<&'a [f32]>) -> Layer<'a> {
        let size = self.channels * self.height * self.width;
        let span = sample * size..(sample + 1) * size;
        Layer {
            tap: &self.tap,
            sample,
            channels: self.channels,
            height: self.height,
            width: self.width,
            activations: &self.values[span.clone()],
            gradients: gradients.map(|g| &g[span]),
        }
    }
}

/// What one forward pass showed. Explains any number of targets and methods; scores of masked images are kept.
pub struct Observation<'e, M: ?Sized> {
    pub(crate) explainer: &'e Explainer<'e, M>,
    pub(crate) images: Tensor,
    pub(crate) outputs: Tensor,
    pub(crate) layers: Vec<Recorded>,
    pub(crate) passes: Passes,
    pub(crate) tables: ScoreTables,
    pub(crate) largest_activation: usize,
    /// Whether some shortcut from before a tap joins after it, so that a larger batch cannot begin there.
    pub(crate) joins_shortcut: bool,
    pub(crate) full: Option<Vec<GradientTerm>>,
    pub(super) probes: Option<FullProbes>,
    available: Vec<TapShape>,
    assembler: Assembler,
}

pub(crate) fn check_images(images: &Tensor) -> Result<[usize; 4]> {
    match *images.dims() {
        [b, c, h, w] if b * c * h * w > 0 => Ok([b, c, h, w]),
        _ => Err(Error::ImageShape {
            shape: images.dims().to_vec(),
        }),
    }
}

impl<'e, M: TappedModel + ?Sized> Observation<'e, M> {
    pub(super) fn new(
        explainer: &'e Explainer<'e, M>,
        images: &Tensor,
        wanted: Wanted,
    ) -> Result<Self> {
        let [batch, _, height, width] = check_images(images)?;
        explainer.parameters.check()?;
        explainer.semantics.check()?;
        if explainer.model.is_training() == Some(true) {
            return Err(Error::TrainingMode);
        }
        let images = images.detach();
        host::finite_values(&images, "images", "input")?;
        let assembler = Assembler::new(explainer, batch, [height, width])?;
        let (taps, listed) = explainer.resolve_taps(&images)?;
        let mut passes = Passes::default();
        if listed {
            passes.forward += 1;
            passes.forward_images += 1;
        }
        let biases = if wanted.full {
            methods::bias_terms(explainer.model)?
        } else {
            Vec::new()
        };
        let mut names = taps.clone();
        names.extend(biases.iter().map(|b| b.tap.clone()));
        let mut recorder = Recorder::new(&names, wanted.gradients, wanted.full);
        let input = match wanted.full {
            true => Some(Var::zeros(images.shape(), images.dtype(), images.device())?),
            false => None,
        };
        let outputs = match &input {
            Some(probe) => explainer
                .model
                .forward_tapped(&(&images + probe.as_tensor())?, &mut recorder),
            None => explainer.model.forward_tapped(&images, &mut recorder),
        };
        if let Some(tap) = recorder.repeated {
            return Err(Error::RepeatedTap { tap });
        }
        let outputs = outputs.map_err(|source| Error::Model { source })?;
        passes.forward += 1;
        passes.forward_images += batch;

        if let LayerScaling::Tanh { taps, .. } = &explainer.semantics.fusion.layer_cam {
            // A misspelt name would leave its layer unscaled without a word.
            if let Some(tap) = taps.iter().find(|t| !recorder.names.contains(t)) {
                return Err(Error::UnknownTap {
                    tap: tap.clone(),
                    available: recorder.names,
                });
            }
        }
        let probes = match input {
            Some(input) => Some(FullProbes {
                input,
                biases: bias_probes(biases, &recorder)?,
            }),
            None => None,
        };
        let mut visits = recorder.visits;
        let mut layers = Vec::with_capacity(taps.len());
        for tap in &taps {
            let Some(at) = visits.iter().position(|v| v.name == *tap) else {
                return Err(Error::UnknownTap {
                    tap: tap.clone(),
                    available: recorder.names,
                });
            };
            let visit = visits.swap_remove(at);
            let dims = visit.activation.dims().to_vec();
            let [b, channels, h, w] = dims[..] else {
                return Err(Error::TapShape {
                    tap: tap.clone(),
                    batch,
                    shape: dims,
                });
            };
            if b != batch || channels * h * w == 0 {
                return Err(Error::TapShape {
                    tap: tap.clone(),
                    batch,
                    shape: dims,
                });
            }
            let values = host::finite_values(&visit.activation, "activations", tap)?;
            layers.push(Recorded {
                tap: tap.clone(),
                activation: visit.activation,
                values,
                channels,
                height: h,
                width: w,
                probe: visit.probe,
            });
        }
        if outputs.rank() == 0 || outputs.dim(0)? != batch {
            return Err(Error::OutputShape {
                target: "explained".to_owned(),
                expected: "[batch, ...]",
                shape: outputs.dims().to_vec(),
            });
        }
        host::finite_values(&outputs, "scores", "output")?;
        Ok(Self {
            explainer,
            images,
            outputs,
            tables: ScoreTables::new(layers.len()),
            layers,
            passes,
            largest_activation: recorder.largest / batch,
            joins_shortcut: false,
            full: None,
            probes,
            available: recorder.lister.taps,
            assembler,
        })
    }

    /// The network's output for the unchanged images.
    pub fn outputs(&self) -> Tensor {
        self.outputs.detach()
    }

    /// How often the network has run for this observation.
    pub fn passes(&self) -> Passes {
        self.passes
    }

    /// Activation at one of the taps explained, `[B, K, h, w]`, on the network's device.
    pub fn activation(&self, tap: &str) -> Option<&Tensor> {
        self.layers
            .iter()
            .find(|l| l.tap == tap)
            .map(|l| &l.activation)
    }

    /// Gradients of the targets' scores at each tap explained, `[B, K, h, w]`, on the network's device: one
    /// backward pass.
    ///
    /// # Errors
    ///
    /// [`Error::TargetCount`], [`Error::Disconnected`], and what the targets return.
    pub fn gradients(&mut self, targets: &[Target]) -> Result<Vec<Tensor>> {
        let targets = self.resolve(targets)?;
        let space = self.explainer.semantics.gradient_score;
        let scores = scores(&self.outputs, &targets, space)?;
        let store = backward(&scores)?;
        self.passes.backward += 1;
        let at = |probe: Option<&Var>, tap: &str| {
            let found = probe.and_then(|p| store.get(p.as_tensor()));
            found.cloned().ok_or_else(|| Error::Disconnected {
                tap: tap.to_owned(),
            })
        };
        if let Some(probes) = &self.probes {
            let input = at(Some(&probes.input), INPUT)?;
            let mut terms = vec![GradientTerm {
                place: INPUT.to_owned(),
                values: (&self.images * &input)?,
            }];
            for (tap, probe, bias) in &probes.biases {
                let values = at(Some(probe), tap)?.broadcast_mul(bias)?;
                terms.push(GradientTerm {
                    place: tap.clone(),
                    values,
                });
            }
            self.full = Some(terms);
        }
        self.layers
            .iter()
            .map(|layer| at(layer.probe.as_ref(), &layer.tap))
            .collect()
    }

    /// The heatmaps of several methods for one target per image.
    ///
    /// # Errors
    ///
    /// As [`Explainer::explain_all`].
    pub fn explain(&mut self, targets: &[Target], methods: &[Method]) -> Result<Explanation> {
        let targets = self.resolve(targets)?;
        let gradients = match methods.iter().any(|m| m.needs_gradients()) {
            true => Some(self.gradient_values(&targets)?),
            false => None,
        };
        if self.reduced_scores() {
            self.tables.clear();
        }
        if methods.contains(&Method::FullGrad) && self.probes.is_none() {
            self.full = Some(self.full_gradients(&targets)?);
        }
        let mut maps = Vec::with_capacity(methods.len());
        for method in methods {
            let rule = rules::of(
                *method,
                &self.explainer.semantics,
                &self.explainer.parameters,
            );
            let mut drawn = match &rule {
                Some(rule) => self.draw(rule.as_ref(), gradients.as_deref())?,
                None => methods::draw(self, *method, &targets, gradients.as_deref())?,
            };
            if self.explainer.parameters.smoothing.principal_component() {
                self.smooth(*method, rule.as_deref(), gradients.as_deref(), &mut drawn)?;
            }
            let maps_of_method = match method {
                Method::FullGrad => {
                    self.assemble(method.name(), Some(*method), &[self.input_layer()?], drawn)?
                }
                _ => self.assemble(method.name(), Some(*method), &self.layers, drawn)?,
            };
            maps.push(maps_of_method);
        }
        Ok(Explanation {
            maps,
            outputs: host_copy(&self.outputs)?,
            classes: targets.iter().map(Target::class).collect(),
            taps: self.available.clone(),
            passes: self.passes,
        })
    }

    /// The heatmaps of a rule of your own.
    ///
    /// # Errors
    ///
    /// As [`Explainer::explain_all`], and whatever the rule returns.
    pub fn explain_rule(&mut self, targets: &[Target], rule: &dyn CamRule) -> Result<CamMaps> {
        let targets = self.resolve(targets)?;
        let gradients = match rule.needs_gradients() {
            true => Some(self.gradient_values(&targets)?),
            false => None,
        };
        let drawn = self.draw(rule, gradients.as_deref())?;
        self.assemble(rule.name(), None, &self.layers, drawn)
    }

    fn assemble(
        &self,
        name: &str,
        method: Option<Method>,
        layers: &[Recorded],
        drawn: Vec<Vec<Drawn>>,
    ) -> Result<CamMaps> {
        self.assembler
            .assemble(&self.explainer.semantics, name, method, layers, drawn)
    }

    pub(crate) fn resolve(&self, targets: &[Target]) -> Result<Vec<Target>> {
        let batch = self.images.dim(0)?;
        if targets.len() != batch {
            return Err(Error::TargetCount {
                targets: targets.len(),
                batch,
            });
        }
        let outputs = self.outputs.detach();
        targets
            .iter()
            .enumerate()
            .map(|(i, t)| t.resolve(&outputs.narrow(0, i, 1)?))
            .collect()
    }

    fn gradient_values(&mut self, targets: &[Target]) -> Result<Vec<Vec<f32>>> {
        let gradients = self.gradients(targets)?;
        gradients
            .iter()
            .zip(&self.layers)
            .map(|(g, layer)| host::finite_values(g, "gradients", &layer.tap))
            .collect()
    }

    /// Applies a rule at every tap to every image.
    pub(crate) fn draw(
        &self,
        rule: &dyn CamRule,
        gradients: Option<&[Vec<f32>]>,
    ) -> Result<Vec<Vec<Drawn>>> {
        let batch = self.images.dim(0)?;
        self.layers
            .iter()
            .enumerate()
            .map(|(l, recorded)| {
                (0..batch)
                    .map(|b| {
                        let layer = recorded.layer(b, gradients.map(|g| g[l].as_slice()));
                        let map = checked(rule, &layer)?;
                        Ok(Drawn { map, scoring: None })
                    })
                    .collect()
            })
            .collect()
    }
}

fn checked(rule: &dyn CamRule, layer: &Layer<'_>) -> Result<RawMap> {
    let map = rule.map(layer)?;
    if map.values.len() != layer.cells() {
        return Err(Error::RuleShape {
            rule: rule.name().to_owned(),
            expected: layer.cells(),
            got: map.values.len(),
        });
    }
    host::check_finite(&map.values, "map", layer.tap())?;
    Ok(map)
}

pub(crate) fn host_copy(t: &Tensor) -> Result<Tensor> {
    host::tensor(host::values(t)?, t.dims())
}
