use super::{Scorer, by_falling_value};
use crate::parameters::LARGEST_BLUR;
use crate::{Error, Result, TappedModel, Target, blur, host};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// How pixels are taken away or brought in, most important first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Perturbation {
    /// Pixels of the image are set to zero. A low area speaks for the map.
    Deletion,
    /// Pixels of the image are put into a blurred copy. A high area speaks for the map.
    Insertion {
        /// Deviation of the Gaussian in pixels, at most 16 longer sides of the image; 0 starts from a blank image.
        blur: f64,
    },
}

/// Score against the share of pixels changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Share of pixels changed, from 0 to 1.
    pub fractions: Vec<f64>,
    /// Score at each share.
    pub scores: Vec<f64>,
    /// Area under the curve by the trapezoid rule.
    pub area: f64,
}

/// Deletion or insertion curves of a batch.
///
/// ```text
/// area = sum_s (q_s - q_(s-1)) (p_s + p_(s-1)) / 2        p_s = score with the share q_s of pixels changed
/// ```
///
/// # Shapes
///
/// - `images`: `[B, channel, H, W]`; `maps`: `[B, H, W]`
/// - returns: `B` curves of `steps + 1` points
///
/// # Errors
///
/// [`Error::Parameter`] for no steps or a blur out of range; [`Error::ShapeMismatch`]; as [`Scorer::score`].
///
/// # Source
///
/// Petsiuk et al. 2018 (RISE), section 4.2 and `evaluation.py`.
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::{Perturbation, Scorer, perturbation_curves};
/// use cam_methods::{Explainer, Method, Tap, Target};
/// use candle_core::{Device, Tensor};
///
/// let net = |x: &Tensor, tap: &mut dyn Tap| tap.visit("relu", x.relu()?)?.mean((2, 3));
/// let images = Tensor::arange(0f32, 128., &Device::Cpu)?.reshape((1, 2, 8, 8))?.affine(1e-2, 0.)?;
/// let targets = [Target::Class(1)];
/// let maps = Explainer::new(&net).explain(&images, &targets, Method::GradCam)?.up;
/// let scorer = Scorer::new(&net);
/// let curves = perturbation_curves(&scorer, &images, &targets, &maps, Perturbation::Deletion, 8)?;
/// assert_eq!(curves[0].scores.len(), 9);
/// assert!(curves[0].scores[0] > curves[0].scores[8]); // nothing of the image is left
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub fn perturbation_curves<M: TappedModel + ?Sized>(
    scorer: &Scorer<'_, M>,
    images: &Tensor,
    targets: &[Target],
    maps: &Tensor,
    perturbation: Perturbation,
    steps: usize,
) -> Result<Vec<Curve>> {
    if steps == 0 {
        return Err(Error::Parameter {
            name: "steps",
            expected: "at least 1",
            got: "0".to_owned(),
        });
    }
    let maps = super::map_values(maps, images)?;
    let targets = scorer.resolve(images, targets)?;
    let (_, channels, height, width) = images.dims4()?;
    let pixels = height * width;
    if let Perturbation::Insertion { blur } = perturbation {
        let largest = LARGEST_BLUR * height.max(width) as f64;
        if !(0.0..=largest).contains(&blur) {
            return Err(Error::Parameter {
                name: "blur",
                expected: "from 0 to 16 longer sides of the image",
                got: blur.to_string(),
            });
        }
    }
    let (start, end) = match perturbation {
        Perturbation::Deletion => (images.clone(), images.zeros_like()?),
        Perturbation::Insertion { blur: sigma } if sigma > 0.0 => {
            (blur(images, sigma)?, images.clone())
        }
        Perturbation::Insertion { .. } => (images.zeros_like()?, images.clone()),
    };
    let (start, end) = (host::values(&start)?, host::values(&end)?);
    let size = channels * pixels;
    let mut curves = Vec::with_capacity(maps.len());
    for (b, map) in maps.iter().enumerate() {
        let order = by_falling_value(map);
        let mut current = start[b * size..(b + 1) * size].to_vec();
        let final_image = &end[b * size..(b + 1) * size];
        let mut all = Vec::with_capacity((steps + 1) * size);
        let mut fractions = Vec::with_capacity(steps + 1);
        let mut done = 0;
        for step in 0..=steps {
            let until = (step * pixels).div_ceil(steps);
            for p in &order[done..until] {
                (0..channels).for_each(|c| current[c * pixels + p] = final_image[c * pixels + p]);
            }
            done = until;
            fractions.push(until as f64 / pixels as f64);
            all.extend_from_slice(&current);
        }
        let all = host::tensor(all, &[steps + 1, channels, height, width])?;
        let all = all.to_device(images.device())?.to_dtype(images.dtype())?;
        let scores = scorer.score(&all, &vec![targets[b].clone(); steps + 1])?;
        curves.push(Curve {
            area: area(&fractions, &scores),
            fractions,
            scores,
        });
    }
    Ok(curves)
}

fn area(x: &[f64], y: &[f64]) -> f64 {
    x.windows(2)
        .zip(y.windows(2))
        .map(|(x, y)| (x[1] - x[0]) * (y[0] + y[1]) / 2.0)
        .sum()
}
