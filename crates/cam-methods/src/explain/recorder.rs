//! The taps that explanations hand to a network.

use crate::{Tap, TapShape};
use candle_core::{Result, Tensor, Var};

/// Lists spatial taps.
#[derive(Default)]
pub(crate) struct Lister {
    pub(crate) taps: Vec<TapShape>,
}

impl Tap for Lister {
    fn visit(&mut self, name: &str, activation: Tensor) -> Result<Tensor> {
        if let [_, channels, height, width] = *activation.dims() {
            self.taps.push(TapShape {
                name: name.to_owned(),
                channels,
                height,
                width,
            });
        }
        Ok(activation)
    }
}

/// An activation and the probe that was added to it.
pub(crate) struct Visit {
    pub(crate) name: String,
    pub(crate) activation: Tensor,
    pub(crate) probe: Option<Var>,
}

/// Keeps the activations asked for; adds a zero `Var` to each where gradients are wanted, since candle
/// returns gradients of `Var`s only.
pub(crate) struct Recorder<'a> {
    pub(crate) wanted: &'a [String],
    pub(crate) probing: bool,
    /// Whether something before the first tap is differentiated too.
    pub(crate) from_input: bool,
    pub(crate) visits: Vec<Visit>,
    pub(crate) names: Vec<String>,
    pub(crate) lister: Lister,
    pub(crate) largest: usize,
    pub(crate) repeated: Option<String>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(wanted: &'a [String], probing: bool, from_input: bool) -> Self {
        Self {
            wanted,
            probing,
            from_input,
            visits: Vec::new(),
            names: Vec::new(),
            lister: Lister::default(),
            largest: 0,
            repeated: None,
        }
    }
}

impl Tap for Recorder<'_> {
    fn visit(&mut self, name: &str, activation: Tensor) -> Result<Tensor> {
        self.names.push(name.to_owned());
        self.largest = self.largest.max(activation.elem_count());
        let activation = self.lister.visit(name, activation)?;
        if !self.wanted.iter().any(|w| w == name) {
            return Ok(activation);
        }
        if self.visits.iter().any(|v| v.name == name) {
            self.repeated = Some(name.to_owned());
            return Ok(activation);
        }
        if !self.probing {
            let kept = activation.detach();
            self.visits.push(Visit {
                name: name.to_owned(),
                activation: kept,
                probe: None,
            });
            return Ok(activation);
        }
        // where no probe lies before the first tap, nothing above it has to be differentiated
        let cut = self.visits.is_empty() && !self.from_input;
        let base = if cut { activation.detach() } else { activation };
        let probe = Var::zeros(base.shape(), base.dtype(), base.device())?;
        let continued = (&base + probe.as_tensor())?;
        self.visits.push(Visit {
            name: name.to_owned(),
            activation: base.detach(),
            probe: Some(probe),
        });
        Ok(continued)
    }
}

/// Replaces the activation at one tap.
pub(crate) struct Replace<'a> {
    pub(crate) tap: &'a str,
    pub(crate) activation: Tensor,
}

impl Tap for Replace<'_> {
    fn visit(&mut self, name: &str, activation: Tensor) -> Result<Tensor> {
        Ok(if name == self.tap {
            self.activation.clone()
        } else {
            activation
        })
    }
}
