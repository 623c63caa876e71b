//! Slice -> foreground mask, as Syed et al. 2023 did it, and a robust method beside it.

mod bytes;
mod clusters;
pub(crate) mod filters;
mod robust;

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, check_pixels};
use crate::whole::{LEVELS, look_up, whole};
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
    Ok(match steps(slice, config)? {
        Steps::Whole(steps) => steps.foreground(),
        Steps::Real(steps) => steps.foreground(),
    })
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
    let steps = match steps(slice, config)? {
        Steps::Whole(steps) => steps.map(f64::from),
        Steps::Real(steps) => steps,
    };
    let foreground = steps.foreground();
    Ok(ForegroundSteps {
        eight_bit: steps.eight_bit,
        maximum: steps.maximum,
        eroded: steps.eroded,
        blurred: steps.blurred,
        threshold: steps.threshold,
        foreground,
    })
}

/// The paper's steps in bytes, or in real numbers where nothing is cast.
enum Steps {
    Whole(Stages<u8>),
    Real(Stages<f64>),
}

struct Stages<T> {
    eight_bit: Array2<T>,
    maximum: Array2<T>,
    eroded: Array2<T>,
    blurred: Array2<T>,
    threshold: Option<T>,
}

impl<T: Copy + PartialOrd> Stages<T> {
    fn foreground(&self) -> Array2<bool> {
        match self.threshold {
            None => Array2::from_elem(self.blurred.dim(), false),
            Some(threshold) => {
                let corner_is_dark = self.blurred[[0, 0]] <= threshold;
                self.blurred
                    .mapv(|value| (value > threshold) == corner_is_dark)
            }
        }
    }

    fn map<U>(self, change: impl Fn(T) -> U) -> Stages<U> {
        Stages {
            eight_bit: self.eight_bit.mapv(&change),
            maximum: self.maximum.mapv(&change),
            eroded: self.eroded.mapv(&change),
            blurred: self.blurred.mapv(&change),
            threshold: self.threshold.map(change),
        }
    }
}

fn steps(slice: ArrayView2<'_, f32>, config: &ForegroundConfig) -> Result<Steps> {
    config.validate()?;
    // whole grey values are finite
    let levels = whole(slice).filter(|levels| !levels.is_empty());
    if levels.is_none() {
        check_pixels(slice.view())?;
    }
    let radius = config.maximum_size / 2;
    if config.variant == ForegroundVariant::ReleasedUncast {
        let eight_bit = square_root(slice);
        let maximum = maximum(&eight_bit, radius);
        let eroded = erode(&maximum, config.erosions);
        let blurred = blur(&eroded, config.gaussian_size, false);
        let threshold = two_means_threshold(blurred.iter().copied());
        return Ok(Steps::Real(Stages {
            eight_bit,
            maximum,
            eroded,
            blurred,
            threshold,
        }));
    }
    let eight_bit = to_eight_bit(slice, levels, config.variant)?;
    let maximum = bytes::maximum(&eight_bit, radius);
    let eroded = bytes::erode(&maximum, config.erosions);
    let blurred = bytes::blur(&eroded, config.gaussian_size);
    let threshold = bytes::two_means_threshold(&blurred);
    Ok(Steps::Whole(Stages {
        eight_bit,
        maximum,
        eroded,
        blurred,
        threshold,
    }))
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
    let mut out = Array3::from_elem(volume.dim(), false);
    let done: Vec<Result<()>> = out
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(volume.axis_iter(Axis(0)))
        .map(|(mut target, slice)| {
            target.assign(&segment_foreground(slice, config)?);
            Ok(())
        })
        .collect();
    // the first error in order, not the first in time
    done.into_iter().collect::<Result<()>>()?;
    Ok(out)
}

fn largest(slice: ArrayView2<'_, f32>) -> f64 {
    f64::from(slice.iter().copied().fold(0.0, f32::max))
}

fn square_root(slice: ArrayView2<'_, f32>) -> Array2<f64> {
    let max = largest(slice);
    if max <= 0.0 {
        return Array2::zeros(slice.dim());
    }
    slice.mapv(|value| max / 10.0 * (f64::from(value).max(0.0) / max).sqrt())
}

fn to_eight_bit(
    slice: ArrayView2<'_, f32>,
    levels: Option<Array2<u16>>,
    variant: ForegroundVariant,
) -> Result<Array2<u8>> {
    let max = match levels.as_ref().and_then(|levels| levels.as_slice()) {
        Some(levels) => f64::from(levels.iter().copied().fold(0, u16::max)),
        None => largest(slice),
    };
    if max <= 0.0 {
        return Ok(Array2::zeros(slice.dim()));
    }
    let root = |value: f64| max / 10.0 * (value.max(0.0) / max).sqrt();
    // conversions to integers cut off the fraction and hold at their ends
    let cast: &dyn Fn(f64) -> u8 = match variant {
        ForegroundVariant::Published => &|value| (255.0 * value.max(0.0) / max) as u8,
        ForegroundVariant::Released => &|value| root(value) as i64 as u8,
        ForegroundVariant::Saturating => &|value| root(value) as u8,
        ForegroundVariant::ReleasedUncast | ForegroundVariant::Robust => {
            return Err(Error::Config {
                key: "variant",
                value: "robust".to_owned(),
                expected: "one of the paper's variants, to list their steps",
            });
        }
    };
    Ok(match levels {
        Some(levels) => {
            let mut table = [0; LEVELS];
            for (level, entry) in table.iter_mut().enumerate().take(max as usize + 1) {
                *entry = cast(level as f64);
            }
            look_up(&levels, &table)
        }
        None => slice.mapv(|value| cast(f64::from(value))),
    })
}
