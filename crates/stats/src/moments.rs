//! Means and sums of squares that survive large offsets.

/// Mean by two passes: the second adds the mean of the deviations.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let first = values.iter().sum::<f64>() / n;
    first + values.iter().map(|v| v - first).sum::<f64>() / n
}

/// Deviations from the mean.
pub(crate) fn centred(values: &[f64]) -> Vec<f64> {
    let m = mean(values);
    values.iter().map(|v| v - m).collect()
}

/// Sum of squared deviations, corrected for the rounding of the mean.
///
/// ```text
/// Σ(x − m)² − (Σ(x − m))²/n
/// ```
pub(crate) fn sum_of_squares(values: &[f64]) -> f64 {
    let m = mean(values);
    let mut squares = 0.0;
    let mut rest = 0.0;
    for v in values {
        let d = v - m;
        squares += d * d;
        rest += d;
    }
    squares - rest * rest / values.len() as f64
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut copy = values.to_vec();
    copy.sort_unstable_by(f64::total_cmp);
    copy
}
