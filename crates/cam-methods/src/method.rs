//! The methods and their canonical names.

use crate::Error;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A class activation map method.
///
/// Its name is the same in code, files, CSV and JSON. In the formulas `A_k` is channel `k` of the activation at the tap, `g`
/// the gradient of the score there, `S_k = sum_ij A_kij`, `X` the image; every map is then rectified, resized and
/// brought to [0, 1] as the [`Semantics`](crate::Semantics) say, which also choose between competing definitions.
///
/// # Examples
///
/// ```
/// use cam_methods::Method;
/// let methods = Method::parse_list("grad_cam, score_cam")?;
/// assert_eq!(methods, [Method::GradCam, Method::ScoreCam]);
/// assert_eq!(Method::LayerCam.to_string(), "layer_cam");
/// # Ok::<(), cam_methods::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// CAM (Zhou 2016): the weights of a linear layer after global average pooling.
    ///
    /// ```text
    /// M = sum_k W_ck A_k
    /// ```
    ///
    /// Source: Zhou et al. 2016, Eq. 2.
    Cam,
    /// Grad-CAM (Selvaraju 2017): channels weighted by their mean gradient.
    ///
    /// ```text
    /// w_k = mean_ij g_kij        M = sum_k w_k A_k
    /// ```
    ///
    /// Source: Selvaraju et al. 2017, Eq. 1 and 2.
    GradCam,
    /// Grad-CAM++ (Chattopadhyay 2018): positive gradients weighted by alpha.
    ///
    /// ```text
    /// alpha_kij = 1 / (2 + g_kij S_k)        w_k = sum_ij alpha_kij ReLU(g_kij)        M = sum_k w_k A_k
    /// ```
    ///
    /// Source: Chattopadhyay et al. 2018, Eq. 19; alpha and its normalisation: [`PlusPlusRule`](crate::PlusPlusRule).
    GradCamPlusPlus,
    /// XGrad-CAM (Fu 2020): gradients averaged with the activation as weight.
    ///
    /// ```text
    /// w_k = sum_ij A_kij g_kij / S_k        M = sum_k w_k A_k
    /// ```
    ///
    /// Source: Fu et al. 2020, Eq. 8.
    #[serde(rename = "xgrad_cam")]
    XGradCam,
    /// HiResCAM (Draelos 2020): gradient times activation, summed.
    ///
    /// ```text
    /// M_ij = sum_k g_kij A_kij
    /// ```
    ///
    /// Source: Draelos and Carin 2020, Eq. 2.
    HiresCam,
    /// Element-wise Grad-CAM (Pillai 2021): the same, rectified per channel.
    ///
    /// ```text
    /// M_ij = sum_k ReLU(g_kij A_kij)
    /// ```
    ///
    /// Source: Pillai and Pirsiavash 2021.
    #[serde(rename = "grad_cam_elementwise")]
    GradCamElementwise,
    /// Layer-CAM (Jiang 2021): positive gradients as weights of every cell.
    ///
    /// ```text
    /// M_ij = sum_k ReLU(g_kij) A_kij
    /// ```
    ///
    /// Source: Jiang et al. 2021, Eq. 5 and 6; other definitions: [`LayerCamRule`](crate::LayerCamRule).
    LayerCam,
    /// Channels weighted by their mean positive gradient.
    ///
    /// ```text
    /// w_k = mean_ij ReLU(g_kij)        M = sum_k w_k A_k
    /// ```
    ///
    /// Source: tf-keras-vis 0.8.0 and 0.8.1, under the name of Layer-CAM.
    PositiveGradCam,
    /// Score-CAM (Wang 2020): channels weighted by the score of the image they mask.
    ///
    /// ```text
    /// s_k = score(X * mask_k)        w = weights(s)        M = sum_k w_k A_k
    /// ```
    ///
    /// Source: Wang et al. 2020, Eq. 5 to 7; masks, scores and weights: [`ScoreCamRule`](crate::ScoreCamRule).
    ScoreCam,
    /// Score-CAM on the channels with the largest spatial deviation.
    ///
    /// ```text
    /// as Score-CAM over the N channels of largest std_ij A_kij
    /// ```
    ///
    /// Source: `tabayashi0117/Score-CAM`; N: [`Parameters::faster_channels`](crate::Parameters).
    FasterScoreCam,
    /// Smooth Grad-CAM++ (Omeiza 2019): Grad-CAM++ over noisy copies.
    ///
    /// ```text
    /// D_p = mean_n g^p        alpha = D_2 / (2 D_2 + S_k D_3)        w_k = sum_ij alpha ReLU(D_1)
    /// ```
    ///
    /// Source: Omeiza et al. 2019, Eq. 8 to 10, with `D_2` in the numerator (the printed `D_1` is a slip).
    SmoothGradCamPlusPlus,
    /// SS-CAM (Wang 2020): Score-CAM smoothed over noisy masks.
    ///
    /// ```text
    /// s_k = mean_n score(X * (mask_k + noise_n))        w = softmax_k s        M = sum_k w_k A_k
    /// ```
    ///
    /// Source: Wang et al. 2020 (arXiv 2006.14255), noise on the feature map.
    SsCam,
    /// IS-CAM (Naidu 2020): Score-CAM integrated along the mask.
    ///
    /// ```text
    /// s_k = mean_(j = 1..n) score(X * (j / n) mask_k)        w = softmax_k s        M = sum_k w_k A_k
    /// ```
    ///
    /// Source: Naidu et al. 2020 (arXiv 2010.03023); the path ends at the mask itself, where torch-cam goes beyond it.
    IsCam,
    /// Ablation-CAM (Desai 2020): channels weighted by the drop when they are removed.
    ///
    /// ```text
    /// w_k = (y - y(A_k = 0)) / |y|        M = sum_k w_k A_k
    /// ```
    ///
    /// Source: Desai and Ramaswamy 2020, Eq. 3; the sign: [`AblationRule`](crate::AblationRule).
    AblationCam,
    /// Recipro-CAM (Byun 2022): the score with one cell of the feature map kept.
    ///
    /// ```text
    /// M_ij = score(A * spot_ij)
    /// ```
    ///
    /// Source: Byun and Lee 2022 (arXiv 2209.14074); the spot: [`Parameters::recipro_sigma`](crate::Parameters).
    ReciproCam,
    /// Group-CAM (Zhang 2021): groups of channels as masks over a blurred image.
    ///
    /// ```text
    /// m = min-max ReLU(sum_(k in group) mean(g_k) A_k)        b = blur(X)
    /// s = ReLU(score(X m + b (1 - m)) - score(b))        M = sum_groups s m
    /// ```
    ///
    /// Source: Zhang et al. 2021 (arXiv 2103.13859), Eq. 3 to 7.
    GroupCam,
    /// Eigen-CAM (Muhammad 2020): first principal direction of the activations.
    ///
    /// ```text
    /// A = U S V^T (cells x channels)        M = A V_1
    /// ```
    ///
    /// Source: Muhammad and Yeasin 2020, Eq. 5; centring and sign: [`EigenRule`](crate::EigenRule).
    EigenCam,
    /// Eigen-CAM of gradient times activation.
    ///
    /// ```text
    /// g * A = U S V^T (cells x channels)        M = (g * A) V_1
    /// ```
    ///
    /// Source: pytorch-grad-cam's `EigenGradCAM`.
    EigenGradCam,
    /// FullGrad (Srinivas 2019): input gradient and bias gradients.
    ///
    /// ```text
    /// M = psi(X * dy/dX) + sum_l sum_k psi(g_lk b_lk)        psi = min-max of the absolute value
    /// ```
    ///
    /// Source: Srinivas and Fleuret 2019, Eq. 6; psi: [`FullGradRule`](crate::FullGradRule).
    FullGrad,
    /// Random channel weights: a control.
    ///
    /// ```text
    /// w_k uniform in [-1, 1)        M = sum_k w_k A_k
    /// ```
    ///
    /// Source: pytorch-grad-cam's `RandomCAM`; here with a seed.
    Random,
}

