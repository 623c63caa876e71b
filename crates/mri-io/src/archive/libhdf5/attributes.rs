//! Attributes from and to the C library.

use hdf5::types::{FixedAscii, FixedUnicode, TypeDescriptor, VarLenAscii, VarLenUnicode};
use hdf5::{Location, Result};

use crate::archive::attributes::{Attribute, Attributes};

/// Longest text of fixed length that is read, bytes.
const LONGEST: usize = 1 << 16;

/// All attributes of kinds that have a name here.
pub(super) fn read(of: &Location) -> Result<Attributes> {
    let mut all = Attributes::new();
    for name in of.attr_names()? {
        if let Some(value) = read_one(&of.attr(&name)?)? {
            all.insert(name, value);
        }
    }
    Ok(all)
}

fn read_one(attribute: &hdf5::Attribute) -> Result<Option<Attribute>> {
    let Ok(kind) = attribute.dtype()?.to_descriptor() else {
        return Ok(None);
    };
    let scalar = attribute.is_scalar();
    let texts = |all: Vec<String>| {
        let mut all = all;
        Some(match (scalar, all.pop()) {
            (true, Some(text)) => Attribute::Text(text),
            (_, last) => {
                all.extend(last);
                Attribute::Texts(all)
            }
        })
    };
    macro_rules! strings {
        ($kind:ty) => {
            texts(
                attribute
                    .read_raw::<$kind>()?
                    .iter()
                    .map(|text| text.as_str().to_owned())
                    .collect(),
            )
        };
    }
    Ok(match kind {
        TypeDescriptor::VarLenUnicode => strings!(VarLenUnicode),
        TypeDescriptor::VarLenAscii => strings!(VarLenAscii),
        // the library pads to the length that is asked for
        TypeDescriptor::FixedUnicode(0..=1024) => strings!(FixedUnicode<1024>),
        TypeDescriptor::FixedUnicode(..=LONGEST) => strings!(FixedUnicode<LONGEST>),
        TypeDescriptor::FixedAscii(0..=1024) => strings!(FixedAscii<1024>),
        TypeDescriptor::FixedAscii(..=LONGEST) => strings!(FixedAscii<LONGEST>),
        TypeDescriptor::Boolean if scalar => {
            Some(Attribute::Integer(attribute.read_scalar::<bool>()?.into()))
        }
        TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_) if scalar => {
            Some(Attribute::Integer(attribute.read_scalar::<i64>()?))
        }
        TypeDescriptor::Float(_) if scalar => {
            Some(Attribute::Number(attribute.read_scalar::<f64>()?))
        }
        TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_) | TypeDescriptor::Float(_) => {
            Some(Attribute::Numbers(attribute.read_raw::<f64>()?))
        }
        _ => None,
    })
}

/// Adds or replaces an attribute.
pub(super) fn write(to: &Location, name: &str, value: &Attribute) -> Result<()> {
    if to.attr_names()?.iter().any(|present| present == name) {
        to.delete_attr(name)?;
    }
    match value {
        Attribute::Text(text) => to
            .new_attr::<VarLenUnicode>()
            .create(name)?
            .write_scalar(&unicode(text)?),
        Attribute::Integer(number) => to.new_attr::<i64>().create(name)?.write_scalar(number),
        Attribute::Number(number) => to.new_attr::<f64>().create(name)?.write_scalar(number),
        Attribute::Numbers(numbers) => to
            .new_attr_builder()
            .with_data(numbers.as_slice())
            .create(name)
            .map(drop),
        Attribute::Texts(texts) => {
            let texts = texts
                .iter()
                .map(|t| unicode(t))
                .collect::<Result<Vec<_>>>()?;
            to.new_attr_builder()
                .with_data(texts.as_slice())
                .create(name)
                .map(drop)
        }
    }
}

fn unicode(text: &str) -> Result<VarLenUnicode> {
    text.parse()
        .map_err(|_| hdf5::Error::from("a text contains a zero byte"))
}
