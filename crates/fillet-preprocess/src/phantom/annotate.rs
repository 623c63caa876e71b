//! What people would draw: labels made from the image alone.

use ndarray::{Array2, ArrayView2, Axis, Zip};
use serde::{Deserialize, Serialize};

use super::anatomy::purpose;
use super::lattice::Field;
use crate::error::{Error, Result, check_pixels};
use crate::foreground::filters::{convolve, gaussian};
use crate::normalise::percentile;
use crate::random::Stream;

/// A drawn label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Background, or tissue the rater leaves open.
    #[default]
    None,
    /// Damaged tissue.
    Damaged,
    /// Undamaged tissue.
    Undamaged,
}

/// How a rater sees and draws. All numbers are *assumed*.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnnotatorConfig {
    /// Brightness above usual muscle at which tissue looks damaged. At 0.18 a rater marks some 3 %
    /// of fresh tissue.
    pub contrast: f64,
    /// Grey value of undamaged muscle that the rater has in mind from other scans; without one, the
    /// 25th percentile of the slice's tissue is taken, and a slice damaged all over looks normal.
    pub undamaged: Option<f64>,
    /// Standard deviation of that level between raters.
    pub rater_sd: f64,
    /// Standard deviation of that level from place to place, over some 8 mm.
    pub local_sd: f64,
    /// Half width of the brightness band that is left open.
    pub unsure: f64,
    /// Detail that the eye averages over, in mm.
    pub detail_mm: f64,
    /// Standard deviation of drawn boundaries from seen ones, in mm.
    pub boundary_mm: f64,
}

impl Default for AnnotatorConfig {
    fn default() -> Self {
        Self {
            contrast: 0.18,
            undamaged: None,
            rater_sd: 0.015,
            local_sd: 0.015,
            unsure: 0.02,
            detail_mm: 1.0,
            boundary_mm: 0.6,
        }
    }
}

/// Labels of one slice by one rater, from the image and never from the truth.
///
/// ```text
/// seen(p) = smoothed grey value at p, displaced by the rater's hand / usual muscle − 1
/// damaged where seen ≥ level + unsure, undamaged where seen ≤ level − unsure
/// ```
///
/// Usual muscle is [`AnnotatorConfig::undamaged`], else the 25th percentile of the tissue. A slice without tissue has no labels. Two
/// raters differ in level and hand; their overlap is the most a reference trained on either can
/// reach.
///
/// # Shapes
///
/// - `slice`: `[rows, columns]`, grey values; `tissue`: the same grid; `pixel_mm`: mm per pixel
///
/// # Errors
///
/// [`Error::Config`], [`Error::ShapeMismatch`], [`Error::EmptyImage`], [`Error::NonFinite`].
pub fn annotate(
    slice: ArrayView2<'_, f32>,
    tissue: ArrayView2<'_, bool>,
    pixel_mm: f64,
    config: &AnnotatorConfig,
    seed: u64,
    rater: u64,
) -> Result<Array2<Label>> {
    check_pixels(slice)?;
    if slice.dim() != tissue.dim() {
        return Err(Error::ShapeMismatch {
            left: slice.shape().to_vec(),
            right: tissue.shape().to_vec(),
        });
    }
    let numbers = [
        ("pixel_mm", pixel_mm, pixel_mm > 0.0),
        ("rater_sd", config.rater_sd, config.rater_sd >= 0.0),
        ("local_sd", config.local_sd, config.local_sd >= 0.0),
        ("unsure", config.unsure, config.unsure >= 0.0),
        ("detail_mm", config.detail_mm, config.detail_mm > 0.0),
        (
            "undamaged",
            config.undamaged.unwrap_or(1.0),
            config.undamaged.is_none_or(|level| level > 0.0),
        ),
        ("boundary_mm", config.boundary_mm, config.boundary_mm >= 0.0),
    ];
    for (key, value, valid) in numbers {
        if !(valid && value.is_finite()) {
            return Err(Error::Config {
                key,
                value: value.to_string(),
                expected: "a finite number, zero or more (distances above zero)",
            });
        }
    }
    let (rows, columns) = slice.dim();
    let mut labels = Array2::from_elem((rows, columns), Label::None);
    let mut inside: Vec<f32> = slice
        .iter()
        .zip(tissue.iter())
        .filter(|(_, t)| **t)
        .map(|(v, _)| *v)
        .collect();
    let found = percentile(&mut inside, 25.0).unwrap_or(0.0);
    let usual = config.undamaged.unwrap_or(found);
    if usual <= 0.0 {
        return Ok(labels);
    }
    let seen = smooth_inside(slice, tissue, config.detail_mm / pixel_mm);
    let level =
        config.contrast + Stream::new(seed, &[purpose::RATER, rater]).normal(0.0, config.rater_sd);
    let field = |which: u64, mm: f64| Field::new(seed, &[which, rater], [1.0, mm, mm]).plane(0.0);
    let hand = [
        field(purpose::RATER_SHIFT, 3.0),
        Field::new(seed, &[purpose::RATER_SHIFT, rater, 1], [1.0, 3.0, 3.0]).plane(0.0),
    ];
    let mood = field(purpose::RATER_LEVEL, 8.0);
    let moved = |index: usize, by: f32, length: usize| {
        let shift = config.boundary_mm / pixel_mm * f64::from(by);
        (index as f64 + shift)
            .round()
            .clamp(0.0, (length - 1) as f64) as usize
    };
    for ((row, column), label) in labels.indexed_iter_mut() {
        if !tissue[[row, column]] {
            continue;
        }
        let place = [row as f64 * pixel_mm, column as f64 * pixel_mm];
        let [down, across] = [
            hand[0].at(place[0], place[1]),
            hand[1].at(place[0], place[1]),
        ];
        let mut from = [moved(row, down, rows), moved(column, across, columns)];
        if !tissue[from] {
            from = [row, column];
        }
        let contrast = seen[from] / usual - 1.0;
        let here = level + config.local_sd * f64::from(mood.at(place[0], place[1]));
        *label = if contrast >= here + config.unsure {
            Label::Damaged
        } else if contrast <= here - config.unsure {
            Label::Undamaged
        } else {
            Label::None
        };
    }
    Ok(labels)
}

/// Gaussian average over tissue pixels alone.
fn smooth_inside(
    slice: ArrayView2<'_, f32>,
    tissue: ArrayView2<'_, bool>,
    sigma: f64,
) -> Array2<f64> {
    let radius = ((3.0 * sigma).ceil() as usize).clamp(1, 255);
    let kernel = gaussian(2 * radius + 1, sigma);
    let smooth =
        |image: &Array2<f64>| convolve(&convolve(image, &kernel, Axis(1)), &kernel, Axis(0));
    let weights = tissue.mapv(|inside| f64::from(u8::from(inside)));
    let values = Zip::from(slice)
        .and(&weights)
        .map_collect(|&v, &w| f64::from(v) * w);
    let mut out = smooth(&values);
    Zip::from(&mut out)
        .and(&smooth(&weights))
        .for_each(|value, &weight| {
            *value = if weight > 1e-9 { *value / weight } else { 0.0 };
        });
    out
}
