//! Seeded streams of random numbers, addressed by a path of integers.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Scrambles 64 bits (finaliser of SplitMix64).
#[inline]
pub(crate) fn scramble(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One 64-bit key from a seed and a path: different paths give unrelated keys.
pub(crate) fn key(seed: u64, path: &[u64]) -> u64 {
    path.iter().fold(scramble(seed), |state, &step| {
        scramble(state ^ scramble(step))
    })
}

/// A 64-bit hash of a text, the same on every platform and release (FNV-1a, scrambled).
pub(crate) fn hash_text(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)
    });
    scramble(fnv)
}

/// A stream that depends on its seed and path alone.
pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    pub(crate) fn new(seed: u64, path: &[u64]) -> Self {
        Self(ChaCha8Rng::seed_from_u64(key(seed, path)))
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in [low, high).
    pub(crate) fn uniform_in(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Two independent standard normal numbers (Box and Muller).
    pub(crate) fn normal_pair(&mut self) -> [f64; 2] {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        [radius * cosine, radius * sine]
    }

    /// Normal with the given mean and standard deviation.
    pub(crate) fn normal(&mut self, mean: f64, sd: f64) -> f64 {
        mean + sd * self.normal_pair()[0]
    }

    /// Uniform integer below `bound` (bound > 0), without bias.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = bound.max(1) as u64;
        let limit = u64::MAX - u64::MAX % bound;
        loop {
            let draw = self.0.next_u64();
            if draw < limit {
                return (draw % bound) as usize;
            }
        }
    }

    /// Fisher–Yates shuffle.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_depend_on_seed_and_path_only() {
        let first = Stream::new(1, &[2, 3]).uniform();
        assert_eq!(first, Stream::new(1, &[2, 3]).uniform());
        assert_ne!(first, Stream::new(1, &[3, 2]).uniform());
        assert_ne!(first, Stream::new(2, &[2, 3]).uniform());
    }

    #[test]
    fn normal_has_mean_zero_and_variance_one() {
        let mut stream = Stream::new(7, &[]);
        let draws: Vec<f64> = (0..20_000).map(|_| stream.normal(0.0, 1.0)).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        // five standard errors: 5/sqrt(20000) and 5·sqrt(2/20000)
        assert!(mean.abs() < 0.036, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }
}
