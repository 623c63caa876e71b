//! Which slices of a scan count.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A single slice to leave out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExcludedSlice {
    /// The scan, as in the sample sheet.
    pub scan: String,
    /// Slice from 0; negative numbers count from the end, −1 being the last.
    pub slice: i64,
}

/// Rule that tells valid slices from spoilt ones.
///
/// # Examples
///
/// ```
/// use fillet_preprocess::SliceValidity;
///
/// let rule = SliceValidity::released();
/// assert_eq!(rule.valid_slices("any scan", 54)?, (15..39).collect::<Vec<_>>());
/// # Ok::<(), fillet_preprocess::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SliceValidity {
    /// Slices to drop at the beginning of every scan.
    pub drop_first: usize,
    /// Slices to drop at the end of every scan.
    pub drop_last: usize,
    /// Further slices to drop.
    pub exclude: Vec<ExcludedSlice>,
}

impl SliceValidity {
    /// The released code's rule without its list of scans: 15 slices dropped at either end.
    pub fn released() -> Self {
        Self {
            drop_first: 15,
            drop_last: 15,
            exclude: Vec::new(),
        }
    }

    /// The valid slices of a scan, ascending.
    ///
    /// # Errors
    ///
    /// [`Error::NoSlicesLeft`]; [`Error::Config`] if an excluded slice of this scan does not exist.
    pub fn valid_slices(&self, scan: &str, slices: usize) -> Result<Vec<usize>> {
        let mut excluded = Vec::new();
        for entry in self.exclude.iter().filter(|entry| entry.scan == scan) {
            let index = if entry.slice < 0 {
                entry.slice + slices as i64
            } else {
                entry.slice
            };
            match usize::try_from(index) {
                Ok(index) if index < slices => excluded.push(index),
                _ => {
                    return Err(Error::Config {
                        key: "exclude",
                        value: format!("slice {} of {scan:?}", entry.slice),
                        expected: "a slice that the scan has",
                    });
                }
            }
        }
        let end = slices.saturating_sub(self.drop_last);
        let valid: Vec<usize> = (self.drop_first..end)
            .filter(|slice| !excluded.contains(slice))
            .collect();
        if valid.is_empty() {
            return Err(Error::NoSlicesLeft {
                scan: scan.to_owned(),
                slices,
            });
        }
        Ok(valid)
    }
}
