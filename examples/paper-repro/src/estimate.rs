//! `estimate`: what a study would take on this machine, from a few measured steps of every network.

use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use cnn_zoo::train::{Batch, BatchSource, Control, Progress, Stage, fit};
use cnn_zoo::{Backbone, BackboneConfig, build};

use crate::config::switches::{ContrastCopies, Mapped, Split};
use crate::config::{Config, Copies, NetworkConfig};
use crate::error::{Error, Result, failed};
use crate::memory;
use crate::outputs::Outputs;
use crate::study::Study;

/// Images of the measured steps; larger batches take in proportion.
const MEASURED: usize = 4;

/// How much there is to do.
struct Counts {
    /// Trainings of every network.
    trainings: usize,
    /// Slices that train, per epoch.
    per_epoch: usize,
    /// Slices that validate, per epoch.
    validation: usize,
    /// Slices mapped once per seed.
    mapped: usize,
    /// Slices mapped by networks without training.
    random: usize,
    /// Slices mapped to find the common scales, per seed.
    scale: usize,
    /// Slices held in memory, contrast copies included.
    held: usize,
}

/// What one network takes.
struct Cost {
    training_seconds: f64,
    map_seconds: f64,
    /// Memory of one training beyond the program itself, in bytes.
    memory: f64,
}

/// Measures and prints what the study would take.
///
/// # Errors
///
/// [`Error::Usage`] for a sample sheet at fault, [`Error::Run`] if a network cannot be run.
pub fn estimate(config: &Config, outputs: &Outputs, mut say: impl FnMut(String)) -> Result<()> {
    let counts = counts(config, outputs)?;
    let device = config.device.open()?;
    let workers = config
        .training
        .concurrent_folds
        .min(rayon::current_num_threads())
        .min(counts.trainings)
        .max(1);
    say(format!(
        "profile {}, protocol {}: {} networks, {} trainings of each, at most {} epochs of {} slices, {}² pixels; {} slices mapped",
        config.profile,
        config.protocol,
        config.networks.len(),
        counts.trainings,
        config.training.to_zoo(config.switches.schedule).epochs,
        counts.per_epoch,
        config.preprocess.image_size,
        counts.mapped
    ));
    say("network                 training        maps".to_owned());
    let (mut training, mut maps, mut memory) = (0.0, 0.0, 0.0_f64);
    for network in &config.networks {
        let measure = || cost(config, network, &counts, &device);
        let cost = if workers > 1 {
            // folds at the same time get one thread each
            let alone = rayon::ThreadPoolBuilder::new()
                .num_threads(1)
                .build()
                .map_err(|e| failed("threads", e))?;
            alone.install(measure)?
        } else {
            measure()?
        };
        let share = |seconds: f64| seconds / workers as f64;
        let name = network.architecture.to_string();
        say(format!(
            "{name:20} {:>12} {:>12}",
            duration(share(cost.training_seconds)),
            duration(share(cost.map_seconds))
        ));
        training += share(cost.training_seconds);
        maps += share(cost.map_seconds);
        memory = memory.max(cost.memory);
    }
    let side = config.preprocess.image_size as f64;
    let slices = counts.held as f64 * side * side * 4.0;
    // mapping begins with what training has kept, and adds what it may hold itself
    let maps_memory = config.explain.memory_mib as f64 * f64::from(1 << 20);
    let total = memory * workers as f64 + maps_memory + slices + base_memory();
    say(format!(
        "{:20} {:>12} {:>12}",
        "all",
        duration(training),
        duration(maps)
    ));
    say(format!(
        "about {} in all and {:.1} GiB of memory ({workers} trainings at a time). Early stopping makes it shorter; the supervised reference and the tables add a few percent.",
        duration(training + maps),
        total / f64::from(1 << 30)
    ));
    Ok(())
}

fn base_memory() -> f64 {
    memory::peak_rss_bytes()
        .map_or(0.0, |bytes| bytes as f64)
        .min(f64::from(256 << 20))
}

/// Counts slices and trainings without making any.
fn counts(config: &Config, outputs: &Outputs) -> Result<Counts> {
    let (scans, positive, slices) = if config.is_synthetic() {
        let fillets = config.phantom.fish * config.phantom.fillets_per_fish;
        (2 * fillets, fillets, config.phantom.slices)
    } else {
        let study = Study::load(config, outputs)?;
        let positive = study.labels.iter().filter(|&&label| label == 1).count();
        let first = study.scans().next().unwrap_or_default().to_owned();
        let folder = config.data.directory.clone().unwrap_or_default();
        let path = [folder.join(&first), folder.join(format!("{first}.dcm"))]
            .into_iter()
            .find(|path| path.exists())
            .ok_or_else(|| {
                Error::usage(format!(
                    "sample sheet: scan `{first}` is not below {}",
                    folder.display()
                ))
            })?;
        let volume =
            mri_io::read_scan(&path).map_err(|e| failed(format!("{}", path.display()), e))?;
        (study.labels.len(), positive, volume.stored().dim().0)
    };
    let [first, last] = config.trim();
    let kept = slices.saturating_sub(first + last);
    let all = scans * kept;
    let (parts, train, validation) = match config.switches.split {
        Split::FishFolds => {
            let folds = config.training.folds;
            (folds, all * folds.saturating_sub(2) / folds, all / folds)
        }
        Split::FilletHoldOut | Split::SlicesPooled => (1, all * 8 / 10, all / 10),
    };
    let copies = match config.switches.contrast_copies {
        ContrastCopies::None => 1.0,
        ContrastCopies::ThreeMethodsOfTraining => 4.0,
        ContrastCopies::UnalteredCopiesOfEverything => 1.0 + 3.0 * all as f64 / train.max(1) as f64,
    };
    let mapped = match config.switches.mapped {
        Mapped::Everything => all,
        Mapped::PositiveClass => positive * kept,
    };
    let contrasted = config.switches.contrast_copies == ContrastCopies::ThreeMethodsOfTraining;
    Ok(Counts {
        trainings: parts * config.training.seeds,
        per_epoch: match config.training.copies {
            Copies::Drawn => train,
            Copies::Added => (train as f64 * copies) as usize,
        },
        validation,
        mapped,
        random: if config.explain.random_weights {
            positive * kept
        } else {
            0
        },
        scale: parts * (scans * train / all.max(1)) * config.explain.scale_slices.min(kept),
        held: if contrasted { 4 * all } else { all },
    })
}

