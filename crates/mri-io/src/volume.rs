//! A scan in memory: stored integers on a regular grid, and what they mean.

use ndarray::{Array3, ArrayView3, Axis, Zip};
use serde::{Deserialize, Serialize};

use crate::{Acquisition, Error, Result};

/// Distance between the centres of neighbouring pixels, in millimetres.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spacing {
    /// From one slice to the next, mm.
    pub slice_mm: f64,
    /// From one row to the next (down an image), mm.
    pub row_mm: f64,
    /// From one column to the next (across an image), mm.
    pub column_mm: f64,
}

impl Spacing {
    /// The same distance along all three axes.
    #[must_use]
    pub const fn isotropic(mm: f64) -> Self {
        Self {
            slice_mm: mm,
            row_mm: mm,
            column_mm: mm,
        }
    }

    /// `[slice, row, column]` in mm.
    #[must_use]
    pub const fn to_array(self) -> [f64; 3] {
        [self.slice_mm, self.row_mm, self.column_mm]
    }

    pub(crate) fn validated(self) -> Result<Self> {
        for (axis, value) in ["slice", "row", "column"].into_iter().zip(self.to_array()) {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::Spacing { axis, value });
            }
        }
        Ok(self)
    }
}

/// The straight line from stored integers to measured values.
///
/// ```text
/// value = slope × stored + intercept
/// ```
///
/// # Source
///
/// DICOM PS3.3 C.11.1 (Modality LUT): Rescale Slope and Rescale Intercept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rescale {
    /// Factor, not 0.
    pub slope: f64,
    /// Offset.
    pub intercept: f64,
}

impl Rescale {
    /// Values equal to the stored integers.
    pub const IDENTITY: Self = Self {
        slope: 1.0,
        intercept: 0.0,
    };

    /// The measured value of one stored integer.
    #[must_use]
    pub fn apply(self, stored: i32) -> f64 {
        self.slope * f64::from(stored) + self.intercept
    }

    fn is_usable(self) -> bool {
        self.slope.is_finite() && self.intercept.is_finite() && self.slope != 0.0
    }
}

impl Default for Rescale {
    fn default() -> Self {
        Self::IDENTITY
    }
}

/// Which way the grid points in the patient coordinate system of DICOM (to the left, back, head).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orientation {
    /// Unit vector along a row, from one column to the next.
    pub along_row: [f64; 3],
    /// Unit vector along a column, from one row to the next.
    pub along_column: [f64; 3],
}

impl Orientation {
    /// Rows to the patient's left, columns to the back: an axial slice.
    pub const AXIAL: Self = Self {
        along_row: [1.0, 0.0, 0.0],
        along_column: [0.0, 1.0, 0.0],
    };

    /// Unit vector across the slices.
    ///
    /// ```text
    /// normal = along_row × along_column
    /// ```
    #[must_use]
    pub fn normal(&self) -> [f64; 3] {
        let (r, c) = (self.along_row, self.along_column);
        [
            r[1] * c[2] - r[2] * c[1],
            r[2] * c[0] - r[0] * c[2],
            r[0] * c[1] - r[1] * c[0],
        ]
    }
}

/// One scan: stored integers `[slice, row, column]`, their spacing and meaning.
///
/// Stored values are what the scanner wrote, with unused high bits removed and the sign
/// extended; measured values follow by one [`Rescale`] per slice.
///
/// # Examples
///
/// ```
/// use mri_io::{Rescale, Spacing, Volume};
/// use ndarray::Array3;
///
/// let stored = Array3::from_shape_fn((2, 3, 4), |(s, r, c)| (s * 12 + r * 4 + c) as i32);
/// let volume = Volume::new(stored, Spacing { slice_mm: 1.0, row_mm: 0.5, column_mm: 0.5 })?
///     .with_rescale(Rescale { slope: 2.0, intercept: -1.0 })?;
/// assert_eq!(volume.shape(), [2, 3, 4]);
/// assert_eq!(volume.values()[[1, 2, 3]], 45.0);
/// # Ok::<(), mri_io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    stored: Array3<i32>,
    spacing: Spacing,
    rescale: Vec<Rescale>,
    orientation: Option<Orientation>,
    positions: Option<Vec<[f64; 3]>>,
    acquisition: Acquisition,
}

