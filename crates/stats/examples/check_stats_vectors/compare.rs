//! A vector -> ok, fail with reasons, or skip.

use crate::evaluate::{Failure, evaluate};
use serde_json::{Map, Value};

/// What became of one vector.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// All expected values were met.
    Ok,
    /// At least one was not.
    Fail(Vec<String>),
    /// The function belongs to the other crate.
    Skip,
}

/// The functions of the vectors that `seg-metrics` evaluates.
const OTHER_CRATE: &[&str] = &[
    "boundary_metrics",
    "confusion_metrics",
    "empty_policy",
    "iou_paper_compat",
    "krippendorff_alpha",
    "multi_rater_agreement",
    "multiclass_metrics",
    "pairwise_agreement",
    "partition_metrics",
    "score_metrics",
    "soft_metrics",
    "surface_metrics",
    "threshold_sweep",
];

#[derive(Clone, Copy)]
struct Tolerance {
    rel: f64,
    abs: f64,
}

/// Evaluates one vector.
pub(crate) fn judge(vector: &Value) -> Verdict {
    let function = vector["function"].as_str().unwrap_or_default();
    if OTHER_CRATE.contains(&function) {
        return Verdict::Skip;
    }
    let Some(expected) = vector["expected"].as_object() else {
        return Verdict::Fail(vec!["`expected` is not an object".into()]);
    };
    let tolerance = Tolerance {
        rel: vector["tolerance"]["rel"].as_f64().unwrap_or(1e-10),
        abs: vector["tolerance"]["abs"].as_f64().unwrap_or(1e-12),
    };
    let mut reasons = Vec::new();
    match evaluate(function, &vector["inputs"], expected) {
        Ok(answers) => compare_all(expected, &answers, tolerance, &mut reasons),
        Err(Failure::Statistics(error)) => {
            let name = error_name(&error);
            let named = |v: &Value| v.as_str().is_some_and(|text| same_error(text, &name));
            let accepted =
                expected.get("or_error").is_some_and(named) || expected.values().all(named);
            if !accepted {
                reasons.push(format!("{error}"));
            }
        }
        Err(Failure::Vector(reason)) => reasons.push(reason),
    }
    if reasons.is_empty() {
        Verdict::Ok
    } else {
        Verdict::Fail(reasons)
    }
}

/// The variant's name, as the vectors write it.
pub(crate) fn error_name(error: &cam_stats::Error) -> String {
    let text = format!("{error:?}");
    text.chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// Whether a label names this error: `NanInput`, `nan_input`, `NanInput error`, or just `error`.
fn same_error(text: &str, name: &str) -> bool {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        letters.collect::<String>().to_lowercase()
    };
    let label = plain(text);
    let label = label.strip_suffix("error").unwrap_or(&label);
    label.is_empty() || label == plain(name)
}

/// The words that stand for numbers JSON does not have.
fn is_number(text: &str) -> bool {
    matches!(text, "nan" | "inf" | "-inf")
}

fn compare_all(
    expected: &Map<String, Value>,
    answers: &Map<String, Value>,
    tolerance: Tolerance,
    reasons: &mut Vec<String>,
) {
    let mut missed = Vec::new();
    for (key, wanted) in expected.iter().filter(|(key, _)| *key != "or_error") {
        match answers.get(key) {
            Some(got) => compare(key, wanted, got, tolerance, &mut missed),
            None => missed.push(format!("no answer for `{key}`")),
        }
    }
    // The alternative: every sibling fails with the error named.
    let alternative = expected
        .get("or_error")
        .and_then(Value::as_str)
        .is_some_and(|name| {
            expected.keys().filter(|key| *key != "or_error").all(|key| {
                answers
                    .get(key)
                    .and_then(Value::as_str)
                    .is_some_and(|got| same_error(name, got))
            })
        });
    if !alternative {
        reasons.append(&mut missed);
    }
}

fn compare(at: &str, wanted: &Value, got: &Value, tolerance: Tolerance, reasons: &mut Vec<String>) {
    let met = match (wanted, got) {
        (Value::Number(e), Value::Number(x)) => match (e.as_f64(), x.as_f64()) {
            (Some(e), Some(x)) => (x - e).abs() <= tolerance.abs + tolerance.rel * e.abs(),
            _ => false,
        },
        (Value::String(e), Value::String(x)) => e == x || (!is_number(x) && same_error(e, x)),
        (Value::Array(e), Value::Array(x)) if e.len() == x.len() => {
            for (i, (e, x)) in e.iter().zip(x).enumerate() {
                compare(&format!("{at}[{i}]"), e, x, tolerance, reasons);
            }
            true
        }
        (Value::Object(e), Value::Object(x)) => {
            for (key, e) in e {
                match x.get(key) {
                    Some(x) => compare(&format!("{at}.{key}"), e, x, tolerance, reasons),
                    None => reasons.push(format!("no answer for `{at}.{key}`")),
                }
            }
            true
        }
        (e, x) => e == x,
    };
    if !met {
        reasons.push(format!("{at}: expected {wanted}, got {got}"));
    }
}
