//! Expected against actual, by the rules of the vector files.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::functions;

/// What a function gave: the numbers of every key it knows.
#[derive(Debug, Clone)]
pub(crate) enum Actual {
    Number(f64),
    List(Vec<Actual>),
    Map(BTreeMap<String, Actual>),
    /// The name of the error.
    Error(String),
}

/// One line per vector, and the totals.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) lines: Vec<String>,
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

/// What became of one vector.
enum Verdict {
    Passed,
    Failed(String),
    Skipped,
}

#[derive(Clone, Copy)]
struct Tolerance {
    rel: f64,
    abs: f64,
}

/// Evaluates every vector of a file.
pub(crate) fn check_file(text: &str) -> Result<Report, String> {
    let vectors: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let vectors = vectors.as_array().ok_or("not a list of vectors")?;
    let mut report = Report::default();
    for (at, vector) in vectors.iter().enumerate() {
        let id = vector["id"]
            .as_str()
            .map_or_else(|| format!("#{at}"), str::to_owned);
        match check_vector(vector) {
            Verdict::Passed => {
                report.passed += 1;
                report.lines.push(format!("ok {id}"));
            }
            Verdict::Skipped => {
                report.skipped += 1;
                report.lines.push(format!("skip {id}"));
            }
            Verdict::Failed(why) => {
                report.failed += 1;
                eprintln!("{id}: {why}");
                report.lines.push(format!("FAIL {id}"));
            }
        }
    }
    Ok(report)
}

fn check_vector(vector: &Value) -> Verdict {
    let Some(function) = vector["function"].as_str() else {
        return Verdict::Failed("no function".into());
    };
    if functions::OF_THE_STATS_CRATE.contains(&function) {
        return Verdict::Skipped;
    }
    let Some(actual) = functions::evaluate(function, &vector["inputs"]) else {
        return Verdict::Failed(format!("unknown function {function}"));
    };
    let part = |name: &str, default| vector["tolerance"][name].as_f64().unwrap_or(default);
    let tolerance = Tolerance {
        rel: part("rel", 1e-10),
        abs: part("abs", 1e-12),
    };
    match compare("", &vector["expected"], &actual, tolerance) {
        Ok(()) => Verdict::Passed,
        Err(why) => Verdict::Failed(why),
    }
}

fn compare(
    at: &str,
    expected: &Value,
    actual: &Actual,
    tolerance: Tolerance,
) -> Result<(), String> {
    match (expected, actual) {
        (Value::Object(expected), _) => compare_object(at, expected, actual, tolerance),
        (Value::Array(expected), Actual::List(actual)) if expected.len() == actual.len() => {
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                compare(&format!("{at}[{index}]"), expected, actual, tolerance)?;
            }
            Ok(())
        }
        (Value::String(label), Actual::Error(name)) if is_error(label, name) => Ok(()),
        (_, Actual::Number(found)) => {
            let wanted = match expected {
                Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
                Value::String(text) => special(text),
                other => other.as_f64(),
            };
            match wanted {
                Some(wanted) if near(wanted, *found, tolerance) => Ok(()),
                _ => Err(format!("{at}: expected {expected}, got {found}")),
            }
        }
        _ => Err(format!("{at}: expected {expected}, got {actual:?}")),
    }
}

fn compare_object(
    at: &str,
    expected: &serde_json::Map<String, Value>,
    actual: &Actual,
    tolerance: Tolerance,
) -> Result<(), String> {
    if let (Some(Value::String(label)), Actual::Error(name)) = (expected.get("or_error"), actual)
        && is_error(label, name)
    {
        return Ok(());
    }
    for (key, expected) in expected.iter().filter(|(key, _)| *key != "or_error") {
        let here = if at.is_empty() {
            key.clone()
        } else {
            format!("{at}.{key}")
        };
        let own = match actual {
            Actual::Map(map) => map.get(key).ok_or_else(|| format!("{here}: unknown key"))?,
            other => other,
        };
        compare(&here, expected, own, tolerance)?;
    }
    Ok(())
}

/// `nan`, `inf` and `-inf` stand for themselves.
pub(crate) fn special(text: &str) -> Option<f64> {
    match text {
        "nan" => Some(f64::NAN),
        "inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn near(wanted: f64, found: f64, tolerance: Tolerance) -> bool {
    if wanted.is_nan() || found.is_nan() {
        return wanted.is_nan() && found.is_nan();
    }
    wanted == found || (found - wanted).abs() <= tolerance.abs + tolerance.rel * wanted.abs()
}

/// Whether a label names this error: `ShapeMismatch`, `shape_mismatch`, `ShapeMismatch error`,
/// `TooFewMasks` for `TooFew`, or just `error`.
fn is_error(label: &str, name: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_lowercase()
    };
    let label = plain(label);
    let label = label.strip_suffix("error").unwrap_or(&label);
    label.is_empty() || label.contains(&plain(name))
}
