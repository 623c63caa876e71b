//! Configuration and seed -> scans, one at a time.

use mri_io::{Acquisition, Spacing, Volume};
use ndarray::Array3;
use rayon::prelude::*;

use super::anatomy::{Fillet, Section, treatments};
use super::artefacts::Session;
use super::choices::{Freezing, SecondScan, State};
use super::config::PhantomConfig;
use super::damage::Freeze;
use super::render::{Rendered, SliceScene, render};
use super::signal::Signal;
use crate::error::{Error, Result};
use crate::liquid_loss::liquid_loss_percent;
use crate::sample_sheet::{SampleSheet, Specimen};

/// One synthetic scan with its truth. Arrays are `[slice, row, column]`.
#[derive(Debug, Clone)]
pub struct PhantomScan {
    /// Position in the cohort.
    pub index: usize,
    /// The row of the sample sheet; `scan` names the scan.
    pub specimen: Specimen,
    /// State when scanned.
    pub state: State,
    /// Which of the repeated scans of this state it is, from 0.
    pub repeat: usize,
    /// Treatment of the fillet, also where the scan comes before it.
    pub treatment: Freezing,
    /// Grey values in [0, 4095].
    pub volume: Volume,
    /// Latent damage in [0, 1]; 0 outside tissue and in tissue never frozen.
    pub damage: Array3<f32>,
    /// Share of water expelled from the fibres; follows the damage, in clusters.
    pub expelled: Array3<f32>,
    /// How far a pixel lies in a cluster of expelled water, in [0, 1]; 0 in tissue never frozen.
    pub clusters: Array3<f32>,
    /// Share of a pixel that belongs to the collagen sheets between muscle blocks (myosepta), in
    /// [0, 1]; of opened sheets too.
    pub septa: Array3<f32>,
    /// Pixels that are at least half tissue.
    pub tissue: Array3<bool>,
    /// Slices spoilt by air and signal loss, as at the ends of real scans.
    pub spoilt: Vec<bool>,
    /// Mean damage of the tissue in the field of view; 0 if never frozen.
    pub mean_damage: f64,
}

/// A phantom study. Each scan is a pure function of configuration, seed and index.
///
/// # Examples
///
/// ```
/// use fillet_preprocess::phantom::{Cohort, PhantomConfig};
///
/// let config = PhantomConfig { fish: 1, slices: 2, size: 32, ..PhantomConfig::ci() };
/// let cohort = Cohort::new(&config, 42)?;
/// assert_eq!(cohort.len(), 4);
/// let scan = cohort.scan(1)?;
/// assert_eq!(scan.specimen.class, "thawed");
/// assert_eq!(scan.damage.dim(), (2, 32, 32));
/// # Ok::<(), fillet_preprocess::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Cohort {
    config: PhantomConfig,
    seed: u64,
    treatments: Vec<Freezing>,
}

/// The scans of a cohort in order, each made when asked for.
#[derive(Debug, Clone)]
pub struct Scans {
    cohort: Cohort,
    next: usize,
}