impl Volume {
    /// A volume whose values are its stored integers.
    ///
    /// # Shapes
    ///
    /// - `stored`: `[slices, rows, columns]`, each at least 1
    ///
    /// # Errors
    ///
    /// [`Error::EmptyVolume`] without a pixel, [`Error::Spacing`] unless all distances are
    /// positive and finite.
    pub fn new(stored: Array3<i32>, spacing: Spacing) -> Result<Self> {
        let (slices, rows, columns) = stored.dim();
        if stored.is_empty() {
            return Err(Error::EmptyVolume([slices, rows, columns]));
        }
        let stored = if stored.is_standard_layout() {
            stored
        } else {
            stored.as_standard_layout().to_owned()
        };
        Ok(Self {
            stored,
            spacing: spacing.validated()?,
            rescale: vec![Rescale::IDENTITY; slices],
            orientation: None,
            positions: None,
            acquisition: Acquisition::default(),
        })
    }

    /// The same rescale for all slices.
    ///
    /// # Errors
    ///
    /// [`Error::Rescale`] unless both numbers are finite and the slope is not 0.
    pub fn with_rescale(self, rescale: Rescale) -> Result<Self> {
        let slices = self.slices();
        self.with_rescale_per_slice(vec![rescale; slices])
    }

    /// One rescale per slice, as Enhanced MR allows.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] unless there is one for each slice, [`Error::Rescale`] unless all numbers
    /// are finite and no slope is 0.
    pub fn with_rescale_per_slice(mut self, rescale: Vec<Rescale>) -> Result<Self> {
        self.expect_one_per_slice("rescale", rescale.len())?;
        if let Some(slice) = rescale.iter().position(|r| !r.is_usable()) {
            let Rescale { slope, intercept } = rescale[slice];
            return Err(Error::Rescale {
                slice,
                slope,
                intercept,
            });
        }
        self.rescale = rescale;
        Ok(self)
    }

    /// The direction of rows and columns in space.
    #[must_use]
    pub fn with_orientation(mut self, orientation: Orientation) -> Self {
        self.orientation = Some(orientation);
        self
    }

    /// The centre of the first pixel of each slice, mm.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] unless there is one for each slice.
    pub fn with_positions(mut self, positions: Vec<[f64; 3]>) -> Result<Self> {
        self.expect_one_per_slice("positions", positions.len())?;
        self.positions = Some(positions);
        Ok(self)
    }

    /// How the scan was acquired and stored.
    #[must_use]
    pub fn with_acquisition(mut self, acquisition: Acquisition) -> Self {
        self.acquisition = acquisition;
        self
    }

    fn expect_one_per_slice(&self, what: &'static str, found: usize) -> Result<()> {
        if found == self.slices() {
            Ok(())
        } else {
            Err(Error::Shape {
                what,
                expected: vec![self.slices()],
                found: vec![found],
            })
        }
    }

