//! Slice -> rotated, shifted, flipped slice, as a function of seed, sample and epoch.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, ArrayViewMut2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

mod sample;

use self::sample::{Sampler, sample};
use crate::error::{Error, Result};
use crate::random::Stream;

/// What a pixel takes when it comes from outside the image.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// The nearest pixel of the image.
    #[default]
    Nearest,
    /// A constant grey value.
    Constant(f32),
}

/// Ranges from which an augmentation is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Largest rotation to either side, in degrees.
    pub rotation_degrees: f64,
    /// Largest shift along rows, as a fraction of the height.
    pub row_shift: f64,
    /// Largest shift along columns, as a fraction of the width.
    pub column_shift: f64,
    /// Mirror left and right in half of the draws.
    pub flip_horizontal: bool,
    /// Mirror top and bottom in half of the draws.
    pub flip_vertical: bool,
    /// What fills pixels from outside.
    pub fill: Fill,
}

impl Default for AugmentConfig {
    /// The paper's ranges: ±45°, ±20 %, both flips, nearest fill.
    fn default() -> Self {
        Self {
            rotation_degrees: 45.0,
            row_shift: 0.2,
            column_shift: 0.2,
            flip_horizontal: true,
            flip_vertical: true,
            fill: Fill::Nearest,
        }
    }
}

impl AugmentConfig {
    /// Leaves every slice as it is.
    pub fn none() -> Self {
        Self {
            rotation_degrees: 0.0,
            row_shift: 0.0,
            column_shift: 0.0,
            flip_horizontal: false,
            flip_vertical: false,
            fill: Fill::Nearest,
        }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key.
    pub fn validate(&self) -> Result<()> {
        let checks = [
            (
                "rotation_degrees",
                self.rotation_degrees,
                180.0,
                "in [0, 180]",
            ),
            ("row_shift", self.row_shift, 1.0, "a fraction in [0, 1]"),
            (
                "column_shift",
                self.column_shift,
                1.0,
                "a fraction in [0, 1]",
            ),
        ];
        for (key, value, most, expected) in checks {
            if !(0.0..=most).contains(&value) {
                return Err(Error::Config {
                    key,
                    value: value.to_string(),
                    expected,
                });
            }
        }
        Ok(())
    }

    /// The parameters of one sample in one epoch.
    ///
    /// # Shapes
    ///
    /// - `shape`: `[rows, columns]` of the slice, in pixels
    pub fn draw(&self, shape: [usize; 2], seed: u64, sample: u64, epoch: u64) -> AugmentParameters {
        let mut stream = Stream::new(seed, &[0xa06, sample, epoch]);
        let mut symmetric = |limit: f64| (2.0 * stream.uniform() - 1.0) * limit;
        let rotation_degrees = symmetric(self.rotation_degrees);
        let row_shift = symmetric(self.row_shift) * shape[0] as f64;
        let column_shift = symmetric(self.column_shift) * shape[1] as f64;
        let horizontal = stream.uniform() < 0.5;
        let vertical = stream.uniform() < 0.5;
        AugmentParameters {
            rotation_degrees,
            row_shift,
            column_shift,
            flip_horizontal: self.flip_horizontal && horizontal,
            flip_vertical: self.flip_vertical && vertical,
            fill: self.fill,
        }
    }
}

/// One drawn augmentation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AugmentParameters {
    /// Rotation, in degrees.
    pub rotation_degrees: f64,
    /// Shift along rows, in pixels.
    pub row_shift: f64,
    /// Shift along columns, in pixels.
    pub column_shift: f64,
    /// Mirror left and right, after the rotation and shift.
    pub flip_horizontal: bool,
    /// Mirror top and bottom, last.
    pub flip_vertical: bool,
    /// What fills pixels from outside.
    pub fill: Fill,
}

impl AugmentParameters {
    /// Moves a slice by these parameters, with linear interpolation.
    ///
    /// ```text
    /// source = C · R(θ) · T(row shift, column shift) · C⁻¹ · target
    /// R(θ) = [cos θ  −sin θ; sin θ  cos θ] on (row, column)
    /// C moves the origin to (rows/2 + 0.5, columns/2 + 0.5)
    /// ```
    ///
    /// Then the flips. Pixels with coordinates beyond the first or last row or column are filled.
    ///
    /// # Shapes
    ///
    /// - `slice` and result: `[rows, columns]`; an empty slice stays empty
    ///
    /// # Source
    ///
    /// `ImageDataGenerator` of keras-preprocessing 1.1 (order 1), including its centre, which
    /// lies one pixel beyond the middle of the pixel grid.
    pub fn apply(&self, slice: ArrayView2<'_, f32>) -> Array2<f32> {
        // filled as the pixels come: clearing it first takes a sixth as long as moving the slice
        let mut pixels = Vec::with_capacity(slice.len());
        self.pixels(slice, |values| pixels.extend_from_slice(values));
        Array2::from_shape_vec(slice.dim(), pixels).unwrap_or_default()
    }

    /// Writes the moved slice into `out`, which has its shape.
    fn apply_into(&self, slice: ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) {
        match out.as_slice_mut() {
            Some(mut rest) => self.pixels(slice, |values| {
                if let Some((next, after)) =
                    std::mem::take(&mut rest).split_at_mut_checked(values.len())
                {
                    next.copy_from_slice(values);
                    rest = after;
                }
            }),
            None => out.assign(&self.apply(slice)),
        }
    }

