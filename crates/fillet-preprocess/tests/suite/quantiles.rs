//! Quantiles and histograms against `ndarray-stats`, whose definitions are the same.

use fillet_preprocess::{ContrastMethod, adjust_contrast};
use ndarray::{Array1, Array2, Axis};
use ndarray_stats::histogram::{Bins, Edges, Grid};
use ndarray_stats::interpolate::Linear;
use ndarray_stats::{HistogramExt, QuantileExt};
use proptest::prelude::*;

/// Grey values of an image, whole or not, a third of them 0.
fn image() -> impl Strategy<Value = Array2<f32>> {
    let pixels = prop::collection::vec((0_u16..4096, 0..3_u8, any::<bool>()), 12..200);
    pixels.prop_map(|pixels| {
        let whole = pixels[0].2;
        let values: Vec<f32> = pixels
            .iter()
            .map(|&(level, kind, _)| match kind {
                0 => 0.0,
                _ if whole => f32::from(level),
                _ => f32::from(level) * 0.999,
            })
            .collect();
        Array2::from_shape_vec((1, values.len()), values).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stretching_starts_and_ends_at_the_quantiles_of_ndarray_stats(
        image in image(), lower in 0.0..40.0_f64, upper in 60.0..100.0_f64,
    ) {
        let mut tissue: Array1<f64> = image.iter().filter(|v| **v != 0.0).map(|&v| f64::from(v)).collect();
        prop_assume!(!tissue.is_empty());
        let mut quantile = |percent: f64| {
            let share = (percent / 100.0).try_into().unwrap();
            tissue.quantile_axis_skipnan_mut(Axis(0), share, &Linear).unwrap().into_scalar()
        };
        let (low, high) = (quantile(lower), quantile(upper));
        prop_assume!(high - low > 1.0);
        let ours = adjust_contrast(image.view(), &ContrastMethod::Stretch { lower, upper }).unwrap();
        for (&value, &ours) in image.iter().zip(&ours) {
            let expected = (4095.0 / (high - low) * (f64::from(value) - low)).clamp(0.0, 4095.0);
            // quantiles agree to rounding, which the slope magnifies up to 4095 times
            prop_assert!((f64::from(ours) - expected).abs() < 0.01, "{value}: {ours} {expected}");
        }
    }

    #[test]
    fn equalisation_follows_the_histogram_of_ndarray_stats(image in image()) {
        let levels: Vec<u32> = image.iter().map(|&v| v as u32).collect();
        let bins = Bins::new(Edges::from((0..=4096_u32).collect::<Vec<_>>()));
        let observed = Array2::from_shape_vec((levels.len(), 1), levels.clone()).unwrap();
        let counts = observed.histogram(Grid::from(vec![bins]));
        let counts: Vec<usize> = counts.counts().iter().copied().collect();
        let darkest = counts.iter().copied().find(|&n| n > 0).unwrap();
        prop_assume!(darkest < levels.len());
        let ours = adjust_contrast(image.view(), &ContrastMethod::Equalise).unwrap();
        for (&level, &ours) in levels.iter().zip(&ours) {
            let below: usize = counts[..=level as usize].iter().sum();
            let expected = (below - darkest) as f64 * 4096.0 / (levels.len() - darkest) as f64;
            prop_assert!((f64::from(ours) - expected).abs() < 1e-3, "{level}: {ours} {expected}");
        }
    }
}
