//! The checked-in vectors, evaluated by the same code as the example `check_seg_vectors`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../examples/check_seg_vectors/check.rs"]
mod check;
#[path = "../examples/check_seg_vectors/functions/mod.rs"]
mod functions;
#[path = "../examples/check_seg_vectors/input.rs"]
mod input;

const VECTORS: &str = include_str!("golden/vectors/seg.json");

#[test]
fn every_vector_passes() {
    let report = check::check_file(VECTORS).unwrap();
    assert_eq!(report.failed, 0, "{:#?}", report.lines);
    assert_eq!((report.passed, report.skipped), (15, 0));
}

#[test]
fn wrong_numbers_unknown_functions_and_unknown_keys_fail() {
    let mask = "[[1,0],[1,0]]";
    let vector = |function: &str, expected: &str| {
        format!(
            r#"[{{"id":"x","function":"{function}","inputs":{{"pred":{mask},"ref":{mask}}},
                "expected":{expected},"tolerance":{{"rel":1e-10,"abs":1e-12}}}}]"#
        )
    };
    let verdict = |function: &str, expected: &str| {
        let report = check::check_file(&vector(function, expected)).unwrap();
        (report.passed, report.failed, report.skipped)
    };
    assert_eq!(verdict("confusion_metrics", r#"{"iou":1}"#), (1, 0, 0));
    assert_eq!(verdict("confusion_metrics", r#"{"iou":0.999}"#), (0, 1, 0));
    assert_eq!(verdict("confusion_metrics", r#"{"iou":"nan"}"#), (0, 1, 0));
    assert_eq!(
        verdict("confusion_metrics", r#"{"no_such_key":1}"#),
        (0, 1, 0)
    );
    assert_eq!(verdict("no_such_function", r#"{"iou":1}"#), (0, 1, 0));
    assert_eq!(verdict("spearmanr", r#"{"statistic":1}"#), (0, 0, 1));
}

#[test]
fn errors_are_met_by_name() {
    let vector = r#"[{"id":"x","function":"confusion_metrics",
        "inputs":{"pred":[[1,0]],"ref":[[1],[0]]},
        "expected":{"iou":"nan","or_error":"ShapeMismatch"}}]"#;
    assert_eq!(check::check_file(vector).unwrap().passed, 1);
    let wrong = vector.replace("ShapeMismatch", "NonFinite");
    assert_eq!(check::check_file(&wrong).unwrap().failed, 1);
}
