//! The pictures of `docs/cam-gallery.md`: every method on one slice of the phantom, by a network trained here.
//!
//! `cargo run --release -p benches --example cam_gallery -- docs/images`
#![forbid(unsafe_code)]

use std::io::Write;
use std::path::Path;

use cam_methods::{
    BiasTerm, ColourMap, Explainer, LinearHead, Method, NoTap, Pixels, Semantics, Tap, TappedModel,
    Target, overlay,
};
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use cnn_ops::init::Fan;
use cnn_ops::{ConvOptions, Padding};
use fillet_preprocess::phantom::{Cohort, PhantomConfig};
use ndarray::{Array2, Axis};

type Failure = Box<dyn std::error::Error>;

const SEED: u64 = 7;
const EDGE: usize = 128;
const FISH: usize = 8;
const STEPS: usize = 400;
const BATCH: usize = 16;
/// Outputs and stride of the convolutions.
const LAYERS: [(usize, usize); 4] = [(12, 2), (24, 2), (32, 2), (32, 1)];

/// Four convolutions, global average pooling, a linear layer: two classes, fresh and thawed.
struct Network {
    convolutions: Vec<(Var, Var)>,
    head: Var,
}

impl Network {
    fn new() -> Result<Self> {
        let device = Device::Cpu;
        let mut inputs = 1;
        let mut convolutions = Vec::new();
        for (i, (outputs, _)) in LAYERS.into_iter().enumerate() {
            let shape = [outputs, inputs, 3, 3];
            let weight = cnn_ops::init::kaiming_normal(
                &shape,
                Fan::In,
                DType::F32,
                &device,
                SEED + i as u64,
            )?;
            let bias = Tensor::zeros(outputs, DType::F32, &device)?;
            convolutions.push((Var::from_tensor(&weight)?, Var::from_tensor(&bias)?));
            inputs = outputs;
        }
        let head = cnn_ops::init::glorot_uniform(&[2, inputs], DType::F32, &device, SEED + 9)?;
        Ok(Self {
            convolutions,
            head: Var::from_tensor(&head)?,
        })
    }

    fn variables(&self) -> Vec<Var> {
        let both = self.convolutions.iter().flat_map(|(w, b)| [w, b]);
        both.chain([&self.head]).cloned().collect()
    }
}

impl TappedModel for Network {
    fn forward_tapped(&self, images: &Tensor, tap: &mut dyn Tap) -> Result<Tensor> {
        let mut x = images.clone();
        for (i, ((weight, bias), (_, stride))) in self.convolutions.iter().zip(LAYERS).enumerate() {
            let options = ConvOptions {
                stride: [stride, stride],
                padding: Padding::symmetric(1, 1),
                ..ConvOptions::default()
            };
            let y = cnn_ops::conv2d(&x, weight, Some(bias.as_tensor()), &options)?;
            x = cnn_ops::relu(&tap.visit(&format!("conv{i}"), y)?)?;
        }
        let x = tap.visit("features", x)?;
        x.mean((2, 3))?.matmul(&self.head.t()?)
    }

    fn linear_head(&self) -> Option<LinearHead> {
        Some(LinearHead {
            tap: "features".to_owned(),
            weight: self.head.detach(),
        })
    }

    fn bias_terms(&self) -> Option<Vec<BiasTerm>> {
        let term = |(i, (_, bias)): (usize, &(Var, Var))| BiasTerm {
            tap: format!("conv{i}"),
            bias: bias.detach(),
        };
        Some(self.convolutions.iter().enumerate().map(term).collect())
    }
}

/// A slice with its truth.
struct Slice {
    fish: String,
    thawed: bool,
    image: Array2<f32>,
    damage: Array2<f32>,
}

fn slices() -> std::result::Result<Vec<Slice>, Failure> {
    let config = PhantomConfig {
        fish: FISH,
        ..PhantomConfig::dev()
    };
    let cohort = Cohort::new(&config, SEED)?;
    let mut out = Vec::new();
    for index in 0..cohort.len() {
        let scan = cohort.scan(index)?;
        let values = scan.volume.values();
        for s in (0..scan.volume.slices()).filter(|s| !scan.spoilt[*s]) {
            let tissue = scan.tissue.index_axis(Axis(0), s);
            let grey = values.index_axis(Axis(0), s);
            let inside = || {
                grey.iter()
                    .zip(&tissue)
                    .filter(|(_, t)| **t)
                    .map(|(v, _)| *v)
            };
            let mean = inside().sum::<f32>() / inside().count().max(1) as f32;
            out.push(Slice {
                fish: scan.specimen.fish.clone().unwrap_or_default(),
                thawed: scan.specimen.class == "thawed",
                image: Array2::from_shape_fn((EDGE, EDGE), |at| {
                    if tissue[at] {
                        grey[at] / (2.0 * mean)
                    } else {
                        0.0
                    }
                }),
                damage: scan.damage.index_axis(Axis(0), s).to_owned(),
            });
        }
    }
    Ok(out)
}