impl Iterator for Scans {
    type Item = Result<PhantomScan>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.next;
        (index < self.cohort.len()).then(|| {
            self.next += 1;
            self.cohort.scan(index)
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.cohort.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Scans {}

impl Cohort {
    /// A cohort; nothing is rendered yet.
    ///
    /// # Errors
    ///
    /// [`Error::Config`].
    pub fn new(config: &PhantomConfig, seed: u64) -> Result<Self> {
        config.validate()?;
        Ok(Self {
            config: *config,
            seed,
            treatments: treatments(config, seed),
        })
    }

    /// The scans of a new cohort, one at a time.
    ///
    /// # Errors
    ///
    /// [`Error::Config`].
    pub fn generate(config: &PhantomConfig, seed: u64) -> Result<Scans> {
        Ok(Scans {
            cohort: Self::new(config, seed)?,
            next: 0,
        })
    }

    /// The scans of this cohort, one at a time.
    pub fn scans(&self) -> Scans {
        Scans {
            cohort: self.clone(),
            next: 0,
        }
    }

    /// Number of scans.
    pub fn len(&self) -> usize {
        self.treatments.len() * self.scans_per_fillet()
    }

    /// Whether there are no scans; never true.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The configuration.
    pub fn config(&self) -> &PhantomConfig {
        &self.config
    }

    fn scans_per_fillet(&self) -> usize {
        let states = if self.config.second_scan == SecondScan::None {
            1
        } else {
            2
        };
        states * self.config.repeats
    }

    fn repeat(&self, index: usize) -> usize {
        index % self.config.repeats
    }

    fn state(&self, index: usize) -> State {
        let which = index % self.scans_per_fillet() / self.config.repeats;
        match (which, self.config.second_scan) {
            (1, SecondScan::Thawed) => State::Thawed,
            (1, SecondScan::FreshAgain) => State::Rescanned,
            _ => State::Fresh,
        }
    }

    fn fillet(&self, index: usize) -> Result<Fillet> {
        let position = index / self.scans_per_fillet();
        let treatment = self.treatments.get(position).ok_or(Error::ScanIndex {
            index,
            scans: self.len(),
        })?;
        Ok(Fillet::new(&self.config, self.seed, position, *treatment))
    }

    fn z_mm(&self, slice: usize) -> f64 {
        (slice as f64 - 0.5 * (self.config.slices as f64 - 1.0)) * self.config.slice_spacing_mm
    }

    fn sections<'a>(&self, fillet: &'a Fillet) -> Vec<Section<'a>> {
        (0..self.config.slices)
            .into_par_iter()
            .map(|slice| fillet.section(self.seed, self.z_mm(slice)))
            .collect()
    }

    fn freeze(&self, fillet: &Fillet, sections: &[Section<'_>]) -> Vec<Freeze> {
        sections
            .par_iter()
            .enumerate()
            .map(|(slice, section)| {
                Freeze::new(&self.config, self.seed, fillet, section, self.z_mm(slice))
            })
            .collect()
    }

    /// The row of the sample sheet for one scan, without rendering it.
    ///
    /// # Errors
    ///
    /// [`Error::ScanIndex`].
    pub fn specimen(&self, index: usize) -> Result<Specimen> {
        let fillet = self.fillet(index)?;
        let state = self.state(index);
        let mean = if state == State::Thawed {
            mean_damage(&self.freeze(&fillet, &self.sections(&fillet)))
        } else {
            0.0
        };
        self.describe(&fillet, state, self.repeat(index), mean)
    }

    /// The sample sheet of the whole cohort, without rendering it.
    ///
    /// # Errors
    ///
    /// As [`Cohort::specimen`].
    pub fn sample_sheet(&self) -> Result<SampleSheet> {
        let specimens = (0..self.len())
            .map(|index| self.specimen(index))
            .collect::<Result<_>>()?;
        Ok(SampleSheet { specimens })
    }

    /// Masses to 0.1 g, and the liquid loss that follows from them.
    fn describe(
        &self,
        fillet: &Fillet,
        state: State,
        repeat: usize,
        mean_damage: f64,
    ) -> Result<Specimen> {
        let config = &self.config;
        let fish = fillet.index / config.fillets_per_fish + 1;
        let side = ["left", "right"][fillet.index % config.fillets_per_fish];
        let tenth = |grams: f64| (10.0 * grams).round() / 10.0;
        let before = tenth(fillet.mass_g);
        let mut specimen = Specimen {
            scan: match repeat {
                0 => format!("fish{fish:02}_{side}_{state}"),
                _ => format!("fish{fish:02}_{side}_{state}_{}", repeat + 1),
            },
            fish: Some(format!("fish{fish:02}")),
            fillet: Some(side.to_owned()),
            class: state.to_string(),
            treatment: Some(fillet.treatment.to_string()),
            mass_before_g: Some(before),
            mass_after_g: None,
            liquid_loss_percent: None,
        };
        if state == State::Thawed {
            let outcome = &config.outcome;
            let loss = outcome.loss_percent
                + outcome.loss_per_damage_percent * mean_damage
                + fillet.loss_shift_percent;
            let after = tenth(before * (1.0 - loss.clamp(0.0, 60.0) / 100.0));
            specimen.mass_after_g = Some(after);
            specimen.liquid_loss_percent = Some(liquid_loss_percent(before, after)?);
        }
        Ok(specimen)
    }

    /// Makes one scan. Slices are rendered in parallel; the result does not depend on it.
    ///
    /// # Errors
    ///
    /// [`Error::ScanIndex`]; [`Error::Volume`] if the volume cannot be made.
    pub fn scan(&self, index: usize) -> Result<PhantomScan> {
        let config = &self.config;
        let fillet = self.fillet(index)?;
        let state = self.state(index);
        let sections = self.sections(&fillet);
        let freeze = if state == State::Thawed {
            self.freeze(&fillet, &sections)
        } else {
            Vec::new()
        };
        let mean_damage = mean_damage(&freeze);
        let specimen = self.describe(&fillet, state, self.repeat(index), mean_damage)?;
        let scan = index as u64;
        let loss = specimen.liquid_loss_percent.unwrap_or(0.0);
        let mut session = Session::new(config, self.seed, scan, state, loss);
        session.hold_within(&sections, config.field_of_view_mm);
        let signal = Signal::new(config, &fillet, session.t2_shift_ms);
        let rendered: Vec<Rendered> = (0..config.slices)
            .into_par_iter()
            .map(|slice| {
                render(&SliceScene {
                    config,
                    seed: self.seed,
                    scan,
                    slice,
                    z_mm: self.z_mm(slice),
                    fillet: &fillet,
                    section: &sections[slice],
                    session: &session,
                    signal: &signal,
                    freeze: freeze.get(slice),
                })
            })
            .collect();
        let spoilt = (0..config.slices)
            .map(|slice| session.spoilage(slice, config.slices) > 0.0)
            .collect();
        let pixel_mm = config.field_of_view_mm / config.size as f64;
        let spacing = Spacing {
            slice_mm: config.slice_spacing_mm,
            row_mm: pixel_mm,
            column_mm: pixel_mm,
        };
        let stored = self.stack(&rendered, |slice| &slice.stored);
        let acquisition = Acquisition {
            modality: Some("MR".to_owned()),
            series_description: Some(format!("Synthetic phantom {}", specimen.scan)),
            repetition_time_ms: Some(config.scanner.repetition_time_ms),
            echo_time_ms: Some(config.scanner.echo_time_ms),
            bits_stored: Some(12),
            ..Acquisition::default()
        };
        Ok(PhantomScan {
            index,
            specimen,
            state,
            repeat: self.repeat(index),
            treatment: fillet.treatment,
            volume: Volume::new(stored, spacing)?.with_acquisition(acquisition),
            damage: self.stack(&rendered, |slice| &slice.damage),
            expelled: self.stack(&rendered, |slice| &slice.expelled),
            clusters: self.stack(&rendered, |slice| &slice.clusters),
            septa: self.stack(&rendered, |slice| &slice.septa),
            tissue: self.stack(&rendered, |slice| &slice.tissue),
            spoilt,
            mean_damage,
        })
    }

    fn stack<T: Copy + Default>(
        &self,
        slices: &[Rendered],
        part: impl Fn(&Rendered) -> &Vec<T>,
    ) -> Array3<T> {
        let size = self.config.size;
        let mut out = Array3::default((slices.len(), size, size));
        let pixels = slices.iter().flat_map(|slice| part(slice).iter().copied());
        for (target, value) in out.iter_mut().zip(pixels) {
            *target = value;
        }
        out
    }
}

fn mean_damage(freeze: &[Freeze]) -> f64 {
    let (sum, cells) = freeze
        .iter()
        .map(Freeze::sum)
        .fold((0.0, 0), |(sum, n), (s, m)| (sum + s, n + m));
    if cells == 0 { 0.0 } else { sum / cells as f64 }
}
