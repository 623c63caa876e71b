//! Bytes of a data set -> its elements, without copying and without trusting a length.

use dicom::core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom::core::{Tag, VR};
use dicom::dictionary_std::{StandardDataDictionary, tags};

/// Deepest nesting of sequences that is followed.
const MAX_DEPTH: usize = 32;
const UNDEFINED: u32 = u32::MAX;
const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_DELIMITER: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_DELIMITER: Tag = Tag(0xFFFE, 0xE0DD);

/// How elements are laid out in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    /// Whether each element states its value representation.
    pub(crate) explicit: bool,
    /// Whether the most significant byte comes first.
    pub(crate) big_endian: bool,
}

impl Encoding {
    pub(crate) const IMPLICIT_LITTLE: Self = Self {
        explicit: false,
        big_endian: false,
    };
    pub(crate) const EXPLICIT_LITTLE: Self = Self {
        explicit: true,
        big_endian: false,
    };
    pub(crate) const EXPLICIT_BIG: Self = Self {
        explicit: true,
        big_endian: true,
    };
}

/// Why the bytes cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StructureError {
    #[error("{what} needs {expected} bytes, {found} present")]
    Truncated {
        what: String,
        expected: u64,
        found: u64,
    },
    #[error("sequences nested deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("{tag} has the value representation {code:02X?}")]
    ValueRepresentation { tag: Tag, code: [u8; 2] },
    #[error("{found} where {expected} was expected")]
    Unexpected { found: Tag, expected: &'static str },
    #[error("{tag} has an undefined length but is no sequence")]
    UndefinedLength { tag: Tag },
}

/// What an element holds.
#[derive(Debug, Clone)]
pub(crate) enum Content<'a> {
    /// A plain value.
    Bytes(&'a [u8]),
    /// The items of a sequence.
    Items(Vec<DataSet<'a>>),
    /// Compressed pixels; the first fragment is the offset table.
    Fragments(Vec<&'a [u8]>),
}

/// One element of a data set.
#[derive(Debug, Clone)]
pub(crate) struct Element<'a> {
    pub(crate) tag: Tag,
    pub(crate) vr: VR,
    pub(crate) content: Content<'a>,
}

/// A data set: the whole file, or one item of a sequence.
#[derive(Debug, Clone)]
pub(crate) struct DataSet<'a> {
    pub(crate) elements: Vec<Element<'a>>,
    pub(crate) encoding: Encoding,
}

/// The file meta information and where it ends.
pub(crate) struct Meta<'a> {
    pub(crate) dataset: DataSet<'a>,
    pub(crate) end: usize,
}

/// Walks a whole data set; whatever follows the pixels is ignored.
pub(crate) fn parse(bytes: &[u8], encoding: Encoding) -> Result<DataSet<'_>, StructureError> {
    let mut walk = Walk {
        bytes,
        at: 0,
        encoding,
    };
    let mut elements = Vec::new();
    while walk.at < bytes.len() {
        let element = walk.element(0)?;
        let last = is_pixel_data(element.tag);
        elements.push(element);
        if last {
            break;
        }
    }
    Ok(DataSet { elements, encoding })
}

/// Walks the elements of group 0002.
pub(crate) fn parse_meta(bytes: &[u8]) -> Result<Meta<'_>, StructureError> {
    let encoding = Encoding::EXPLICIT_LITTLE;
    let mut walk = Walk {
        bytes,
        at: 0,
        encoding,
    };
    let mut elements = Vec::new();
    while bytes.get(walk.at..walk.at + 2) == Some(&[0x02, 0x00]) {
        elements.push(walk.element(0)?);
    }
    Ok(Meta {
        dataset: DataSet { elements, encoding },
        end: walk.at,
    })
}

fn is_pixel_data(tag: Tag) -> bool {
    matches!(
        tag,
        tags::PIXEL_DATA | tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA
    )
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    encoding: Encoding,
}

struct Head {
    tag: Tag,
    vr: VR,
    length: u32,
}

