//! A mask -> the exact Euclidean distance of every pixel to it.

use ndarray::{ArrayD, IxDyn};

use super::grid::Grid;
use crate::{BitMask, Result};

/// Exact Euclidean distance from every pixel to the nearest pixel of the mask.
///
/// ```text
/// D[p] = min over q in mask of sqrt( Σ over axes k of ((p_k − q_k) · spacing_k)² )
/// ```
///
/// 0 on the mask, infinite everywhere if the mask is empty.
///
/// # Shapes
///
/// `mask`: any number of axes; `spacing`: one number per axis, in millimetres or any unit, which is
/// also the unit of the result.
///
/// # Errors
///
/// [`Error::Spacing`](crate::Error::Spacing) unless there is one finite positive spacing per axis.
///
/// # Source
///
/// Lower envelopes of parabolas, Felzenszwalb and Huttenlocher 2012, per axis with its spacing;
/// SciPy `distance_transform_edt` of the complement.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{BitMask, distance_transform};
///
/// let mask = BitMask::from_bools(array![[true, false, false], [false, false, false]].view());
/// let distance = distance_transform(&mask, &[4.0, 3.0])?;
/// assert_eq!(distance.into_dimensionality()?, array![[0.0, 3.0, 6.0], [4.0, 5.0, 52_f64.sqrt()]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn distance_transform(mask: &BitMask, spacing: &[f64]) -> Result<ArrayD<f64>> {
    let grid = Grid::new(mask.shape(), spacing)?;
    let mut squares = squared_along_first(&grid, &mask.pixels());
    for axis in 1..grid.shape.len() {
        envelope_along(&grid, axis, &mut squares);
    }
    let mut distances = squares.into_iter().map(f64::sqrt);
    Ok(ArrayD::from_shape_simple_fn(IxDyn(&grid.shape), || {
        distances.next().unwrap_or(f64::INFINITY)
    }))
}

/// Distance to the nearest of `sources` at each of the pixels `queries`, in their order.
///
/// The last axis is searched outwards from each query only, which is short where outlines are near.
pub(crate) fn distances_at(grid: &Grid, sources: &[bool], queries: &[bool]) -> Vec<f64> {
    let Some(&row) = grid.shape.last() else {
        return Vec::new();
    };
    let axes = grid.shape.len();
    let step = grid.spacing[axes - 1] * grid.spacing[axes - 1];
    let squares = if axes == 1 {
        sources
            .iter()
            .map(|&set| if set { 0.0 } else { f64::INFINITY })
            .collect()
    } else {
        let mut squares = squared_along_first(grid, sources);
        for axis in 1..axes - 1 {
            envelope_along(grid, axis, &mut squares);
        }
        squares
    };
    let mut found = Vec::new();
    for (line, queries) in squares.chunks(row.max(1)).zip(queries.chunks(row.max(1))) {
        for at in (0..queries.len()).filter(|&at| queries[at]) {
            found.push(nearest_in_line(line, at, step).sqrt());
        }
    }
    found
}

/// Least `line[q] + step (q − at)²`.
fn nearest_in_line(line: &[f64], at: usize, step: f64) -> f64 {
    let mut best = line[at];
    let reach = at.max(line.len() - 1 - at);
    for offset in 1..=reach {
        let travelled = step * (offset * offset) as f64;
        if travelled >= best {
            break;
        }
        if offset <= at {
            best = best.min(line[at - offset] + travelled);
        }
        if let Some(beyond) = line.get(at + offset) {
            best = best.min(beyond + travelled);
        }
    }
    best
}

/// Squared distance along the first axis to the nearest set pixel of the same line.
fn squared_along_first(grid: &Grid, pixels: &[bool]) -> Vec<f64> {
    let Some(&extent) = grid.shape.first() else {
        return pixels
            .iter()
            .map(|&set| if set { 0.0 } else { f64::INFINITY })
            .collect();
    };
    let stride = grid.stride(0);
    let far = f64::INFINITY;
    let mut steps: Vec<f64> = pixels
        .iter()
        .map(|&set| if set { 0.0 } else { far })
        .collect();
    for at in 1..extent {
        let (before, rest) = steps.split_at_mut(at * stride);
        let (own, before) = (&mut rest[..stride], &before[(at - 1) * stride..]);
        for (own, before) in own.iter_mut().zip(before) {
            let through = before + 1.0;
            *own = if through < *own { through } else { *own };
        }
    }
    for at in (1..extent).rev() {
        let (rest, after) = steps.split_at_mut(at * stride);
        for (own, after) in rest[(at - 1) * stride..].iter_mut().zip(&after[..stride]) {
            let through = after + 1.0;
            *own = if through < *own { through } else { *own };
        }
    }
    let square = grid.spacing[0] * grid.spacing[0];
    for step in &mut steps {
        *step = square * (*step * *step);
    }
    steps
}

/// Replaces every line along `axis` by the lower envelope of its parabolas.
fn envelope_along(grid: &Grid, axis: usize, squares: &mut [f64]) {
    let (outer, stride) = grid.around(axis);
    let extent = grid.shape[axis];
    let square = grid.spacing[axis] * grid.spacing[axis];
    let mut line = vec![0.0; extent];
    let mut envelope = Envelope::default();
    for block in 0..outer {
        for inner in 0..stride {
            let base = block * extent * stride + inner;
            for (at, value) in line.iter_mut().enumerate() {
                *value = squares[base + at * stride];
            }
            envelope.fit(&line, square);
            if envelope.vertices.is_empty() {
                continue;
            }
            let mut piece = 0;
            for at in 0..extent {
                while envelope
                    .starts
                    .get(piece + 1)
                    .is_some_and(|&start| start <= at as f64)
                {
                    piece += 1;
                }
                let vertex = envelope.vertices[piece];
                let offset = vertex.abs_diff(at);
                squares[base + at * stride] = line[vertex] + square * (offset * offset) as f64;
            }
        }
    }
}

/// The parabolas of a line that are lowest somewhere, and from where on.
#[derive(Default)]
struct Envelope {
    vertices: Vec<usize>,
    starts: Vec<f64>,
}

impl Envelope {
    fn fit(&mut self, line: &[f64], square: f64) {
        self.vertices.clear();
        self.starts.clear();
        for (at, &height) in line.iter().enumerate() {
            if height.is_infinite() {
                continue;
            }
            let mut start = f64::NEG_INFINITY;
            while let Some(&vertex) = self.vertices.last() {
                let (p, q) = (vertex as f64, at as f64);
                start = ((height - line[vertex]) / square + q * q - p * p) / (2.0 * (q - p));
                if self.starts.last().is_some_and(|&before| start <= before) {
                    self.vertices.pop();
                    self.starts.pop();
                    start = f64::NEG_INFINITY;
                } else {
                    break;
                }
            }
            self.vertices.push(at);
            self.starts.push(start);
        }
    }
}
