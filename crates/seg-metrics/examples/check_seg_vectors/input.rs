//! Inputs of a vector -> masks, heatmaps and options.

use std::collections::BTreeSet;

use ndarray::{ArrayD, IxDyn};
use seg_metrics::{BitMask, Comparison, EmptyPolicy, Error};
use serde_json::Value;

use crate::check::special;

/// Why a vector could not be evaluated.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The vector is not as the schema says.
    Schema(String),
    /// The library refused the inputs.
    Library(Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Library(error)
    }
}

pub(crate) type Found<T> = Result<T, Problem>;

fn schema<T>(why: impl Into<String>) -> Found<T> {
    Err(Problem::Schema(why.into()))
}

/// The inputs of a vector, remembering which names a function does not know.
pub(crate) struct Inputs<'a> {
    values: &'a Value,
}

impl<'a> Inputs<'a> {
    /// The inputs, which may carry these names only. A name that ends in `*` is a prefix.
    pub(crate) fn new(values: &'a Value, names: &[&str]) -> Found<Self> {
        let known: BTreeSet<&str> = names.iter().copied().collect();
        let Some(map) = values.as_object() else {
            return schema("inputs are not an object");
        };
        for name in map.keys() {
            let by_prefix = |known: &&str| {
                known
                    .strip_suffix('*')
                    .is_some_and(|prefix| name.starts_with(prefix))
            };
            if !known.contains(name.as_str()) && !known.iter().any(by_prefix) {
                return schema(format!("unknown input {name}"));
            }
        }
        Ok(Self { values })
    }

    pub(crate) fn raw(&self, name: &str) -> Option<&'a Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.values.as_object().into_iter().flatten()
    }

    fn needed(&self, name: &str) -> Found<&'a Value> {
        self.raw(name)
            .map_or_else(|| schema(format!("input {name} is missing")), Ok)
    }

    pub(crate) fn array(&self, name: &str) -> Found<ArrayD<f64>> {
        array(self.needed(name)?)
    }

    pub(crate) fn labels(&self, name: &str) -> Found<ArrayD<u32>> {
        Ok(self.array(name)?.mapv(label))
    }

    pub(crate) fn mask(&self, name: &str) -> Found<BitMask> {
        mask(self.needed(name)?)
    }

    /// The region of interest, named `roi`, if there is one.
    pub(crate) fn region(&self) -> Found<Option<BitMask>> {
        self.raw("roi").map(mask).transpose()
    }

    pub(crate) fn number(&self, name: &str, default: Option<f64>) -> Found<f64> {
        match (self.raw(name), default) {
            (Some(value), _) => number(value),
            (None, Some(default)) => Ok(default),
            (None, None) => schema(format!("input {name} is missing")),
        }
    }

    pub(crate) fn numbers(&self, name: &str) -> Found<Vec<f64>> {
        match self.needed(name)?.as_array() {
            Some(list) => list.iter().map(number).collect(),
            None => schema(format!("input {name} is not a list")),
        }
    }

    pub(crate) fn list(&self, name: &str) -> Found<&'a [Value]> {
        match self.needed(name)?.as_array() {
            Some(list) => Ok(list),
            None => schema(format!("input {name} is not a list")),
        }
    }

    /// One spacing per axis, 1 by default.
    pub(crate) fn spacing(&self, axes: usize) -> Found<Vec<f64>> {
        match self.raw("spacing") {
            None => Ok(vec![1.0; axes]),
            Some(value) if value.is_number() => Ok(vec![number(value)?; axes]),
            Some(_) => self.numbers("spacing"),
        }
    }

    /// `op`: `ge` (also `>=`, by default) or `gt` (also `>`).
    pub(crate) fn comparison(&self) -> Found<Comparison> {
        match self.raw("op").map(Value::as_str) {
            None | Some(Some("ge" | ">=")) => Ok(Comparison::AtLeast),
            Some(Some("gt" | ">")) => Ok(Comparison::Above),
            other => schema(format!("op {other:?} is neither ge nor gt")),
        }
    }

    /// `policy`: `nan` (by default), `one`, `zero` or `error`.
    pub(crate) fn policy(&self) -> Found<EmptyPolicy> {
        match self.raw("policy").map(Value::as_str) {
            None | Some(Some("nan")) => Ok(EmptyPolicy::Nan),
            Some(Some("one")) => Ok(EmptyPolicy::One),
            Some(Some("zero")) => Ok(EmptyPolicy::Zero),
            Some(Some("error")) => Ok(EmptyPolicy::Error),
            other => schema(format!("policy {other:?} is not known")),
        }
    }
}

/// A class label; a negative one, as some use for "ignore", is the greatest.
pub(crate) fn label(value: f64) -> u32 {
    if value < 0.0 { u32::MAX } else { value as u32 }
}

fn number(value: &Value) -> Found<f64> {
    let found = match value {
        Value::String(text) => special(text),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        other => other.as_f64(),
    };
    found.map_or_else(|| schema(format!("{value} is not a number")), Ok)
}

/// A mask from nested lists of 0 and 1.
pub(crate) fn mask(value: &Value) -> Found<BitMask> {
    Ok(BitMask::from_bools(
        array(value)?.mapv(|pixel| pixel != 0.0).view(),
    ))
}

/// An array from nested lists.
pub(crate) fn array(value: &Value) -> Found<ArrayD<f64>> {
    let mut shape = Vec::new();
    let mut first = value;
    while let Value::Array(list) = first {
        shape.push(list.len());
        match list.first() {
            Some(inner) => first = inner,
            None => break,
        }
    }
    let mut numbers = Vec::new();
    flatten(value, &shape, &mut numbers)?;
    match ArrayD::from_shape_vec(IxDyn(&shape), numbers) {
        Ok(array) => Ok(array),
        Err(error) => schema(error.to_string()),
    }
}

fn flatten(value: &Value, shape: &[usize], numbers: &mut Vec<f64>) -> Found<()> {
    match (value, shape) {
        (Value::Array(list), [extent, inner @ ..]) if list.len() == *extent => list
            .iter()
            .try_for_each(|value| flatten(value, inner, numbers)),
        (Value::Array(_), _) => schema("nested lists of different lengths"),
        (value, []) => {
            numbers.push(number(value)?);
            Ok(())
        }
        _ => schema("nested lists of different depths"),
    }
}
