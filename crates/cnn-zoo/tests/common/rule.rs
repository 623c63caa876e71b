//! The closed rule that sets every tensor here and in `golden/*/make.py`.

use candle_core::{Device, Tensor};
use cnn_zoo::Backbone;

/// Values in [−1, 1): the fractional part of a large multiple of a sine of the flat index.
fn noise(name: &str, count: usize) -> Vec<f64> {
    let mut key = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        key = (key ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
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
    let scale = (6.0 / fan_in as f64).sqrt();
    let is_factor = name.ends_with("running_var") || name.ends_with("weight");
    let values: Vec<f32> = noise(name, shape.iter().product())
        .into_iter()
        .map(|v| {
            (if shape.len() > 1 {
                v * scale
            } else if is_factor {
                1.0 + 0.3 * v
            } else {
                0.1 * v
            }) as f32
        })
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Sets every tensor of a network.
pub(crate) fn set_by_rule(network: &dyn Backbone) {
    for p in network.parameters().iter() {
        let tensor = fill(p.name(), p.tensor().dims());
        p.variable().unwrap().set(&tensor).unwrap();
    }
}

/// The images of the fixtures.
pub(crate) fn images(shape: &[usize]) -> Tensor {
    let values: Vec<f32> = noise("images", shape.iter().product())
        .into_iter()
        .map(|v| (0.5 + 0.5 * v) as f32)
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}
