//! A DICOM file -> the same image without what could tell whose it is.

use std::path::Path;

use dicom::core::header::Header as _;
use dicom::core::value::{DataSetSequence, Value};
use dicom::core::{DataElement, PrimitiveValue, Tag, VR};
use dicom::dictionary_std::tags;
use dicom::encoding::transfer_syntax::TransferSyntaxIndex;
use dicom::object::{FileMetaTableBuilder, InMemDicomObject};
use dicom::transfer_syntax::TransferSyntaxRegistry;
use serde::{Deserialize, Serialize};

use crate::dicom::container::Container;
use crate::dicom::dataset::named;
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

/// Image, geometry and acquisition: all that stays as it is.
const KEPT: &[Tag] = &[
    tags::SPECIFIC_CHARACTER_SET,
    tags::IMAGE_TYPE,
    tags::SOP_CLASS_UID,
    tags::MODALITY,
    tags::MANUFACTURER,
    tags::VOLUMETRIC_PROPERTIES,
    tags::VOLUME_BASED_CALCULATION_TECHNIQUE,
    tags::PIXEL_PRESENTATION,
    tags::COMPLEX_IMAGE_COMPONENT,
    tags::ACQUISITION_CONTRAST,
    tags::FRAME_TYPE,
    tags::CONTENT_QUALIFICATION,
    tags::BURNED_IN_ANNOTATION,
    tags::SCANNING_SEQUENCE,
    tags::SEQUENCE_VARIANT,
    tags::SCAN_OPTIONS,
    tags::MR_ACQUISITION_TYPE,
    tags::SLICE_THICKNESS,
    tags::REPETITION_TIME,
    tags::ECHO_TIME,
    tags::EFFECTIVE_ECHO_TIME,
    tags::INVERSION_TIME,
    tags::NUMBER_OF_AVERAGES,
    tags::IMAGING_FREQUENCY,
    tags::IMAGED_NUCLEUS,
    tags::ECHO_NUMBERS,
    tags::MAGNETIC_FIELD_STRENGTH,
    tags::SPACING_BETWEEN_SLICES,
    tags::ECHO_TRAIN_LENGTH,
    tags::PIXEL_BANDWIDTH,
    tags::FLIP_ANGLE,
    tags::PATIENT_POSITION,
    tags::LATERALITY,
    tags::SERIES_NUMBER,
    tags::INSTANCE_NUMBER,
    tags::IMAGE_POSITION_PATIENT,
    tags::IMAGE_ORIENTATION_PATIENT,
    tags::POSITION_REFERENCE_INDICATOR,
    tags::SLICE_LOCATION,
    tags::STACK_ID,
    tags::IN_STACK_POSITION_NUMBER,
    tags::DIMENSION_INDEX_VALUES,
    tags::DIMENSION_INDEX_POINTER,
    tags::FUNCTIONAL_GROUP_POINTER,
    tags::TEMPORAL_POSITION_INDEX,
    tags::SAMPLES_PER_PIXEL,
    tags::PHOTOMETRIC_INTERPRETATION,
    tags::NUMBER_OF_FRAMES,
    tags::ROWS,
    tags::COLUMNS,
    tags::PIXEL_SPACING,
    tags::BITS_ALLOCATED,
    tags::BITS_STORED,
    tags::HIGH_BIT,
    tags::PIXEL_REPRESENTATION,
    tags::SMALLEST_IMAGE_PIXEL_VALUE,
    tags::LARGEST_IMAGE_PIXEL_VALUE,
    tags::PIXEL_PADDING_VALUE,
    tags::WINDOW_CENTER,
    tags::WINDOW_WIDTH,
    tags::RESCALE_INTERCEPT,
    tags::RESCALE_SLOPE,
    tags::RESCALE_TYPE,
    tags::LOSSY_IMAGE_COMPRESSION,
    tags::PRESENTATION_LUT_SHAPE,
    tags::PIXEL_DATA,
];

