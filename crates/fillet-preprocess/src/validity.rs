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

/// A scan of the study whose first slices are spoilt beyond the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LateStart {
    /// Freezing temperature of the fillet, in degrees Celsius: −5, −20 or −40.
    pub celsius: i32,
    /// Number of the sample within its treatment, from 1.
    pub sample: usize,
    /// `fresh` or `thawed`.
    pub class: &'static str,
    /// The first slice that counts, from 0.
    pub first: usize,
}

const fn late(celsius: i32, sample: usize, class: &'static str, first: usize) -> LateStart {
    LateStart {
        celsius,
        sample,
        class,
        first,
    }
}

/// The released code's list of bad slices: all lie at the beginning of five scans.
///
/// With the rule of [`SliceValidity::released`] it leaves 762 fresh and 752 thawed slices of 32
/// scans each.
///
/// # Source
///
/// `check_validity_mri_scan` in the authors' `functions/project_functions.py`.
pub const RELEASED_LATE_STARTS: [LateStart; 5] = [
    late(-5, 9, "fresh", 21),
    late(-20, 5, "thawed", 22),
    late(-20, 9, "thawed", 16),
    late(-40, 5, "thawed", 18),
    late(-40, 6, "thawed", 20),
];

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

    /// The released code's rule and its list of bad slices, for scans that `name` names as the sample
    /// sheet does.
    ///
    /// # Examples
    ///
    /// ```
    /// use fillet_preprocess::SliceValidity;
    ///
    /// let rule = SliceValidity::released_with_list(|s| {
    ///     format!("{} °C {} {}", s.celsius, s.sample, s.class)
    /// });
    /// assert_eq!(rule.valid_slices("-5 °C 9 fresh", 54)?, (21..39).collect::<Vec<_>>());
    /// # Ok::<(), fillet_preprocess::Error>(())
    /// ```
    pub fn released_with_list(name: impl Fn(&LateStart) -> String) -> Self {
        let rule = Self::released();
        let exclude = RELEASED_LATE_STARTS
            .iter()
            .flat_map(|late| {
                let scan = name(late);
                (rule.drop_first..late.first).map(move |slice| ExcludedSlice {
                    scan: scan.clone(),
                    slice: slice as i64,
                })
            })
            .collect();
        Self { exclude, ..rule }
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
