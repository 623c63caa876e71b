//! The presets, and where each choice was read.

use super::*;
use std::fmt;
use std::str::FromStr;

/// Whose definitions a [`Semantics`] started from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// The original papers and their authors' code.
    Literature,
    /// The text of Syed et al. 2023.
    PaperText,
    /// What the released code of Syed et al. 2023 does.
    PaperReleasedCode,
    /// tf-keras-vis 0.8.8.
    TfKerasVis,
    /// pytorch-grad-cam 1.5.
    PytorchGradCam,
    /// torch-cam 0.5.
    TorchCam,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 6] = [
        Self::Literature,
        Self::PaperText,
        Self::PaperReleasedCode,
        Self::TfKerasVis,
        Self::PytorchGradCam,
        Self::TorchCam,
    ];

    /// Canonical name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Literature => "literature",
            Self::PaperText => "paper_text",
            Self::PaperReleasedCode => "paper_released_code",
            Self::TfKerasVis => "tf_keras_vis",
            Self::PytorchGradCam => "pytorch_grad_cam",
            Self::TorchCam => "torch_cam",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Preset {
    type Err = crate::Error;

    fn from_str(name: &str) -> crate::Result<Self> {
        Self::ALL
            .into_iter()
            .find(|p| p.name() == name)
            .ok_or_else(|| crate::Error::UnknownName {
                kind: "semantics",
                name: name.to_owned(),
                known: Self::ALL.map(Self::name).join(", "),
            })
    }
}

impl Semantics {
    /// The original papers, with their authors' code where the text is silent.
    ///
    /// Gradients of logits, ReLU, bilinear half-pixel resize, exact min-max over the image.
    /// Grad-CAM++ as in the authors' code; Layer-CAM with tanh (gamma 2) and the element-wise maximum;
    /// Score-CAM weighted by class probability, constant channels left out, ReLU at image size.
    ///
    /// # Source
    ///
    /// Zhou 2016 (no ReLU: `cam` is signed); Selvaraju 2017; Chattopadhyay 2018, `misc/utils.py`; Wang
    /// 2020, `haofanwang/Score-CAM`; Jiang 2021 and its author on torch-cam issue 76; Muhammad 2020
    /// (no centring); Srinivas 2019.
    pub fn literature() -> Self {
        Self {
            preset: Preset::Literature,
            gradient_score: ScoreSpace::Logit,
            rectify: Rectify::BeforeResize,
            signed: vec![Method::Cam],
            resize: Resize::HalfPixel,
            normalise: Normalise {
                at: NormaliseAt::AfterResize,
                epsilon: 0.0,
                pixels: Pixels::Image,
            },
            fusion: Fusion {
                combine: Combine::Maximum,
                layer_cam: LayerScaling::Tanh {
                    gamma: 2.0,
                    taps: Vec::new(),
                },
                normalise: true,
            },
            grad_cam_plus_plus: PlusPlusRule {
                alpha: Alpha::Exact,
                sum: AlphaSum::PositiveGradients,
            },
            xgrad_epsilon: 0.0,
            layer_cam: LayerCamRule::PositiveGradient,
            score_cam: ScoreCamRule {
                order: MaskOrder::ResizeFirst,
                resize: Resize::HalfPixel,
                epsilon: 0.0,
                constant: ConstantChannels::Skip,
                space: ScoreSpace::Probability,
                weights: ChannelWeights::AsIs,
                rectify: Rectify::AfterResize,
            },
            eigen: EigenRule {
                centre: false,
                sign: EigenSign::PositiveSum,
            },
            full_grad: FullGradRule {
                scale: FullGradScale::PerLayer,
                resize: Resize::AlignCorners,
                epsilon: 1e-6,
            },
            ablation: AblationRule::RelativeDrop,
            threshold: Threshold::AtLeast,
        }
    }

    /// What the text of Syed et al. 2023 says, with `literature` where it says nothing.
    ///
    /// Layer-CAM with the weights ReLU(g - mean g) of Eq. 10 over several layers with tanh (Eq. 13; the
    /// operator of the fusion is not stated: maximum); Grad-CAM++ without a final ReLU (Eq. 5); Score-CAM
    /// weighted by the class softmax of the logits (one reading of Eq. 8).
    pub fn paper_text() -> Self {
        let mut s = Self::literature();
        s.preset = Preset::PaperText;
        s.signed = vec![Method::Cam, Method::GradCamPlusPlus];
        s.layer_cam = LayerCamRule::GradientDeviation;
        s.threshold = Threshold::AtLeast;
        s
    }

