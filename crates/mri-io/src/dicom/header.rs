//! A data set -> what a scan needs to know about it: identity, layout, geometry, rescale.

use std::path::{Path, PathBuf};

use dicom::core::Tag;
use dicom::dictionary_std::{tags, uids};

use super::container::Container;
use super::dataset::DataSet;
use super::pixels::{Frames, Layout};
use crate::{Acquisition, Error, Orientation, Rescale, Result};

/// What is known about one file without decoding its pixels.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) path: PathBuf,
    pub(crate) sop_class: Option<String>,
    pub(crate) sop_instance: Option<String>,
    pub(crate) image_type: Vec<String>,
    pub(crate) instance_number: Option<f64>,
    pub(crate) acquisition: Acquisition,
    pub(crate) layout: Layout,
    /// Down and across, mm.
    pub(crate) pixel_spacing: Option<[f64; 2]>,
    pub(crate) spacing_between_slices: Option<f64>,
    /// One for each frame.
    pub(crate) frames: Vec<Frame>,
}

/// What may differ between the frames of one file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    pub(crate) position: Option<[f64; 3]>,
    pub(crate) orientation: Option<Orientation>,
    /// `None` where the file states neither slope nor intercept.
    pub(crate) rescale: Option<Rescale>,
}

/// Functional groups of one frame, nearest first.
struct Groups<'d, 'a> {
    frame: Option<&'d DataSet<'a>>,
    shared: Option<&'d DataSet<'a>>,
    root: &'d DataSet<'a>,
}

impl<'d, 'a> Groups<'d, 'a> {
    /// Value of `field` in the macro `sequence` of the frame, of all frames, or in the file itself.
    fn find<T>(&self, sequence: Tag, field: impl Fn(&'d DataSet<'a>) -> Option<T>) -> Option<T> {
        [self.frame, self.shared]
            .into_iter()
            .flatten()
            .filter_map(|groups| groups.items(sequence).first())
            .find_map(&field)
            .or_else(|| field(self.root))
    }
}

impl Header {
    /// Reads the header of a file, and hands its frames to `with_frames`.
    pub(crate) fn read_with<T>(
        path: &Path,
        with_frames: impl FnOnce(&Self, &Frames<'_>) -> Result<T>,
    ) -> Result<T> {
        let container = Container::read(path)?;
        let dataset = container.parse(path)?;
        let header = Self::from_dataset(&dataset, &container.transfer_syntax, path)?;
        let frames = Frames::open(&dataset, header.layout, &container.transfer_syntax, path)?;
        with_frames(&header, &frames)
    }

    /// Reads the header of a file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let container = Container::read(path)?;
        let dataset = container.parse(path)?;
        Self::from_dataset(&dataset, &container.transfer_syntax, path)
    }

    fn from_dataset(root: &DataSet<'_>, transfer_syntax: &str, path: &Path) -> Result<Self> {
        let sop_class = root.text(tags::SOP_CLASS_UID);
        let layout = match Layout::read(root, transfer_syntax, path) {
            // say first that this is something else altogether
            Err(Error::MissingField {
                field: "PixelData", ..
            }) if !is_mr(root) => {
                return Err(not_mr(root, path));
            }
            other => other?,
        };
        let shared = root.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
        let per_frame = root.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
        let groups = |frame| Groups {
            frame: per_frame.get(frame),
            shared,
            root,
        };
        let frames = (0..layout.frames)
            .map(|frame| Frame::read(&groups(frame), path))
            .collect::<Result<Vec<_>>>()?;
        let first = groups(0);
        let measures = tags::PIXEL_MEASURES_SEQUENCE;
        let positive = |n: &f64| *n > 0.0;
        let acquisition = Acquisition {
            modality: root.text(tags::MODALITY),
            manufacturer: root.free_text(tags::MANUFACTURER),
            series_description: root.free_text(tags::SERIES_DESCRIPTION),
            patient_id: root.free_text(tags::PATIENT_ID),
            study_uid: root.text(tags::STUDY_INSTANCE_UID),
            series_uid: root.text(tags::SERIES_INSTANCE_UID),
            repetition_time_ms: first.find(tags::MR_TIMING_AND_RELATED_PARAMETERS_SEQUENCE, |g| {
                g.number(tags::REPETITION_TIME)
            }),
            echo_time_ms: first.find(tags::MR_ECHO_SEQUENCE, |g| {
                g.number(tags::EFFECTIVE_ECHO_TIME)
                    .or_else(|| g.number(tags::ECHO_TIME))
            }),
            flip_angle_degrees: first.find(tags::MR_TIMING_AND_RELATED_PARAMETERS_SEQUENCE, |g| {
                g.number(tags::FLIP_ANGLE)
            }),
            field_strength_tesla: root.number(tags::MAGNETIC_FIELD_STRENGTH),
            slice_thickness_mm: first
                .find(measures, |g| g.number(tags::SLICE_THICKNESS))
                .filter(positive),
            bits_stored: Some(layout.bits_stored),
            signed: Some(layout.signed),
            inverted: Some(layout.inverted),
            transfer_syntax: Some(transfer_syntax.to_owned()),
        };
        Ok(Self {
            path: path.to_path_buf(),
            sop_class,
            sop_instance: root.text(tags::SOP_INSTANCE_UID),
            image_type: root
                .text(tags::IMAGE_TYPE)
                .map(|t| t.split('\\').map(|part| part.trim().to_owned()).collect())
                .unwrap_or_default(),
            instance_number: root.number(tags::INSTANCE_NUMBER),
            pixel_spacing: first
                .find(measures, |g| g.vector(tags::PIXEL_SPACING))
                .filter(|spacing: &[f64; 2]| spacing.iter().all(positive)),
            spacing_between_slices: first
                .find(measures, |g| g.number(tags::SPACING_BETWEEN_SLICES))
                .map(f64::abs)
                .filter(positive),
            acquisition,
            layout,
            frames,
        })
    }

