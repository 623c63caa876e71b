//! One volume -> one multi-frame file (Enhanced MR).

use std::path::Path;

use dicom::core::VR;
use dicom::dictionary_std::{tags, uids};

use super::description::ScanDescription;
use super::fields::Fields;
use super::modules::{self, Identity};
use crate::dicom::header::dot;
use crate::{Rescale, Result, Volume};

const IMAGE_TYPE: &str = "DERIVED\\PRIMARY\\VOLUME\\NONE";

/// Writes a scan as one multi-frame file: Enhanced MR Image, Explicit VR Little Endian, atomically.
///
/// Enhanced MR is the one class in which DICOM allows several MR frames in one file. The image is
/// marked as derived, since nothing is known about how its k-space was sampled. Positions and
/// rescale are written for each frame; spacing, orientation and echo time once. Numbers that
/// DICOM keeps as text are rounded to 16 characters.
///
/// The same volume and description give the same bytes: identifiers follow from names, and no
/// time is taken from the clock.
///
/// # Errors
///
/// [`Error::ValueOutOfRange`](crate::Error::ValueOutOfRange) if a stored value needs more bits
/// than described, [`Error::Description`](crate::Error::Description) if a text or number does not
/// fit into its field, [`Error::Io`](crate::Error::Io) if the file cannot be written.
///
/// # Source
///
/// DICOM PS3.3 A.36 (Enhanced MR Image), C.7.6.16 (functional groups).
///
/// # Examples
///
/// See [`read_scan`](crate::read_scan).
pub fn write_multi_frame(
    path: &Path,
    volume: &Volume,
    description: &ScanDescription,
) -> Result<()> {
    description.validate()?;
    let identity = Identity::new(description);
    let sop_instance = modules::instance_uid(description, 1);
    let sop_class = uids::ENHANCED_MR_IMAGE_STORAGE;
    let mut file = Fields::new();
    modules::common(&mut file, description, &identity, sop_class, &sop_instance);
    modules::pixel_format(&mut file, volume, description)?;
    image_module(&mut file, volume);
    dimensions(&mut file, description);
    file.sequence(
        tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
        vec![shared_groups(volume)],
    )
    .sequence(
        tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
        frame_groups(volume),
    )
    .words(
        tags::PIXEL_DATA,
        modules::words(volume.stored(), description)?,
    );
    modules::write_file(path, file, sop_class, &sop_instance)
}

fn image_module(file: &mut Fields, volume: &Volume) {
    file.code(tags::IMAGE_TYPE, IMAGE_TYPE)
        .integer(tags::INSTANCE_NUMBER, 1)
        .integer(tags::NUMBER_OF_FRAMES, volume.slices())
        .code(tags::PIXEL_PRESENTATION, "MONOCHROME")
        .code(tags::VOLUMETRIC_PROPERTIES, "VOLUME")
        .code(tags::VOLUME_BASED_CALCULATION_TECHNIQUE, "NONE")
        .code(tags::COMPLEX_IMAGE_COMPONENT, "MAGNITUDE")
        .code(tags::ACQUISITION_CONTRAST, "UNKNOWN")
        .code(tags::CONTENT_QUALIFICATION, "RESEARCH")
        .code(tags::APPLICABLE_SAFETY_STANDARD_AGENCY, "IEC")
        .code(tags::BURNED_IN_ANNOTATION, "NO")
        .code(tags::LOSSY_IMAGE_COMPRESSION, "00")
        .code(tags::PRESENTATION_LUT_SHAPE, "IDENTITY")
        .sequence(tags::ACQUISITION_CONTEXT_SEQUENCE, Vec::new());
    // the functional group for these would also ask for what is not known here (SAR, echo trains)
    let acquisition = volume.acquisition();
    for (tag, value) in [
        (tags::REPETITION_TIME, acquisition.repetition_time_ms),
        (tags::FLIP_ANGLE, acquisition.flip_angle_degrees),
        (
            tags::MAGNETIC_FIELD_STRENGTH,
            acquisition.field_strength_tesla,
        ),
    ] {
        if let Some(number) = value {
            file.decimals(tag, &[number]);
        }
    }
}

