//! Many scores -> mean, spread and quartiles, with the undefined ones counted.

/// Mean, spread and quartiles of scores, with the undefined (NaN) ones counted, not hidden.
///
/// ```text
/// mean = Σ x / n        sd = sqrt( Σ (x − mean)² / (n − 1) )
/// quantile q: h = (n − 1) q,  x[⌊h⌋] + (h − ⌊h⌋)(x[⌊h⌋ + 1] − x[⌊h⌋])       (type 7)
/// ```
///
/// `n` counts what the numbers are made of: every score but the NaN ones, infinite ones included
/// (an infinite distance makes the mean infinite). With `n = 0` every number is NaN, with `n = 1` or
/// an infinite score `sd` is.
///
/// # Source
///
/// NumPy `mean`, `std(ddof=1)` and `quantile` (method `linear`) of the finite values.
///
/// # Examples
///
/// ```
/// use seg_metrics::Aggregate;
///
/// let ious = Aggregate::of([0.5, 1.0, f64::NAN, 0.75]);
/// assert_eq!((ious.n, ious.n_undefined), (3, 1));
/// assert_eq!((ious.mean, ious.median, ious.sd), (0.75, 0.75, 0.25));
/// assert!(ious.mean_or_nan().is_nan());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Aggregate {
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation with divisor `n − 1`.
    pub sd: f64,
    /// Median.
    pub median: f64,
    /// First quartile.
    pub q1: f64,
    /// Third quartile.
    pub q3: f64,
    /// Least score.
    pub min: f64,
    /// Greatest score.
    pub max: f64,
    /// Number of scores that are not NaN.
    pub n: usize,
    /// Number of scores that are NaN.
    pub n_undefined: usize,
    /// Number of the `n` scores that are infinite.
    pub n_infinite: usize,
}

impl Aggregate {
    /// The aggregate of these scores.
    pub fn of(scores: impl IntoIterator<Item = f64>) -> Self {
        let (mut defined, undefined): (Vec<f64>, Vec<f64>) =
            scores.into_iter().partition(|score| !score.is_nan());
        defined.sort_by(f64::total_cmp);
        let n = defined.len();
        let mean = defined.iter().sum::<f64>() / n as f64;
        let squares: f64 = defined.iter().map(|score| (score - mean).powi(2)).sum();
        let sd = if n < 2 {
            f64::NAN
        } else {
            (squares / (n - 1) as f64).sqrt()
        };
        Self {
            mean,
            sd,
            median: quantile(&defined, 0.5),
            q1: quantile(&defined, 0.25),
            q3: quantile(&defined, 0.75),
            min: defined.first().copied().unwrap_or(f64::NAN),
            max: defined.last().copied().unwrap_or(f64::NAN),
            n,
            n_undefined: undefined.len(),
            n_infinite: defined.iter().filter(|score| score.is_infinite()).count(),
        }
    }

    /// The mean if every score was defined, NaN otherwise (NumPy's `mean` of the same list).
    pub fn mean_or_nan(&self) -> f64 {
        if self.n_undefined == 0 {
            self.mean
        } else {
            f64::NAN
        }
    }
}

impl FromIterator<f64> for Aggregate {
    fn from_iter<I: IntoIterator<Item = f64>>(scores: I) -> Self {
        Self::of(scores)
    }
}

/// Type 7 quantile of sorted values.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let at = last as f64 * q;
    let below = sorted[at as usize];
    let above = sorted[(at as usize + 1).min(last)];
    if below == above {
        below
    } else {
        below + (at - at.floor()) * (above - below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_interpolate_and_infinite_scores_stay() {
        let four = Aggregate::of([4.0, 1.0, 3.0, 2.0]);
        assert_eq!((four.q1, four.median, four.q3), (1.75, 2.5, 3.25));
        assert_eq!((four.min, four.max), (1.0, 4.0));
        let far = Aggregate::of([1.0, f64::INFINITY, f64::INFINITY]);
        assert_eq!((far.n, far.n_infinite, far.median), (3, 2, f64::INFINITY));
        assert_eq!(far.mean, f64::INFINITY);
    }

    #[test]
    fn nothing_defined_is_nan_with_its_count() {
        let none = Aggregate::of([f64::NAN, f64::NAN]);
        assert_eq!((none.n, none.n_undefined), (0, 2));
        assert!(none.mean.is_nan() && none.median.is_nan());
    }
}
