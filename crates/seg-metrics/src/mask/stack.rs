//! One heatmap -> the masks of all thresholds, in one pass.

use ndarray::{ArrayView, Dimension};

use super::bits::{non_finite, row_major};
use super::{BitMask, count, pack};
use crate::error::same_shape;
use crate::{Comparison, Error, Result, Sample};

/// The masks of one heatmap at every threshold, made in one pass over the values.
///
/// Every plane is restricted to the region of interest the stack was made with, and so is every
/// score computed from it.
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
        let words = cut_all(&values, &cuts, region, &shape)?;
        let length = pack::words_for(values.len());
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
        Some(BitMask::from_words(
            self.plane(threshold).to_vec(),
            self.shape.clone(),
        ))
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

    pub(crate) fn plane(&self, threshold: usize) -> &[u64] {
        let length = self.words.len() / self.thresholds.len();
        &self.words[threshold * length..(threshold + 1) * length]
    }

    pub(crate) fn into_single(self) -> BitMask {
        BitMask::from_words(self.words, self.shape)
    }
}

impl Plane {
    fn of(words: &[u64]) -> Self {
        let first = words.iter().position(|&word| word != 0).unwrap_or(0);
        let end = words
            .iter()
            .rposition(|&word| word != 0)
            .map_or(0, |last| last + 1);
        Self {
            count: count::count(words),
            first,
            end,
        }
    }
}

/// One plane of words per cut, one after the other.
fn cut_all<T: Sample>(
    values: &[T],
    cuts: &[T],
    region: Option<&BitMask>,
    shape: &[usize],
) -> Result<Vec<u64>> {
    let length = pack::words_for(values.len());
    let mut words = vec![0; length * cuts.len()];
    let (blocks, rest) = values.as_chunks::<{ pack::BLOCK }>();
    for (at, block) in blocks.iter().enumerate() {
        let inside = region.map(|region| region.words()[at]);
        if inside == Some(0) {
            continue;
        }
        let extent = pack::extent(block);
        if !extent.finite {
            non_finite("heatmap", block, at * pack::BLOCK, inside, shape)?;
        }
        let inside = inside.unwrap_or(u64::MAX);
        if !extent.finite {
            for (t, &cut) in cuts.iter().enumerate() {
                words[t * length + at] = pack::pack_at_least(block, cut) & inside;
            }
            continue;
        }
        for (t, &cut) in cuts.iter().enumerate() {
            if extent.high >= cut {
                let word = if extent.low >= cut {
                    u64::MAX
                } else {
                    pack::pack_at_least(block, cut)
                };
                words[t * length + at] = word & inside;
            }
        }
    }
    if let Some(&fill) = rest.first() {
        let at = blocks.len();
        let inside = region.map(|region| region.words()[at]);
        non_finite("heatmap", rest, at * pack::BLOCK, inside, shape)?;
        let mut block = [fill; pack::BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        let inside = inside.unwrap_or(u64::MAX) & pack::first_pixels(rest.len());
        for (t, &cut) in cuts.iter().enumerate() {
            words[t * length + at] = pack::pack_at_least(&block, cut) & inside;
        }
    }
    Ok(words)
}
