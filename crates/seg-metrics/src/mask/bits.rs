//! One mask of any number of axes, one bit per pixel.

use std::sync::{Arc, OnceLock};

use ndarray::{ArrayD, ArrayView, Dimension, IxDyn};

use super::runs::Runs;
use super::{count, pack};
use crate::error::same_shape;
use crate::{Comparison, Result, Sample};

/// A mask of two, three or any number of axes, one bit per pixel.
///
/// A 256² mask takes 8 KiB. The order of the bits inside a word is private; [`BitMask::get`],
/// [`BitMask::pixels`] and [`BitMask::to_array`] give them in row-major order.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::BitMask;
///
/// let mask = BitMask::from_bools(array![[true, false], [true, true]].view());
/// assert_eq!(mask.count(), 3);
/// assert_eq!(mask.get(&[0, 1]), Some(false));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitMask {
    words: Vec<u64>,
    shape: Vec<usize>,
    count: u64,
    kept: Kept,
}

/// What a mask that serves as a region of interest keeps from its first use to the next; it follows
/// from the words.
#[derive(Debug, Clone, Default)]
struct Kept(OnceLock<Arc<Runs>>);

impl PartialEq for Kept {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Kept {}

/// The values of a view in row-major order, without a copy where they already lie so.
pub(crate) fn row_major<'a, T: Clone, D: Dimension>(
    view: &'a ArrayView<'_, T, D>,
) -> std::borrow::Cow<'a, [T]> {
    match view.as_slice() {
        Some(values) => values.into(),
        None => view.iter().cloned().collect::<Vec<T>>().into(),
    }
}

impl BitMask {
    pub(crate) fn from_words(words: Vec<u64>, shape: Vec<usize>) -> Self {
        let count = count::count(&words);
        Self::with_count(words, shape, count)
    }

    fn with_count(words: Vec<u64>, shape: Vec<usize>, count: u64) -> Self {
        Self {
            words,
            shape,
            count,
            kept: Kept::default(),
        }
    }

