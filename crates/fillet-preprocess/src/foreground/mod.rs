//! Slice -> foreground mask, as Syed et al. 2023 did it, and a robust method beside it.

mod clusters;
pub(crate) mod filters;
mod robust;

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, check_pixels};
use clusters::two_means_threshold;
use filters::{blur, erode, maximum};

/// How grey values become 8 bits before the filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ForegroundVariant {
    /// The paper's text: `floor(255 · x / max)`.
    Published,
    /// The released code: `floor(max/10 · sqrt(x/max))` modulo 256, so slices with a maximum of
    /// 2560 or more wrap around.
    Released,
    /// The released code on the one scan it exempts: the same square root, kept as real numbers.
    ReleasedUncast,
    /// The same square root, with values above 255 held at 255.
    #[default]
    Saturating,
    /// Not from the paper: threshold between noise and tissue, thin structures removed, largest
    /// connected piece kept, holes filled. Asks nothing of the corner pixel.
    Robust,
}

/// Configuration of [`segment_foreground`]; the defaults are the paper's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForegroundConfig {
    /// Conversion to 8 bits, or the robust method.
    pub variant: ForegroundVariant,
    /// Side of the square maximum filter, in pixels (odd).
    pub maximum_size: usize,
    /// Erosions by a 3×3 square.
    pub erosions: usize,
    /// Side of the Gaussian kernel, in pixels (odd); its standard deviation follows from it.
    pub gaussian_size: usize,
}

impl Default for ForegroundConfig {
    fn default() -> Self {
        Self {
            variant: ForegroundVariant::default(),
            maximum_size: 7,
            erosions: 4,
            gaussian_size: 11,
        }
    }
}

impl ForegroundConfig {
    /// Checks the numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key.
    pub fn validate(&self) -> Result<()> {
        let sizes = [
            ("maximum_size", self.maximum_size),
            ("gaussian_size", self.gaussian_size),
        ];
        for (key, value) in sizes {
            if value % 2 == 0 || value > 255 {
                return Err(Error::Config {
                    key,
                    value: value.to_string(),
                    expected: "an odd number of pixels, at most 255",
                });
            }
        }
        if self.erosions > 255 {
            return Err(Error::Config {
                key: "erosions",
                value: self.erosions.to_string(),
                expected: "at most 255",
            });
        }
        Ok(())
    }
}

/// Every intermediate image of the paper's background removal, for inspection and tests.
///
/// Values are whole numbers in [0, 255], except under [`ForegroundVariant::ReleasedUncast`].
#[derive(Debug, Clone, PartialEq)]
pub struct ForegroundSteps {
    /// After the conversion to 8 bits.
    pub eight_bit: Array2<f64>,
    /// After the maximum filter.
    pub maximum: Array2<f64>,
    /// After the erosions.
    pub eroded: Array2<f64>,
    /// After the Gaussian filter.
    pub blurred: Array2<f64>,
    /// Pixels with `blurred` at or below this value are the darker cluster; `None` if the
    /// blurred image is constant.
    pub threshold: Option<f64>,
    /// The result.
    pub foreground: Array2<bool>,
}

/// Separates tissue (`true`) from background.
///
/// ```text
/// 8 bits → maximum filter 7×7 → 4 erosions 3×3 → Gaussian 11×11 → k-means, k = 2
/// background = the cluster of pixel [0, 0]
/// ```
///
/// A slice that is constant after the filters has one cluster, the corner's: everything is
/// background. So an empty or saturated slice, and every 1-pixel image, gives an empty mask.
/// Negative grey values count as 0. Where the tissue covers the corner the paper's method returns
/// the background instead; [`ForegroundVariant::Robust`] does not.
///
/// The two clusters are the best split of the grey values (least sum of squares, found exactly),
/// to which scikit-learn's repeated random starts converge.
///
/// # Shapes
///
/// - `slice`: `[rows, columns]`, grey values; result: the same grid
///
/// # Errors
///
/// [`Error::EmptyImage`], [`Error::NonFinite`], [`Error::Config`].
///
/// # Source
///
/// Syed et al. 2023, Data pre-processing; the authors' `2_preprocess_images.py`
/// (`remove_background`). Step by step equal to SciPy, OpenCV and scikit-learn:
/// `tests/golden/foreground/`.
///
/// # Examples
///
/// ```
/// use fillet_preprocess::{ForegroundConfig, segment_foreground};
/// use ndarray::Array2;
///
/// let slice = Array2::from_shape_fn((64, 64), |(r, c)| {
///     if (16..48).contains(&r) && (16..48).contains(&c) { 1000.0_f32 } else { 30.0 }
/// });
/// let mask = segment_foreground(slice.view(), &ForegroundConfig::default())?;
/// assert!(mask[[32, 32]] && !mask[[0, 0]]);
/// # Ok::<(), fillet_preprocess::Error>(())
/// ```
pub fn segment_foreground(
    slice: ArrayView2<'_, f32>,
    config: &ForegroundConfig,
) -> Result<Array2<bool>> {
    if config.variant == ForegroundVariant::Robust {
        config.validate()?;
        check_pixels(slice.view())?;
        return Ok(robust::segment(slice));
    }
    Ok(foreground_steps(slice, config)?.foreground)
}

