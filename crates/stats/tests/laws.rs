//! Laws that hold for any data.

use cam_stats::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Values with ties, at least two of them different.
fn tied(size: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec((-6i32..6).prop_map(f64::from), size)
        .prop_filter("not constant", |v| v.iter().any(|x| *x != v[0]))
}

/// Pairs of such samples.
fn pairs() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    (4usize..20).prop_flat_map(|n| (tied(n), tied(n)))
}

fn groups() -> impl Strategy<Value = Vec<Vec<f64>>> {
    proptest::collection::vec(tied(2..8), 2..5)
}

fn blocks() -> impl Strategy<Value = Vec<Vec<f64>>> {
    (2usize..5).prop_flat_map(|k| proptest::collection::vec(tied(k), 2..9))
}

fn close(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-9 * (1.0 + a.abs())
}

fn increasing(x: &[f64]) -> Vec<f64> {
    x.iter().map(|v| (v / 2.0).exp() + v).collect()
}

proptest! {
    #[test]
    fn correlations_are_symmetric_and_bounded((x, y) in pairs()) {
        let (a, b) = (spearman(&x, &y)?, spearman(&y, &x)?);
        prop_assert!(close(a.statistic, b.statistic) && close(a.p_value, b.p_value));
        let (r, s) = (pearson(&x, &y)?, pearson(&y, &x)?);
        prop_assert!(close(r.statistic, s.statistic) && close(r.p_value, s.p_value));
        let (k, l) = (kendall(&x, &y)?, kendall(&y, &x)?);
        prop_assert!(close(k.statistic, l.statistic) && close(k.p_value, l.p_value));
        for (r, p) in [(a.statistic, a.p_value), (r.statistic, r.p_value), (k.statistic, k.p_value)] {
            prop_assert!((-1.0..=1.0).contains(&r) && (0.0..=1.0).contains(&p));
        }
        let interval = a.interval.ok_or_else(|| TestCaseError::fail("no interval"))?;
        prop_assert!(interval.lower <= a.statistic && a.statistic <= interval.upper);
    }

    #[test]
    fn rank_correlations_ignore_monotone_maps((x, y) in pairs()) {
        prop_assert_eq!(spearman(&x, &y)?.statistic, spearman(&increasing(&x), &y)?.statistic);
        prop_assert_eq!(kendall(&x, &y)?.statistic, kendall(&x, &increasing(&y))?.statistic);
        let falling: Vec<f64> = y.iter().map(|v| -v).collect();
        prop_assert!(close(spearman(&x, &y)?.statistic, -spearman(&x, &falling)?.statistic));
        let up = SpearmanOptions { alternative: Alternative::Greater, ..Default::default() };
        let down = SpearmanOptions { alternative: Alternative::Less, ..Default::default() };
        let (p, q) = (spearman_with(&x, &y, &up)?, spearman_with(&x, &falling, &down)?);
        prop_assert!(close(p.p_value, q.p_value));
    }

    #[test]
    fn pearson_ignores_scale_and_offset((x, y) in pairs(), a in 0.1f64..10.0, b in -50.0f64..50.0) {
        let moved: Vec<f64> = x.iter().map(|v| a * v + b).collect();
        prop_assert!(close(pearson(&x, &y)?.statistic, pearson(&moved, &y)?.statistic));
    }

    #[test]
    fn kendall_counts_all_pairs((x, y) in pairs()) {
        let result = kendall(&x, &y)?;
        let (mut concordant, mut discordant) = (0, 0);
        for i in 0..x.len() {
            for j in 0..i {
                let sign = (x[i] - x[j]) * (y[i] - y[j]);
                concordant += u64::from(sign > 0.0);
                discordant += u64::from(sign < 0.0);
            }
        }
        prop_assert_eq!((result.concordant, result.discordant), (concordant, discordant));
    }

    #[test]
    fn ranks_add_up(x in tied(1..30)) {
        let ranks = mid_ranks(&x)?;
        let n = x.len() as f64;
        prop_assert_eq!(ranks.iter().sum::<f64>(), n * (n + 1.0) / 2.0);
        prop_assert_eq!(mid_ranks(&increasing(&x))?, ranks);
    }

    #[test]
    fn kruskal_wallis_ignores_labels_and_monotone_maps(groups in groups()) {
        let test = kruskal_wallis(&groups)?;
        let mut turned = groups.clone();
        turned.rotate_left(1);
        prop_assert!(close(test.statistic, kruskal_wallis(&turned)?.statistic));
        let mapped: Vec<Vec<f64>> = groups.iter().map(|g| increasing(g)).collect();
        prop_assert!(close(test.statistic, kruskal_wallis(&mapped)?.statistic));
        prop_assert!((0.0..=1.0 + 1e-12).contains(&test.effect.epsilon_squared));
        prop_assert!((0.0..=1.0).contains(&test.p_value));
    }

    #[test]
    fn two_groups_of_kruskal_wallis_are_mann_whitney((x, y) in pairs()) {
        let h = kruskal_wallis(&[&x, &y]);
        let options = MannWhitneyOptions {
            method: RankTestMethod::Asymptotic { continuity: false },
            ..Default::default()
        };
        prop_assert!(close(h?.p_value, mann_whitney_with(&x, &y, &options)?.p_value));
        let forward = mann_whitney(&x, &y)?;
        let backward = mann_whitney(&y, &x)?;
        prop_assert_eq!(forward.statistic + backward.statistic, (x.len() * y.len()) as f64);
        prop_assert!(close(forward.rank_biserial, -backward.rank_biserial));
    }

    #[test]
    fn friedman_ignores_labels_and_keeps_w_in_range(blocks in blocks()) {
        let test = friedman(&blocks)?;
        let mut turned = blocks.clone();
        turned.reverse();
        for row in &mut turned {
            row.rotate_left(1);
        }
        prop_assert!(close(test.statistic, friedman(&turned)?.statistic));
        prop_assert!((0.0..=1.0).contains(&test.kendalls_w));
        prop_assert!((0.0..=1.0).contains(&test.p_value));
        let mapped: Vec<Vec<f64>> = blocks.iter().map(|b| increasing(b)).collect();
        prop_assert_eq!(&test, &friedman(&mapped)?);
    }

    #[test]
    fn exact_rank_tests_have_tails_that_cover(x in tied(3..9), y in tied(3..9)) {
        let p = |alternative| {
            let method = RankTestMethod::Exact;
            let options = MannWhitneyOptions { method, alternative, ..Default::default() };
            mann_whitney_with(&x, &y, &options).map(|r| r.p_value)
        };
        // Both tails contain the observation itself.
        let (less, greater) = (p(Alternative::Less), p(Alternative::Greater));
        prop_assume!(less.is_ok());
        prop_assert!(less? + greater? > 1.0);
    }

    #[test]
    fn adjustments_are_ordered(p in proptest::collection::vec(0.0f64..=1.0, 1..15)) {
        let get = |method| adjust_p_values(&p, method);
        let (bonferroni, holm) = (get(Adjustment::Bonferroni)?, get(Adjustment::Holm)?);
        let (hochberg, hommel) = (get(Adjustment::Hochberg)?, get(Adjustment::Hommel)?);
        let bh = get(Adjustment::BenjaminiHochberg)?;
        let by = get(Adjustment::BenjaminiYekutieli)?;
        let below = |a: f64, b: f64| a <= b * (1.0 + 1e-12);
        for i in 0..p.len() {
            prop_assert!(below(p[i], hommel[i]) && below(hommel[i], hochberg[i]));
            prop_assert!(below(hochberg[i], holm[i]) && below(holm[i], bonferroni[i]));
            prop_assert!(below(p[i], bh[i]) && below(bh[i], by[i]) && below(bh[i], hochberg[i]));
            for j in 0..p.len() {
                prop_assert!(p[i] > p[j] || (holm[i] <= holm[j] && hommel[i] <= hommel[j]));
            }
        }
    }

    #[test]
    fn quantiles_rise_with_p(x in tied(1..20), p in 0.0f64..=1.0, q in 0.0f64..=1.0) {
        for &method in QuantileMethod::ALL {
            let (low, high) = (quantile(&x, p.min(q), method)?, quantile(&x, p.max(q), method)?);
            let s = describe(&x)?;
            prop_assert!(s.minimum <= low && low <= high && high <= s.maximum);
        }
        let plot = box_plot(&x, Quartiles::Hinges, 1.5)?;
        prop_assert!(plot.whisker_low <= plot.q1 && plot.q1 <= plot.median);
        prop_assert!(plot.median <= plot.q3 && plot.q3 <= plot.whisker_high);
    }

    #[test]
    fn medians_of_resamples_are_medians(
        x in tied(1..12), picks in proptest::collection::vec(0usize..1000, 1..30)
    ) {
        let index: Vec<usize> = picks.iter().map(|i| i % x.len()).collect();
        let copy: Vec<f64> = index.iter().map(|&i| x[i]).collect();
        let wanted = quantile(&copy, 0.5, QuantileMethod::Linear)?;
        prop_assert_eq!(median(&copy)?, wanted);
        prop_assert_eq!(ResampleMedian::new(&x)?.of(&index), wanted);
    }

    #[test]
    fn proportion_intervals_contain_and_mirror(n in 1u64..300, share in 0.0f64..=1.0) {
        let x = (share * n as f64).round() as u64;
        for &method in ProportionInterval::ALL {
            let (a, b) = (
                proportion_interval(x, n, 0.95, method)?,
                proportion_interval(n - x, n, 0.95, method)?,
            );
            prop_assert!((a.lower + b.upper - 1.0).abs() < 1e-12);
            // Jeffreys' equal tails leave out the estimate at 0 and n.
            if method != ProportionInterval::Jeffreys || (x > 0 && x < n) {
                prop_assert!(a.lower <= a.estimate + 1e-15 && a.estimate <= a.upper + 1e-15);
            }
        }
    }

    #[test]
    fn analysis_of_variance_of_two_groups_is_the_t_test((x, y) in pairs()) {
        let anova = one_way_anova(&[&x, &y]);
        prop_assume!(anova.as_ref().is_ok_and(|a| a.sum_of_squares_within > 0.0));
        let anova = anova?;
        let code: Vec<f64> =
            x.iter().map(|_| 0.0).chain(y.iter().map(|_| 1.0)).collect();
        let pooled: Vec<f64> = x.iter().chain(&y).copied().collect();
        let r = pearson(&code, &pooled)?;
        prop_assert!(close(anova.p_value, r.p_value) && close(anova.eta_squared, r.statistic.powi(2)));
    }

    #[test]
    fn permutation_p_values_are_never_zero((x, y) in pairs(), seed in 0u64..1000) {
        let method = SpearmanMethod::Permutation { permutations: 99, seed };
        let p = spearman_with(&x, &y, &SpearmanOptions { method, ..Default::default() })?.p_value;
        prop_assert!((0.01..=1.0).contains(&p));
        let table = max_t(&[&x, &y], &y, &MaxTOptions { permutations: 99, seed, ..Default::default() })?;
        for entry in &table.entries {
            prop_assert!(entry.p_value <= entry.p_step_down && entry.p_step_down <= entry.p_adjusted);
        }
    }

    #[test]
    fn dependent_comparisons_turn_their_sign(
        r in -0.6f64..0.6, s in -0.6f64..0.6, t in -0.2f64..0.2, n in 5usize..60
    ) {
        for &method in DependentMethod::ALL {
            let run = |a, b| compare_dependent_correlations(
                a, b, t, n, method, Alternative::TwoSided, 0.9);
            let (forward, backward) = (run(r, s)?, run(s, r)?);
            prop_assert!(close(forward.statistic, -backward.statistic));
            prop_assert!(close(forward.p_value, backward.p_value));
            prop_assert!(close(forward.interval.lower, -backward.interval.upper));
        }
    }
}

