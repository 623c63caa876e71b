//! Masses before and after -> liquid loss.

use crate::error::{Error, Result};

/// Liquid lost by a fillet, in percent of its mass before freezing.
///
/// ```text
/// liquid loss = 100 · (m_before − m_after) / m_before
/// ```
///
/// Negative when the fillet gained mass.
///
/// # Errors
///
/// [`Error::Config`] unless both masses are finite, `mass_before_g > 0` and `mass_after_g >= 0`.
///
/// # Source
///
/// Syed et al. 2023, Eq. 16.
///
/// # Examples
///
/// ```
/// let loss = fillet_preprocess::liquid_loss_percent(146.0, 138.7)?;
/// assert!((loss - 5.0).abs() < 1e-12);
/// # Ok::<(), fillet_preprocess::Error>(())
/// ```
pub fn liquid_loss_percent(mass_before_g: f64, mass_after_g: f64) -> Result<f64> {
    if !(mass_before_g.is_finite() && mass_before_g > 0.0) {
        return Err(Error::Config {
            key: "mass_before_g",
            value: mass_before_g.to_string(),
            expected: "a positive number of grams",
        });
    }
    if !(mass_after_g.is_finite() && mass_after_g >= 0.0) {
        return Err(Error::Config {
            key: "mass_after_g",
            value: mass_after_g.to_string(),
            expected: "a number of grams, zero or more",
        });
    }
    Ok(100.0 * (mass_before_g - mass_after_g) / mass_before_g)
}
