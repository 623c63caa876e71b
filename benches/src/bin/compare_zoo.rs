//! The networks of `cnn-zoo` as the works of the suite `zoo` (`benches/compare/compare/zoo.py`):
//! `forward b=8 resnet50`, `train b=8 resnet50`.
#![forbid(unsafe_code)]

use benches::Task;
use candle_core::{DType, Device, Tensor};
use cnn_zoo::train::{Batch, Optimiser, TrainConfig, Trainer};
use cnn_zoo::{Architecture, Backbone, BackboneConfig, Convention, Parameter, build};

/// Edge of the images.
const EDGE: usize = 256;
/// Learning rate: small, so that no network leaves the range of floats while it is timed.
const RATE: f64 = 1e-5;

type Failure = Box<dyn std::error::Error>;

fn main() -> std::io::Result<()> {
    cnn_ops::keep_freed_memory();
    benches::serve(|work| task(work).ok().flatten())
}

fn task(work: &str) -> Result<Option<Task>, Failure> {
    let words: Vec<&str> = work.split(' ').collect();
    let [what, batch, name] = words[..] else {
        return Ok(None);
    };
    let batch: usize = batch.strip_prefix("b=").unwrap_or_default().parse()?;
    let network = network(name.parse()?)?;
    let images = Tensor::from_vec(
        values("images", batch * EDGE * EDGE, 1.0),
        (batch, 1, EDGE, EDGE),
        &Device::Cpu,
    )?;
    Ok(match what {
        "forward" => {
            let network = network.fuse()?;
            Some(Box::new(move || {
                forward(network.as_ref(), &images).unwrap_or(f64::NAN)
            }))
        }
        "train" => {
            let labels: Vec<u32> = (0..batch as u32).map(|i| i % 2).collect();
            let batch = Batch {
                images,
                labels: Tensor::new(labels, &Device::Cpu)?,
            };
            // The process ends with its work, so the network may live as long.
            let network: &'static dyn Backbone = Box::leak(network);
            let settings = TrainConfig {
                optimiser: Optimiser::Momentum { momentum: 0.9 },
                ..TrainConfig::default()
            };
            let mut trainer = Trainer::new(network, &settings)?;
            Some(Box::new(move || {
                trainer
                    .step(&batch, RATE)
                    .map_or(f64::NAN, |score| score.loss)
            }))
        }
        _ => None,
    })
}

fn forward(network: &dyn Backbone, images: &Tensor) -> candle_core::Result<f64> {
    let logits = network.forward(images)?;
    logits.abs()?.to_dtype(DType::F64)?.sum_all()?.to_scalar()
}

/// The network in PyTorch's convention, its tensors set by the rule of both sides.
fn network(architecture: Architecture) -> Result<Box<dyn Backbone>, Failure> {
    let config = BackboneConfig {
        convention: Convention::Torch,
        input_size: [EDGE, EDGE],
        ..BackboneConfig::new(architecture)
    };
    let network = build(&config, 0, &Device::Cpu)?;
    for p in network.parameters().iter() {
        if let Some(variable) = p.variable() {
            variable.set(&tensor(p)?)?;
        }
    }
    Ok(network)
}

fn tensor(p: &Parameter) -> candle_core::Result<Tensor> {
    let dims = p.tensor().dims();
    let fan_in: usize = dims.iter().skip(1).product();
    let mut values = match dims.len() {
        1 => values(p.name(), p.count(), 0.1),
        _ => values(p.name(), p.count(), (24.0 / fan_in as f64).sqrt()),
    };
    if dims.len() == 1 && (p.name().ends_with("weight") || p.name().ends_with("running_var")) {
        for v in &mut values {
            *v += 1.0;
        }
    }
    Tensor::from_vec(values, dims, &Device::Cpu)
}

/// `count` numbers in ±range/2 that follow from a name.
fn values(name: &str, count: usize, range: f64) -> Vec<f32> {
    let mut key = 0x811c_9dc5_u32;
    for byte in name.bytes() {
        key = (key ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    (0..count as u32)
        .map(|i| {
            let mut h = i.wrapping_add(key);
            h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
            h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
            h ^= h >> 16;
            ((f64::from(h >> 8) / 16_777_216.0 - 0.5) * range) as f32
        })
        .collect()
}
