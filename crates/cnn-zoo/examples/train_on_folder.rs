//! Trains a network on a folder with a subfolder of images per class.
//!
//! `cargo run --release -p cnn-zoo --example train_on_folder -- photos --arch resnet50 --out run --epochs 20 --seed 1`
//!
//! The folder `--out` receives the weights of the best epoch, the history, the names of the
//! classes and a checkpoint; the same command goes on where a stopped one was.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use candle_core::{Device, Tensor};
use cnn_zoo::train::{
    BEST_FILE, Batch, BatchSource, Control, Optimiser, Outcome, Stage, TrainConfig, fit,
};
use cnn_zoo::{Architecture, BackboneConfig, build};

#[path = "shared/images.rs"]
mod images;
#[path = "shared/options.rs"]
mod options;

use images::Failure;
use options::Options;

const USAGE: &str = "usage: train_on_folder DIR --arch NAME --out FOLDER --epochs N --seed N \
[--convention keras|torch] [--channels 1|3] [--size PIXELS] [--width FACTOR] [--batch N] \
[--rate NUMBER] [--patience N] [--validation SHARE] [--divisor NUMBER] \
[--norm-momentum SHARE]
       DIR holds a folder of .png or .npy images per class";

/// An image and its class.
#[derive(Clone)]
struct Example {
    path: PathBuf,
    class: u32,
}

/// Reads its images as they are asked for.
struct Folder {
    examples: Vec<Example>,
    channels: usize,
    size: [usize; 2],
    divisor: f64,
    batch: usize,
    /// Shuffles each epoch anew.
    seed: Option<u64>,
}

/// A well-mixed function of two numbers (the finaliser of SplitMix64).
fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Folder {
    fn read(&self, chosen: &[&Example]) -> Result<Batch, Failure> {
        let images = chosen
            .iter()
            .map(|e| images::read(&e.path, self.channels, self.size, self.divisor))
            .collect::<Result<Vec<_>, _>>()?;
        let labels: Vec<u32> = chosen.iter().map(|e| e.class).collect();
        Ok(Batch {
            images: Tensor::cat(&images, 0)?,
            labels: Tensor::new(labels, &Device::Cpu)?,
        })
    }
}

impl BatchSource for Folder {
    fn batches(&self, _epoch: usize) -> usize {
        self.examples.len().div_ceil(self.batch)
    }

    fn batch(&self, epoch: usize, index: usize) -> cnn_zoo::Result<Batch> {
        let mut order: Vec<usize> = (0..self.examples.len()).collect();
        if let Some(seed) = self.seed {
            let seed = mix(seed, epoch as u64);
            order.sort_by_key(|&i| mix(seed, i as u64));
        }
        let chosen: Vec<&Example> = order
            .iter()
            .skip(index * self.batch)
            .take(self.batch)
            .filter_map(|&i| self.examples.get(i))
            .collect();
        self.read(&chosen).map_err(|error| cnn_zoo::Error::Source {
            epoch,
            index,
            source: error.to_string().into(),
        })
    }
}

/// The classes in a folder, sorted by name, and their images.
fn classes(folder: &Path) -> Result<(Vec<String>, Vec<Example>), Failure> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    let mut names = Vec::new();
    let mut examples = Vec::new();
    for folder in folders {
        let class = u32::try_from(names.len())?;
        let found = images::list(&folder)?;
        if found.is_empty() {
            return Err(format!("{}: no .png or .npy image", folder.display()).into());
        }
        examples.extend(found.into_iter().map(|path| Example { path, class }));
        let name = folder.file_name().unwrap_or_default();
        names.push(name.to_string_lossy().into_owned());
    }
    if names.len() < 2 {
        let count = names.len();
        let folder = folder.display();
        return Err(format!("{folder}: {count} folders of images, expected one per class").into());
    }
    Ok((names, examples))
}

/// Sets a share of every class aside, at least one image.
fn split(examples: Vec<Example>, share: f64, seed: u64) -> Result<[Vec<Example>; 2], Failure> {
    let largest = examples.iter().map(|e| e.class).max().unwrap_or(0);
    let mut parts = [Vec::new(), Vec::new()];
    for class in 0..=largest {
        let mut own: Vec<&Example> = examples.iter().filter(|e| e.class == class).collect();
        if own.len() < 2 {
            return Err(format!("class {class} has one image, expected two or more").into());
        }
        own.sort_by_key(|e| {
            let name = e.path.file_name().unwrap_or_default().as_encoded_bytes();
            name.iter()
                .fold(seed, |hash, &byte| mix(hash, u64::from(byte)))
        });
        let aside = ((own.len() as f64 * share).round() as usize).clamp(1, own.len() - 1);
        let (validation, train) = own.split_at(aside);
        parts[0].extend(train.iter().map(|e| (*e).clone()));
        parts[1].extend(validation.iter().map(|e| (*e).clone()));
    }
    Ok(parts)
}

