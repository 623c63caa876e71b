//! Maps to [0, 1] without 0/0.

use crate::semantics::{Normalise, Pixels};

/// Smallest and largest value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    pub(crate) min: f32,
    pub(crate) max: f32,
}

impl Range {
    pub(crate) fn of<'a>(values: impl IntoIterator<Item = &'a f32>) -> Self {
        values.into_iter().fold(
            Self {
                min: f32::INFINITY,
                max: f32::NEG_INFINITY,
            },
            |r, v| Self {
                min: r.min.min(*v),
                max: r.max.max(*v),
            },
        )
    }

    pub(crate) fn width(self) -> f32 {
        self.max - self.min
    }
}

/// `(x - min) / (max - min + epsilon)`, clamped to [0, 1]; zeros where the range is empty.
pub(crate) fn min_max(map: &mut [f32], range: Range, epsilon: f64) {
    let width = f64::from(range.max) - f64::from(range.min);
    if width.is_nan() || width <= 0.0 {
        map.fill(0.0);
        return;
    }
    let (min, scale) = (f64::from(range.min), width + epsilon);
    for v in map {
        *v = ((f64::from(*v) - min) / scale).clamp(0.0, 1.0) as f32;
    }
}

/// Normalises a map over all its pixels, or over those of a region where the semantics ask for it.
pub(crate) fn normalise(map: &mut [f32], rule: &Normalise, region: Option<&[bool]>) {
    let range = match (rule.pixels, region) {
        (Pixels::Region, Some(region)) => Range::of(
            map.iter()
                .zip(region)
                .filter(|(_, inside)| **inside)
                .map(|(v, _)| v),
        ),
        _ => Range::of(map.iter()),
    };
    min_max(map, range, rule.epsilon);
}

/// Sets negative values to zero.
pub(crate) fn rectify(map: &mut [f32]) {
    for v in map {
        *v = v.max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::NormaliseAt;

    #[test]
    fn a_constant_map_becomes_zero_and_a_region_sets_the_scale() {
        let mut flat = [3.0f32; 4];
        let rule = Normalise {
            at: NormaliseAt::AfterResize,
            epsilon: 0.0,
            pixels: Pixels::Region,
        };
        normalise(&mut flat, &rule, None);
        assert_eq!(flat, [0.0; 4]);
        let mut map = [-1.0f32, 2.0, 4.0, 9.0];
        normalise(&mut map, &rule, Some(&[false, true, true, false]));
        assert_eq!(map, [0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn a_range_beyond_f32_stays_finite() {
        let mut map = [-f32::MAX, 0.0, f32::MAX];
        let range = Range::of(&map);
        min_max(&mut map, range, 0.0);
        assert_eq!(map, [0.0, 0.5, 1.0]);
    }
}
