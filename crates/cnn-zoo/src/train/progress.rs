//! What the observer of a run sees and answers.

use crate::train::history::{EpochRecord, Score};

/// Which part of an epoch is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Training batches.
    Train,
    /// Validation batches.
    Validation,
    /// The epoch is finished and its checkpoint is on disk.
    EpochEnd,
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The part of the epoch.
    pub stage: Stage,
    /// The epoch, from 0.
    pub epoch: usize,
    /// Most epochs of the run.
    pub epochs: usize,
    /// Batches of this stage done so far, in this epoch.
    pub batch: usize,
    /// Batches of this stage in this epoch.
    pub batches: usize,
    /// Mean over the stage's batches so far.
    pub score: Score,
    /// The finished epoch, at [`Stage::EpochEnd`].
    pub record: Option<EpochRecord>,
    /// Lowest validation loss of the finished epochs.
    pub best_validation_loss: Option<f64>,
    /// Finished epochs since it was reached.
    pub epochs_since_best: usize,
}

/// The observer's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Control {
    /// Go on.
    Continue,
    /// Write a checkpoint and stop.
    Stop,
}
