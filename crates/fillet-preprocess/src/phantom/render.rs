//! One slice of one scan -> grey values and truth.

use super::anatomy::{Fillet, Section, purpose};
use super::artefacts::{Bubbles, Pouch, Session};
use super::config::PhantomConfig;
use super::damage::Freeze;
use super::lattice::{Field, Plane, normal_cdf};
use super::signal::Signal;
use crate::random::Stream;

/// Grey values and truth of a slice, row by row.
pub(super) struct Rendered {
    pub(super) stored: Vec<i32>,
    pub(super) damage: Vec<f32>,
    pub(super) expelled: Vec<f32>,
    pub(super) clusters: Vec<f32>,
    pub(super) septa: Vec<f32>,
    pub(super) tissue: Vec<bool>,
}

/// What a slice is rendered from.
pub(super) struct SliceScene<'a> {
    pub(super) config: &'a PhantomConfig,
    pub(super) seed: u64,
    pub(super) scan: u64,
    pub(super) slice: usize,
    pub(super) z_mm: f64,
    pub(super) fillet: &'a Fillet,
    pub(super) section: &'a Section<'a>,
    pub(super) session: &'a Session,
    pub(super) signal: &'a Signal,
    /// `None` in fillets that were never frozen.
    pub(super) freeze: Option<&'a Freeze>,
}

/// The fields that give muscle its look; they belong to the fillet, not to the scan.
struct Texture {
    fibre: Plane,
    grain: Plane,
    vessels: Plane,
    clusters: Option<[Plane; 2]>,
    gaping: Option<Plane>,
    sd: f32,
    septum_mm: f64,
    pixel_mm: f64,
}

/// What a place in the muscle is made of.
#[derive(Default)]
struct Muscle {
    /// Proton density times decay.
    signal: f32,
    /// Share of expelled water.
    expelled: f32,
    /// How far the place lies in a cluster of it.
    cluster: f32,
    /// Share of collagen, closed or open.
    septum: f32,
}

impl Texture {
    fn new(scene: &SliceScene<'_>, pixel_mm: f64) -> Self {
        let fillet = scene.fillet.index as u64;
        let plane = |purpose, spacing| {
            Field::new(scene.seed, &[purpose, fillet], spacing).plane(scene.z_mm)
        };
        let polar = |purpose, spacing, nodes| {
            Field::polar(scene.seed, &[purpose, fillet], spacing, nodes).plane(scene.z_mm)
        };
        let frozen = scene.freeze.is_some();
        Self {
            fibre: polar(purpose::TEXTURE, [3.0, 0.7], 64),
            grain: plane(purpose::GRAIN, [2.0, 0.6, 0.6]),
            vessels: plane(purpose::VESSELS, [6.0, 1.0, 1.0]),
            clusters: frozen.then(|| {
                [
                    polar(purpose::CLUSTERS, [2.5, 0.75], 64),
                    plane(purpose::CLUSTER_CORES, [2.5, 0.9, 0.9]),
                ]
            }),
            gaping: frozen.then(|| plane(purpose::GAPING, [4.0, 2.0, 2.0])),
            sd: scene.config.tissue.texture_sd as f32,
            septum_mm: scene.config.tissue.septum_mm,
            pixel_mm,
        }
    }

    fn muscle(&self, scene: &SliceScene<'_>, place: [f64; 2], damage: f32) -> Muscle {
        let [row, column] = place;
        let sheet = scene.section.sheet(row, column);
        let along = sheet.radius_mm + 37.0 * sheet.cone as f64;
        // close to the axis of a cone the streaks would turn into spokes
        let around = ((sheet.radius_mm - 1.5) / 5.0).clamp(0.0, 1.0) as f32;
        let core = (1.0 - around * around).sqrt();
        let cluster = self.clusters.as_ref().map_or(0.0, |[streaks, cores]| {
            if damage < 1e-3 {
                return 0.0;
            }
            let rank =
                normal_cdf(around * streaks.at(along, sheet.angle) + core * cores.at(row, column));
            ((0.5 * damage - rank) / 0.1 + 0.5).clamp(0.0, 1.0)
        });
        let expelled = scene.signal.expelled_share(damage, cluster);
        let vessel = 0.35 * (self.vessels.at(row, column) - 2.2).clamp(0.0, 1.0);
        let streak = around * self.fibre.at(along, sheet.angle)
            + core * self.grain.at(row + 29.0, column + 17.0);
        let texture = 0.8 * streak + 0.6 * self.grain.at(row, column);
        let density = (1.0 + self.sd * texture + vessel).max(0.1);
        let variance = (0.5 * self.septum_mm).powi(2) + self.pixel_mm.powi(2) / 12.0;
        let blur = 0.5 * self.septum_mm / variance.sqrt();
        let septum = blur * (-sheet.septum_mm.powi(2) / (2.0 * variance)).exp();
        let open = self.gaping.as_ref().map_or(0.0, |gaping| {
            ((0.25 * damage - normal_cdf(gaping.at(row, column))) / 0.05 + 0.5).clamp(0.0, 1.0)
                * damage
        });
        let collagen = scene.signal.septum * (1.0 - open) + scene.signal.gap * open;
        let muscle = scene.signal.muscle(expelled) * density;
        let septum = septum as f32;
        Muscle {
            signal: muscle * (1.0 - septum) + collagen * septum,
            expelled,
            cluster,
            septum,
        }
    }
}