/// Frames are indexed by stack and by position in it.
fn dimensions(file: &mut Fields, description: &ScanDescription) {
    let organization = modules::dimension_uid(description);
    let index = |pointer| {
        let mut item = Fields::new();
        item.text(tags::DIMENSION_ORGANIZATION_UID, VR::UI, &organization)
            .tag_value(tags::DIMENSION_INDEX_POINTER, pointer)
            .tag_value(tags::FUNCTIONAL_GROUP_POINTER, tags::FRAME_CONTENT_SEQUENCE);
        item
    };
    file.item(tags::DIMENSION_ORGANIZATION_SEQUENCE, |item| {
        item.text(tags::DIMENSION_ORGANIZATION_UID, VR::UI, &organization);
    })
    .sequence(
        tags::DIMENSION_INDEX_SEQUENCE,
        vec![index(tags::STACK_ID), index(tags::IN_STACK_POSITION_NUMBER)],
    );
}

fn shared_groups(volume: &Volume) -> Fields {
    let mut groups = Fields::new();
    let (spacing, acquisition) = (volume.spacing(), volume.acquisition());
    groups
        .item(tags::PIXEL_MEASURES_SEQUENCE, |item| {
            item.decimals(tags::PIXEL_SPACING, &[spacing.row_mm, spacing.column_mm])
                .decimals(tags::SPACING_BETWEEN_SLICES, &[spacing.slice_mm])
                .decimals(
                    tags::SLICE_THICKNESS,
                    &[acquisition.slice_thickness_mm.unwrap_or(spacing.slice_mm)],
                );
        })
        .item(tags::PLANE_ORIENTATION_SEQUENCE, |item| {
            let cosines = modules::cosines(modules::orientation(volume));
            item.decimals(tags::IMAGE_ORIENTATION_PATIENT, &cosines);
        })
        .item(tags::FRAME_ANATOMY_SEQUENCE, |item| {
            item.code(tags::FRAME_LATERALITY, "U")
                .item(tags::ANATOMIC_REGION_SEQUENCE, |code| {
                    code.text(tags::CODE_VALUE, VR::SH, "127954009")
                        .text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, "SCT")
                        .text(tags::CODE_MEANING, VR::LO, "Skeletal muscle");
                });
        })
        .item(tags::MR_IMAGE_FRAME_TYPE_SEQUENCE, |item| {
            item.code(tags::FRAME_TYPE, IMAGE_TYPE)
                .code(tags::PIXEL_PRESENTATION, "MONOCHROME")
                .code(tags::VOLUMETRIC_PROPERTIES, "VOLUME")
                .code(tags::VOLUME_BASED_CALCULATION_TECHNIQUE, "NONE")
                .code(tags::COMPLEX_IMAGE_COMPONENT, "MAGNITUDE")
                .code(tags::ACQUISITION_CONTRAST, "UNKNOWN");
        });
    if let Some(ms) = acquisition.echo_time_ms {
        groups.item(tags::MR_ECHO_SEQUENCE, |item| {
            item.double(tags::EFFECTIVE_ECHO_TIME, ms);
        });
    }
    groups
}

fn frame_groups(volume: &Volume) -> Vec<Fields> {
    let positions = modules::positions(volume);
    let in_stack = in_stack_positions(volume, &positions);
    positions
        .iter()
        .zip(volume.rescale())
        .zip(in_stack)
        .map(|((position, rescale), number)| {
            let mut groups = Fields::new();
            groups
                .item(tags::FRAME_CONTENT_SEQUENCE, |item| {
                    item.text(tags::STACK_ID, VR::SH, "1")
                        .longs(tags::IN_STACK_POSITION_NUMBER, &[number])
                        .longs(tags::DIMENSION_INDEX_VALUES, &[1, number]);
                })
                .item(tags::PLANE_POSITION_SEQUENCE, |item| {
                    item.decimals(tags::IMAGE_POSITION_PATIENT, position);
                })
                .item(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, |item| {
                    let Rescale { slope, intercept } = *rescale;
                    item.decimals(tags::RESCALE_INTERCEPT, &[intercept])
                        .decimals(tags::RESCALE_SLOPE, &[slope])
                        .text(tags::RESCALE_TYPE, VR::LO, "US");
                });
            groups
        })
        .collect()
}

/// Rank of each slice along the normal, from 1.
fn in_stack_positions(volume: &Volume, positions: &[[f64; 3]]) -> Vec<u32> {
    let normal = modules::orientation(volume).normal();
    let mut order: Vec<usize> = (0..positions.len()).collect();
    order.sort_by(|&a, &b| dot(positions[a], normal).total_cmp(&dot(positions[b], normal)));
    let mut ranks = vec![0; positions.len()];
    for (rank, slice) in order.into_iter().enumerate() {
        ranks[slice] = rank as u32 + 1;
    }
    ranks
}
