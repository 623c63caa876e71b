//! Trained networks -> heatmaps of the scans that the protocol maps.

use std::collections::BTreeMap;
use std::sync::Mutex;

use cam_methods::{Control, Error as CamError, Explainer, Method, Parameters, Pixels, Tap, Target};
use candle_core::{Device, Tensor};
use cnn_zoo::{Backbone, build};
use mri_io::atomic::write_atomically;
use mri_io::npy;
use ndarray::{Array3, ArrayView3, Axis, Slice};

use super::train::{Job, backbone_config, job_seed, load_best};
use super::{Run, Stage, json};
use crate::cli::StageName;
use crate::config::switches::NormaliseRule;
use crate::config::{Config, ExplainConfig};
use crate::division::Division;
use crate::error::{Context, Error, Result, failed};
use crate::in_turns::{in_turns, locked};
use crate::interrupt::Interrupt;
use crate::manifest::Manifest;
use crate::outputs::{Arm, make_folder_of};
use crate::progress::Task;
use crate::semantics::{at_several_taps, layer_cam_taps, semantics, tap};
use crate::slices::{ScanSlices, SliceArchive};
use crate::study::Study;
use crate::tensors;

pub(super) struct Explain;

impl Stage for Explain {
    fn name(&self) -> StageName {
        StageName::Explain
    }

    fn options(&self, config: &Config) -> Result<serde_json::Value> {
        let switches = &config.switches;
        json((
            &config.explain,
            &config.networks,
            &config.data.positive_class,
            (switches.tap, switches.layer_cam, switches.score_cam),
            (switches.normalise, switches.library, switches.mapped),
            config.device,
            config.seed,
        ))
    }

    fn owned(&self) -> &'static [&'static str] {
        &["cams"]
    }

    fn run(&self, run: &Run, _: &Manifest) -> Result<()> {
        let input = Input::load(run)?;
        let jobs = jobs(&run.config, input.division.parts.len());
        let steps: usize = jobs.iter().map(|job| input.scans(*job).len()).sum();
        let task = Mutex::new(run.reporter.task("explain", steps));
        in_turns(&jobs, run.config.training.concurrent_folds, |job| {
            explain_one(run, &input, job, Some(&task))
        })?;
        Ok(())
    }
}

/// The maps of one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExplainJob {
    /// A trained network on the scans its part of the division maps.
    Trained(Job),
    /// A network that was never trained on all mapped scans of the positive class.
    RandomWeights {
        /// Position of the network in the configuration.
        network: usize,
    },
}

/// Everything there is to map.
pub(crate) fn jobs(config: &Config, folds: usize) -> Vec<ExplainJob> {
    let trained = super::train::jobs(config, folds)
        .into_iter()
        .map(ExplainJob::Trained);
    let random = (0..config.networks.len()).map(|network| ExplainJob::RandomWeights { network });
    let random = random.filter(|_| config.explain.random_weights);
    trained.chain(random).collect()
}

/// What every mapping reads.
pub(crate) struct Input {
    study: Study,
    division: Division,
    device: Device,
}

impl Input {
    /// Reads the division of the study.
    ///
    /// # Errors
    ///
    /// [`Error::Run`] if preprocessing left nothing usable.
    pub(crate) fn load(run: &Run) -> Result<Self> {
        let study = Study::load(&run.config, &run.outputs)?;
        let archive = SliceArchive::open(&run.outputs.slices())?;
        Ok(Self {
            division: Division::load(&run.config, &study, &archive)?,
            device: run.config.device.open()?,
            study,
        })
    }

    /// The scans that a job maps.
    fn scans(&self, job: ExplainJob) -> Vec<usize> {
        match job {
            ExplainJob::Trained(job) => self.division.parts[job.fold].mapped.clone(),
            ExplainJob::RandomWeights { .. } => (self.division.mapped().into_iter())
                .filter(|&scan| self.study.labels[scan] == 1)
                .collect(),
        }
    }
}

