//! Which elements stay, and what becomes of those that must stand.

use dicom::core::Tag;
use dicom::dictionary_std::tags;

/// Image, geometry and acquisition: all that stays as it is.
pub(super) const KEPT: &[Tag] = &[
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
    // what Enhanced MR must say besides
    tags::FRAME_LATERALITY,
    tags::CODE_VALUE,
    tags::CODING_SCHEME_DESIGNATOR,
    tags::CODE_MEANING,
    tags::APPLICABLE_SAFETY_STANDARD_AGENCY,
    tags::RESONANT_NUCLEUS,
];

/// Sequences that stay, with what is kept inside them.
pub(super) const KEPT_SEQUENCES: &[Tag] = &[
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
    tags::FRAME_ANATOMY_SEQUENCE,
    tags::ANATOMIC_REGION_SEQUENCE,
];

/// Identifiers that get a new value, the same wherever the old one stands.
pub(super) const MAPPED_UIDS: &[Tag] = &[
    tags::SOP_INSTANCE_UID,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::FRAME_OF_REFERENCE_UID,
    tags::DIMENSION_ORGANIZATION_UID,
];

/// Elements that must stand in a valid file and are left without a value.
pub(super) const EMPTIED: &[Tag] = &[
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_ID,
];

/// Elements that must stand in a valid file with a value, and get one that says nothing.
pub(super) const DUMMIES: &[(Tag, &str)] = &[
    (tags::CONTENT_DATE, "19000101"),
    (tags::CONTENT_TIME, "000000"),
    (tags::MANUFACTURER_MODEL_NAME, "removed"),
    (tags::DEVICE_SERIAL_NUMBER, "removed"),
    (tags::SOFTWARE_VERSIONS, "removed"),
];
