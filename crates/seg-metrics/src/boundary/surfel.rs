//! Two masks -> distances between the elements of their surfaces, weighted by area.

use super::empty::EmptyDistance;
use super::grid::{Grid, Window};
use super::pixel::check_tolerance;
use super::surfel_area;
use super::transform::distances_at;
use crate::{BitMask, EmptyPolicy, Error, Result};

/// Distances from the surface elements of each mask to the surface of the other, with their areas.
///
/// Each list is sorted by distance. In two dimensions areas are lengths.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SurfelDistances {
    /// From the surface of the prediction to that of the reference.
    pub from_prediction: Vec<Surfel>,
    /// From the surface of the reference to that of the prediction.
    pub from_reference: Vec<Surfel>,
    /// What to return when a mask is empty.
    pub empty: EmptyDistance,
}

/// One element of a surface.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Surfel {
    /// Distance to the other surface, in the unit of the spacing.
    pub distance: f64,
    /// Area (3-D) or length (2-D) of the element, in the unit of the spacing.
    pub area: f64,
}

/// Fraction of each surface that lies within a tolerance of the other.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SurfaceOverlap {
    /// Fraction of the reference's surface.
    pub reference: f64,
    /// Fraction of the prediction's surface.
    pub prediction: f64,
}

/// Distances between the surfaces of two masks, element by element and weighted by area.
///
/// ```text
/// from_prediction = { (d(s, S_R), area of s) : s in S_P },  S: the surface elements of a mask
/// ```
///
/// The surface runs halfway between pixel centres; its element in each cell of 2×2 (2×2×2) centres
/// has the length (area) of the line (surface) through the cell, and sits at the cell's middle. Every
/// pixel counts by how much surface it has, so scores do not depend on how the grid samples a slope.
///
/// # Shapes
///
/// `prediction`, `reference`: two or three axes, equal; `spacing`: one number per axis.
///
/// # Errors
///
/// [`Error::Axes`] unless the masks have two or three axes; [`Error::ShapeMismatch`];
/// [`Error::Spacing`].
///
/// # Source
///
/// Nikolov et al. 2021; DeepMind's surface-distance 0.1, whose areas are met in every cell.
///
/// # Examples
///
/// ```
/// use seg_metrics::{BitMask, EmptyDistance, EmptyPolicy, surfel_distances};
///
/// let mask = BitMask::full(&[4, 4]);
/// let found = surfel_distances(&mask, &mask, &[1.0, 1.0], EmptyDistance::default())?;
/// assert_eq!(found.hausdorff_percentile(95.0)?, 0.0);
/// assert_eq!(found.surface_dice(0.0, EmptyPolicy::Nan)?, 1.0);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn surfel_distances(
    prediction: &BitMask,
    reference: &BitMask,
    spacing: &[f64],
    empty: EmptyDistance,
) -> Result<SurfelDistances> {
    prediction.check("prediction", "reference", reference)?;
    Grid::new(prediction.shape(), spacing)?;
    let table = match *spacing {
        [row, column] => surfel_area::lengths([row, column]).to_vec(),
        [slice, row, column] => surfel_area::areas([slice, row, column]),
        _ => {
            let (metric, needed) = ("surfel_distances", "2 or 3");
            return Err(Error::Axes {
                metric,
                needed,
                got: spacing.len(),
            });
        }
    };
    let (p, r) = (prediction.pixels(), reference.pixels());
    let Some(window) = Window::around(prediction.shape(), &p, &r) else {
        return Ok(SurfelDistances {
            from_prediction: vec![],
            from_reference: vec![],
            empty,
        });
    };
    let cells: Vec<usize> = window.shape.iter().map(|extent| extent + 1).collect();
    let grid = Grid::new(&cells, spacing)?;
    let p = codes(&window.shape, &window.cut(prediction.shape(), &p));
    let r = codes(&window.shape, &window.cut(prediction.shape(), &r));
    Ok(SurfelDistances {
        from_prediction: surfels(&grid, &p, &r, &table),
        from_reference: surfels(&grid, &r, &p, &table),
        empty,
    })
}

/// Which corners of every cell are set.
fn codes(shape: &[usize], pixels: &[bool]) -> Vec<u8> {
    let axes = shape.len();
    let cells: Vec<usize> = shape.iter().map(|extent| extent + 1).collect();
    let mut strides = vec![1; axes];
    for axis in (1..axes).rev() {
        strides[axis - 1] = strides[axis] * cells[axis];
    }
    let mut codes = vec![0_u8; cells.iter().product()];
    for (flat, _) in pixels.iter().enumerate().filter(|(_, set)| **set) {
        let mut rest = flat;
        let mut base = 0;
        for axis in (0..axes).rev() {
            base += rest % shape[axis] * strides[axis];
            rest /= shape[axis];
        }
        let corners = (1_usize << axes) - 1;
        for corner in 0..=corners {
            let step: usize = (0..axes)
                .map(|axis| (corner >> (axes - 1 - axis) & 1) * strides[axis])
                .sum();
            codes[base + step] |= 1 << (corners - corner);
        }
    }
    codes
}

