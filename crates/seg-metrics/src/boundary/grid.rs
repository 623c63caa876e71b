//! Shapes, strides and spacings, checked once.

use crate::{Error, Result};

/// A grid with one spacing per axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grid {
    pub(crate) shape: Vec<usize>,
    pub(crate) spacing: Vec<f64>,
}

impl Grid {
    pub(crate) fn new(shape: &[usize], spacing: &[f64]) -> Result<Self> {
        // Areas and squares of distances stay far from overflow and underflow.
        let positive = spacing.iter().all(|s| (1e-100..=1e100).contains(s));
        if spacing.len() != shape.len() || !positive {
            return Err(Error::Spacing {
                spacing: spacing.to_vec(),
                axes: shape.len(),
            });
        }
        Ok(Self {
            shape: shape.to_vec(),
            spacing: spacing.to_vec(),
        })
    }

    /// Distance in elements between neighbours along an axis.
    pub(crate) fn stride(&self, axis: usize) -> usize {
        self.shape[axis + 1..].iter().product()
    }

    /// Number of lines of elements before and after an axis.
    pub(crate) fn around(&self, axis: usize) -> (usize, usize) {
        (self.shape[..axis].iter().product(), self.stride(axis))
    }
}

/// The smallest box around the pixels of either list, grown by one pixel where the grid allows.
pub(crate) struct Window {
    start: Vec<usize>,
    pub(crate) shape: Vec<usize>,
}

impl Window {
    /// `None` if both lists are empty of pixels.
    pub(crate) fn around(shape: &[usize], a: &[bool], b: &[bool]) -> Option<Self> {
        let axes = shape.len();
        let mut low = vec![usize::MAX; axes];
        let mut high = vec![0; axes];
        let row = shape.last().copied().unwrap_or(1).max(1);
        for (line, (a, b)) in a.chunks(row).zip(b.chunks(row)).enumerate() {
            let set = |at: &usize| a[*at] || b[*at];
            let Some(first) = (0..a.len()).find(set) else {
                continue;
            };
            let last = (0..a.len()).rev().find(set).unwrap_or(first);
            let mut rest = line;
            for axis in (0..axes.saturating_sub(1)).rev() {
                let at = rest % shape[axis];
                rest /= shape[axis];
                low[axis] = low[axis].min(at);
                high[axis] = high[axis].max(at);
            }
            if let (Some(low), Some(high)) = (low.last_mut(), high.last_mut()) {
                *low = first.min(*low);
                *high = last.max(*high);
            }
        }
        if low.contains(&usize::MAX) {
            return None;
        }
        let start: Vec<usize> = low.iter().map(|&at| at.saturating_sub(1)).collect();
        let shape = (0..axes)
            .map(|axis| (high[axis] + 2).min(shape[axis]) - start[axis])
            .collect();
        Some(Self { start, shape })
    }

    /// The part of a list of pixels inside the window.
    pub(crate) fn cut(&self, shape: &[usize], pixels: &[bool]) -> Vec<bool> {
        let mut out = Vec::with_capacity(self.shape.iter().product());
        let Some(&row) = self.shape.last() else {
            return pixels.to_vec();
        };
        let lines: usize = self.shape[..self.shape.len() - 1].iter().product();
        for line in 0..lines {
            let mut rest = line;
            let mut from = 0;
            let mut stride = shape[shape.len() - 1];
            for axis in (0..shape.len() - 1).rev() {
                from += (self.start[axis] + rest % self.shape[axis]) * stride;
                rest /= self.shape[axis];
                stride *= shape[axis];
            }
            from += self.start[shape.len() - 1];
            out.extend_from_slice(&pixels[from..from + row]);
        }
        out
    }
}
