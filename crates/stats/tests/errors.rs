//! Degenerate data: every case is a typed error or a documented outcome.

use cam_stats::*;

#[test]
fn messages_name_what_is_wrong() {
    let message = |error: Error| error.to_string();
    assert_eq!(
        message(spearman(&[1.0, 2.0], &[1.0]).unwrap_err()),
        "`x` has 2 values and `y` has 1"
    );
    assert_eq!(
        message(spearman(&[1.0, 2.0], &[1.0, 3.0]).unwrap_err()),
        "a correlation needs at least 3 observations, got 2"
    );
    assert_eq!(
        message(pearson(&[1.0; 4], &[1.0, 2.0, 3.0, 4.0]).unwrap_err()),
        "`x` is constant"
    );
    assert_eq!(
        message(pearson(&[1.0, f64::NAN, 3.0], &[1.0, 2.0, 3.0]).unwrap_err()),
        "`x` is NaN at index 1"
    );
    assert_eq!(
        message(pearson(&[1.0, 2.0, 3.0], &[1.0, 2.0, f64::INFINITY]).unwrap_err()),
        "`y` is inf at index 2"
    );
    assert_eq!(
        message(friedman(&[vec![1.0, 2.0], vec![1.0]]).unwrap_err()),
        "row 1 of `blocks` has 1 values, the first row has 2"
    );
    assert_eq!(
        message(shapiro_wilk(&vec![0.5; 5001]).unwrap_err()),
        "the Shapiro–Wilk test allows at most 5000 observations, got 5001"
    );
    assert_eq!(
        message(adjust_p_values(&[0.1, 1.5], Adjustment::Holm).unwrap_err()),
        "`p_values` must lie in [0, 1], got 1.5"
    );
    assert_eq!(
        message("fisher".parse::<CorrelationInterval>().unwrap_err()),
        "unknown correlation interval `fisher`; one of fisher_z bonett_wright"
    );
    let repeated = [1.0, 2.0, 3.0, 4.0, 5.0];
    let twice = partial_correlation(
        &[1.0, 3.0, 2.0, 5.0, 4.0],
        &[2.0, 1.0, 4.0, 3.0, 6.0],
        &[repeated, repeated],
        &Default::default(),
    );
    assert!(matches!(twice, Err(Error::Singular { column: 1, .. })));
}

#[test]
fn constant_data_are_errors() {
    let flat = [2.0; 5];
    let constant = |name| Error::ConstantInput { name };
    assert_eq!(
        spearman(&[1.0, 2.0, 3.0, 4.0, 5.0], &flat).unwrap_err(),
        constant("y")
    );
    assert_eq!(kendall(&flat, &flat).unwrap_err(), constant("x"));
    assert_eq!(shapiro_wilk(&flat).unwrap_err(), constant("x"));
    assert_eq!(
        kruskal_wallis(&[flat, flat]).unwrap_err(),
        constant("groups")
    );
    assert_eq!(
        one_way_anova(&[flat, flat]).unwrap_err(),
        constant("groups")
    );
    assert_eq!(friedman(&[flat, flat]).unwrap_err(), constant("blocks"));
    assert_eq!(mann_whitney(&flat, &flat).unwrap_err(), constant("x and y"));
    assert!(matches!(
        wilcoxon(&flat, &flat),
        Err(Error::TooFewObservations { .. })
    ));
    assert!(matches!(
        random_intercept(&[flat, flat]),
        Err(Error::ConstantInput { .. })
    ));
}

#[test]
fn nan_policies() {
    let x = [1.0, 2.0, f64::NAN, 4.0, 5.0, 6.0];
    let y = [2.0, 1.0, 4.0, 3.0, f64::NAN, 6.0];
    let run = |nan_policy| {
        spearman_with(
            &x,
            &y,
            &SpearmanOptions {
                nan_policy,
                ..Default::default()
            },
        )
    };
    assert_eq!(
        run(NanPolicy::Raise).unwrap_err(),
        Error::NanInput {
            name: "x",
            index: 2
        }
    );
    assert!(run(NanPolicy::Propagate).unwrap().p_value.is_nan());
    let kept = run(NanPolicy::Omit).unwrap();
    assert_eq!((kept.n, kept.degrees_of_freedom), (4, 2.0));

    let groups = [vec![1.0, 2.0, f64::NAN], vec![3.0, 4.0]];
    assert_eq!(kruskal_wallis_with(&groups, NanPolicy::Omit).unwrap().n, 4);
    assert!(
        kruskal_wallis_with(&groups, NanPolicy::Propagate)
            .unwrap()
            .statistic
            .is_nan()
    );
    let blocks = [
        vec![1.0, 2.0, 3.0],
        vec![1.0, f64::NAN, 2.0],
        vec![2.0, 3.0, 1.0],
    ];
    assert_eq!(friedman_with(&blocks, NanPolicy::Omit).unwrap().blocks, 2);
    let undefined = friedman_with(&blocks, NanPolicy::Propagate).unwrap();
    assert!(undefined.p_value.is_nan());
    assert!(nemenyi_friedman(&undefined).is_err());
    assert!(
        shapiro_wilk_with(&x, NanPolicy::Propagate)
            .unwrap()
            .statistic
            .is_nan()
    );
    assert_eq!(shapiro_wilk_with(&x, NanPolicy::Omit).unwrap().n, 5);
}

