//! The networks of `cnn-zoo` as the works of the suite `zoo` (`benches/compare/compare/zoo.py`):
//! `forward b=8 resnet50`, `train b=8 resnet50`.
#![forbid(unsafe_code)]

use benches::Task;
use benches::networks::{EDGE, network, values};
use candle_core::{DType, Device, Tensor};
use cnn_zoo::Backbone;
use cnn_zoo::train::{Batch, Optimiser, TrainConfig, Trainer};

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
