//! Attributes of an entry, and the fields of a volume as attributes.

use std::collections::{BTreeMap, HashMap};

use hdf5_pure::AttrValue;

use crate::{Acquisition, Orientation, Rescale, Spacing, Volume};

/// A value attached to an entry of an archive.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Attribute {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Several numbers.
    Numbers(Vec<f64>),
    /// Several texts.
    Texts(Vec<String>),
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Attribute {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Attribute {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl Attribute {
    pub(crate) fn to_hdf5(&self) -> AttrValue {
        match self {
            Self::Text(text) => AttrValue::String(text.clone()),
            Self::Integer(number) => AttrValue::I64(*number),
            Self::Number(number) => AttrValue::F64(*number),
            Self::Numbers(numbers) => AttrValue::F64Array(numbers.clone()),
            Self::Texts(texts) => AttrValue::StringArray(texts.clone()),
        }
    }

    /// `None` for kinds of attributes that this crate never writes.
    pub(crate) fn from_hdf5(value: &AttrValue) -> Option<Self> {
        if let Some(text) = value.as_str() {
            return Some(Self::Text(text.to_owned()));
        }
        if let Some(texts) = value.as_strings() {
            return Some(Self::Texts(texts.to_vec()));
        }
        match value {
            AttrValue::F64(number) => Some(Self::Number(*number)),
            AttrValue::F32(number) => Some(Self::Number(f64::from(*number))),
            AttrValue::F64Array(numbers) => Some(Self::Numbers(numbers.clone())),
            other => other
                .as_i64()
                .map(Self::Integer)
                .or_else(|| other.to_f64s().map(Self::Numbers)),
        }
    }
}

/// Attributes by name, in the order of names.
pub(crate) type Attributes = BTreeMap<String, Attribute>;

pub(crate) fn from_hdf5(raw: &HashMap<String, AttrValue>) -> Attributes {
    raw.iter()
        .filter_map(|(name, value)| Some((name.clone(), Attribute::from_hdf5(value)?)))
        .collect()
}

const FLAGS: [&str; 2] = ["signed", "inverted"];

/// Everything about a volume but its stored integers.
pub(crate) fn describe(volume: &Volume) -> Attributes {
    let mut all = Attributes::new();
    let numbers = |numbers: Vec<f64>| Attribute::Numbers(numbers);
    all.insert(
        "spacing_mm".to_owned(),
        numbers(volume.spacing().to_array().to_vec()),
    );
    let rescale = volume.rescale();
    all.insert(
        "rescale_slope".to_owned(),
        numbers(rescale.iter().map(|r| r.slope).collect()),
    );
    all.insert(
        "rescale_intercept".to_owned(),
        numbers(rescale.iter().map(|r| r.intercept).collect()),
    );
    if let Some(Orientation {
        along_row,
        along_column,
    }) = volume.orientation()
    {
        all.insert(
            "orientation".to_owned(),
            numbers([along_row, along_column].concat()),
        );
    }
    if let Some(positions) = volume.positions() {
        all.insert("positions_mm".to_owned(), numbers(positions.concat()));
    }
    let a = volume.acquisition();
    for (name, text) in [
        ("modality", &a.modality),
        ("manufacturer", &a.manufacturer),
        ("series_description", &a.series_description),
        ("patient_id", &a.patient_id),
        ("study_uid", &a.study_uid),
        ("series_uid", &a.series_uid),
        ("transfer_syntax", &a.transfer_syntax),
    ] {
        if let Some(text) = text {
            all.insert(name.to_owned(), Attribute::Text(text.clone()));
        }
    }
    for (name, number) in [
        ("repetition_time_ms", a.repetition_time_ms),
        ("echo_time_ms", a.echo_time_ms),
        ("flip_angle_degrees", a.flip_angle_degrees),
        ("field_strength_tesla", a.field_strength_tesla),
        ("slice_thickness_mm", a.slice_thickness_mm),
    ] {
        if let Some(number) = number {
            all.insert(name.to_owned(), Attribute::Number(number));
        }
    }
    if let Some(bits) = a.bits_stored {
        all.insert(
            "bits_stored".to_owned(),
            Attribute::Integer(i64::from(bits)),
        );
    }
    for (name, flag) in FLAGS.into_iter().zip([a.signed, a.inverted]) {
        if let Some(flag) = flag {
            all.insert(name.to_owned(), Attribute::Integer(i64::from(flag)));
        }
    }
    all
}

/// The fields of a volume of `slices` slices; the message says which attribute is wrong.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) spacing: Spacing,
    pub(crate) rescale: Vec<Rescale>,
    pub(crate) orientation: Option<Orientation>,
    pub(crate) positions: Option<Vec<[f64; 3]>>,
    pub(crate) acquisition: Acquisition,
}

pub(crate) fn understand(all: &Attributes, slices: usize) -> Result<Described, String> {
    let numbers = |name: &str, count: usize| match all.get(name) {
        None => Ok(None),
        Some(Attribute::Numbers(numbers)) if numbers.len() == count => Ok(Some(numbers.as_slice())),
        Some(Attribute::Number(number)) if count == 1 => Ok(Some(std::slice::from_ref(number))),
        Some(_) => Err(format!("attribute {name} does not hold {count} numbers")),
    };
    let required = |name: &str, count: usize| {
        numbers(name, count)?.ok_or_else(|| format!("attribute {name} is missing"))
    };
    let text = |name: &str| match all.get(name) {
        Some(Attribute::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let number = |name: &str| match all.get(name) {
        Some(Attribute::Number(number)) => Some(*number),
        _ => None,
    };
    let integer = |name: &str| match all.get(name) {
        Some(Attribute::Integer(number)) => Some(*number),
        _ => None,
    };
    let spacing = required("spacing_mm", 3)?;
    let slopes = required("rescale_slope", slices)?;
    let intercepts = required("rescale_intercept", slices)?;
    let [signed, inverted] = FLAGS.map(|name| integer(name).map(|flag| flag != 0));
    let three = |v: &[f64]| [v[0], v[1], v[2]];
    Ok(Described {
        spacing: Spacing {
            slice_mm: spacing[0],
            row_mm: spacing[1],
            column_mm: spacing[2],
        },
        rescale: slopes
            .iter()
            .zip(intercepts)
            .map(|(&slope, &intercept)| Rescale { slope, intercept })
            .collect(),
        orientation: numbers("orientation", 6)?.map(|v| Orientation {
            along_row: three(v),
            along_column: three(&v[3..]),
        }),
        positions: numbers("positions_mm", 3 * slices)?
            .map(|v| v.chunks_exact(3).map(three).collect()),
        acquisition: Acquisition {
            modality: text("modality"),
            manufacturer: text("manufacturer"),
            series_description: text("series_description"),
            patient_id: text("patient_id"),
            study_uid: text("study_uid"),
            series_uid: text("series_uid"),
            repetition_time_ms: number("repetition_time_ms"),
            echo_time_ms: number("echo_time_ms"),
            flip_angle_degrees: number("flip_angle_degrees"),
            field_strength_tesla: number("field_strength_tesla"),
            slice_thickness_mm: number("slice_thickness_mm"),
            bits_stored: integer("bits_stored").and_then(|bits| u16::try_from(bits).ok()),
            signed,
            inverted,
            transfer_syntax: text("transfer_syntax"),
        },
    })
}