/// Maps what one job asks for and is not there yet.
///
/// # Errors
///
/// [`Error::Run`] if a map cannot be made or written, [`Error::Interrupted`] after a signal.
pub(crate) fn explain_one(
    run: &Run,
    input: &Input,
    job: ExplainJob,
    task: Option<&Mutex<Task>>,
) -> Result<()> {
    let (index, arm) = match job {
        ExplainJob::Trained(job) => (job.network, Arm::Trained(job.replicate)),
        ExplainJob::RandomWeights { network } => (network, Arm::RandomWeights),
    };
    let architecture = run.config.networks[index].architecture;
    let mut model: Option<Box<dyn Backbone>> = None;
    let archive = SliceArchive::open(&run.outputs.slices())?;
    let loaded = || -> Result<Box<dyn Backbone>> {
        match job {
            ExplainJob::Trained(job) => load_best(run, job, &input.device),
            ExplainJob::RandomWeights { .. } => {
                let untrained = Job {
                    network: index,
                    replicate: 0,
                    fold: 0,
                };
                let config = backbone_config(&run.config, &run.config.networks[index]);
                build(&config, job_seed(&run.config, untrained, 9), &input.device)
                    .and_then(|network| network.fuse())
                    .map_err(|e| failed(format!("{architecture} without training"), e))
            }
        }
    };
    for scan in input.scans(job) {
        run.interrupt.check()?;
        let name = &input.study.specimens[scan].scan;
        if !is_done(run, arm, index, name) {
            let model = kept(&mut model, loaded)?;
            let slices = archive.read(name)?;
            let maps = explain_slices(run, model, name, &slices, &input.device)?;
            for (method, map) in run.config.explain.methods.iter().zip(&maps) {
                if let Arm::Trained(replicate) = arm {
                    let path = run.outputs.cam_range(architecture, replicate, method, name);
                    make_folder_of(&path)?;
                    npy::write_f32(&path, map.ranges.view()).doing("write", &path)?;
                }
                let path = run.outputs.cam(arm, architecture, method, name);
                make_folder_of(&path)?;
                npy::write_f32(&path, map.heat.view()).doing("write", &path)?;
            }
        }
        if let Some(task) = task {
            locked(task).step(&format!("{architecture} {name}"));
        }
    }
    if let ExplainJob::Trained(job) = job
        && run.config.switches.normalise == NormaliseRule::InsideTissue
    {
        let path = run.outputs.cam_scale(architecture, job.replicate, job.fold);
        if !path.exists() {
            let model = kept(&mut model, loaded)?;
            let scales = common_scales(run, input, job, model, &archive)?;
            make_folder_of(&path)?;
            let mut text =
                serde_json::to_string_pretty(&scales).map_err(|e| Error::Run(e.into()))?;
            text.push('\n');
            write_atomically(&path, |file| file.write_all(text.as_bytes()))
                .doing("write", &path)?;
        }
    }
    Ok(())
}

/// The network, loaded when it is first needed.
fn kept(
    model: &mut Option<Box<dyn Backbone>>,
    load: impl Fn() -> Result<Box<dyn Backbone>>,
) -> Result<&dyn Backbone> {
    match model {
        Some(model) => Ok(&**model),
        none => Ok(&**none.insert(load()?)),
    }
}

fn is_done(run: &Run, arm: Arm, network: usize, scan: &str) -> bool {
    let architecture = run.config.networks[network].architecture;
    (run.config.explain.methods.iter())
        .all(|method| run.outputs.cam(arm, architecture, method, scan).exists())
}

/// The maps of one method.
struct Maps {
    /// In [0, 1], `[slice, row, column]`.
    heat: Array3<f32>,
    /// Value before scaling where the heat is 0 and where it is 1, `[slice, 1, 2]`.
    ranges: Array3<f32>,
}

