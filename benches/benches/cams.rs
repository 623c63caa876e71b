//! Class activation maps of a ResNet50 of a quarter of the width at 128²: one method, several, and Score-CAM.
#![allow(clippy::unwrap_used, missing_docs)] // criterion_group! makes an undocumented function

use cam_methods::{Explainer, Method, Semantics, Tap, TappedModel, Target};
use candle_core::{Device, Result, Tensor};
use cnn_zoo::{Architecture, Backbone, BackboneConfig, Convention, build};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const EDGE: usize = 128;

struct Zoo(Box<dyn Backbone>);

impl TappedModel for Zoo {
    fn forward_tapped(&self, images: &Tensor, tap: &mut dyn Tap) -> Result<Tensor> {
        self.0
            .forward_tapped(images, &mut |name, a| tap.visit(name, a))
    }
}

fn network() -> Zoo {
    let config = BackboneConfig {
        convention: Convention::Torch,
        width: 0.25,
        input_size: [EDGE, EDGE],
        ..BackboneConfig::new(Architecture::ResNet50)
    };
    Zoo(build(&config, 1, &Device::Cpu).unwrap().fuse().unwrap())
}

fn image() -> Tensor {
    let values: Vec<f32> = (0..EDGE * EDGE).map(|i| (i as f32 * 0.618).sin()).collect();
    Tensor::from_vec(values, (1, 1, EDGE, EDGE), &Device::Cpu).unwrap()
}

fn maps(c: &mut Criterion) {
    cnn_ops::keep_freed_memory();
    let (network, image) = (network(), image());
    let mut group = c.benchmark_group("maps");
    group.sample_size(10);
    let five = [
        Method::GradCam,
        Method::GradCamPlusPlus,
        Method::XGradCam,
        Method::HiresCam,
        Method::LayerCam,
    ];
    let works: [(&str, &[Method]); 6] = [
        ("grad_cam", &[Method::GradCam]),
        ("five gradient methods", &five),
        ("eigen_cam", &[Method::EigenCam]),
        ("recipro_cam", &[Method::ReciproCam]),
        ("score_cam", &[Method::ScoreCam]),
        (
            "score_cam and faster_score_cam",
            &[Method::ScoreCam, Method::FasterScoreCam],
        ),
    ];
    for (name, methods) in works {
        let explainer = Explainer::new(&network)
            .tap("layer4")
            .semantics(Semantics::literature());
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| {
                explainer
                    .explain_all(&image, &[Target::Class(1)], methods)
                    .unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, maps);
criterion_main!(benches);
