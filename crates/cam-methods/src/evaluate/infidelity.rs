use super::Scorer;
use crate::rng::{Rng, key};
use crate::{Error, Result, TappedModel, Target, host};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// Noise that infidelity subtracts from the image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InfidelityOptions {
    /// Number of noisy copies.
    pub samples: usize,
    /// Deviation of the noise, in the image's own units.
    pub noise: f64,
    /// Whether the attribution is scaled to fit best first: heatmaps have no unit.
    pub fit_scale: bool,
    /// Seed.
    pub seed: u64,
}

impl Default for InfidelityOptions {
    fn default() -> Self {
        Self {
            samples: 64,
            noise: 0.1,
            fit_scale: true,
            seed: 0,
        }
    }
}

/// Infidelity of an attribution, image by image; lower is better.
///
/// ```text
/// E_I [ (b I . phi - (f(x) - f(x - I)))^2 ]        I ~ N(0, noise)
/// b = 1, or the least-squares scale  E[(f(x) - f(x - I)) I . phi] / E[(I . phi)^2]
/// ```
///
/// # Shapes
///
/// - `images`: `[B, channel, H, W]`
/// - `attributions`: `[B, H, W]`, the same for every channel; signed maps are welcome
///
/// # Errors
///
/// [`Error::Parameter`], [`Error::ShapeMismatch`]; as [`Scorer::score`].
///
/// # Source
///
/// Yeh et al. 2019 (arXiv 1901.09392), Definition 2.1; the scale as captum's `normalize=True`.
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::{InfidelityOptions, Scorer, infidelity};
/// use cam_methods::{ScoreSpace, Tap, Target};
/// use candle_core::{DType, Device, Tensor};
///
/// // a linear network is explained without a rest by its own weights
/// let net = |x: &Tensor, _: &mut dyn Tap| x.sum((2, 3));
/// let images = Tensor::zeros((1, 1, 4, 4), DType::F32, &Device::Cpu)?;
/// let weights = Tensor::ones((1, 4, 4), DType::F32, &Device::Cpu)?;
/// let scorer = Scorer::new(&net).space(ScoreSpace::Logit);
/// let options = InfidelityOptions::default();
/// let found = infidelity(&scorer, &images, &[Target::Class(0)], &weights, &options)?;
/// assert!(found[0] < 1e-10);
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub fn infidelity<M: TappedModel + ?Sized>(
    scorer: &Scorer<'_, M>,
    images: &Tensor,
    targets: &[Target],
    attributions: &Tensor,
    options: &InfidelityOptions,
) -> Result<Vec<f64>> {
    if options.samples == 0 || !(options.noise > 0.0 && options.noise.is_finite()) {
        let got = format!("{} samples, noise {}", options.samples, options.noise);
        return Err(Error::Parameter {
            name: "infidelity options",
            expected: "samples and noise above 0",
            got,
        });
    }
    let maps = super::map_values(attributions, images)?;
    let targets = scorer.resolve(images, targets)?;
    let original = scorer.score(images, &targets)?;
    let (_, channels, height, width) = images.dims4()?;
    let values = host::values(images)?;
    let size = channels * height * width;
    let mut out = Vec::with_capacity(maps.len());
    for (b, map) in maps.iter().enumerate() {
        let image = &values[b * size..(b + 1) * size];
        let mut changed = Vec::with_capacity(options.samples * size);
        let mut predicted = Vec::with_capacity(options.samples);
        for s in 0..options.samples {
            let mut rng = Rng::keyed(options.seed, &[key("infidelity"), b as u64, s as u64]);
            let mut product = 0f64;
            for (i, v) in image.iter().enumerate() {
                let noise = options.noise * rng.normal();
                product += noise * f64::from(map[i % map.len()]);
                changed.push((f64::from(*v) - noise) as f32);
            }
            predicted.push(product);
        }
        let changed = host::tensor(changed, &[options.samples, channels, height, width])?;
        let changed = changed
            .to_device(images.device())?
            .to_dtype(images.dtype())?;
        let scores = scorer.score(&changed, &vec![targets[b].clone(); options.samples])?;
        let actual: Vec<f64> = scores.iter().map(|s| original[b] - s).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let scale = match (options.fit_scale, dot(&predicted, &predicted)) {
            (true, size) if size > 0.0 => dot(&predicted, &actual) / size,
            _ => 1.0,
        };
        let squares: f64 = predicted
            .iter()
            .zip(&actual)
            .map(|(p, a)| (scale * p - a).powi(2))
            .sum();
        out.push(squares / options.samples as f64);
    }
    Ok(out)
}
