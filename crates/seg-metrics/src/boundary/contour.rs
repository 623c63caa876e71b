//! A mask -> its outline, and the mask worn away from outside.

use super::grid::Grid;
use crate::{BitMask, Result};

/// The outline of a mask: its pixels with a neighbour outside it, along an axis.
///
/// ```text
/// outline = mask and not eroded(mask),     cross-shaped neighbourhood, outside the grid is unset
/// ```
///
/// The set that MONAI, MetricsReloaded and medpy measure distances between.
///
/// # Source
///
/// MONAI `get_mask_edges`, MetricsReloaded and medpy with connectivity 1; SciPy `binary_erosion`.
///
/// # Examples
///
/// ```
/// use seg_metrics::{BitMask, outline};
/// assert_eq!(outline(&BitMask::full(&[5, 5])).count(), 16);
/// ```
pub fn outline(mask: &BitMask) -> BitMask {
    BitMask::from_row_major(&outline_of(mask.shape(), &mask.pixels()), mask.shape())
}

pub(crate) fn outline_of(shape: &[usize], pixels: &[bool]) -> Vec<bool> {
    let mut inner = pixels.to_vec();
    let mut stride = 1;
    for axis in (0..shape.len()).rev() {
        let block = shape[axis] * stride;
        if block == 0 {
            return Vec::new();
        }
        for (inner, own) in inner.chunks_mut(block).zip(pixels.chunks(block)) {
            let last = block - stride;
            for (inner, before) in inner[stride..].iter_mut().zip(&own[..last]) {
                *inner &= before;
            }
            for (inner, after) in inner[..last].iter_mut().zip(&own[stride..]) {
                *inner &= after;
            }
            inner[..stride].fill(false);
            inner[last..].fill(false);
        }
        stride = block;
    }
    inner
        .iter_mut()
        .zip(pixels)
        .for_each(|(inner, &own)| *inner = own && !*inner);
    inner
}

/// The pixels whose whole box of `width` pixels to every side is set; outside the grid is unset.
///
/// The same as `width` erosions by a box of three pixels a side.
pub(crate) fn eroded_by_box(mask: &BitMask, width: usize) -> Result<Vec<bool>> {
    let mut pixels = mask.pixels();
    let grid = Grid::new(mask.shape(), &vec![1.0; mask.shape().len()])?;
    for axis in 0..grid.shape.len() {
        let (outer, stride) = grid.around(axis);
        let extent = grid.shape[axis];
        let width = width.min(extent);
        let mut line = vec![false; extent];
        for block in 0..outer {
            for inner in 0..stride {
                let base = block * extent * stride + inner;
                for (at, pixel) in line.iter_mut().enumerate() {
                    *pixel = pixels[base + at * stride];
                }
                let mut run = 0;
                for at in 0..extent + width {
                    run = if line.get(at) == Some(&true) {
                        run + 1
                    } else {
                        0
                    };
                    if at >= width {
                        pixels[base + (at - width) * stride] = run > 2 * width;
                    }
                }
            }
        }
    }
    Ok(pixels)
}
