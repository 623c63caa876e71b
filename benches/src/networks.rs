//! Networks of `cnn-zoo` whose tensors follow from their names, as `benches/compare/compare/zoo.py` sets them.

use candle_core::{Device, Tensor};
use cnn_zoo::{Architecture, Backbone, BackboneConfig, Convention, Parameter, build};

/// Edge of the images.
pub const EDGE: usize = 256;

/// The network in PyTorch's convention for one channel and two classes, its tensors set by the rule of both sides.
///
/// # Errors
///
/// Only if a tensor operation fails.
pub fn network(architecture: Architecture) -> cnn_zoo::Result<Box<dyn Backbone>> {
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
#[must_use]
pub fn values(name: &str, count: usize, range: f64) -> Vec<f32> {
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
