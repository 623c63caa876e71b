//! Starting values: a rule and a seed give a tensor.

use candle_core::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::Result;

/// A rule for starting values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Init {
    /// Every element the same.
    Constant(f32),
    /// Uniform in ±√(6 / (fan in + fan out)); Keras's default.
    GlorotUniform,
    /// Uniform in ±1/√(fan in); PyTorch's default for convolutions and dense layers.
    TorchDefault,
    /// Uniform in ±1/√n for a given n; PyTorch's default for a bias, n being the layer's fan in.
    Uniform { fan_in: usize },
    /// Normal with variance 2 / (fan in).
    KaimingFanIn,
    /// Normal with variance 2 / (fan out).
    KaimingFanOut,
    /// Normal with a given standard deviation.
    Normal(f64),
    /// Normal with a given standard deviation, redrawn beyond two of them.
    TruncatedNormal(f64),
}

/// Elements that feed an output and elements that an input feeds: for `[out, in, rows, columns]`
/// the products `in · rows · columns` and `out · rows · columns`.
fn fans(shape: &[usize]) -> [f64; 2] {
    let window: usize = shape.iter().skip(2).product();
    let fan = |i: usize| (shape.get(i).copied().unwrap_or(1) * window).max(1) as f64;
    [fan(1), fan(0)]
}

/// The stream that belongs to one named tensor of one seed, so that no tensor's values depend on
/// what else the network holds.
pub(crate) fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(hash);
    rng
}

/// Uniform in [0, 1), in steps of 2⁻⁵³.
fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Two independent standard normal values (Box and Muller 1958).
fn normal_pair(rng: &mut ChaCha8Rng) -> [f64; 2] {
    let radius = (-2.0 * (1.0 - unit(rng)).ln()).sqrt();
    let angle = 2.0 * std::f64::consts::PI * unit(rng);
    [radius * angle.cos(), radius * angle.sin()]
}

fn fill_normal(rng: &mut ChaCha8Rng, count: usize, sd: f64, bound: f64) -> Vec<f32> {
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        for z in normal_pair(rng) {
            if z.abs() <= bound {
                values.push((z * sd) as f32);
            }
        }
    }
    values.truncate(count);
    values
}

fn fill_uniform(rng: &mut ChaCha8Rng, count: usize, limit: f64) -> Vec<f32> {
    (0..count)
        .map(|_| ((2.0 * unit(rng) - 1.0) * limit) as f32)
        .collect()
}

impl Init {
    /// The starting values of the tensor called `name`.
    pub(crate) fn tensor(
        self,
        name: &str,
        shape: &[usize],
        seed: u64,
        device: &Device,
    ) -> Result<Tensor> {
        let count = shape.iter().product();
        let [fan_in, fan_out] = fans(shape);
        let mut rng = stream(seed, name);
        let values = match self {
            Self::Constant(value) => vec![value; count],
            Self::GlorotUniform => fill_uniform(&mut rng, count, (6.0 / (fan_in + fan_out)).sqrt()),
            Self::TorchDefault => fill_uniform(&mut rng, count, fan_in.sqrt().recip()),
            Self::Uniform { fan_in } => {
                fill_uniform(&mut rng, count, (fan_in.max(1) as f64).sqrt().recip())
            }
            Self::KaimingFanIn => {
                fill_normal(&mut rng, count, (2.0 / fan_in).sqrt(), f64::INFINITY)
            }
            Self::KaimingFanOut => {
                fill_normal(&mut rng, count, (2.0 / fan_out).sqrt(), f64::INFINITY)
            }
            Self::Normal(sd) => fill_normal(&mut rng, count, sd, f64::INFINITY),
            Self::TruncatedNormal(sd) => fill_normal(&mut rng, count, sd, 2.0),
        };
        Ok(Tensor::from_vec(values, shape, device)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(init: Init, shape: &[usize]) -> Result<(f64, f64, f64)> {
        let values: Vec<f32> = init
            .tensor("w", shape, 7, &Device::Cpu)?
            .flatten_all()?
            .to_vec1()?;
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = values
            .iter()
            .map(|&v| (f64::from(v) - mean).powi(2))
            .sum::<f64>()
            / n;
        let largest = values
            .iter()
            .fold(0.0_f64, |m, &v| m.max(f64::from(v.abs())));
        Ok((mean, variance, largest))
    }

    #[test]
    fn moments_follow_the_rule() -> Result<()> {
        // fan in 64·9 = 576, fan out 32·9 = 288; 18 432 draws put the sample variance within a
        // few percent of the rule's
        let shape = [32, 64, 3, 3];
        for (init, variance, bound) in [
            (Init::GlorotUniform, 2.0 / 864.0, (6.0_f64 / 864.0).sqrt()),
            (Init::TorchDefault, 1.0 / (3.0 * 576.0), 1.0 / 24.0),
            (Init::KaimingFanIn, 2.0 / 576.0, f64::INFINITY),
            (Init::KaimingFanOut, 2.0 / 288.0, f64::INFINITY),
            // a standard normal cut at ±2 has variance 0.7737
            (Init::TruncatedNormal(0.1), 0.007_737, 0.2),
        ] {
            let (mean, found, largest) = moments(init, &shape)?;
            assert!(
                mean.abs() < 4.0 * (variance / 18_432.0_f64).sqrt(),
                "{init:?} {mean}"
            );
            assert!((found / variance - 1.0).abs() < 0.05, "{init:?} {found}");
            assert!(largest <= bound + 1e-6, "{init:?} {largest}");
        }
        Ok(())
    }

    #[test]
    fn values_depend_on_name_and_seed_only() -> Result<()> {
        let draw = |name, seed| -> Result<Vec<f32>> {
            Ok(Init::GlorotUniform
                .tensor(name, &[4, 3], seed, &Device::Cpu)?
                .flatten_all()?
                .to_vec1()?)
        };
        assert_eq!(draw("a", 1)?, draw("a", 1)?);
        assert_ne!(draw("a", 1)?, draw("b", 1)?);
        assert_ne!(draw("a", 1)?, draw("a", 2)?);
        Ok(())
    }
}
