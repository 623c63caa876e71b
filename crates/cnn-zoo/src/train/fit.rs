//! The training loop.

use std::fs;
use std::path::Path;

use crate::atomic;
use crate::backbone::Backbone;
use crate::error::{Error, Result};
use crate::seed::mix;
use crate::train::checkpoint::{self, Position};
use crate::train::config::TrainConfig;
use crate::train::history::{self, EpochRecord, Score, Tally};
use crate::train::optimiser::Stepper;
use crate::train::prefetch::for_each_batch;
use crate::train::progress::{Control, Progress, Stage};
use crate::train::source::BatchSource;
use crate::train::step;
use crate::train::{BEST_FILE, CHECKPOINT_FILE, HISTORY_FILE};
use crate::train_pass::TrainPass;
use crate::weights::{self, TrainingRecord, WeightsInfo};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// All epochs are done.
    Completed,
    /// The validation loss has not fallen for `patience` epochs.
    EarlyStopped,
    /// The observer stopped it; the checkpoint says where to go on.
    Interrupted,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq)]
pub struct FitReport {
    /// How it ended.
    pub outcome: Outcome,
    /// Every finished epoch, those before a resumption included.
    pub history: Vec<EpochRecord>,
    /// The epoch with the lowest validation loss, whose weights [`BEST_FILE`] holds.
    pub best: Option<EpochRecord>,
}

type Observer<'a> = dyn FnMut(&Progress) -> Control + 'a;

/// Trains a network, or goes on where an earlier call stopped or was killed.
///
/// Each epoch trains on every batch of `train`, then measures the loss on `validation` with an
/// inference copy of the network. After each epoch the folder `checkpoint_dir` holds
/// `best.safetensors` (the weights with the lowest validation loss), `checkpoint.safetensors`
/// (everything needed to go on) and `history.csv`. All are replaced whole: a run killed at any
/// moment and called again gives the same bytes as an undisturbed one, for any number of threads.
/// Batches are prepared on another thread while the network computes.
///
/// `observer` is called after every batch and every epoch. When it answers [`Control::Stop`] a
/// checkpoint is written and the call returns. When a run ends by itself the network holds the
/// best weights; when it was interrupted, the latest.
///
/// # Errors
///
/// [`Error::Config`] for a bad configuration or an empty source, [`Error::OtherRun`] if the
/// checkpoint was made with other settings (more `epochs` are allowed), [`Error::BadFile`] for a
/// damaged one, [`Error::NonFiniteLoss`], [`Error::BadBatch`], the source's own error, and
/// [`Error::Io`].
///
/// # Source
///
/// Early stopping as Keras's `EarlyStopping(monitor="val_loss", restore_best_weights=True)`: a
/// strictly lower loss counts, and the best weights are restored however the run ends (Keras only
/// when it stops early).
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
/// use cnn_zoo::train::{Control, Outcome, TensorSource, TrainConfig, fit};
/// use cnn_zoo::{Architecture, BackboneConfig, build};
///
/// let config = BackboneConfig {
///     width: 0.05,
///     input_size: [32, 32],
///     ..BackboneConfig::new(Architecture::Vgg16)
/// };
/// let network = build(&config, 1, &Device::Cpu)?;
/// let images = Tensor::arange(0f32, 4096.0, &Device::Cpu)?.reshape((4, 1, 32, 32))?;
/// let labels = Tensor::new(&[0u32, 0, 1, 1], &Device::Cpu)?;
/// let data = TensorSource::new((images / 4096.0)?, labels, 2, Some(5))?;
/// let settings = TrainConfig { epochs: 2, batch_size: 2, ..TrainConfig::default() };
///
/// let folder = tempfile::tempdir()?;
/// let report = fit(network.as_ref(), &data, &data, &settings, folder.path(), &mut |progress| {
///     println!("epoch {} loss {:.3}", progress.epoch, progress.score.loss);
///     Control::Continue
/// })?;
/// assert_eq!(report.outcome, Outcome::Completed);
/// assert_eq!(report.history.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit(
    network: &dyn Backbone,
    train: &dyn BatchSource,
    validation: &dyn BatchSource,
    config: &TrainConfig,
    checkpoint_dir: &Path,
    observer: &mut dyn FnMut(&Progress) -> Control,
) -> Result<FitReport> {
    let mut run = Run::open(network, config, checkpoint_dir)?;
    loop {
        if let Some(outcome) = run.end() {
            return run.finish(outcome);
        }
        if run.epoch(train, validation, observer)? == Control::Stop {
            return Ok(run.report(Outcome::Interrupted));
        }
    }
}

