//! The stages of the study, and the rule by which each is run, resumed or reused.
//!
//! A stage is reused only if the hash of its options and inputs is unchanged and its files are the
//! ones it wrote. Otherwise it and its successors run again, and that is said.

mod analyse;
mod explain;
mod import;
mod parts;
mod phantom;
mod preprocess;
mod report;
mod report_slices;
mod supervise;
mod train;

pub(crate) use import::locate;
pub(crate) use parts::{Part, parts, run_part};
pub(crate) use train::backbone_config;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use crate::cli::StageName;
use crate::config::Config;
use crate::error::{Context, Error, Result};
use crate::interrupt::Interrupt;
use crate::manifest::{
    FORMAT, Manifest, StageRecord, Unfinished, hash_file, hash_files, hash_value,
};
use crate::memory;
use crate::outputs::Outputs;
use crate::progress::Reporter;

/// What every stage works with.
#[derive(Debug)]
pub struct Run {
    /// What to do.
    pub config: Config,
    /// Where results go.
    pub outputs: Outputs,
    /// Where progress goes.
    pub reporter: Reporter,
    /// Whether somebody asked to stop.
    pub interrupt: Interrupt,
}

/// One step of the study.
trait Stage {
    /// Which one.
    fn name(&self) -> StageName;

    /// The part of the configuration that its results depend on.
    fn options(&self, config: &Config) -> Result<serde_json::Value>;

    /// Files the stage reads that no stage wrote, by the name they get in the manifest.
    fn inputs(&self, _run: &Run) -> Result<Vec<(String, PathBuf)>> {
        Ok(Vec::new())
    }

    /// Files and folders below the output folder that only this stage writes.
    fn owned(&self) -> &'static [&'static str];

    /// Does the work. Whatever an interrupted run of the same stage with the same options and inputs
    /// left is there to be used.
    fn run(&self, run: &Run, manifest: &Manifest) -> Result<()>;
}

fn stages(config: &Config) -> Vec<Box<dyn Stage>> {
    let mut stages: Vec<Box<dyn Stage>> = Vec::new();
    if config.is_synthetic() {
        stages.push(Box::new(phantom::Phantom));
    }
    stages.push(Box::new(import::Import));
    stages.push(Box::new(preprocess::Preprocess));
    stages.push(Box::new(train::Train));
    stages.push(Box::new(explain::Explain));
    stages.push(Box::new(supervise::Supervise));
    stages.push(Box::new(analyse::Analyse));
    stages.push(Box::new(report::Report));
    stages
}

/// A stage as a plan lists it.
pub(crate) struct Outline {
    /// Which one.
    pub name: StageName,
    /// As on the command line.
    pub id: &'static str,
    /// Files and folders below the output folder that it writes.
    pub owned: &'static [&'static str],
}

/// The stages of a configuration, in order.
pub(crate) fn outline(config: &Config) -> Vec<Outline> {
    stages(config)
        .iter()
        .map(|stage| Outline {
            name: stage.name(),
            id: stage_name(stage.name()),
            owned: stage.owned(),
        })
        .collect()
}

/// The part of a configuration that `value` is, as JSON.
fn json(value: impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(|e| Error::Run(e.into()))
}

#[derive(Serialize)]
struct Fingerprint<'a> {
    stage: &'a str,
    format: u32,
    version: &'a str,
    options: serde_json::Value,
    inputs: &'a BTreeMap<String, String>,
    /// Outputs of every stage before it.
    before: Vec<&'a BTreeMap<String, String>>,
}

