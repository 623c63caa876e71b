//! Competing definitions as data.

mod check;
mod presets;

pub use presets::Preset;

use crate::{Method, Resize, ScoreSpace};
use serde::{Deserialize, Serialize};

/// When negative values of a map are set to zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rectify {
    /// At the layer's resolution.
    BeforeResize,
    /// At the image's resolution.
    AfterResize,
}

/// When a map is brought to [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormaliseAt {
    /// At the layer's resolution.
    BeforeResize,
    /// At the image's resolution.
    AfterResize,
    /// Both.
    Both,
}

/// Over which pixels minimum and maximum are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pixels {
    /// The whole image.
    Image,
    /// The region given to the explainer; values outside it are clamped to [0, 1]. Applies at the
    /// image's resolution.
    Region,
}

/// How a map is brought to [0, 1].
///
/// ```text
/// m = (x - min) / (max - min + epsilon)        zeros where max = min
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalise {
    /// At which resolution.
    pub at: NormaliseAt,
    /// Added to the range; 0 divides by the range itself.
    pub epsilon: f64,
    /// Over which pixels.
    pub pixels: Pixels,
}

/// How the maps of several taps become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// Element-wise maximum.
    Maximum,
    /// Element-wise mean.
    Mean,
}

/// How Layer-CAM scales each of several layers before they are combined.
///
/// ```text
/// Tanh     M' = tanh(gamma * M / max M)
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LayerScaling {
    /// As every other method: to [0, 1].
    Normalise,
    /// By tanh.
    Tanh {
        /// Slope; 2 in the Layer-CAM paper.
        gamma: f64,
        /// Taps to scale so; empty means all. A name that the network does not have is an error.
        taps: Vec<String>,
    },
}

/// Fusion of several taps. With one tap none of it applies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fusion {
    /// How maps at image size become one.
    pub combine: Combine,
    /// What Layer-CAM does to each layer first.
    pub layer_cam: LayerScaling,
    /// Whether the fused map is brought to [0, 1] again.
    pub normalise: bool,
}

/// How Grad-CAM++ forms alpha; S is the sum of the channel's activations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alpha {
    /// `1 / (2 + g S)` where g is not 0, else 0: the quotient of the paper with the exponential
    /// cancelled, so that no score can overflow.
    Exact,
    /// `g^2 / (2 g^2 + S g^3 + epsilon)`.
    Epsilon(f64),
    /// `g^2`, which torch-cam computes because it divides a copy.
    Undivided,
}

/// Over which cells the alphas of a channel are made to sum to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlphaSum {
    /// Not at all.
    None,
    /// Cells with a positive gradient, as in the authors' code.
    PositiveGradients,
    /// All cells, as in tf-keras-vis.
    AllCells,
}

/// Grad-CAM++'s weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlusPlusRule {
    /// The quotient.
    pub alpha: Alpha,
    /// Its normalisation.
    pub sum: AlphaSum,
}

/// Layer-CAM's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerCamRule {
    /// `ReLU(g)` per cell (Jiang 2021).
    PositiveGradient,
    /// `ReLU(g - mean g)` per cell (text of Syed et al. 2023 before Eq. 10). Identically zero where
    /// the gradient is constant over a channel, as under pooling and a linear layer.
    GradientDeviation,
    /// `mean ReLU(g)` per channel (tf-keras-vis 0.8.0 and 0.8.1).
    MeanPositiveGradient,
}

/// When a mask of Score-CAM is brought to [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskOrder {
    /// At image size.
    ResizeFirst,
    /// At the layer's size.
    NormaliseFirst,
}

/// What Score-CAM does with a channel that is the same everywhere (its mask would be 0/0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstantChannels {
    /// Leaves it out.
    Skip,
    /// Gives it the score of the blank image, scored once.
    ScoreBlank,
}

/// What becomes of the scores of the channels.
///
/// ```text
/// AsIs             w_k = s_k
/// Increase         w_k = s_k - s(blank image)
/// ChannelSoftmax   w = softmax over channels of s      (a constant baseline cancels)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelWeights {
    /// The score itself.
    AsIs,
    /// The increase over the blank image.
    Increase,
    /// Softmax over the channels scored.
    ChannelSoftmax,
}

