//! Maps -> overlap with every reference, agreement, correlation with liquid loss, tests.

mod agreement;
mod controls;
mod groups;
mod liquid_loss;
mod overlap;
mod places;
mod protocol;
mod references;
mod scores;
mod seeds;
mod supervised;
mod tests;

use std::collections::BTreeMap;

use mri_io::atomic::write_atomically;
use ndarray::{Array3, Axis};

use super::{Run, Stage, json};
use crate::cli::StageName;
use crate::config::Config;
use crate::config::switches::NormaliseRule;
use crate::division::Division;
use crate::error::{Context, Result, failed};
use crate::manifest::Manifest;
use crate::outputs::Arm;
use crate::slices::SliceArchive;
use crate::study::Study;
use liquid_loss::{LiquidLoss, common_scale, own_scale};
use references::ScanReferences;
use scores::{Axes, ScanMaps, Scores, read_map, score_scan};

pub(super) struct Analyse;

/// What lies beside the tables, since CSV has no room for it.
const SYNTHETIC: &str = "SYNTHETIC DATA. Every number in these tables was computed on a phantom made by this program, with the\n\
relations between damage, treatment and liquid loss built in. They carry no conclusion about cod.\n\
What the columns mean is explained in report.html; what was run is in manifest.json.\n";
const MEASURED: &str =
    "What the columns mean is explained in report.html; what was run is in manifest.json.\n";

impl Stage for Analyse {
    fn name(&self) -> StageName {
        StageName::Analyse
    }

    fn options(&self, config: &Config) -> Result<serde_json::Value> {
        let networks: Vec<_> = config
            .networks
            .iter()
            .map(|network| network.architecture)
            .collect();
        json((
            &config.analysis,
            networks,
            &config.explain.methods,
            &config.data.positive_class,
            config.switches,
            &config.supervised,
            config.seed,
        ))
    }

    fn owned(&self) -> &'static [&'static str] {
        &[
            "reference",
            "tables/miou.csv",
            "tables/random_weights.csv",
            "tables/controls.csv",
            "tables/control_curves.csv",
            "tables/ceilings.csv",
            "tables/damaged_fraction.csv",
            "tables/damaged_fraction_common.csv",
            "tables/agreement_methods.csv",
            "tables/agreement_networks.csv",
            "tables/agreement_random_weights.csv",
            "tables/agreement_raw.csv",
            "tables/noise_floor.csv",
            "tables/seeds.csv",
            "tables/liquid_loss.csv",
            "tables/liquid_loss_common.csv",
            "tables/liquid_loss_reference.csv",
            "tables/liquid_loss_by_treatment.csv",
            "tables/liquid_loss_groups.csv",
            "tables/damaged_by_scan.csv",
            "tables/reference_by_scan.csv",
            "tables/reference_fraction.csv",
            "tables/miou_and_rho.csv",
            "tables/truth_scores.csv",
            "tables/supervised.csv",
            "tables/supervised_smoothing.csv",
            "tables/tests.csv",
            "tables/posthoc.csv",
            "tables/peaks.csv",
            "tables/depth.csv",
            "tables/protocol.csv",
            "tables/disagreements.csv",
            "tables/README.txt",
        ]
    }

    fn run(&self, run: &Run, _: &Manifest) -> Result<()> {
        for name in super::report::EFFECTS {
            let path = run.outputs.table(name);
            if path.exists() {
                std::fs::remove_file(&path).doing("remove", &path)?;
            }
        }
        let study = Study::load(&run.config, &run.outputs)?;
        let archive = SliceArchive::open(&run.outputs.slices())?;
        let division = Division::load(&run.config, &study, &archive)?;
        let mapped = division.mapped();
        let kernel = supervised::choose_kernel(run, &study, &mapped, &archive)?;
        let read = Reading {
            run,
            study: &study,
            division: &division,
            archive: &archive,
            mapped: &mapped,
            kernel,
        };
        let (scores, references) = read.main()?;
        overlap::write(run, &study, &scores, "miou", false)?;
        overlap::damaged_fraction(run, &study, &scores, "damaged_fraction", own_scale)?;
        overlap::damaged_fraction(
            run,
            &study,
            &scores,
            "damaged_fraction_common",
            common_scale,
        )?;
        agreement::write(run, &scores)?;
        places::write(run, &scores)?;
        supervised::write(run, &study, &scores, &references)?;
        let losses = LiquidLoss::read(&study, &scores)?;
        liquid_loss::write(run, &study, &scores, &losses, "liquid_loss", own_scale)?;
        liquid_loss::write(
            run,
            &study,
            &scores,
            &losses,
            "liquid_loss_common",
            common_scale,
        )?;
        liquid_loss::write_details(run, &study, &scores, &losses)?;
        liquid_loss::write_references(run, &study, &losses, &references)?;
        tests::write(run, &study, &scores, &losses)?;
        run.interrupt.check()?;
        let controls = read.controls()?;
        overlap::write(run, &study, &controls, "controls", true)?;
        overlap::write(run, &study, &controls, "control_curves", false)?;
        controls::write_ceilings(run, &study, &controls)?;
        let mut seeds = seeds::table()?;
        seeds::add(run, &study, &scores, 0, &mut seeds)?;
        for replicate in 1..run.config.training.seeds {
            let other = read.arm(Arm::Trained(replicate))?;
            seeds::add(run, &study, &other, replicate, &mut seeds)?;
        }
        seeds.write(&run.outputs.table("seeds"))?;
        if run.config.training.seeds > 1 {
            agreement::write_noise_floor(run, &study, &mapped, &archive)?;
        }
        if run.config.explain.random_weights {
            let random = read.arm(Arm::RandomWeights)?;
            overlap::write(run, &study, &random, "random_weights", false)?;
            agreement::write_random_weights(run, &random)?;
        }
        overlap::truth_scores(run, &study, &[&scores, &controls])?;
        protocol::write(run)?;
        let path = run.outputs.root().join("tables/README.txt");
        let text = if run.config.is_synthetic() {
            SYNTHETIC
        } else {
            MEASURED
        };
        write_atomically(&path, |file| file.write_all(text.as_bytes())).doing("write", &path)
    }
}

