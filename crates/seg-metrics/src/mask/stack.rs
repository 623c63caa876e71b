//! One heatmap -> the masks of all thresholds, in one pass.

use std::borrow::Cow;

use ndarray::{ArrayView, Dimension};

use super::bits::row_major;
use super::cut::cut_all;
use super::runs::Whole;
use super::{BitMask, count, pack};
use crate::error::same_shape;
use crate::{Comparison, Error, Result, Sample};

/// The masks of one heatmap at every threshold, made in one pass over the values.
///
/// Every plane is restricted to the region of interest the stack was made with, and so is every
/// score computed from it. Runs of 16 pixels that do not touch the region are neither read nor kept,
/// so a stack costs in proportion to its region.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{Comparison, ThresholdStack};
///
/// let heat = array![[0.1_f32, 0.4], [0.6, 0.9]];
/// let stack = ThresholdStack::new(heat.view(), &[0.25, 0.5, 0.75], Comparison::AtLeast, None)?;
/// assert_eq!([stack.count(0), stack.count(1), stack.count(2)], [3, 2, 1]);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ThresholdStack {
    /// One plane per threshold, of the runs that touch the region.
    words: Vec<u64>,
    planes: Vec<Plane>,
    thresholds: Vec<f64>,
    comparison: Comparison,
    shape: Vec<usize>,
    region: Option<BitMask>,
}

/// Set bits of a plane, and the range of its words that are not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plane {
    count: u64,
    first: usize,
    end: usize,
}

impl ThresholdStack {
    /// The masks of `values` at every threshold, inside a region of interest.
    ///
    /// ```text
    /// plane t = { p inside region : values[p] ≥ thresholds[t] }     (or >)
    /// ```
    ///
    /// Values are compared as `f64`. Thresholds may come in any order and repeat.
    ///
    /// # Shapes
    ///
    /// `values`, `region`: any number of axes, equal.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] if the region covers another grid; [`Error::TooFew`] without a
    /// threshold; [`Error::NonFinite`] for a threshold, or a value inside the region, that is NaN
    /// or infinite.
    pub fn new<T: Sample, D: Dimension>(
        values: ArrayView<'_, T, D>,
        thresholds: &[f64],
        comparison: Comparison,
        region: Option<&BitMask>,
    ) -> Result<Self> {
        let shape = values.shape().to_vec();
        if let Some(region) = region {
            same_shape("heatmap", &shape, "region of interest", region.shape())?;
        }
        if thresholds.is_empty() {
            return Err(Error::TooFew {
                what: "thresholds",
                needed: 1,
                got: 0,
            });
        }
        if let Some(at) = thresholds.iter().position(|t| !t.is_finite()) {
            let value = thresholds[at];
            return Err(Error::NonFinite {
                what: "list of thresholds",
                index: vec![at],
                value,
            });
        }
        let cuts: Vec<T> = thresholds.iter().map(|&t| T::cut(t, comparison)).collect();
        let values = row_major(&values);
        let words = match region {
            None => cut_all(&values, &cuts, &Whole(values.len()), &shape)?,
            Some(region) => cut_all(&values, &cuts, region.runs(), &shape)?,
        };
        let length = words.len() / thresholds.len();
        let planes = (0..thresholds.len())
            .map(|t| Plane::of(&words[t * length..(t + 1) * length]))
            .collect();
        Ok(Self {
            words,
            planes,
            thresholds: thresholds.to_vec(),
            comparison,
            shape,
            region: region.cloned(),
        })
    }

    /// Number of thresholds.
    pub fn len(&self) -> usize {
        self.thresholds.len()
    }

    /// Whether there is no threshold; never true of a stack that [`ThresholdStack::new`] made.
    pub fn is_empty(&self) -> bool {
        self.thresholds.is_empty()
    }

    /// The thresholds, in the order given.
    pub fn thresholds(&self) -> &[f64] {
        &self.thresholds
    }

    /// How values were compared with the thresholds.
    pub fn comparison(&self) -> Comparison {
        self.comparison
    }

    /// Extent of each axis, slowest first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The region of interest the stack was made with.
    pub fn region(&self) -> Option<&BitMask> {
        self.region.as_ref()
    }

    /// Number of pixels in the region of interest, or of the whole grid without one.
    pub fn region_count(&self) -> u64 {
        match &self.region {
            Some(region) => region.count(),
            None => self.shape.iter().product::<usize>() as u64,
        }
    }

    /// Number of pixels set at threshold number `threshold`; 0 beyond the last.
    pub fn count(&self, threshold: usize) -> u64 {
        self.planes.get(threshold).map_or(0, |plane| plane.count)
    }

    /// Fraction of the region set at threshold number `threshold`; NaN if the region is empty.
    pub fn coverage(&self, threshold: usize) -> f64 {
        self.count(threshold) as f64 / self.region_count() as f64
    }

    /// The mask at threshold number `threshold`, `None` beyond the last.
    pub fn mask(&self, threshold: usize) -> Option<BitMask> {
        if threshold >= self.len() {
            return None;
        }
        let plane = self.plane(threshold);
        let words = match &self.region {
            None => plane.to_vec(),
            Some(region) => {
                let pixels = self.shape.iter().product();
                region.runs().scatter(plane, pack::words_for(pixels))
            }
        };
        Some(BitMask::from_words(words, self.shape.clone()))
    }

    /// Pixels set at threshold number `threshold` in this stack and in another of the same shape.
    pub(crate) fn intersection(&self, threshold: usize, other: &Self) -> u64 {
        let (a, b) = (self.planes[threshold], other.planes[threshold]);
        let (first, end) = (a.first.max(b.first), a.end.min(b.end));
        if first >= end {
            return 0;
        }
        count::count_and(
            &self.plane(threshold)[first..end],
            &other.plane(threshold)[first..end],
        )
    }

    /// The words of a mask of the same shape in the order of the planes.
    pub(crate) fn ordered<'a>(&self, mask: &'a BitMask) -> Cow<'a, [u64]> {
        match &self.region {
            None => mask.words().into(),
            Some(region) => region.runs().gather(mask.words()).into(),
        }
    }

    /// Pixels of the region set in a mask, given by its ordered words.
    pub(crate) fn inside(&self, ordered: &[u64]) -> u64 {
        match &self.region {
            None => count::count(ordered),
            Some(region) => count::count_and(ordered, region.runs().inside()),
        }
    }

    /// Pixels set at threshold number `threshold` and in a mask, given by its ordered words.
    pub(crate) fn shared(&self, threshold: usize, ordered: &[u64]) -> u64 {
        let Plane { first, end, .. } = self.planes[threshold];
        count::count_and(&self.plane(threshold)[first..end], &ordered[first..end])
    }

    fn plane(&self, threshold: usize) -> &[u64] {
        let length = self.words.len() / self.thresholds.len();
        &self.words[threshold * length..(threshold + 1) * length]
    }
}

impl Plane {
    fn of(words: &[u64]) -> Self {
        let first = words.iter().position(|&word| word != 0).unwrap_or(0);
        let end = words
            .iter()
            .rposition(|&word| word != 0)
            .map_or(first, |last| last + 1);
        Self {
            count: count::count(words),
            first,
            end,
        }
    }
}
