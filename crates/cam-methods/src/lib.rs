#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "ndarray")]
mod arrays;
mod colour;
mod describe;
mod error;
pub mod evaluate;
mod explain;
mod host;
mod layer;
mod method;
mod methods;
mod normalise;
#[cfg(feature = "image")]
mod overlay;
mod parameters;
mod progress;
mod resize;
mod result;
mod rng;
mod rules;
mod score;
mod semantics;
mod tap;
mod target;
mod variants;

pub use colour::ColourMap;
pub use describe::{BiasTerm, Described, LinearHead};
pub use error::{Error, Result};
pub use explain::{Explainer, GradientTerm, Observation, Smoothing};
pub use layer::{Layer, RawMap};
pub use method::Method;
use methods::blur;
#[cfg(feature = "image")]
pub use overlay::{colour_image, overlay};
pub use parameters::Parameters;
pub use progress::{Control, Observer, Progress};
pub use resize::{Resize, resize_bilinear};
pub use result::{CamMaps, Diagnostics, Explanation, LayerDiagnostics, LayerMaps, Passes, Scoring};
pub use rules::CamRule;
pub use semantics::{
    AblationRule, Alpha, AlphaSum, ChannelWeights, Combine, ConstantChannels, EigenRule, EigenSign,
    FullGradRule, FullGradScale, Fusion, LayerCamRule, LayerScaling, MaskOrder, Normalise,
    NormaliseAt, Pixels, PlusPlusRule, Preset, Rectify, ScoreCamRule, Semantics, Threshold,
};
pub use tap::{NoTap, Tap, TapShape, TappedModel};
pub use target::{ScoreFunction, ScoreSpace, Target};
