//! The limits of every number of a phantom study.

use super::config::PhantomConfig;
use crate::error::{Error, Result};

impl PhantomConfig {
    /// Checks every number.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] naming the key.
    pub fn validate(&self) -> Result<()> {
        let count = |key, value: usize, low: usize, high: usize, expected| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(Error::Config {
                    key,
                    value: value.to_string(),
                    expected,
                })
            }
        };
        count("fish", self.fish, 1, 10_000, "from 1 to 10000")?;
        count("fillets_per_fish", self.fillets_per_fish, 1, 2, "1 or 2")?;
        count("repeats", self.repeats, 1, 100, "from 1 to 100")?;
        count("slices", self.slices, 1, 1024, "from 1 to 1024")?;
        count("size", self.size, 8, 2048, "from 8 to 2048 pixels")?;
        let positive = [
            ("field_of_view_mm", self.field_of_view_mm),
            ("slice_spacing_mm", self.slice_spacing_mm),
            ("damage.half_damage_hours", self.damage.half_damage_hours),
            ("damage.freezing_hours[0]", self.damage.freezing_hours[0]),
            ("damage.freezing_hours[1]", self.damage.freezing_hours[1]),
            ("damage.freezing_hours[2]", self.damage.freezing_hours[2]),
            ("damage.fastest_share", self.damage.fastest_share),
            ("tissue.t2_fibre_ms", self.tissue.t2_fibre_ms),
            ("tissue.t2_free_ms", self.tissue.t2_free_ms),
            ("tissue.t1_ms", self.tissue.t1_ms),
            ("tissue.septum_mm", self.tissue.septum_mm),
            ("tissue.half_axes_mm[0]", self.tissue.half_axes_mm[0]),
            ("tissue.half_axes_mm[1]", self.tissue.half_axes_mm[1]),
            ("scanner.echo_time_ms", self.scanner.echo_time_ms),
            (
                "scanner.repetition_time_ms",
                self.scanner.repetition_time_ms,
            ),
            ("scanner.muscle_level", self.scanner.muscle_level),
            ("outcome.mass_g", self.outcome.mass_g),
        ];
        for (key, value) in positive {
            check(
                key,
                value,
                value.is_finite() && value > 0.0,
                "a positive number",
            )?;
        }
        let not_negative = [
            ("damage.fish_sd", self.damage.fish_sd),
            ("damage.fillet_sd", self.damage.fillet_sd),
            ("damage.local_sd", self.damage.local_sd),
            ("tissue.t2_fish_sd_ms", self.tissue.t2_fish_sd_ms),
            ("tissue.t2_fillet_sd_ms", self.tissue.t2_fillet_sd_ms),
            ("tissue.texture_sd", self.tissue.texture_sd),
            ("scanner.gain_sd", self.scanner.gain_sd),
            ("scanner.rotation_degrees", self.scanner.rotation_degrees),
            ("scanner.position_sd_mm", self.scanner.position_sd_mm),
            ("outcome.mass_fish_sd_g", self.outcome.mass_fish_sd_g),
            ("outcome.mass_fillet_sd_g", self.outcome.mass_fillet_sd_g),
            ("outcome.loss_percent", self.outcome.loss_percent),
            (
                "outcome.loss_per_damage_percent",
                self.outcome.loss_per_damage_percent,
            ),
            (
                "outcome.loss_fish_sd_percent",
                self.outcome.loss_fish_sd_percent,
            ),
            (
                "outcome.loss_fillet_sd_percent",
                self.outcome.loss_fillet_sd_percent,
            ),
        ];
        for (key, value) in not_negative {
            check(
                key,
                value,
                value.is_finite() && value >= 0.0,
                "zero or a positive number",
            )?;
        }
        let shares = [
            (
                "damage.recrystallised_share",
                self.damage.recrystallised_share,
            ),
            (
                "damage.recrystallised_damage",
                self.damage.recrystallised_damage,
            ),
            ("tissue.fibre_fraction", self.tissue.fibre_fraction),
            ("tissue.free_fraction", self.tissue.free_fraction),
            ("tissue.expelled_most", self.tissue.expelled_most),
            ("scanner.shading", self.scanner.shading),
        ];
        for (key, value) in shares {
            check(
                key,
                value,
                (0.0..=1.0).contains(&value),
                "a share in [0, 1]",
            )?;
        }
        let ranges = [
            (
                "tissue.t2_expelled_ms",
                self.tissue.t2_expelled_ms,
                1.0,
                10_000.0,
            ),
            (
                "tissue.sheet_spacing_mm",
                self.tissue.sheet_spacing_mm,
                0.5,
                100.0,
            ),
            (
                "scanner.signal_to_noise",
                self.scanner.signal_to_noise,
                0.1,
                1e6,
            ),
            ("scanner.film", self.scanner.film, 0.0, 10.0),
            ("scanner.spoilt_share", self.scanner.spoilt_share, 0.0, 0.5),
        ];
        for (key, [low, high], least, most) in ranges {
            check(
                key,
                low,
                low >= least && low <= high,
                "an ascending range within its limits",
            )?;
            check(
                key,
                high,
                high <= most,
                "an ascending range within its limits",
            )?;
        }
        check(
            "damage.fastest_share",
            self.damage.fastest_share,
            self.damage.fastest_share <= 1.0,
            "a share in (0, 1]",
        )
    }
}

fn check(key: &'static str, value: f64, valid: bool, expected: &'static str) -> Result<()> {
    if valid {
        Ok(())
    } else {
        Err(Error::Config {
            key,
            value: value.to_string(),
            expected,
        })
    }
}
