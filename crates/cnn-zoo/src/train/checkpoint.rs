//! The state of a run on disk.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::backbone::Backbone;
use crate::config::BackboneConfig;
use crate::error::{Error, Result};
use crate::train::config::TrainConfig;
use crate::train::history::{self, EpochRecord, Tally};
use crate::train::optimiser::Stepper;
use crate::weights::{Container, Entry, TensorFile, json, set_all, write_container};

/// Version of the state record.
const FORMAT_VERSION: u32 = 1;
const STATE_KEY: &str = "cnn_zoo_checkpoint";
const MODEL: &str = "model.";
const OPTIMISER: &str = "optimiser.";
const HISTORY: &str = "run.history";
const TALLY: &str = "run.tally";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    format_version: u32,
    backbone: BackboneConfig,
    train: TrainConfig,
    next_batch: usize,
    steps: u64,
    #[serde(default)]
    waiting_batches: usize,
    #[serde(default)]
    waiting_images: usize,
}

/// Where a run is, besides the weights and the optimiser's memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Position {
    /// The finished epochs.
    pub(crate) history: Vec<EpochRecord>,
    /// Training batches done in the running epoch.
    pub(crate) next_batch: usize,
    /// Their sums.
    pub(crate) tally: Tally,
}

impl Position {
    /// The finished epoch with the lowest validation loss, the first of equals.
    pub(crate) fn best(&self) -> Option<&EpochRecord> {
        self.history.iter().reduce(|best, record| {
            if record.validation_loss < best.validation_loss {
                record
            } else {
                best
            }
        })
    }

    /// Finished epochs after the best one.
    pub(crate) fn since_best(&self) -> usize {
        self.best()
            .map_or(0, |best| self.history.len() - 1 - best.epoch)
    }
}

/// Writes a checkpoint, whole or not at all.
pub(crate) fn write(
    path: &Path,
    network: &dyn Backbone,
    config: &TrainConfig,
    stepper: &Stepper,
    position: &Position,
) -> Result<()> {
    let state = State {
        format_version: FORMAT_VERSION,
        backbone: network.config().clone(),
        train: config.clone(),
        next_batch: position.next_batch,
        steps: stepper.steps,
        waiting_batches: stepper.waiting_batches,
        waiting_images: stepper.waiting_images,
    };
    let history = history::to_tensor(&position.history)?;
    let t = position.tally;
    let tally = Tensor::new(&[t.loss, t.correct, t.images], &Device::Cpu)?;
    let mut entries: Vec<Entry<'_>> = network
        .parameters()
        .iter()
        .map(|p| Entry::new(format!("{MODEL}{}", p.name()), p.tensor()))
        .collect();
    entries.extend(
        stepper
            .state()
            .map(|(name, tensor)| Entry::new(format!("{OPTIMISER}{name}"), tensor)),
    );
    entries.push(Entry::new(HISTORY, &history));
    entries.push(Entry::new(TALLY, &tally));
    write_container(path, &entries, &[(STATE_KEY, json(path, &state)?)])
}

/// Reads a checkpoint into the network and the optimiser; both stay as they are on any error.
pub(crate) fn read(
    path: &Path,
    network: &dyn Backbone,
    config: &TrainConfig,
    stepper: &mut Stepper,
) -> Result<Position> {
    let file = Container::read(path)?;
    let text = file
        .metadata(STATE_KEY)
        .ok_or_else(|| Error::bad_file(path, "not a training checkpoint"))?;
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| Error::bad_file(path, error))?;
    if let Some(version) = value.get("format_version").and_then(|v| v.as_u64())
        && version > u64::from(FORMAT_VERSION)
    {
        let reason = format!("written by a newer version (format {version})");
        return Err(Error::bad_file(path, reason));
    }
    let state: State =
        serde_json::from_value(value).map_err(|error| Error::bad_file(path, error))?;
    require_same(path, "backbone", &state.backbone, network.config())?;
    // A run may be given more epochs; everything else decides the numbers.
    let train = TrainConfig {
        epochs: config.epochs,
        ..state.train
    };
    require_same(path, "train", &train, config)?;

    let position = Position {
        history: read_history(&file)?,
        next_batch: state.next_batch,
        tally: read_tally(&file)?,
    };
    let waiting = [state.waiting_batches, state.waiting_images];
    stepper.restore(state.steps, waiting, |name, shape| {
        let name = format!("{OPTIMISER}{name}");
        if file.shape(&name).as_deref() != Some(shape) {
            let reason = format!("{name} is missing or has another shape than {shape:?}");
            return Err(Error::bad_file(path, reason));
        }
        Ok(file.tensor(&name)?.to_device(network.device())?)
    })?;
    set_all(network.parameters(), MODEL, &file)?;
    Ok(position)
}

fn double(file: &Container, name: &str) -> Result<Tensor> {
    let tensor = file.raw(name)?;
    if tensor.dtype() == DType::F64 {
        Ok(tensor)
    } else {
        Err(Error::bad_file(file.path(), format!("{name} is not F64")))
    }
}

fn read_history(file: &Container) -> Result<Vec<EpochRecord>> {
    history::from_tensor(&double(file, HISTORY)?)
        .map_err(|error| Error::bad_file(file.path(), error))
}

fn read_tally(file: &Container) -> Result<Tally> {
    let values = double(file, TALLY)?
        .to_vec1::<f64>()
        .map_err(|error| Error::bad_file(file.path(), error))?;
    match values[..] {
        [loss, correct, images] => Ok(Tally {
            loss,
            correct,
            images,
        }),
        _ => Err(Error::bad_file(
            file.path(),
            "the tally has not three values",
        )),
    }
}

/// Refuses settings that differ, naming the first one.
fn require_same<T: Serialize>(path: &Path, part: &str, found: &T, expected: &T) -> Result<()> {
    let value = |x: &T| serde_json::to_value(x).map_err(|error| Error::bad_file(path, error));
    let [found, expected] = [value(found)?, value(expected)?];
    if found == expected {
        return Ok(());
    }
    let null = serde_json::Value::Null;
    let of = |v: &serde_json::Value, key: &str| v.get(key).unwrap_or(&null).to_string();
    let keys = [&found, &expected]
        .into_iter()
        .filter_map(|v| v.as_object())
        .flat_map(|object| object.keys());
    for key in keys {
        let [before, now] = [of(&found, key), of(&expected, key)];
        if before != now {
            return Err(Error::OtherRun {
                path: path.to_owned(),
                field: format!("{part}.{key}"),
                found: before,
                expected: now,
            });
        }
    }
    Ok(())
}
