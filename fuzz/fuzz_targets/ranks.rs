//! Any numbers with any ties: a statistic in its range or a typed error.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let values: Vec<f64> = data.chunks_exact(2).map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]]) / 64)).collect();
    let (x, y) = values.split_at(values.len() / 2);
    if let Ok(outcome) = cam_stats::spearman(&x[..y.len().min(x.len())], &y[..y.len().min(x.len())]) {
        assert!((-1.0..=1.0).contains(&outcome.statistic) && (0.0..=1.0).contains(&outcome.p_value));
    }
    if let Ok(outcome) = cam_stats::kruskal_wallis(&[x, y]) {
        assert!(outcome.statistic >= 0.0 && (0.0..=1.0).contains(&outcome.p_value));
    }
    if let Ok(outcome) = cam_stats::shapiro_wilk(&values) {
        assert!(outcome.statistic <= 1.0 && (0.0..=1.0).contains(&outcome.p_value));
    }
});
