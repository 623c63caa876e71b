use super::{by_falling_value, finite, same_length};
use crate::Result;

/// Pointing game: whether the brightest pixel lies inside the truth or within a tolerance of it.
///
/// ```text
/// hit = 1[ distance(argmax m, truth) <= tolerance ]
/// ```
///
/// Ties go to the first pixel. `None` for an empty truth or a constant map, where there is nothing to point at.
///
/// # Shapes
///
/// - `map`, `truth`: `rows * columns`, row by row
/// - `tolerance`: pixels, Euclidean; 15 in the paper
///
/// # Errors
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) for different sizes;
/// [`Error::NonFinite`](crate::Error::NonFinite).
///
/// # Source
///
/// Zhang et al. 2016 (arXiv 1608.00507), section 4.2.
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::pointing_hit;
/// let (map, truth) = ([0.1, 0.2, 0.9, 0.0], [true, false, false, false]);
/// assert_eq!(pointing_hit(&map, &truth, [2, 2], 0.0)?, Some(false));
/// assert_eq!(pointing_hit(&map, &truth, [2, 2], 1.0)?, Some(true));
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub fn pointing_hit(
    map: &[f32],
    truth: &[bool],
    size: [usize; 2],
    tolerance: f64,
) -> Result<Option<bool>> {
    same_length("map and truth", map.len(), truth.len())?;
    same_length("values of a map and its size", map.len(), size[0] * size[1])?;
    finite(map)?;
    if !truth.contains(&true) || map.iter().all(|v| *v == map[0]) {
        return Ok(None);
    }
    let peak = by_falling_value(map)[0];
    let at = |i: usize| ((i / size[1]) as f64, (i % size[1]) as f64);
    let (row, column) = at(peak);
    let near = |i: usize| {
        let (r, c) = at(i);
        (r - row).hypot(c - column) <= tolerance
    };
    Ok(Some(
        truth
            .iter()
            .enumerate()
            .any(|(i, inside)| *inside && near(i)),
    ))
}

/// Energy-based pointing game: share of the map's sum that lies inside the truth. `None` for a zero map.
///
/// ```text
/// sum_(i inside) m_i / sum_i m_i
/// ```
///
/// # Shapes
///
/// - `map`: values from 0 up; `truth`: as many
///
/// # Errors
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) for different sizes;
/// [`Error::NonFinite`](crate::Error::NonFinite).
///
/// # Source
///
/// Wang et al. 2020 (Score-CAM), section 4.3.
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::energy_inside;
/// assert_eq!(energy_inside(&[0.75, 0.25], &[true, false])?, Some(0.75));
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub fn energy_inside(map: &[f32], truth: &[bool]) -> Result<Option<f64>> {
    same_length("map and truth", map.len(), truth.len())?;
    finite(map)?;
    let total: f64 = map.iter().map(|v| f64::from(*v)).sum();
    let inside: f64 = map
        .iter()
        .zip(truth)
        .filter(|(_, t)| **t)
        .map(|(v, _)| f64::from(*v))
        .sum();
    Ok((total > 0.0).then(|| inside / total))
}