/// Runs all stages up to `last` (all, if `None`).
///
/// # Errors
///
/// The first failure of a stage; [`Error::Interrupted`] after a signal.
pub fn run_all(run: &Run, last: Option<StageName>) -> Result<()> {
    let root = run.outputs.root();
    prepare_output_folder(root)?;
    let _lock = lock(&run.outputs)?;
    let stages = stages(&run.config);
    // a mistake in the data folder or the sample sheet must cost nothing that is already there
    for stage in &stages {
        stage.inputs(run)?;
    }
    let mut manifest = Manifest::new(&run.config);
    if let Some(old) = Manifest::read(&run.outputs.manifest())? {
        if old.synthetic == manifest.synthetic {
            manifest.stages = old.stages;
            manifest.unfinished = old.unfinished;
        } else {
            run.reporter
                .say("the folder held results of other data; they are removed");
            manifest.write(&run.outputs.manifest())?;
            remove_outputs(root, &every_owned_path())?;
        }
    }
    remove_half_written(root)?;
    for (index, stage) in stages.iter().enumerate() {
        run.interrupt.check()?;
        let name = stage_name(stage.name());
        let asked_for = last.is_none_or(|last| stage.name() <= last);
        let fingerprint = fingerprint(run, stage.as_ref(), &mut manifest, index)?;
        let record = manifest
            .stages
            .get(index)
            .filter(|record| record.name == name);
        let state = match record {
            Some(record) if record.fingerprint == fingerprint => missing_output(root, record)?
                .map_or(State::Finished, |path| State::Resumable {
                    because: format!("{path} is missing"),
                    seconds: 0.0,
                }),
            Some(_) => State::Stale {
                because: "its options or inputs have changed".to_owned(),
            },
            None => match &manifest.unfinished {
                Some(unfinished)
                    if unfinished.name == name && unfinished.fingerprint == fingerprint =>
                {
                    State::Resumable {
                        because: "it was interrupted".to_owned(),
                        seconds: unfinished.seconds,
                    }
                }
                _ => State::Stale {
                    because: "there is no result yet".to_owned(),
                },
            },
        };
        let (first_stale, because, spent) = match state {
            State::Finished => {
                if asked_for {
                    run.reporter
                        .say(format!("{name}: unchanged, results reused"));
                }
                continue;
            }
            State::Resumable { because, seconds } => (index + 1, because, seconds),
            State::Stale { because } => (index, because, 0.0),
        };
        if let Some(dropped) = manifest
            .stages
            .get(index..)
            .filter(|dropped| !dropped.is_empty())
        {
            let dropped: Vec<_> = dropped.iter().map(|record| record.name.as_str()).collect();
            run.reporter.say(format!(
                "{name}: {because}; no longer valid: {}",
                dropped.join(", ")
            ));
        }
        // the manifest forgets results before they are removed, so that a kill in between leaves no lie
        manifest.stages.truncate(index);
        if first_stale == index {
            manifest.unfinished = None;
        }
        manifest.write(&run.outputs.manifest())?;
        let stale: Vec<_> = stages[first_stale..]
            .iter()
            .flat_map(|stage| stage.owned())
            .copied()
            .collect();
        remove_outputs(root, &stale)?;
        if !asked_for {
            // its parts may now be run one by one, and a later run finds what they left
            if !parts(&run.config, stage.name()).is_empty() {
                manifest.unfinished = Some(Unfinished {
                    name: name.to_owned(),
                    fingerprint,
                    seconds: spent,
                });
                manifest.write(&run.outputs.manifest())?;
            }
            return Ok(());
        }
        execute(run, stage.as_ref(), &mut manifest, fingerprint, spent)?;
    }
    manifest.write(&run.outputs.manifest())
}

/// What is known of a stage before it runs.
enum State {
    /// Done, with the same options and inputs, and nothing is missing.
    Finished,
    /// Some of its results are there and can be used.
    Resumable { because: String, seconds: f64 },
    /// Nothing can be used.
    Stale { because: String },
}

/// Hash of a stage's options and inputs; its outside inputs are noted in the manifest.
fn fingerprint(
    run: &Run,
    stage: &dyn Stage,
    manifest: &mut Manifest,
    index: usize,
) -> Result<String> {
    let inputs = hash_files(stage.inputs(run)?)?;
    let hash = hash_value(&Fingerprint {
        stage: stage_name(stage.name()),
        format: FORMAT,
        version: &manifest.version,
        options: stage.options(&run.config)?,
        inputs: &inputs,
        before: manifest
            .stages
            .iter()
            .take(index)
            .map(|record| &record.outputs)
            .collect(),
    })?;
    manifest.inputs.extend(inputs);
    Ok(hash)
}

/// Runs one stage and records it.
fn execute(
    run: &Run,
    stage: &dyn Stage,
    manifest: &mut Manifest,
    fingerprint: String,
    spent: f64,
) -> Result<()> {
    let name = stage_name(stage.name());
    let resumed = if spent > 0.0 { " (resumed)" } else { "" };
    run.reporter.say(format!("{name}: running{resumed}"));
    let mut unfinished = Unfinished {
        name: name.to_owned(),
        fingerprint,
        seconds: spent,
    };
    manifest.unfinished = Some(unfinished.clone());
    manifest.write(&run.outputs.manifest())?;
    memory::reset_peak();
    let started = Instant::now();
    let result = stage.run(run, manifest);
    unfinished.seconds += started.elapsed().as_secs_f64();
    if let Err(error) = result {
        manifest.unfinished = Some(unfinished);
        manifest.write(&run.outputs.manifest())?;
        return Err(error);
    }
    let outputs = hash_files(files_below(run.outputs.root(), stage.owned())?)?;
    let seconds = unfinished.seconds;
    let record = StageRecord {
        name: name.to_owned(),
        seconds,
        peak_rss_bytes: memory::peak_rss_bytes(),
        fingerprint: unfinished.fingerprint,
        outputs,
    };
    manifest.stages.push(record);
    manifest.unfinished = None;
    manifest.write(&run.outputs.manifest())?;
    run.reporter.say(format!("{name}: done in {seconds:.1} s"));
    Ok(())
}

