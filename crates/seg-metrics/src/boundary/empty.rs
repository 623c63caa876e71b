//! What a distance from or to an empty mask counts as.

use crate::{Error, Result};

/// What a distance between outlines is when exactly one mask is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum OneEmptyDistance {
    /// Infinite: MONAI's Hausdorff distance, surface-distance.
    #[default]
    Infinite,
    /// Not a number: MetricsReloaded. The worst failures then leave the mean unless counted.
    Nan,
    /// A penalty, for instance the diagonal of the image (BraTS).
    Fixed(f64),
    /// [`Error::EmptyMask`]: medpy, SimpleITK.
    Error,
}

/// What a distance between outlines is when both masks are empty.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum BothEmptyDistance {
    /// Not a number: MONAI.
    #[default]
    Nan,
    /// Zero: MetricsReloaded.
    Zero,
    /// [`Error::EmptyMask`]: medpy, SimpleITK.
    Error,
}

/// What distances from or to an empty mask count as.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct EmptyDistance {
    /// When exactly one mask is empty.
    pub one: OneEmptyDistance,
    /// When both masks are empty.
    pub both: BothEmptyDistance,
}

impl EmptyDistance {
    /// `None` if neither mask is empty, otherwise what the policy says.
    pub(crate) fn resolve(
        self,
        prediction_empty: bool,
        reference_empty: bool,
        metric: &'static str,
    ) -> Option<Result<f64>> {
        let which = match (prediction_empty, reference_empty) {
            (false, false) => return None,
            (true, true) => {
                return Some(match self.both {
                    BothEmptyDistance::Nan => Ok(f64::NAN),
                    BothEmptyDistance::Zero => Ok(0.0),
                    BothEmptyDistance::Error => Err(Error::EmptyMask {
                        metric,
                        which: "either",
                    }),
                });
            }
            (true, false) => "prediction",
            (false, true) => "reference",
        };
        Some(match self.one {
            OneEmptyDistance::Infinite => Ok(f64::INFINITY),
            OneEmptyDistance::Nan => Ok(f64::NAN),
            OneEmptyDistance::Fixed(distance) => Ok(distance),
            OneEmptyDistance::Error => Err(Error::EmptyMask { metric, which }),
        })
    }
}
