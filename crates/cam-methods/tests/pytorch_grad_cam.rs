//! Heatmaps of pytorch-grad-cam 1.5.5 on a small network (`golden/pytorch-grad-cam`).
#![allow(clippy::unwrap_used)]

mod common;

use cam_methods::{
    BiasTerm, Explainer, Method, NoTap, Parameters, Semantics, Smoothing, Tap, TappedModel, Target,
};
use candle_core::{Device, Result, Tensor};
use common::{assert_close, vec};
use serde_json::Value;

const FIXTURE: &str = include_str!("golden/pytorch-grad-cam/small_network.json");
/// The fixture is rounded to 5e-6; OpenCV resizes with 11-bit weights on some builds, sums run in another order.
const TOLERANCE: f32 = 1e-4;

struct Small(Value);

impl Small {
    fn tensor(&self, name: &str) -> Tensor {
        let p = &self.0["parameters"][name];
        let shape: Vec<usize> = serde_json::from_value(p["shape"].clone()).unwrap();
        let values: Vec<f32> = serde_json::from_value(p["values"].clone()).unwrap();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    fn images(&self, batch: usize) -> Tensor {
        let size = self.0["size"].as_u64().unwrap() as usize;
        let values: Vec<f32> = serde_json::from_value(self.0["images"].clone()).unwrap();
        Tensor::from_vec(values, (3, 2, size, size), &Device::Cpu)
            .unwrap()
            .narrow(0, 0, batch)
            .unwrap()
    }

    fn convolve(&self, x: &Tensor, name: &str, stride: usize) -> Result<Tensor> {
        let bias = self.tensor(&format!("{name}.bias"));
        let channels = bias.elem_count();
        x.conv2d(&self.tensor(&format!("{name}.weight")), 1, stride, 1, 1)?
            .broadcast_add(&bias.reshape((1, channels, 1, 1))?)
    }

    fn linear(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        x.matmul(&self.tensor(&format!("{name}.weight")).t()?)?
            .broadcast_add(&self.tensor(&format!("{name}.bias")))
    }
}

impl TappedModel for Small {
    fn forward_tapped(&self, x: &Tensor, tap: &mut dyn Tap) -> Result<Tensor> {
        let x = tap.visit("conv1", self.convolve(x, "conv1", 2)?)?;
        let x = tap.visit("early", x.relu()?)?;
        let x = tap.visit("conv2", self.convolve(&x, "conv2", 1)?)?;
        let x = tap.visit("features", x.relu()?)?;
        // 2 x 2 mean, whose gradient candle's own pooling gets wrong
        let (n, c, h, w) = x.dims4()?;
        let x = x.reshape((n, c, h / 2, 2, w / 2, 2))?.mean((3, 5))?;
        self.linear(&self.linear(&x.flatten_from(1)?, "hidden")?.tanh()?, "head")
    }

    fn bias_terms(&self) -> Option<Vec<BiasTerm>> {
        let term = |name: &str| BiasTerm {
            tap: name.to_owned(),
            bias: self.tensor(&format!("{name}.bias")),
        };
        Some(vec![term("conv1"), term("conv2")])
    }
}

#[test]
fn the_network_is_the_same() {
    let net = Small(serde_json::from_str(FIXTURE).unwrap());
    let logits: Vec<f32> = serde_json::from_value(net.0["logits"].clone()).unwrap();
    assert_close(
        &vec(&net.forward_tapped(&net.images(3), &mut NoTap).unwrap()),
        &logits,
        2e-6,
    );
}

#[test]
fn every_case_agrees_under_the_preset() {
    let net = Small(serde_json::from_str(FIXTURE).unwrap());
    let classes: Vec<usize> = serde_json::from_value(net.0["classes"].clone()).unwrap();
    let cases = net.0["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 20);
    for case in cases {
        let method: Method = case["method"].as_str().unwrap().parse().unwrap();
        let taps: Vec<String> = serde_json::from_value(case["taps"].clone()).unwrap();
        let batch = case["batch"].as_u64().unwrap() as usize;
        let smoothing: Smoothing = serde_json::from_value(case["smoothing"].clone()).unwrap();
        let expected: Vec<f32> = serde_json::from_value(case["up"].clone()).unwrap();
        let targets: Vec<Target> = classes[..batch].iter().map(|c| Target::Class(*c)).collect();
        let maps = Explainer::new(&net)
            .taps(taps.clone())
            .semantics(Semantics::pytorch_grad_cam())
            .parameters(Parameters {
                smoothing,
                ..Parameters::default()
            })
            .explain(&net.images(batch), &targets, method)
            .unwrap();
        let up = vec(&maps.up);
        let worst = up
            .iter()
            .zip(&expected)
            .map(|(a, b)| (a - b).abs())
            .fold(0f32, f32::max);
        assert!(expected.iter().any(|v| *v > 0.5), "{method} shows nothing");
        assert!(
            worst <= TOLERANCE,
            "{method} at {taps:?}, batch {batch}, {smoothing:?}: {worst}"
        );
    }
}
