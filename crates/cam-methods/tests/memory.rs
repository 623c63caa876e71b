//! Score-CAM keeps to its budget in bytes: the peak of what is allocated, counted by the allocator.
#![allow(clippy::unwrap_used)]

use cam_methods::{Explainer, Method, Parameters, Passes, Tap, TappedModel, Target};
use candle_core::{Device, Result, Tensor};
use cnn_ops::{ConvOptions, Padding};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const EDGE: usize = 64;
const WIDE: usize = 32;
const CHANNELS: usize = 64;
const MIB: usize = 1 << 20;

/// Two wide convolutions at image size, then one with many channels on a coarse grid.
struct Network {
    weights: [Tensor; 3],
    stock: bool,
}

fn filled(shape: [usize; 4], seed: f32) -> Tensor {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|i| 0.1 * ((i as f32 + 1.0) * 12.9898 + seed).sin())
        .collect();
    Tensor::from_vec(values, &shape[..], &Device::Cpu).unwrap()
}

impl Network {
    fn new(stock: bool) -> Self {
        Self {
            weights: [
                filled([WIDE, 1, 3, 3], 0.1),
                filled([WIDE, WIDE, 3, 3], 0.2),
                filled([CHANNELS, WIDE, 3, 3], 0.3),
            ],
            stock,
        }
    }

    fn convolve(&self, x: &Tensor, index: usize, stride: usize) -> Result<Tensor> {
        let weight = &self.weights[index];
        if self.stock {
            return x.conv2d(weight, 1, stride, 1, 1)?.relu();
        }
        let options = ConvOptions {
            stride: [stride, stride],
            padding: Padding::symmetric(1, 1),
            ..ConvOptions::default()
        };
        Ok(cnn_ops::relu(&cnn_ops::conv2d(x, weight, None, &options)?)?)
    }
}

impl TappedModel for Network {
    fn forward_tapped(&self, x: &Tensor, tap: &mut dyn Tap) -> Result<Tensor> {
        let x = tap.visit("wide", self.convolve(x, 0, 1)?)?;
        let x = tap.visit("wider", self.convolve(&x, 1, 1)?)?;
        let x = tap.visit("features", self.convolve(&x, 2, 8)?)?;
        x.mean((2, 3))?.narrow(1, 0, 3)
    }
}

/// Bytes allocated at the peak beyond those held before, and how often the network ran.
fn peak(network: &Network, image: &Tensor, method: Method, budget: usize) -> (usize, Passes) {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let parameters = Parameters {
        ss_samples: 2,
        is_steps: 2,
        ..Parameters::default()
    };
    let explained = Explainer::new(network)
        .tap("features")
        .parameters(parameters)
        .memory_budget(budget)
        .explain_all(image, &[Target::Class(1)], &[method])
        .unwrap();
    (ALLOCATED.peak_usage() - before, explained.passes)
}

#[test]
fn methods_with_many_passes_keep_to_their_budget() {
    let image = filled([1, 1, EDGE, EDGE], 7.0).affine(5.0, 0.5).unwrap();
    let methods = [
        Method::ScoreCam,
        Method::SsCam,
        Method::IsCam,
        Method::GroupCam,
        Method::AblationCam,
        Method::ReciproCam,
    ];
    for stock in [false, true] {
        let network = Network::new(stock);
        // buffers that the operators keep for their next call, whatever the batch
        peak(&network, &image, Method::ScoreCam, 1);
        // the network's own workspace is what differs: one method shows it
        for method in methods
            .into_iter()
            .take(if stock { 1 } else { methods.len() })
        {
            let mut found = Vec::new();
            for budget in [8 * MIB, 64 * MIB] {
                let (bytes, passes) = peak(&network, &image, method, budget);
                assert!(
                    bytes <= budget,
                    "{method}, stock {stock}: {bytes} bytes of {budget}"
                );
                found.push((bytes, passes.forward));
            }
            // more memory is put to use, in fewer passes; Group-CAM has few groups here
            assert!(found[0].0 <= found[1].0 && found[0].1 >= found[1].1);
            let used = method == Method::GroupCam || found[0].1 > 2 * found[1].1;
            assert!(used, "{method}, stock {stock}: {found:?}");
        }
        // what does not fit goes one image at a time
        let (_, passes) = peak(&network, &image, Method::ScoreCam, 1);
        assert_eq!(passes.forward, passes.forward_images);
    }
}
