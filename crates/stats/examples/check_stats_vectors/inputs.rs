//! JSON inputs -> samples, groups and options; numbers -> JSON.

use crate::evaluate::Failure;
use cam_stats::{Adjustment, Alternative, NanPolicy, QuantileMethod};
use serde_json::{Value, json};

/// A number, or its name where JSON has none.
pub(crate) fn number(v: f64) -> Value {
    if v.is_nan() {
        json!("nan")
    } else if v.is_infinite() {
        json!(if v > 0.0 { "inf" } else { "-inf" })
    } else {
        json!(v)
    }
}

/// A list of numbers.
pub(crate) fn numbers(values: &[f64]) -> Value {
    values.iter().map(|v| number(*v)).collect()
}

/// A value, or the name of the error in its place.
pub(crate) fn or_error(result: Result<f64, cam_stats::Error>) -> Value {
    match result {
        Ok(v) => number(v),
        Err(error) => Value::String(crate::compare::error_name(&error)),
    }
}

/// The inputs of one vector.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a>(pub(crate) &'a Value);

impl<'a> Inputs<'a> {
    /// An input as it stands; null if absent.
    pub(crate) fn get(self, key: &str) -> &'a Value {
        &self.0[key]
    }

    /// Whether the input is there.
    pub(crate) fn has(self, key: &str) -> bool {
        !self.0[key].is_null()
    }

    /// A number.
    pub(crate) fn number(self, key: &str) -> Result<f64, Failure> {
        parse_number(self.get(key)).ok_or_else(|| Failure::missing(key))
    }

    /// A number with a default.
    pub(crate) fn number_or(self, key: &str, default: f64) -> Result<f64, Failure> {
        if self.has(key) {
            self.number(key)
        } else {
            Ok(default)
        }
    }

    /// A count.
    pub(crate) fn count(self, key: &str) -> Result<u64, Failure> {
        self.get(key).as_u64().ok_or_else(|| Failure::missing(key))
    }

    /// A sample, written out or by `…_generator`.
    pub(crate) fn sample(self, key: &str) -> Result<Vec<f64>, Failure> {
        let generator = self.get(&format!("{key}_generator"));
        if generator.is_object() {
            let parts = Inputs(generator);
            let mut values = vec![parts.number("first")?];
            let repeated = parts.sample("then_repeat")?;
            for _ in 0..parts.count("times")? {
                values.extend_from_slice(&repeated);
            }
            return Ok(values);
        }
        parse_list(self.get(key)).ok_or_else(|| Failure::missing(key))
    }

    /// A list of samples.
    pub(crate) fn samples(self, key: &str) -> Result<Vec<Vec<f64>>, Failure> {
        let rows = match self.get(key) {
            Value::Array(rows) => rows.iter().map(parse_list).collect(),
            Value::Object(rows) => rows.values().map(parse_list).collect(),
            _ => None,
        };
        rows.ok_or_else(|| Failure::missing(key))
    }

    /// The direction of the test, two-sided by default.
    pub(crate) fn alternative(self) -> Result<Alternative, Failure> {
        match self.get("alternative").as_str() {
            None => Ok(Alternative::TwoSided),
            Some(text) => Ok(text.replace('_', "-").parse()?),
        }
    }

    /// The NaN policy if the input names exactly one.
    pub(crate) fn nan_policy(self) -> Result<NanPolicy, Failure> {
        match self.get("nan_policy").as_str() {
            None => Ok(NanPolicy::Raise),
            Some(text) => Ok(text.parse()?),
        }
    }

    /// The confidence level, 0.95 by default.
    pub(crate) fn confidence(self) -> Result<f64, Failure> {
        self.number_or("confidence", 0.95)
    }
}

fn parse_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::Null => Some(f64::NAN),
        Value::String(text) => match text.as_str() {
            "nan" => Some(f64::NAN),
            "inf" => Some(f64::INFINITY),
            "-inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn parse_list(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(parse_number).collect()
}

/// An adjustment by its name here, in R, statsmodels or scikit-posthocs.
pub(crate) fn adjustment(name: &str) -> Option<Adjustment> {
    Some(match name {
        "fdr_bh" | "fdr" | "BH" => Adjustment::BenjaminiHochberg,
        "fdr_by" | "BY" => Adjustment::BenjaminiYekutieli,
        "holm-sidak" => Adjustment::HolmSidak,
        "simes-hochberg" => Adjustment::Hochberg,
        other => other.parse().ok()?,
    })
}

/// A quantile definition by R's type number.
pub(crate) fn quantile_type(number: &str) -> Option<QuantileMethod> {
    Some(match number {
        "1" => QuantileMethod::InvertedCdf,
        "2" => QuantileMethod::AveragedInvertedCdf,
        "3" => QuantileMethod::ClosestObservation,
        "4" => QuantileMethod::InterpolatedInvertedCdf,
        "5" => QuantileMethod::Hazen,
        "6" => QuantileMethod::Weibull,
        "7" => QuantileMethod::Linear,
        "8" => QuantileMethod::MedianUnbiased,
        "9" => QuantileMethod::NormalUnbiased,
        _ => return None,
    })
}

/// `05` in a key means 0.05.
pub(crate) fn decimals(digits: &str) -> Option<f64> {
    format!("0.{digits}").parse().ok()
}
