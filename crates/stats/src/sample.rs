//! Samples in, clean samples out: NaN policy, infinities, lengths.

use crate::{Error, NanPolicy, Result};
use std::borrow::Cow;

/// What is left of the data after the NaN policy; `Undefined` makes the result NaN.
pub(crate) enum Clean<T> {
    Data(T),
    Undefined,
}

pub(crate) type Pair<'a> = (Cow<'a, [f64]>, Cow<'a, [f64]>);

fn first_nan(name: &'static str, values: &[f64]) -> Option<Error> {
    let index = values.iter().position(|v| v.is_nan())?;
    Some(Error::NanInput { name, index })
}

/// Rejects infinities and NaN.
pub(crate) fn require_finite(name: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(index) if values[index].is_nan() => Err(Error::NanInput { name, index }),
        Some(index) => Err(Error::NonFinite {
            name,
            index,
            value: values[index],
        }),
    }
}

/// Rejects infinities, NaN and numbers whose squares would overflow.
pub(crate) fn require_moderate(name: &'static str, values: &[f64]) -> Result<()> {
    require_finite(name, values)?;
    match values.iter().find(|v| v.abs() > 1e150) {
        None => Ok(()),
        Some(&value) => Err(Error::OutOfRange {
            name,
            value,
            range: "[-1e150, 1e150]",
        }),
    }
}

/// Rejects NaN.
pub(crate) fn require_not_nan(name: &'static str, values: &[f64]) -> Result<()> {
    first_nan(name, values).map_or(Ok(()), Err)
}

pub(crate) fn require_equal_lengths(
    left_name: &'static str,
    left: usize,
    right_name: &'static str,
    right: usize,
) -> Result<()> {
    if left == right {
        Ok(())
    } else {
        Err(Error::LengthMismatch {
            left_name,
            left,
            right_name,
            right,
        })
    }
}

pub(crate) fn require_count(what: &'static str, needed: usize, got: usize) -> Result<()> {
    if got >= needed {
        Ok(())
    } else {
        Err(Error::TooFewObservations { what, needed, got })
    }
}

/// Rejects a probability outside the closed unit interval, and NaN.
pub(crate) fn require_probability(name: &'static str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        Ok(())
    } else {
        Err(Error::OutOfRange {
            name,
            value,
            range: "[0, 1]",
        })
    }
}

pub(crate) fn clean_sample<'a>(
    name: &'static str,
    values: &'a [f64],
    policy: NanPolicy,
) -> Result<Clean<Cow<'a, [f64]>>> {
    let Some(error) = first_nan(name, values) else {
        return Ok(Clean::Data(Cow::Borrowed(values)));
    };
    match policy {
        NanPolicy::Raise => Err(error),
        NanPolicy::Propagate => Ok(Clean::Undefined),
        NanPolicy::Omit => {
            let kept = values.iter().copied().filter(|v| !v.is_nan()).collect();
            Ok(Clean::Data(Cow::Owned(kept)))
        }
    }
}

pub(crate) fn clean_pair<'a>(
    x: &'a [f64],
    y: &'a [f64],
    policy: NanPolicy,
) -> Result<Clean<Pair<'a>>> {
    require_equal_lengths("x", x.len(), "y", y.len())?;
    let Some(error) = first_nan("x", x).or_else(|| first_nan("y", y)) else {
        return Ok(Clean::Data((Cow::Borrowed(x), Cow::Borrowed(y))));
    };
    match policy {
        NanPolicy::Raise => Err(error),
        NanPolicy::Propagate => Ok(Clean::Undefined),
        NanPolicy::Omit => {
            let kept = x.iter().zip(y).filter(|(a, b)| !a.is_nan() && !b.is_nan());
            let (a, b): (Vec<f64>, Vec<f64>) = kept.map(|(a, b)| (*a, *b)).unzip();
            Ok(Clean::Data((Cow::Owned(a), Cow::Owned(b))))
        }
    }
}

pub(crate) fn clean_groups<'a, G: AsRef<[f64]>>(
    groups: &'a [G],
    policy: NanPolicy,
) -> Result<Clean<Vec<Cow<'a, [f64]>>>> {
    let mut kept = Vec::with_capacity(groups.len());
    for group in groups {
        match clean_sample("groups", group.as_ref(), policy)? {
            Clean::Data(values) => kept.push(values),
            Clean::Undefined => return Ok(Clean::Undefined),
        }
    }
    Ok(Clean::Data(kept))
}

/// Equal rows of at least one value; rows with NaN are dropped under `Omit`.
pub(crate) fn clean_rows<'a, R: AsRef<[f64]>>(
    name: &'static str,
    rows: &'a [R],
    policy: NanPolicy,
) -> Result<Clean<Vec<&'a [f64]>>> {
    let expected = rows.first().map_or(0, |r| r.as_ref().len());
    let mut kept = Vec::with_capacity(rows.len());
    for (row, values) in rows.iter().enumerate() {
        let values = values.as_ref();
        if values.len() != expected {
            return Err(Error::RaggedRows {
                name,
                row,
                expected,
                got: values.len(),
            });
        }
        match clean_sample(name, values, policy)? {
            Clean::Data(Cow::Borrowed(values)) => kept.push(values),
            Clean::Data(Cow::Owned(_)) => {}
            Clean::Undefined => return Ok(Clean::Undefined),
        }
    }
    Ok(Clean::Data(kept))
}
