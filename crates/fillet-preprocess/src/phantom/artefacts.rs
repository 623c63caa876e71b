//! One scan -> its position, gain, shading, pouch film and spoilt ends.

use super::anatomy::{Section, purpose};
use super::choices::State;
use super::config::PhantomConfig;
use super::lattice::{Field, Plane};
use crate::random::Stream;

/// What is drawn anew for every scan.
pub(super) struct Session {
    cosine: f64,
    sine: f64,
    position_mm: [f64; 2],
    shrink: f64,
    shading: [f64; 5],
    tilt: f64,
    /// Receiver gain.
    pub(super) gain: f64,
    /// Signal-to-noise ratio in muscle.
    pub(super) signal_to_noise: f64,
    /// Added to T2 within fibres, in ms.
    pub(super) t2_shift_ms: f64,
    /// Strength of the film relative to muscle.
    film: f64,
    /// Thickness of the drip at the bottom of the pouch, in mm.
    drip_mm: f64,
    /// Spoilt slices at the first and last end.
    pub(super) spoilt: [usize; 2],
}

/// Least distance of a fillet from the edge of the picture, in mm.
const MARGIN_MM: f64 = 1.0;

impl Session {
    pub(super) fn new(
        config: &PhantomConfig,
        seed: u64,
        scan: u64,
        state: State,
        loss_percent: f64,
    ) -> Self {
        let mut stream = Stream::new(seed, &[purpose::SCAN, scan]);
        let scanner = &config.scanner;
        let angle = stream.uniform_in(-1.0, 1.0) * scanner.rotation_degrees;
        let mut place = || stream.normal(0.0, scanner.position_sd_mm).clamp(-2.5, 2.5);
        let position_mm = [place(), place()];
        let mut shading = [0.0; 5];
        for term in &mut shading {
            *term = stream.uniform_in(-1.0, 1.0) * scanner.shading;
        }
        let gain = (1.0 + stream.normal(0.0, scanner.gain_sd)).max(0.5);
        let signal_to_noise =
            stream.uniform_in(scanner.signal_to_noise[0], scanner.signal_to_noise[1]);
        let film = stream.uniform_in(scanner.film[0], scanner.film[1]);
        let mut ends = || {
            let share = stream.uniform_in(scanner.spoilt_share[0], scanner.spoilt_share[1]);
            (share * config.slices as f64) as usize
        };
        let spoilt = [ends(), ends()];
        let session_gain = stream.uniform_in(0.95, 1.1);
        let second = state != State::Fresh;
        let on = |switch: bool| second && switch;
        let confounds = &config.confounds;
        let (sine, cosine) = angle.to_radians().sin_cos();
        Self {
            cosine,
            sine,
            position_mm,
            shrink: if on(confounds.shrinkage) {
                (1.0 - loss_percent / 100.0).max(0.5).cbrt()
            } else {
                1.0
            },
            shading,
            tilt: if on(confounds.shading) { 0.05 } else { 0.0 },
            gain: if on(confounds.session_gain) {
                gain * session_gain
            } else {
                gain
            },
            signal_to_noise,
            t2_shift_ms: if on(confounds.t2_shift) { -2.0 } else { 0.0 },
            film,
            drip_mm: if on(confounds.drip_film) {
                0.12 * loss_percent
            } else {
                0.0
            },
            spoilt,
        }
    }