/// Loss and accuracy over all batches of one epoch of a source, in evaluation mode.
///
/// A [fused](Backbone::fuse) network is faster.
///
/// # Errors
///
/// [`Error::BadBatch`], [`Error::NonFiniteLoss`], the source's own, [`Error::Config`] if it has
/// no batches.
pub fn evaluate(network: &dyn Backbone, source: &dyn BatchSource, epoch: usize) -> Result<Score> {
    let batches = count(source, "batches", epoch)?;
    let mut tally = Tally::default();
    for_each_batch(source, epoch, 0..batches, |index, batch| {
        let score = step::evaluate(network, &batch, [epoch, index])?;
        tally.add(score.loss, score.correct, score.images);
        Ok(Control::Continue)
    })?;
    Ok(tally.score())
}

fn count(source: &dyn BatchSource, field: &'static str, epoch: usize) -> Result<usize> {
    match source.batches(epoch) {
        0 => Err(Error::Config {
            field,
            value: "0".to_owned(),
            expected: "at least 1 batch per epoch",
        }),
        batches => Ok(batches),
    }
}

/// A run and where it is.
struct Run<'a> {
    network: &'a dyn Backbone,
    config: &'a TrainConfig,
    folder: &'a Path,
    stepper: Stepper,
    position: Position,
}

impl<'a> Run<'a> {
    fn open(network: &'a dyn Backbone, config: &'a TrainConfig, folder: &'a Path) -> Result<Self> {
        config.validate()?;
        let classes = network.config().classes;
        if let Some(weights) = &config.class_weights
            && weights.len() != classes
        {
            return Err(Error::Config {
                field: "class_weights",
                value: format!("{weights:?}"),
                expected: "one weight per class",
            });
        }
        fs::create_dir_all(folder).map_err(|error| Error::io(folder, error))?;
        for name in [BEST_FILE, CHECKPOINT_FILE, HISTORY_FILE] {
            // Left by a killed run; gone is as good as removed.
            let _ = fs::remove_file(atomic::partial_path(&folder.join(name)));
        }
        let mut stepper = Stepper::new(config, network.parameters())?;
        let path = folder.join(CHECKPOINT_FILE);
        let exists = path.try_exists().map_err(|error| Error::io(&path, error))?;
        let position = if exists {
            let position = checkpoint::read(&path, network, config, &mut stepper)?;
            if position.best().is_some() {
                weights::info(&folder.join(BEST_FILE))?;
            }
            history::write_csv(&folder.join(HISTORY_FILE), &position.history)?;
            position
        } else {
            Position::default()
        };
        Ok(Self {
            network,
            config,
            folder,
            stepper,
            position,
        })
    }

    /// How the run has ended, if it has.
    fn end(&self) -> Option<Outcome> {
        if self
            .config
            .patience
            .is_some_and(|patience| self.position.since_best() >= patience)
        {
            Some(Outcome::EarlyStopped)
        } else if self.position.history.len() >= self.config.epochs {
            Some(Outcome::Completed)
        } else {
            None
        }
    }

    fn report(&self, outcome: Outcome) -> FitReport {
        FitReport {
            outcome,
            history: self.position.history.clone(),
            best: self.position.best().copied(),
        }
    }

    fn finish(self, outcome: Outcome) -> Result<FitReport> {
        weights::load_into(self.network, &self.folder.join(BEST_FILE))?;
        Ok(self.report(outcome))
    }

    fn checkpoint(&self) -> Result<()> {
        checkpoint::write(
            &self.folder.join(CHECKPOINT_FILE),
            self.network,
            self.config,
            &self.stepper,
            &self.position,
        )
    }

