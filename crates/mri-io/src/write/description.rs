//! What is written about a scan besides its pixels.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What is written about a scan besides its pixels, spacing and acquisition.
///
/// All identifiers follow from [`study`](Self::study) and [`name`](Self::name): the same
/// description and volume give the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanDescription {
    /// Names the scan within its study; different scans need different names.
    pub name: String,
    /// Names the study.
    pub study: String,
    /// Patient ID: the animal or sample.
    pub patient_id: String,
    /// Series Description.
    pub series_description: String,
    /// Manufacturer.
    pub manufacturer: String,
    /// Manufacturer's Model Name.
    pub model: String,
    /// Image Comments.
    pub comments: String,
    /// Date of the study, `YYYYMMDD`. Never taken from the clock.
    pub date: String,
    /// Bits that a stored value may use, 1 to 16.
    pub bits_stored: u16,
    /// Whether stored values may be negative.
    pub signed: bool,
}

impl ScanDescription {
    /// A scan that was computed, not measured: 12 bits, and every text says so.
    #[must_use]
    pub fn synthetic(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            study: name.to_owned(),
            patient_id: name.to_owned(),
            series_description: "synthetic T2w".to_owned(),
            manufacturer: "synthetic".to_owned(),
            model: "phantom".to_owned(),
            comments: "Synthetic data: computed, not measured.".to_owned(),
            date: "20000101".to_owned(),
            bits_stored: 12,
            signed: false,
        }
    }

    /// Everything can be stored in its DICOM field.
    pub(crate) fn validate(&self) -> Result<()> {
        let bad = |field, reason: &str| {
            Err(Error::Description {
                field,
                reason: reason.to_owned(),
            })
        };
        for (field, text, most) in [
            ("patient_id", &self.patient_id, 64),
            ("series_description", &self.series_description, 64),
            ("manufacturer", &self.manufacturer, 64),
            ("model", &self.model, 64),
            ("comments", &self.comments, 10_240),
        ] {
            if text.chars().count() > most {
                return bad(field, &format!("longer than {most} characters"));
            }
            if text.chars().any(|c| c == '\\' || c.is_control()) {
                return bad(field, "contains a backslash or control character");
            }
        }
        if self.name.is_empty() {
            return bad("name", "empty");
        }
        if self.date.len() != 8 || !self.date.bytes().all(|b| b.is_ascii_digit()) {
            return bad("date", &format!("{:?} is not YYYYMMDD", self.date));
        }
        if !(1..=16).contains(&self.bits_stored) {
            return bad(
                "bits_stored",
                &format!("{} is not within 1 to 16", self.bits_stored),
            );
        }
        Ok(())
    }

    /// Smallest and largest value that can be stored.
    pub(crate) fn range(&self) -> (i32, i32) {
        let bits = u32::from(self.bits_stored);
        if self.signed {
            (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        } else {
            (0, (1 << bits) - 1)
        }
    }
}
