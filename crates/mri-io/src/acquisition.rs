//! How a scan was acquired and stored: the header fields that later steps use.

use serde::{Deserialize, Serialize};

/// Header fields of a scan; everything that a file may leave out is optional.
///
/// Fields that differ between slices are those of the first slice.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Acquisition {
    /// Modality (0008,0060), `MR` for magnetic resonance.
    pub modality: Option<String>,
    /// Manufacturer (0008,0070).
    pub manufacturer: Option<String>,
    /// Series Description (0008,103E).
    pub series_description: Option<String>,
    /// Patient ID (0010,0020).
    pub patient_id: Option<String>,
    /// Study Instance UID (0020,000D).
    pub study_uid: Option<String>,
    /// Series Instance UID (0020,000E).
    pub series_uid: Option<String>,
    /// Repetition Time (0018,0080), ms.
    pub repetition_time_ms: Option<f64>,
    /// Echo Time (0018,0081) or Effective Echo Time (0018,9082), ms.
    pub echo_time_ms: Option<f64>,
    /// Flip Angle (0018,1314), degrees.
    pub flip_angle_degrees: Option<f64>,
    /// Magnetic Field Strength (0018,0087), tesla.
    pub field_strength_tesla: Option<f64>,
    /// Slice Thickness (0018,0050), mm.
    pub slice_thickness_mm: Option<f64>,
    /// Bits Stored (0028,0101).
    pub bits_stored: Option<u16>,
    /// Pixel Representation (0028,0103): whether stored values are signed.
    pub signed: Option<bool>,
    /// Whether larger values are shown darker (Photometric Interpretation MONOCHROME1).
    ///
    /// Stored and measured values are left as they are.
    pub inverted: Option<bool>,
    /// Transfer Syntax UID (0002,0010) of the file.
    pub transfer_syntax: Option<String>,
}
