//! A DICOM file -> the same image without what could tell whose it is.

use std::path::Path;

use dicom::core::value::{DataSetSequence, PixelFragmentSequence};
use dicom::core::{DataElement, PrimitiveValue, Tag, VR};
use dicom::dictionary_std::tags;
use dicom::encoding::text::{SpecificCharacterSet, TextCodec};
use dicom::object::{FileMetaTableBuilder, InMemDicomObject};
use serde::{Deserialize, Serialize};

mod lists;

use self::lists::{DUMMIES, EMPTIED, KEPT, KEPT_SEQUENCES, MAPPED_UIDS};
use crate::dicom::container::Container;
use crate::dicom::dataset::{Content, DataSet, Element, Encoding, named};
use crate::write::{uid, write_object};
use crate::{Error, Result};

/// How a file is de-identified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deidentification {
    /// New Patient ID and name.
    pub subject: String,
    /// Secret from which new UIDs are made: the same key maps the same UID to the same new one,
    /// so that series stay together; without it, nobody can tell which was which.
    pub key: String,
}

/// What was taken out of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct DeidentificationReport {
    /// Elements that were removed, as `Keyword (gggg,eeee)`, with the sequences they were in.
    pub removed: Vec<String>,
    /// Elements whose value was replaced or emptied.
    pub replaced: Vec<String>,
}

/// Writes a copy of a DICOM file without identifying information, atomically.
///
/// Stricter than the Basic Application Level Confidentiality Profile: everything goes that is not
/// on a short list of image, geometry and acquisition elements, so private elements, overlays,
/// dates, descriptions and comments, devices, operators, places and references to other objects
/// are gone whatever they hold, and so is whatever follows the pixels. UIDs are replaced consistently. Pixels are copied as they are:
/// faces and text burned into them are not looked for.
///
/// # Errors
///
/// [`Error::Description`] if the subject does not fit or the key is empty;
/// [`Error::InvalidField`] if the file says that text is burned into its pixels; [`Error::Io`];
/// and the errors of reading a DICOM file.
///
/// # Source
///
/// DICOM PS3.15 Annex E.
///
/// # Examples
///
/// ```
/// use mri_io::{Deidentification, ScanDescription, Spacing, Volume};
/// use mri_io::{deidentify, read_scan, write_multi_frame};
///
/// let folder = tempfile::tempdir()?;
/// let (named, nameless) = (folder.path().join("a.dcm"), folder.path().join("b.dcm"));
/// let volume = Volume::new(ndarray::Array3::from_elem((2, 3, 4), 7), Spacing::isotropic(1.0))?;
/// write_multi_frame(&named, &volume, &ScanDescription::synthetic("owner"))?;
///
/// let how = Deidentification { subject: "subject 1".to_owned(), key: "a secret".to_owned() };
/// let report = deidentify(&named, &nameless, &how)?;
/// assert!(report.removed.contains(&"SeriesDescription (0008,103E)".to_owned()));
/// let read = read_scan(&nameless)?;
/// assert_eq!(read.stored(), volume.stored());
/// assert_eq!(read.acquisition().patient_id.as_deref(), Some("subject 1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn deidentify(
    source: &Path,
    target: &Path,
    how: &Deidentification,
) -> Result<DeidentificationReport> {
    let bad = |field, reason: &str| Error::Description {
        field,
        reason: reason.to_owned(),
    };
    if how.key.is_empty() {
        return Err(bad("key", "empty"));
    }
    if how.subject.is_empty()
        || how.subject.chars().count() > 64
        || how.subject.chars().any(|c| c == '\\' || c.is_control())
    {
        return Err(bad(
            "subject",
            "not 1 to 64 printable characters without a backslash",
        ));
    }
    let container = Container::read(source)?;
    let dataset = container.parse(source)?;
    if dataset.text(tags::BURNED_IN_ANNOTATION).as_deref() == Some("YES") {
        return Err(Error::InvalidField {
            path: source.to_path_buf(),
            field: "BurnedInAnnotation",
            value: "YES".to_owned(),
            expected: "NO: text in the pixels cannot be removed here",
        });
    }
    let uid_in = container.unpacked_syntax();
    let mut report = DeidentificationReport::default();
    let mut clean = Cleaner {
        how,
        texts: dataset.character_set(),
        report: &mut report,
    }
    .clean(&dataset, "", 0);
    label(&mut clean, how, &mut report);
    let text = |tag| {
        clean
            .get(tag)
            .and_then(|e| e.to_str().ok())
            .map(|t| t.trim_end_matches(['\0', ' ']).to_owned())
            .unwrap_or_default()
    };
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uid_in)
        .media_storage_sop_class_uid(text(tags::SOP_CLASS_UID))
        .media_storage_sop_instance_uid(text(tags::SOP_INSTANCE_UID));
    write_object(target, clean, meta)?;
    Ok(report)
}

