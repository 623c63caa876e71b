//! The parts that all written files share.

use std::path::Path;

use dicom::core::VR;
use dicom::dictionary_std::{tags, uids};
use dicom::object::{FileMetaTableBuilder, InMemDicomObject};

use super::description::ScanDescription;
use super::fields::Fields;
use super::uid::uid;
use crate::{Error, Orientation, Result, Volume, atomic};

/// Identifiers of everything in one written scan.
pub(crate) struct Identity {
    study: String,
    series: String,
    frame_of_reference: String,
}

impl Identity {
    pub(crate) fn new(description: &ScanDescription) -> Self {
        let scan = scan_name(description);
        Self {
            study: uid(&description.study, "study"),
            series: uid(&scan, "series"),
            frame_of_reference: uid(&scan, "frame of reference"),
        }
    }
}

fn scan_name(description: &ScanDescription) -> String {
    format!("{}\n{}", description.study, description.name)
}

/// UID of one file of the scan.
pub(crate) fn instance_uid(description: &ScanDescription, instance: usize) -> String {
    uid(&scan_name(description), &format!("instance {instance}"))
}

/// UID of how the frames of the scan are indexed.
pub(crate) fn dimension_uid(description: &ScanDescription) -> String {
    uid(&scan_name(description), "dimension organization")
}

/// Patient, study, series, equipment, frame of reference and identity of the file.
pub(crate) fn common(
    fields: &mut Fields,
    description: &ScanDescription,
    identity: &Identity,
    sop_class: &str,
    sop_instance: &str,
) {
    fields
        .code(tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192")
        .text(tags::SOP_CLASS_UID, VR::UI, sop_class)
        .text(tags::SOP_INSTANCE_UID, VR::UI, sop_instance)
        .text(tags::STUDY_DATE, VR::DA, &description.date)
        .text(tags::CONTENT_DATE, VR::DA, &description.date)
        .text(tags::STUDY_TIME, VR::TM, "000000")
        .text(tags::CONTENT_TIME, VR::TM, "000000")
        .empty(tags::ACCESSION_NUMBER, VR::SH)
        .code(tags::MODALITY, "MR")
        .text(tags::MANUFACTURER, VR::LO, &description.manufacturer)
        .text(tags::MANUFACTURER_MODEL_NAME, VR::LO, &description.model)
        .text(tags::DEVICE_SERIAL_NUMBER, VR::LO, "0")
        .text(
            tags::SOFTWARE_VERSIONS,
            VR::LO,
            concat!("mri-io ", env!("CARGO_PKG_VERSION")),
        )
        .empty(tags::REFERRING_PHYSICIAN_NAME, VR::PN)
        .text(
            tags::SERIES_DESCRIPTION,
            VR::LO,
            &description.series_description,
        )
        .text(tags::PATIENT_NAME, VR::PN, &description.patient_id)
        .text(tags::PATIENT_ID, VR::LO, &description.patient_id)
        .empty(tags::PATIENT_BIRTH_DATE, VR::DA)
        .empty(tags::PATIENT_SEX, VR::CS)
        .text(tags::STUDY_INSTANCE_UID, VR::UI, &identity.study)
        .text(tags::SERIES_INSTANCE_UID, VR::UI, &identity.series)
        .text(tags::STUDY_ID, VR::SH, "1")
        .empty(tags::PATIENT_POSITION, VR::CS)
        .integer(tags::SERIES_NUMBER, 1)
        .text(
            tags::FRAME_OF_REFERENCE_UID,
            VR::UI,
            &identity.frame_of_reference,
        )
        .empty(tags::POSITION_REFERENCE_INDICATOR, VR::LO);
    if !description.comments.is_empty() {
        fields.text(tags::IMAGE_COMMENTS, VR::LT, &description.comments);
    }
}

/// Size and sample format of the pixels.
pub(crate) fn pixel_format(
    fields: &mut Fields,
    volume: &Volume,
    description: &ScanDescription,
) -> Result<()> {
    let inverted = volume.acquisition().inverted == Some(true);
    fields
        .short(tags::SAMPLES_PER_PIXEL, 1)
        .code(
            tags::PHOTOMETRIC_INTERPRETATION,
            if inverted {
                "MONOCHROME1"
            } else {
                "MONOCHROME2"
            },
        )
        .short(tags::ROWS, extent("rows", volume.rows())?)
        .short(tags::COLUMNS, extent("columns", volume.columns())?)
        .short(tags::BITS_ALLOCATED, 16)
        .short(tags::BITS_STORED, description.bits_stored)
        .short(tags::HIGH_BIT, description.bits_stored - 1)
        .short(tags::PIXEL_REPRESENTATION, u16::from(description.signed));
    Ok(())
}

fn extent(field: &'static str, length: usize) -> Result<u16> {
    u16::try_from(length).map_err(|_| Error::Description {
        field,
        reason: format!("{length} are more than the 65535 that DICOM can hold"),
    })
}

/// Stored integers as 16-bit words; a negative number keeps its sign in the unused bits.
pub(crate) fn words<'a>(
    stored: impl IntoIterator<Item = &'a i32>,
    description: &ScanDescription,
) -> Result<Vec<u16>> {
    let (least, most) = description.range();
    stored
        .into_iter()
        .map(|&value| {
            if (least..=most).contains(&value) {
                Ok(value as u16)
            } else {
                Err(Error::ValueOutOfRange {
                    value,
                    bits: description.bits_stored,
                    signedness: if description.signed {
                        "signed"
                    } else {
                        "unsigned"
                    },
                })
            }
        })
        .collect()
}

