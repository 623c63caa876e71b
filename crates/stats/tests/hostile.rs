//! Every public function with input no one means: a typed error or finite numbers, never a panic.

use cam_stats::distribution::*;
use cam_stats::*;

const NUMBERS: [f64; 14] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.5,
    f64::MIN_POSITIVE,
    5e-324,
    1e-300,
    f64::MAX,
    f64::MIN,
];

/// Samples that are empty, short, constant, huge, tiny, tied or not of numbers.
fn samples() -> Vec<Vec<f64>> {
    let mut all = vec![
        vec![],
        vec![1.0],
        vec![1.0, 2.0],
        vec![2.0, 1.0, 3.0],
        vec![7.0; 6],
        vec![0.0, -0.0, 0.0, 0.0, 1.0],
        vec![f64::MAX, f64::MIN, f64::MAX, 0.0, 1.0, 2.0],
        vec![1e200, -1e200, 3e200, 2e200, 5e199],
        vec![5e-324, 1e-323, 0.0, 2e-323, 5e-324],
        vec![1e300, 1.0, 1e-300, -1e300, 0.0, 2.0],
        vec![1.0, 1.0 + f64::EPSILON, 1.0 - f64::EPSILON, 1.0],
        (0..40).map(|i| f64::from(i * 7 % 11)).collect(),
    ];
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        all.push(vec![bad]);
        all.push(vec![bad; 5]);
        all.push(vec![1.0, 2.0, bad, 4.0, 3.0]);
    }
    all
}

/// An error says something; a result says nothing that is not a number.
#[track_caller]
fn calm<T: std::fmt::Debug>(what: &str, result: Result<T>) {
    let text = match &result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    };
    assert!(!text.is_empty(), "{what}");
    assert!(result.is_err() || !text.contains("NaN"), "{what}: {text}");
}

/// Options with few permutations.
fn permuting() -> PermutationOptions {
    PermutationOptions {
        permutations: 20,
        seed: 1,
    }
}

#[test]
fn one_sample() {
    for x in &samples() {
        let what = format!("{x:?}");
        calm(&what, shapiro_wilk(x));
        calm(&what, describe(x));
        calm(&what, median(x));
        calm(&what, mid_ranks(x));
        calm(
            &what,
            ResampleMedian::new(x).map(|m| m.of(&vec![0; x.len().min(3)])),
        );
        calm(&what, wilcoxon_differences(x, &WilcoxonOptions::default()));
        calm(&what, sign_flip_test(x, None, &permuting()));
        calm(&what, sign_flip_test(x, Some(&[0, 1, 1]), &permuting()));
        for &p in &NUMBERS {
            calm(&what, mean_interval(x, p));
            calm(&what, box_plot(x, Quartiles::Hinges, p));
            for &method in QuantileMethod::ALL {
                calm(&what, quantile(x, p, method));
                calm(&what, box_plot(x, Quartiles::Quantile(method), p));
            }
        }
        for &method in Adjustment::ALL {
            calm(&what, adjust_p_values(x, method));
        }
        for policy in [NanPolicy::Omit, NanPolicy::Raise] {
            calm(&what, shapiro_wilk_with(x, policy));
        }
        // The statistic itself may overflow; what comes back is then an error.
        let mean = |index: &[usize]| index.iter().map(|&i| x[i]).sum::<f64>() / index.len() as f64;
        for &method in BootstrapInterval::ALL {
            let options = BootstrapOptions {
                resamples: 20,
                method,
                ..BootstrapOptions::default()
            };
            let _ = bootstrap(x.len(), mean, &options);
            let fish: Vec<usize> = (0..x.len()).map(|i| i / 2).collect();
            let _ = cluster_bootstrap(&fish, mean, &options);
            let _ = hierarchical_bootstrap(&fish, mean, &options);
        }
        let _ = permutation_test(x.len(), None, |order| x[order[0]], &permuting());
    }
}

#[test]
fn two_samples() {
    let all = samples();
    for x in &all {
        for y in &all {
            let what = format!("{x:?} {y:?}");
            for method in [
                SpearmanMethod::T,
                SpearmanMethod::Exact,
                SpearmanMethod::As89,
                SpearmanMethod::Auto,
                SpearmanMethod::Permutation {
                    permutations: 20,
                    seed: 1,
                },
            ] {
                for &alternative in Alternative::ALL {
                    let options = SpearmanOptions {
                        method,
                        alternative,
                        ..SpearmanOptions::default()
                    };
                    calm(&what, spearman_with(x, y, &options).map(|r| r.p_value));
                }
            }
            calm(&what, pearson(x, y).map(|r| (r.statistic, r.p_value)));
            calm(&what, linear_fit(x, y));
            for &method in KendallMethod::ALL {
                for &variant in KendallVariant::ALL {
                    let options = KendallOptions {
                        method,
                        variant,
                        ..KendallOptions::default()
                    };
                    calm(&what, kendall_with(x, y, &options).map(|r| r.p_value));
                }
            }
            for method in [
                RankTestMethod::Auto,
                RankTestMethod::Exact,
                RankTestMethod::Asymptotic { continuity: true },
            ] {
                let options = MannWhitneyOptions {
                    method,
                    ..MannWhitneyOptions::default()
                };
                calm(&what, mann_whitney_with(x, y, &options));
                for &zero_method in ZeroMethod::ALL {
                    let options = WilcoxonOptions {
                        method,
                        zero_method,
                        ..WilcoxonOptions::default()
                    };
                    calm(&what, wilcoxon_with(x, y, &options));
                }
            }
            calm(
                &what,
                partial_correlation(x, y, &[x], &PartialOptions::default()),
            );
            calm(
                &what,
                partial_correlation(x, y, &[] as &[Vec<f64>], &PartialOptions::default()),
            );
            let strata: Vec<usize> = (0..x.len()).map(|i| i % 2).collect();
            let _ = stratified_spearman(x, y, &strata, &StratifiedOptions::default());
            calm(
                &what,
                max_t(
                    &[x],
                    y,
                    &MaxTOptions {
                        permutations: 20,
                        ..MaxTOptions::default()
                    },
                )
                .map(|r| r.entries),
            );
        }
    }
}

