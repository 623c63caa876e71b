//! Slice -> slice of more contrast, the three ways of Syed et al. 2023.

mod clahe;
mod equalise;
mod stretch;

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, ArrayViewMut2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, check_pixels};
use crate::whole::whole;

/// Largest grey value of 12 bits.
const LARGEST: f64 = 4095.0;

/// A way to raise contrast. Input and output are 12-bit grey values; results are real numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum ContrastMethod {
    /// Percentiles of the pixels that are not 0 are moved to 0 and 4095, linear between.
    Stretch {
        /// Lower percentile, in [0, 100).
        lower: f64,
        /// Upper percentile, in (lower, 100].
        upper: f64,
    },
    /// Histogram equalisation with one bin per grey value.
    Equalise,
    /// Contrast-limited adaptive histogram equalisation.
    Clahe {
        /// Share of a tile's pixels above which a histogram bin is clipped, in (0, 1].
        clip_limit: f64,
        /// Tiles along each side of the image.
        tiles: usize,
        /// Histogram bins, from 2 to 16384.
        bins: usize,
    },
}

impl ContrastMethod {
    /// The released code's parameters: 0.1 and 99.9 percent.
    pub const STRETCH: Self = Self::Stretch {
        lower: 0.1,
        upper: 99.9,
    };
    /// The released code's parameters: clip limit 0.03, 8 tiles along each side, 256 bins.
    pub const CLAHE: Self = Self::Clahe {
        clip_limit: 0.03,
        tiles: 8,
        bins: 256,
    };
    /// All three methods with the released code's parameters.
    pub const ALL: [Self; 3] = [Self::STRETCH, Self::Equalise, Self::CLAHE];

    /// The canonical name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stretch { .. } => "stretch",
            Self::Equalise => "equalise",
            Self::Clahe { .. } => "clahe",
        }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key.
    pub fn validate(&self) -> Result<()> {
        let refuse = |key, value: String, expected| {
            Err(Error::Config {
                key,
                value,
                expected,
            })
        };
        match *self {
            Self::Stretch { lower, .. } if !(0.0..100.0).contains(&lower) => {
                refuse("lower", lower.to_string(), "a percentile in [0, 100)")
            }
            Self::Stretch { lower, upper } if !(upper > lower && upper <= 100.0) => refuse(
                "upper",
                upper.to_string(),
                "a percentile above `lower`, at most 100",
            ),
            Self::Clahe { clip_limit, .. } if !(clip_limit > 0.0 && clip_limit <= 1.0) => {
                refuse("clip_limit", clip_limit.to_string(), "a share in (0, 1]")
            }
            Self::Clahe { tiles: 0, .. } => refuse("tiles", "0".to_owned(), "at least 1"),
            Self::Clahe { bins, .. } if !(2..=clahe::LEVELS).contains(&bins) => {
                refuse("bins", bins.to_string(), "from 2 to 16384")
            }
            _ => Ok(()),
        }
    }
}

/// Raises the contrast of one slice.
///
/// Grey values outside [0, 4095] are held at the ends first. A slice of one grey value has no
/// contrast to raise and becomes 0 everywhere (under `Stretch`: only if it is 0).
///
/// # Shapes
///
/// - `slice` and result: `[rows, columns]`; result in [0, 4096]
///
/// # Errors
///
/// [`Error::Config`], [`Error::EmptyImage`], [`Error::NonFinite`].
///
/// # Source
///
/// The authors' `2_preprocess_images.py` and `functions/img_functions.py`. `Clahe` equals
/// scikit-image's `equalize_adapthist` times 4096; golden values in `tests/golden/contrast/`.
///
/// # Examples
///
/// ```
/// use fillet_preprocess::{ContrastMethod, adjust_contrast};
/// use ndarray::Array2;
///
/// let slice = Array2::from_shape_fn((32, 32), |(r, c)| (1000 + r + c) as f32);
/// for method in ContrastMethod::ALL {
///     let out = adjust_contrast(slice.view(), &method)?;
///     assert!(out[[31, 31]] > 4000.0 && out[[0, 0]] < 200.0, "{}", method.name());
/// }
/// # Ok::<(), fillet_preprocess::Error>(())
/// ```
pub fn adjust_contrast(slice: ArrayView2<'_, f32>, method: &ContrastMethod) -> Result<Array2<f32>> {
    let mut out = Array2::zeros(slice.dim());
    adjust_into(slice, method, out.view_mut())?;
    Ok(out)
}

