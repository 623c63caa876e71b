//! Grey values -> the best split into two clusters.

/// The largest value of the darker of two clusters, or `None` when all values are equal.
///
/// Two-means in one dimension splits the sorted values at one place; every place is tried, so the
/// result is the global optimum. Among equal optima the darkest place wins.
pub(super) fn two_means_threshold(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let total: f64 = sorted.iter().sum();
    let mut below = 0.0;
    let mut best: Option<(f64, f64)> = None;
    for (index, pair) in sorted.windows(2).enumerate() {
        below += pair[0];
        if pair[0] == pair[1] {
            continue;
        }
        let count = (index + 1) as f64;
        let gap = below / count - (total - below) / (n - count);
        let between = count * (n - count) * gap * gap;
        if best.is_none_or(|(_, most)| between > most) {
            best = Some((pair[0], between));
        }
    }
    best.map(|(threshold, _)| threshold)
}

#[cfg(test)]
mod tests {
    use super::two_means_threshold;

    #[test]
    fn splits_where_the_sum_of_squares_is_least() {
        let values = [0.0, 1.0, 2.0, 10.0, 11.0];
        assert_eq!(two_means_threshold(values.into_iter()), Some(2.0));
    }

    #[test]
    fn constant_and_single_values_have_no_split() {
        assert_eq!(two_means_threshold([3.0; 4].into_iter()), None);
        assert_eq!(two_means_threshold([3.0].into_iter()), None);
    }
}
