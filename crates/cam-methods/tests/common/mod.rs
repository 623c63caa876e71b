//! Small networks with fixed weights.
#![allow(dead_code)]

pub(crate) mod fixture;
pub(crate) mod small;
pub(crate) mod zoo;

use cam_methods::{CamMaps, Explainer, Method, Semantics, Tap, TappedModel, Target};
use candle_core::{DType, Device, Result, Tensor};

pub(crate) const CHANNELS: usize = 6;
pub(crate) const CLASSES: usize = 3;

/// Values that look random and are the same everywhere.
pub(crate) fn filled(shape: &[usize], seed: f32, dtype: DType) -> Tensor {
    let n: usize = shape.iter().product();
    let v: Vec<f32> = (0..n)
        .map(|i| ((i as f32 + 1.0) * 12.9898 + seed * 78.233).sin())
        .collect();
    Tensor::from_vec(v, shape, &Device::Cpu)
        .unwrap()
        .to_dtype(dtype)
        .unwrap()
}

pub(crate) fn images(batch: usize, size: usize, dtype: DType) -> Tensor {
    filled(&[batch, 2, size, size], 0.3, dtype)
        .affine(0.5, 0.5)
        .unwrap()
}

/// Two convolutions, pooling and a linear layer; taps `early`, `raw` (before ReLU) and `features`.
pub(crate) struct PooledNet {
    first: Tensor,
    second: Tensor,
    pub(crate) head: Tensor,
}

impl PooledNet {
    pub(crate) fn new(dtype: DType) -> Self {
        Self {
            first: filled(&[4, 2, 3, 3], 1.0, dtype).affine(0.4, 0.0).unwrap(),
            second: filled(&[CHANNELS, 4, 3, 3], 2.0, dtype)
                .affine(0.4, 0.0)
                .unwrap(),
            head: filled(&[CLASSES, CHANNELS], 3.0, dtype),
        }
    }
}

impl TappedModel for PooledNet {
    fn forward_tapped(&self, x: &Tensor, tap: &mut dyn Tap) -> Result<Tensor> {
        let x = tap.visit("early", x.conv2d(&self.first, 1, 2, 1, 1)?.relu()?)?;
        let x = tap.visit("raw", x.conv2d(&self.second, 1, 1, 1, 1)?)?;
        let x = tap.visit("features", x.relu()?)?;
        x.mean((2, 3))?.matmul(&self.head.t()?)
    }

    fn linear_head(&self) -> Option<cam_methods::LinearHead> {
        Some(cam_methods::LinearHead {
            tap: "features".to_owned(),
            weight: self.head.clone(),
        })
    }
}

/// A nonlinear head on the flattened features, so that gradients differ from cell to cell.
pub(crate) struct FlatNet {
    conv: Tensor,
    hidden: Tensor,
    head: Tensor,
}

impl FlatNet {
    /// For images of 8 x 8 pixels.
    pub(crate) fn new(dtype: DType) -> Self {
        Self {
            conv: filled(&[CHANNELS, 2, 3, 3], 5.0, dtype)
                .affine(0.4, 0.0)
                .unwrap(),
            hidden: filled(&[CHANNELS * 16, 5], 6.0, dtype)
                .affine(0.2, 0.0)
                .unwrap(),
            head: filled(&[5, CLASSES], 7.0, dtype),
        }
    }

    pub(crate) fn tail(&self, features: &Tensor) -> Result<Tensor> {
        features
            .flatten_from(1)?
            .matmul(&self.hidden)?
            .tanh()?
            .matmul(&self.head)
    }
}

impl TappedModel for FlatNet {
    fn forward_tapped(&self, x: &Tensor, tap: &mut dyn Tap) -> Result<Tensor> {
        let x = tap.visit("features", x.conv2d(&self.conv, 1, 2, 1, 1)?.relu()?)?;
        self.tail(&x)
    }
}

pub(crate) fn explain(
    net: &dyn TappedModel,
    tap: &str,
    semantics: Semantics,
    images: &Tensor,
    class: usize,
    method: Method,
) -> CamMaps {
    let targets = vec![Target::Class(class); images.dim(0).unwrap()];
    Explainer::new(net)
        .tap(tap)
        .semantics(semantics)
        .explain(images, &targets, method)
        .unwrap()
}

pub(crate) fn vec(t: &Tensor) -> Vec<f32> {
    t.flatten_all()
        .unwrap()
        .to_dtype(DType::F32)
        .unwrap()
        .to_vec1()
        .unwrap()
}

#[track_caller]
pub(crate) fn assert_close(a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    for (i, (x, y)) in a.iter().zip(b).enumerate() {
        assert!(
            (x - y).abs() <= tolerance,
            "at {i}: {x} and {y} differ by {}",
            (x - y).abs()
        );
    }
}
