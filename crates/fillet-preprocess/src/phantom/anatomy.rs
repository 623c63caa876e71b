//! Seed -> fish and fillets: what they share and how they are built.

use std::f64::consts::TAU;

use super::choices::Freezing;
use super::config::PhantomConfig;
use super::lattice::{Field, Plane};
use crate::random::Stream;

/// Purposes of random streams and fields; each gets its own numbers.
pub(super) mod purpose {
    pub(crate) const TREATMENT: u64 = 1;
    pub(crate) const FISH: u64 = 2;
    pub(crate) const FILLET: u64 = 3;
    pub(crate) const SCAN: u64 = 4;
    pub(crate) const NOISE: u64 = 5;
    pub(crate) const SPOIL: u64 = 6;
    pub(crate) const OUTLINE: u64 = 10;
    pub(crate) const SHEETS: u64 = 11;
    pub(crate) const TEXTURE: u64 = 12;
    pub(crate) const GRAIN: u64 = 13;
    pub(crate) const VESSELS: u64 = 14;
    pub(crate) const FOCI: u64 = 15;
    pub(crate) const LOCAL: u64 = 16;
    pub(crate) const RECRYSTALLISED: u64 = 17;
    pub(crate) const CLUSTERS: u64 = 18;
    pub(crate) const GAPING: u64 = 19;
    pub(crate) const FILM_GAP: u64 = 20;
    pub(crate) const FILM_BREAKS: u64 = 21;
    pub(crate) const SPECKS: u64 = 22;
    pub(crate) const CLUSTER_CORES: u64 = 23;
    pub(crate) const RATER: u64 = 24;
    pub(crate) const RATER_SHIFT: u64 = 25;
    pub(crate) const RATER_LEVEL: u64 = 26;
}

/// Angles in the outline table of a slice.
const ANGLES: usize = 512;

/// What both fillets of a fish have in common: its random effects.
struct Fish {
    mass_g: f64,
    t2_ms: f64,
    ln_freezing: f64,
    loss_percent: f64,
}

/// One fillet, the same in all its scans.
pub(super) struct Fillet {
    /// Index of the fillet in the cohort.
    pub(super) index: usize,
    pub(super) treatment: Freezing,
    pub(super) mass_g: f64,
    pub(super) t2_fibre_ms: f64,
    pub(super) t2_expelled_ms: f64,
    /// Added to ln(freezing time).
    pub(super) ln_freezing: f64,
    /// Liquid loss that damage does not explain, in percent.
    pub(super) loss_shift_percent: f64,
    half_axes_mm: [f64; 2],
    exponent: f64,
    modes: [[f64; 2]; 5],
    skin: f64,
    taper: f64,
    apexes_mm: [[f64; 2]; 2],
    spacing_mm: f64,
    tilt: f64,
}

/// Treatments of all fillets: as equal in number as possible, dealt out at random.
pub(super) fn treatments(config: &PhantomConfig, seed: u64) -> Vec<Freezing> {
    let fillets = config.fish * config.fillets_per_fish;
    let mut dealt: Vec<Freezing> = (0..fillets).map(|i| Freezing::ALL[i % 3]).collect();
    Stream::new(seed, &[purpose::TREATMENT]).shuffle(&mut dealt);
    dealt
}

impl Fish {
    fn new(config: &PhantomConfig, seed: u64, index: usize) -> Self {
        let mut stream = Stream::new(seed, &[purpose::FISH, index as u64]);
        Self {
            mass_g: stream.normal(0.0, config.outcome.mass_fish_sd_g),
            t2_ms: stream.normal(0.0, config.tissue.t2_fish_sd_ms),
            ln_freezing: stream.normal(0.0, config.damage.fish_sd),
            loss_percent: stream.normal(0.0, config.outcome.loss_fish_sd_percent),
        }
    }
}

impl Fillet {
    pub(super) fn new(
        config: &PhantomConfig,
        seed: u64,
        index: usize,
        treatment: Freezing,
    ) -> Self {
        let fish = Fish::new(config, seed, index / config.fillets_per_fish);
        let mut stream = Stream::new(seed, &[purpose::FILLET, index as u64]);
        let outcome = &config.outcome;
        let tissue = &config.tissue;
        let mass = outcome.mass_g + fish.mass_g + stream.normal(0.0, outcome.mass_fillet_sd_g);
        let mass_g = mass.max(0.4 * outcome.mass_g);
        let size = (mass_g / outcome.mass_g).cbrt();
        let [down, across] = tissue.half_axes_mm;
        let half_axes_mm = [
            down * size * (1.0 + stream.normal(0.0, 0.05)).clamp(0.85, 1.15),
            across * size * (1.0 + stream.normal(0.0, 0.04)).clamp(0.88, 1.12),
        ];
        let mut modes = [[0.0; 2]; 5];
        for mode in &mut modes {
            *mode = [stream.normal(0.0, 0.015), stream.normal(0.0, 0.015)];
        }
        let skin = if stream.uniform() < 0.7 {
            stream.uniform_in(0.68, 0.9)
        } else {
            2.0
        };
        let spread = stream.uniform_in(0.30, 0.50);
        let lift = stream.uniform_in(-0.15, 0.15);
        let t2 = tissue.t2_fibre_ms + fish.t2_ms + stream.normal(0.0, tissue.t2_fillet_sd_ms);
        Self {
            index,
            treatment,
            mass_g,
            t2_fibre_ms: t2.max(0.5 * tissue.t2_fibre_ms),
            t2_expelled_ms: stream.uniform_in(tissue.t2_expelled_ms[0], tissue.t2_expelled_ms[1]),
            ln_freezing: fish.ln_freezing + stream.normal(0.0, config.damage.fillet_sd),
            loss_shift_percent: fish.loss_percent
                + stream.normal(0.0, outcome.loss_fillet_sd_percent),
            exponent: stream.uniform_in(2.1, 2.6),
            modes,
            skin,
            taper: stream.uniform_in(-0.08, 0.08),
            apexes_mm: [
                [lift * half_axes_mm[0], -spread * half_axes_mm[1]],
                [
                    -0.5 * lift * half_axes_mm[0],
                    (0.8 - spread) * half_axes_mm[1],
                ],
            ],
            spacing_mm: stream.uniform_in(tissue.sheet_spacing_mm[0], tissue.sheet_spacing_mm[1]),
            tilt: stream.uniform_in(0.4, 0.9),
            half_axes_mm,
        }
    }

