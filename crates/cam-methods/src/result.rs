//! What an explanation returns.

use crate::{Method, Semantics, TapShape};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// The heatmaps of one method for a batch.
///
/// # Shapes
///
/// All tensors are `f32` on the CPU; `B` images of `H` rows and `W` columns.
#[derive(Debug, Clone)]
pub struct CamMaps {
    /// Name of the method, or of a rule of your own.
    pub method: String,
    /// Definitions the maps were made with.
    pub semantics: Semantics,
    /// Maps at the resolution of each tap, in the order in which the taps were asked for.
    pub layers: Vec<LayerMaps>,
    /// The heatmap: `[B, H, W]` in [0, 1].
    pub up: Tensor,
    /// The heatmap before it was brought to [0, 1]: `[B, H, W]`. Comparable between images of one network
    /// and method, which a heatmap whose own maximum is 1 is not.
    pub unscaled: Tensor,
    /// What to know about each map before believing it, one per image.
    pub diagnostics: Vec<Diagnostics>,
}

impl CamMaps {
    /// Signed map at the resolution of the first tap, `[B, h, w]`, as the method's formula gives it.
    pub fn raw(&self) -> &Tensor {
        &self.layers[0].raw
    }

    /// Map at the resolution of the first tap, `[B, h, w]`, rectified and in [0, 1].
    pub fn low(&self) -> &Tensor {
        &self.layers[0].low
    }

    /// Channel weights at the first tap, `[B, K]`, where the method has one weight per channel.
    pub fn weights(&self) -> Option<&Tensor> {
        self.layers[0].weights.as_ref()
    }

    /// The heatmap of one image, row by row.
    ///
    /// # Errors
    ///
    /// A tensor error if there is no such image.
    pub fn heatmap(&self, image: usize) -> crate::Result<Vec<f32>> {
        Ok(self.up.get(image)?.flatten_all()?.to_vec1()?)
    }
}

/// Maps at one tap.
#[derive(Debug, Clone)]
pub struct LayerMaps {
    /// Name of the tap.
    pub tap: String,
    /// Signed map as the method's formula gives it, `[B, h, w]`.
    pub raw: Tensor,
    /// The map rectified (unless the method is signed) and in [0, 1], `[B, h, w]`.
    pub low: Tensor,
    /// Channel weights `[B, K]`, where the method has one weight per channel.
    pub weights: Option<Tensor>,
}

/// What to know about one map before believing it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnostics {
    /// The map is zero everywhere after rectification: nothing speaks for the target.
    pub zero_map: bool,
    /// The map is the same everywhere, so that its heatmap is zero.
    pub constant_map: bool,
    /// Details of each tap, in the order of [`CamMaps::layers`].
    pub layers: Vec<LayerDiagnostics>,
}

impl Diagnostics {
    /// Channels that are zero everywhere, over all taps.
    pub fn dead_channels(&self) -> usize {
        self.layers.iter().map(|l| l.dead_channels).sum()
    }

    /// Smallest value of the signed maps.
    pub fn raw_min(&self) -> f32 {
        self.layers
            .iter()
            .fold(f32::INFINITY, |m, l| m.min(l.raw_min))
    }

    /// Largest value of the signed maps.
    pub fn raw_max(&self) -> f32 {
        self.layers
            .iter()
            .fold(f32::NEG_INFINITY, |m, l| m.max(l.raw_max))
    }
}

/// What to know about one map at one tap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerDiagnostics {
    /// Name of the tap.
    pub tap: String,
    /// Channels of the activation.
    pub channels: usize,
    /// Channels that are zero everywhere.
    pub dead_channels: usize,
    /// Channels that are the same everywhere, dead ones included.
    pub constant_channels: usize,
    /// Smallest value of the signed map.
    pub raw_min: f32,
    /// Largest value of the signed map.
    pub raw_max: f32,
    /// For methods that score masks or ablations.
    pub scoring: Option<Scoring>,
}

/// How a method that scores channels went about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scoring {
    /// Channels (or groups, or cells) with a score of their own or shared.
    pub scored: usize,
    /// Variants of this image that had to be sent through the network.
    pub forwards: usize,
    /// Whether a cap left out channels that the method would have scored.
    pub capped: bool,
}

/// How often the network ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passes {
    /// Calls of the network.
    pub forward: usize,
    /// Images those calls were given in all.
    pub forward_images: usize,
    /// Backward passes.
    pub backward: usize,
}

impl Passes {
    pub(crate) fn add(&mut self, other: Self) {
        self.forward += other.forward;
        self.forward_images += other.forward_images;
        self.backward += other.backward;
    }
}

/// The heatmaps of several methods, and what it took to make them.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// One entry per method, in the order asked for.
    pub maps: Vec<CamMaps>,
    /// The network's output for the unchanged images, `f32` on the CPU.
    pub outputs: Tensor,
    /// Class that was explained, per image, where the target is about one.
    pub classes: Vec<Option<usize>>,
    /// Every spatial tap the network called, in order.
    pub taps: Vec<TapShape>,
    /// How often the network ran.
    pub passes: Passes,
}

impl Explanation {
    /// The heatmaps of a method, if it was asked for.
    pub fn get(&self, method: Method) -> Option<&CamMaps> {
        self.maps.iter().find(|m| m.method == method.name())
    }
}
