use super::{finite, same_length};
use crate::Result;
use serde::{Deserialize, Serialize};

/// How alike two maps are. `None` where a map is constant and the measure is 0/0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Similarity {
    /// Product-moment correlation.
    pub pearson: Option<f64>,
    /// Rank correlation, ties averaged.
    pub spearman: Option<f64>,
    /// Structural similarity with a 7 x 7 uniform window and a data range of 1; `None` for smaller maps.
    pub ssim: Option<f64>,
}

/// Similarity of two maps in [0, 1].
///
/// # Shapes
///
/// - `a`, `b`: `rows * columns` values in [0, 1], row by row; `size`: rows and columns
///
/// # Errors
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) unless both hold `rows * columns` values;
/// [`Error::NonFinite`](crate::Error::NonFinite).
///
/// # Source
///
/// Adebayo et al. 2018 compare maps by rank correlation and by structural similarity (Wang et al. 2004, Eq. 13, with the
/// defaults of scikit-image).
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::similarity;
/// let map: Vec<f32> = (0..64).map(|i| i as f32 / 63.0).collect();
/// let same = similarity(&map, &map, [8, 8])?;
/// assert_eq!(same.spearman, Some(1.0));
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub fn similarity(a: &[f32], b: &[f32], size: [usize; 2]) -> Result<Similarity> {
    same_length("maps", a.len(), b.len())?;
    same_length("values of a map and its size", a.len(), size[0] * size[1])?;
    Ok(Similarity {
        pearson: pearson(a, b)?,
        spearman: spearman(a, b)?,
        ssim: ssim(a, b, size),
    })
}

/// Product-moment correlation; `None` if one side is constant.
///
/// ```text
/// r = sum (a - mean a)(b - mean b) / sqrt(sum (a - mean a)^2 sum (b - mean b)^2)
/// ```
///
/// # Errors
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) for different lengths or none;
/// [`Error::NonFinite`](crate::Error::NonFinite).
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::pearson;
/// assert_eq!(pearson(&[0.0, 0.5, 1.0], &[1.0, 0.5, 0.0])?, Some(-1.0));
/// assert_eq!(pearson(&[0.0, 0.5], &[1.0, 1.0])?, None);
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub fn pearson(a: &[f32], b: &[f32]) -> Result<Option<f64>> {
    same_length("values to correlate", a.len(), b.len())?;
    finite(a)?;
    finite(b)?;
    let wide = |v: &[f32]| v.iter().map(|x| f64::from(*x)).collect::<Vec<f64>>();
    Ok(correlation(&wide(a), &wide(b)))
}

/// Rank correlation, ties averaged; `None` if one side is constant.
///
/// ```text
/// rho = r(rank a, rank b)
/// ```
///
/// # Errors
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) for different lengths or none;
/// [`Error::NonFinite`](crate::Error::NonFinite).
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::spearman;
/// assert_eq!(spearman(&[0.1, 0.2, 0.9], &[0.3, 0.4, 0.5])?, Some(1.0));
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub fn spearman(a: &[f32], b: &[f32]) -> Result<Option<f64>> {
    same_length("values to correlate", a.len(), b.len())?;
    finite(a)?;
    finite(b)?;
    Ok(correlation(&ranks(a), &ranks(b)))
}

fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = a.len() as f64;
    let (ma, mb) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - ma) * (y - mb);
        aa += (x - ma) * (x - ma);
        bb += (y - mb) * (y - mb);
    }
    let scale = (aa * bb).sqrt();
    (scale > 0.0 && scale.is_finite()).then(|| (ab / scale).clamp(-1.0, 1.0))
}

fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|i, j| values[*i].total_cmp(&values[*j]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let tied = order[start..]
            .iter()
            .take_while(|i| values[**i] == values[order[start]])
            .count();
        let rank = start as f64 + (tied as f64 + 1.0) / 2.0;
        order[start..start + tied]
            .iter()
            .for_each(|i| ranks[*i] = rank);
        start += tied;
    }
    ranks
}

/// Side of the window of structural similarity.
const WINDOW: usize = 7;

/// Wang et al. 2004, Eq. 13, with the defaults of scikit-image: uniform window, sample covariance, mean over
/// windows that lie inside.
fn ssim(a: &[f32], b: &[f32], [height, width]: [usize; 2]) -> Option<f64> {
    if height < WINDOW || width < WINDOW {
        return None;
    }
    let n = (WINDOW * WINDOW) as f64;
    let (c1, c2) = (0.01f64.powi(2), 0.03f64.powi(2));
    let mut total = 0.0;
    for r in 0..=height - WINDOW {
        for c in 0..=width - WINDOW {
            let [mut sa, mut sb, mut saa, mut sbb, mut sab] = [0f64; 5];
            for i in (0..WINDOW).map(|d| (r + d) * width + c) {
                for (x, y) in a[i..i + WINDOW].iter().zip(&b[i..i + WINDOW]) {
                    let (x, y) = (f64::from(*x), f64::from(*y));
                    sa += x;
                    sb += y;
                    saa += x * x;
                    sbb += y * y;
                    sab += x * y;
                }
            }
            let (ma, mb) = (sa / n, sb / n);
            let sample = |s: f64, m: f64| (s / n - m) * n / (n - 1.0);
            let (va, vb, cov) = (
                sample(saa, ma * ma),
                sample(sbb, mb * mb),
                sample(sab, ma * mb),
            );
            total += (2.0 * ma * mb + c1) * (2.0 * cov + c2)
                / ((ma * ma + mb * mb + c1) * (va + vb + c2));
        }
    }
    Some(total / ((height - WINDOW + 1) * (width - WINDOW + 1)) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_mean_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(
            spearman(&[1.0, 2.0, 3.0], &[-1.0, -8.0, -9.0]).unwrap(),
            Some(-1.0)
        );
        assert_eq!(spearman(&[1.0, 1.0], &[0.0, 1.0]).unwrap(), None);
    }

    #[test]
    fn a_map_is_most_similar_to_itself() {
        let a: Vec<f32> = (0..80).map(|i| ((i * 31) % 17) as f32 / 16.0).collect();
        let b: Vec<f32> = a.iter().map(|v| 1.0 - v).collect();
        let same = similarity(&a, &a, [8, 10]).unwrap();
        assert!((same.ssim.unwrap() - 1.0).abs() < 1e-12 && same.pearson == Some(1.0));
        let other = similarity(&a, &b, [8, 10]).unwrap();
        assert!(other.ssim.unwrap() < 0.0 && other.spearman.unwrap() < -0.99);
    }
}
