//! Correlations and two-sample tests against SciPy and pingouin.
//!
//! Fixtures carry 12 digits; 1e-10 leaves room for the references' own rounding.

mod common;

use cam_stats::*;
use common::{assert_close, fixture, list, number, table};

const REL: f64 = 1e-10;

#[test]
fn correlations() {
    let cases = fixture("scipy/correlations.json");
    assert_eq!(cases.len(), 300);
    for case in &cases {
        let (x, y) = (list(&case["x"]), list(&case["y"]));
        assert_close(
            spearman(&x, &y).unwrap().statistic,
            number(&case["rho"]),
            REL,
            "rho",
        );
        let r = pearson(&x, &y).unwrap();
        assert_close(r.statistic, number(&case["r"]), REL, "r");
        let fisher = list(&case["fisher"]);
        let interval = r.interval.unwrap();
        assert_close(interval.lower, fisher[0], REL, "lower bound of r");
        assert_close(interval.upper, fisher[1], REL, "upper bound of r");
        let tau = |variant, method, alternative| {
            let options = KendallOptions {
                variant,
                method,
                alternative,
                ..Default::default()
            };
            kendall_with(&x, &y, &options)
        };
        let plain = |variant| tau(variant, KendallMethod::Asymptotic, Alternative::TwoSided);
        let b = plain(KendallVariant::TauB).unwrap().statistic;
        let c = plain(KendallVariant::TauC).unwrap().statistic;
        assert_close(b, number(&case["tau_b"]), REL, "tau-b");
        assert_close(c, number(&case["tau_c"]), REL, "tau-c");
        for &alternative in Alternative::ALL {
            let p = &case["p"][alternative.as_str()];
            let rho = SpearmanOptions {
                alternative,
                ..Default::default()
            };
            let rho = spearman_with(&x, &y, &rho).unwrap().p_value;
            assert_close(rho, number(&p[0]), REL, "p of rho");
            let r = PearsonOptions {
                alternative,
                ..Default::default()
            };
            let r = pearson_with(&x, &y, &r).unwrap().p_value;
            assert_close(r, number(&p[1]), REL, "p of r");
            let asymptotic = tau(KendallVariant::TauB, KendallMethod::Asymptotic, alternative);
            assert_close(asymptotic.unwrap().p_value, number(&p[2]), REL, "p of tau");
            let exact = tau(KendallVariant::TauB, KendallMethod::Exact, alternative);
            match exact {
                Err(error) => {
                    assert_eq!(
                        error,
                        Error::Ties {
                            method: "exact Kendall's τ"
                        }
                    );
                    assert!(p[3].is_null());
                }
                Ok(exact) if !p[3].is_null() => {
                    assert_close(exact.p_value, number(&p[3]), REL, "exact p of tau");
                }
                Ok(_) => assert!(case["ties"].as_bool().is_some_and(|tied| tied)),
            }
        }
    }
}

#[test]
fn partial_correlations() {
    let cases = fixture("scipy/partial.json");
    assert_eq!(cases.len(), 300);
    for case in &cases {
        let data = table(&case["data"]);
        for &method in PartialMethod::ALL {
            let options = PartialOptions {
                method,
                ..Default::default()
            };
            let got = partial_correlation(&data[0], &data[1], &data[2..], &options).unwrap();
            let wanted = list(&case[method.as_str()]);
            // Covariates of few cases can be nearly dependent; pingouin inverts their matrix.
            assert_close(got.statistic, wanted[0], 1e-9, "partial r");
            assert_close(got.p_value, wanted[1], 1e-9, "p of partial r");
        }
    }
}

#[test]
fn mann_whitney_and_wilcoxon() {
    let cases = fixture("scipy/two_samples.json");
    assert_eq!(cases.len(), 300);
    for case in &cases {
        let (x, y) = (list(&case["x"]), list(&case["y"]));
        let short = &y[..case["m"].as_u64().unwrap() as usize];
        let u = mann_whitney(&x, short).unwrap();
        assert_eq!(u.statistic, number(&case["u"]));
        assert_eq!(wilcoxon(&x, &y).unwrap().statistic, number(&case["w_plus"]));
        for &alternative in Alternative::ALL {
            let wanted = list(&case[format!("mw_{alternative}")]);
            let u = |method| {
                let options = MannWhitneyOptions {
                    method,
                    alternative,
                    ..Default::default()
                };
                mann_whitney_with(&x, short, &options).unwrap().p_value
            };
            let corrected = RankTestMethod::Asymptotic { continuity: true };
            let plain = RankTestMethod::Asymptotic { continuity: false };
            assert_close(u(corrected), wanted[0], REL, "U, corrected");
            assert_close(u(plain), wanted[1], REL, "U, plain");
            if let Some(exact) = wanted.get(2) {
                assert_close(u(RankTestMethod::Exact), *exact, REL, "U, exact");
            }
            let table = &case["wilcoxon"][alternative.as_str()];
            for &zero_method in ZeroMethod::ALL {
                if table[zero_method.as_str()].is_null() {
                    continue;
                }
                let wanted = list(&table[zero_method.as_str()]);
                for (method, wanted) in [(corrected, wanted[0]), (plain, wanted[1])] {
                    let options = WilcoxonOptions {
                        method,
                        zero_method,
                        alternative,
                        ..Default::default()
                    };
                    let got = wilcoxon_with(&x, &y, &options).unwrap().p_value;
                    assert_close(got, wanted, REL, zero_method.as_str());
                }
            }
            if let Some(exact) = table["exact"].as_f64() {
                let options = WilcoxonOptions {
                    method: RankTestMethod::Exact,
                    alternative,
                    ..Default::default()
                };
                let got = wilcoxon_with(&x, &y, &options).unwrap().p_value;
                assert_close(got, exact, REL, "signed ranks, exact");
            }
        }
    }
}

/// SciPy counts a tie with a tolerance of 1e-14, here rank sums are whole numbers.
#[test]
fn exact_tests_with_ties_are_conditional() {
    let cases = fixture("scipy/conditional.json");
    assert_eq!(cases.len(), 300);
    for case in &cases {
        let (x, y, d) = (list(&case["x"]), list(&case["y"]), list(&case["d"]));
        for &alternative in Alternative::ALL {
            let wanted = list(&case[alternative.as_str()]);
            let method = RankTestMethod::Exact;
            let options = MannWhitneyOptions {
                method,
                alternative,
                ..Default::default()
            };
            let got = mann_whitney_with(&x, &y, &options).unwrap().p_value;
            assert_close(got, wanted[0], REL, "rank sum");
            let options = WilcoxonOptions {
                method,
                alternative,
                ..Default::default()
            };
            let got = wilcoxon_differences(&d, &options).unwrap().p_value;
            assert_close(got, wanted[1], REL, "signed ranks");
        }
    }
}

#[test]
fn exact_spearman() {
    let cases = fixture("scipy/exact_spearman.json");
    assert_eq!(cases.len(), 300);
    for case in &cases {
        let y = list(&case["y"]);
        let x: Vec<f64> = (0..y.len()).map(|i| i as f64).collect();
        for &alternative in Alternative::ALL {
            let method = SpearmanMethod::Exact;
            let options = SpearmanOptions {
                method,
                alternative,
                ..Default::default()
            };
            let got = spearman_with(&x, &y, &options).unwrap().p_value;
            assert_close(
                got,
                number(&case[alternative.as_str()]),
                REL,
                "exact p of rho",
            );
        }
    }
}
