//! Heatmap values: `f32` and `f64`, compared as `f64`.

use crate::Comparison;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A heatmap value, `f32` or `f64`.
///
/// Thresholds are `f64`. An `f32` value is widened before it is compared, so a pixel that holds
/// `0.7_f32` (0.699999988…) does not reach the threshold `0.7`, as in the authors' released code.
/// No other type can implement this trait.
pub trait Sample: sealed::Sealed + Copy + PartialOrd + Into<f64> + Send + Sync + 'static {
    /// The value 0.
    const ZERO: Self;

    /// The least value of this type that passes `comparison` with `threshold`.
    fn cut(threshold: f64, comparison: Comparison) -> Self;

    /// The sum of two values.
    #[doc(hidden)]
    fn plus(self, other: Self) -> Self;

    /// These values as `f32`, if that is what they are.
    #[doc(hidden)]
    fn single(values: &[Self]) -> Option<&[f32]>;
}

impl Sample for f32 {
    const ZERO: Self = 0.0;

    fn cut(threshold: f64, comparison: Comparison) -> Self {
        let nearest = threshold as f32;
        let passes = match comparison {
            Comparison::AtLeast => f64::from(nearest) >= threshold,
            Comparison::Above => f64::from(nearest) > threshold,
        };
        if passes { nearest } else { nearest.next_up() }
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }

    fn single(values: &[Self]) -> Option<&[f32]> {
        Some(values)
    }
}

impl Sample for f64 {
    const ZERO: Self = 0.0;

    fn cut(threshold: f64, comparison: Comparison) -> Self {
        match comparison {
            Comparison::AtLeast => threshold,
            Comparison::Above => threshold.next_up(),
        }
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }

    fn single(_: &[Self]) -> Option<&[f32]> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_f32_cut_is_the_least_value_that_passes_in_f64() {
        for tenth in -20..=20 {
            let threshold = f64::from(tenth) / 10.0;
            for comparison in [Comparison::AtLeast, Comparison::Above] {
                let cut = f32::cut(threshold, comparison);
                assert!(comparison.passes(f64::from(cut), threshold), "{threshold}");
                let below = f64::from(cut.next_down());
                assert!(!comparison.passes(below, threshold), "{threshold}");
            }
        }
    }
}