/// Maps of all methods for all slices given.
fn explain_slices(
    run: &Run,
    model: &dyn Backbone,
    scan: &str,
    slices: &ScanSlices,
    device: &Device,
) -> Result<Vec<Maps>> {
    let explain = &run.config.explain;
    let (count, rows, columns) = slices.images.dim();
    let mut maps: Vec<Maps> = (explain.methods.iter())
        .map(|_| Maps {
            heat: Array3::zeros((count, rows, columns)),
            ranges: Array3::zeros((count, 1, 2)),
        })
        .collect();
    let last = vec![tap(model, run.config.switches.tap)];
    let several = layer_cam_taps(model, &run.config.switches);
    // methods at the same taps share their passes
    let (layered, plain): (Vec<usize>, Vec<usize>) = (0..explain.methods.len())
        .partition(|&at| at_several_taps(explain.methods[at]) && several != last);
    for (methods, taps) in [(plain, &last), (layered, &several)] {
        if methods.is_empty() {
            continue;
        }
        let named: Vec<Method> = methods.iter().map(|&at| explain.methods[at]).collect();
        for start in (0..count).step_by(explain.batch_size) {
            run.interrupt.check()?;
            let some = Slice::from(start..(start + explain.batch_size).min(count));
            let inside = slices.foreground.slice_axis(Axis(0), some);
            let images = tensors::images(slices.images.slice_axis(Axis(0), some), device)?;
            let tissue = tensors::masks(inside, device)?;
            let targets = vec![Target::Class(1); images.dims()[0]];
            let tapped = |x: &Tensor, tap: &mut dyn Tap| {
                model.forward_tapped(x, &mut |name, a| tap.visit(name, a))
            };
            let stop = run.interrupt.clone();
            let explanation = Explainer::new(&tapped)
                .taps(taps.iter().cloned())
                .semantics(semantics(&run.config.switches))
                .parameters(parameters(explain, run.config.seed))
                .region(tissue)
                .memory_budget(explain.memory_mib << 20)
                .observer(move |_| match stop.signal() {
                    Some(_) => Control::Stop,
                    None => Control::Continue,
                })
                .explain_all(&images, &targets, &named);
            let explanation = explanation.map_err(|e| cancelled(e, &run.interrupt, model, scan))?;
            for (&at, result) in methods.iter().zip(&explanation.maps) {
                let made = |e| failed(format!("map of scan {scan}"), e);
                let unscaled: Vec<f32> = result
                    .unscaled
                    .flatten_all()
                    .and_then(|flat| flat.to_vec1())
                    .map_err(made)?;
                let shape = (targets.len(), rows, columns);
                let unscaled = ArrayView3::from_shape(shape, &unscaled)
                    .map_err(|e| failed(format!("map of scan {scan}"), e))?;
                let everywhere = result.semantics.normalise.pixels == Pixels::Image;
                for image in 0..targets.len() {
                    let heat = result
                        .heatmap(image)
                        .map_err(|e| failed(format!("map of scan {scan}"), e))?;
                    let mut plane = maps[at].heat.index_axis_mut(Axis(0), start + image);
                    plane
                        .iter_mut()
                        .zip(heat)
                        .for_each(|(pixel, value)| *pixel = value);
                    let values = unscaled.index_axis(Axis(0), image);
                    let inside = inside.index_axis(Axis(0), image);
                    let counted = (values.iter().zip(&inside))
                        .filter(|(_, inside)| everywhere || **inside)
                        .map(|(value, _)| *value);
                    let range = counted
                        .fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], v| {
                            [low.min(v), high.max(v)]
                        });
                    let range = if range[0] <= range[1] {
                        range
                    } else {
                        [0.0, 0.0]
                    };
                    for (end, value) in range.into_iter().enumerate() {
                        maps[at].ranges[[start + image, 0, end]] = value;
                    }
                }
            }
        }
    }
    Ok(maps)
}

fn parameters(explain: &ExplainConfig, seed: u64) -> Parameters {
    Parameters {
        score_channel_cap: explain.score_channels,
        seed,
        ..Parameters::default()
    }
}

fn cancelled(error: CamError, interrupt: &Interrupt, model: &dyn Backbone, scan: &str) -> Error {
    match error {
        CamError::Cancelled { .. } => interrupt
            .signal()
            .map_or_else(|| Error::run("explanation cancelled"), Error::Interrupted),
        other => failed(
            format!("{} on scan {scan}", model.config().architecture),
            other,
        ),
    }
}

/// The 99th percentile of the unscaled maps over the tissue of some slices of every training scan, by method.
///
/// A map whose own maximum is 1 cannot tell much damage from little; on one scale for all scans it can.
fn common_scales(
    run: &Run,
    input: &Input,
    job: Job,
    model: &dyn Backbone,
    archive: &SliceArchive,
) -> Result<BTreeMap<String, f64>> {
    let part = &input.division.parts[job.fold];
    let mut by_scan: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &item in &part.train_items {
        let item = input.division.items[item];
        by_scan.entry(item.scan).or_default().push(item.at);
    }
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); run.config.explain.methods.len()];
    for (scan, at) in by_scan {
        let name = &input.study.specimens[scan].scan;
        let wanted = run.config.explain.scale_slices.min(at.len());
        let chosen: Vec<usize> = (0..wanted)
            .map(|i| at[(2 * i + 1) * at.len() / (2 * wanted)])
            .collect();
        let all = archive.read(name)?;
        let some = ScanSlices {
            images: all.images.select(Axis(0), &chosen),
            foreground: all.foreground.select(Axis(0), &chosen),
            indices: chosen.iter().map(|&at| all.indices[at]).collect(),
        };
        let maps = explain_slices(run, model, name, &some, &input.device)?;
        for (values, map) in values.iter_mut().zip(&maps) {
            for (slice, heat) in map.heat.outer_iter().enumerate() {
                let [low, high] = [0, 1].map(|end| f64::from(map.ranges[[slice, 0, end]]));
                let tissue = some.foreground.index_axis(Axis(0), slice);
                values.extend(
                    (heat.iter().zip(&tissue))
                        .filter(|(_, inside)| **inside)
                        .map(|(heat, _)| low + f64::from(*heat) * (high - low)),
                );
            }
        }
    }
    let mut scales = BTreeMap::new();
    for (method, values) in run.config.explain.methods.iter().zip(values) {
        let scale = stats::quantile(&values, 0.99, stats::QuantileMethod::default())
            .map_err(|e| failed(format!("common scale of {method}"), e))?;
        scales.insert(method.to_string(), scale);
    }
    Ok(scales)
}
