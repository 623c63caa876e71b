//! Tests of groups, blocks and samples against SciPy, statsmodels, scikit-posthocs and pingouin.

mod common;

use cam_stats::*;
use common::{assert_close, fixture, list, number, table};

const REL: f64 = 1e-10;

#[test]
fn kruskal_wallis_anova_and_dunn() {
    let cases = fixture("scipy/groups.json");
    assert_eq!(cases.len(), 300);
    for case in &cases {
        let groups = table(&case["groups"]);
        let (h, f) = (list(&case["h"]), list(&case["f"]));
        let test = kruskal_wallis(&groups).unwrap();
        assert_close(test.statistic, h[0], REL, "H");
        assert_close(test.p_value, h[1], REL, "p of H");
        let anova = one_way_anova(&groups).unwrap();
        assert_close(anova.statistic, f[0], REL, "F");
        assert_close(anova.p_value, f[1], REL, "p of F");
        let dunn = dunn_test(&groups, Adjustment::None).unwrap();
        for (pair, wanted) in dunn.pairs.iter().zip(list(&case["dunn"])) {
            assert_close(pair.p_value, wanted, REL, "Dunn");
        }
    }
}

#[test]
fn friedman_and_what_follows() {
    let cases = fixture("scipy/blocks.json");
    assert_eq!(cases.len(), 300);
    for case in &cases {
        let blocks = table(&case["table"]);
        let chi = list(&case["chi"]);
        let test = friedman(&blocks).unwrap();
        assert_close(test.statistic, chi[0], REL, "chi squared");
        assert_close(test.p_value, chi[1], REL, "p of chi squared");
        let nemenyi = nemenyi_friedman(&test).unwrap();
        for (pair, wanted) in nemenyi.pairs.iter().zip(list(&case["nemenyi"])) {
            // SciPy integrates the studentized range numerically, to about 1e-9.
            assert!(
                (pair.p_value - wanted).abs() < 1e-8,
                "{} {wanted}",
                pair.p_value
            );
        }
        let conover = conover_friedman(&test, Adjustment::None).unwrap();
        for (pair, wanted) in conover.pairs.iter().zip(list(&case["conover"])) {
            // Where all blocks agree, the error is zero and scikit-posthocs divides rounding by it.
            if test.kendalls_w < 1.0 - 1e-12 {
                assert_close(pair.p_value, wanted, 1e-9, "Conover");
            }
        }
        if case["icc"].is_array() {
            let icc = intraclass_correlations(&blocks, 0.95).unwrap();
            let forms = [
                icc.single_one_way,
                icc.single_random,
                icc.single_fixed,
                icc.average_one_way,
                icc.average_random,
                icc.average_fixed,
            ];
            for (form, wanted) in forms.iter().zip(list(&case["icc"])) {
                // Near zero the estimate is a difference of mean squares: absolute error there.
                let got = form.interval.estimate;
                assert!(
                    (got - wanted).abs() <= 1e-9 * wanted.abs().max(1.0),
                    "{got} {wanted}"
                );
            }
            for (form, wanted) in forms.iter().zip(list(&case["icc_p"])) {
                assert_close(form.p_value, wanted, 1e-9, "p of ICC");
            }
        }
    }
}

const QUANTILES: [QuantileMethod; 9] = [
    QuantileMethod::Linear,
    QuantileMethod::InvertedCdf,
    QuantileMethod::AveragedInvertedCdf,
    QuantileMethod::ClosestObservation,
    QuantileMethod::InterpolatedInvertedCdf,
    QuantileMethod::Hazen,
    QuantileMethod::Weibull,
    QuantileMethod::MedianUnbiased,
    QuantileMethod::NormalUnbiased,
];

#[test]
fn shapiro_wilk_quantiles_and_mean() {
    let cases = fixture("scipy/samples.json");
    assert_eq!(cases.len(), 300);
    for case in &cases {
        let x = list(&case["x"]);
        check_shapiro(&x, &list(&case["w"]));
        let sd = describe(&x).unwrap().standard_deviation.unwrap();
        assert_close(sd, number(&case["sd"]), REL, "sd");
        let bounds = list(&case["t"]);
        let mean = mean_interval(&x, 0.9).unwrap().interval;
        assert!((mean.lower - bounds[0]).abs() < 1e-10 * mean.width());
        assert!((mean.upper - bounds[1]).abs() < 1e-10 * mean.width());
        let p = number(&case["p"]);
        for (method, wanted) in QUANTILES.into_iter().zip(list(&case["quantiles"])) {
            let got = quantile(&x, p, method).unwrap();
            assert!(
                (got - wanted).abs() < 1e-10 * (1.0 + wanted.abs()),
                "{method} at {p}"
            );
        }
    }
}

/// SciPy's normal quantile has nine digits: W moves by up to 4e-10 and p by up to 1e-6.
fn check_shapiro(x: &[f64], wanted: &[f64]) {
    let test = shapiro_wilk(x).unwrap_or_else(|e| panic!("{e}"));
    assert!(
        (test.statistic - wanted[0]).abs() < 1e-9,
        "W {} {}",
        test.statistic,
        wanted[0]
    );
    if test.p_value > 1e-90 {
        assert_close(test.p_value, wanted[1], 1e-6, "p of W");
    }
}

#[test]
fn shapiro_wilk_of_large_samples() {
    for case in &fixture("scipy/large_shapiro.json") {
        let n = case["n"].as_u64().unwrap();
        let x: Vec<f64> = (0..n)
            .map(|i| ((i * i * 31 + 17 * i) % 1009) as f64 / 8.0)
            .collect();
        check_shapiro(&x, &list(&case["w"]));
    }
}