/// What it takes to read and score maps.
struct Reading<'a> {
    run: &'a Run,
    study: &'a Study,
    division: &'a Division,
    archive: &'a SliceArchive,
    mapped: &'a [usize],
    kernel: usize,
}

impl Reading<'_> {
    fn axes(&self) -> Axes {
        let config = &self.run.config;
        Axes {
            networks: config
                .networks
                .iter()
                .map(|n| n.architecture.to_string())
                .collect(),
            methods: config
                .explain
                .methods
                .iter()
                .map(ToString::to_string)
                .collect(),
            thresholds: config.analysis.thresholds.clone(),
        }
    }

    /// The maps of the first seed, and the references they are compared with.
    fn main(&self) -> Result<(Scores, Vec<supervised::ReferenceScores>)> {
        let axes = self.axes();
        let mut references = Vec::new();
        let mut slices = Vec::new();
        let mut task = self.run.reporter.task("analyse", self.mapped.len());
        for &scan in self.mapped {
            self.run.interrupt.check()?;
            let name = &self.study.specimens[scan].scan;
            let images = self.archive.read(name)?;
            let known = ScanReferences::load(self.run, self.study, scan, &images, self.kernel)?;
            let maps = self.maps(Arm::Trained(0), scan)?;
            slices.extend(score_scan(
                self.run, &axes, scan, name, &images, &maps, &known,
            )?);
            if known.positive {
                references.extend(supervised::score(scan, name, &images, &known)?);
            }
            task.step(name);
        }
        task.finish();
        Ok((Scores { axes, slices }, references))
    }

    /// The maps of another seed, or of networks never trained.
    fn arm(&self, arm: Arm) -> Result<Scores> {
        let axes = self.axes();
        let mut slices = Vec::new();
        for &scan in self.mapped {
            self.run.interrupt.check()?;
            if arm == Arm::RandomWeights && self.study.labels[scan] != 1 {
                continue;
            }
            let name = &self.study.specimens[scan].scan;
            let images = self.archive.read(name)?;
            let known = ScanReferences::load(self.run, self.study, scan, &images, self.kernel)?;
            let maps = self.maps(arm, scan)?;
            slices.extend(score_scan(
                self.run, &axes, scan, name, &images, &maps, &known,
            )?);
        }
        Ok(Scores { axes, slices })
    }

    /// The maps made without any network.
    fn controls(&self) -> Result<Scores> {
        let axes = controls::axes(self.run);
        let mut slices = Vec::new();
        for &scan in self.mapped {
            if self.study.labels[scan] != 1 {
                continue;
            }
            let name = &self.study.specimens[scan].scan;
            let images = self.archive.read(name)?;
            let known = ScanReferences::load(self.run, self.study, scan, &images, self.kernel)?;
            let maps = controls::maps(self.run, scan, &images, &known)?;
            slices.extend(score_scan(
                self.run, &axes, scan, name, &images, &maps, &known,
            )?);
        }
        Ok(Scores { axes, slices })
    }

    fn maps(&self, arm: Arm, scan: usize) -> Result<ScanMaps> {
        let (config, outputs) = (&self.run.config, &self.run.outputs);
        let name = &self.study.specimens[scan].scan;
        let mut heat = Vec::new();
        let mut common = Vec::new();
        for network in &config.networks {
            let architecture = network.architecture;
            let maps = config
                .explain
                .methods
                .iter()
                .map(|method| read_map(&outputs.cam(arm, architecture, method, name)));
            let maps = maps.collect::<Result<Vec<Array3<f32>>>>()?;
            if let (Arm::Trained(replicate), NormaliseRule::InsideTissue, Some(fold)) =
                (arm, config.switches.normalise, self.division.maps(scan))
            {
                let path = outputs.cam_scale(architecture, replicate, fold);
                let text = std::fs::read_to_string(&path).doing("read", &path)?;
                let scales: BTreeMap<String, f64> =
                    serde_json::from_str(&text).doing("read", &path)?;
                let mut rescaled = Vec::new();
                for (method, map) in config.explain.methods.iter().zip(&maps) {
                    let scale = scales.get(&method.to_string()).copied();
                    let scale = scale.ok_or_else(|| {
                        failed(
                            format!("{}", path.display()),
                            anyhow::anyhow!("no scale of {method}"),
                        )
                    })?;
                    let ranges =
                        read_map(&outputs.cam_range(architecture, replicate, method, name))?;
                    rescaled.push(on_scale(map, &ranges, scale));
                }
                common.push(rescaled);
            }
            heat.push(maps);
        }
        Ok(ScanMaps {
            common: (common.len() == heat.len()).then_some(common),
            heat,
        })
    }
}

/// A map brought from each slice's own scale to one for all; what exceeds it is held at 1.
fn on_scale(map: &Array3<f32>, ranges: &Array3<f32>, scale: f64) -> Array3<f32> {
    let mut out = map.clone();
    for (mut plane, range) in out.outer_iter_mut().zip(ranges.axis_iter(Axis(0))) {
        let [low, high] = [0, 1].map(|end| f64::from(range[[0, end]]));
        plane.mapv_inplace(|heat| {
            let value = low + f64::from(heat) * (high - low);
            if scale > 0.0 {
                (value / scale).clamp(0.0, 1.0) as f32
            } else {
                0.0
            }
        });
    }
    out
}
