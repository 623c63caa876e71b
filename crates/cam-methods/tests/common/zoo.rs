//! Networks of cnn-zoo with the weights and images of its own fixtures.

use cam_methods::{Tap, TappedModel};
use candle_core::{Device, Result, Tensor};
use cnn_zoo::{Architecture, Backbone, BackboneConfig, Convention, build};

/// A network, folded for inference.
pub(crate) struct Zoo(Box<dyn Backbone>);

impl Zoo {
    pub(crate) fn new(config: &BackboneConfig) -> Self {
        let network = build(config, 0, &Device::Cpu).unwrap();
        for p in network.parameters().iter() {
            p.variable()
                .unwrap()
                .set(&fill(p.name(), p.tensor().dims()))
                .unwrap();
        }
        Self(network.fuse().unwrap())
    }

    /// Somebody's definition of a network, at a width.
    pub(crate) fn at_width(
        architecture: Architecture,
        convention: Convention,
        width: f64,
        size: &[usize],
    ) -> Self {
        Self::new(&BackboneConfig {
            convention,
            width,
            input_size: [size[0], size[1]],
            ..BackboneConfig::new(architecture)
        })
    }
}

impl TappedModel for Zoo {
    fn forward_tapped(&self, images: &Tensor, tap: &mut dyn Tap) -> Result<Tensor> {
        self.0
            .forward_tapped(images, &mut |name, a| tap.visit(name, a))
    }
}

/// Values in [-1, 1) by the rule of `crates/cnn-zoo/tests/golden/rule.py`.
fn noise(name: &str, count: usize) -> Vec<f64> {
    let key = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |key, byte| {
        (key ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let phase = (key % 100_003) as f64 / 100_003.0;
    (1..=count)
        .map(|i| {
            let x = (i as f64 * 12.9898 + phase * 78.233).sin() * 43_758.545_3;
            2.0 * (x - x.floor()) - 1.0
        })
        .collect()
}

fn fill(name: &str, shape: &[usize]) -> Tensor {
    let fan_in: usize = shape.iter().skip(1).product();
    let (scale, offset) = match shape.len() {
        1 if name.ends_with("running_var") || name.ends_with("weight") => (0.3, 1.0),
        1 => (0.1, 0.0),
        _ => ((6.0 / fan_in as f64).sqrt(), 0.0),
    };
    let values = noise(name, shape.iter().product());
    tensor(values.into_iter().map(|v| offset + scale * v), shape)
}

/// The images of the fixtures.
pub(crate) fn images(shape: &[usize]) -> Tensor {
    let values = noise("images", shape.iter().product());
    tensor(values.into_iter().map(|v| 0.5 + 0.5 * v), shape)
}

fn tensor(values: impl Iterator<Item = f64>, shape: &[usize]) -> Tensor {
    let values: Vec<f32> = values.map(|v| v as f32).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}