#[test]
fn groups_and_tables() {
    let all = samples();
    for x in &all {
        for y in &all {
            for table in [vec![], vec![x], vec![x, y], vec![x, y, x], vec![x, x, y, y]] {
                let what = format!("{table:?}");
                calm(&what, kruskal_wallis(&table));
                calm(&what, one_way_anova(&table));
                calm(&what, dunn_test(&table, Adjustment::Holm));
                calm(&what, intraclass_correlations(&table, 0.95));
                calm(&what, random_intercept(&table));
                let test = friedman(&table);
                if let Ok(test) = &test {
                    calm(&what, nemenyi_friedman(test));
                    calm(&what, conover_friedman(test, Adjustment::Holm));
                }
                calm(&what, test);
            }
        }
    }
}

#[test]
fn numbers_in_place_of_data() {
    for &a in &NUMBERS {
        for &b in &NUMBERS {
            let what = format!("{a} {b}");
            for n in [0, 1, 2, 3, 4, 32, 100_000] {
                for &kind in CorrelationInterval::ALL {
                    calm(&what, correlation_interval(a, n, b, kind));
                }
                calm(&what, critical_correlation(n, a));
                calm(&what, kruskal_effect(a, n, 3));
                calm(&what, kruskal_effect(a, 3, n));
                calm(&what, design_effect(a, &[n.min(1000), 3]));
                for &method in DependentMethod::ALL {
                    calm(
                        &what,
                        compare_dependent_correlations(
                            a,
                            b,
                            0.3,
                            n,
                            method,
                            Alternative::TwoSided,
                            0.95,
                        ),
                    );
                    calm(
                        &what,
                        compare_dependent_correlations(
                            0.1,
                            0.2,
                            a,
                            n,
                            method,
                            Alternative::Greater,
                            b,
                        ),
                    );
                }
                calm(
                    &what,
                    compare_independent_correlations((a, n), (0.2, 20), Alternative::Less, b),
                );
                calm(&what, spearman_tails_exact(a, n));
                calm(&what, spearman_tails_as89(a, n));
            }
            for (count, n) in [(0, 0), (1, 0), (0, 5), (5, 5), (7, 5), (10, 100_000)] {
                for &method in ProportionInterval::ALL {
                    calm(
                        &format!("{what} {method} {count}/{n}"),
                        proportion_interval(count, n, a, method),
                    );
                }
                calm(&what, wald_half_width(count, n, a));
            }
            calm(&what, kruskal_effect(a, usize::MAX, usize::MAX));
            // Series and fractions are long for degrees of freedom beyond all data.
            if a.abs() > 1e6 || b.abs() > 1e6 {
                continue;
            }
            // Probabilities lie in [0, 1]; a question without an answer gets NaN.
            for (name, value) in [
                ("normal_cdf", normal_cdf(a)),
                ("normal_sf", normal_sf(a)),
                ("chi_squared_cdf", chi_squared_cdf(a, b)),
                ("chi_squared_sf", chi_squared_sf(a, b)),
                ("student_t_sf", student_t_sf(a, b)),
                ("student_t_cdf", student_t_cdf(a, b)),
                ("beta_cdf", beta_cdf(a, b, 2.0)),
                ("beta_cdf", beta_cdf(0.3, a, b)),
                ("beta_sf", beta_sf(0.3, a, b)),
                ("beta_quantile", beta_quantile(0.3, a, b)),
                ("beta_quantile", beta_quantile(a, b, 1.5)),
                ("f_sf", f_sf(a, b, 3.0)),
                ("f_sf", f_sf(2.0, a, b)),
                (
                    "correlation_p_value",
                    correlation_p_value(a, b, Alternative::TwoSided),
                ),
            ] {
                assert!(
                    value.is_nan() || (0.0..=1.0).contains(&value),
                    "{name} {what}: {value}"
                );
            }
            for value in [f_quantile(a, b, 3.0), f_quantile(0.3, a, b)] {
                assert!(value.is_nan() || value >= 0.0, "{what}: {value}");
            }
            // Monotone where they answer.
            let (low, high) = (student_t_quantile(a, b), student_t_quantile(1.0, b));
            assert!(low.is_nan() || high.is_nan() || low <= high, "{what}");
            assert!(
                normal_quantile(a).is_nan() || (0.0..=1.0).contains(&a),
                "{what}"
            );
        }
        for k in [0, 1, 2, 60] {
            calm(&format!("{k} {a}"), nemenyi_critical_difference(k, 5, a));
            let p = studentized_range_sf(a, k);
            assert!(p.is_nan() || (0.0..=1.0).contains(&p), "{a} {k}: {p}");
            let q = studentized_range_isf(a, k);
            assert!(q.is_nan() || q >= 0.0, "{a} {k}: {q}");
        }
    }
}