    /// Refuses images of other modalities.
    pub(crate) fn require_mr(&self) -> Result<()> {
        if says_mr(
            self.acquisition.modality.as_deref(),
            self.sop_class.as_deref(),
        ) {
            return Ok(());
        }
        Err(Error::NotMr {
            path: self.path.clone(),
            modality: self
                .acquisition
                .modality
                .clone()
                .unwrap_or_else(|| "absent".to_owned()),
            sop_class: self
                .sop_class
                .clone()
                .unwrap_or_else(|| "absent".to_owned()),
        })
    }

    /// Whether the scanner marked the image as a scout.
    pub(crate) fn is_scout(&self) -> bool {
        self.image_type.iter().any(|part| part == "LOCALIZER")
    }

    /// `[rows, columns]`.
    pub(crate) fn matrix(&self) -> [usize; 2] {
        [self.layout.rows, self.layout.columns]
    }
}

impl Frame {
    fn read(groups: &Groups<'_, '_>, path: &Path) -> Result<Self> {
        let position = groups.find(tags::PLANE_POSITION_SEQUENCE, |g| {
            g.vector(tags::IMAGE_POSITION_PATIENT)
        });
        let orientation = groups
            .find(tags::PLANE_ORIENTATION_SEQUENCE, |g| {
                g.vector::<6>(tags::IMAGE_ORIENTATION_PATIENT)
            })
            .and_then(orientation);
        let transformation = tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE;
        let slope = groups.find(transformation, |g| g.number(tags::RESCALE_SLOPE));
        let intercept = groups.find(transformation, |g| g.number(tags::RESCALE_INTERCEPT));
        if slope == Some(0.0) {
            return Err(Error::InvalidField {
                path: path.to_path_buf(),
                field: "RescaleSlope",
                value: "0".to_owned(),
                expected: "a number other than 0",
            });
        }
        let rescale = (slope.is_some() || intercept.is_some()).then(|| Rescale {
            slope: slope.unwrap_or(1.0),
            intercept: intercept.unwrap_or(0.0),
        });
        Ok(Self {
            position,
            orientation,
            rescale,
        })
    }
}

/// Unit vectors from six direction cosines; `None` unless they span a plane.
fn orientation(cosines: [f64; 6]) -> Option<Orientation> {
    let [a, b, c, d, e, f] = cosines;
    let along_row = unit([a, b, c])?;
    let along_column = unit([d, e, f])?;
    let orientation = Orientation {
        along_row,
        along_column,
    };
    // rounded cosines are common, skewed planes are not
    (unit(orientation.normal()).is_some() && dot(along_row, along_column).abs() < 0.05)
        .then_some(orientation)
}

fn unit(v: [f64; 3]) -> Option<[f64; 3]> {
    let length = dot(v, v).sqrt();
    (length > 0.5).then(|| v.map(|x| x / length))
}

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn says_mr(modality: Option<&str>, sop_class: Option<&str>) -> bool {
    modality == Some("MR")
        || matches!(
            sop_class,
            Some(
                uids::MR_IMAGE_STORAGE
                    | uids::ENHANCED_MR_IMAGE_STORAGE
                    | uids::LEGACY_CONVERTED_ENHANCED_MR_IMAGE_STORAGE
            )
        )
}

fn is_mr(root: &DataSet<'_>) -> bool {
    says_mr(
        root.text(tags::MODALITY).as_deref(),
        root.text(tags::SOP_CLASS_UID).as_deref(),
    )
}

fn not_mr(root: &DataSet<'_>, path: &Path) -> Error {
    Error::NotMr {
        path: path.to_path_buf(),
        modality: root
            .text(tags::MODALITY)
            .unwrap_or_else(|| "absent".to_owned()),
        sop_class: root
            .text(tags::SOP_CLASS_UID)
            .unwrap_or_else(|| "absent".to_owned()),
    }
}
