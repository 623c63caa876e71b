//! What a phantom study is made of. Every number is configuration, with its source or the word
//! *assumed*.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Freezing treatment of a fillet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freezing {
    /// −5 °C: slow, large ice crystals.
    Minus5,
    /// −20 °C.
    Minus20,
    /// −40 °C: fast, hardly any visible damage.
    Minus40,
}

impl Freezing {
    /// All treatments, warmest first.
    pub const ALL: [Self; 3] = [Self::Minus5, Self::Minus20, Self::Minus40];

    /// The temperature in degrees Celsius.
    pub fn celsius(self) -> i32 {
        match self {
            Self::Minus5 => -5,
            Self::Minus20 => -20,
            Self::Minus40 => -40,
        }
    }

    /// The canonical name, as in sample sheets.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minus5 => "minus_5",
            Self::Minus20 => "minus_20",
            Self::Minus40 => "minus_40",
        }
    }
}

impl fmt::Display for Freezing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Freezing {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|treatment| treatment.name() == name).ok_or_else(|| {
            Error::UnknownName {
                what: "treatment",
                name: name.to_owned(),
                known: &["minus_5", "minus_20", "minus_40"],
            }
        })
    }
}

/// State of a fillet when scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Before freezing.
    Fresh,
    /// After freezing and thawing.
    Thawed,
    /// Never frozen, taken out and scanned a second time.
    Rescanned,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Thawed => "thawed",
            Self::Rescanned => "rescanned",
        })
    }
}

/// What the second scan of each fillet shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondScan {
    /// The fillet after freezing and thawing.
    #[default]
    Thawed,
    /// Null cohort: the same fresh fillet, positioned and scanned anew. Any accuracy above chance
    /// is leakage or a confound.
    FreshAgain,
    /// There is none.
    None,
}

/// Where freezing damages a fillet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DamageLayout {
    /// Cold from all sides: freezing lasts longest in the middle. "The middle" solves it.
    Centre,
    /// Cold from the skin side only: freezing lasts longest at the opposite face.
    Contact,
    /// Foci of slow freezing spread over the fillet independently of depth. The default, because
    /// a map that always marks the middle must not score well.
    #[default]
    Foci,
}

/// How fast damage rises across a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Softness {
    /// Logistic width 0.1 in ln(freezing time).
    Hard,
    /// Logistic width 0.6.
    #[default]
    Soft,
    /// Logistic width 1.2.
    VerySoft,
}

impl Softness {
    /// Logistic width in ln(freezing time).
    pub fn width(self) -> f64 {
        match self {
            Self::Hard => 0.1,
            Self::Soft => 0.6,
            Self::VerySoft => 1.2,
        }
    }
}

/// Freezing time and the damage it does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DamageConfig {
    /// Where damage lies.
    pub layout: DamageLayout,
    /// How soft its boundaries are.
    pub softness: Softness,
    /// Time to freeze the slowest point at −5, −20 and −40 °C, in hours. Plank's equation for a
    /// 35 mm slab, heat transfer 8, 8 and 30 W/m²K (*assumed*).
    pub freezing_hours: [f64; 3],
    /// Freezing time that does half the damage, in hours (*assumed*).
    pub half_damage_hours: f64,
    /// Freezing time of the fastest point relative to the slowest (*assumed*).
    pub fastest_share: f64,
    /// Standard deviation of ln(freezing time) between fish (*assumed*).
    pub fish_sd: f64,
    /// Standard deviation of ln(freezing time) between fillets of a fish (*assumed*).
    pub fillet_sd: f64,
    /// Standard deviation of ln(freezing time) within a fillet, over about 6 mm (*assumed*).
    pub local_sd: f64,
    /// Share of the tissue in foci of recrystallised ice, whatever the treatment (*assumed*).
    pub recrystallised_share: f64,
    /// Damage done inside such a focus to tissue that is otherwise whole (*assumed*).
    pub recrystallised_damage: f64,
}

impl Default for DamageConfig {
    fn default() -> Self {
        Self {
            layout: DamageLayout::default(),
            softness: Softness::default(),
            freezing_hours: [44.6, 9.4, 1.4],
            half_damage_hours: 6.0,
            fastest_share: 0.05,
            fish_sd: 0.15,
            fillet_sd: 0.20,
            local_sd: 0.25,
            recrystallised_share: 0.05,
            recrystallised_damage: 0.75,
        }
    }
}