/// Direction of the grid, axial where the volume does not say.
pub(crate) fn orientation(volume: &Volume) -> Orientation {
    volume.orientation().unwrap_or(Orientation::AXIAL)
}

/// Six direction cosines as DICOM writes them.
pub(crate) fn cosines(orientation: Orientation) -> [f64; 6] {
    let ([a, b, c], [d, e, f]) = (orientation.along_row, orientation.along_column);
    [a, b, c, d, e, f]
}

/// Position of each slice; without one, slices start at the origin and follow the normal.
pub(crate) fn positions(volume: &Volume) -> Vec<[f64; 3]> {
    match volume.positions() {
        Some(positions) => positions.to_vec(),
        None => {
            let (normal, step) = (orientation(volume).normal(), volume.spacing().slice_mm);
            (0..volume.slices())
                .map(|s| normal.map(|n| n * step * s as f64))
                .collect()
        }
    }
}

/// Writes one file as Explicit VR Little Endian.
pub(crate) fn write_file(
    path: &Path,
    fields: Fields,
    sop_class: &str,
    sop_instance: &str,
) -> Result<()> {
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .media_storage_sop_class_uid(sop_class)
        .media_storage_sop_instance_uid(sop_instance);
    write_object(path, fields.finish(), meta)
}

/// Writes a data set with its file meta information, atomically.
pub(crate) fn write_object(
    path: &Path,
    object: InMemDicomObject,
    meta: FileMetaTableBuilder,
) -> Result<()> {
    let failed = |source: crate::Source| Error::MalformedDicom {
        path: path.to_path_buf(),
        source,
    };
    let object = object.with_meta(meta).map_err(|e| failed(e.into()))?;
    atomic::write_with(path, |file| {
        object
            .write_all(file)
            .map_err(|error| match disk_error(&error) {
                Some(source) => Error::io(path, source),
                None => failed(error.into()),
            })
    })
}

/// The refusal of the operating system somewhere below an error of dicom-rs.
fn disk_error(error: &(dyn std::error::Error + 'static)) -> Option<std::io::Error> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(match io.raw_os_error() {
                Some(code) => std::io::Error::from_raw_os_error(code),
                None => std::io::Error::new(io.kind(), io.to_string()),
            });
        }
        at = error.source();
    }
    None
}
