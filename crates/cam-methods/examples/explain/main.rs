//! Explains an image with a network of cnn-zoo: maps, overlays and `result.json`.
//!
//! ```text
//! cargo run --release -p cam-methods --example explain -- --arch resnet50 --weights best.safetensors \
//!     --image slice.npy --method grad_cam,layer_cam,score_cam --out explained
//! ```

mod network;
mod npy;
mod options;
mod picture;
mod report;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use cam_methods::{Control, Explainer, Method, Semantics, Target};
use candle_core::Tensor;

use network::Zoo;
use options::{Job, Network, Request, USAGE};
use picture::Picture;
use report::Report;

pub(crate) type Failure = Box<dyn std::error::Error>;

/// Edge of the images assumed where none is given.
const EDGE: usize = 256;

#[allow(dead_code)] // the test of this program calls what is below
fn main() -> ExitCode {
    cnn_ops::keep_freed_memory();
    match run(std::env::args().skip(1), &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("explain: {error}");
            ExitCode::from(2)
        }
    }
}

/// Does what the arguments ask for.
pub(crate) fn run(
    arguments: impl Iterator<Item = String>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match Request::read(arguments)? {
        Request::Help => Ok(writeln!(out, "{USAGE}")?),
        Request::ListMethods => list_methods(out),
        Request::ListTaps(network) => list_taps(&network, out),
        Request::Explain(job) => explain(&job, out),
    }
}

fn list_methods(out: &mut dyn Write) -> Result<(), Failure> {
    for method in Method::ALL {
        writeln!(out, "{method}")?;
    }
    Ok(())
}

/// One tap a line, the default marked.
fn list_taps(network: &Network, out: &mut dyn Write) -> Result<(), Failure> {
    let size = [EDGE, EDGE];
    let (backbone, has_weights) = match &network.weights {
        Some(path) => (network.trained(path, size)?, true),
        None => (network.blank(size)?, false),
    };
    for tap in backbone.taps() {
        write!(out, "{}", tap.name)?;
        if has_weights {
            write!(out, "\t{} channels", tap.channels)?;
        }
        let mark = if tap.name == backbone.default_tap() {
            "\tdefault"
        } else {
            ""
        };
        writeln!(out, "\tstride {}{mark}", tap.stride)?;
    }
    Ok(())
}

fn explain(job: &Job, out: &mut dyn Write) -> Result<(), Failure> {
    let picture = Picture::read(&job.image)?;
    let network = job.network.open(picture.size())?;
    let image = picture.tensor(network.backbone.config().input_channels)?;
    let taps = match job.taps.is_empty() {
        true => vec![network.backbone.default_tap().to_owned()],
        false => job.taps.clone(),
    };
    let target = target(job, &network, &image)?;
    let explainer = Explainer::new(&network)
        .taps(&taps)
        .semantics(Semantics::preset(job.semantics))
        .observer(progress);
    let explained = explainer.explain_all(&image, &[target], &job.methods)?;

    std::fs::create_dir_all(&job.out).map_err(|error| format!("{}: {error}", job.out.display()))?;
    for maps in &explained.maps {
        report::write_map(&job.out, &image, maps)?;
    }
    let shapes = taps
        .iter()
        .filter_map(|name| explained.taps.iter().find(|t| t.name == *name));
    report::write(
        &job.out,
        &Report {
            arch: job.network.architecture.name(),
            semantics: job.semantics.name(),
            class: explained.classes[0].ok_or("no class was explained")?,
            logits: class_logits(&explained.outputs)?,
            taps: shapes.collect(),
            passes: explained.passes.into(),
            methods: report::findings(&explained),
        },
    )?;
    Ok(writeln!(out, "{}", job.out.join("result.json").display())?)
}

/// One logit per class; where every pixel has its own, their mean.
fn class_logits(outputs: &Tensor) -> Result<Vec<f32>, Failure> {
    let outputs = match outputs.rank() {
        4 => outputs.mean((2, 3))?,
        _ => outputs.clone(),
    };
    Ok(outputs.flatten_all()?.to_vec1()?)
}

/// The class asked for, or that of the largest logit; where every pixel has its own, over the whole image.
fn target(job: &Job, network: &Zoo, image: &Tensor) -> Result<Target, Failure> {
    if !job.network.architecture.labels_pixels() {
        return Ok(job.class.map_or(Target::Argmax, Target::Class));
    }
    let class = match job.class {
        Some(class) => class,
        None => {
            let logits = class_logits(&network.backbone.forward(image)?)?;
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            logits.iter().position(|v| *v == largest).unwrap_or(0)
        }
    };
    let (_, _, height, width) = image.dims4()?;
    let mask = Tensor::ones((height, width), image.dtype(), image.device())?;
    Ok(Target::Region { class, mask })
}

/// Shows how far methods with many passes have come, on a terminal.
fn progress(progress: &cam_methods::Progress) -> Control {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let end = if progress.done == progress.total {
            "\n"
        } else {
            ""
        };
        // a line that cannot be shown is no reason to stop
        let _ = write!(
            terminal,
            "\r{}: {} of {}{end}",
            progress.stage, progress.done, progress.total
        );
    }
    Control::Continue
}