#[test]
fn exact_spearman_counts_every_ordering() {
    for n in 2..=7usize {
        let mut sums = Vec::new();
        orderings(&mut (0..n).collect::<Vec<_>>(), 0, &mut |order| {
            let s: usize = order
                .iter()
                .enumerate()
                .map(|(i, v)| i.abs_diff(*v).pow(2))
                .sum();
            sums.push(s as f64);
        });
        for s in sums.iter().map(|s| *s as u64).collect::<BTreeSet<_>>() {
            let s = s as f64;
            let tails = spearman_tails_exact(s, n).unwrap();
            let count = sums.len() as f64;
            let at_most = sums.iter().filter(|v| **v <= s).count() as f64;
            let at_least = sums.iter().filter(|v| **v >= s).count() as f64;
            assert_eq!(
                (tails.greater, tails.less),
                (at_most / count, at_least / count),
                "{n} {s}"
            );
        }
    }
}

fn orderings(items: &mut [usize], from: usize, visit: &mut dyn FnMut(&[usize])) {
    if from == items.len() {
        return visit(items);
    }
    for i in from..items.len() {
        items.swap(from, i);
        orderings(items, from + 1, visit);
        items.swap(from, i);
    }
}

/// AS 89 is an Edgeworth series, good to about 1e-3 at n = 12 and to 5e-4 at n = 16.
#[test]
fn as89_approaches_the_exact_distribution() {
    for (n, error) in [(12usize, 1e-3), (16, 5e-4)] {
        for part in 1..20 {
            let s = (n * (n * n - 1) / 3 * part / 40 * 2) as f64;
            let exact = spearman_tails_exact(s, n).unwrap();
            let series = spearman_tails_as89(s, n).unwrap();
            assert!((exact.greater - series.greater).abs() < error, "{n} {s}");
            assert!((exact.less - series.less).abs() < error, "{n} {s}");
        }
    }
}
