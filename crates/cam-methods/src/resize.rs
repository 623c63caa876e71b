//! Bilinear interpolation in both conventions, exact and the same for any number of threads.

use serde::{Deserialize, Serialize};

/// Where the samples of a resized map lie.
///
/// ```text
/// AlignCorners   source = i * (n - 1) / (N - 1)            (0 where N = 1)
/// HalfPixel      source = (i + 1/2) * n / N - 1/2          (clamped to the edge)
/// ```
///
/// # Source
///
/// `AlignCorners` equals SciPy's `zoom(order=1)`, which tf-keras-vis uses; `HalfPixel` OpenCV's
/// `INTER_LINEAR` and PyTorch's `align_corners=False`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// Corner pixels of source and result coincide.
    AlignCorners,
    /// Pixels are areas whose edges coincide.
    HalfPixel,
}

/// One output sample: `values[low] + (values[high] - values[low]) * t`.
#[derive(Debug, Clone, Copy)]
struct Sample {
    low: usize,
    high: usize,
    t: f32,
}

impl Resize {
    fn samples(self, from: usize, to: usize) -> Vec<Sample> {
        let last = from.saturating_sub(1);
        (0..to)
            .map(|i| {
                let source = match self {
                    Self::AlignCorners if to > 1 => i as f64 * last as f64 / (to - 1) as f64,
                    Self::AlignCorners => 0.0,
                    Self::HalfPixel => (i as f64 + 0.5) * from as f64 / to as f64 - 0.5,
                };
                let source = source.clamp(0.0, last as f64);
                let low = (source.floor() as usize).min(last);
                Sample {
                    low,
                    high: (low + 1).min(last),
                    t: (source - low as f64) as f32,
                }
            })
            .collect()
    }

    /// The interpolation along one axis as a dense matrix `[to, from]`, for devices without the CPU path.
    pub(crate) fn matrix(self, from: usize, to: usize) -> Vec<f32> {
        let mut m = vec![0f32; from * to];
        for (row, s) in self.samples(from, to).iter().enumerate() {
            m[row * from + s.low] += 1.0 - s.t;
            m[row * from + s.high] += s.t;
        }
        m
    }
}

/// Resizes maps of one size to another; the sample positions are computed once.
#[derive(Debug, Clone)]
pub(crate) struct Resizer {
    from: [usize; 2],
    to: [usize; 2],
    rows: Vec<Sample>,
    columns: Vec<Sample>,
}

impl Resizer {
    pub(crate) fn new(resize: Resize, from: [usize; 2], to: [usize; 2]) -> Self {
        Self {
            from,
            to,
            rows: resize.samples(from[0], to[0]),
            columns: resize.samples(from[1], to[1]),
        }
    }

    /// Appends the resized map to `out`.
    pub(crate) fn extend(&self, map: &[f32], out: &mut Vec<f32>) {
        let ([h, w], [_, width]) = (self.from, self.to);
        let mut wide = Vec::with_capacity(h * width);
        for row in map.chunks_exact(w).take(h) {
            wide.extend(
                self.columns
                    .iter()
                    .map(|s| row[s.low] + (row[s.high] - row[s.low]) * s.t),
            );
        }
        for s in &self.rows {
            let low = &wide[s.low * width..(s.low + 1) * width];
            let high = &wide[s.high * width..(s.high + 1) * width];
            out.extend(low.iter().zip(high).map(|(a, b)| a + (b - a) * s.t));
        }
    }

    pub(crate) fn apply(&self, map: &[f32]) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.to[0] * self.to[1]);
        self.extend(map, &mut out);
        out
    }
}

/// Resizes one map given row by row.
///
/// Exact on constant maps; each result lies between the values it is made of up to rounding.
///
/// # Shapes
///
/// - `map`: `from[0] * from[1]` values
/// - returns: `to[0] * to[1]` values
///
/// # Errors
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) if `map` does not hold `from[0] * from[1]` values or an axis is empty.
///
/// # Examples
///
/// ```
/// use cam_methods::{Resize, resize_bilinear};
/// let wide = resize_bilinear(&[0., 1.], [1, 2], [1, 3], Resize::AlignCorners)?;
/// assert_eq!(wide, [0., 0.5, 1.]);
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub fn resize_bilinear(
    map: &[f32],
    from: [usize; 2],
    to: [usize; 2],
    resize: Resize,
) -> crate::Result<Vec<f32>> {
    if map.len() != from[0] * from[1] || map.is_empty() || to[0] * to[1] == 0 {
        return Err(crate::Error::ShapeMismatch {
            what: "values of a map and its size",
            left: vec![map.len()],
            right: from.to_vec(),
        });
    }
    Ok(Resizer::new(resize, from, to).apply(map))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_pixel_doubling_by_hand() {
        let up = resize_bilinear(&[0., 4.], [1, 2], [1, 4], Resize::HalfPixel).unwrap();
        assert_eq!(up, [0., 1., 3., 4.]);
    }

    #[test]
    fn align_corners_keeps_corners_and_planes() {
        let (h, w) = (3, 4);
        let map: Vec<f32> = (0..h * w)
            .map(|i| (i / w) as f32 * 2.0 + (i % w) as f32)
            .collect();
        let up = resize_bilinear(&map, [h, w], [9, 10], Resize::AlignCorners).unwrap();
        for (i, v) in up.iter().enumerate() {
            let plane = (i / 10) as f32 * 2.0 * 2.0 / 8.0 + (i % 10) as f32 * 3.0 / 9.0;
            assert!((v - plane).abs() < 1e-5, "{i}: {v} {plane}");
        }
    }

    #[test]
    fn the_matrix_says_the_same() {
        for resize in [Resize::AlignCorners, Resize::HalfPixel] {
            let map = [0.3f32, -1.0, 2.5, 0.7, 0.1];
            let direct = resize_bilinear(&map, [1, 5], [1, 13], resize).unwrap();
            for (row, d) in resize.matrix(5, 13).chunks(5).zip(&direct) {
                let by_matrix: f32 = row.iter().zip(&map).map(|(a, b)| a * b).sum();
                assert!((by_matrix - d).abs() < 1e-6, "{by_matrix} {d}");
            }
        }
    }
}
