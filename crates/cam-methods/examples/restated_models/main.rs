//! Explains networks whose own code shows nothing: the models of candle-transformers are closed, so their forward
//! passes are stated again, with taps, on the same weights.
//!
//! ```text
//! cargo run --release -p cam-methods --example restated_models                               # small, random weights
//! cargo run --release -p cam-methods --example restated_models -- resnet50 model.safetensors  # of the Hugging Face hub
//! cargo run --release -p cam-methods --example restated_models -- vit model.safetensors
//! ```

mod resnet;
mod tokens;
mod vit;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use cam_methods::{Explainer, Method, NoTap, TappedModel, Target};
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{VarBuilder, VarMap};
use candle_transformers::models::{resnet as closed_resnet, vit as closed_vit};

use resnet::ResNet;
use vit::VisionTransformer;

pub(crate) type Failure = Box<dyn std::error::Error>;

/// Classes of ImageNet, which the weights on the hub know.
const CLASSES: usize = 1000;
const USAGE: &str = "usage: restated_models [resnet50|vit WEIGHTS.safetensors]";

/// A re-stated network, what it returns, and what the closed one returns.
pub(crate) struct Pair {
    pub(crate) name: &'static str,
    pub(crate) network: Box<dyn TappedModel>,
    pub(crate) images: Tensor,
    pub(crate) logits: Tensor,
    pub(crate) closed: Tensor,
}

impl Pair {
    /// Largest difference of the logits, relative to the largest logit.
    pub(crate) fn difference(&self) -> Result<f32> {
        let apart = (&self.logits - &self.closed)?.abs()?.flatten_all()?;
        let size = self.closed.abs()?.flatten_all()?;
        Ok(apart.max(0)?.to_scalar::<f32>()? / size.max(0)?.to_scalar::<f32>()?)
    }
}

/// ResNet50 for images of `[batch, 3, 64, 64]`.
pub(crate) fn resnet50(weights: VarBuilder<'_>, classes: usize) -> Result<Pair> {
    let images = images(2, 64)?;
    let closed = closed_resnet::resnet50(classes, weights.clone())?;
    let network = ResNet::load(&[3, 4, 6, 3], &weights)?;
    Ok(Pair {
        name: "resnet50",
        logits: network.forward_tapped(&images, &mut NoTap)?,
        closed: images.apply(&closed)?,
        images,
        network: Box::new(network),
    })
}

/// A vision transformer.
pub(crate) fn vit(
    weights: VarBuilder<'_>,
    config: &closed_vit::Config,
    classes: usize,
) -> Result<Pair> {
    let images = images(2, config.image_size)?;
    let closed = closed_vit::Model::new(config, classes, weights.clone())?;
    let network = VisionTransformer::load(config, &weights)?;
    Ok(Pair {
        name: "vit",
        logits: network.forward_tapped(&images, &mut NoTap)?,
        closed: closed.forward(&images)?,
        images,
        network: Box::new(network),
    })
}

/// A transformer of two layers for images of 32 x 32 pixels.
pub(crate) fn small_vit() -> closed_vit::Config {
    closed_vit::Config {
        hidden_size: 32,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 64,
        image_size: 32,
        patch_size: 8,
        ..closed_vit::Config::vit_base_patch16_224()
    }
}

/// The weights that `load` asks for, set by a rule, as plain tensors.
pub(crate) fn weights_by_rule<T>(
    load: impl Fn(VarBuilder<'static>) -> Result<T>,
) -> Result<VarBuilder<'static>> {
    let asked = VarMap::new();
    load(VarBuilder::from_varmap(&asked, DType::F32, &Device::Cpu))?;
    let asked = asked
        .data()
        .lock()
        .map_err(|e| candle_core::Error::Msg(e.to_string()))?;
    let mut tensors = std::collections::HashMap::new();
    for (name, variable) in asked.iter() {
        tensors.insert(name.clone(), by_rule(name, variable.dims())?);
    }
    Ok(VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu))
}

fn by_rule(name: &str, shape: &[usize]) -> Result<Tensor> {
    let start = name
        .bytes()
        .fold(0.0, |sum, byte| 0.7 * sum + f64::from(byte));
    let fan_in: usize = shape.iter().skip(1).product();
    let (scale, offset) = match shape.len() {
        1 if name.ends_with("weight") || name.ends_with("var") => (0.3, 1.0),
        1 => (0.1, 0.0),
        _ => ((4.0 / fan_in as f64).sqrt(), 0.0),
    };
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|i: usize| (offset + scale * ((i as f64 + 1.0) * 12.9898 + start).sin()) as f32)
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
}

fn images(batch: usize, edge: usize) -> Result<Tensor> {
    let count = batch * 3 * edge * edge;
    let values: Vec<f32> = (0..count).map(|i| (i as f32 * 0.37).sin()).collect();
    Tensor::from_vec(values, (batch, 3, edge, edge), &Device::Cpu)
}

fn report(pair: &Pair, out: &mut dyn Write) -> std::result::Result<(), Failure> {
    let off = pair.difference()?;
    writeln!(
        out,
        "{}: logits differ by {off:.1e} of their size",
        pair.name
    )?;
    let explainer = Explainer::new(pair.network.as_ref());
    let targets = vec![Target::Argmax; pair.images.dim(0)?];
    let explained =
        explainer.explain_all(&pair.images, &targets, &[Method::GradCam, Method::LayerCam])?;
    for maps in &explained.maps {
        writeln!(
            out,
            "  {} at {}: {:?} -> {:?}",
            maps.method,
            maps.layers[0].tap,
            maps.raw().dims(),
            maps.up.dims()
        )?;
    }
    Ok(())
}

fn run(arguments: &[String], out: &mut dyn Write) -> std::result::Result<(), Failure> {
    let from_file = |path: &String| -> std::result::Result<VarBuilder<'static>, Failure> {
        let bytes = std::fs::read(Path::new(path)).map_err(|e| format!("{path}: {e}"))?;
        Ok(VarBuilder::from_buffered_safetensors(
            bytes,
            DType::F32,
            &Device::Cpu,
        )?)
    };
    let pairs = match arguments {
        [] => {
            let config = small_vit();
            let of_resnet = weights_by_rule(|w| closed_resnet::resnet50(10, w))?;
            let of_vit = weights_by_rule(|w| closed_vit::Model::new(&config, 10, w))?;
            vec![resnet50(of_resnet, 10)?, vit(of_vit, &config, 10)?]
        }
        [name, path] if name == "resnet50" => vec![resnet50(from_file(path)?, CLASSES)?],
        [name, path] if name == "vit" => {
            let config = closed_vit::Config::vit_base_patch16_224();
            vec![vit(from_file(path)?, &config, CLASSES)?]
        }
        _ => return Err(USAGE.into()),
    };
    pairs.iter().try_for_each(|pair| report(pair, out))
}

#[allow(dead_code)] // the test of this program calls what is above
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments, &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("restated_models: {error}");
            ExitCode::from(2)
        }
    }
}