    /// Stored integers `[slice, row, column]`, in standard (row-major) layout.
    #[must_use]
    pub fn stored(&self) -> ArrayView3<'_, i32> {
        self.stored.view()
    }

    /// The stored integers, without a copy.
    #[must_use]
    pub fn into_stored(self) -> Array3<i32> {
        self.stored
    }

    /// Measured values, one [`Rescale`] per slice applied.
    ///
    /// ```text
    /// value[s, r, c] = slope[s] × stored[s, r, c] + intercept[s]
    /// ```
    ///
    /// Computed in double precision, then rounded to single.
    ///
    /// # Shapes
    ///
    /// - returns: `[slices, rows, columns]`
    #[must_use]
    pub fn values(&self) -> Array3<f32> {
        let mut values = Array3::zeros(self.stored.raw_dim());
        for ((mut target, source), rescale) in values
            .axis_iter_mut(Axis(0))
            .zip(self.stored.axis_iter(Axis(0)))
            .zip(&self.rescale)
        {
            Zip::from(&mut target)
                .and(&source)
                .for_each(|t, &s| *t = rescale.apply(s) as f32);
        }
        values
    }

    /// Distances between pixel centres.
    #[must_use]
    pub fn spacing(&self) -> Spacing {
        self.spacing
    }

    /// `[slices, rows, columns]`.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        let (slices, rows, columns) = self.stored.dim();
        [slices, rows, columns]
    }

    /// `(slices, rows, columns)`, as ndarray gives it.
    #[must_use]
    pub fn dim(&self) -> (usize, usize, usize) {
        self.stored.dim()
    }

    /// Number of slices, at least 1.
    #[must_use]
    pub fn slices(&self) -> usize {
        self.stored.dim().0
    }

    /// Number of rows of a slice, at least 1.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.stored.dim().1
    }

    /// Number of columns of a slice, at least 1.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.stored.dim().2
    }

    /// One rescale per slice.
    #[must_use]
    pub fn rescale(&self) -> &[Rescale] {
        &self.rescale
    }

    /// Direction of rows and columns, where known.
    #[must_use]
    pub fn orientation(&self) -> Option<Orientation> {
        self.orientation
    }

    /// Centre of the first pixel of each slice in mm, where known.
    #[must_use]
    pub fn positions(&self) -> Option<&[[f64; 3]]> {
        self.positions.as_deref()
    }

    /// How the scan was acquired and stored.
    #[must_use]
    pub fn acquisition(&self) -> &Acquisition {
        &self.acquisition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rescale_per_slice_is_applied_to_its_slice() {
        let volume = Volume::new(Array3::from_elem((2, 1, 1), 10), Spacing::isotropic(1.0))
            .unwrap()
            .with_rescale_per_slice(vec![
                Rescale {
                    slope: 2.0,
                    intercept: 1.0,
                },
                Rescale {
                    slope: 0.5,
                    intercept: 0.0,
                },
            ])
            .unwrap();
        assert_eq!(volume.values().into_raw_vec_and_offset().0, [21.0, 5.0]);
    }

    #[test]
    fn unusable_grids_are_refused() {
        let error = Volume::new(Array3::zeros((0, 4, 4)), Spacing::isotropic(1.0)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a volume needs at least one pixel, got shape [0, 4, 4] (slices, rows, columns)"
        );
        let error =
            Volume::new(Array3::zeros((1, 4, 4)), Spacing::isotropic(f64::NAN)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "slice spacing must be a positive number of millimetres, got NaN"
        );
        let volume = Volume::new(Array3::zeros((1, 4, 4)), Spacing::isotropic(1.0)).unwrap();
        assert!(
            volume
                .clone()
                .with_rescale(Rescale {
                    slope: 0.0,
                    intercept: 0.0
                })
                .is_err()
        );
        assert!(volume.with_positions(vec![[0.0; 3]; 2]).is_err());
    }

    #[test]
    fn a_transposed_array_is_kept_in_standard_layout() {
        let array = Array3::from_shape_fn((2, 3, 4), |(a, b, c)| (a * 12 + b * 4 + c) as i32)
            .permuted_axes([2, 1, 0]);
        let expected = array.clone();
        let volume = Volume::new(array, Spacing::isotropic(1.0)).unwrap();
        assert_eq!(volume.stored(), expected);
        assert!(volume.stored().as_slice().is_some());
    }

    #[test]
    fn the_normal_of_an_axial_slice_points_to_the_head() {
        assert_eq!(Orientation::AXIAL.normal(), [0.0, 0.0, 1.0]);
    }
}