/// New name, and a note of what was done.
fn label(
    object: &mut InMemDicomObject,
    how: &Deidentification,
    report: &mut DeidentificationReport,
) {
    // the new name must be readable whatever character set the file was in
    object.put(DataElement::new(
        tags::SPECIFIC_CHARACTER_SET,
        VR::CS,
        "ISO_IR 192",
    ));
    for (tag, vr) in [(tags::PATIENT_NAME, VR::PN), (tags::PATIENT_ID, VR::LO)] {
        object.put(DataElement::new(tag, vr, how.subject.as_str()));
        report.removed.retain(|name| *name != named(tag));
        report.replaced.push(named(tag));
    }
    let code = InMemDicomObject::from_element_iter([
        DataElement::new(tags::CODE_VALUE, VR::SH, PrimitiveValue::from("113100")),
        DataElement::new(
            tags::CODING_SCHEME_DESIGNATOR,
            VR::SH,
            PrimitiveValue::from("DCM"),
        ),
        DataElement::new(
            tags::CODE_MEANING,
            VR::LO,
            PrimitiveValue::from("Basic Application Confidentiality Profile"),
        ),
    ]);
    object.put(DataElement::new(
        tags::PATIENT_IDENTITY_REMOVED,
        VR::CS,
        "YES",
    ));
    object.put(DataElement::new(
        tags::DEIDENTIFICATION_METHOD,
        VR::LO,
        concat!(
            "mri-io ",
            env!("CARGO_PKG_VERSION"),
            ": list of kept elements"
        ),
    ));
    object.put(DataElement::new(
        tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE,
        VR::SQ,
        DataSetSequence::from(vec![code]),
    ));
    object.put(DataElement::new(
        tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED,
        VR::CS,
        "REMOVED",
    ));
}

/// The numbers of one kind that an element holds.
macro_rules! numbers {
    ($kind:ty, $bytes:expr, $encoding:expr) => {
        $bytes
            .chunks_exact(size_of::<$kind>())
            .map(|chunk| {
                let mut raw = [0; size_of::<$kind>()];
                raw.copy_from_slice(chunk);
                if $encoding.big_endian {
                    <$kind>::from_be_bytes(raw)
                } else {
                    <$kind>::from_le_bytes(raw)
                }
            })
            .collect::<Vec<$kind>>()
            .into()
    };
}

/// The pixels byte for byte, whatever the file calls them: as words where it does, else as bytes.
fn pixels(vr: VR, bytes: &[u8], encoding: Encoding) -> DataElement<InMemDicomObject> {
    let mut bytes = bytes.to_vec();
    // values of DICOM are of even length; not all files are
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    if vr == VR::OW {
        let words = PrimitiveValue::U16(numbers!(u16, bytes, encoding));
        DataElement::new(tags::PIXEL_DATA, VR::OW, words)
    } else {
        let bytes = PrimitiveValue::U8(bytes.into());
        DataElement::new(tags::PIXEL_DATA, VR::OB, bytes)
    }
}

struct Cleaner<'a> {
    how: &'a Deidentification,
    /// In which the texts of the file are written.
    texts: SpecificCharacterSet,
    report: &'a mut DeidentificationReport,
}

