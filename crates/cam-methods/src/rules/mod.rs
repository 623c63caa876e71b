//! Methods that need only activations and gradients: one file each.

mod cam;
mod eigen_cam;
mod grad_cam;
mod grad_cam_elementwise;
mod grad_cam_plus_plus;
mod hires_cam;
mod layer_cam;
mod positive_grad_cam;
mod random;
mod xgrad_cam;

pub(crate) use cam::Cam;
pub(crate) use eigen_cam::{EigenCam, EigenGradCam, first_component};
pub(crate) use grad_cam::GradCam;
pub(crate) use grad_cam_elementwise::GradCamElementwise;
pub(crate) use grad_cam_plus_plus::{GradCamPlusPlus, channel_weight};
pub(crate) use hires_cam::HiresCam;
pub(crate) use layer_cam::LayerCam;
pub(crate) use positive_grad_cam::PositiveGradCam;
pub(crate) use random::Random;
pub(crate) use xgrad_cam::XGradCam;

use crate::{Layer, Method, Parameters, RawMap, Result, Semantics};

/// A way to turn activations and gradients into a map. Implement it to add a method of your own.
///
/// # Examples
///
/// ```
/// use cam_methods::{CamRule, Layer, RawMap, Result};
///
/// /// Mean absolute activation: a control that knows nothing of the class.
/// struct MeanActivation;
///
/// impl CamRule for MeanActivation {
///     fn name(&self) -> &str {
///         "mean_activation"
///     }
///     fn needs_gradients(&self) -> bool {
///         false
///     }
///     fn map(&self, layer: &Layer<'_>) -> Result<RawMap> {
///         let mut values = vec![0f32; layer.cells()];
///         for a in layer.activations() {
///             values.iter_mut().zip(a).for_each(|(v, a)| *v += a.abs() / layer.channels() as f32);
///         }
///         Ok(RawMap { values, weights: None })
///     }
/// }
/// assert_eq!(MeanActivation.name(), "mean_activation");
/// ```
pub trait CamRule: Send + Sync {
    /// Name, for results and errors.
    fn name(&self) -> &str;

    /// Whether the rule reads gradients. Without any rule that does, no backward pass is made.
    fn needs_gradients(&self) -> bool {
        true
    }

    /// The map of one image at one tap.
    ///
    /// # Errors
    ///
    /// Whatever the rule cannot do.
    fn map(&self, layer: &Layer<'_>) -> Result<RawMap>;

    /// What the map is a sum of, channel by channel, for [`Smoothing::PrincipalComponent`](crate::Smoothing).
    /// Rules that return channel weights need not say.
    ///
    /// # Errors
    ///
    /// As [`map`](Self::map).
    fn contributions(&self, _layer: &Layer<'_>) -> Result<Option<Vec<Vec<f64>>>> {
        Ok(None)
    }
}

/// The rule of a method that is one.
pub(crate) fn of(
    method: Method,
    semantics: &Semantics,
    parameters: &Parameters,
) -> Option<Box<dyn CamRule>> {
    Some(match method {
        Method::GradCam => Box::new(GradCam),
        Method::GradCamPlusPlus => Box::new(GradCamPlusPlus(semantics.grad_cam_plus_plus.clone())),
        Method::XGradCam => Box::new(XGradCam {
            epsilon: semantics.xgrad_epsilon,
        }),
        Method::HiresCam => Box::new(HiresCam),
        Method::GradCamElementwise => Box::new(GradCamElementwise),
        Method::LayerCam => Box::new(LayerCam(semantics.layer_cam)),
        Method::PositiveGradCam => Box::new(PositiveGradCam),
        Method::EigenCam => Box::new(EigenCam(semantics.eigen.clone())),
        Method::EigenGradCam => Box::new(EigenGradCam(semantics.eigen.clone())),
        Method::Random => Box::new(Random {
            seed: parameters.seed,
        }),
        _ => return None,
    })
}
