//! The methods and their canonical names.

use crate::Error;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A class activation map method.
///
/// Its name is the same in code, files, CSV and JSON.
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
    Cam,
    /// Grad-CAM (Selvaraju 2017): channels weighted by their mean gradient.
    GradCam,
    /// Grad-CAM++ (Chattopadhyay 2018): positive gradients weighted by alpha.
    GradCamPlusPlus,
    /// XGrad-CAM (Fu 2020): gradients averaged with the activation as weight.
    #[serde(rename = "xgrad_cam")]
    XGradCam,
    /// HiResCAM (Draelos 2020): gradient times activation, summed.
    HiresCam,
    /// Element-wise Grad-CAM (Pillai 2021): the same, rectified per channel.
    #[serde(rename = "grad_cam_elementwise")]
    GradCamElementwise,
    /// Layer-CAM (Jiang 2021): positive gradients as weights of every cell.
    LayerCam,
    /// Channels weighted by their mean positive gradient.
    PositiveGradCam,
    /// Score-CAM (Wang 2020): channels weighted by the score of the image they mask.
    ScoreCam,
    /// Score-CAM on the channels with the largest spatial deviation.
    FasterScoreCam,
    /// Smooth Grad-CAM++ (Omeiza 2019): Grad-CAM++ over noisy copies.
    SmoothGradCamPlusPlus,
    /// SS-CAM (Wang 2020): Score-CAM smoothed over noisy masks.
    SsCam,
    /// IS-CAM (Naidu 2020): Score-CAM integrated along the mask.
    IsCam,
    /// Ablation-CAM (Desai 2020): channels weighted by the drop when they are removed.
    AblationCam,
    /// Recipro-CAM (Byun 2022): the score with one cell of the feature map kept.
    ReciproCam,
    /// Group-CAM (Zhang 2021): groups of channels as masks over a blurred image.
    GroupCam,
    /// Eigen-CAM (Muhammad 2020): first principal direction of the activations.
    EigenCam,
    /// Eigen-CAM of gradient times activation.
    EigenGradCam,
    /// FullGrad (Srinivas 2019): input gradient and bias gradients.
    FullGrad,
    /// Random channel weights: a control.
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
