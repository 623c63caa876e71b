//! The project's statistics vectors, through the code of `check_stats_vectors`.

#[path = "../examples/check_stats_vectors/compare.rs"]
mod compare;
#[path = "../examples/check_stats_vectors/evaluate.rs"]
mod evaluate;
#[path = "../examples/check_stats_vectors/inputs.rs"]
mod inputs;
#[path = "../examples/check_stats_vectors/tests_of_groups.rs"]
mod tests_of_groups;
#[path = "../examples/check_stats_vectors/tests_of_pairs.rs"]
mod tests_of_pairs;

mod common;

use compare::{Verdict, judge};
use serde_json::json;

#[test]
fn all_vectors_pass() {
    let vectors = common::fixture("vectors/statistics.json");
    assert_eq!(vectors.len(), 33);
    for vector in &vectors {
        assert_eq!(judge(vector), Verdict::Ok, "{}", vector["id"]);
    }
}

#[test]
fn wrong_expectations_fail() {
    let mut vectors = common::fixture("vectors/statistics.json");
    for vector in &mut vectors {
        let expected = vector["expected"].as_object_mut().unwrap();
        expected.clear();
        expected.insert("statistic".into(), json!(123.0));
        assert!(
            matches!(judge(vector), Verdict::Fail(_)),
            "{}",
            vector["id"]
        );
    }
}

#[test]
fn unknown_functions_fail_and_foreign_ones_are_skipped() {
    let vector = |function: &str| json!({"function": function, "inputs": {}, "expected": {"a": 1}});
    assert_eq!(judge(&vector("pairwise_agreement")), Verdict::Skip);
    let Verdict::Fail(reasons) = judge(&vector("no_such_function")) else {
        panic!("an unknown function must fail");
    };
    assert_eq!(reasons, ["unknown function `no_such_function`"]);
}

#[test]
fn a_named_error_is_met_by_that_error_only() {
    let vector = |name: &str| {
        json!({
            "function": "shapiro",
            "inputs": {"x": [1.0, 2.0]},
            "expected": {"W": "nan", "or_error": name},
        })
    };
    assert_eq!(judge(&vector("TooFewObservations")), Verdict::Ok);
    assert!(matches!(judge(&vector("ConstantInput")), Verdict::Fail(_)));
}

#[test]
fn one_sided_options_and_error_labels_are_answered() {
    let vector = json!({
        "function": "spearmanr",
        "inputs": {"x": [1, 2, 3, 4, 5], "y": [5, 6, 7, 8, 7], "alternative": "greater",
                   "method": "exact"},
        "expected": {"pvalue_t": 0.04429350265677192, "pvalue": "Ties", "n": 5},
        "tolerance": {"rel": 1e-10, "abs": 0.0},
    });
    assert_eq!(judge(&vector), Verdict::Ok);
}

#[test]
fn every_test_answers_each_policy_for_missing_values() {
    let gap = json!([3.0, 1.0, "nan", 4.0, 6.0, 5.5, 9.0]);
    let other = json!([2.0, 1.5, 0.5, 7.0, 4.0, 8.0, 3.5]);
    for (function, inputs) in [
        ("spearmanr", json!({"x": gap, "y": other})),
        ("pearsonr", json!({"x": gap, "y": other})),
        ("kendalltau", json!({"x": gap, "y": other})),
        ("mannwhitneyu", json!({"x": gap, "y": other})),
        ("wilcoxon", json!({"x": gap, "y": other})),
        ("kruskal", json!({"groups": [gap, other]})),
        ("shapiro", json!({"x": gap})),
        (
            "friedman",
            json!({"blocks_by_treatments": [[1, 2, "nan"], [2, 3, 4], [1, 5, 2], [1, 2, 3]]}),
        ),
    ] {
        let mut inputs = inputs;
        inputs["nan_policy"] = json!(["propagate", "omit", "raise"]);
        let vector = |expected: serde_json::Value| json!({"function": function, "inputs": inputs, "expected": expected});
        let right = vector(json!({"propagate": "nan", "raise_": "NanInput error"}));
        assert_eq!(judge(&right), Verdict::Ok, "{function}");
        let wrong = vector(json!({"omit": "nan"}));
        assert!(matches!(judge(&wrong), Verdict::Fail(_)), "{function}");
    }
}
