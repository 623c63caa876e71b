use crate::layer::{mean, narrow};
use crate::semantics::{EigenRule, EigenSign};
use crate::{CamRule, Layer, RawMap, Result};

/// Eigen-CAM: the activations projected on their first principal direction.
///
/// ```text
/// A = U S V^T  (cells x channels)        M = A V_1
/// ```
///
/// # Source
///
/// Muhammad and Yeasin 2020, Eq. 5; centring as in pytorch-grad-cam. A singular vector has no sign: it is
/// chosen by the semantics, where peers leave it to chance (pytorch-grad-cam issue 364).
pub(crate) struct EigenCam(pub(crate) EigenRule);

impl CamRule for EigenCam {
    fn name(&self) -> &str {
        "eigen_cam"
    }

    fn needs_gradients(&self) -> bool {
        false
    }

    fn map(&self, layer: &Layer<'_>) -> Result<RawMap> {
        let columns = layer
            .activations()
            .map(|a| a.iter().map(|v| f64::from(*v)).collect());
        Ok(first_component(columns.collect(), &self.0))
    }
}

/// Eigen-CAM of gradient times activation.
///
/// # Source
///
/// pytorch-grad-cam's `EigenGradCAM`.
pub(crate) struct EigenGradCam(pub(crate) EigenRule);

impl CamRule for EigenGradCam {
    fn name(&self) -> &str {
        "eigen_grad_cam"
    }

    fn map(&self, layer: &Layer<'_>) -> Result<RawMap> {
        let columns = layer.activations().zip(layer.gradients()?).map(|(a, g)| {
            a.iter()
                .zip(g)
                .map(|(a, g)| f64::from(*a) * f64::from(*g))
                .collect()
        });
        Ok(first_component(columns.collect(), &self.0))
    }
}

/// Iterations after which the direction is taken as it is.
const ITERATIONS: usize = 5000;
/// Change of the unit vector below which it counts as found.
const SETTLED: f64 = 1e-13;

/// Projection of the rows (cells) on the first right singular vector; `columns` are channels.
pub(crate) fn first_component(mut columns: Vec<Vec<f64>>, rule: &EigenRule) -> RawMap {
    let cells = columns.first().map_or(0, Vec::len);
    if rule.centre {
        for c in &mut columns {
            let centre = mean(c.iter().copied(), c.len());
            c.iter_mut().for_each(|v| *v -= centre);
        }
    }
    // to the order of 1, so that squares neither overflow nor vanish
    let peak = columns.iter().flatten().fold(0f64, |m, v| m.max(v.abs()));
    if peak == 0.0 {
        return RawMap {
            values: vec![0.0; cells],
            weights: Some(vec![0.0; columns.len()]),
        };
    }
    columns.iter_mut().flatten().for_each(|v| *v /= peak);

    let direction = if columns.len() <= cells {
        leading_eigenvector(&gram(&columns), columns.len())
    } else {
        let rows: Vec<Vec<f64>> = (0..cells)
            .map(|i| columns.iter().map(|c| c[i]).collect())
            .collect();
        let left = leading_eigenvector(&gram(&rows), cells);
        let mut v: Vec<f64> = columns.iter().map(|c| dot(c, &left)).collect();
        scale_to_unit(&mut v);
        v
    };
    let mut map = vec![0f64; cells];
    for (c, v) in columns.iter().zip(&direction) {
        map.iter_mut().zip(c).for_each(|(m, a)| *m += a * v * peak);
    }
    let sign = match rule.sign {
        EigenSign::PositiveSum => map.iter().sum::<f64>(),
        EigenSign::PositivePeak => map
            .iter()
            .fold(0f64, |m, v| if v.abs() > m.abs() { *v } else { m }),
    };
    let sign = if sign < 0.0 { -1.0 } else { 1.0 };
    map.iter_mut().for_each(|v| *v *= sign);
    let direction: Vec<f64> = direction.iter().map(|v| v * sign).collect();
    RawMap {
        values: narrow(&map),
        weights: Some(narrow(&direction)),
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn scale_to_unit(v: &mut [f64]) {
    let norm = dot(v, v).sqrt();
    if norm > 0.0 {
        v.iter_mut().for_each(|x| *x /= norm);
    }
}

fn gram(vectors: &[Vec<f64>]) -> Vec<f64> {
    let n = vectors.len();
    let mut g = vec![0f64; n * n];
    for i in 0..n {
        for j in 0..=i {
            let d = dot(&vectors[i], &vectors[j]);
            g[i * n + j] = d;
            g[j * n + i] = d;
        }
    }
    g
}

/// Power iteration on a positive semi-definite matrix, from its largest column.
fn leading_eigenvector(matrix: &[f64], n: usize) -> Vec<f64> {
    let largest = (0..n).fold(0, |best, i| {
        if matrix[i * n + i] > matrix[best * n + best] {
            i
        } else {
            best
        }
    });
    let mut v: Vec<f64> = matrix[largest * n..(largest + 1) * n].to_vec();
    scale_to_unit(&mut v);
    for _ in 0..ITERATIONS {
        let mut next: Vec<f64> = matrix.chunks_exact(n).map(|row| dot(row, &v)).collect();
        scale_to_unit(&mut next);
        let change = next
            .iter()
            .zip(&v)
            .fold(0f64, |m, (a, b)| m.max((a - b).abs()));
        v = next;
        if change < SETTLED {
            break;
        }
    }
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_one_matrix_is_its_own_map() {
        let shape = [1.0, -2.0, 3.0, 0.5];
        let columns: Vec<Vec<f64>> = [2.0, -1.0, 0.0]
            .iter()
            .map(|w| shape.iter().map(|s| s * w).collect())
            .collect();
        for sign in [EigenSign::PositiveSum, EigenSign::PositivePeak] {
            let map = first_component(
                columns.clone(),
                &EigenRule {
                    centre: false,
                    sign,
                },
            );
            let norm = 5f64.sqrt();
            for (m, s) in map.values.iter().zip(shape) {
                assert!((f64::from(*m) - s * norm).abs() < 1e-6, "{m} {s}");
            }
        }
    }

    #[test]
    fn both_sides_of_the_decomposition_agree() {
        let wide: Vec<Vec<f64>> = (0..7)
            .map(|k| (0..3).map(|i| ((k * 3 + i * 5) % 11) as f64).collect())
            .collect();
        let rule = EigenRule {
            centre: true,
            sign: EigenSign::PositivePeak,
        };
        let few_cells = first_component(wide.clone(), &rule);
        // cells of zeros change the Gram side that is used, not the direction, when nothing is centred
        let rule = EigenRule {
            centre: false,
            ..rule
        };
        let a = first_component(wide.clone(), &rule);
        let long: Vec<Vec<f64>> = wide
            .iter()
            .map(|c| c.iter().copied().chain([0.0; 9]).collect())
            .collect();
        let b = first_component(long, &rule);
        for (x, y) in a.values.iter().zip(&b.values) {
            assert!((x - y).abs() < 1e-5, "{x} {y}");
        }
        assert!(few_cells.values.iter().sum::<f32>().abs() < 1e-4);
    }
}
