//! The network of the fixtures in `golden/pytorch-grad-cam`, used for those of `golden/torch-cam` too.

use cam_methods::{BiasTerm, Tap, TappedModel};
use candle_core::{Device, Result, Tensor};
use serde_json::Value;

pub(crate) struct Small(pub(crate) Value);

impl Small {
    pub(crate) fn new() -> Self {
        let text = include_str!("../golden/pytorch-grad-cam/small_network.json");
        Self(serde_json::from_str(text).unwrap())
    }

    pub(crate) fn classes(&self) -> Vec<usize> {
        serde_json::from_value(self.0["classes"].clone()).unwrap()
    }

    pub(crate) fn tensor(&self, name: &str) -> Tensor {
        let p = &self.0["parameters"][name];
        let shape: Vec<usize> = serde_json::from_value(p["shape"].clone()).unwrap();
        let values: Vec<f32> = serde_json::from_value(p["values"].clone()).unwrap();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    pub(crate) fn images(&self, batch: usize) -> Tensor {
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