    /// Moves a fillet that would reach to within `MARGIN_MM` of the edge of the picture, and no
    /// other, as the operator would; one that is too large is put in the middle.
    pub(super) fn hold_within(&mut self, sections: &[Section<'_>], field_of_view_mm: f64) {
        let mut ends = [[f64::INFINITY, f64::NEG_INFINITY]; 2];
        for [down, across] in sections.iter().flat_map(Section::surface) {
            let turned = [
                self.cosine * down - self.sine * across,
                self.cosine * across + self.sine * down,
            ];
            for (end, place) in ends.iter_mut().zip(turned) {
                end[0] = end[0].min(place * self.shrink);
                end[1] = end[1].max(place * self.shrink);
            }
        }
        let half = 0.5 * field_of_view_mm - MARGIN_MM;
        for (position, [first, last]) in self.position_mm.iter_mut().zip(ends) {
            let (least, most) = (-half - first, half - last);
            *position = if least > most {
                0.5 * (least + most)
            } else {
                position.clamp(least, most)
            };
        }
    }

    /// Scanner coordinates to those of the fillet, in mm.
    pub(super) fn to_fillet(&self, row_mm: f64, column_mm: f64) -> [f64; 2] {
        let down = row_mm - self.position_mm[0];
        let across = column_mm - self.position_mm[1];
        [
            (self.cosine * down + self.sine * across) / self.shrink,
            (self.cosine * across - self.sine * down) / self.shrink,
        ]
    }

    /// Receive sensitivity at a place given from −1 to 1 across the field of view.
    pub(super) fn sensitivity(&self, row: f64, column: f64) -> f64 {
        let [a, b, c, d, e] = self.shading;
        1.0 + a * row
            + b * column
            + c * (row * row - 0.33)
            + d * (column * column - 0.33)
            + e * row * column
            + self.tilt * row
    }

    /// How badly a slice is spoilt, from 0 (not) to 1.
    pub(super) fn spoilage(&self, slice: usize, slices: usize) -> f64 {
        let [first, last] = self.spoilt;
        let from_end = slices - 1 - slice;
        let depth = |count: usize, position: usize| {
            if position < count {
                (count - position) as f64 / count as f64
            } else {
                0.0
            }
        };
        depth(first, slice).max(depth(last, from_end))
    }
}

/// The pouch around one slice of the fillet.
pub(super) struct Pouch {
    gap: Plane,
    breaks: Plane,
    specks: Plane,
    film: f64,
    drip_mm: f64,
    pixel_mm: f64,
}

impl Pouch {
    pub(super) fn new(seed: u64, scan: u64, session: &Session, z_mm: f64, pixel_mm: f64) -> Self {
        let ring = |purpose| Field::polar(seed, &[purpose, scan], [5.0, 8.0], 32).plane(z_mm);
        Self {
            gap: ring(purpose::FILM_GAP),
            breaks: ring(purpose::FILM_BREAKS),
            specks: Field::new(seed, &[purpose::SPECKS, scan], [2.0, 1.2, 1.2]).plane(z_mm),
            film: session.film,
            drip_mm: session.drip_mm,
            pixel_mm,
        }
    }

    /// Film and specks at a distance outside the surface, relative to muscle.
    pub(super) fn film(&self, outside_mm: f64, angle: f64, place: [f64; 2]) -> f64 {
        if self.film <= 0.0 || !(-1.0..12.0).contains(&outside_mm) {
            return 0.0;
        }
        let wrinkle = f64::from(self.gap.at(0.0, angle));
        let offset = 0.5 + self.drip_at(angle) + 0.6 * (wrinkle - 0.3).max(0.0);
        let variance = 0.17_f64.powi(2) + self.pixel_mm.powi(2) / 12.0;
        let strength = 2.0 * (f64::from(self.breaks.at(0.0, angle)) - 0.1).clamp(0.0, 0.8);
        let line = (-(outside_mm - offset).powi(2) / (2.0 * variance)).exp();
        let speck = f64::from(self.specks.at(place[0], place[1]) - 2.7).clamp(0.0, 1.0);
        self.film * (strength * line * 0.17 / variance.sqrt() + 3.0 * speck)
    }

    /// Share of a pixel at this distance outside the surface that holds drip.
    pub(super) fn drip(&self, outside_mm: f64, angle: f64) -> f64 {
        let thickness = self.drip_at(angle);
        if thickness <= 0.0 {
            return 0.0;
        }
        let edge = |mm: f64| (mm / self.pixel_mm + 0.5).clamp(0.0, 1.0);
        edge(outside_mm) * edge(thickness - outside_mm)
    }

    fn drip_at(&self, angle: f64) -> f64 {
        self.drip_mm * (0.15 + angle.sin().max(0.0).powi(2))
    }
}

/// Air bubbles of a spoilt slice.
pub(super) struct Bubbles(Vec<[f64; 3]>);

impl Bubbles {
    pub(super) fn new(
        seed: u64,
        scan: u64,
        slice: usize,
        spoilage: f64,
        section: &Section<'_>,
    ) -> Self {
        if spoilage <= 0.0 {
            return Self(Vec::new());
        }
        let mut stream = Stream::new(seed, &[purpose::SPOIL, scan, slice as u64]);
        let count = 1 + (5.0 * spoilage * stream.uniform()) as usize;
        Self(
            (0..count)
                .map(|_| {
                    let angle = stream.uniform_in(0.0, std::f64::consts::TAU);
                    let distance = section.outline_mm(angle) * stream.uniform().sqrt();
                    let radius = stream.uniform_in(1.0, 4.0);
                    [distance * angle.sin(), distance * angle.cos(), radius]
                })
                .collect(),
        )
    }

    /// Factor on the signal at a place in the fillet.
    pub(super) fn factor(&self, row_mm: f64, column_mm: f64) -> f64 {
        self.0.iter().fold(1.0, |factor, [row, column, radius]| {
            let depth = radius - (row_mm - row).hypot(column_mm - column);
            factor * (1.0 - 0.9 * (depth / 0.6 + 0.5).clamp(0.0, 1.0))
        })
    }
}
