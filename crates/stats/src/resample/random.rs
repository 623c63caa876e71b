//! Streams of random numbers that do not depend on the number of threads.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Resamples that share one stream; also the unit of parallel work.
pub(crate) const PER_STREAM: usize = 512;

/// One of the seed's independent streams.
pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    pub(crate) fn new(seed: u64, stream: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream as u64);
        Self(rng)
    }

    /// A uniform integer below `bound` (at least 1), without bias.
    ///
    /// Lemire, *ACM Transactions on Modeling and Computer Simulation* 29 (2019) 3.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let Ok(bound) = u32::try_from(bound) else {
            return self.below_wide(bound as u64) as usize;
        };
        let mut product = u64::from(self.0.next_u32()) * u64::from(bound);
        if (product as u32) < bound {
            let reject = bound.wrapping_neg() % bound;
            while (product as u32) < reject {
                product = u64::from(self.0.next_u32()) * u64::from(bound);
            }
        }
        (product >> 32) as usize
    }

    fn below_wide(&mut self, bound: u64) -> u64 {
        let reject = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(bound);
            if product as u64 >= reject {
                return (product >> 64) as u64;
            }
        }
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.0.next_u32() & 1 == 1
    }

    pub(crate) fn shuffle<T>(&mut self, values: &mut [T]) {
        self.shuffle_with(values, |_, _| ());
    }

    /// Shuffles from the last place to the second; `placed` sees each of them when it is final.
    #[inline]
    pub(crate) fn shuffle_with<T>(&mut self, values: &mut [T], mut placed: impl FnMut(usize, &T)) {
        for i in (1..values.len()).rev() {
            values.swap(i, self.below(i + 1));
            placed(i, &values[i]);
        }
    }
}

/// The streams that `count` resamples take, as (stream, number of resamples).
pub(crate) fn streams(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count.div_ceil(PER_STREAM)).map(move |s| (s, PER_STREAM.min(count - s * PER_STREAM)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_equally_likely() {
        let mut random = Stream::new(3, 0);
        let mut seen = [0_usize; 256];
        for _ in 0..240_000 {
            let mut order = [0_usize, 1, 2, 3];
            random.shuffle(&mut order);
            seen[order.iter().fold(0, |code, i| code * 4 + i)] += 1;
        }
        let counts: Vec<usize> = seen.into_iter().filter(|&n| n > 0).collect();
        assert_eq!(counts.len(), 24);
        // Each expects 10,000 with a standard deviation of 98.
        assert!(
            counts.iter().all(|n| n.abs_diff(10_000) < 500),
            "{counts:?}"
        );
    }

    #[test]
    fn every_place_gets_every_member_alike() {
        let mut random = Stream::new(5, 0);
        let mut seen = vec![0_usize; 40 * 40];
        for _ in 0..40_000 {
            let mut order: Vec<usize> = (0..40).collect();
            let mut places = 0;
            random.shuffle_with(&mut order, |_, _| places += 1);
            assert_eq!(places, 39);
            for (place, member) in order.iter().enumerate() {
                seen[place * 40 + member] += 1;
            }
        }
        // Each expects 1000 with a standard deviation of 31.
        assert!(seen.iter().all(|n| n.abs_diff(1000) < 190));
    }
}
