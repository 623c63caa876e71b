//! Slices as the networks see them, with their foreground, in one HDF5 file.

use std::path::{Path, PathBuf};

use image::imageops::{FilterType, resize};
use image::{ImageBuffer, Luma};
use mri_io::{Archive, ArrayElement};
use ndarray::{Array, Array2, Array3, ArrayView2, Axis, Dimension, Ix1, Zip};

use crate::error::{Context, Result, failed};

/// The slices of one scan that were kept.
#[derive(Debug, Clone)]
pub struct ScanSlices {
    /// Background removed, normalised, `[slice, row, column]`.
    pub images: Array3<f32>,
    /// Tissue, `[slice, row, column]`.
    pub foreground: Array3<bool>,
    /// Position of each slice in the scan.
    pub indices: Vec<usize>,
}

/// Reads `slices.h5`.
#[derive(Debug)]
pub struct SliceArchive {
    archive: Archive,
    path: PathBuf,
}

impl SliceArchive {
    /// Opens the file.
    ///
    /// # Errors
    ///
    /// [`Error::Run`](crate::error::Error::Run) if it is missing or damaged.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            archive: Archive::open(path).doing("open", path)?,
            path: path.to_path_buf(),
        })
    }

    /// The slices of one scan.
    ///
    /// # Errors
    ///
    /// [`Error::Run`](crate::error::Error::Run) if the scan is missing or damaged.
    pub fn read(&self, scan: &str) -> Result<ScanSlices> {
        let images = self.read_array::<f32, _>(scan, "image")?;
        let foreground = self
            .read_array::<u8, _>(scan, "foreground")?
            .mapv(|pixel| pixel != 0);
        Ok(ScanSlices {
            images,
            foreground,
            indices: self.indices(scan)?,
        })
    }

    /// Positions of the slices of one scan that were kept.
    ///
    /// # Errors
    ///
    /// [`Error::Run`](crate::error::Error::Run) if the scan is missing or damaged.
    pub fn indices(&self, scan: &str) -> Result<Vec<usize>> {
        let indices = self.read_array::<f32, Ix1>(scan, "slice")?;
        Ok(indices.iter().map(|&index| index as usize).collect())
    }

    /// The slices of one scan after a contrast method, `[slice, row, column]`.
    ///
    /// # Errors
    ///
    /// [`Error::Run`](crate::error::Error::Run) if they are missing or damaged.
    pub fn contrast(&self, scan: &str, method: &str) -> Result<Array3<f32>> {
        self.read_array::<f32, _>(scan, method)
    }

    fn read_array<T: ArrayElement, D: Dimension>(
        &self,
        scan: &str,
        what: &str,
    ) -> Result<Array<T, D>> {
        let name = format!("{scan}/{what}");
        let array = self
            .archive
            .read_array::<T>(&name)
            .doing("read", &self.path)?
            .values;
        array
            .into_dimensionality()
            .doing(&format!("use {name} of"), &self.path)
    }
}

/// Images at another size: bilinear, averaging where the image becomes smaller. The same size changes nothing.
pub fn resample(images: Array3<f32>, size: usize) -> Array3<f32> {
    let (slices, rows, columns) = images.dim();
    if (rows, columns) == (size, size) {
        return images;
    }
    let mut out = Array3::zeros((slices, size, size));
    Zip::from(images.axis_iter(Axis(0)))
        .and(out.axis_iter_mut(Axis(0)))
        .par_for_each(|from, mut to| to.assign(&resample_one(from, size)));
    out
}

fn resample_one(image: ArrayView2<'_, f32>, size: usize) -> Array2<f32> {
    let (rows, columns) = image.dim();
    // the resampler keeps floats within [0, 1], and grey values are not
    let least = image.iter().copied().fold(f32::INFINITY, f32::min);
    let most = image.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let range = if most > least { most - least } else { 1.0 };
    let pixel = |column, row| Luma([(image[[row as usize, column as usize]] - least) / range]);
    let buffer: ImageBuffer<Luma<f32>, Vec<f32>> =
        ImageBuffer::from_fn(columns as u32, rows as u32, pixel);
    let resized = resize(&buffer, size as u32, size as u32, FilterType::Triangle);
    Array2::from_shape_fn((size, size), |(row, column)| {
        resized.get_pixel(column as u32, row as u32).0[0] * range + least
    })
}

/// A mask at another size: a pixel counts if at least half of it did.
///
/// # Errors
///
/// Never for the sizes a configuration allows.
pub fn resample_mask(mask: &Array2<bool>, size: usize) -> Result<Array2<bool>> {
    if mask.dim() == (size, size) {
        return Ok(mask.clone());
    }
    if mask.is_empty() {
        return Err(failed("mask", anyhow::anyhow!("no pixels")));
    }
    Ok(resample_one(mask.mapv(f32::from).view(), size).mapv(|share| share >= 0.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resampling_keeps_grey_values_of_any_range() {
        // a plane stays a plane: 16 rows of 250 to 4000, with negative values in the second slice
        let images = Array3::from_shape_fn((2, 16, 16), |(slice, row, _)| {
            250.0 * (row as f32 + 1.0) - 2000.0 * slice as f32
        });
        let half = resample(images, 8);
        for row in 1..7 {
            let expected = 250.0 * (2.0 * row as f32 + 1.5);
            assert!(
                (half[[0, row, 3]] - expected).abs() < 1.0,
                "{}",
                half[[0, row, 3]]
            );
            assert!((half[[1, row, 3]] - expected + 2000.0).abs() < 1.0);
        }
        let flat = resample(Array3::from_elem((1, 10, 12), 1058.0), 7);
        assert!(flat.iter().all(|v| (v - 1058.0).abs() < 1e-3));
    }

    #[test]
    fn a_mask_keeps_its_place_at_another_size() {
        let mask = Array2::from_shape_fn((12, 12), |(row, _)| row < 6);
        let small = resample_mask(&mask, 6).unwrap();
        assert_eq!(small, Array2::from_shape_fn((6, 6), |(row, _)| row < 3));
    }
}
