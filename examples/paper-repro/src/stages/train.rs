//! Slices -> trained networks: one per architecture and fold, none of which saw the fish held out.

use std::path::PathBuf;
use std::sync::Mutex;

use candle_core::Device;
use cnn_zoo::train::{
    BEST_FILE, CHECKPOINT_FILE, Control, HISTORY_FILE, Outcome, Progress, Stage as Part,
    TrainConfig, fit,
};
use cnn_zoo::{Backbone, BackboneConfig, build, weights};
use fillet_preprocess::split::Role;

use super::{Run, Stage, json};
use crate::accuracy::{Accuracy, evaluate};
use crate::batches::{LabelledSlice, Shuffled, Slices, derived_seed};
use crate::cli::StageName;
use crate::config::{Config, NetworkConfig, TrainingConfig};
use crate::error::{Context, Error, Result, failed};
use crate::in_turns::{in_turns, locked};
use crate::manifest::Manifest;
use crate::progress::Task;
use crate::slices::SliceArchive;
use crate::study::Study;
use crate::table::{Table, number};

pub(super) struct Train;

impl Stage for Train {
    fn name(&self) -> StageName {
        StageName::Train
    }

    fn options(&self, config: &Config) -> Result<serde_json::Value> {
        // how many folds are trained at once does not change the result
        let training = TrainingConfig {
            concurrent_folds: 1,
            ..config.training.clone()
        };
        json((
            training,
            &config.networks,
            &config.data.positive_class,
            config.device,
            config.seed,
        ))
    }

    fn owned(&self) -> &'static [&'static str] {
        &["models", "tables/classification.csv"]
    }

    fn run(&self, run: &Run, _: &Manifest) -> Result<()> {
        let study = Study::load(&run.config, &run.outputs)?;
        let device = run.config.device.open()?;
        let slices = load_slices(run, &study)?;
        let jobs: Vec<(&NetworkConfig, usize)> = (run.config.networks.iter())
            .flat_map(|network| (0..study.folds.len()).map(move |fold| (network, fold)))
            .collect();
        let task = Mutex::new(
            run.reporter
                .task("train", jobs.len() * run.config.training.epochs),
        );
        let one = |(network, fold)| train_fold(run, &study, &slices, network, fold, &device, &task);
        let results = in_turns(&jobs, run.config.training.concurrent_folds, one)?;
        drop(task);
        let columns = [
            "model", "seed", "split", "n", "correct", "accuracy", "ci_low", "ci_high",
        ];
        let mut table = Table::new(&columns)?;
        for (network, results) in run
            .config
            .networks
            .iter()
            .zip(results.chunks(study.folds.len()))
        {
            summarise_folds(run, network, results)?;
            for role in [Role::Train, Role::Validation, Role::Test] {
                let of_role = results
                    .iter()
                    .flat_map(|result| &result.roles)
                    .filter(|(r, _)| *r == role);
                let accuracy =
                    Accuracy::pooled(&of_role.map(|(_, accuracy)| accuracy).collect::<Vec<_>>());
                let interval = accuracy.interval(run.config.analysis.confidence);
                let (correct, total) = (accuracy.correct(), accuracy.total());
                if role == Role::Test {
                    let name = network.architecture;
                    run.reporter.say(format!(
                        "  {name}: {correct} of {total} slices of held-out fish right"
                    ));
                }
                table.row(&[
                    network.architecture.to_string(),
                    run.config.seed.to_string(),
                    role.to_string(),
                    total.to_string(),
                    correct.to_string(),
                    number(accuracy.share()),
                    interval.map_or_else(String::new, |i| number(i.lower)),
                    interval.map_or_else(String::new, |i| number(i.upper)),
                ])?;
            }
        }
        table.write(&run.outputs.table("classification"))
    }
}

/// What training one network on one fold gave.
struct FoldResult {
    fold: usize,
    best_validation_loss: f64,
    roles: Vec<(Role, Accuracy)>,
}

/// All slices of the study in memory.
fn load_slices(run: &Run, study: &Study) -> Result<Vec<LabelledSlice>> {
    let archive = SliceArchive::open(&run.outputs.slices())?;
    let mut slices = Vec::new();
    for (scan, name) in study.scans().enumerate() {
        for image in archive.read(name)?.images.outer_iter() {
            let id = slices.len() as u64;
            slices.push(LabelledSlice {
                id,
                scan,
                image: image.to_owned(),
                label: study.labels[scan],
            });
        }
    }
    Ok(slices)
}

fn backbone_config(run: &Run, network: &NetworkConfig) -> BackboneConfig {
    let size = run.config.preprocess.image_size;
    BackboneConfig {
        input_channels: 1,
        classes: 2,
        width: network.width,
        convention: network.convention,
        initialisation: network.initialisation,
        input_size: [size, size],
        norm_momentum: run.config.training.norm_momentum,
        ..BackboneConfig::new(network.architecture)
    }
}