/// The name of a stage as on the command line.
fn stage_name(stage: StageName) -> &'static str {
    match stage {
        StageName::Phantom => "phantom",
        StageName::Import => "import",
        StageName::Preprocess => "preprocess",
        StageName::Train => "train",
        StageName::Explain => "explain",
        StageName::Supervise => "supervise",
        StageName::Analyse => "analyse",
        StageName::Report => "report",
    }
}

/// Makes the folder; refuses one that somebody else filled.
fn prepare_output_folder(root: &Path) -> Result<()> {
    std::fs::create_dir_all(root).doing("create the output folder", root)?;
    if root.join("manifest.json").exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(root).doing("list", root)? {
        // a run killed at its very start leaves only its lock
        if entry.doing("list", root)?.file_name() != ".lock" {
            return Err(Error::usage(format!(
                "--out {} is not empty and was not made by this program; choose another folder",
                root.display()
            )));
        }
    }
    Ok(())
}

/// Keeps a second run out of the same folder.
fn lock(outputs: &Outputs) -> Result<std::fs::File> {
    let path = outputs.lock();
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .doing("open", &path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::run(format!(
            "another run is under way in {}; wait for it or choose another --out",
            outputs.root().display()
        ))),
        Err(std::fs::TryLockError::Error(e)) => Err(e).doing("lock", &path),
    }
}

fn every_owned_path() -> Vec<&'static str> {
    let all: [&dyn Stage; 8] = [
        &phantom::Phantom,
        &import::Import,
        &preprocess::Preprocess,
        &train::Train,
        &explain::Explain,
        &supervise::Supervise,
        &analyse::Analyse,
        &report::Report,
    ];
    all.iter()
        .flat_map(|stage| stage.owned())
        .copied()
        .collect()
}

fn remove_outputs(root: &Path, owned: &[&str]) -> Result<()> {
    for name in owned {
        let path = root.join(name);
        let removed = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        match removed {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(e).doing("remove", &path);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes what a killed run was writing under temporary names. The lock says that no other run is writing now.
fn remove_half_written(root: &Path) -> Result<()> {
    // tables are owned file by file, and their temporary names by nobody
    let mut folders = every_owned_path();
    folders.push("tables");
    let mut files: Vec<PathBuf> = files_below(root, &folders)?
        .into_iter()
        .map(|(_, path)| path)
        .collect();
    for entry in std::fs::read_dir(root).doing("list", root)? {
        files.push(entry.doing("list", root)?.path());
    }
    for path in files {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy())
            .unwrap_or_default();
        let half = name.ends_with(".partial") || (name.starts_with('.') && name.ends_with(".tmp"));
        if half && path.exists() {
            std::fs::remove_file(&path).doing("remove", &path)?;
        }
    }
    Ok(())
}

/// Every file below the owned paths, named by its path below `root` with forward slashes.
fn files_below(root: &Path, owned: &[&str]) -> Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    let mut waiting: Vec<PathBuf> = owned
        .iter()
        .map(|name| root.join(name))
        .filter(|path| path.exists())
        .collect();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path).doing("list", &path)? {
                waiting.push(entry.doing("list", &path)?.path());
            }
        } else if let Ok(relative) = path.strip_prefix(root) {
            let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
            files.push((parts.join("/"), path.clone()));
        }
    }
    files.sort();
    Ok(files)
}

/// The first output of a finished stage that is gone; one that somebody changed is an error.
fn missing_output(root: &Path, record: &StageRecord) -> Result<Option<String>> {
    let mut missing = None;
    for (name, hash) in &record.outputs {
        let path = root.join(name);
        if !path.is_file() {
            missing.get_or_insert_with(|| name.clone());
            continue;
        }
        if hash_file(&path)? != *hash {
            return Err(Error::run(format!(
                "{} is not what the {} stage wrote (damaged or edited); delete it to make it again",
                path.display(),
                record.name
            )));
        }
    }
    Ok(missing)
}