fn batch(slices: &[&Slice]) -> Result<(Tensor, Tensor)> {
    let values: Vec<f32> = slices
        .iter()
        .flat_map(|s| s.image.iter().copied())
        .collect();
    let labels: Vec<u32> = slices.iter().map(|s| u32::from(s.thawed)).collect();
    let images = Tensor::from_vec(values, (slices.len(), 1, EDGE, EDGE), &Device::Cpu)?;
    Ok((images, Tensor::new(labels, &Device::Cpu)?))
}

fn train(network: &Network, slices: &[&Slice]) -> std::result::Result<(), Failure> {
    let settings = ParamsAdamW {
        lr: 2e-3,
        ..ParamsAdamW::default()
    };
    let mut optimiser = AdamW::new(network.variables(), settings)?;
    for step in 0..STEPS {
        // an order that visits every slice before any comes again
        let picked: Vec<&Slice> = (0..BATCH)
            .map(|i| slices[(step * BATCH + i) * 61 % slices.len()])
            .collect();
        let (images, labels) = batch(&picked)?;
        let logits = network.forward_tapped(&images, &mut NoTap)?;
        optimiser.backward_step(&candle_nn::loss::cross_entropy(&logits, &labels)?)?;
    }
    Ok(())
}

fn correct(network: &Network, slices: &[&Slice]) -> Result<f32> {
    let (images, labels) = batch(slices)?;
    let found = network.forward_tapped(&images, &mut NoTap)?.argmax(1)?;
    found
        .eq(&labels)?
        .to_dtype(DType::F32)?
        .mean_all()?
        .to_scalar()
}

fn main() -> std::result::Result<(), Failure> {
    let folder = std::env::args().nth(1).ok_or("usage: cam_gallery FOLDER")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let mut out = std::io::stdout().lock();

    let all = slices()?;
    let last = all.iter().map(|s| &s.fish).max().ok_or("no slices")?;
    let (held, used): (Vec<&Slice>, Vec<&Slice>) = all.iter().partition(|s| s.fish == *last);
    let network = Network::new()?;
    train(&network, &used)?;
    writeln!(
        out,
        "{} slices of {FISH} fish; right on {:.0} % of the {} slices of {last}, which it never saw",
        all.len(),
        100.0 * correct(&network, &held)?,
        held.len()
    )?;

    // of the held-out fish's thawed slices the one whose damage differs most from place to place
    let shown = held
        .iter()
        .filter(|s| s.thawed)
        .max_by(|a, b| a.damage.std(0.0).total_cmp(&b.damage.std(0.0)))
        .ok_or("no thawed slice")?;
    let (image, _) = batch(&[shown])?;
    // [0, 1] within the tissue: outside it nothing can be damaged
    let mut semantics = Semantics::literature();
    semantics.normalise.pixels = Pixels::Region;
    let explained = Explainer::new(&network)
        .tap("features")
        .semantics(semantics)
        .region(image.ne(0f32)?.squeeze(1)?)
        .explain_all(&image, &[Target::Class(1)], &Method::ALL)?;
    writeln!(
        out,
        "logits {:?}, {:?}",
        explained.outputs.to_vec2::<f32>()?,
        explained.passes
    )?;

    let grey: Vec<f32> = shown.image.iter().copied().collect();
    let save = |name: &str, map: &[f32], opacity: f32| -> std::result::Result<(), Failure> {
        let picture = overlay(&grey, map, [EDGE, EDGE], ColourMap::default(), opacity)?;
        Ok(picture.save(folder.join(format!("cam-{name}.png")))?)
    };
    save("slice", &grey, 0.0)?;
    let damage: Vec<f32> = shown.damage.iter().copied().collect();
    save("damage", &damage, 0.5)?;
    for maps in &explained.maps {
        let mut map = maps.heatmap(0)?;
        let inside = map.iter_mut().zip(&grey);
        inside.for_each(|(m, g)| *m = if *g == 0.0 { 0.0 } else { *m });
        save(&maps.method, &map, 0.5)?;
        let d = &maps.diagnostics[0];
        let (low, high) = (d.raw_min(), d.raw_max());
        writeln!(out, "{:<26} raw {low:>9.3} … {high:>9.3}", maps.method)?;
    }
    Ok(())
}
