//! Elements -> text and numbers.

use dicom::core::{Tag, VR};
use dicom::dictionary_std::tags;
use dicom::encoding::text::{SpecificCharacterSet, TextCodec};

use super::dataset::{Content, DataSet, Element};

impl<'a> DataSet<'a> {
    pub(crate) fn element(&self, tag: Tag) -> Option<&Element<'a>> {
        self.elements.iter().find(|e| e.tag == tag)
    }

    fn bytes(&self, tag: Tag) -> Option<&'a [u8]> {
        match self.element(tag)?.content {
            Content::Bytes(bytes) if !bytes.is_empty() => Some(bytes),
            _ => None,
        }
    }

    /// Items of a sequence; none where it is absent.
    pub(crate) fn items(&self, tag: Tag) -> &[DataSet<'a>] {
        match self.element(tag).map(|e| &e.content) {
            Some(Content::Items(items)) => items,
            _ => &[],
        }
    }

    /// A plain text value without padding; `None` where it is absent or empty.
    pub(crate) fn text(&self, tag: Tag) -> Option<String> {
        let text = String::from_utf8_lossy(self.bytes(tag)?);
        let text = text.trim_matches([' ', '\0']);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The character set that the data set declares, else the default one.
    pub(crate) fn character_set(&self) -> SpecificCharacterSet {
        self.text(tags::SPECIFIC_CHARACTER_SET)
            .and_then(|code| SpecificCharacterSet::from_code(code.rsplit('\\').next()?.trim()))
            .unwrap_or_default()
    }

    /// A text value in the character set that the data set declares.
    pub(crate) fn free_text(&self, tag: Tag) -> Option<String> {
        let decoded = self
            .bytes(tag)
            .and_then(|bytes| self.character_set().decode(bytes).ok());
        match decoded {
            Some(text) => {
                let text = text.trim_matches([' ', '\0']);
                (!text.is_empty()).then(|| text.to_owned())
            }
            None => self.text(tag),
        }
    }

    /// All numbers of an element; `None` where it is absent, empty or not numeric.
    pub(crate) fn numbers(&self, tag: Tag) -> Option<Vec<f64>> {
        let bytes = self.bytes(tag)?;
        let vr = self.element(tag)?.vr;
        let big = self.encoding.big_endian;
        macro_rules! binary {
            ($kind:ty) => {
                bytes
                    .chunks_exact(size_of::<$kind>())
                    .map(|chunk| {
                        let mut raw = [0; size_of::<$kind>()];
                        raw.copy_from_slice(chunk);
                        let number = if big {
                            <$kind>::from_be_bytes(raw)
                        } else {
                            <$kind>::from_le_bytes(raw)
                        };
                        f64::from(number)
                    })
                    .collect::<Vec<f64>>()
            };
        }
        let numbers = match vr {
            VR::US => binary!(u16),
            VR::SS => binary!(i16),
            VR::UL => binary!(u32),
            VR::SL => binary!(i32),
            VR::FL => binary!(f32),
            VR::FD => binary!(f64),
            _ => String::from_utf8_lossy(bytes)
                .split('\\')
                .map(|part| part.trim_matches([' ', '\0']).parse().ok())
                .collect::<Option<Vec<f64>>>()?,
        };
        (!numbers.is_empty()).then_some(numbers)
    }

    /// The first number of an element, where it is finite.
    pub(crate) fn number(&self, tag: Tag) -> Option<f64> {
        self.numbers(tag)?
            .first()
            .copied()
            .filter(|n| n.is_finite())
    }

    /// Exactly `N` finite numbers.
    pub(crate) fn vector<const N: usize>(&self, tag: Tag) -> Option<[f64; N]> {
        let numbers: [f64; N] = self.numbers(tag)?.try_into().ok()?;
        numbers.iter().all(|n| n.is_finite()).then_some(numbers)
    }

    /// A number that is a whole one between 0 and 65535.
    pub(crate) fn u16(&self, tag: Tag) -> Option<u16> {
        let number = self.number(tag)?;
        (number.fract() == 0.0 && (0.0..=65535.0).contains(&number)).then_some(number as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dicom::dataset::{Encoding, parse};

    #[test]
    fn numbers_are_read_from_text_and_binary() {
        let mut bytes = b"\x28\x00\x10\x00US\x02\x00\x01\x02".to_vec();
        bytes.extend_from_slice(b"\x28\x00\x30\x00DS\x0a\x000.5\\ 1e-1 ");
        bytes.extend_from_slice(b"\x28\x00\x52\x10DS\x04\x00abc ");
        let dataset = parse(&bytes, Encoding::EXPLICIT_LITTLE).unwrap();
        assert_eq!(dataset.u16(tags::ROWS), Some(513));
        assert_eq!(dataset.vector(tags::PIXEL_SPACING), Some([0.5, 0.1]));
        assert_eq!(dataset.vector::<3>(tags::PIXEL_SPACING), None);
        assert_eq!(dataset.number(tags::RESCALE_INTERCEPT), None);
        assert_eq!(dataset.number(tags::RESCALE_SLOPE), None);
    }

    #[test]
    fn text_follows_the_declared_character_set() {
        let mut bytes = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100".to_vec();
        bytes.extend_from_slice(b"\x08\x00\x3e\x10LO\x06\x00gr\xfcn  ");
        let dataset = parse(&bytes, Encoding::EXPLICIT_LITTLE).unwrap();
        assert_eq!(
            dataset.free_text(tags::SERIES_DESCRIPTION).as_deref(),
            Some("grün")
        );
    }
}
