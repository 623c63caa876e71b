//! A study as a list of tasks that a scheduler of any kind can run.
//!
//! A task is a stage, or a part of one; `run-task ID` runs it and does nothing that is already
//! done. The plan depends on the configuration alone: it can be made before there are any data.

use serde::Serialize;

use crate::cli::StageName;
use crate::config::{Config, Device, Profile, Protocol};
use crate::error::{Error, Result};
use crate::manifest::hash_value;
use crate::stages::{self, Part, Run};

/// Version of the layout of a plan.
pub const FORMAT: u32 = 1;

/// A study cut into tasks.
///
/// # Examples
///
/// ```
/// use paper_repro::config::{Config, Profile};
/// use paper_repro::plan::Plan;
///
/// let plan = Plan::of(&Config::profile(Profile::Smoke))?;
/// let train = plan.tasks.iter().find(|task| task.id == "train").unwrap();
/// assert!(train.needs.iter().any(|id| id.starts_with("train-resnet50-")));
/// assert_eq!(plan.tasks.last().unwrap().id, "report");
/// # Ok::<(), paper_repro::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Version of this layout.
    pub format: u32,
    /// Hash of the configuration: tasks of plans with the same value do the same work.
    pub plan: String,
    /// How large the study is.
    pub profile: Profile,
    /// What it means.
    pub protocol: Protocol,
    /// All tasks, each after those it needs.
    pub tasks: Vec<Task>,
}

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Task {
    /// What `run-task` is told.
    pub id: String,
    /// Tasks that must be finished before.
    pub needs: Vec<String>,
    /// Files and folders it reads: below the output folder, or the data folder and sample sheet as
    /// they were given.
    pub inputs: Vec<String>,
    /// Files and folders below the output folder that it writes; a folder ends in `/` where several
    /// tasks put files of their own into it.
    pub outputs: Vec<String>,
    /// What to ask a scheduler for.
    pub resources: Resources,
}

/// What a task needs of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Resources {
    /// Threads it can use.
    pub threads: usize,
    /// Memory in bytes: an upper bound from the sizes of networks and batches, not a measurement.
    pub memory_bytes: u64,
    /// Graphics processors.
    pub gpus: usize,
}

/// What a network takes: weights in millions, and numbers kept per input pixel while training, at
/// full width.
///
/// The second is what a training step keeps with torch, by round numbers, and half as much again.
fn demand(network: &str) -> (f64, f64) {
    match network {
        "densenet121" => (7.0, 1600.0),
        "resnet50" => (23.6, 800.0),
        "inception_v3" => (21.8, 400.0),
        "inception_v4" => (41.2, 600.0),
        "inception_resnet_v2" => (54.4, 900.0),
        "vgg16" => (165.8, 800.0),
        _ => (20.9, 800.0),
    }
}

const MIB: f64 = 1024.0 * 1024.0;

impl Plan {
    /// The plan of a configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Run`] if the configuration has no JSON form.
    pub fn of(config: &Config) -> Result<Self> {
        let mut tasks: Vec<Task> = Vec::new();
        let mut before: Vec<String> = Vec::new();
        for stage in stages::outline(config) {
            let read = tasks
                .iter()
                .filter(|task| before.contains(&task.id))
                .flat_map(|task| task.outputs.iter().cloned());
            let mut inputs: Vec<String> = read.collect();
            if stage.name == StageName::Import {
                let given = [&config.data.directory, &config.data.samples];
                inputs.extend(given.into_iter().flatten().map(|p| p.display().to_string()));
            }
            let mut needs = before.clone();
            let parts = stages::parts(config, stage.name);
            for part in &parts {
                tasks.push(Task {
                    id: part.id(config),
                    needs: before.clone(),
                    inputs: inputs.clone(),
                    outputs: part.outputs(config),
                    resources: resources(config, stage.name, Some(*part)),
                });
                needs.push(part.id(config));
            }
            for part in &parts {
                for output in part.outputs(config) {
                    if !inputs.contains(&output) {
                        inputs.push(output);
                    }
                }
            }
            tasks.push(Task {
                id: stage.id.to_owned(),
                needs,
                inputs,
                outputs: stage.owned.iter().map(|path| (*path).to_owned()).collect(),
                resources: resources(config, stage.name, None),
            });
            before = vec![stage.id.to_owned()];
        }
        Ok(Self {
            format: FORMAT,
            plan: hash_value(config)?,
            profile: config.profile,
            protocol: config.protocol,
            tasks,
        })
    }