/// The same batch again and again.
struct Blank<'a> {
    config: &'a BackboneConfig,
    batches: usize,
    device: &'a Device,
}

impl Blank<'_> {
    fn images(&self) -> candle_core::Result<Tensor> {
        let [height, width] = self.config.input_size;
        let pixels: Vec<f32> = (0..MEASURED * height * width)
            .map(|i| (i % 97) as f32 / 97.0)
            .collect();
        Tensor::from_vec(pixels, (MEASURED, 1, height, width), self.device)
    }
}

impl BatchSource for Blank<'_> {
    fn batches(&self, _epoch: usize) -> usize {
        self.batches
    }

    fn batch(&self, _epoch: usize, _index: usize) -> cnn_zoo::Result<Batch> {
        let labels: Vec<u32> = (0..MEASURED as u32).map(|i| i % 2).collect();
        Ok(Batch {
            images: self.images()?,
            labels: Tensor::new(labels, self.device)?,
        })
    }
}

fn cost(
    config: &Config,
    network: &NetworkConfig,
    counts: &Counts,
    device: &Device,
) -> Result<Cost> {
    let backbone = crate::stages::backbone_config(config, network);
    let what = |e: cnn_zoo::Error| failed(format!("{}", network.architecture), e);
    let model = build(&backbone, 1, device).map_err(what)?;
    memory::reset_peak();
    let before = memory::peak_rss_bytes().unwrap_or(0) as f64;
    let source = |batches| Blank {
        config: &backbone,
        batches,
        device,
    };
    let folder = std::env::temp_dir().join(format!(
        "paper-repro-estimate-{}-{}",
        std::process::id(),
        network.architecture
    ));
    let training = cnn_zoo::train::TrainConfig {
        epochs: 1,
        batch_size: MEASURED,
        ..config.training.to_zoo(config.switches.schedule)
    };
    // the first step warms up
    let mut marks = Vec::new();
    let outcome = fit(
        model.as_ref(),
        &source(3),
        &source(1),
        &training,
        &folder,
        &mut |progress: &Progress| {
            if progress.stage == Stage::Train {
                marks.push(Instant::now());
            }
            Control::Continue
        },
    );
    let _ = std::fs::remove_dir_all(&folder);
    outcome.map_err(what)?;
    let steps: Vec<f64> = marks
        .windows(2)
        .map(|pair| pair[1].duration_since(pair[0]).as_secs_f64())
        .collect();
    let step = steps.first().copied().unwrap_or(0.0) / MEASURED as f64;
    let peak = memory::peak_rss_bytes().unwrap_or(0) as f64;
    let fused = model.fuse().map_err(what)?;
    let forward = forward_seconds(fused.as_ref(), &source(1))?;
    let epochs = config.training.to_zoo(config.switches.schedule).epochs as f64;
    let per_epoch = counts.per_epoch as f64 * step + counts.validation as f64 * forward;
    let tap = fused.default_tap().to_owned();
    let channels = fused
        .taps()
        .iter()
        .find(|info| info.name == tap)
        .map_or(0, |info| info.channels);
    let scored = config
        .explain
        .score_channels
        .map_or(channels, |cap| cap.min(channels));
    let scores = config
        .explain
        .methods
        .iter()
        .any(|method| method.needs_score_table());
    // two passes forth and back: one tap for most methods, several for Layer-CAM
    let map = 6.0 * forward + if scores { scored as f64 * forward } else { 0.0 };
    let slices = config.training.seeds * (counts.mapped + counts.scale) + counts.random;
    Ok(Cost {
        training_seconds: counts.trainings as f64 * epochs * per_epoch,
        map_seconds: slices as f64 * map,
        memory: (peak - before).max(0.0) * config.training.batch_size as f64 / MEASURED as f64,
    })
}

fn forward_seconds(model: &dyn Backbone, source: &Blank<'_>) -> Result<f64> {
    let once = || -> candle_core::Result<f32> {
        let logits = model.forward(&source.images()?)?;
        logits.to_dtype(DType::F32)?.sum_all()?.to_scalar()
    };
    let run = |e| failed(format!("{}", model.config().architecture), e);
    once().map_err(run)?;
    let started = Instant::now();
    once().map_err(run)?;
    Ok(started.elapsed().as_secs_f64() / MEASURED as f64)
}

/// A time as people say it.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_readable() {
        let said: Vec<String> = [12.4, 300.0, 9000.0, 864_000.0]
            .into_iter()
            .map(duration)
            .collect();
        assert_eq!(said, ["12 s", "5 min", "2.5 h", "10 days"]);
    }
}
