use super::{finite, same_length};
use crate::Result;

/// Pixel average precision, pooled over a data set.
///
/// ```text
/// PxAP = sum_l precision(t_l) (recall(t_l) - recall(t_(l-1)))        t falling from 1 to 0
/// ```
///
/// # Source
///
/// Choe et al. 2020 (arXiv 2001.07437), section 4.2; values are sorted into equal bins of [0, 1] as there.
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::PixelPrecision;
/// let mut pxap = PixelPrecision::new();
/// pxap.add(&[0.9, 0.8, 0.1, 0.0], &[true, true, false, false])?;
/// assert_eq!(pxap.value(), Some(1.0));
/// # Ok::<(), cam_methods::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PixelPrecision {
    inside: Vec<u64>,
    outside: Vec<u64>,
}

/// Bins of [0, 1]: as fine as the paper's 1000 thresholds.
const BINS: usize = 1001;

impl Default for PixelPrecision {
    fn default() -> Self {
        Self::new()
    }
}

impl PixelPrecision {
    /// Without any pixels.
    pub fn new() -> Self {
        Self {
            inside: vec![0; BINS],
            outside: vec![0; BINS],
        }
    }

    /// Adds the pixels of one map in [0, 1].
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) for different sizes;
    /// [`Error::NonFinite`](crate::Error::NonFinite).
    pub fn add(&mut self, map: &[f32], truth: &[bool]) -> Result<()> {
        same_length("map and truth", map.len(), truth.len())?;
        finite(map)?;
        for (v, t) in map.iter().zip(truth) {
            let bin = (f64::from(v.clamp(0.0, 1.0)) * (BINS - 1) as f64).floor() as usize;
            if *t {
                self.inside[bin] += 1;
            } else {
                self.outside[bin] += 1;
            }
        }
        Ok(())
    }

    /// The average precision, in [0, 1]; `None` while no pixel lies inside a truth.
    pub fn value(&self) -> Option<f64> {
        let positives: u64 = self.inside.iter().sum();
        if positives == 0 {
            return None;
        }
        let (mut found, mut taken, mut area) = (0u64, 0u64, 0f64);
        for (i, o) in self.inside.iter().zip(&self.outside).rev() {
            found += i;
            taken += i + o;
            if taken > 0 {
                area += found as f64 / taken as f64 * (*i as f64 / positives as f64);
            }
        }
        Some(area)
    }
}
