//! Two masks -> distances between the pixels of their outlines: HD, HD95, ASSD, MASD, surface Dice.

use super::contour::outline_of;
use super::empty::EmptyDistance;
use super::grid::{Grid, Window};
use super::transform::distances_at;
use crate::{BitMask, EmptyPolicy, Error, Result};

/// How the percentile of the distances of both directions becomes one number.
///
/// The third convention by name, that of DeepMind's surface-distance, weighs surface elements:
/// [`SurfelDistances::hausdorff_percentile`](crate::SurfelDistances::hausdorff_percentile).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum HausdorffConvention {
    /// The greater of the two directed percentiles: MONAI, MetricsReloaded.
    #[default]
    MaxOfDirected,
    /// The percentile of the distances of both directions together: medpy.
    Pooled,
}

/// Distances from every outline pixel of each mask to the outline of the other, sorted.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OutlineDistances {
    /// From each outline pixel of the prediction to the outline of the reference, ascending.
    pub from_prediction: Vec<f64>,
    /// From each outline pixel of the reference to the outline of the prediction, ascending.
    pub from_reference: Vec<f64>,
    /// What to return when a mask is empty.
    pub empty: EmptyDistance,
}

/// Distances between the outlines of two masks, from which the named scores are read.
///
/// ```text
/// from_prediction = { d(p, ∂R) : p in ∂P }      from_reference = { d(r, ∂P) : r in ∂R }
/// d²(p, q) = Σ over axes of (spacing · (p − q))²
/// ```
///
/// The outline of a mask is its pixels with a neighbour outside it along an axis; distances are
/// between pixel centres, in the unit of `spacing`.
///
/// # Shapes
///
/// `prediction`, `reference`: any number of axes, equal; `spacing`: one number per axis, slowest
/// first, in millimetres.
///
/// # Errors
///
/// [`Error::ShapeMismatch`] if the grids differ; [`Error::Spacing`] unless there is one finite
/// positive spacing per axis.
///
/// # Source
///
/// Outline as in MONAI 1.6.1, MetricsReloaded and medpy; fixtures in `tests/golden/peers`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, EmptyDistance, HausdorffConvention, outline_distances};
///
/// let p = BitMask::from_bools(array![[true, true, false, false]].view());
/// let r = BitMask::from_bools(array![[true, true, true, false]].view());
/// let found = outline_distances(&p, &r, &[1.0, 0.5], EmptyDistance::default())?;
/// assert_eq!(found.hausdorff()?, 0.5);
/// assert_eq!(found.average_symmetric()?, 0.1);
/// assert_eq!(found.hausdorff_percentile(50.0, HausdorffConvention::Pooled)?, 0.0);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn outline_distances(
    prediction: &BitMask,
    reference: &BitMask,
    spacing: &[f64],
    empty: EmptyDistance,
) -> Result<OutlineDistances> {
    prediction.check("prediction", "reference", reference)?;
    let whole = Grid::new(prediction.shape(), spacing)?;
    let (p, r) = (prediction.pixels(), reference.pixels());
    let Some(window) = Window::around(&whole.shape, &p, &r) else {
        return Ok(OutlineDistances {
            from_prediction: vec![],
            from_reference: vec![],
            empty,
        });
    };
    let p = window.cut(&whole.shape, &outline_of(&whole.shape, &p));
    let r = window.cut(&whole.shape, &outline_of(&whole.shape, &r));
    let grid = Grid {
        shape: window.shape,
        spacing: whole.spacing,
    };
    let sorted = |mut distances: Vec<f64>| {
        distances.sort_by(f64::total_cmp);
        distances
    };
    Ok(OutlineDistances {
        from_prediction: sorted(distances_at(&grid, &r, &p)),
        from_reference: sorted(distances_at(&grid, &p, &r)),
        empty,
    })
}

impl OutlineDistances {
    fn or_empty(&self, metric: &'static str, value: impl Fn() -> f64) -> Result<f64> {
        let (p, r) = (
            self.from_prediction.is_empty(),
            self.from_reference.is_empty(),
        );
        self.empty
            .resolve(p, r, metric)
            .unwrap_or_else(|| Ok(value()))
    }

