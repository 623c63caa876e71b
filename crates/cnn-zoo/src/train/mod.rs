//! Training: one loop, resumable at any batch, the same bytes every time.
//!
//! Nothing here keeps a random state: batches are functions of (epoch, index) and dropout masks
//! of (seed, epoch, index), so a checkpoint is weights, optimiser, counters and history.

mod checkpoint;
mod config;
mod fit;
mod history;
mod optimiser;
mod prefetch;
mod progress;
mod source;
mod step;
mod trainer;
mod update;

pub use config::{Optimiser, Schedule, TrainConfig};
pub use fit::{FitReport, Outcome, evaluate, fit};
pub use history::{EpochRecord, Score};
pub use progress::{Control, Progress, Stage};
pub use source::{Batch, BatchSource, TensorSource};
pub use step::UNLABELLED;
pub use trainer::Trainer;

/// File with the weights of the best epoch so far.
pub const BEST_FILE: &str = "best.safetensors";
/// File from which an interrupted run goes on.
pub const CHECKPOINT_FILE: &str = "checkpoint.safetensors";
/// File with one line per finished epoch.
pub const HISTORY_FILE: &str = "history.csv";
