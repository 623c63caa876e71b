use super::{Scorer, by_falling_value};
use crate::rng::{Rng, key};
use crate::{Error, Result, TappedModel, Target, host};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// What ROAD removes, and the noise on what it puts there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoadOptions {
    /// Percentages of pixels to remove, each in (0, 100).
    pub percentages: Vec<f64>,
    /// Deviation of the noise on imputed pixels, in the image's own units.
    pub noise: f64,
    /// Seed of the noise.
    pub seed: u64,
}

impl Default for RoadOptions {
    fn default() -> Self {
        Self {
            percentages: (1..10).map(|p| 10.0 * f64::from(p)).collect(),
            noise: 0.01,
            seed: 0,
        }
    }
}

/// Change of the score when pixels are removed and imputed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Road {
    /// Mean change when the most relevant pixels go first; lower is better.
    pub most_relevant_first: f64,
    /// Mean change when the least relevant pixels go first; higher is better.
    pub least_relevant_first: f64,
    /// `(least - most) / 2`; higher is better.
    pub combined: f64,
}

/// ROAD: remove and debias.
///
/// ```text
/// x_i = sum_n w_n x_n + noise        i removed, n its neighbours
/// change(order) = mean_p score(x without the first p % of the order) - score(x)
/// combined = (change(least relevant first) - change(most relevant first)) / 2
/// ```
///
/// A removed pixel is the weighted mean of its neighbours (1/6 beside, 1/12 across), removed or not: a linear system,
/// solved by conjugate gradients.
///
/// # Shapes
///
/// - `images`: `[B, channel, H, W]`; `maps`: `[B, H, W]`
///
/// # Errors
///
/// [`Error::Parameter`], [`Error::ShapeMismatch`]; as [`Scorer::score`].
///
/// # Source
///
/// Rong et al. 2022 (arXiv 2202.00449), section 4; combined as in pytorch-grad-cam, whose noise has no seed.
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::{RoadOptions, Scorer, road};
/// use cam_methods::{Explainer, Method, Tap, Target};
/// use candle_core::{Device, Tensor};
///
/// let net = |x: &Tensor, tap: &mut dyn Tap| tap.visit("relu", x.relu()?)?.mean((2, 3));
/// let images = Tensor::arange(0f32, 128., &Device::Cpu)?.reshape((1, 2, 8, 8))?.affine(1e-2, 0.)?;
/// let targets = [Target::Class(1)];
/// let maps = Explainer::new(&net).explain(&images, &targets, Method::GradCam)?.up;
/// let found = road(&Scorer::new(&net), &images, &targets, &maps, &RoadOptions::default())?;
/// assert!(found[0].combined.is_finite());
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub fn road<M: TappedModel + ?Sized>(
    scorer: &Scorer<'_, M>,
    images: &Tensor,
    targets: &[Target],
    maps: &Tensor,
    options: &RoadOptions,
) -> Result<Vec<Road>> {
    if options.percentages.is_empty()
        || options
            .percentages
            .iter()
            .any(|p| !(*p > 0.0 && *p < 100.0))
    {
        return Err(Error::Parameter {
            name: "percentages",
            expected: "one or more, each between 0 and 100",
            got: format!("{:?}", options.percentages),
        });
    }
    if !(options.noise.is_finite() && options.noise >= 0.0) {
        return Err(Error::Parameter {
            name: "noise",
            expected: "finite and not negative",
            got: options.noise.to_string(),
        });
    }
    let maps = super::map_values(maps, images)?;
    let targets = scorer.resolve(images, targets)?;
    let original = scorer.score(images, &targets)?;
    let (_, channels, height, width) = images.dims4()?;
    let values = host::values(images)?;
    let size = channels * height * width;
    let mut out = Vec::with_capacity(maps.len());
    for (b, map) in maps.iter().enumerate() {
        let image = &values[b * size..(b + 1) * size];
        let falling = by_falling_value(map);
        let rising: Vec<usize> = falling.iter().rev().copied().collect();
        let mut variants = Vec::new();
        for (o, order) in [&falling, &rising].into_iter().enumerate() {
            for (p, percentage) in options.percentages.iter().enumerate() {
                let count = ((percentage / 100.0) * map.len() as f64).round() as usize;
                let mut removed = vec![false; map.len()];
                order.iter().take(count).for_each(|i| removed[*i] = true);
                let mut rng =
                    Rng::keyed(options.seed, &[key("road"), b as u64, o as u64, p as u64]);
                for plane in image.chunks_exact(height * width) {
                    let filled = impute(plane, &removed, [height, width]);
                    variants.extend(filled.iter().zip(&removed).map(|(v, r)| {
                        (v + if *r {
                            options.noise * rng.normal()
                        } else {
                            0.0
                        }) as f32
                    }));
                }
            }
        }
        let count = 2 * options.percentages.len();
        let variants = host::tensor(variants, &[count, channels, height, width])?;
        let variants = variants
            .to_device(images.device())?
            .to_dtype(images.dtype())?;
        let scores = scorer.score(&variants, &vec![targets[b].clone(); count])?;
        let change = |s: &[f64]| s.iter().map(|s| s - original[b]).sum::<f64>() / s.len() as f64;
        let (most, least) = scores.split_at(options.percentages.len());
        let (most, least) = (change(most), change(least));
        out.push(Road {
            most_relevant_first: most,
            least_relevant_first: least,
            combined: (least - most) / 2.0,
        });
    }
    Ok(out)
}

