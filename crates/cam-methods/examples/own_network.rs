//! Explains a network of your own: three layers of candle, and one line added to the forward pass.
//!
//! `cargo run --release -p cam-methods --example own_network`

use cam_methods::{Explainer, Method, Tap, Target};
use candle_core::{DType, Device, Tensor};
use candle_nn::{Conv2dConfig, Module, VarBuilder, VarMap, conv2d, linear};
use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let weights = VarBuilder::from_varmap(&VarMap::new(), DType::F32, &Device::Cpu);
    let halve = Conv2dConfig {
        stride: 2,
        padding: 1,
        ..Conv2dConfig::default()
    };
    let first = conv2d(1, 8, 3, halve, weights.pp("first"))?;
    let second = conv2d(8, 16, 3, halve, weights.pp("second"))?;
    let head = linear(16, 2, weights.pp("head"))?;

    let network = |x: &Tensor, tap: &mut dyn Tap| {
        let x = first.forward(x)?.relu()?;
        let x = second.forward(&x)?.relu()?;
        let x = tap.visit("features", x)?; // the line added
        head.forward(&x.mean((2, 3))?)
    };

    let images = Tensor::rand(0f32, 1., (2, 1, 32, 32), &Device::Cpu)?;
    let methods = [Method::GradCam, Method::LayerCam, Method::ScoreCam];
    let targets = [Target::Argmax, Target::Class(0)];
    let explained = Explainer::new(&network).explain_all(&images, &targets, &methods)?;
    for maps in &explained.maps {
        let size = maps.up.dims();
        let zero: Vec<bool> = maps.diagnostics.iter().map(|d| d.zero_map).collect();
        writeln!(
            std::io::stdout(),
            "{}: {size:?} in [0, 1], zero: {zero:?}",
            maps.method
        )?;
    }
    Ok(())
}