/// [`adjust_contrast`] into zeros of the same shape.
fn adjust_into(
    slice: ArrayView2<'_, f32>,
    method: &ContrastMethod,
    out: ArrayViewMut2<'_, f32>,
) -> Result<()> {
    method.validate()?;
    if let Some(levels) = whole(slice)
        && !levels.is_empty()
    {
        adjust_whole(&levels, method, out);
        return Ok(());
    }
    check_pixels(slice.view())?;
    let held = slice.mapv(|value| value.clamp(0.0, LARGEST as f32));
    match *method {
        ContrastMethod::Stretch { lower, upper } => stretch::stretch(&held, lower, upper, out),
        ContrastMethod::Equalise => equalise::equalise(&held.mapv(|value| value as u16), out),
        ContrastMethod::Clahe {
            clip_limit,
            tiles,
            bins,
        } => {
            let held = held.as_standard_layout().into_owned();
            if let Some(binned) = clahe::bins(&held, bins) {
                clahe::clahe(&binned, clip_limit, tiles, bins, out);
            }
        }
    }
    Ok(())
}

/// [`adjust_into`] of whole grey values.
fn adjust_whole(levels: &Array2<u16>, method: &ContrastMethod, out: ArrayViewMut2<'_, f32>) {
    match *method {
        ContrastMethod::Stretch { lower, upper } => {
            stretch::stretch_whole(levels, lower, upper, out);
        }
        ContrastMethod::Equalise => equalise::equalise(levels, out),
        ContrastMethod::Clahe {
            clip_limit,
            tiles,
            bins,
        } => {
            if let Some(binned) = clahe::bins_of_levels(levels, bins) {
                clahe::clahe(&binned, clip_limit, tiles, bins, out);
            }
        }
    }
}

/// [`adjust_contrast`] on every slice of a volume, in parallel.
///
/// # Errors
///
/// As [`adjust_contrast`], from the first slice that fails.
pub fn adjust_volume(volume: ArrayView3<'_, f32>, method: &ContrastMethod) -> Result<Array3<f32>> {
    let mut out = Array3::zeros(volume.dim());
    let done: Vec<Result<()>> = out
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(volume.axis_iter(Axis(0)))
        .map(|(target, slice)| adjust_into(slice, method, target))
        .collect();
    // the first error in order, not the first in time
    done.into_iter().collect::<Result<()>>()?;
    Ok(out)
}

/// [`adjust_volume`] by several methods at once, which looks at every slice only once.
///
/// # Shapes
///
/// - `volume` and each result: `[slices, rows, columns]`, one result for each method
///
/// # Errors
///
/// As [`adjust_volume`].
///
/// # Examples
///
/// ```
/// use fillet_preprocess::ContrastMethod;
/// use fillet_preprocess::contrast::{adjust_volume, adjust_volume_by};
/// use ndarray::Array3;
///
/// let volume = Array3::from_shape_fn((2, 32, 32), |(s, r, c)| (1000 + s + r * c) as f32);
/// let all = adjust_volume_by(volume.view(), &ContrastMethod::ALL)?;
/// assert_eq!(all.len(), 3);
/// assert_eq!(all[1], adjust_volume(volume.view(), &ContrastMethod::Equalise)?);
/// # Ok::<(), fillet_preprocess::Error>(())
/// ```
pub fn adjust_volume_by(
    volume: ArrayView3<'_, f32>,
    methods: &[ContrastMethod],
) -> Result<Vec<Array3<f32>>> {
    methods.iter().try_for_each(ContrastMethod::validate)?;
    let mut all: Vec<Array3<f32>> = methods
        .iter()
        .map(|_| Array3::zeros(volume.dim()))
        .collect();
    let mut targets: Vec<Vec<ArrayViewMut2<'_, f32>>> =
        volume.outer_iter().map(|_| Vec::new()).collect();
    for out in &mut all {
        for (targets, slice) in targets.iter_mut().zip(out.axis_iter_mut(Axis(0))) {
            targets.push(slice);
        }
    }
    let done: Vec<Result<()>> = targets
        .into_par_iter()
        .zip(volume.axis_iter(Axis(0)))
        .map(|(targets, slice)| {
            let levels = whole(slice).filter(|levels| !levels.is_empty());
            for (target, method) in targets.into_iter().zip(methods) {
                match &levels {
                    Some(levels) => adjust_whole(levels, method, target),
                    None => adjust_into(slice, method, target)?,
                }
            }
            Ok(())
        })
        .collect();
    // the first error in order, not the first in time
    done.into_iter().collect::<Result<()>>()?;
    Ok(all)
}
