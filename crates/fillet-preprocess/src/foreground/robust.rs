//! A foreground that does not depend on the corner, on the pouch or on there being tissue.

use image::{GrayImage, Luma};
use imageproc::region_labelling::{Connectivity, connected_components};
use ndarray::{Array2, ArrayView2};

use super::clusters::two_means_threshold;
use super::filters::{blur, erode, maximum};
use crate::normalise::percentile;

/// Least ratio of the mean grey value inside to outside; below it a slice counts as empty.
const LEAST_CONTRAST: f64 = 2.0;

/// Smooth, split at the geometric middle of the two clusters of square roots, open, keep the
/// largest piece, fill its holes.
pub(super) fn segment(slice: ArrayView2<'_, f32>) -> Array2<bool> {
    let empty = Array2::from_elem(slice.dim(), false);
    let mut values: Vec<f32> = slice.iter().copied().collect();
    let Some(high) = percentile(&mut values, 99.0) else {
        return empty;
    };
    let roots = slice.mapv(|value| f64::from(value).clamp(0.0, high.max(0.0)).sqrt());
    let smooth = blur(&roots, 5, false);
    let Some(split) = two_means_threshold(smooth.iter().copied()) else {
        return empty;
    };
    let (dark, bright) = means(&smooth, split);
    if bright * bright < LEAST_CONTRAST * dark * dark {
        return empty;
    }
    let level = 0.5 * (dark + bright);
    let radius = (slice.nrows().min(slice.ncols()) / 64).max(1);
    let tissue = smooth.mapv(|value| f64::from(u8::from(value > level)));
    let opened = maximum(&erode(&tissue, radius), radius);
    let piece = largest_piece(&opened.mapv(|value| value > 0.5));
    fill_holes(&piece)
}

fn means(values: &Array2<f64>, split: f64) -> (f64, f64) {
    let mut sums = [0.0; 2];
    let mut counts = [0.0; 2];
    for &value in values {
        let side = usize::from(value > split);
        sums[side] += value;
        counts[side] += 1.0;
    }
    (
        sums[0] / f64::max(counts[0], 1.0),
        sums[1] / f64::max(counts[1], 1.0),
    )
}

fn as_image(mask: &Array2<bool>, wanted: bool) -> GrayImage {
    let (rows, columns) = mask.dim();
    GrayImage::from_fn(columns as u32, rows as u32, |x, y| {
        Luma([u8::from(mask[[y as usize, x as usize]] == wanted)])
    })
}

fn largest_piece(mask: &Array2<bool>) -> Array2<bool> {
    let labels = connected_components(&as_image(mask, true), Connectivity::Four, Luma([0]));
    let mut sizes: Vec<usize> = Vec::new();
    for label in labels.pixels() {
        let label = label[0] as usize;
        if label >= sizes.len() {
            sizes.resize(label + 1, 0);
        }
        sizes[label] += 1;
    }
    let largest = (1..sizes.len())
        .rev()
        .max_by_key(|&label| sizes[label])
        .unwrap_or(0) as u32;
    Array2::from_shape_fn(mask.dim(), |(row, column)| {
        largest > 0 && labels.get_pixel(column as u32, row as u32)[0] == largest
    })
}

/// Adds background pieces that do not reach the border of the image.
fn fill_holes(mask: &Array2<bool>) -> Array2<bool> {
    let (rows, columns) = mask.dim();
    let labels = connected_components(&as_image(mask, false), Connectivity::Eight, Luma([0]));
    let at = |row: usize, column: usize| labels.get_pixel(column as u32, row as u32)[0] as usize;
    let most = labels
        .pixels()
        .map(|label| label[0] as usize)
        .max()
        .unwrap_or(0);
    let mut outside = vec![false; most + 1];
    for row in 0..rows {
        outside[at(row, 0)] = true;
        outside[at(row, columns - 1)] = true;
    }
    for column in 0..columns {
        outside[at(0, column)] = true;
        outside[at(rows - 1, column)] = true;
    }
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        let label = at(row, column);
        mask[[row, column]] || (label != 0 && !outside[label])
    })
}
