//! One heatmap -> the masks of all thresholds, in one pass.

use ndarray::{ArrayView, Dimension};

use super::bits::{non_finite, row_major};
use super::levels::{Levels, reached};
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
    let mut planes = Planes {
        words: vec![0; length * cuts.len()],
        length,
        region,
        shape,
    };
    let (blocks, rest) = values.as_chunks::<{ pack::BLOCK }>();
    let levels = T::single(cuts).and_then(Levels::of);
    match (&levels, T::single(values)) {
        (Some(levels), Some(single)) => {
            let (single, _) = single.as_chunks::<{ pack::BLOCK }>();
            let (pairs, odd) = single.as_chunks::<2>();
            for (pair, both) in pairs.iter().enumerate() {
                if pair % AHEAD == 0 {
                    fetch(&pairs[pair..pairs.len().min(pair + AHEAD)]);
                }
                let exact = planes.cut_by_levels(2 * pair, both, levels);
                for half in (0..2).filter(|&half| !exact[half]) {
                    planes.cut(2 * pair + half, &blocks[2 * pair + half], cuts)?;
                }
            }
            let paired = blocks.len() - odd.len();
            for (at, block) in blocks.iter().enumerate().skip(paired) {
                planes.cut(at, block, cuts)?;
            }
        }
        _ => {
            for (at, block) in blocks.iter().enumerate() {
                planes.cut(at, block, cuts)?;
            }
        }
    }
    if !rest.is_empty() {
        planes.cut_rest(blocks.len(), rest, cuts)?;
    }
    Ok(planes.words)
}

/// The planes while they are made.
struct Planes<'a> {
    words: Vec<u64>,
    /// Words per plane.
    length: usize,
    region: Option<&'a BitMask>,
    shape: &'a [usize],
}

impl Planes<'_> {
    /// The word of the region at a block, all ones without a region.
    fn inside(&self, at: usize) -> u64 {
        self.region.map_or(u64::MAX, |region| region.words()[at])
    }

    /// Two blocks by their levels; says which of the two are done.
    #[inline]
    fn cut_by_levels(
        &mut self,
        at: usize,
        blocks: &[[f32; pack::BLOCK]; 2],
        levels: &Levels,
    ) -> [bool; 2] {
        let inside = [self.inside(at), self.inside(at + 1)];
        if inside == [0; 2] {
            return [true; 2];
        }
        let mut counts = [[0; pack::BLOCK]; 2];
        let exact = [0, 1].map(|half| levels.count(&blocks[half], &mut counts[half]));
        let reached = reached(&counts);
        for (plane, &level) in self
            .words
            .chunks_exact_mut(self.length)
            .zip(levels.levels())
        {
            plane[at] = reached[level][0] & inside[0];
            plane[at + 1] = reached[level][1] & inside[1];
        }
        [exact[0] || inside[0] == 0, exact[1] || inside[1] == 0]
    }

    /// One block by comparisons, where its extent does not already tell.
    fn cut<T: Sample>(&mut self, at: usize, block: &[T; pack::BLOCK], cuts: &[T]) -> Result<()> {
        let inside = self.inside(at);
        if inside == 0 {
            return Ok(());
        }
        let extent = pack::extent(block);
        if !extent.finite {
            let region = self.region.map(|_| inside);
            non_finite("heatmap", block, at * pack::BLOCK, region, self.shape)?;
        }
        for (plane, &cut) in self.words.chunks_exact_mut(self.length).zip(cuts) {
            plane[at] = inside
                & if extent.finite && extent.low >= cut {
                    u64::MAX
                } else if extent.finite && extent.high < cut {
                    0
                } else {
                    pack::pack_at_least(block, cut)
                };
        }
        Ok(())
    }

    /// The last block, which is not full.
    fn cut_rest<T: Sample>(&mut self, at: usize, rest: &[T], cuts: &[T]) -> Result<()> {
        let region = self.region.map(|region| region.words()[at]);
        non_finite("heatmap", rest, at * pack::BLOCK, region, self.shape)?;
        let mut block = [T::ZERO; pack::BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        let inside = self.inside(at) & pack::first_pixels(rest.len());
        for (plane, &cut) in self.words.chunks_exact_mut(self.length).zip(cuts) {
            plane[at] = pack::pack_at_least(&block, cut) & inside;
        }
        Ok(())
    }
}

/// Pairs of blocks that are fetched at once: 16 KiB.
const AHEAD: usize = 32;

/// Reads one value of every cache line of some blocks, those of several pages in turns.
///
/// The misses overlap, which they do not when each is followed by the work on what it brings.
#[inline(never)]
fn fetch(blocks: &[[[f32; pack::BLOCK]; 2]]) {
    const LINE: usize = 16;
    const PAGE: usize = 1024;
    let values = blocks.as_flattened().as_flattened();
    let mut sum = 0.0;
    for line in 0..PAGE / LINE {
        for page in values.chunks_exact(PAGE) {
            sum += page[line * LINE];
        }
    }
    std::hint::black_box(sum);
}