    /// The plan as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Run`] if it has no JSON form.
    pub fn to_json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).map_err(|e| Error::Run(e.into()))?;
        Ok(text + "\n")
    }

    /// One line per task, for people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for task in &self.tasks {
            let memory = task.resources.memory_bytes as f64 / MIB;
            text += &format!(
                "{:<48} {} threads, {memory:.0} MiB, {} GPUs; needs {}\n",
                task.id,
                task.resources.threads,
                task.resources.gpus,
                match task.needs.as_slice() {
                    [] => "nothing".to_owned(),
                    [one] => one.clone(),
                    [first, .., last] => format!("{} tasks, {first} to {last}", task.needs.len()),
                }
            );
        }
        text
    }
}

fn resources(config: &Config, stage: StageName, part: Option<Part>) -> Resources {
    let pixels = (config.preprocess.image_size as f64).powi(2);
    let phantom = &config.phantom;
    // a study of one's own is taken to be no larger than the phantom of its profile
    let slices = (4 * phantom.fish * phantom.slices) as f64;
    let scan = phantom.slices as f64 * (phantom.size as f64).powi(2);
    let data = match stage {
        // a few scans at a time, with temporary copies
        StageName::Phantom | StageName::Import => 40.0 * scan * 8.0,
        StageName::Preprocess => 40.0 * scan * 8.0,
        // all slices, with three contrast copies of each
        _ => 4.0 * slices * pixels * 4.0,
    };
    let work = |network: usize| {
        let network = &config.networks[network];
        let (weights, kept) = demand(&network.architecture.to_string());
        let weights = weights * 1e6 * network.width.powi(2) * 4.0;
        let activations = |batch: usize| batch as f64 * pixels * kept * network.width * 4.0;
        match stage {
            // weights, gradients, two moments, the best so far
            StageName::Train => 5.0 * weights + activations(config.training.batch_size),
            _ => {
                2.0 * weights
                    + activations(config.explain.batch_size)
                    + config.explain.memory_mib as f64 * MIB
            }
        }
    };
    let networks = config.networks.len();
    let computing = match part {
        Some(part) => work(part.network()),
        // alone, a stage works on several folds at a time
        None if matches!(stage, StageName::Train | StageName::Explain) => {
            let largest = (0..networks).map(work).fold(0.0, f64::max);
            largest * config.training.concurrent_folds.min(2) as f64
        }
        // every map of one scan at a time, and its masks
        None if matches!(stage, StageName::Analyse | StageName::Report) => {
            let maps = networks * config.explain.methods.len();
            2.0 * maps as f64 * phantom.slices as f64 * pixels * 4.0
        }
        None => 0.0,
    };
    let on_device = matches!(
        stage,
        StageName::Train | StageName::Explain | StageName::Supervise
    );
    Resources {
        threads: match part {
            Some(_) => 1,
            None => 2,
        },
        memory_bytes: (256.0 * MIB + data + computing) as u64,
        gpus: usize::from(on_device && matches!(config.device, Device::Cuda(_))),
    }
}

/// Runs the task with this id; what is already done is left alone.
///
/// # Errors
///
/// [`Error::Usage`] if there is no such task; otherwise whatever the work fails with.
pub fn run_task(run: &Run, id: &str) -> Result<()> {
    for stage in stages::outline(&run.config) {
        if stage.id == id {
            return stages::run_all(run, Some(stage.name));
        }
        for part in stages::parts(&run.config, stage.name) {
            if part.id(&run.config) == id {
                return stages::run_part(run, part);
            }
        }
    }
    Err(Error::usage(format!(
        "run-task {id}: this plan has no such task; `plan` lists them"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_comes_after_what_it_needs_and_is_named_once() {
        for profile in [Profile::Smoke, Profile::Quick, Profile::Paper] {
            let plan = Plan::of(&Config::profile(profile)).unwrap();
            for (i, task) in plan.tasks.iter().enumerate() {
                let earlier = &plan.tasks[..i];
                assert!(earlier.iter().all(|t| t.id != task.id), "{}", task.id);
                for need in &task.needs {
                    assert!(earlier.iter().any(|t| t.id == *need), "{need}");
                }
                assert!(task.resources.memory_bytes > 256 << 20 && task.resources.threads > 0);
                assert!(!task.outputs.is_empty());
            }
        }
    }

    #[test]
    fn only_a_device_asks_for_a_gpu_and_options_change_the_plan() {
        let mut config = Config::profile(Profile::Smoke);
        let cpu = Plan::of(&config).unwrap();
        assert!(cpu.tasks.iter().all(|t| t.resources.gpus == 0));
        config.device = Device::Cuda(0);
        let cuda = Plan::of(&config).unwrap();
        for task in &cuda.tasks {
            let works = ["train", "explain", "supervise"]
                .iter()
                .any(|s| task.id.starts_with(s));
            assert_eq!(task.resources.gpus, usize::from(works), "{}", task.id);
        }
        assert_ne!(cpu.plan, cuda.plan);
    }
}
