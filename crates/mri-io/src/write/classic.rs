//! One volume -> a folder of single-slice files (MR Image).

use std::path::{Path, PathBuf};

use dicom::core::VR;
use dicom::dictionary_std::{tags, uids};
use ndarray::Axis;

use super::description::ScanDescription;
use super::fields::Fields;
use super::modules::{self, Identity};
use crate::{Error, Result, Volume};

/// Writes a scan as one file per slice: MR Image, Explicit VR Little Endian, each atomically.
///
/// Files are named `0001.dcm` and so on inside `folder`, which is made if it does not exist.
/// Returns their paths in the order of the slices. The same volume and description give the same
/// bytes.
///
/// # Errors
///
/// As [`write_multi_frame`](crate::write_multi_frame).
///
/// # Source
///
/// DICOM PS3.3 A.4 (MR Image).
///
/// # Examples
///
/// ```
/// use mri_io::{ScanDescription, Spacing, Volume, read_scan, write_series};
/// use ndarray::Array3;
///
/// let folder = tempfile::tempdir()?;
/// let volume = Volume::new(Array3::from_elem((2, 3, 4), 7), Spacing::isotropic(1.0))?;
/// let files = write_series(folder.path(), &volume, &ScanDescription::synthetic("fillet 1"))?;
/// assert_eq!(files.len(), 2);
/// assert_eq!(read_scan(folder.path())?.stored(), volume.stored());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_series(
    folder: &Path,
    volume: &Volume,
    description: &ScanDescription,
) -> Result<Vec<PathBuf>> {
    description.validate()?;
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    let identity = Identity::new(description);
    let positions = modules::positions(volume);
    let mut paths = Vec::with_capacity(volume.slices());
    for (slice, position) in positions.iter().enumerate() {
        let sop_instance = modules::instance_uid(description, slice + 1);
        let sop_class = uids::MR_IMAGE_STORAGE;
        let mut file = Fields::new();
        modules::common(&mut file, description, &identity, sop_class, &sop_instance);
        modules::pixel_format(&mut file, volume, description)?;
        plane(&mut file, volume, slice, position);
        sequence(&mut file, volume);
        let stored = volume.stored();
        let pixels = stored.index_axis(Axis(0), slice);
        file.words(tags::PIXEL_DATA, modules::words(pixels, description)?);
        let path = folder.join(format!("{:04}.dcm", slice + 1));
        modules::write_file(&path, file, sop_class, &sop_instance)?;
        paths.push(path);
    }
    Ok(paths)
}

fn plane(file: &mut Fields, volume: &Volume, slice: usize, position: &[f64; 3]) {
    let (spacing, rescale) = (volume.spacing(), volume.rescale()[slice]);
    let thickness = volume
        .acquisition()
        .slice_thickness_mm
        .unwrap_or(spacing.slice_mm);
    file.integer(tags::INSTANCE_NUMBER, slice + 1)
        .code(tags::IMAGE_TYPE, "DERIVED\\PRIMARY\\OTHER")
        .decimals(tags::IMAGE_POSITION_PATIENT, position)
        .decimals(
            tags::IMAGE_ORIENTATION_PATIENT,
            &modules::cosines(modules::orientation(volume)),
        )
        .decimals(tags::PIXEL_SPACING, &[spacing.row_mm, spacing.column_mm])
        .decimals(tags::SPACING_BETWEEN_SLICES, &[spacing.slice_mm])
        .decimals(tags::SLICE_THICKNESS, &[thickness])
        .decimals(tags::RESCALE_INTERCEPT, &[rescale.intercept])
        .decimals(tags::RESCALE_SLOPE, &[rescale.slope])
        .text(tags::RESCALE_TYPE, VR::LO, "US");
}

fn sequence(file: &mut Fields, volume: &Volume) {
    let acquisition = volume.acquisition();
    file.code(tags::SCANNING_SEQUENCE, "RM")
        .code(tags::SEQUENCE_VARIANT, "NONE")
        .empty(tags::SCAN_OPTIONS, VR::CS)
        .empty(tags::MR_ACQUISITION_TYPE, VR::CS)
        .empty(tags::ECHO_TRAIN_LENGTH, VR::IS)
        .empty(tags::LATERALITY, VR::CS);
    for (tag, value) in [
        (tags::REPETITION_TIME, acquisition.repetition_time_ms),
        (tags::ECHO_TIME, acquisition.echo_time_ms),
    ] {
        match value {
            Some(ms) => file.decimals(tag, &[ms]),
            None => file.empty(tag, VR::DS),
        };
    }
    if let Some(degrees) = acquisition.flip_angle_degrees {
        file.decimals(tags::FLIP_ANGLE, &[degrees]);
    }
    if let Some(tesla) = acquisition.field_strength_tesla {
        file.decimals(tags::MAGNETIC_FIELD_STRENGTH, &[tesla]);
    }
}