    /// The runs of pixels that the mask touches.
    pub(crate) fn runs(&self) -> &Runs {
        self.kept.0.get_or_init(|| Arc::new(Runs::of(&self.words)))
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// A mask from booleans in row-major order.
    pub(crate) fn from_row_major(pixels: &[bool], shape: &[usize]) -> Self {
        let (blocks, rest) = pixels.as_chunks::<{ pack::BLOCK }>();
        let mut words: Vec<u64> = blocks.iter().map(pack::pack_bools).collect();
        if !rest.is_empty() {
            let mut last = [false; pack::BLOCK];
            last[..rest.len()].copy_from_slice(rest);
            words.push(pack::pack_bools(&last));
        }
        Self::from_words(words, shape.to_vec())
    }

    /// The mask of the pixels that are `true`.
    ///
    /// # Shapes
    ///
    /// `pixels`: any number of axes; by the convention of this workspace `[row, column]` or
    /// `[slice, row, column]`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::Array3;
    /// use seg_metrics::BitMask;
    ///
    /// let volume = Array3::from_elem((2, 3, 4), true);
    /// assert_eq!(BitMask::from_bools(volume.view()).count(), 24);
    /// ```
    pub fn from_bools<D: Dimension>(pixels: ArrayView<'_, bool, D>) -> Self {
        Self::from_row_major(&row_major(&pixels), pixels.shape())
    }

    /// The mask of the pixels whose value passes a threshold, inside a region of interest.
    ///
    /// ```text
    /// mask[p] = values[p] ≥ threshold      (or >),  and p inside `region`
    /// ```
    ///
    /// Values are compared as `f64`, so `0.7_f32` does not reach `0.7`.
    ///
    /// # Shapes
    ///
    /// `values`, `region`: any number of axes, equal.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if the region covers another grid;
    /// [`Error::NonFinite`](crate::Error::NonFinite) for a threshold, or a value inside the region, that is NaN or infinite.
    ///
    /// # Source
    ///
    /// Syed et al. 2023, Eq. 13 (`≥`); `f64` comparison as in the authors' released code.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use seg_metrics::{BitMask, Comparison};
    ///
    /// let heat = array![[0.5_f32, 0.2], [0.9, 0.7]];
    /// let at_least = BitMask::from_threshold(heat.view(), 0.5, Comparison::AtLeast, None)?;
    /// let above = BitMask::from_threshold(heat.view(), 0.5, Comparison::Above, None)?;
    /// assert_eq!((at_least.count(), above.count()), (3, 2));
    /// # Ok::<(), seg_metrics::Error>(())
    /// ```
    pub fn from_threshold<T: Sample, D: Dimension>(
        values: ArrayView<'_, T, D>,
        threshold: f64,
        comparison: Comparison,
        region: Option<&BitMask>,
    ) -> Result<Self> {
        let stack = super::ThresholdStack::new(values, &[threshold], comparison, region)?;
        Ok(stack.mask(0).unwrap_or_else(|| Self::empty(stack.shape())))
    }

    /// The mask of the pixels that carry `label`.
    pub fn from_labels<D: Dimension>(labels: ArrayView<'_, u32, D>, label: u32) -> Self {
        let pixels: Vec<bool> = labels.iter().map(|&own| own == label).collect();
        Self::from_row_major(&pixels, labels.shape())
    }

    /// A mask with no pixel set.
    pub fn empty(shape: &[usize]) -> Self {
        let words = vec![0; pack::words_for(shape.iter().product())];
        Self::with_count(words, shape.to_vec(), 0)
    }

    /// A mask with every pixel set.
    pub fn full(shape: &[usize]) -> Self {
        let pixels: usize = shape.iter().product();
        let mut words = vec![u64::MAX; pack::words_for(pixels)];
        if let Some(last) = words.last_mut() {
            *last = pack::first_pixels((pixels - 1) % pack::BLOCK + 1);
        }
        Self::with_count(words, shape.to_vec(), pixels as u64)
    }

    /// Extent of each axis, slowest first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of pixels of the grid.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether no pixel is set.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Number of pixels set.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Fraction of the grid that is set, in `[0, 1]`; NaN for a grid without pixels.
    ///
    /// ```
    /// use seg_metrics::BitMask;
    /// assert_eq!(BitMask::full(&[3, 5]).coverage(), 1.0);
    /// ```
    pub fn coverage(&self) -> f64 {
        self.count as f64 / self.len() as f64
    }

    /// The pixel at `index` (slowest axis first), `None` outside the grid.
    pub fn get(&self, index: &[usize]) -> Option<bool> {
        if index.len() != self.shape.len() {
            return None;
        }
        let mut flat = 0;
        for (&at, &extent) in index.iter().zip(&self.shape) {
            if at >= extent {
                return None;
            }
            flat = flat * extent + at;
        }
        Some(self.bit(flat))
    }

    pub(crate) fn bit(&self, flat: usize) -> bool {
        self.words[flat / pack::BLOCK] >> pack::bit_of(flat % pack::BLOCK) & 1 == 1
    }

    /// The pixels in row-major order.
    pub fn pixels(&self) -> Vec<bool> {
        let mut pixels = Vec::with_capacity(self.words.len() * pack::BLOCK);
        for &word in &self.words {
            pixels.extend_from_slice(&pack::unpack(word));
        }
        pixels.truncate(self.len());
        pixels
    }

    /// The pixels as an array.
    pub fn to_array(&self) -> ArrayD<bool> {
        let mut pixels = self.pixels().into_iter();
        ArrayD::from_shape_simple_fn(IxDyn(&self.shape), || pixels.next().unwrap_or(false))
    }

    /// Number of pixels set in both masks.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if the masks cover different grids.
    pub fn intersection_count(&self, other: &Self) -> Result<u64> {
        self.check("left mask", "right mask", other)?;
        Ok(count::count_and(&self.words, &other.words))
    }

    /// Pixels in both masks.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if the masks cover different grids.
    pub fn and(&self, other: &Self) -> Result<Self> {
        self.zip(other, |a, b| a & b)
    }

    /// Pixels in either mask.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if the masks cover different grids.
    pub fn or(&self, other: &Self) -> Result<Self> {
        self.zip(other, |a, b| a | b)
    }

    /// Pixels in this mask and not in the other.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if the masks cover different grids.
    pub fn and_not(&self, other: &Self) -> Result<Self> {
        self.zip(other, |a, b| a & !b)
    }

    /// Pixels of the grid that are not in this mask.
    ///
    /// ```
    /// use seg_metrics::BitMask;
    /// assert_eq!(BitMask::empty(&[3, 5]).complement(), BitMask::full(&[3, 5]));
    /// ```
    pub fn complement(&self) -> Self {
        let full = Self::full(&self.shape);
        let words = full
            .words
            .iter()
            .zip(&self.words)
            .map(|(a, b)| a & !b)
            .collect();
        Self::with_count(words, full.shape, full.count - self.count)
    }

    fn zip(&self, other: &Self, word: impl Fn(u64, u64) -> u64) -> Result<Self> {
        self.check("left mask", "right mask", other)?;
        let words = self
            .words
            .iter()
            .zip(&other.words)
            .map(|(&a, &b)| word(a, b))
            .collect();
        Ok(Self::from_words(words, self.shape.clone()))
    }

    pub(crate) fn check(
        &self,
        own_name: &'static str,
        other_name: &'static str,
        other: &Self,
    ) -> Result<()> {
        same_shape(own_name, &self.shape, other_name, &other.shape)
    }
}