/// Water in muscle, its relaxation, and the texture that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TissueConfig {
    /// T2 of water within the fibres, in ms: 40–60 measured in gadiform fish, lower at 7 T; 45
    /// *assumed*.
    pub t2_fibre_ms: f64,
    /// Standard deviation of that T2 between fish, in ms (*assumed*).
    pub t2_fish_sd_ms: f64,
    /// Standard deviation between fillets of a fish, in ms (*assumed*).
    pub t2_fillet_sd_ms: f64,
    /// Share of the water within fibres: 0.90–0.92 measured in hake; 0.93 *assumed*.
    pub fibre_fraction: f64,
    /// Share of free water in fresh tissue: 0.03–0.05 measured in hake.
    pub free_fraction: f64,
    /// T2 of that free water, in ms: 300–800 measured in hake.
    pub t2_free_ms: f64,
    /// T2 of water expelled by ice, in ms, drawn per fillet: 120–360 measured in frozen hake.
    pub t2_expelled_ms: [f64; 2],
    /// Share of water expelled at full damage (*assumed*).
    pub expelled_most: f64,
    /// T1, in ms (*assumed*).
    pub t1_ms: f64,
    /// Relative standard deviation of the fibre texture (*assumed*).
    pub texture_sd: f64,
    /// Distance between muscle sheets in the plane, in mm, drawn per fillet (*assumed*).
    pub sheet_spacing_mm: [f64; 2],
    /// Thickness of the collagen between sheets, in mm (*assumed*).
    pub septum_mm: f64,
    /// Half axes of the cross-section of a fillet of mean mass, in mm (*assumed*).
    pub half_axes_mm: [f64; 2],
}

impl Default for TissueConfig {
    fn default() -> Self {
        Self {
            t2_fibre_ms: 45.0,
            t2_fish_sd_ms: 3.5,
            t2_fillet_sd_ms: 2.0,
            fibre_fraction: 0.93,
            free_fraction: 0.05,
            t2_free_ms: 350.0,
            t2_expelled_ms: [120.0, 360.0],
            expelled_most: 0.25,
            t1_ms: 1800.0,
            texture_sd: 0.07,
            sheet_spacing_mm: [4.5, 7.5],
            septum_mm: 0.45,
            half_axes_mm: [17.5, 25.0],
        }
    }
}

/// The scanner and what it adds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScannerConfig {
    /// Echo time, in ms (*assumed*; the paper does not state it).
    pub echo_time_ms: f64,
    /// Repetition time, in ms (Syed et al. 2023: 8 s).
    pub repetition_time_ms: f64,
    /// Grey value of undamaged muscle, of 4095 (*assumed*).
    pub muscle_level: f64,
    /// Signal-to-noise ratio in muscle, drawn per scan (*assumed*).
    pub signal_to_noise: [f64; 2],
    /// Largest coefficient of the quadratic shading, drawn per scan (*assumed*).
    pub shading: f64,
    /// Standard deviation of the receiver gain between scans (*assumed*).
    pub gain_sd: f64,
    /// Largest rotation of the fillet in its holder, in degrees (*assumed*).
    pub rotation_degrees: f64,
    /// Standard deviation of its position, in mm (*assumed*).
    pub position_sd_mm: f64,
    /// Strength of the pouch film relative to muscle, from and to (*assumed*); `[0, 0]` for none.
    pub film: [f64; 2],
    /// Share of the slices at each end that is spoilt, drawn per scan (*assumed*: 10 to 14 of 54;
    /// the released code drops 15).
    pub spoilt_share: [f64; 2],
}

impl Default for ScannerConfig {
    fn default() -> Self {
        Self {
            echo_time_ms: 60.0,
            repetition_time_ms: 8000.0,
            muscle_level: 1000.0,
            signal_to_noise: [25.0, 40.0],
            shading: 0.05,
            gain_sd: 0.03,
            rotation_degrees: 15.0,
            position_sd_mm: 1.5,
            film: [0.05, 0.30],
            spoilt_share: [0.18, 0.26],
        }
    }
}

/// Masses and liquid loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutcomeConfig {
    /// Mean mass of a fillet, in g (Syed et al. 2023: 146).
    pub mass_g: f64,
    /// Standard deviation of the mass between fish, in g; with the next 19 in all (Syed et al.).
    pub mass_fish_sd_g: f64,
    /// Standard deviation of the mass between fillets of a fish, in g (division *assumed*).
    pub mass_fillet_sd_g: f64,
    /// Liquid loss without damage, in percent (*assumed*; published span 4.3–10).
    pub loss_percent: f64,
    /// Additional liquid loss at full damage, in percent (*assumed*).
    pub loss_per_damage_percent: f64,
    /// Standard deviation of the liquid loss between fish, in percent (*assumed*).
    pub loss_fish_sd_percent: f64,
    /// Standard deviation between fillets of a fish, in percent (*assumed*).
    pub loss_fillet_sd_percent: f64,
}

impl Default for OutcomeConfig {
    fn default() -> Self {
        Self {
            mass_g: 146.0,
            mass_fish_sd_g: 16.2,
            mass_fillet_sd_g: 10.0,
            loss_percent: 3.0,
            loss_per_damage_percent: 8.0,
            loss_fish_sd_percent: 0.5,
            loss_fillet_sd_percent: 0.62,
        }
    }
}

/// What differs between a fillet's first and second scan without being damage. All off by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Confounds {
    /// Liquid in the pouch, in proportion to the liquid loss.
    pub drip_film: bool,
    /// Receiver gain of the second session, uniform in 0.95–1.1.
    pub session_gain: bool,
    /// T2 within fibres lower by 2 ms in the second session.
    pub t2_shift: bool,
    /// Another shading in the second session: 10 % from top to bottom.
    pub shading: bool,
    /// The fillet is smaller by the volume it lost.
    pub shrinkage: bool,
}

