//! Typed values -> elements of a dicom-rs object.

use dicom::core::value::DataSetSequence;
use dicom::core::{DataElement, PrimitiveValue, Tag, VR};
use dicom::object::InMemDicomObject;
use dicom::object::mem::InMemElement;

/// A data set under construction.
pub(crate) struct Fields(InMemDicomObject);

impl Fields {
    pub(crate) fn new() -> Self {
        Self(InMemDicomObject::new_empty())
    }

    pub(crate) fn finish(self) -> InMemDicomObject {
        self.0
    }

    fn put(&mut self, element: InMemElement) -> &mut Self {
        self.0.put(element);
        self
    }

    /// Text of any kind; several values are separated by a backslash.
    pub(crate) fn text(&mut self, tag: Tag, vr: VR, text: &str) -> &mut Self {
        self.put(DataElement::new(tag, vr, PrimitiveValue::from(text)))
    }

    pub(crate) fn code(&mut self, tag: Tag, text: &str) -> &mut Self {
        self.text(tag, VR::CS, text)
    }

    /// An element without a value, as type 2 allows.
    pub(crate) fn empty(&mut self, tag: Tag, vr: VR) -> &mut Self {
        self.put(DataElement::new(tag, vr, PrimitiveValue::Empty))
    }

    pub(crate) fn short(&mut self, tag: Tag, number: u16) -> &mut Self {
        self.put(DataElement::new(tag, VR::US, PrimitiveValue::from(number)))
    }

    pub(crate) fn longs(&mut self, tag: Tag, numbers: &[u32]) -> &mut Self {
        self.put(DataElement::new(
            tag,
            VR::UL,
            PrimitiveValue::U32(numbers.into()),
        ))
    }

    pub(crate) fn double(&mut self, tag: Tag, number: f64) -> &mut Self {
        self.put(DataElement::new(tag, VR::FD, PrimitiveValue::from(number)))
    }

    pub(crate) fn tag_value(&mut self, tag: Tag, value: Tag) -> &mut Self {
        self.put(DataElement::new(
            tag,
            VR::AT,
            PrimitiveValue::Tags(vec![value].into()),
        ))
    }

    /// Decimal strings.
    pub(crate) fn decimals(&mut self, tag: Tag, numbers: &[f64]) -> &mut Self {
        let text = numbers
            .iter()
            .map(|&n| decimal(n))
            .collect::<Vec<_>>()
            .join("\\");
        self.text(tag, VR::DS, &text)
    }

    pub(crate) fn integer(&mut self, tag: Tag, number: usize) -> &mut Self {
        self.text(tag, VR::IS, &number.to_string())
    }

    pub(crate) fn words(&mut self, tag: Tag, words: Vec<u16>) -> &mut Self {
        self.put(DataElement::new(
            tag,
            VR::OW,
            PrimitiveValue::U16(words.into()),
        ))
    }

    pub(crate) fn sequence(&mut self, tag: Tag, items: Vec<Fields>) -> &mut Self {
        let items: Vec<InMemDicomObject> = items.into_iter().map(Fields::finish).collect();
        self.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)))
    }

    /// A sequence of one item.
    pub(crate) fn item(&mut self, tag: Tag, build: impl FnOnce(&mut Fields)) -> &mut Self {
        let mut item = Self::new();
        build(&mut item);
        self.sequence(tag, vec![item])
    }
}

/// The closest number of at most 16 characters, the most that a decimal string may have.
pub(crate) fn decimal(number: f64) -> String {
    let shortest = number.to_string();
    if shortest.len() <= 16 {
        return shortest;
    }
    let candidates = (0..=15)
        .rev()
        .flat_map(|digits| [format!("{number:.digits$}"), format!("{number:.digits$e}")]);
    let closest = candidates
        .filter(|text| text.len() <= 16)
        .min_by(|a, b| {
            let error = |t: &str| {
                t.parse::<f64>()
                    .map_or(f64::INFINITY, |n| (n - number).abs())
            };
            error(a).total_cmp(&error(b))
        })
        .unwrap_or(shortest);
    if closest.contains('.') && !closest.contains('e') {
        closest
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    } else {
        closest
    }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimal_strings_fit_and_stay_close() {
        assert_eq!(decimal(0.5), "0.5");
        assert_eq!(decimal(53.0 * 0.7), "37.1");
        for number in [
            1.0 / 3.0,
            -628.839_721_834_041_2,
            1e-9 / 7.0,
            -1e20 / 3.0,
            4096.0 / 4095.0,
        ] {
            let text = decimal(number);
            assert!(text.len() <= 16, "{text}");
            let back: f64 = text.parse().unwrap();
            assert!((back / number - 1.0).abs() < 1e-8, "{text}");
        }
    }
}