    /// All pixels of the moved slice, row by row, some at a time.
    fn pixels(&self, slice: ArrayView2<'_, f32>, mut put: impl FnMut(&[f32])) {
        let (rows, columns) = slice.dim();
        if slice.is_empty() {
            return;
        }
        if self.only_flips() {
            let mut flipped = slice;
            let flips = [self.flip_vertical, self.flip_horizontal];
            for (axis, _) in flips.into_iter().enumerate().filter(|(_, flip)| *flip) {
                flipped.invert_axis(Axis(axis));
            }
            for line in flipped.rows() {
                match line.as_slice() {
                    Some(line) => put(line),
                    None => put(&line.to_vec()),
                }
            }
            return;
        }
        let map = self.source_map(rows, columns);
        let standard = slice.as_standard_layout();
        let Some(source) = standard.as_slice() else {
            return;
        };
        let mut step = [map[0][2], map[1][2]];
        let mut shift = [0.0; 2];
        if self.flip_horizontal {
            shift = step.map(|step| step * (columns - 1) as f64);
            step = step.map(|step| -step);
        }
        let start = |row: usize| {
            let row = if self.flip_vertical {
                rows - 1 - row
            } else {
                row
            } as f64;
            [0, 1].map(|axis| map[axis][1] * row + map[axis][0] + shift[axis])
        };
        if self.fill == Fill::Nearest
            && let Some(sampler) = Sampler::new(source, [rows, columns], step)
        {
            sampler.image(start, put);
            return;
        }
        let mut line = vec![0.0; columns];
        for row in 0..rows {
            let start = start(row);
            for (column, value) in line.iter_mut().enumerate() {
                let column = column as f64;
                let place = [start[0] + step[0] * column, start[1] + step[1] * column];
                *value = sample(source, rows, columns, place, self.fill);
            }
            put(&line);
        }
    }

    /// Whether every pixel stays on the grid, so that nothing is interpolated.
    fn only_flips(&self) -> bool {
        [self.rotation_degrees, self.row_shift, self.column_shift] == [0.0; 3]
    }

    /// Source coordinate of a target pixel: `[offset, per row, per column]` for row and column.
    fn source_map(&self, rows: usize, columns: usize) -> [[f64; 3]; 2] {
        let (sine, cosine) = self.rotation_degrees.to_radians().sin_cos();
        let centre = [rows as f64 / 2.0 + 0.5, columns as f64 / 2.0 + 0.5];
        let [down, right] = [self.row_shift - centre[0], self.column_shift - centre[1]];
        [
            [cosine * down - sine * right + centre[0], cosine, -sine],
            [sine * down + cosine * right + centre[1], sine, cosine],
        ]
    }
}

/// Draws the parameters of (seed, sample, epoch) and applies them.
///
/// The result depends on nothing else: not on the order of calls, nor on threads.
///
/// # Shapes
///
/// - `slice` and result: `[rows, columns]`
///
/// # Source
///
/// Ranges of Syed et al. 2023; geometry as [`AugmentParameters::apply`].
///
/// # Examples
///
/// ```
/// use fillet_preprocess::{AugmentConfig, augment};
/// use ndarray::Array2;
///
/// let slice = Array2::from_shape_fn((32, 32), |(r, c)| (r * c) as f32);
/// let config = AugmentConfig::default();
/// let first = augment(slice.view(), &config, 42, 7, 0);
/// assert_eq!(first, augment(slice.view(), &config, 42, 7, 0));
/// assert_ne!(first, augment(slice.view(), &config, 42, 7, 1));
/// ```
pub fn augment(
    slice: ArrayView2<'_, f32>,
    config: &AugmentConfig,
    seed: u64,
    sample: u64,
    epoch: u64,
) -> Array2<f32> {
    let (rows, columns) = slice.dim();
    config
        .draw([rows, columns], seed, sample, epoch)
        .apply(slice)
}

/// [`augment`] on many slices in parallel: slice `i` as sample `samples[i]` of the epoch.
///
/// # Shapes
///
/// - `slices` and result: `[samples, rows, columns]`
///
/// # Errors
///
/// [`Error::Config`] from [`AugmentConfig::validate`], [`Error::ShapeMismatch`] unless there is one
/// sample number for each slice.
///
/// # Examples
///
/// ```
/// use fillet_preprocess::augment::augment_batch;
/// use fillet_preprocess::{AugmentConfig, augment};
/// use ndarray::{Array3, Axis};
///
/// let slices = Array3::from_shape_fn((2, 16, 16), |(s, r, c)| (s + r * c) as f32);
/// let config = AugmentConfig::default();
/// let batch = augment_batch(slices.view(), &config, 42, &[7, 8], 0)?;
/// let one = augment(slices.index_axis(Axis(0), 1), &config, 42, 8, 0);
/// assert_eq!(batch.index_axis(Axis(0), 1), one);
/// # Ok::<(), fillet_preprocess::Error>(())
/// ```
pub fn augment_batch(
    slices: ArrayView3<'_, f32>,
    config: &AugmentConfig,
    seed: u64,
    samples: &[u64],
    epoch: u64,
) -> Result<Array3<f32>> {
    config.validate()?;
    if slices.len_of(Axis(0)) != samples.len() {
        return Err(Error::ShapeMismatch {
            left: slices.shape().to_vec(),
            right: vec![samples.len()],
        });
    }
    let mut out = Array3::zeros(slices.dim());
    out.axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(slices.axis_iter(Axis(0)))
        .zip(samples)
        .for_each(|((target, slice), &sample)| {
            let (rows, columns) = slice.dim();
            config
                .draw([rows, columns], seed, sample, epoch)
                .apply_into(slice, target);
        });
    Ok(out)
}
