//! Heatmap values -> one plane of words per threshold.

use super::levels::{Levels, reached};
use super::pack::{self, BLOCK};
use super::runs::{Order, PER_WORD, RUN};
use crate::error::position;
use crate::{Error, Result, Sample};

/// One plane of words per cut, one after the other, of the runs of `order`.
pub(crate) fn cut_all<T: Sample, O: Order>(
    values: &[T],
    cuts: &[T],
    order: &O,
    shape: &[usize],
) -> Result<Vec<u64>> {
    let length = order.len().div_ceil(PER_WORD);
    let mut planes = Planes {
        words: vec![0; length * cuts.len()],
        length,
        order,
        shape,
    };
    let levels = T::single(cuts).and_then(Levels::of);
    let done = match (&levels, T::single(values)) {
        (Some(levels), Some(single)) => planes.cut_pairs(values, single, cuts, levels)?,
        _ => 0,
    };
    let mut space = [T::ZERO; BLOCK];
    for word in done..length {
        planes.cut(word, order.block(values, word, &mut space), cuts)?;
    }
    Ok(planes.words)
}

/// The planes while they are made.
struct Planes<'a, O> {
    words: Vec<u64>,
    /// Words per plane.
    length: usize,
    order: &'a O,
    shape: &'a [usize],
}

impl<O: Order> Planes<'_, O> {
    /// As many words as there are pairs of them with all their values; says how many.
    fn cut_pairs<T: Sample>(
        &mut self,
        values: &[T],
        single: &[f32],
        cuts: &[T],
        levels: &Levels,
    ) -> Result<usize> {
        const AT_ONCE: usize = 2 * PER_WORD;
        let (runs, rest) = single.as_chunks::<RUN>();
        let count = self.order.len();
        let torn = !rest.is_empty() && count > 0 && self.order.run(count - 1) == runs.len();
        let pairs = (count - usize::from(torn)) / AT_ONCE;
        let mut space = [T::ZERO; BLOCK];
        for pair in 0..pairs {
            if pair % AHEAD == 0 {
                let last = pairs.min(pair + AHEAD);
                self.fetch(runs, pair * AT_ONCE, last * AT_ONCE);
            }
            let half = |half: usize| {
                let first = pair * AT_ONCE + half * PER_WORD;
                std::array::from_fn(|k| &runs[self.order.run(first + k)])
            };
            let exact = self.cut_by_levels(2 * pair, [half(0), half(1)], levels);
            for half in (0..2).filter(|&half| !exact[half]) {
                let word = 2 * pair + half;
                self.cut(word, self.order.block(values, word, &mut space), cuts)?;
            }
        }
        Ok(2 * pairs)
    }

    /// Two words by the levels of their values; says which of the two are right.
    #[inline]
    fn cut_by_levels(
        &mut self,
        word: usize,
        values: [[&[f32; RUN]; PER_WORD]; 2],
        levels: &Levels,
    ) -> [bool; 2] {
        let inside = [self.order.inside(word), self.order.inside(word + 1)];
        let mut counts = [[0; BLOCK]; 2];
        let exact = [0, 1].map(|half| levels.count(values[half], &mut counts[half]));
        let reached = reached(&counts);
        for (plane, &level) in self
            .words
            .chunks_exact_mut(self.length)
            .zip(levels.levels())
        {
            plane[word] = reached[level][0] & inside[0];
            plane[word + 1] = reached[level][1] & inside[1];
        }
        exact
    }

    /// One word by comparisons, where the extent of its values does not already tell.
    fn cut<T: Sample>(&mut self, word: usize, block: &[T; BLOCK], cuts: &[T]) -> Result<()> {
        let inside = self.order.inside(word);
        let extent = pack::extent(block);
        if !extent.finite {
            self.check_finite(word, block, inside)?;
        }
        for (plane, &cut) in self.words.chunks_exact_mut(self.length).zip(cuts) {
            plane[word] = inside
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

    /// The error for the first value of a word that is not finite and lies inside the region.
    #[cold]
    fn check_finite<T: Sample>(&self, word: usize, block: &[T; BLOCK], inside: u64) -> Result<()> {
        for (at, &value) in block.iter().enumerate() {
            let value: f64 = value.into();
            if inside >> pack::bit_of(at) & 1 == 1 && !value.is_finite() {
                let pixel = self.order.run(word * PER_WORD + at / RUN) * RUN + at % RUN;
                return Err(Error::NonFinite {
                    what: "heatmap",
                    index: position(self.shape, pixel),
                    value,
                });
            }
        }
        Ok(())
    }

    /// Reads one value of some runs, those of several pages in turns.
    ///
    /// The misses overlap, which they do not when each is followed by the work on what it brings.
    #[inline(never)]
    fn fetch(&self, runs: &[[f32; RUN]], first: usize, end: usize) {
        const APART: usize = 64;
        let mut sum = 0.0;
        for start in first..end.min(first + APART) {
            for at in (start..end).step_by(APART) {
                sum += runs[self.order.run(at)][0];
            }
        }
        std::hint::black_box(sum);
    }
}

/// Pairs of words whose values are fetched at once: 16 KiB.
const AHEAD: usize = 32;