/// Score-CAM's masks and weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreCamRule {
    /// When masks are normalised.
    pub order: MaskOrder,
    /// How masks are resized.
    pub resize: Resize,
    /// Added to the range of a mask.
    pub epsilon: f64,
    /// Constant channels.
    pub constant: ConstantChannels,
    /// Scale of the score.
    pub space: ScoreSpace,
    /// Weights from scores.
    pub weights: ChannelWeights,
    /// When the map is rectified.
    pub rectify: Rectify,
}

/// Which of the two directions of a principal component is positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EigenSign {
    /// The map sums to a positive number.
    PositiveSum,
    /// The entry of largest magnitude is positive.
    PositivePeak,
}

/// Eigen-CAM's decomposition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EigenRule {
    /// Whether each channel's mean is removed first.
    pub centre: bool,
    /// The sign, which a singular vector leaves open.
    pub sign: EigenSign,
}

/// Over what FullGrad brings each term to [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FullGradScale {
    /// Per image and layer, over all channels together.
    PerLayer,
    /// Each channel by itself.
    PerChannel,
}

/// FullGrad's post-processing of each term before it is added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullGradRule {
    /// Scale of the absolute values.
    pub scale: FullGradScale,
    /// How terms are resized.
    pub resize: Resize,
    /// Added to each range.
    pub epsilon: f64,
}

/// How Ablation-CAM turns scores into weights; y is the score of the image, y_k that without channel k.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AblationRule {
    /// `(y - y_k) / |y|`: the relative drop, whatever the sign of the score.
    RelativeDrop,
    /// `(y - y_k) / y`, as printed and in pytorch-grad-cam: inverted where the score is negative.
    SignedRelativeDrop,
}

/// Whether a pixel at the threshold belongs to the mask.
///
/// No map depends on it; it is recorded so that whoever cuts the map uses the same convention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// `m >= t`.
    AtLeast,
    /// `m > t`.
    Above,
}

/// Every convention on which papers and programs differ.
///
/// Start from a preset and change what you like; the value travels with every result.
///
/// # Examples
///
/// ```
/// use cam_methods::{Resize, Semantics};
/// let mut semantics = Semantics::literature();
/// assert_eq!(semantics.label(), "literature");
/// semantics.resize = Resize::AlignCorners;
/// assert_eq!(semantics.label(), "literature, modified");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Semantics {
    /// Whose definitions these were to begin with.
    pub preset: Preset,
    /// Scale of the score that is differentiated.
    pub gradient_score: ScoreSpace,
    /// When maps are rectified; Score-CAM has its own switch.
    pub rectify: Rectify,
    /// Methods whose maps are never rectified.
    pub signed: Vec<Method>,
    /// How maps are resized.
    pub resize: Resize,
    /// How maps are brought to [0, 1].
    pub normalise: Normalise,
    /// Several taps.
    pub fusion: Fusion,
    /// Grad-CAM++.
    pub grad_cam_plus_plus: PlusPlusRule,
    /// Added to the sum of activations in XGrad-CAM; 0 gives channels whose activations cancel the
    /// weight 0.
    pub xgrad_epsilon: f64,
    /// Layer-CAM.
    pub layer_cam: LayerCamRule,
    /// Score-CAM and Faster Score-CAM.
    pub score_cam: ScoreCamRule,
    /// Eigen-CAM and Eigen-Grad-CAM.
    pub eigen: EigenRule,
    /// FullGrad.
    pub full_grad: FullGradRule,
    /// Ablation-CAM.
    pub ablation: AblationRule,
    /// Cutting the map.
    pub threshold: Threshold,
}

impl Default for Semantics {
    fn default() -> Self {
        Self::literature()
    }
}

impl Semantics {
    /// The definitions of a preset.
    pub fn preset(preset: Preset) -> Self {
        match preset {
            Preset::Literature => Self::literature(),
            Preset::PaperText => Self::paper_text(),
            Preset::PaperReleasedCode => Self::paper_released_code(),
            Preset::TfKerasVis => Self::tf_keras_vis(),
            Preset::PytorchGradCam => Self::pytorch_grad_cam(),
            Preset::TorchCam => Self::torch_cam(),
        }
    }

    /// Name of the preset, and whether anything was changed since.
    pub fn label(&self) -> String {
        if *self == Self::preset(self.preset) {
            self.preset.to_string()
        } else {
            format!("{}, modified", self.preset)
        }
    }
}