    fn progress(&self, stage: Stage, batch: usize, batches: usize, tally: &Tally) -> Progress {
        let record = (stage == Stage::EpochEnd)
            .then(|| self.position.history.last().copied())
            .flatten();
        Progress {
            stage,
            epoch: record.map_or(self.position.history.len(), |r| r.epoch),
            epochs: self.config.epochs,
            batch,
            batches,
            score: tally.score(),
            record,
            best_validation_loss: self.position.best().map(|b| b.validation_loss),
            epochs_since_best: self.position.since_best(),
        }
    }

    /// One epoch, or the rest of one.
    fn epoch(
        &mut self,
        train: &dyn BatchSource,
        validation: &dyn BatchSource,
        observer: &mut Observer<'_>,
    ) -> Result<Control> {
        let epoch = self.position.history.len();
        let rate = self.config.schedule.rate(self.config.learning_rate, epoch);
        if self.train_stage(train, epoch, rate, observer)? == Control::Stop {
            self.checkpoint()?;
            return Ok(Control::Stop);
        }
        let Some(score) = self.validation_stage(validation, epoch, observer)? else {
            self.checkpoint()?;
            return Ok(Control::Stop);
        };
        let trained = self.position.tally.score();
        self.position.history.push(EpochRecord {
            epoch,
            train_loss: trained.loss,
            train_accuracy: trained.accuracy,
            validation_loss: score.score().loss,
            validation_accuracy: score.score().accuracy,
            learning_rate: rate,
        });
        self.position.next_batch = 0;
        self.position.tally = Tally::default();
        // The best weights first: a run killed between the two repeats the epoch and writes the
        // same ones again.
        if self.position.since_best() == 0 {
            self.save_best(score.score())?;
        }
        self.checkpoint()?;
        history::write_csv(&self.folder.join(HISTORY_FILE), &self.position.history)?;
        let batches = validation.batches(epoch);
        Ok(observer(&self.progress(
            Stage::EpochEnd,
            batches,
            batches,
            &score,
        )))
    }

    fn train_stage(
        &mut self,
        source: &dyn BatchSource,
        epoch: usize,
        rate: f64,
        observer: &mut Observer<'_>,
    ) -> Result<Control> {
        let batches = count(source, "training batches", epoch)?;
        let first = self.position.next_batch.min(batches);
        for_each_batch(source, epoch, first..batches, |index, batch| {
            let seed = mix(mix(self.config.seed, epoch as u64), index as u64);
            let step = step::train(
                self.network,
                &batch,
                self.config,
                TrainPass::new(seed).ghost_batch(self.config.ghost_batch),
                [epoch, index],
            )?;
            let score = step.score;
            self.stepper.gather(step.gradients, score.images)?;
            if self.stepper.is_due() || index + 1 == batches {
                self.stepper.step(rate)?;
            }
            self.position
                .tally
                .add(score.loss, score.correct, score.images);
            self.position.next_batch = index + 1;
            let tally = self.position.tally;
            Ok(observer(&self.progress(
                Stage::Train,
                index + 1,
                batches,
                &tally,
            )))
        })
    }

    /// The validation sums; `None` if the observer stopped.
    fn validation_stage(
        &self,
        source: &dyn BatchSource,
        epoch: usize,
        observer: &mut Observer<'_>,
    ) -> Result<Option<Tally>> {
        let batches = count(source, "validation batches", epoch)?;
        let network = self.network.fuse_view()?;
        let mut tally = Tally::default();
        let control = for_each_batch(source, epoch, 0..batches, |index, batch| {
            let score = step::evaluate(network.as_ref(), &batch, [epoch, index])?;
            tally.add(score.loss, score.correct, score.images);
            Ok(observer(&self.progress(
                Stage::Validation,
                index + 1,
                batches,
                &tally,
            )))
        })?;
        Ok((control == Control::Continue).then_some(tally))
    }

    fn save_best(&self, score: Score) -> Result<()> {
        let info = WeightsInfo {
            training: Some(TrainingRecord {
                epoch: self.position.history.len() - 1,
                validation_loss: score.loss,
                validation_accuracy: score.accuracy,
                seed: self.config.seed,
            }),
            ..WeightsInfo::of(self.network)
        };
        weights::save(self.network, &self.folder.join(BEST_FILE), &info)
    }
}
