//! Classifies images with a trained network.
//!
//! `cargo run --release -p cnn-zoo --example classify -- --arch resnet50 --weights best.safetensors a.png b.npy`
//!
//! Weights that this crate wrote say what network they belong to; for others the options do.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use candle_core::Device;
use cnn_zoo::weights::{self, ImportOptions};
use cnn_zoo::{Architecture, Backbone, BackboneConfig, build};
use serde::Serialize;

#[path = "shared/images.rs"]
mod images;
#[path = "shared/options.rs"]
mod options;

use images::Failure;
use options::Options;

const USAGE: &str =
    "usage: classify --arch NAME --weights FILE IMAGE... [--json] [--divisor NUMBER]
       for weights of other programs: [--convention keras|torch] [--channels N] [--classes N] \
[--size PIXELS] [--width FACTOR] [--sum-channels]
       images are .png (values over the largest of their depth) or .npy (values over --divisor, 1)";

#[derive(Serialize)]
struct Line {
    file: String,
    logits: Vec<f32>,
    probabilities: Vec<f32>,
    class: usize,
}

/// The network that the weights belong to.
fn open(options: &Options) -> Result<Box<dyn Backbone>, Failure> {
    let architecture: Architecture = options.required("--arch")?.parse()?;
    let path = Path::new(options.required("--weights")?);
    let described = match path.extension().and_then(|e| e.to_str()) {
        Some("safetensors") => weights::info(path)?,
        _ => None,
    };
    let config = match described {
        Some(info) if info.backbone.architecture != architecture => {
            let found = info.backbone.architecture;
            return Err(
                format!("{}: weights of {found}, not {architecture}", path.display()).into(),
            );
        }
        Some(info) => info.backbone,
        None => {
            let mut config = BackboneConfig::new(architecture);
            if let Some(convention) = options.value("--convention")? {
                config.convention = convention;
            }
            config.input_channels = options.value("--channels")?.unwrap_or(1);
            config.classes = options.value("--classes")?.unwrap_or(config.classes);
            config.width = options.value("--width")?.unwrap_or(1.0);
            if let Some(edge) = options.value("--size")? {
                config.input_size = [edge, edge];
            }
            config
        }
    };
    if architecture.labels_pixels() {
        return Err(format!("{architecture} labels pixels, not images").into());
    }
    let network = build(&config, 0, &Device::Cpu)?;
    let differences = ImportOptions {
        sum_channels: options.flag("--sum-channels"),
        replace_head: false,
    };
    weights::import(network.as_ref(), path, &differences)?;
    Ok(network.fuse()?)
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|l| (l - largest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}

fn classify(network: &dyn Backbone, file: &str, divisor: f64) -> Result<Line, Failure> {
    let config = network.config();
    let image = images::read(
        Path::new(file),
        config.input_channels,
        config.input_size,
        divisor,
    )?;
    let logits: Vec<f32> = network.forward(&image)?.flatten_all()?.to_vec1()?;
    let class = (0..logits.len())
        .reduce(|best, next| {
            if logits[next] > logits[best] {
                next
            } else {
                best
            }
        })
        .unwrap_or(0);
    Ok(Line {
        file: file.to_owned(),
        probabilities: softmax(&logits),
        logits,
        class,
    })
}

fn numbers(values: &[f32]) -> String {
    let texts: Vec<String> = values.iter().map(f32::to_string).collect();
    texts.join(" ")
}

fn run() -> Result<(), Failure> {
    let named = [
        "--arch",
        "--weights",
        "--convention",
        "--channels",
        "--classes",
        "--size",
        "--width",
        "--divisor",
    ];
    let mut out = std::io::stdout().lock();
    let Some(options) = Options::read(&named, &["--json", "--sum-channels"])? else {
        return Ok(writeln!(out, "{USAGE}")?);
    };
    if options.rest.is_empty() {
        return Err("no image is named".into());
    }
    let divisor: f64 = options.value("--divisor")?.unwrap_or(1.0);
    if !(divisor.is_finite() && divisor > 0.0) {
        return Err(format!("--divisor {divisor}: expected more than 0").into());
    }
    let network = open(&options)?;
    let lines = options
        .rest
        .iter()
        .map(|file| classify(network.as_ref(), file, divisor))
        .collect::<Result<Vec<_>, _>>()?;
    if options.flag("--json") {
        serde_json::to_writer_pretty(&mut out, &lines)?;
        return Ok(writeln!(out)?);
    }
    let mut table = csv::Writer::from_writer(out);
    table.write_record(["file", "logits", "probabilities", "class"])?;
    for line in lines {
        let [logits, probabilities] = [numbers(&line.logits), numbers(&line.probabilities)];
        table.write_record([line.file, logits, probabilities, line.class.to_string()])?;
    }
    Ok(table.flush()?)
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("classify: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}
