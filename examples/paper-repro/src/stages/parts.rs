//! Stages cut into parts that can run beside each other, on one machine or on many.
//!
//! A part does the same work as its stage would and leaves the same files; the stage, run after
//! its parts, finds their work done and only collects it. Which stages have parts is data, so that
//! a scheduler can be told (see [`crate::plan`]).

use std::fs::{File, OpenOptions, TryLockError};

use super::explain::{self, ExplainJob};
use super::train::{self, Job};
use super::{Run, fingerprint, stage_name, stages};
use crate::cli::StageName;
use crate::config::Config;
use crate::config::switches::Split;
use crate::error::{Context, Error, Result};
use crate::manifest::Manifest;

/// A part of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// One training.
    Train(Job),
    /// The maps of one trained network, or of one that was never trained.
    Explain(ExplainJob),
}

/// How many parts the data are divided into, one network being trained for each.
fn divisions(config: &Config) -> usize {
    match config.switches.split {
        Split::FishFolds => config.training.folds,
        Split::FilletHoldOut | Split::SlicesPooled => 1,
    }
}

/// The parts of a stage; none if it runs in one piece.
pub(crate) fn parts(config: &Config, stage: StageName) -> Vec<Part> {
    let count = divisions(config);
    match stage {
        StageName::Train => (train::jobs(config, count).into_iter().map(Part::Train)).collect(),
        StageName::Explain => (explain::jobs(config, count).into_iter())
            .map(Part::Explain)
            .collect(),
        _ => Vec::new(),
    }
}

impl Part {
    /// The stage it belongs to.
    pub(crate) fn stage(self) -> StageName {
        match self {
            Self::Train(_) => StageName::Train,
            Self::Explain(_) => StageName::Explain,
        }
    }

    /// Position of its network in the configuration.
    pub(crate) fn network(self) -> usize {
        match self {
            Self::Train(job) | Self::Explain(ExplainJob::Trained(job)) => job.network,
            Self::Explain(ExplainJob::RandomWeights { network }) => network,
        }
    }

    /// Its name, unique in a plan.
    pub(crate) fn id(self, config: &Config) -> String {
        let stage = stage_name(self.stage());
        let network = config.networks[self.network()].architecture;
        match self {
            Self::Train(job) | Self::Explain(ExplainJob::Trained(job)) => format!(
                "{stage}-{network}-replicate-{}-fold-{}",
                job.replicate, job.fold
            ),
            Self::Explain(ExplainJob::RandomWeights { .. }) => {
                format!("{stage}-{network}-random-weights")
            }
        }
    }

    /// Folders below the output folder in which it writes files of its own.
    pub(crate) fn outputs(self, config: &Config) -> Vec<String> {
        let network = config.networks[self.network()].architecture;
        vec![match self {
            Self::Train(job) => {
                format!(
                    "models/{network}/replicate-{}/fold-{}/",
                    job.replicate, job.fold
                )
            }
            Self::Explain(ExplainJob::Trained(job)) => {
                format!("cams/{network}/replicate-{}/", job.replicate)
            }
            Self::Explain(ExplainJob::RandomWeights { .. }) => {
                format!("cams/{network}/random-weights/")
            }
        }]
    }
}

/// Runs one part; does nothing that is already done.
///
/// # Errors
///
/// - [`Error::Run`] if the stage before has not been run with the same options and inputs, if a whole
///   run is under way in the folder, or if the same part is
/// - whatever the work itself fails with
pub(crate) fn run_part(run: &Run, part: Part) -> Result<()> {
    let name = stage_name(part.stage());
    let id = part.id(&run.config);
    let stages = stages(&run.config);
    let index = stages.iter().position(|stage| stage.name() == part.stage());
    let Some(index) = index.filter(|index| *index > 0) else {
        return Err(Error::run(format!("no stage goes before {name}")));
    };
    let before = stage_name(stages[index - 1].name());
    let hint = || {
        Error::run(format!(
            "{id} needs the results of {before} for these options and inputs in {}; run `run-task {before}` first",
            run.outputs.root().display()
        ))
    };
    let mut manifest = Manifest::read(&run.outputs.manifest())?.ok_or_else(hint)?;
    let _shared = lock_shared(run)?;
    let _own = lock_own(run, &id)?;
    let complete = (stages[..index].iter())
        .zip(&manifest.stages)
        .filter(|(stage, record)| stage_name(stage.name()) == record.name)
        .count();
    if complete < index {
        return Err(hint());
    }
    let wanted = fingerprint(run, stages[index].as_ref(), &mut manifest, index)?;
    let finished = manifest
        .stages
        .get(index)
        .is_some_and(|record| record.name == name && record.fingerprint == wanted);
    if finished {
        run.reporter
            .say(format!("{id}: {name} is finished, nothing to do"));
        return Ok(());
    }
    let begun = manifest
        .unfinished
        .as_ref()
        .is_some_and(|begun| begun.name == name && begun.fingerprint == wanted);
    if !begun {
        return Err(hint());
    }
    run.reporter.say(format!("{id}: running"));
    match part {
        Part::Train(job) => {
            let input = train::Input::load(run)?;
            train::train_one(run, &input, job, None)?;
        }
        Part::Explain(job) => {
            let input = explain::Input::load(run)?;
            explain::explain_one(run, &input, job, None)?;
        }
    }
    run.reporter.say(format!("{id}: done"));
    Ok(())
}

/// Keeps whole runs out of the folder; other parts may work beside this one.
fn lock_shared(run: &Run) -> Result<File> {
    let path = run.outputs.lock();
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .doing("open", &path)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::run(format!(
            "another run is under way in {}; wait for it or choose another --out",
            run.outputs.root().display()
        ))),
        Err(TryLockError::Error(e)) => Err(e).doing("lock", &path),
    }
}

/// Keeps the same part from running twice at once.
fn lock_own(run: &Run, id: &str) -> Result<File> {
    let path = run.outputs.root().join(".tasks").join(format!("{id}.lock"));
    crate::outputs::make_folder_of(&path)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .doing("open", &path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::run(format!(
            "{id} is already running in {}",
            run.outputs.root().display()
        ))),
        Err(TryLockError::Error(e)) => Err(e).doing("lock", &path),
    }
}
