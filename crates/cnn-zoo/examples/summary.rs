//! Prints what a network costs: stages, taps, parameters, multiply-adds.
//!
//! `cargo run --release -p cnn-zoo --example summary -- --arch resnet50 --size 64 --width 0.25`

use std::io::Write;
use std::process::ExitCode;

use cnn_zoo::{BackboneConfig, Summary, summary};

const USAGE: &str = "usage: summary --arch NAME [--convention keras|torch] [--channels N] \
                     [--classes N] [--size PIXELS] [--width FACTOR] [--json]";

struct Request {
    config: BackboneConfig,
    json: bool,
}

type Failure = Box<dyn std::error::Error>;

/// Reads the command line; `None` asks for the usage.
fn request(arguments: impl Iterator<Item = String>) -> Result<Option<Request>, Failure> {
    let mut options = Vec::new();
    let mut json = false;
    let mut arguments = arguments;
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--json" => json = true,
            "--help" | "-h" => return Ok(None),
            _ => {
                let value = arguments
                    .next()
                    .ok_or_else(|| format!("{name} needs a value"))?;
                options.push((name, value));
            }
        }
    }
    let named = options.iter().find(|(name, _)| name == "--arch");
    let (_, architecture) = named.ok_or("--arch is missing")?;
    let mut config = BackboneConfig::new(architecture.parse()?);
    for (name, value) in &options {
        let wrong = |error: &dyn std::fmt::Display| format!("{name} {value}: {error}");
        let number = || value.parse::<usize>().map_err(|error| wrong(&error));
        match name.as_str() {
            "--arch" => {}
            "--convention" => config.convention = value.parse()?,
            "--channels" => config.input_channels = number()?,
            "--classes" => config.classes = number()?,
            "--size" => config.input_size = [number()?; 2],
            "--width" => config.width = value.parse().map_err(|error| wrong(&error))?,
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok(Some(Request { config, json }))
}

fn print(summary: &Summary, out: &mut impl Write) -> std::io::Result<()> {
    let config = &summary.config;
    let [height, width] = config.input_size;
    writeln!(
        out,
        "{} ({}), {height} × {width} × {}, {} classes, width {}",
        config.architecture, config.convention, config.input_channels, config.classes, config.width
    )?;
    writeln!(out, "parameters     {:>15}", summary.parameters)?;
    writeln!(out, "trainable      {:>15}", summary.trainable)?;
    writeln!(out, "multiply-adds  {:>15}", summary.multiply_adds)?;
    writeln!(out, "taps")?;
    for tap in &summary.taps {
        let [h, w] = tap.size;
        writeln!(
            out,
            "  {:<42} {h:>4} × {w:<4} × {:<5} stride {}",
            tap.info.name, tap.info.channels, tap.info.stride
        )?;
    }
    Ok(())
}

fn run() -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let Some(request) = request(std::env::args().skip(1))? else {
        writeln!(out, "{USAGE}")?;
        return Ok(());
    };
    let summary = summary(&request.config)?;
    if request.json {
        serde_json::to_writer_pretty(&mut out, &summary)?;
        writeln!(out)?;
    } else {
        print(&summary, &mut out)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("summary: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}