fn train_fold(
    run: &Run,
    study: &Study,
    slices: &[LabelledSlice],
    network: &NetworkConfig,
    fold: usize,
    device: &Device,
    task: &Mutex<Task>,
) -> Result<FoldResult> {
    let training = &run.config.training;
    let what = format!("{} fold {fold}", network.architecture);
    let side = |role: Role| -> Vec<&LabelledSlice> {
        let scans = study.folds[fold].side(role);
        slices
            .iter()
            .filter(|slice| scans.contains(&slice.scan))
            .collect()
    };
    let source = |role, shuffled| Slices {
        slices: side(role),
        batch_size: training.batch_size,
        shuffled,
        device,
    };
    let architecture = network.architecture as u64;
    let seed = |purpose: u64| derived_seed(run.config.seed, &[purpose, architecture, fold as u64]);
    let config = TrainConfig {
        seed: seed(2),
        ..run.config.training.to_zoo()
    };
    let folder = run.outputs.fold(network.architecture, fold);
    // the best weights are part of a checkpoint: without them the fold begins anew
    if folder.join(CHECKPOINT_FILE).exists() && !folder.join(BEST_FILE).exists() {
        std::fs::remove_dir_all(&folder).doing("remove", &folder)?;
    }
    let model =
        build(&backbone_config(run, network), seed(1), device).map_err(|e| failed(&what, e))?;
    let report = fit(
        model.as_ref(),
        &source(
            Role::Train,
            Some(Shuffled {
                augment: &training.augment,
                seed: seed(3),
            }),
        ),
        &source(Role::Validation, None),
        &config,
        &folder,
        &mut |progress: &Progress| {
            if progress.stage == Part::EpochEnd {
                let record = progress.record.as_ref();
                locked(task).step(&record.map_or_else(String::new, |r| {
                    let (loss, accuracy) = (r.validation_loss, r.validation_accuracy);
                    format!(
                        "{what}: loss {:.3}, validation {loss:.3}, accuracy {accuracy:.2}",
                        r.train_loss
                    )
                }));
            }
            if run.interrupt.signal().is_some() {
                Control::Stop
            } else {
                Control::Continue
            }
        },
    )
    .map_err(|e| {
        failed(
            format!(
                "training of {what} (if a file is damaged, delete {} to train this fold again)",
                folder.display()
            ),
            e,
        )
    })?;
    if report.outcome == Outcome::Interrupted {
        run.interrupt.check()?;
    }
    let best = load_best(run, network, fold, device)?;
    let roles = [Role::Train, Role::Validation, Role::Test];
    let roles = roles.into_iter().map(|role| {
        Ok((
            role,
            evaluate(best.as_ref(), &source(role, None), |scan| {
                study.animal(scan)
            })?,
        ))
    });
    Ok(FoldResult {
        fold,
        best_validation_loss: report
            .best
            .map_or(f64::INFINITY, |record| record.validation_loss),
        roles: roles.collect::<Result<_>>()?,
    })
}

/// `history.csv` of all folds and the weights of the fold with the least validation loss, beside the folds' folders.
fn summarise_folds(run: &Run, network: &NetworkConfig, results: &[FoldResult]) -> Result<()> {
    let model = run.outputs.model(network.architecture);
    let mut history: Option<Table> = None;
    for result in results {
        let path = run
            .outputs
            .fold(network.architecture, result.fold)
            .join(HISTORY_FILE);
        let mut reader = csv::Reader::from_path(&path).doing("read", &path)?;
        if history.is_none() {
            let header = reader.headers().doing("read", &path)?;
            let columns: Vec<&str> = std::iter::once("fold").chain(header).collect();
            history = Some(Table::new(&columns)?);
        }
        for record in reader.records() {
            let record = record.doing("read", &path)?;
            let fold = result.fold.to_string();
            let cells: Vec<&str> = std::iter::once(fold.as_str()).chain(&record).collect();
            if let Some(table) = &mut history {
                table.row(&cells)?;
            }
        }
    }
    if let Some(table) = history {
        table.write(&model.join(HISTORY_FILE))?;
    }
    let best = results
        .iter()
        .min_by(|a, b| a.best_validation_loss.total_cmp(&b.best_validation_loss));
    let Some(best) = best else {
        return Err(Error::run("no fold was trained"));
    };
    let from = best_weights(run, network, best.fold);
    let to = model.join(BEST_FILE);
    let mut source = std::fs::File::open(&from).doing("open", &from)?;
    mri_io::atomic::write_atomically(&to, |file| std::io::copy(&mut source, file).map(|_| ()))
        .doing("write", &to)
}

fn best_weights(run: &Run, network: &NetworkConfig, fold: usize) -> PathBuf {
    run.outputs.fold(network.architecture, fold).join(BEST_FILE)
}

/// The best network of a fold, ready for evaluation: batch norm folded, nothing recorded.
pub(super) fn load_best(
    run: &Run,
    network: &NetworkConfig,
    fold: usize,
    device: &Device,
) -> Result<Box<dyn Backbone>> {
    let path = best_weights(run, network, fold);
    let model = weights::open(&path, device).doing("load", &path)?;
    model.fuse().doing("fuse", &path)
}