    /// The outline and muscle sheets at one position along the fillet.
    pub(super) fn section(&self, seed: u64, z_mm: f64) -> Section<'_> {
        let fillet = self.index as u64;
        let bulge = Field::new(seed, &[purpose::OUTLINE, fillet], [12.0, 9.0, 9.0]).plane(z_mm);
        let scale = 1.0 + self.taper * (z_mm / 27.0).clamp(-2.0, 2.0);
        let radii = (0..ANGLES)
            .map(|step| {
                let (sine, cosine) = (TAU * step as f64 / ANGLES as f64).sin_cos();
                let base = ((sine / self.half_axes_mm[0]).abs().powf(self.exponent)
                    + (cosine / self.half_axes_mm[1]).abs().powf(self.exponent))
                .powf(-1.0 / self.exponent);
                let angle = TAU * step as f64 / ANGLES as f64;
                let wave: f64 = self
                    .modes
                    .iter()
                    .enumerate()
                    .map(|(k, [c, s])| {
                        let (sine, cosine) = ((k + 2) as f64 * angle).sin_cos();
                        c * cosine + s * sine
                    })
                    .sum();
                let local = 0.025 * f64::from(bulge.at(20.0 * sine, 20.0 * cosine));
                let round = base * (1.0 + wave + local);
                let flat = self.skin * self.half_axes_mm[0] / sine.max(1e-6);
                let soft = (round.powi(-12) + flat.powi(-12)).powf(-1.0 / 12.0);
                scale * if sine > 0.0 { soft } else { round }
            })
            .collect();
        let warp = Field::new(seed, &[purpose::SHEETS, fillet], [10.0, 6.0, 6.0]).plane(z_mm);
        Section {
            fillet: self,
            z_mm,
            radii,
            warp,
        }
    }
}

/// A place in a fillet relative to its muscle sheets.
pub(super) struct Sheet {
    /// Which of the two cones the place belongs to.
    pub(super) cone: usize,
    /// Distance from the axis of that cone, in mm.
    pub(super) radius_mm: f64,
    /// Angle around that axis.
    pub(super) angle: f64,
    /// Distance to the nearest septum, in mm.
    pub(super) septum_mm: f64,
}

/// A fillet cut at one slice.
pub(super) struct Section<'a> {
    fillet: &'a Fillet,
    z_mm: f64,
    radii: Vec<f64>,
    warp: Plane,
}

impl Section<'_> {
    /// Distance from the centre of the fillet to its surface in one direction, in mm.
    pub(super) fn outline_mm(&self, angle: f64) -> f64 {
        let position = angle.rem_euclid(TAU) / TAU * ANGLES as f64;
        let below = position as usize;
        let share = position - below as f64;
        let at = |index: usize| self.radii[index % ANGLES];
        at(below) * (1.0 - share) + at(below + 1) * share
    }

    /// Places on the surface, in mm down and across from the centre of the fillet.
    pub(super) fn surface(&self) -> impl Iterator<Item = [f64; 2]> {
        self.radii.iter().enumerate().map(|(step, radius)| {
            let (sine, cosine) = (TAU * step as f64 / ANGLES as f64).sin_cos();
            [radius * sine, radius * cosine]
        })
    }

    /// Whether a place lies in the fillet.
    pub(super) fn contains(&self, row_mm: f64, column_mm: f64) -> bool {
        row_mm.hypot(column_mm) < self.outline_mm(row_mm.atan2(column_mm))
    }

    /// Muscle sheets: nested cones around two axes, cut across, so rings that drift from slice to
    /// slice, with the horizontal septum where the two families meet.
    pub(super) fn sheet(&self, row_mm: f64, column_mm: f64) -> Sheet {
        let fillet = self.fillet;
        let polar = fillet.apexes_mm.map(|[row, column]| {
            let (down, across) = (1.25 * (row_mm - row), column_mm - column);
            (down.hypot(across), down.atan2(across))
        });
        let cone = usize::from(polar[1].0 < polar[0].0);
        let (radius_mm, angle) = polar[cone];
        let side = if cone == 0 { 1.0 } else { -1.0 };
        let phase = (radius_mm + side * fillet.tilt * self.z_mm) / fillet.spacing_mm
            + 0.35 * f64::from(self.warp.at(row_mm, column_mm));
        let between = (phase - phase.round()).abs() * fillet.spacing_mm;
        let ridge = 0.5 * (polar[0].0 - polar[1].0).abs();
        Sheet {
            cone,
            radius_mm,
            angle,
            septum_mm: between.min(ridge),
        }
    }
}
