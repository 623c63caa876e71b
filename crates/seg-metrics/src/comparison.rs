//! Whether a value equal to the threshold belongs to the mask.

/// Whether a value equal to the threshold belongs to the mask.
///
/// The paper writes both `≥` (design) and `>` (post-processing); its released code uses `≥`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Comparison {
    /// `value ≥ threshold`.
    #[default]
    AtLeast,
    /// `value > threshold`.
    Above,
}

impl Comparison {
    /// Whether `value` passes `threshold`.
    ///
    /// ```
    /// use seg_metrics::Comparison;
    /// assert!(Comparison::AtLeast.passes(0.5, 0.5));
    /// assert!(!Comparison::Above.passes(0.5, 0.5));
    /// ```
    pub fn passes(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::AtLeast => value >= threshold,
            Self::Above => value > threshold,
        }
    }
}
