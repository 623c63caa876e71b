use crate::rng::{Rng, key};
use crate::{Error, Explainer, Method, Result, TappedModel, Target, host};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// Neighbourhood in which sensitivity is sought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SensitivityOptions {
    /// Number of neighbours tried.
    pub samples: usize,
    /// Largest change of any pixel, in the image's own units.
    pub radius: f64,
    /// Seed.
    pub seed: u64,
}

impl Default for SensitivityOptions {
    fn default() -> Self {
        Self {
            samples: 10,
            radius: 0.02,
            seed: 0,
        }
    }
}

/// Largest relative change of the heatmap near the image, image by image; lower is better. `None` where the
/// heatmap is zero.
///
/// ```text
/// max_(|d|_inf <= radius) |m(x + d) - m(x)|_2 / |m(x)|_2
/// ```
///
/// # Shapes
///
/// - `images`: `[B, channel, H, W]`; `targets`: `B`; returns `B`
///
/// # Errors
///
/// [`Error::Parameter`]; as [`Explainer::explain_all`].
///
/// # Source
///
/// Yeh et al. 2019 (arXiv 1901.09392), Definition 3.1; sampled as captum's `sensitivity_max`.
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::{SensitivityOptions, max_sensitivity};
/// use cam_methods::{Explainer, Method, Tap, Target};
/// use candle_core::{Device, Tensor};
///
/// let net = |x: &Tensor, tap: &mut dyn Tap| tap.visit("relu", x.relu()?)?.mean((2, 3));
/// let images = Tensor::arange(0f32, 128., &Device::Cpu)?.reshape((1, 2, 8, 8))?.affine(1e-2, 0.)?;
/// let explainer = Explainer::new(&net).tap("relu");
/// let options = SensitivityOptions::default();
/// let found = max_sensitivity(&explainer, &images, &[Target::Class(1)], Method::GradCam, &options)?;
/// assert!(found[0].is_some_and(|s| s > 0.0 && s < 0.5));
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub fn max_sensitivity<M: TappedModel + ?Sized>(
    explainer: &Explainer<'_, M>,
    images: &Tensor,
    targets: &[Target],
    method: Method,
    options: &SensitivityOptions,
) -> Result<Vec<Option<f64>>> {
    if options.samples == 0 || !(options.radius > 0.0 && options.radius.is_finite()) {
        let got = format!("{} samples, radius {}", options.samples, options.radius);
        return Err(Error::Parameter {
            name: "sensitivity options",
            expected: "samples and radius above 0",
            got,
        });
    }
    let first = explainer.explain_all(images, targets, &[method])?;
    let targets = super::fixed(targets, &first);
    let maps = super::map_values(&first.maps[0].up, images)?;
    let values = host::values(images)?;
    let size = values.len() / maps.len();
    let mut largest = vec![0f64; maps.len()];
    for s in 0..options.samples {
        let near: Vec<f32> = values
            .chunks_exact(size)
            .enumerate()
            .flat_map(|(b, image)| {
                let mut rng = Rng::keyed(options.seed, &[key("sensitivity"), b as u64, s as u64]);
                image
                    .iter()
                    .map(move |v| {
                        (f64::from(*v) + options.radius * (2.0 * rng.uniform() - 1.0)) as f32
                    })
                    .collect::<Vec<f32>>()
            })
            .collect();
        let near = host::tensor(near, images.dims())?
            .to_device(images.device())?
            .to_dtype(images.dtype())?;
        let near = explainer.explain(&near, &targets, method)?.up;
        for ((largest, a), b) in largest
            .iter_mut()
            .zip(&maps)
            .zip(super::map_values(&near, images)?)
        {
            let distance = a
                .iter()
                .zip(&b)
                .map(|(a, b)| f64::from(a - b).powi(2))
                .sum::<f64>()
                .sqrt();
            *largest = largest.max(distance);
        }
    }
    let norm = |m: &Vec<f32>| m.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    Ok(largest
        .iter()
        .zip(&maps)
        .map(|(d, m)| Some(norm(m)).filter(|n| *n > 0.0).map(|n| d / n))
        .collect())
}