impl Cleaner<'_> {
    fn clean(&mut self, dataset: &DataSet<'_>, within: &str, depth: usize) -> InMemDicomObject {
        let mut clean = InMemDicomObject::new_empty();
        for element in &dataset.elements {
            let (tag, vr) = (element.tag, element.vr);
            let name = format!("{within}{}", named(tag));
            if MAPPED_UIDS.contains(&tag) {
                let old = dataset.text(tag).unwrap_or_default();
                clean.put(DataElement::new(tag, VR::UI, uid(&self.how.key, &old)));
                note(&mut self.report.replaced, name);
            } else if EMPTIED.contains(&tag) {
                clean.put(DataElement::new(tag, vr, PrimitiveValue::Empty));
                note(&mut self.report.replaced, name);
            } else if let Some((_, dummy)) = DUMMIES.iter().find(|(dummy, _)| *dummy == tag) {
                clean.put(DataElement::new(tag, vr, *dummy));
                note(&mut self.report.replaced, name);
            } else if tag == tags::ACQUISITION_CONTEXT_SEQUENCE {
                // must stand in an Enhanced MR file, and may be empty
                let nothing = DataSetSequence::<InMemDicomObject>::from(Vec::new());
                clean.put(DataElement::new(tag, VR::SQ, nothing));
                note(&mut self.report.replaced, name);
            } else if KEPT.contains(&tag) {
                match self.kept(element, dataset.encoding) {
                    Some(kept) => {
                        clean.put(kept);
                    }
                    None => note(&mut self.report.removed, name),
                }
            } else if KEPT_SEQUENCES.contains(&tag)
                && depth < 4
                && let Content::Items(items) = &element.content
            {
                let within = format!("{name} › ");
                let items: Vec<InMemDicomObject> = items
                    .iter()
                    .map(|item| self.clean(item, &within, depth + 1))
                    .collect();
                clean.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
            } else {
                note(&mut self.report.removed, name);
            }
        }
        clean
    }

    /// The element as it is; `None` for a sequence where a value should stand.
    fn kept(
        &self,
        element: &Element<'_>,
        encoding: Encoding,
    ) -> Option<DataElement<InMemDicomObject>> {
        let (tag, vr) = (element.tag, element.vr);
        Some(match &element.content {
            Content::Items(_) => return None,
            Content::Bytes(bytes) if tag == tags::PIXEL_DATA => pixels(vr, bytes, encoding),
            Content::Bytes(bytes) => DataElement::new(tag, vr, self.value(vr, bytes, encoding)),
            Content::Fragments(all) => {
                let (table, fragments) = all.split_first()?;
                let offsets: Vec<u32> = table
                    .chunks_exact(4)
                    .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                    .collect();
                let fragments: Vec<Vec<u8>> = fragments.iter().map(|f| f.to_vec()).collect();
                DataElement::new(tag, vr, PixelFragmentSequence::new(offsets, fragments))
            }
        })
    }

    fn value(&self, vr: VR, bytes: &[u8], encoding: Encoding) -> PrimitiveValue {
        if bytes.is_empty() {
            return PrimitiveValue::Empty;
        }
        match vr {
            VR::US | VR::OW => PrimitiveValue::U16(numbers!(u16, bytes, encoding)),
            VR::SS => PrimitiveValue::I16(numbers!(i16, bytes, encoding)),
            VR::UL | VR::OL => PrimitiveValue::U32(numbers!(u32, bytes, encoding)),
            VR::SL => PrimitiveValue::I32(numbers!(i32, bytes, encoding)),
            VR::FL | VR::OF => PrimitiveValue::F32(numbers!(f32, bytes, encoding)),
            VR::FD | VR::OD => PrimitiveValue::F64(numbers!(f64, bytes, encoding)),
            VR::UV | VR::OV => PrimitiveValue::U64(numbers!(u64, bytes, encoding)),
            VR::SV => PrimitiveValue::I64(numbers!(i64, bytes, encoding)),
            VR::AT => {
                let words: Vec<u16> = numbers!(u16, bytes, encoding);
                PrimitiveValue::Tags(words.chunks_exact(2).map(|t| Tag(t[0], t[1])).collect())
            }
            VR::OB | VR::UN => PrimitiveValue::U8(bytes.to_vec().into()),
            _ => {
                let text = self.texts.decode(bytes);
                let text = text.unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned());
                let text = text.trim_end_matches(['\0', ' ']).to_owned();
                PrimitiveValue::Str(text)
            }
        }
    }
}

/// Once for all frames.
fn note(names: &mut Vec<String>, name: String) {
    if !names.contains(&name) {
        names.push(name);
    }
}