/// Sequences that stay, with what is kept inside them.
const KEPT_SEQUENCES: &[Tag] = &[
    tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
    tags::PIXEL_MEASURES_SEQUENCE,
    tags::PLANE_POSITION_SEQUENCE,
    tags::PLANE_ORIENTATION_SEQUENCE,
    tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
    tags::FRAME_CONTENT_SEQUENCE,
    tags::FRAME_VOILUT_SEQUENCE,
    tags::MR_IMAGE_FRAME_TYPE_SEQUENCE,
    tags::MR_ECHO_SEQUENCE,
    tags::MR_TIMING_AND_RELATED_PARAMETERS_SEQUENCE,
    tags::DIMENSION_ORGANIZATION_SEQUENCE,
    tags::DIMENSION_INDEX_SEQUENCE,
];

/// Identifiers that get a new value, the same wherever the old one stands.
const MAPPED_UIDS: &[Tag] = &[
    tags::SOP_INSTANCE_UID,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::FRAME_OF_REFERENCE_UID,
    tags::DIMENSION_ORGANIZATION_UID,
];

/// Elements that must stand in a valid file and are left without a value.
const EMPTIED: &[Tag] = &[
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_ID,
];

/// Writes a copy of a DICOM file without identifying information, atomically.
///
/// Stricter than the Basic Application Level Confidentiality Profile: everything goes that is not
/// on a short list of image, geometry and acquisition elements, so private elements, overlays,
/// dates, descriptions and comments, devices, operators, places and references to other objects
/// are gone whatever they hold. UIDs are replaced consistently. Pixels are copied as they are:
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
    // the bounded walk comes first, so that dicom-rs meets no length that is not there
    let checked = container.parse(source)?;
    if checked.text(tags::BURNED_IN_ANNOTATION).as_deref() == Some("YES") {
        return Err(Error::InvalidField {
            path: source.to_path_buf(),
            field: "BurnedInAnnotation",
            value: "YES".to_owned(),
            expected: "NO: text in the pixels cannot be removed here",
        });
    }
    let uid_in = container.unpacked_syntax();
    let syntax =
        TransferSyntaxRegistry
            .get(uid_in)
            .ok_or_else(|| Error::UnsupportedTransferSyntax {
                path: source.to_path_buf(),
                uid: uid_in.to_owned(),
            })?;
    let object = InMemDicomObject::read_dataset_with_ts(container.body(), syntax).map_err(|e| {
        Error::MalformedDicom {
            path: source.to_path_buf(),
            source: e.into(),
        }
    })?;

    let mut report = DeidentificationReport::default();
    let mut clean = Cleaner {
        how,
        report: &mut report,
    }
    .clean(object, "", 0);
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

struct Cleaner<'a> {
    how: &'a Deidentification,
    report: &'a mut DeidentificationReport,
}

impl Cleaner<'_> {
    fn clean(&mut self, object: InMemDicomObject, within: &str, depth: usize) -> InMemDicomObject {
        let mut clean = InMemDicomObject::new_empty();
        for element in object {
            let tag = element.tag();
            let name = format!("{within}{}", named(tag));
            if MAPPED_UIDS.contains(&tag) {
                let old = element
                    .to_str()
                    .map(|t| t.trim_end_matches(['\0', ' ']).to_owned());
                let new = uid(&self.how.key, &old.unwrap_or_default());
                clean.put(DataElement::new(tag, VR::UI, new));
                note(&mut self.report.replaced, name);
            } else if EMPTIED.contains(&tag) {
                clean.put(DataElement::new(tag, element.vr(), PrimitiveValue::Empty));
                note(&mut self.report.replaced, name);
            } else if KEPT.contains(&tag) {
                clean.put(element);
            } else if KEPT_SEQUENCES.contains(&tag) && depth < 4 {
                let within = format!("{name} › ");
                if let Value::Sequence(sequence) = element.into_value() {
                    let items: Vec<InMemDicomObject> = sequence
                        .into_items()
                        .into_iter()
                        .map(|item| self.clean(item, &within, depth + 1))
                        .collect();
                    clean.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
                }
            } else {
                note(&mut self.report.removed, name);
            }
        }
        clean
    }
}

/// Once for all frames.
fn note(names: &mut Vec<String>, name: String) {
    if !names.contains(&name) {
        names.push(name);
    }
}