impl Confounds {
    /// Every confound at once.
    pub fn all() -> Self {
        Self {
            drip_film: true,
            session_gain: true,
            t2_shift: true,
            shading: true,
            shrinkage: true,
        }
    }
}

/// A phantom study.
///
/// # Examples
///
/// ```
/// use fillet_preprocess::phantom::PhantomConfig;
///
/// let config = PhantomConfig { fish: 4, ..PhantomConfig::ci() };
/// config.validate()?;
/// # Ok::<(), fillet_preprocess::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhantomConfig {
    /// Animals (Syed et al. 2023: 16).
    pub fish: usize,
    /// Fillets of each, 1 or 2 (Syed et al.: 2).
    pub fillets_per_fish: usize,
    /// What the second scan of each fillet shows.
    pub second_scan: SecondScan,
    /// Slices of a scan (Syed et al.: 54).
    pub slices: usize,
    /// Rows and columns of a slice (Syed et al.: 256).
    pub size: usize,
    /// Side of the field of view, in mm (Syed et al.: 60).
    pub field_of_view_mm: f64,
    /// Distance between slices, in mm (Syed et al.: 1).
    pub slice_spacing_mm: f64,
    /// Freezing damage.
    pub damage: DamageConfig,
    /// Muscle.
    pub tissue: TissueConfig,
    /// Scanner.
    pub scanner: ScannerConfig,
    /// Masses and liquid loss.
    pub outcome: OutcomeConfig,
    /// Differences between sessions that are not damage.
    pub confounds: Confounds,
}

impl Default for PhantomConfig {
    fn default() -> Self {
        Self::dev()
    }
}

impl PhantomConfig {
    fn sized(fish: usize, slices: usize, size: usize, slice_spacing_mm: f64) -> Self {
        Self {
            fish,
            fillets_per_fish: 2,
            second_scan: SecondScan::default(),
            slices,
            size,
            field_of_view_mm: 60.0,
            slice_spacing_mm,
            damage: DamageConfig::default(),
            tissue: TissueConfig::default(),
            scanner: ScannerConfig::default(),
            outcome: OutcomeConfig::default(),
            confounds: Confounds::default(),
        }
    }

    /// The size of the paper's data: 64 scans of 54 × 256².
    pub fn paper() -> Self {
        Self::sized(16, 54, 256, 1.0)
    }

    /// All 64 scans at 8 × 128².
    pub fn dev() -> Self {
        Self::sized(16, 8, 128, 6.0)
    }

    /// 8 scans of 2 × 64².
    pub fn ci() -> Self {
        Self::sized(2, 2, 64, 6.0)
    }

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
                Err(Error::Config { key, value: value.to_string(), expected })
            }
        };
        count("fish", self.fish, 1, 10_000, "from 1 to 10000")?;
        count("fillets_per_fish", self.fillets_per_fish, 1, 2, "1 or 2")?;
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
            ("scanner.repetition_time_ms", self.scanner.repetition_time_ms),
            ("scanner.muscle_level", self.scanner.muscle_level),
            ("outcome.mass_g", self.outcome.mass_g),
        ];
        for (key, value) in positive {
            check(key, value, value.is_finite() && value > 0.0, "a positive number")?;
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
            ("outcome.loss_per_damage_percent", self.outcome.loss_per_damage_percent),
            ("outcome.loss_fish_sd_percent", self.outcome.loss_fish_sd_percent),
            ("outcome.loss_fillet_sd_percent", self.outcome.loss_fillet_sd_percent),
        ];
        for (key, value) in not_negative {
            check(key, value, value.is_finite() && value >= 0.0, "zero or a positive number")?;
        }
        let shares = [
            ("damage.recrystallised_share", self.damage.recrystallised_share),
            ("damage.recrystallised_damage", self.damage.recrystallised_damage),
            ("tissue.fibre_fraction", self.tissue.fibre_fraction),
            ("tissue.free_fraction", self.tissue.free_fraction),
            ("tissue.expelled_most", self.tissue.expelled_most),
            ("scanner.shading", self.scanner.shading),
        ];
        for (key, value) in shares {
            check(key, value, (0.0..=1.0).contains(&value), "a share in [0, 1]")?;
        }
        let ranges = [
            ("tissue.t2_expelled_ms", self.tissue.t2_expelled_ms, 1.0, 10_000.0),
            ("tissue.sheet_spacing_mm", self.tissue.sheet_spacing_mm, 0.5, 100.0),
            ("scanner.signal_to_noise", self.scanner.signal_to_noise, 0.1, 1e6),
            ("scanner.film", self.scanner.film, 0.0, 10.0),
            ("scanner.spoilt_share", self.scanner.spoilt_share, 0.0, 0.5),
        ];
        for (key, [low, high], least, most) in ranges {
            check(key, low, low >= least && low <= high, "an ascending range within its limits")?;
            check(key, high, high <= most, "an ascending range within its limits")?;
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
    if valid { Ok(()) } else { Err(Error::Config { key, value: value.to_string(), expected }) }
}