fn run() -> Result<(), Failure> {
    let named = [
        "--arch",
        "--out",
        "--epochs",
        "--seed",
        "--convention",
        "--channels",
        "--size",
        "--width",
        "--batch",
        "--rate",
        "--patience",
        "--validation",
        "--divisor",
        "--norm-momentum",
    ];
    let Some(options) = Options::read(&named, &[])? else {
        return Ok(writeln!(std::io::stdout(), "{USAGE}")?);
    };
    let [folder] = &options.rest[..] else {
        return Err(format!("{} folders are named, expected 1", options.rest.len()).into());
    };
    let architecture: Architecture = options.required("--arch")?.parse()?;
    let out = Path::new(options.required("--out")?);
    let epochs = options.value("--epochs")?.ok_or("--epochs is missing")?;
    let seed = options.value("--seed")?.ok_or("--seed is missing")?;
    let share = options.value("--validation")?.unwrap_or(0.2);
    let divisor: f64 = options.value("--divisor")?.unwrap_or(1.0);
    for (name, value) in [("--validation", share), ("--divisor", divisor)] {
        if !(value.is_finite() && value > 0.0 && (name != "--validation" || value < 1.0)) {
            return Err(format!("{name} {value} is out of range").into());
        }
    }
    if architecture.labels_pixels() {
        return Err(format!("{architecture} labels pixels, not images").into());
    }
    let (names, examples) = classes(Path::new(folder))?;
    let [train, validation] = split(examples, share, seed)?;

    let mut config = BackboneConfig::new(architecture);
    config.classes = names.len();
    if let Some(convention) = options.value("--convention")? {
        config.convention = convention;
    }
    config.input_channels = options.value("--channels")?.unwrap_or(1);
    config.width = options.value("--width")?.unwrap_or(1.0);
    if let Some(edge) = options.value("--size")? {
        config.input_size = [edge, edge];
    }
    // Keras keeps 0.99 of the running statistics, which a short run never makes up for.
    config.norm_momentum = Some(options.value("--norm-momentum")?.unwrap_or(0.9));
    config.validate()?;
    let settings = TrainConfig {
        epochs,
        batch_size: options.value("--batch")?.unwrap_or(8),
        learning_rate: options.value("--rate")?.unwrap_or(0.005),
        optimiser: Optimiser::Nesterov { momentum: 0.9 },
        patience: options.value("--patience")?,
        seed,
        ..TrainConfig::default()
    };
    settings.validate()?;
    let source = |examples: Vec<Example>, seed| Folder {
        examples,
        channels: config.input_channels,
        size: config.input_size,
        divisor,
        batch: settings.batch_size,
        seed,
    };
    let (train, validation) = (source(train, Some(seed)), source(validation, None));
    let mut err = std::io::stderr().lock();
    writeln!(
        err,
        "{} classes, {} images to train on, {} to validate on",
        names.len(),
        train.examples.len(),
        validation.examples.len()
    )?;
    let network = build(&config, seed, &Device::Cpu)?;
    std::fs::create_dir_all(out).map_err(|e| format!("{}: {e}", out.display()))?;
    std::fs::write(out.join("classes.json"), serde_json::to_vec_pretty(&names)?)?;
    cnn_ops::keep_freed_memory();
    let report = fit(
        network.as_ref(),
        &train,
        &validation,
        &settings,
        out,
        &mut |p| {
            let line = match (&p.record, p.stage) {
                (Some(r), _) => format!(
                    "epoch {} of {}: loss {:.4}, accuracy {:.3}; validation loss {:.4}, accuracy {:.3}\n",
                    r.epoch + 1,
                    p.epochs,
                    r.train_loss,
                    r.train_accuracy,
                    r.validation_loss,
                    r.validation_accuracy
                ),
                (None, Stage::Train) => format!(
                    "epoch {} batch {} of {}: loss {:.4}\r",
                    p.epoch + 1,
                    p.batch,
                    p.batches,
                    p.score.loss
                ),
                _ => return Control::Continue,
            };
            let _ = write!(err, "{line}");
            Control::Continue
        },
    )?;
    let how = match report.outcome {
        Outcome::EarlyStopped => "stopped early",
        Outcome::Completed => "all epochs done",
        Outcome::Interrupted => "interrupted",
    };
    let mut text = how.to_owned();
    if let Some(best) = report.best {
        let accuracy = best.validation_accuracy;
        text = format!(
            "{how}; best epoch {} with accuracy {accuracy:.3}",
            best.epoch + 1
        );
    }
    writeln!(err, "{text}: {}", out.join(BEST_FILE).display())?;
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("train_on_folder: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}
