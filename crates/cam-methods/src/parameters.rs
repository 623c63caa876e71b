//! Numbers that some methods take: how many channels, copies, groups, which seed.

use crate::{Error, Result, Smoothing};
use serde::{Deserialize, Serialize};

/// Deviation, in sides of an image, beyond which a blur leaves nothing but the mean.
pub(crate) const LARGEST_BLUR: f64 = 16.0;

/// Parameters of the methods that have any.
///
/// # Examples
///
/// ```
/// use cam_methods::Parameters;
/// let parameters = Parameters { faster_channels: 20, ..Parameters::default() };
/// assert_eq!(parameters.groups, 32);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Channels that Faster Score-CAM keeps. 10 as in tf-keras-vis' example and Syed et al. 2023.
    pub faster_channels: usize,
    /// Upper bound on the channels that Score-CAM scores, largest spatial deviation first; none by
    /// default. A map made with fewer channels than there are says so in its diagnostics.
    pub score_channel_cap: Option<usize>,
    /// Noisy copies of Smooth Grad-CAM++.
    pub smooth_samples: usize,
    /// Deviation of the noise of Smooth Grad-CAM++, as a share of the image's range.
    pub smooth_noise: f64,
    /// Noisy masks per channel of SS-CAM.
    pub ss_samples: usize,
    /// Deviation of the noise that SS-CAM adds to a mask in [0, 1].
    pub ss_noise: f64,
    /// Steps of IS-CAM along each mask.
    pub is_steps: usize,
    /// Groups of Group-CAM.
    pub groups: usize,
    /// Deviation of the blur under Group-CAM's masks, as a share of the longer side of the image; at most 16.
    pub group_blur: f64,
    /// Deviation in cells of the kernel of Recipro-CAM; 0 keeps a single cell.
    pub recipro_sigma: f64,
    /// Smoothing of every map.
    pub smoothing: Smoothing,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            faster_channels: 10,
            score_channel_cap: None,
            smooth_samples: 4,
            smooth_noise: 0.3,
            ss_samples: 10,
            ss_noise: 2.0,
            is_steps: 10,
            groups: 32,
            group_blur: 50.0 / 224.0,
            recipro_sigma: 0.0,
            smoothing: Smoothing::None,
            seed: 0,
        }
    }
}

impl Parameters {
    /// Checks every number.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] that names the first one out of range.
    pub fn check(&self) -> Result<()> {
        let counts = [
            ("faster_channels", self.faster_channels),
            ("smooth_samples", self.smooth_samples),
            ("ss_samples", self.ss_samples),
            ("is_steps", self.is_steps),
            ("groups", self.groups),
            ("score_channel_cap", self.score_channel_cap.unwrap_or(1)),
        ];
        for (name, value) in counts {
            if value == 0 {
                return Err(Error::Parameter {
                    name,
                    expected: "at least 1",
                    got: value.to_string(),
                });
            }
        }
        if self.group_blur > LARGEST_BLUR {
            return Err(Error::Parameter {
                name: "group_blur",
                expected: "at most 16 sides of the image",
                got: self.group_blur.to_string(),
            });
        }
        let deviations = [
            ("smooth_noise", self.smooth_noise),
            ("ss_noise", self.ss_noise),
            ("group_blur", self.group_blur),
            ("recipro_sigma", self.recipro_sigma),
        ];
        for (name, value) in deviations {
            if !value.is_finite() || value < 0.0 {
                return Err(Error::Parameter {
                    name,
                    expected: "finite and not negative",
                    got: value.to_string(),
                });
            }
        }
        Ok(())
    }
}