#[test]
fn proportions() {
    let cases = fixture("scipy/proportions.json");
    assert_eq!(cases.len(), 300);
    for case in &cases {
        let (x, n) = (case["x"].as_u64().unwrap(), case["n"].as_u64().unwrap());
        let level = number(&case["level"]);
        for &method in ProportionInterval::ALL {
            if method == ProportionInterval::WaldUnclipped {
                continue;
            }
            let wanted = list(&case[method.as_str()]);
            let got = proportion_interval(x, n, level, method).unwrap();
            // Bounds at 0 and 1 are exact here and of the size of rounding in statsmodels.
            assert!(
                (got.lower - wanted[0]).abs() <= 1e-14 + REL * wanted[0],
                "{method} {x}/{n}"
            );
            assert!(
                (got.upper - wanted[1]).abs() <= 1e-14 + REL * wanted[1],
                "{method} {x}/{n}"
            );
        }
    }
}

#[test]
fn adjusted_p_values() {
    let cases = fixture("scipy/adjustments.json");
    assert_eq!(cases.len(), 300);
    for case in &cases {
        let p = list(&case["p"]);
        for &method in Adjustment::ALL {
            let wanted = if method == Adjustment::None {
                &case["p"]
            } else {
                &case[method.as_str()]
            };
            let got = adjust_p_values(&p, method).unwrap();
            for (got, wanted) in got.iter().zip(list(wanted)) {
                assert_close(*got, wanted, REL, method.as_str());
            }
        }
    }
}

/// The reference finds λ by a numerical minimum, which is flat over about 1e-7 of its width.
#[test]
fn random_intercepts() {
    let cases = fixture("scipy/random_intercepts.json");
    assert_eq!(cases.len(), 300);
    for case in &cases {
        let fit = random_intercept(&table(&case["groups"])).unwrap();
        let wanted = list(&case["fit"]);
        let scale = wanted[2] + wanted[3];
        assert!((fit.intercept - wanted[0]).abs() < 1e-6 * scale.sqrt());
        assert!((fit.standard_error - wanted[1]).abs() < 1e-6 * scale.sqrt());
        assert!(
            (fit.group_variance - wanted[2]).abs() < 1e-6 * scale,
            "{fit:?} {wanted:?}"
        );
        assert!((fit.residual_variance - wanted[3]).abs() < 1e-6 * scale);
    }
}

/// SciPy's side is the mean of 16 bootstraps of as many resamples as here, with the standard deviation
/// of one of them; a Student's t of 15 degrees of freedom is beyond 9 once in ten million times.
#[test]
fn bootstrap_intervals() {
    let cases = fixture("scipy/resampling.json");
    assert_eq!(cases.len(), 300);
    let mut sum = 0.0;
    for case in &cases {
        let x = list(&case["x"]);
        let mean = |index: &[usize]| index.iter().map(|&i| x[i]).sum::<f64>() / index.len() as f64;
        for &method in BootstrapInterval::ALL {
            let options = BootstrapOptions {
                resamples: 10_000,
                seed: 3,
                method,
                level: 0.95,
            };
            let got = bootstrap(x.len(), mean, &options).unwrap();
            let wanted = table(&case[method.as_str()]);
            let got = [got.standard_error, got.interval.lower, got.interval.upper];
            for ((got, wanted), spread) in got.iter().zip(&wanted[0]).zip(&wanted[1]) {
                let off = (got - wanted) / (spread * (1.0_f64 + 1.0 / 16.0).sqrt());
                assert!(off.abs() < 9.0, "{method}: {got} {wanted} ± {spread}");
                sum += off;
            }
        }
    }
    // Without bias the 2700 deviations have a mean near 0; those of one case are dependent.
    assert!((sum / 2700.0).abs() < 0.15, "{}", sum / 2700.0);
}

#[test]
fn box_plots() {
    let cases = fixture("scipy/box_plots.json");
    assert_eq!(cases.len(), 300);
    for case in &cases {
        let quartiles = Quartiles::Quantile(QuantileMethod::Linear);
        let plot = box_plot(&list(&case["x"]), quartiles, 1.5).unwrap();
        let got = [
            plot.whisker_low,
            plot.q1,
            plot.median,
            plot.q3,
            plot.whisker_high,
        ];
        for (got, wanted) in got.into_iter().zip(list(&case["box"])) {
            assert_close(got, wanted, REL, "box");
        }
        assert_eq!(plot.outliers, list(&case["fliers"]));
    }
}

#[test]
fn effect_sizes_of_rank_tests() {
    let cases = fixture("scipy/effects.json");
    assert_eq!(cases.len(), 300);
    for case in &cases {
        let blocks = table(&case["table"]);
        let wanted = list(&case["friedman"]);
        let test = friedman(&blocks).unwrap();
        assert_close(test.kendalls_w, wanted[0], REL, "W");
        assert_close(test.iman_davenport.statistic, wanted[1], 1e-9, "F");
        let [x, y] = [0, 1].map(|j| blocks.iter().map(|row| row[j]).collect::<Vec<f64>>());
        let wanted = list(&case["mann_whitney"]);
        let u = mann_whitney(&x, &y).unwrap();
        assert_close(u.rank_biserial, wanted[0], REL, "rank-biserial of U");
        assert_close(u.common_language, wanted[1], REL, "common language");
        let w = wilcoxon(&x, &y).unwrap();
        let wanted = number(&case["wilcoxon"]);
        assert_close(w.rank_biserial, wanted, REL, "rank-biserial of W");
    }
}
