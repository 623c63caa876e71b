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
