//! What a phantom study is made of. Every number is configuration, with its source or the word
//! *assumed*.

use serde::{Deserialize, Serialize};

use super::choices::{DamageLayout, SecondScan, Softness};

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
    /// Scans of each fillet in each state (Syed et al.: 1). Repeated scans differ in position,
    /// gain, shading, noise and pouch alone, and so show what a method makes of those.
    pub repeats: usize,
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
            repeats: 1,
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
}
