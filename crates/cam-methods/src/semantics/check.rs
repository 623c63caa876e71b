//! Numbers in the semantics that must lie in a range.

use super::{Alpha, LayerScaling, Semantics};
use crate::{Error, Result};

impl Semantics {
    /// Checks every number; an explainer does so before it runs the network.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] that names the first one out of range: an epsilon that is negative or not finite, a
    /// gamma that is not above 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use cam_methods::Semantics;
    /// let mut semantics = Semantics::literature();
    /// assert!(semantics.check().is_ok());
    /// semantics.normalise.epsilon = -1.0;
    /// assert_eq!(
    ///     semantics.check().unwrap_err().to_string(),
    ///     "the parameter normalise.epsilon must be finite and not negative, got -1"
    /// );
    /// ```
    pub fn check(&self) -> Result<()> {
        let alpha = match self.grad_cam_plus_plus.alpha {
            Alpha::Epsilon(epsilon) => epsilon,
            Alpha::Exact | Alpha::Undivided => 0.0,
        };
        let epsilons = [
            ("normalise.epsilon", self.normalise.epsilon),
            ("grad_cam_plus_plus.alpha", alpha),
            ("xgrad_epsilon", self.xgrad_epsilon),
            ("score_cam.epsilon", self.score_cam.epsilon),
            ("full_grad.epsilon", self.full_grad.epsilon),
        ];
        for (name, value) in epsilons {
            if !value.is_finite() || value < 0.0 {
                return Err(Error::Parameter {
                    name,
                    expected: "finite and not negative",
                    got: value.to_string(),
                });
            }
        }
        match self.fusion.layer_cam {
            LayerScaling::Tanh { gamma, .. } if !(gamma > 0.0 && gamma.is_finite()) => {
                Err(Error::Parameter {
                    name: "fusion.layer_cam.gamma",
                    expected: "finite and above 0",
                    got: gamma.to_string(),
                })
            }
            _ => Ok(()),
        }
    }
}
