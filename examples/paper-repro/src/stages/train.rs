//! Slices -> trained networks: one per architecture, seed and fold.

use std::path::PathBuf;
use std::sync::Mutex;

use candle_core::Device;
use cnn_zoo::train::{
    BEST_FILE, CHECKPOINT_FILE, Control, HISTORY_FILE, Outcome, Progress, Stage as Part,
    TrainConfig, fit,
};
use cnn_zoo::{Backbone, BackboneConfig, build, weights};
use fillet_preprocess::ContrastMethod;
use fillet_preprocess::split::Role;
use ndarray::Axis;

use super::{Run, Stage, json};
use crate::accuracy::{Accuracy, evaluate};
use crate::batches::{LabelledSlice, Shuffled, Slices, derived_seed};
use crate::cli::StageName;
use crate::config::switches::ContrastCopies;
use crate::config::{Config, Copies, NetworkConfig, TrainingConfig};
use crate::division::{Division, Draw, Look};
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
        let switches = &config.switches;
        json((
            training,
            &config.networks,
            &config.data.positive_class,
            (
                switches.split,
                switches.mapped,
                switches.contrast_copies,
                switches.schedule,
            ),
            config.analysis.confidence,
            config.device,
            config.seed,
        ))
    }

    fn owned(&self) -> &'static [&'static str] {
        &["models", "tables/classification.csv"]
    }

    fn run(&self, run: &Run, _: &Manifest) -> Result<()> {
        let input = Input::load(run)?;
        let jobs = jobs(&run.config, input.division.parts.len());
        let task = Mutex::new(
            run.reporter
                .task("train", jobs.len() * run.config.training.epochs),
        );
        let results = in_turns(&jobs, run.config.training.concurrent_folds, |job| {
            train_one(run, &input, job, Some(&task))
        })?;
        drop(task);
        summarise(run, &jobs, &results)
    }
}

/// One training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Job {
    /// Position of the network in the configuration.
    pub network: usize,
    /// Which of its seeds.
    pub replicate: usize,
    /// Which part of the division.
    pub fold: usize,
}

/// Every training of a study with so many folds.
pub(crate) fn jobs(config: &Config, folds: usize) -> Vec<Job> {
    let mut jobs = Vec::new();
    for network in 0..config.networks.len() {
        for replicate in 0..config.training.seeds {
            jobs.extend((0..folds).map(|fold| Job {
                network,
                replicate,
                fold,
            }));
        }
    }
    jobs
}

/// What every training reads.
pub(crate) struct Input {
    study: Study,
    division: Division,
    slices: Vec<LabelledSlice>,
    device: Device,
}

impl Input {
    /// Reads all slices of the study into memory.
    ///
    /// # Errors
    ///
    /// [`Error::Run`] if preprocessing left nothing usable.
    pub(crate) fn load(run: &Run) -> Result<Self> {
        let study = Study::load(&run.config, &run.outputs)?;
        let archive = SliceArchive::open(&run.outputs.slices())?;
        let division = Division::load(&run.config, &study, &archive)?;
        let contrasted =
            run.config.switches.contrast_copies == ContrastCopies::ThreeMethodsOfTraining;
        let mut slices = Vec::new();
        for (scan, name) in study.scans().enumerate() {
            let images = archive.read(name)?.images;
            let mut copies = Vec::new();
            if contrasted {
                for method in ContrastMethod::ALL {
                    copies.push(archive.contrast(name, method.name())?);
                }
            }
            for (at, image) in images.outer_iter().enumerate() {
                slices.push(LabelledSlice {
                    id: slices.len() as u64,
                    scan,
                    image: image.to_owned(),
                    contrast: copies
                        .iter()
                        .map(|copy| copy.index_axis(Axis(0), at).to_owned())
                        .collect(),
                    label: study.labels[scan],
                });
            }
        }
        Ok(Self {
            study,
            division,
            slices,
            device: run.config.device.open()?,
        })
    }
}

/// What one training gave.
pub(crate) struct FoldResult {
    best_validation_loss: f64,
    epochs: usize,
    roles: Vec<(Role, Accuracy)>,
}