impl<'a> Walk<'a> {
    fn take(
        &mut self,
        length: usize,
        what: impl FnOnce() -> String,
    ) -> Result<&'a [u8], StructureError> {
        let rest = &self.bytes[self.at..];
        match rest.get(..length) {
            Some(taken) => {
                self.at += length;
                Ok(taken)
            }
            None => Err(StructureError::Truncated {
                what: what(),
                expected: length as u64,
                found: rest.len() as u64,
            }),
        }
    }

    fn u16(&mut self, what: impl FnOnce() -> String) -> Result<u16, StructureError> {
        let b = self.take(2, what)?;
        let raw = [b[0], b[1]];
        Ok(if self.encoding.big_endian {
            u16::from_be_bytes(raw)
        } else {
            u16::from_le_bytes(raw)
        })
    }

    fn u32(&mut self, what: impl FnOnce() -> String) -> Result<u32, StructureError> {
        let b = self.take(4, what)?;
        let raw = [b[0], b[1], b[2], b[3]];
        Ok(if self.encoding.big_endian {
            u32::from_be_bytes(raw)
        } else {
            u32::from_le_bytes(raw)
        })
    }

    fn tag(&mut self) -> Result<Tag, StructureError> {
        let what = || "an element header".to_owned();
        Ok(Tag(self.u16(what)?, self.u16(what)?))
    }

    fn head(&mut self) -> Result<Head, StructureError> {
        let tag = self.tag()?;
        let what = || format!("the header of {}", named(tag));
        if tag.group() == 0xFFFE {
            return Ok(Head {
                tag,
                vr: VR::UN,
                length: self.u32(what)?,
            });
        }
        if !self.encoding.explicit {
            let vr = StandardDataDictionary
                .by_tag(tag)
                .map_or(VR::UN, |e| e.vr().relaxed());
            return Ok(Head {
                tag,
                vr,
                length: self.u32(what)?,
            });
        }
        let code = self.take(2, what)?;
        let code = [code[0], code[1]];
        if !code.iter().all(u8::is_ascii_uppercase) {
            return Err(StructureError::ValueRepresentation { tag, code });
        }
        let short = matches!(
            &code,
            b"AE"
                | b"AS"
                | b"AT"
                | b"CS"
                | b"DA"
                | b"DS"
                | b"DT"
                | b"FL"
                | b"FD"
                | b"IS"
                | b"LO"
                | b"LT"
                | b"PN"
                | b"SH"
                | b"SL"
                | b"SS"
                | b"ST"
                | b"TM"
                | b"UI"
                | b"UL"
                | b"US"
        );
        let vr = VR::from_binary(code).unwrap_or(VR::UN);
        let length = if short {
            u32::from(self.u16(what)?)
        } else {
            self.take(2, what)?;
            self.u32(what)?
        };
        Ok(Head { tag, vr, length })
    }

    fn element(&mut self, depth: usize) -> Result<Element<'a>, StructureError> {
        let Head { tag, vr, length } = self.head()?;
        if tag.group() == 0xFFFE {
            return Err(StructureError::Unexpected {
                found: tag,
                expected: "an element",
            });
        }
        let content = if length == UNDEFINED {
            if is_pixel_data(tag) {
                Content::Fragments(self.fragments()?)
            } else if vr == VR::SQ || vr == VR::UN {
                // PS3.5 6.2.2: an unknown sequence is encoded as implicit little endian
                let outer = self.encoding;
                if vr == VR::UN {
                    self.encoding = Encoding::IMPLICIT_LITTLE;
                }
                let items = self.items(None, depth + 1);
                self.encoding = outer;
                Content::Items(items?)
            } else {
                return Err(StructureError::UndefinedLength { tag });
            }
        } else {
            let start = self.at;
            let bytes = self.take(length as usize, || named(tag))?;
            if vr == VR::SQ {
                let mut inner = Walk {
                    bytes: &self.bytes[..self.at],
                    at: start,
                    encoding: self.encoding,
                };
                match inner.items(Some(self.at), depth + 1) {
                    Ok(items) => Content::Items(items),
                    Err(StructureError::TooDeep) => return Err(StructureError::TooDeep),
                    // its extent is known, so what is wrong inside stays inside
                    Err(_) => Content::Bytes(bytes),
                }
            } else {
                Content::Bytes(bytes)
            }
        };
        Ok(Element { tag, vr, content })
    }

    /// Items up to `end`, or up to the sequence delimiter.
    fn items(
        &mut self,
        end: Option<usize>,
        depth: usize,
    ) -> Result<Vec<DataSet<'a>>, StructureError> {
        if depth > MAX_DEPTH {
            return Err(StructureError::TooDeep);
        }
        let mut items = Vec::new();
        while end.is_none_or(|end| self.at < end) {
            let Head { tag, length, .. } = self.head()?;
            match tag {
                SEQUENCE_DELIMITER => break,
                ITEM => items.push(self.item(length, depth)?),
                found => {
                    return Err(StructureError::Unexpected {
                        found,
                        expected: "an item",
                    });
                }
            }
        }
        Ok(items)
    }

    fn item(&mut self, length: u32, depth: usize) -> Result<DataSet<'a>, StructureError> {
        let mut elements = Vec::new();
        if length == UNDEFINED {
            loop {
                let before = self.at;
                if self.tag()? == ITEM_DELIMITER {
                    self.u32(|| "an item delimiter".to_owned())?;
                    break;
                }
                self.at = before;
                elements.push(self.element(depth)?);
            }
        } else {
            let start = self.at;
            self.take(length as usize, || "an item".to_owned())?;
            let mut inner = Walk {
                bytes: &self.bytes[..self.at],
                at: start,
                encoding: self.encoding,
            };
            while inner.at < self.at {
                elements.push(inner.element(depth)?);
            }
        }
        Ok(DataSet {
            elements,
            encoding: self.encoding,
        })
    }

    fn fragments(&mut self) -> Result<Vec<&'a [u8]>, StructureError> {
        let mut fragments = Vec::new();
        loop {
            let Head { tag, length, .. } = self.head()?;
            match tag {
                SEQUENCE_DELIMITER => return Ok(fragments),
                ITEM => {
                    fragments
                        .push(self.take(length as usize, || "a pixel data fragment".to_owned())?);
                }
                found => {
                    return Err(StructureError::Unexpected {
                        found,
                        expected: "a fragment",
                    });
                }
            }
        }
    }
}