fn surfels(grid: &Grid, own: &[u8], other: &[u8], table: &[f64]) -> Vec<Surfel> {
    let whole = table.len() - 1;
    let on_surface = |code: &u8| *code != 0 && usize::from(*code) != whole;
    let queries: Vec<bool> = own.iter().map(on_surface).collect();
    let sources: Vec<bool> = other.iter().map(on_surface).collect();
    let areas = own
        .iter()
        .filter(|code| on_surface(code))
        .map(|code| table[usize::from(*code)]);
    let mut found: Vec<Surfel> = distances_at(grid, &sources, &queries)
        .into_iter()
        .zip(areas)
        .map(|(distance, area)| Surfel { distance, area })
        .collect();
    found.sort_by(|a, b| {
        a.distance
            .total_cmp(&b.distance)
            .then(a.area.total_cmp(&b.area))
    });
    found
}

impl SurfelDistances {
    fn or_empty(&self, metric: &'static str, value: impl Fn() -> f64) -> Result<f64> {
        let (p, r) = (
            self.from_prediction.is_empty(),
            self.from_reference.is_empty(),
        );
        self.empty
            .resolve(p, r, metric)
            .unwrap_or_else(|| Ok(value()))
    }

    /// Hausdorff distance at a percentile of surface area; 95 gives HD95, 100 the maximum.
    ///
    /// ```text
    /// directed: the least distance d such that at least `percent` % of the area lies within d
    /// result:   the greater of the two directions
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] unless `percent` lies in `[0, 100]`; [`Error::EmptyMask`] if the empty
    /// policy asks for it.
    ///
    /// # Source
    ///
    /// surface-distance `compute_robust_hausdorff`.
    pub fn hausdorff_percentile(&self, percent: f64) -> Result<f64> {
        if !(0.0..=100.0).contains(&percent) {
            let (what, low, high) = ("percentile", 0.0, 100.0);
            return Err(Error::OutOfRange {
                what,
                low,
                high,
                value: percent,
            });
        }
        self.or_empty("hausdorff_percentile", || {
            directed(&self.from_prediction, percent).max(directed(&self.from_reference, percent))
        })
    }

    /// Mean distance of the prediction's surface to the reference's, weighted by area.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyMask`] if the empty policy asks for it.
    pub fn average_from_prediction(&self) -> Result<f64> {
        self.or_empty("average_from_prediction", || average(&self.from_prediction))
    }

    /// Mean distance of the reference's surface to the prediction's, weighted by area.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyMask`] if the empty policy asks for it.
    pub fn average_from_reference(&self) -> Result<f64> {
        self.or_empty("average_from_reference", || average(&self.from_reference))
    }

    /// Fraction of each surface's area that lies within `tolerance` of the other.
    ///
    /// The fraction of an empty mask's surface is by `policy`; that of the other is then 0.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] if `tolerance` is negative or NaN; [`Error::Undefined`] if a mask is
    /// empty under [`EmptyPolicy::Error`].
    pub fn surface_overlap(&self, tolerance: f64, policy: EmptyPolicy) -> Result<SurfaceOverlap> {
        check_tolerance(tolerance)?;
        let fraction = |surfels: &[Surfel]| {
            policy.ratio(
                within(surfels, tolerance),
                total(surfels),
                "surface_overlap",
            )
        };
        Ok(SurfaceOverlap {
            reference: fraction(&self.from_reference)?,
            prediction: fraction(&self.from_prediction)?,
        })
    }

    /// Surface Dice by area: the fraction of both surfaces within `tolerance` of the other.
    ///
    /// ```text
    /// (area of ∂P within τ of ∂R + area of ∂R within τ of ∂P) / (area of ∂P + area of ∂R)
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
    /// surface-distance `compute_surface_dice_at_tolerance`; MONAI with `use_subvoxels=True`.
    pub fn surface_dice(&self, tolerance: f64, policy: EmptyPolicy) -> Result<f64> {
        check_tolerance(tolerance)?;
        let both = [&self.from_reference, &self.from_prediction];
        let near: f64 = both.iter().map(|surfels| within(surfels, tolerance)).sum();
        let all: f64 = both.iter().map(|surfels| total(surfels)).sum();
        policy.ratio(near, all, "surface_dice")
    }
}

fn total(surfels: &[Surfel]) -> f64 {
    surfels.iter().map(|surfel| surfel.area).sum()
}

/// Area within the tolerance; nothing is within an infinite distance.
fn within(surfels: &[Surfel], tolerance: f64) -> f64 {
    let near = surfels
        .iter()
        .take_while(|s| s.distance <= tolerance && s.distance.is_finite());
    near.map(|surfel| surfel.area).sum()
}

fn average(surfels: &[Surfel]) -> f64 {
    surfels
        .iter()
        .map(|surfel| surfel.distance * surfel.area)
        .sum::<f64>()
        / total(surfels)
}

fn directed(surfels: &[Surfel], percent: f64) -> f64 {
    let all = total(surfels);
    let mut area = 0.0;
    for surfel in surfels {
        area += surfel.area;
        if area / all >= percent / 100.0 {
            return surfel.distance;
        }
    }
    surfels
        .last()
        .map_or(f64::INFINITY, |surfel| surfel.distance)
}
