//! A small seeded generator: the same numbers on every machine and for any number of threads.

/// SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    /// A stream of its own for every combination of seed and keys.
    pub(crate) fn keyed(seed: u64, keys: &[u64]) -> Self {
        let mut rng = Self(seed);
        for key in keys {
            let mixed = rng.next_u64() ^ key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            rng = Self(mixed);
        }
        rng
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// FNV-1a: turns a name into a key.
pub(crate) fn key(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_depend_on_every_key_and_have_the_right_moments() {
        let first = |seed, keys: &[u64]| Rng::keyed(seed, keys).next_u64();
        assert_ne!(first(1, &[0, 1]), first(1, &[1, 0]));
        assert_ne!(first(1, &[0]), first(2, &[0]));
        let mut rng = Rng::keyed(7, &[key("moments")]);
        let xs: Vec<f64> = (0..20_000).map(|_| rng.normal()).collect();
        let mean = xs.iter().sum::<f64>() / 20_000.0;
        let var = xs.iter().map(|x| x * x).sum::<f64>() / 20_000.0;
        // three standard errors of 20 000 draws
        assert!(
            mean.abs() < 0.022 && (var - 1.0).abs() < 0.03,
            "{mean} {var}"
        );
    }
}
