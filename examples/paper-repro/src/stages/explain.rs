//! Trained networks -> heatmaps of every scan, each by the network that never saw its fish.

use cam_methods::{
    Control, Error as CamError, Explainer, Parameters, Pixels, Semantics, Tap, Target,
};
use candle_core::{Device, Tensor};
use cnn_zoo::Backbone;
use mri_io::npy;
use ndarray::{Array3, Axis, Slice};

use super::{Run, Stage, json, train};
use crate::cli::StageName;
use crate::config::{Config, NetworkConfig};
use crate::error::{Context, Error, Result, failed};
use crate::manifest::Manifest;
use crate::outputs::make_folder_of;
use crate::slices::{ScanSlices, SliceArchive};
use crate::study::Study;
use crate::tensors;

pub(super) struct Explain;

impl Stage for Explain {
    fn name(&self) -> StageName {
        StageName::Explain
    }

    fn options(&self, config: &Config) -> Result<serde_json::Value> {
        json((
            &config.explain,
            &config.networks,
            &config.data.positive_class,
            config.device,
            config.seed,
        ))
    }

    fn owned(&self) -> &'static [&'static str] {
        &["cams"]
    }

    fn run(&self, run: &Run, _: &Manifest) -> Result<()> {
        let study = Study::load(&run.config, &run.outputs)?;
        let archive = SliceArchive::open(&run.outputs.slices())?;
        let device = run.config.device.open()?;
        let mut task = run
            .reporter
            .task("explain", run.config.networks.len() * study.specimens.len());
        for network in &run.config.networks {
            for (number, fold) in study.folds.iter().enumerate() {
                let mut model = None;
                for &scan in &fold.test {
                    run.interrupt.check()?;
                    let name = &study.specimens[scan].scan;
                    let remark = format!("{} {name}", network.architecture);
                    if !is_done(run, network, name) {
                        let model = match &mut model {
                            Some(model) => model,
                            none => none.insert(train::load_best(run, network, number, &device)?),
                        };
                        let slices = archive.read(name)?;
                        explain_scan(run, network, model.as_ref(), name, &slices, &device)?;
                    }
                    task.step(&remark);
                }
            }
        }
        task.finish();
        Ok(())
    }
}

fn is_done(run: &Run, network: &NetworkConfig, scan: &str) -> bool {
    run.config
        .explain
        .methods
        .iter()
        .all(|method| run.outputs.cam(network.architecture, method, scan).exists())
}

/// Maps of all methods for all slices of one scan.
fn explain_scan(
    run: &Run,
    network: &NetworkConfig,
    model: &dyn Backbone,
    scan: &str,
    slices: &ScanSlices,
    device: &Device,
) -> Result<()> {
    let explain = &run.config.explain;
    let tapped =
        |x: &Tensor, tap: &mut dyn Tap| model.forward_tapped(x, &mut |name, a| tap.visit(name, a));
    let interrupt = run.interrupt.clone();
    let parameters = Parameters {
        score_channel_cap: explain.score_channels,
        seed: run.config.seed,
        ..Parameters::default()
    };
    let mut maps = vec![Array3::<f32>::zeros(slices.images.dim()); explain.methods.len()];
    let count = slices.indices.len();
    for start in (0..count).step_by(explain.batch_size) {
        run.interrupt.check()?;
        let some = Slice::from(start..(start + explain.batch_size).min(count));
        let images = tensors::images(slices.images.slice_axis(Axis(0), some), device)?;
        let tissue = tensors::masks(slices.foreground.slice_axis(Axis(0), some), device)?;
        let targets = vec![Target::Class(1); images.dims()[0]];
        let stop = interrupt.clone();
        let explanation = Explainer::new(&tapped)
            .tap(model.default_tap())
            .semantics(semantics())
            .parameters(parameters.clone())
            .region(tissue)
            .memory_budget(explain.memory_mib << 20)
            .observer(move |_| {
                if stop.signal().is_some() {
                    Control::Stop
                } else {
                    Control::Continue
                }
            })
            .explain_all(&images, &targets, &explain.methods);
        let explanation = match explanation {
            Err(CamError::Cancelled { .. }) => {
                return Err(interrupt
                    .signal()
                    .map_or_else(|| Error::run("explanation cancelled"), Error::Interrupted));
            }
            other => {
                other.map_err(|e| failed(format!("{} on scan {scan}", network.architecture), e))?
            }
        };
        for (map, result) in maps.iter_mut().zip(&explanation.maps) {
            for at in 0..targets.len() {
                let heatmap = result
                    .heatmap(at)
                    .map_err(|e| failed(format!("map of scan {scan}"), e))?;
                let mut plane = map.index_axis_mut(Axis(0), start + at);
                plane
                    .iter_mut()
                    .zip(heatmap)
                    .for_each(|(pixel, value)| *pixel = value);
            }
        }
    }
    for (method, map) in explain.methods.iter().zip(&maps) {
        let path = run.outputs.cam(network.architecture, method, scan);
        make_folder_of(&path)?;
        npy::write_f32(&path, map.view()).doing("write", &path)?;
    }
    Ok(())
}

/// The literature's definitions, normalised inside the tissue: background must not set the scale.
fn semantics() -> Semantics {
    let mut semantics = Semantics::literature();
    semantics.normalise.pixels = Pixels::Region;
    semantics
}