/// Keyword and number of an element, for messages.
pub(crate) fn named(tag: Tag) -> String {
    match StandardDataDictionary.by_tag(tag) {
        Some(entry) if !entry.alias().is_empty() => format!("{} {tag}", entry.alias()),
        _ => tag.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_nesting_is_refused() {
        let mut bytes = Vec::new();
        for _ in 0..100_000 {
            bytes.extend_from_slice(b"\x08\x00\x15\x11SQ\x00\x00\xff\xff\xff\xff");
            bytes.extend_from_slice(b"\xfe\xff\x00\xe0\xff\xff\xff\xff");
        }
        let error = parse(&bytes, Encoding::EXPLICIT_LITTLE).unwrap_err();
        assert_eq!(error, StructureError::TooDeep);
    }

    #[test]
    fn a_length_beyond_the_end_is_refused_before_anything_is_reserved() {
        let bytes = b"\xe0\x7f\x10\x00OW\x00\x00\xf0\xff\xff\xff\x01\x02";
        let error = parse(bytes, Encoding::EXPLICIT_LITTLE).unwrap_err();
        assert_eq!(
            error.to_string(),
            "PixelData (7FE0,0010) needs 4294967280 bytes, 2 present"
        );
    }

    #[test]
    fn a_sequence_that_is_broken_inside_does_not_hide_what_follows() {
        let mut bytes = b"\x08\x00\x15\x11SQ\x00\x00\x04\x00\x00\x00\x01\x02\x03\x04".to_vec();
        bytes.extend_from_slice(b"\x28\x00\x10\x00US\x02\x00\x07\x00");
        let dataset = parse(&bytes, Encoding::EXPLICIT_LITTLE).unwrap();
        assert_eq!(dataset.elements.len(), 2);
        assert_eq!(dataset.u16(tags::ROWS), Some(7));
    }
}
