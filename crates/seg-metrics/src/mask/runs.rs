//! The runs of 16 pixels that touch a region of interest, one after the other.
//!
//! A word of a threshold stack holds four runs. With a region only the runs that touch it have a
//! place, so what lies outside is never read, thresholded or counted.

use super::pack::{self, BLOCK};
use crate::Sample;

/// Pixels per run: those of a cache line of `f32`.
pub(crate) const RUN: usize = 16;
/// Runs per word.
pub(crate) const PER_WORD: usize = BLOCK / RUN;

/// The bits of a word that hold its first run; those of run `k` are two `k` places higher.
const FIRST: u64 = 0x0303_0303_0303_0303;

/// Which runs of pixels the words of a stack hold.
pub(crate) trait Order {
    /// Number of runs.
    fn len(&self) -> usize;

    /// Number of the run of pixels that stands at place `at`.
    fn run(&self, at: usize) -> usize;

    /// The bits of a word that are pixels inside the region.
    fn inside(&self, word: usize) -> u64;

    /// The 64 values of a word, in `space` if they are not already together; zeros where there are
    /// none.
    fn block<'a, T: Sample>(
        &self,
        values: &'a [T],
        word: usize,
        space: &'a mut [T; BLOCK],
    ) -> &'a [T; BLOCK] {
        *space = [T::ZERO; BLOCK];
        let last = self.len().min((word + 1) * PER_WORD);
        for (own, at) in space.chunks_mut(RUN).zip(word * PER_WORD..last) {
            let first = self.run(at) * RUN;
            let found = &values[first..values.len().min(first + RUN)];
            own[..found.len()].copy_from_slice(found);
        }
        space
    }
}

/// Every run of a grid with so many pixels.
pub(crate) struct Whole(pub(crate) usize);

impl Order for Whole {
    fn len(&self) -> usize {
        self.0.div_ceil(RUN)
    }

    #[inline(always)]
    fn run(&self, at: usize) -> usize {
        at
    }

    #[inline(always)]
    fn inside(&self, word: usize) -> u64 {
        let left = self.0 - word * BLOCK;
        if left >= BLOCK {
            u64::MAX
        } else {
            pack::first_pixels(left)
        }
    }

    fn block<'a, T: Sample>(
        &self,
        values: &'a [T],
        word: usize,
        space: &'a mut [T; BLOCK],
    ) -> &'a [T; BLOCK] {
        let (blocks, rest) = values.as_chunks::<BLOCK>();
        blocks.get(word).unwrap_or_else(|| {
            *space = [T::ZERO; BLOCK];
            space[..rest.len()].copy_from_slice(rest);
            space
        })
    }
}

/// The runs that touch a region.
#[derive(Debug)]
pub(crate) struct Runs {
    runs: Vec<usize>,
    /// The region itself, in the words of these runs.
    inside: Vec<u64>,
}

impl Order for Runs {
    fn len(&self) -> usize {
        self.runs.len()
    }

    #[inline(always)]
    fn run(&self, at: usize) -> usize {
        self.runs[at]
    }

    #[inline(always)]
    fn inside(&self, word: usize) -> u64 {
        self.inside[word]
    }
}

impl Runs {
    /// The runs that touch the region with these words.
    pub(crate) fn of(region: &[u64]) -> Self {
        let mut runs = Vec::with_capacity(region.len() * PER_WORD);
        for (at, &word) in region.iter().enumerate() {
            if word != 0 {
                let touched = |k: &usize| word & (FIRST << (2 * k)) != 0;
                runs.extend((0..PER_WORD).filter(touched).map(|k| at * PER_WORD + k));
            }
        }
        let mut found = Self {
            runs,
            inside: Vec::new(),
        };
        found.inside = found.gather(region);
        found
    }

    /// The region in the words of these runs.
    pub(crate) fn inside(&self) -> &[u64] {
        &self.inside
    }

    /// The words of these runs from the words of the whole grid.
    pub(crate) fn gather(&self, words: &[u64]) -> Vec<u64> {
        let one = |run: usize, k: usize| {
            ((words[run / PER_WORD] >> (2 * (run % PER_WORD))) & FIRST) << (2 * k)
        };
        let (whole, rest) = self.runs.as_chunks::<PER_WORD>();
        let mut found = Vec::with_capacity(whole.len() + 1);
        found.extend(
            whole
                .iter()
                .map(|&[a, b, c, d]| one(a, 0) | one(b, 1) | one(c, 2) | one(d, 3)),
        );
        if !rest.is_empty() {
            let last = rest.iter().enumerate();
            found.push(last.fold(0, |word, (k, &run)| word | one(run, k)));
        }
        found
    }

    /// The words of the whole grid, `length` of them, from those of these runs.
    pub(crate) fn scatter(&self, words: &[u64], length: usize) -> Vec<u64> {
        let mut found = vec![0; length];
        for (at, &run) in self.runs.iter().enumerate() {
            let bits = (words[at / PER_WORD] >> (2 * (at % PER_WORD))) & FIRST;
            found[run / PER_WORD] |= bits << (2 * (run % PER_WORD));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathering_keeps_the_runs_of_the_region_and_scattering_puts_them_back() {
        let mut state = 7_u64;
        let mut draw = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state ^ (state >> 31)
        };
        for sparse in [0, 1, 2, 6] {
            let length = 37;
            let region: Vec<u64> = (0..length)
                .map(|_| (0..sparse).fold(u64::MAX, |word, _| word & draw()))
                .collect();
            let runs = Runs::of(&region);
            assert_eq!(runs.inside, runs.gather(&region));
            assert_eq!(runs.scatter(&runs.inside, length), region);
            let other: Vec<u64> = region.iter().map(|word| word & draw()).collect();
            assert_eq!(runs.scatter(&runs.gather(&other), length), other);
            let pixel = |p: usize| region[p / BLOCK] >> pack::bit_of(p % BLOCK) & 1 == 1;
            let touched: Vec<usize> = (0..length * PER_WORD)
                .filter(|run| (0..RUN).any(|p| pixel(run * RUN + p)))
                .collect();
            assert_eq!(runs.runs, touched);
        }
    }
}