#[test]
fn perfect_agreement_has_limits_not_nan() {
    let x = [1.0, 2.0, 3.0, 4.0, 5.0];
    let r = pearson(&x, &x).unwrap();
    assert_eq!((r.statistic, r.p_value, r.t), (1.0, 0.0, f64::INFINITY));
    let interval = r.interval.unwrap();
    assert_eq!((interval.lower, interval.upper), (1.0, 1.0));
    let blocks = [[1.0, 2.0, 3.0]; 4];
    let test = friedman(&blocks).unwrap();
    assert_eq!(
        (test.kendalls_w, test.iman_davenport.statistic),
        (1.0, f64::INFINITY)
    );
    assert_eq!(test.iman_davenport.p_value, 0.0);
    let conover = conover_friedman(&test, Adjustment::Holm).unwrap();
    assert!(conover.pairs.iter().all(|p| p.p_value == 0.0));
    let anova = one_way_anova(&[[1.0, 1.0], [2.0, 2.0]]).unwrap();
    assert_eq!((anova.statistic, anova.p_value), (f64::INFINITY, 0.0));
}

#[test]
fn small_p_values_survive() {
    // r = 0.999 at n = 200: one minus a distribution function would be zero.
    let p = correlation_p_value(0.999, 198.0, Alternative::TwoSided);
    assert!(p > 0.0 && p < 1e-250, "{p:e}");
    let groups: Vec<Vec<f64>> = (0..4)
        .map(|g| (0..200).map(|i| f64::from(g * 1000 + i)).collect())
        .collect();
    let test = kruskal_wallis(&groups).unwrap();
    assert!(
        test.p_value > 0.0 && test.p_value < 1e-150,
        "{:e}",
        test.p_value
    );
}

#[test]
fn huge_and_tiny_values_do_not_overflow() {
    let x = [1e200, 3e200, 2e200, 5e200];
    let y = [1e-200, 3e-200, 2e-200, 4e-200];
    let small = pearson(&[1.0, 3.0, 2.0, 5.0], &[1.0, 3.0, 2.0, 4.0]).unwrap();
    assert!((pearson(&x, &y).unwrap().statistic - small.statistic).abs() < 1e-14);
    let w = shapiro_wilk(&[-1.5e308, 0.1e308, 0.2e308, 1.6e308]).unwrap();
    assert!(w.statistic > 0.5 && w.statistic <= 1.0);
}

#[test]
fn bootstraps_refuse_undefined_statistics() {
    let options = BootstrapOptions {
        resamples: 100,
        ..Default::default()
    };
    let broken = |index: &[usize]| if index[0] == index[1] { f64::NAN } else { 1.0 };
    assert!(matches!(
        bootstrap(5, broken, &options),
        Err(Error::UndefinedStatistic { .. })
    ));
    let one = cluster_bootstrap(&[3, 3, 3], |_| 1.0, &options);
    assert!(matches!(one, Err(Error::TooFewObservations { .. })));
    let steady = bootstrap(5, |_| 2.5, &options).unwrap();
    assert_eq!((steady.interval.lower, steady.interval.upper), (2.5, 2.5));
}

#[test]
fn names_round_trip() {
    for method in Adjustment::ALL {
        assert_eq!(method.to_string().parse::<Adjustment>().unwrap(), *method);
    }
    for method in QuantileMethod::ALL {
        assert_eq!(
            method.to_string().parse::<QuantileMethod>().unwrap(),
            *method
        );
    }
    assert_eq!(
        "two-sided".parse::<Alternative>().unwrap(),
        Alternative::TwoSided
    );
}

#[test]
fn published_comparison_of_dependent_correlations_is_consistent() {
    // A shared r_bc of zero in the covariance: Meng's and Steiger's z nearly agree with Williams's t.
    let run = |method| {
        compare_dependent_correlations(0.5, 0.3, 0.4, 103, method, Alternative::TwoSided, 0.95)
    };
    let williams = run(DependentMethod::Williams).unwrap();
    for method in [DependentMethod::Steiger, DependentMethod::Meng] {
        let z = run(method).unwrap();
        assert!(
            (z.statistic / williams.statistic - 1.0).abs() < 0.05,
            "{method}"
        );
    }
    assert!(williams.interval.contains(0.2));
    let contradiction = compare_dependent_correlations(
        0.9,
        -0.9,
        0.9,
        20,
        DependentMethod::Williams,
        Alternative::TwoSided,
        0.95,
    );
    assert!(matches!(
        contradiction,
        Err(Error::OutOfRange { name: "r_bc", .. })
    ));
    let apart =
        compare_independent_correlations((0.5, 103), (0.5, 50), Alternative::TwoSided, 0.95)
            .unwrap();
    assert_eq!((apart.statistic, apart.p_value), (0.0, 1.0));
}

#[test]
fn caveats_have_codes_and_sentences() {
    let caveat = Caveat::PseudoReplication {
        observations: 4512,
        units: 32,
    };
    assert_eq!(caveat.code(), "pseudo_replication");
    assert_eq!(
        caveat.to_string(),
        "4512 observations come from 32 independent units and are counted as independent"
    );
    let sound = Dual {
        published: 1.0,
        recommended: 1.0,
        caveats: Vec::new(),
    };
    assert!(sound.is_sound());
}