/// Renders one slice; depends on nothing but the scene.
pub(super) fn render(scene: &SliceScene<'_>) -> Rendered {
    let config = scene.config;
    let size = config.size;
    let pixel_mm = config.field_of_view_mm / size as f64;
    let texture = Texture::new(scene, pixel_mm);
    let pouch = Pouch::new(scene.seed, scene.scan, scene.session, scene.z_mm, pixel_mm);
    let spoilage = scene.session.spoilage(scene.slice, config.slices);
    let bubbles = Bubbles::new(scene.seed, scene.scan, scene.slice, spoilage, scene.section);
    let mut noise = Stream::new(
        scene.seed,
        &[purpose::NOISE, scene.scan, scene.slice as u64],
    );
    let reference = f64::from(scene.signal.reference);
    let grey = config.scanner.muscle_level / reference * scene.session.gain;
    let noise_sd = config.scanner.muscle_level / scene.session.signal_to_noise;
    let end_loss = 1.0 - 0.6 * spoilage;
    let mut out = Rendered {
        stored: Vec::with_capacity(size * size),
        damage: Vec::with_capacity(size * size),
        expelled: Vec::with_capacity(size * size),
        clusters: Vec::with_capacity(size * size),
        septa: Vec::with_capacity(size * size),
        tissue: Vec::with_capacity(size * size),
    };
    let mm = |index: usize| (index as f64 + 0.5) * pixel_mm - 0.5 * config.field_of_view_mm;
    for row in 0..size {
        for column in 0..size {
            let place = scene.session.to_fillet(mm(row), mm(column));
            let angle = place[0].atan2(place[1]);
            let outside = place[0].hypot(place[1]) - scene.section.outline_mm(angle);
            let share = (0.5 - outside / pixel_mm).clamp(0.0, 1.0);
            let mut signal = 0.0;
            let (mut damage, mut muscle) = (0.0, Muscle::default());
            if share > 0.0 {
                damage = scene
                    .freeze
                    .map_or(0.0, |freeze| freeze.at(place[0], place[1]));
                muscle = texture.muscle(scene, place, damage);
                signal = share * f64::from(muscle.signal) * bubbles.factor(place[0], place[1]);
            }
            if share < 1.0 {
                let drip = pouch.drip(outside, angle);
                let film = reference * pouch.film(outside, angle, [mm(row), mm(column)]);
                let liquid = f64::from(scene.signal.drip);
                signal += (1.0 - share) * (drip * liquid + (1.0 - drip) * film);
            }
            let half = 0.5 * config.field_of_view_mm;
            let seen = scene.session.sensitivity(mm(row) / half, mm(column) / half) * end_loss;
            let [real, imaginary] = noise.normal_pair();
            let magnitude = (signal * seen * grey + noise_sd * real).hypot(noise_sd * imaginary);
            let tissue = share >= 0.5;
            out.stored.push(magnitude.round().clamp(0.0, 4095.0) as i32);
            out.tissue.push(tissue);
            let inside = |value: f32| if tissue { value } else { 0.0 };
            out.damage.push(inside(damage));
            out.expelled.push(inside(muscle.expelled));
            out.clusters.push(inside(muscle.cluster));
            out.septa.push(inside(muscle.septum));
        }
    }
    out
}
