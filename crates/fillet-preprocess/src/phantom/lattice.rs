//! Smooth Gaussian random fields in millimetres, the same at any image resolution.

use crate::random::{key, scramble};

/// Mean of the squared weights of a cubic B-spline over all phases (151/315).
const SQUARED_WEIGHT: f64 = 151.0 / 315.0;

/// White noise on a periodic lattice, interpolated by cubic B-splines: mean 0, variance 1.
///
/// Its correlation falls to a half at about one lattice spacing.
pub(super) struct Field {
    key: u64,
    spacing: [f64; 3],
    nodes: [usize; 2],
}

impl Field {
    /// A field with the given lattice spacing (slice, row, column) in mm.
    ///
    /// It repeats after at least 64 mm in the plane, more than a fillet is wide.
    pub(super) fn new(seed: u64, path: &[u64], spacing: [f64; 3]) -> Self {
        let nodes = |mm: f64| ((64.0 / mm).ceil() as usize).next_power_of_two().max(4);
        Self {
            key: key(seed, path),
            spacing,
            nodes: [nodes(spacing[1]), nodes(spacing[2])],
        }
    }

    /// A field whose third coordinate is an angle, seamless after a full turn of `nodes` nodes.
    ///
    /// `nodes` is a power of two; the coordinate is given in radians.
    pub(super) fn polar(seed: u64, path: &[u64], spacing: [f64; 2], nodes: usize) -> Self {
        let turn = std::f64::consts::TAU / nodes as f64;
        let mut field = Self::new(seed, path, [spacing[0], spacing[1], turn]);
        field.nodes[1] = nodes;
        field
    }

    /// The field at one position along the slices.
    pub(super) fn plane(&self, z_mm: f64) -> Plane {
        let (base, weights) = spline(z_mm / self.spacing[0]);
        let [rows, columns] = self.nodes;
        let scale = SQUARED_WEIGHT.powf(-1.5) as f32;
        let mut values = vec![0.0_f32; rows * columns];
        for (step, weight) in weights.into_iter().enumerate() {
            let layer = scramble(self.key ^ scramble((base + step as i64) as u64));
            for (index, value) in values.iter_mut().enumerate() {
                *value += weight * scale * white(layer.wrapping_add(index as u64));
            }
        }
        Plane {
            values,
            nodes: self.nodes,
            inverse: [1.0 / self.spacing[1], 1.0 / self.spacing[2]],
        }
    }
}

/// A field cut at one slice position.
pub(super) struct Plane {
    values: Vec<f32>,
    nodes: [usize; 2],
    inverse: [f64; 2],
}

impl Plane {
    /// The value at (row, column) in mm, or (row in mm, angle) for a polar field.
    pub(super) fn at(&self, row: f64, column: f64) -> f32 {
        let (top, down) = spline(row * self.inverse[0]);
        let (left, across) = spline(column * self.inverse[1]);
        let [rows, columns] = self.nodes;
        let mut sum = 0.0;
        for (i, weight) in down.into_iter().enumerate() {
            let line = ((top + i as i64) as usize & (rows - 1)) * columns;
            let mut part = 0.0;
            for (j, w) in across.into_iter().enumerate() {
                part += w * self.values[line + ((left + j as i64) as usize & (columns - 1))];
            }
            sum += weight * part;
        }
        sum
    }
}

/// First of four lattice nodes, and their weights.
#[inline]
fn spline(position: f64) -> (i64, [f32; 4]) {
    let whole = position.floor();
    let t = (position - whole) as f32;
    let s = 1.0 - t;
    let sixth = 1.0 / 6.0;
    let weights = [
        s * s * s * sixth,
        (4.0 - 6.0 * t * t + 3.0 * t * t * t) * sixth,
        (4.0 - 6.0 * s * s + 3.0 * s * s * s) * sixth,
        t * t * t * sixth,
    ];
    (whole as i64 - 1, weights)
}

/// Approximately normal noise: the sum of four uniform 16-bit numbers, standardised.
#[inline]
fn white(counter: u64) -> f32 {
    let bits = scramble(counter);
    let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
    (sum as f32 - 131_070.0) * (1.0 / 37_837.23)
}

/// Standard normal distribution function, to 3·10⁻⁴.
#[inline]
pub(super) fn normal_cdf(x: f32) -> f32 {
    0.5 * (1.0 + (0.797_884_6 * (x + 0.044_715 * x * x * x)).tanh())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_has_mean_zero_and_variance_one() {
        let field = Field::new(3, &[1], [1.0, 0.7, 0.7]);
        let mut values = Vec::new();
        for z in 0..12 {
            let plane = field.plane(f64::from(z) * 5.3);
            for row in 0..40 {
                for column in 0..40 {
                    values.push(f64::from(
                        plane.at(f64::from(row) * 1.53, f64::from(column) * 1.47),
                    ));
                }
            }
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        // 19200 weakly dependent values: five standard errors, tripled for the dependence
        assert!(mean.abs() < 0.11, "{mean}");
        assert!((variance - 1.0).abs() < 0.15, "{variance}");
    }

    #[test]
    fn polar_field_closes() {
        let plane = Field::polar(3, &[2], [1.0, 0.6], 64).plane(0.4);
        let difference = plane.at(4.0, -std::f64::consts::PI) - plane.at(4.0, std::f64::consts::PI);
        assert!(difference.abs() < 1e-4, "{difference}");
    }

    #[test]
    fn normal_cdf_has_the_known_quantiles() {
        for (x, p) in [(0.0, 0.5), (1.644_854, 0.95), (-1.281_552, 0.1)] {
            assert!((normal_cdf(x) - p).abs() < 3e-4);
        }
    }
}
