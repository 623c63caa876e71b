use super::{finite, same_length};
use crate::Result;

/// A box of pixels, both ends included; empty where the last row or column comes before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelBox {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Last row.
    pub bottom: usize,
    /// Last column.
    pub right: usize,
}

impl PixelBox {
    fn area(self) -> usize {
        let side = |first: usize, last: usize| last.saturating_add(1).saturating_sub(first);
        side(self.top, self.bottom).saturating_mul(side(self.left, self.right))
    }

    /// Intersection over union with another box: `|A and B| / |A or B|`, 0 where both are empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use cam_methods::evaluate::PixelBox;
    /// let left = PixelBox { top: 0, left: 0, bottom: 1, right: 1 };
    /// let right = PixelBox { top: 0, left: 1, bottom: 1, right: 2 };
    /// assert_eq!(left.iou(right), 2.0 / 6.0);
    /// ```
    pub fn iou(self, other: Self) -> f64 {
        let both = Self {
            top: self.top.max(other.top),
            left: self.left.max(other.left),
            bottom: self.bottom.min(other.bottom),
            right: self.right.min(other.right),
        };
        let both = both.area() as f64;
        let either = self.area() as f64 + other.area() as f64 - both;
        if either > 0.0 { both / either } else { 0.0 }
    }
}

/// Thresholds at which boxes are drawn: 0, 0.01, ... 0.99.
const THRESHOLDS: usize = 100;
/// Overlaps that MaxBoxAccV2 averages over.
const OVERLAPS: [f64; 3] = [0.3, 0.5, 0.7];

/// MaxBoxAcc and MaxBoxAccV2: how often a box around the map overlaps the true box, at the best threshold.
///
/// ```text
/// MaxBoxAcc(d) = max_t mean 1[ IoU(box(m >= t), B) >= d ]
/// ```
///
/// The box is that of the largest connected part (8 neighbours); V2 takes the best of all parts and the mean over
/// d = 0.3, 0.5, 0.7.
///
/// # Source
///
/// Choe et al. 2020 (arXiv 2001.07437), section 4.1, and their later code for V2.
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::{BoxAccuracy, PixelBox};
/// let mut accuracy = BoxAccuracy::new();
/// let truth = PixelBox { top: 0, left: 1, bottom: 0, right: 2 };
/// accuracy.add(&[0.0, 0.9, 0.8, 0.1], [1, 4], &[truth])?;
/// assert_eq!(accuracy.max_box_acc(), Some(1.0));
/// # Ok::<(), cam_methods::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BoxAccuracy {
    largest: Vec<[u32; 3]>,
    best: Vec<[u32; 3]>,
    images: u32,
}

impl Default for BoxAccuracy {
    fn default() -> Self {
        Self::new()
    }
}

impl BoxAccuracy {
    /// Without any images.
    pub fn new() -> Self {
        Self {
            largest: vec![[0; 3]; THRESHOLDS],
            best: vec![[0; 3]; THRESHOLDS],
            images: 0,
        }
    }

    /// Adds one map in [0, 1] with its true boxes.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if the map does not hold `rows * columns` values;
    /// [`Error::NonFinite`](crate::Error::NonFinite).
    pub fn add(&mut self, map: &[f32], size: [usize; 2], truth: &[PixelBox]) -> Result<()> {
        same_length("values of a map and its size", map.len(), size[0] * size[1])?;
        finite(map)?;
        self.images += 1;
        let overlap = |b: PixelBox| truth.iter().map(|t| b.iou(*t)).fold(0f64, f64::max);
        for t in 0..THRESHOLDS {
            let threshold = t as f32 / THRESHOLDS as f32;
            let inside: Vec<bool> = map.iter().map(|v| *v >= threshold).collect();
            let parts = parts(&inside, size);
            let largest = parts.iter().fold(None, |m: Option<&Part>, p| match m {
                Some(m) if m.pixels >= p.pixels => Some(m),
                _ => Some(p),
            });
            let largest = largest.map_or(0.0, |p| overlap(p.bounds));
            let best = parts.iter().map(|p| overlap(p.bounds)).fold(0f64, f64::max);
            for (i, wanted) in OVERLAPS.iter().enumerate() {
                self.largest[t][i] += u32::from(largest >= *wanted);
                self.best[t][i] += u32::from(best >= *wanted);
            }
        }
        Ok(())
    }

    /// MaxBoxAcc at an overlap of 0.5; `None` without images.
    pub fn max_box_acc(&self) -> Option<f64> {
        self.at_best(&self.largest, 1)
    }

    /// MaxBoxAccV2; `None` without images.
    pub fn max_box_acc_v2(&self) -> Option<f64> {
        let all: Option<Vec<f64>> = (0..OVERLAPS.len())
            .map(|i| self.at_best(&self.best, i))
            .collect();
        all.map(|a| a.iter().sum::<f64>() / a.len() as f64)
    }

    fn at_best(&self, hits: &[[u32; 3]], overlap: usize) -> Option<f64> {
        let most = hits.iter().map(|h| h[overlap]).max()?;
        (self.images > 0).then(|| f64::from(most) / f64::from(self.images))
    }
}

struct Part {
    bounds: PixelBox,
    pixels: usize,
}

/// Connected parts of a mask, 8 neighbours.
fn parts(inside: &[bool], [height, width]: [usize; 2]) -> Vec<Part> {
    let mut seen = vec![false; inside.len()];
    let mut parts = Vec::new();
    let mut stack = Vec::new();
    for start in 0..inside.len() {
        if seen[start] || !inside[start] {
            continue;
        }
        let (row, column) = (start / width, start % width);
        let mut part = Part {
            bounds: PixelBox {
                top: row,
                left: column,
                bottom: row,
                right: column,
            },
            pixels: 0,
        };
        seen[start] = true;
        stack.push(start);
        while let Some(i) = stack.pop() {
            let (r, c) = (i / width, i % width);
            part.pixels += 1;
            let b = &mut part.bounds;
            (b.top, b.bottom) = (b.top.min(r), b.bottom.max(r));
            (b.left, b.right) = (b.left.min(c), b.right.max(c));
            for nr in r.saturating_sub(1)..=(r + 1).min(height - 1) {
                for nc in c.saturating_sub(1)..=(c + 1).min(width - 1) {
                    let n = nr * width + nc;
                    if inside[n] && !seen[n] {
                        seen[n] = true;
                        stack.push(n);
                    }
                }
            }
        }
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_part_counts_for_v2_and_the_largest_for_v1() {
        // a bright single pixel that is the truth, and a larger, paler block
        let mut map = vec![0f32; 36];
        map[0] = 1.0;
        for i in [21, 22, 27, 28] {
            map[i] = 0.5;
        }
        let truth = PixelBox {
            top: 0,
            left: 0,
            bottom: 0,
            right: 0,
        };
        let mut accuracy = BoxAccuracy::new();
        assert_eq!(accuracy.max_box_acc(), None);
        accuracy.add(&map, [6, 6], &[truth]).unwrap();
        assert_eq!(accuracy.max_box_acc(), Some(1.0)); // above 0.5 only the pixel is left
        let block = PixelBox {
            top: 3,
            left: 3,
            bottom: 4,
            right: 4,
        };
        assert_eq!(
            parts(&map.iter().map(|v| *v > 0.4).collect::<Vec<_>>(), [6, 6])[1].bounds,
            block
        );
        assert_eq!(
            block.iou(PixelBox {
                top: 4,
                left: 4,
                bottom: 5,
                right: 5
            }),
            1.0 / 7.0
        );
        assert_eq!(accuracy.max_box_acc_v2(), Some(1.0));
    }
}