const NEIGHBOURS: [(isize, isize, f64); 8] = [
    (-1, -1, 1.0 / 12.0),
    (-1, 0, 1.0 / 6.0),
    (-1, 1, 1.0 / 12.0),
    (0, -1, 1.0 / 6.0),
    (0, 1, 1.0 / 6.0),
    (1, -1, 1.0 / 12.0),
    (1, 0, 1.0 / 6.0),
    (1, 1, 1.0 / 12.0),
];

/// Residual, relative to the right-hand side, at which the system counts as solved.
const SOLVED: f64 = 1e-8;

/// Removed pixels as weighted means of their neighbours.
fn impute(plane: &[f32], removed: &[bool], [height, width]: [usize; 2]) -> Vec<f64> {
    let mut x: Vec<f64> = plane.iter().map(|v| f64::from(*v)).collect();
    let unknown: Vec<usize> = (0..x.len()).filter(|i| removed[*i]).collect();
    if unknown.is_empty() || unknown.len() == x.len() {
        return x;
    }
    let near = |i: usize| {
        let (r, c) = ((i / width) as isize, (i % width) as isize);
        NEIGHBOURS.iter().filter_map(move |(dr, dc, w)| {
            let (r, c) = (r + dr, c + dc);
            let inside = r >= 0 && c >= 0 && (r as usize) < height && (c as usize) < width;
            inside.then(|| (r as usize * width + c as usize, *w))
        })
    };
    // (sum of weights) x_i - sum over removed w x_j = sum over known w x_j: symmetric, positive definite
    let mut place = vec![usize::MAX; x.len()];
    unknown.iter().enumerate().for_each(|(k, i)| place[*i] = k);
    let multiply = |v: &[f64]| -> Vec<f64> {
        unknown
            .iter()
            .zip(v)
            .map(|(i, own)| {
                near(*i)
                    .map(|(j, w)| w * (own - if removed[j] { v[place[j]] } else { 0.0 }))
                    .sum()
            })
            .collect()
    };
    let right: Vec<f64> = unknown
        .iter()
        .map(|i| {
            near(*i)
                .filter(|(j, _)| !removed[*j])
                .map(|(j, w)| w * x[j])
                .sum()
        })
        .collect();
    let known_mean = (0..x.len())
        .filter(|i| !removed[*i])
        .map(|i| x[i])
        .sum::<f64>()
        / (x.len() - unknown.len()) as f64;
    let solution = conjugate_gradients(multiply, &right, vec![known_mean; unknown.len()]);
    unknown.iter().zip(solution).for_each(|(i, v)| x[*i] = v);
    x
}

fn conjugate_gradients(
    multiply: impl Fn(&[f64]) -> Vec<f64>,
    right: &[f64],
    mut x: Vec<f64>,
) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut residual: Vec<f64> = right.iter().zip(multiply(&x)).map(|(b, a)| b - a).collect();
    let mut direction = residual.clone();
    let mut error = dot(&residual, &residual);
    let enough = SOLVED * SOLVED * dot(right, right);
    for _ in 0..10 * x.len() {
        if error <= enough {
            break;
        }
        let image = multiply(&direction);
        let step = error / dot(&direction, &image);
        x.iter_mut()
            .zip(&direction)
            .for_each(|(x, d)| *x += step * d);
        residual
            .iter_mut()
            .zip(&image)
            .for_each(|(r, a)| *r -= step * a);
        let next = dot(&residual, &residual);
        let turn = next / error;
        direction
            .iter_mut()
            .zip(&residual)
            .for_each(|(d, r)| *d = r + turn * *d);
        error = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imputed_pixels_are_the_mean_of_their_neighbours() {
        let size = [9, 8];
        let plane: Vec<f32> = (0..72).map(|i| ((i * 37) % 17) as f32).collect();
        let removed: Vec<bool> = (0..72).map(|i| (i * 7) % 10 < 6).collect();
        let filled = impute(&plane, &removed, size);
        for i in 0..72 {
            let (r, c) = ((i / 8) as isize, (i % 8) as isize);
            let near: Vec<(f64, f64)> = NEIGHBOURS
                .iter()
                .filter(|(dr, dc, _)| (0..9).contains(&(r + dr)) && (0..8).contains(&(c + dc)))
                .map(|(dr, dc, w)| (filled[((r + dr) * 8 + c + dc) as usize], *w))
                .collect();
            let mean = near.iter().map(|(v, w)| v * w).sum::<f64>()
                / near.iter().map(|(_, w)| w).sum::<f64>();
            let expected = if removed[i] {
                mean
            } else {
                f64::from(plane[i])
            };
            assert!(
                (filled[i] - expected).abs() < 1e-5,
                "{i}: {} {expected}",
                filled[i]
            );
        }
    }
}