impl Method {
    /// Every method, in the order of the documentation.
    pub const ALL: [Self; 20] = [
        Self::Cam,
        Self::GradCam,
        Self::GradCamPlusPlus,
        Self::XGradCam,
        Self::HiresCam,
        Self::GradCamElementwise,
        Self::LayerCam,
        Self::PositiveGradCam,
        Self::ScoreCam,
        Self::FasterScoreCam,
        Self::SmoothGradCamPlusPlus,
        Self::SsCam,
        Self::IsCam,
        Self::AblationCam,
        Self::ReciproCam,
        Self::GroupCam,
        Self::EigenCam,
        Self::EigenGradCam,
        Self::FullGrad,
        Self::Random,
    ];

    /// Canonical name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cam => "cam",
            Self::GradCam => "grad_cam",
            Self::GradCamPlusPlus => "grad_cam_plus_plus",
            Self::XGradCam => "xgrad_cam",
            Self::HiresCam => "hires_cam",
            Self::GradCamElementwise => "grad_cam_elementwise",
            Self::LayerCam => "layer_cam",
            Self::PositiveGradCam => "positive_grad_cam",
            Self::ScoreCam => "score_cam",
            Self::FasterScoreCam => "faster_score_cam",
            Self::SmoothGradCamPlusPlus => "smooth_grad_cam_plus_plus",
            Self::SsCam => "ss_cam",
            Self::IsCam => "is_cam",
            Self::AblationCam => "ablation_cam",
            Self::ReciproCam => "recipro_cam",
            Self::GroupCam => "group_cam",
            Self::EigenCam => "eigen_cam",
            Self::EigenGradCam => "eigen_grad_cam",
            Self::FullGrad => "full_grad",
            Self::Random => "random",
        }
    }

    /// Reads a list of names separated by commas; blanks around a name do not count.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownName`] for the first name that is none.
    pub fn parse_list(list: &str) -> Result<Vec<Self>, Error> {
        list.split(',').map(|name| name.trim().parse()).collect()
    }

    /// Whether the method needs the gradient of the score at the tap.
    pub const fn needs_gradients(self) -> bool {
        matches!(
            self,
            Self::GradCam
                | Self::GradCamPlusPlus
                | Self::XGradCam
                | Self::HiresCam
                | Self::GradCamElementwise
                | Self::LayerCam
                | Self::PositiveGradCam
                | Self::EigenGradCam
                | Self::GroupCam
                | Self::FullGrad
        )
    }

    /// Whether the method reads the table of Score-CAM.
    pub const fn needs_score_table(self) -> bool {
        matches!(self, Self::ScoreCam | Self::FasterScoreCam)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|m| m.name() == name)
            .ok_or_else(|| Error::UnknownName {
                kind: "method",
                name: name.to_owned(),
                known: Self::ALL.map(Self::name).join(", "),
            })
    }
}