    /// What the released code of Syed et al. 2023 does, run with tf-keras-vis 0.8.0 (inferred from dates).
    ///
    /// As [`tf_keras_vis`](Self::tf_keras_vis), but "Layer-CAM" is mean ReLU(g) per channel, and
    /// Score-CAM reads the softmax of a softmax because the network already ended in one.
    pub fn paper_released_code() -> Self {
        let mut s = Self::tf_keras_vis();
        s.preset = Preset::PaperReleasedCode;
        s.layer_cam = LayerCamRule::MeanPositiveGradient;
        s.score_cam.space = ScoreSpace::DoubleSoftmax;
        s
    }

    /// tf-keras-vis 0.8.8 on a network that returns logits.
    ///
    /// Align-corners resize (SciPy zoom), epsilon 1e-7, min-max at image size, alphas normalised over all
    /// cells, no channel left out of Score-CAM. On a network that ends in a softmax its Score-CAM applies a
    /// second one: set `score_cam.space` to `DoubleSoftmax`.
    pub fn tf_keras_vis() -> Self {
        let mut s = Self::literature();
        s.preset = Preset::TfKerasVis;
        s.signed = Vec::new();
        s.resize = Resize::AlignCorners;
        s.normalise.epsilon = 1e-7;
        s.fusion.layer_cam = LayerScaling::Normalise;
        s.grad_cam_plus_plus.sum = AlphaSum::AllCells;
        s.score_cam = ScoreCamRule {
            order: MaskOrder::ResizeFirst,
            resize: Resize::AlignCorners,
            epsilon: 1e-7,
            constant: ConstantChannels::ScoreBlank,
            space: ScoreSpace::Probability,
            weights: ChannelWeights::AsIs,
            rectify: Rectify::BeforeResize,
        };
        s
    }

    /// pytorch-grad-cam 1.5.
    ///
    /// ReLU and min-max (epsilon 1e-7) at the layer's size, OpenCV's half-pixel resize, mean over layers,
    /// min-max again; Grad-CAM++ with epsilon 1e-6 and no normalisation of alpha; Score-CAM with align-corners
    /// masks and a softmax over channels; Eigen-CAM centred. Its sign of Eigen-CAM is arbitrary: the
    /// sign with a positive peak is taken here, since a centred map sums to zero.
    pub fn pytorch_grad_cam() -> Self {
        let mut s = Self::literature();
        s.preset = Preset::PytorchGradCam;
        s.signed = Vec::new();
        s.normalise = Normalise {
            at: NormaliseAt::Both,
            epsilon: 1e-7,
            pixels: Pixels::Image,
        };
        s.fusion = Fusion {
            combine: Combine::Mean,
            layer_cam: LayerScaling::Normalise,
            normalise: true,
        };
        s.grad_cam_plus_plus = PlusPlusRule {
            alpha: Alpha::Epsilon(1e-6),
            sum: AlphaSum::None,
        };
        s.xgrad_epsilon = 1e-7;
        s.score_cam = ScoreCamRule {
            order: MaskOrder::ResizeFirst,
            resize: Resize::AlignCorners,
            epsilon: 1e-8,
            constant: ConstantChannels::ScoreBlank,
            space: ScoreSpace::Logit,
            weights: ChannelWeights::ChannelSoftmax,
            rectify: Rectify::BeforeResize,
        };
        s.eigen = EigenRule {
            centre: true,
            sign: EigenSign::PositivePeak,
        };
        s.full_grad = FullGradRule {
            scale: FullGradScale::PerChannel,
            resize: Resize::HalfPixel,
            epsilon: 1e-7,
        };
        s.ablation = AblationRule::SignedRelativeDrop;
        s
    }

    /// torch-cam 0.5, its maps resized as its fusion does.
    ///
    /// Min-max (epsilon 1e-8) at the layer's size only, half-pixel resize, maximum over layers, Layer-CAM with
    /// tanh (gamma 2). Its Grad-CAM++ never divides by alpha's denominator; that is kept.
    pub fn torch_cam() -> Self {
        let mut s = Self::literature();
        s.preset = Preset::TorchCam;
        s.normalise = Normalise {
            at: NormaliseAt::BeforeResize,
            epsilon: 1e-8,
            pixels: Pixels::Image,
        };
        s.fusion.normalise = false;
        s.grad_cam_plus_plus = PlusPlusRule {
            alpha: Alpha::Undivided,
            sum: AlphaSum::None,
        };
        s.xgrad_epsilon = 1e-8;
        s.score_cam = ScoreCamRule {
            order: MaskOrder::NormaliseFirst,
            resize: Resize::HalfPixel,
            epsilon: 1e-8,
            constant: ConstantChannels::ScoreBlank,
            space: ScoreSpace::Logit,
            weights: ChannelWeights::ChannelSoftmax,
            rectify: Rectify::BeforeResize,
        };
        s
    }
}