/// A network of the study as `cnn-zoo` takes it.
pub(crate) fn backbone_config(config: &Config, network: &NetworkConfig) -> BackboneConfig {
    let size = config.preprocess.image_size;
    BackboneConfig {
        input_channels: 1,
        classes: 2,
        width: network.width,
        convention: network.convention,
        initialisation: network.initialisation,
        input_size: [size, size],
        norm_momentum: config.training.norm_momentum,
        ..BackboneConfig::new(network.architecture)
    }
}

/// Seed of one purpose of one training.
pub(super) fn job_seed(config: &Config, job: Job, purpose: u64) -> u64 {
    let architecture = config.networks[job.network].architecture as u64;
    derived_seed(
        config.seed.wrapping_add(job.replicate as u64),
        &[purpose, architecture, job.fold as u64],
    )
}

/// Trains one network on one part, or finishes what an earlier call left; does nothing but evaluate if it is done.
///
/// # Errors
///
/// [`Error::Run`] if training fails, [`Error::Interrupted`] after a signal.
pub(crate) fn train_one(
    run: &Run,
    input: &Input,
    job: Job,
    task: Option<&Mutex<Task>>,
) -> Result<FoldResult> {
    let training = &run.config.training;
    let network = &run.config.networks[job.network];
    let part = &input.division.parts[job.fold];
    let what = format!(
        "{} seed {} fold {}",
        network.architecture, job.replicate, job.fold
    );
    let source = |draws: Vec<Draw>, shuffled| Slices {
        slices: &input.slices,
        draws,
        batch_size: training.batch_size,
        shuffled,
        device: &input.device,
    };
    let plain = |items: &[usize]| -> Vec<Draw> {
        let draw = |&item: &usize| Draw {
            item,
            look: Look::Plain,
        };
        items.iter().map(draw).collect()
    };
    let config = TrainConfig {
        seed: job_seed(&run.config, job, 2),
        ..training.to_zoo(run.config.switches.schedule)
    };
    let folder = run
        .outputs
        .fold(network.architecture, job.replicate, job.fold);
    // the best weights are part of a checkpoint: without them the fold begins anew
    if folder.join(CHECKPOINT_FILE).exists() && !folder.join(BEST_FILE).exists() {
        std::fs::remove_dir_all(&folder).doing("remove", &folder)?;
    }
    let model = build(
        &backbone_config(&run.config, network),
        job_seed(&run.config, job, 1),
        &input.device,
    )
    .map_err(|e| failed(&what, e))?;
    let report = fit(
        model.as_ref(),
        &source(
            part.train.clone(),
            Some(Shuffled {
                augment: &training.augment,
                seed: job_seed(&run.config, job, 3),
                per_epoch: match training.copies {
                    Copies::Added => part.train.len(),
                    Copies::Drawn => part.without_copies,
                },
            }),
        ),
        &source(plain(&part.validation), None),
        &config,
        &folder,
        &mut |progress: &Progress| {
            if progress.stage == Part::EpochEnd
                && let Some(task) = task
            {
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
    let best = load_best(run, job, &input.device)?;
    let roles = [
        (Role::Train, &part.train_items),
        (Role::Validation, &part.validation),
        (Role::Test, &part.test),
    ];
    let roles = roles.into_iter().map(|(role, items)| {
        let side = source(plain(items), None);
        Ok((
            role,
            evaluate(best.as_ref(), &side, |scan| input.study.animal(scan))?,
        ))
    });
    Ok(FoldResult {
        best_validation_loss: report
            .best
            .map_or(f64::INFINITY, |record| record.validation_loss),
        epochs: report.history.len(),
        roles: roles.collect::<Result<_>>()?,
    })
}

/// `classification.csv`, and beside the folds their joint history and the best weights.
fn summarise(run: &Run, jobs: &[Job], results: &[FoldResult]) -> Result<()> {
    let columns = [
        "model",
        "seed",
        "split",
        "n",
        "correct",
        "accuracy",
        "ci_low",
        "ci_high",
        "wald_half_width",
        "epochs_min",
        "epochs_max",
    ];
    let mut table = Table::new(&columns)?;
    for (index, network) in run.config.networks.iter().enumerate() {
        let of_network: Vec<(Job, &FoldResult)> = (jobs.iter().copied())
            .zip(results)
            .filter(|(job, _)| job.network == index)
            .collect();
        summarise_folds(run, network, &of_network)?;
        for replicate in 0..run.config.training.seeds {
            let of_seed: Vec<&FoldResult> = of_network
                .iter()
                .filter(|(job, _)| job.replicate == replicate)
                .map(|(_, result)| *result)
                .collect();
            let epochs = of_seed.iter().map(|result| result.epochs);
            let [least, most] = [epochs.clone().min(), epochs.max()];
            for role in [Role::Train, Role::Validation, Role::Test] {
                let of_role = of_seed
                    .iter()
                    .flat_map(|result| &result.roles)
                    .filter(|(r, _)| *r == role);
                let accuracy =
                    Accuracy::pooled(&of_role.map(|(_, accuracy)| accuracy).collect::<Vec<_>>());
                let interval = accuracy.interval(run.config.analysis.confidence);
                let (correct, total) = (accuracy.correct(), accuracy.total());
                if role == Role::Test && replicate == 0 {
                    let name = network.architecture;
                    run.reporter.say(format!(
                        "  {name}: {correct} of {total} slices of the test side right"
                    ));
                }
                let z = stats::distribution::normal_quantile(
                    0.5 + run.config.analysis.confidence / 2.0,
                );
                let wald = stats::wald_half_width(correct as u64, total as u64, z);
                let epochs = |n: Option<usize>| {
                    n.filter(|_| role == Role::Train)
                        .map_or_else(String::new, |n| n.to_string())
                };
                table.row(&[
                    network.architecture.to_string(),
                    run.config.seed.wrapping_add(replicate as u64).to_string(),
                    role.to_string(),
                    total.to_string(),
                    correct.to_string(),
                    number(accuracy.share()),
                    interval.map_or_else(String::new, |i| number(i.lower)),
                    interval.map_or_else(String::new, |i| number(i.upper)),
                    wald.map_or_else(|_| String::new(), number),
                    epochs(least),
                    epochs(most),
                ])?;
            }
        }
    }
    table.write(&run.outputs.table("classification"))
}

/// `history.csv` of all folds and the weights of the fold with the least validation loss, beside the folds' folders.
fn summarise_folds(
    run: &Run,
    network: &NetworkConfig,
    results: &[(Job, &FoldResult)],
) -> Result<()> {
    let model = run.outputs.model(network.architecture);
    let mut history: Option<Table> = None;
    for (job, _) in results {
        let path = run
            .outputs
            .fold(network.architecture, job.replicate, job.fold)
            .join(HISTORY_FILE);
        let mut reader = csv::Reader::from_path(&path).doing("read", &path)?;
        if history.is_none() {
            let header = reader.headers().doing("read", &path)?;
            let columns: Vec<&str> = ["replicate", "fold"].into_iter().chain(header).collect();
            history = Some(Table::new(&columns)?);
        }
        for record in reader.records() {
            let record = record.doing("read", &path)?;
            let [replicate, fold] = [job.replicate, job.fold].map(|n| n.to_string());
            let cells: Vec<&str> = [replicate.as_str(), fold.as_str()]
                .into_iter()
                .chain(&record)
                .collect();
            if let Some(table) = &mut history {
                table.row(&cells)?;
            }
        }
    }
    if let Some(table) = history {
        table.write(&model.join(HISTORY_FILE))?;
    }
    let loss = |(_, result): &&(Job, &FoldResult)| result.best_validation_loss;
    let best = results.iter().min_by(|a, b| loss(a).total_cmp(&loss(b)));
    let Some((best, _)) = best else {
        return Err(Error::run("no fold was trained"));
    };
    let from = best_weights(run, *best);
    let to = model.join(BEST_FILE);
    let mut source = std::fs::File::open(&from).doing("open", &from)?;
    mri_io::atomic::write_atomically(&to, |file| std::io::copy(&mut source, file).map(|_| ()))
        .doing("write", &to)
}

fn best_weights(run: &Run, job: Job) -> PathBuf {
    let architecture = run.config.networks[job.network].architecture;
    run.outputs
        .fold(architecture, job.replicate, job.fold)
        .join(BEST_FILE)
}

/// The best network of a training, ready for evaluation: batch norm folded, nothing recorded.
pub(super) fn load_best(run: &Run, job: Job, device: &Device) -> Result<Box<dyn Backbone>> {
    let path = best_weights(run, job);
    let model = weights::open(&path, device).doing("load", &path)?;
    model.fuse().doing("fuse", &path)
}