    /// Hausdorff distance: the greatest distance of an outline pixel to the other outline.
    ///
    /// ```text
    /// HD = max( max over p of d(p, R), max over r of d(r, P) )
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::EmptyMask`] if the empty policy asks for it.
    pub fn hausdorff(&self) -> Result<f64> {
        self.or_empty("hausdorff", || {
            last(&self.from_prediction).max(last(&self.from_reference))
        })
    }

    /// Percentile of the distances; 95 gives HD95.
    ///
    /// ```text
    /// MaxOfDirected:  max( percentile of d(p, R), percentile of d(r, P) )
    /// Pooled:         percentile of d(p, R) and d(r, P) together
    /// percentile q:   linear interpolation at (n − 1) q / 100 of the sorted distances
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] unless `percent` lies in `[0, 100]`; [`Error::EmptyMask`] if the empty
    /// policy asks for it.
    pub fn hausdorff_percentile(
        &self,
        percent: f64,
        convention: HausdorffConvention,
    ) -> Result<f64> {
        if !(0.0..=100.0).contains(&percent) {
            let (what, low, high) = ("percentile", 0.0, 100.0);
            return Err(Error::OutOfRange {
                what,
                low,
                high,
                value: percent,
            });
        }
        self.or_empty("hausdorff_percentile", || match convention {
            HausdorffConvention::MaxOfDirected => percentile(&self.from_prediction, percent)
                .max(percentile(&self.from_reference, percent)),
            HausdorffConvention::Pooled => {
                let mut all = [&self.from_prediction[..], &self.from_reference[..]].concat();
                all.sort_by(f64::total_cmp);
                percentile(&all, percent)
            }
        })
    }

    /// Mean distance of the prediction's outline to the reference's.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyMask`] if the empty policy asks for it.
    pub fn average_from_prediction(&self) -> Result<f64> {
        self.or_empty("average_from_prediction", || mean(&self.from_prediction))
    }

    /// Mean distance of the reference's outline to the prediction's.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyMask`] if the empty policy asks for it.
    pub fn average_from_reference(&self) -> Result<f64> {
        self.or_empty("average_from_reference", || mean(&self.from_reference))
    }

    /// Average symmetric surface distance (ASSD): the mean over the pixels of both outlines.
    ///
    /// ```text
    /// ASSD = (Σ d(p, R) + Σ d(r, P)) / (|∂P| + |∂R|)
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::EmptyMask`] if the empty policy asks for it.
    ///
    /// # Source
    ///
    /// MONAI `compute_average_surface_distance(symmetric=True)`; medpy 0.5.2 `assd`.
    pub fn average_symmetric(&self) -> Result<f64> {
        self.or_empty("average_symmetric", || {
            let sum: f64 = self
                .from_prediction
                .iter()
                .chain(&self.from_reference)
                .sum();
            sum / (self.from_prediction.len() + self.from_reference.len()) as f64
        })
    }

    /// Mean average surface distance (MASD): the mean of the two directed means.
    ///
    /// ```text
    /// MASD = (mean d(p, R) + mean d(r, P)) / 2
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::EmptyMask`] if the empty policy asks for it.
    ///
    /// # Source
    ///
    /// MetricsReloaded `measured_masd`.
    pub fn masd(&self) -> Result<f64> {
        self.or_empty("masd", || {
            (mean(&self.from_prediction) + mean(&self.from_reference)) / 2.0
        })
    }

    /// Surface Dice, or normalised surface distance (NSD), counting pixels: the fraction of both
    /// outlines that lies within `tolerance` of the other.
    ///
    /// ```text
    /// NSD = (#{p : d(p, R) ≤ τ} + #{r : d(r, P) ≤ τ}) / (|∂P| + |∂R|)
    /// ```
    ///
    /// 0 if exactly one mask is empty; `policy` decides if both are.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] if `tolerance` is negative or NaN; [`Error::Undefined`] if both masks
    /// are empty under [`EmptyPolicy::Error`].
    ///
    /// # Source
    ///
    /// Nikolov et al. 2021; MONAI `compute_surface_dice` without subvoxels. For surface elements
    /// instead of pixels see [`SurfelDistances`](crate::SurfelDistances::surface_dice).
    pub fn surface_dice(&self, tolerance: f64, policy: EmptyPolicy) -> Result<f64> {
        check_tolerance(tolerance)?;
        let within = |distances: &[f64]| distances.partition_point(|d| *d <= tolerance);
        let near = if self.from_prediction.is_empty() || self.from_reference.is_empty() {
            0
        } else {
            within(&self.from_prediction) + within(&self.from_reference)
        };
        let all = self.from_prediction.len() + self.from_reference.len();
        policy.ratio(near as f64, all as f64, "surface_dice")
    }
}

pub(crate) fn check_tolerance(tolerance: f64) -> Result<()> {
    if tolerance >= 0.0 {
        return Ok(());
    }
    let (what, low, high) = ("tolerance", 0.0, f64::INFINITY);
    Err(Error::OutOfRange {
        what,
        low,
        high,
        value: tolerance,
    })
}

fn last(sorted: &[f64]) -> f64 {
    sorted.last().copied().unwrap_or(f64::NAN)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// NumPy's linear percentile of sorted values.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let at = last as f64 * (percent / 100.0);
    let below = at.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    if low == high {
        low
    } else {
        low + (at - below as f64) * (high - low)
    }
}