/// The paper's background removal with all its intermediate images.
///
/// # Errors
///
/// As [`segment_foreground`], and [`Error::Config`] for [`ForegroundVariant::Robust`], which has
/// other steps.
pub fn foreground_steps(
    slice: ArrayView2<'_, f32>,
    config: &ForegroundConfig,
) -> Result<ForegroundSteps> {
    config.validate()?;
    check_pixels(slice.view())?;
    let eight_bit = to_eight_bit(slice, config.variant)?;
    let maximum = maximum(&eight_bit, config.maximum_size / 2);
    let eroded = erode(&maximum, config.erosions);
    let whole = config.variant != ForegroundVariant::ReleasedUncast;
    let blurred = blur(&eroded, config.gaussian_size, whole);
    let threshold = two_means_threshold(blurred.iter().copied());
    let foreground = match threshold {
        None => Array2::from_elem(slice.dim(), false),
        Some(threshold) => {
            let corner_is_dark = blurred[[0, 0]] <= threshold;
            blurred.mapv(|value| (value > threshold) == corner_is_dark)
        }
    };
    Ok(ForegroundSteps {
        eight_bit,
        maximum,
        eroded,
        blurred,
        threshold,
        foreground,
    })
}

/// [`segment_foreground`] on every slice of a volume, in parallel.
///
/// # Shapes
///
/// - `volume` and result: `[slices, rows, columns]`
///
/// # Errors
///
/// As [`segment_foreground`], from the first slice that fails.
pub fn segment_volume(
    volume: ArrayView3<'_, f32>,
    config: &ForegroundConfig,
) -> Result<Array3<bool>> {
    let masks: Vec<Result<Array2<bool>>> = volume
        .axis_iter(Axis(0))
        .into_par_iter()
        .map(|slice| segment_foreground(slice, config))
        .collect();
    let mut out = Array3::from_elem(volume.dim(), false);
    for (mut target, mask) in out.outer_iter_mut().zip(masks) {
        target.assign(&mask?);
    }
    Ok(out)
}

fn to_eight_bit(slice: ArrayView2<'_, f32>, variant: ForegroundVariant) -> Result<Array2<f64>> {
    let max = slice
        .iter()
        .fold(0.0_f64, |most, &value| most.max(f64::from(value)));
    if max <= 0.0 {
        return Ok(Array2::zeros(slice.dim()));
    }
    let root = |value: f32| max / 10.0 * (f64::from(value).max(0.0) / max).sqrt();
    Ok(match variant {
        ForegroundVariant::Published => {
            slice.mapv(|value| (255.0 * f64::from(value).max(0.0) / max).floor())
        }
        ForegroundVariant::Released => slice.mapv(|value| root(value).floor().rem_euclid(256.0)),
        ForegroundVariant::ReleasedUncast => slice.mapv(root),
        ForegroundVariant::Saturating => slice.mapv(|value| root(value).floor().min(255.0)),
        ForegroundVariant::Robust => {
            return Err(Error::Config {
                key: "variant",
                value: "robust".to_owned(),
                expected: "one of the paper's variants, to list their steps",
            });
        }
    })
}
