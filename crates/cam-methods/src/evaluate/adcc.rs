use super::{Scorer, confidence_change, pearson};
use crate::{Explainer, Method, Result, TappedModel, Target};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// Average drop, coherency and complexity in one number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Adcc {
    /// How alike the map of the image and that of the explained image are, in [0, 1]; higher is better.
    /// `None` where a map is constant.
    pub coherency: Option<f64>,
    /// Mean of the map; lower is better.
    pub complexity: f64,
    /// Relative drop of the score; lower is better.
    pub drop: f64,
    /// Harmonic mean of coherency, 1 - complexity and 1 - drop; 0 where one of them is 0.
    pub adcc: Option<f64>,
}

/// Mean of a heatmap; `None` for an empty one.
///
/// ```text
/// complexity = L1(m) / (H W)
/// ```
///
/// # Shapes
///
/// - `map`: values in [0, 1]; returns a number in [0, 1]
///
/// # Source
///
/// Poppi et al. 2021 (arXiv 2104.10252), Eq. 5.
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::complexity;
/// assert_eq!(complexity(&[0.0, 1.0, 0.5, 0.5]), Some(0.5));
/// ```
pub fn complexity(map: &[f32]) -> Option<f64> {
    (!map.is_empty())
        .then(|| map.iter().map(|v| f64::from(v.abs())).sum::<f64>() / map.len() as f64)
}

/// ADCC of a method, image by image.
///
/// ```text
/// coherency = (pearson(m(x), m(x * m)) + 1) / 2        complexity = L1(m) / (H W)
/// ADCC = 3 / (1 / coherency + 1 / (1 - complexity) + 1 / (1 - drop))
/// ```
///
/// # Shapes
///
/// - `images`: `[B, channel, H, W]`; `targets`: `B`; returns `B`
///
/// # Errors
///
/// As [`Explainer::explain_all`] and [`Scorer::score`].
///
/// # Source
///
/// Poppi et al. 2021 (arXiv 2104.10252), Eq. 4 to 7, and `aimagelab/ADCC` for the scale of coherency.
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::{Scorer, adcc};
/// use cam_methods::{Explainer, Method, Tap, Target};
/// use candle_core::{Device, Tensor};
///
/// let net = |x: &Tensor, tap: &mut dyn Tap| tap.visit("relu", x.relu()?)?.mean((2, 3));
/// let images = Tensor::arange(0f32, 128., &Device::Cpu)?.reshape((1, 2, 8, 8))?.affine(1e-2, 0.)?;
/// let explainer = Explainer::new(&net).tap("relu");
/// let found = adcc(&explainer, &Scorer::new(&net), &images, &[Target::Class(1)], Method::GradCam)?;
/// assert!((0.0..=1.0).contains(&found[0].complexity));
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub fn adcc<M: TappedModel + ?Sized>(
    explainer: &Explainer<'_, M>,
    scorer: &Scorer<'_, M>,
    images: &Tensor,
    targets: &[Target],
    method: Method,
) -> Result<Vec<Adcc>> {
    let targets = scorer.resolve(images, targets)?;
    let maps = explainer.explain(images, &targets, method)?.up;
    let masks = maps
        .unsqueeze(1)?
        .to_device(images.device())?
        .to_dtype(images.dtype())?;
    let again = explainer
        .explain(&images.broadcast_mul(&masks)?, &targets, method)?
        .up;
    let changes = confidence_change(scorer, images, &targets, &maps)?;
    let (first, second) = (
        super::map_values(&maps, images)?,
        super::map_values(&again, images)?,
    );
    first
        .iter()
        .zip(&second)
        .zip(changes)
        .map(|((m, n), change)| {
            let coherency = pearson(m, n)?.map(|r| (r + 1.0) / 2.0);
            let complexity = complexity(m).unwrap_or(0.0);
            let harmonic = |c: f64| {
                let parts = [c, 1.0 - complexity, 1.0 - change.drop];
                if parts.iter().any(|p| *p <= 0.0) {
                    0.0
                } else {
                    3.0 / parts.iter().map(|p| 1.0 / p).sum::<f64>()
                }
            };
            Ok(Adcc {
                coherency,
                complexity,
                drop: change.drop,
                adcc: coherency.map(harmonic),
            })
        })
        .collect()
}
