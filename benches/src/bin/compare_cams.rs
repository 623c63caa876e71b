//! Class activation maps as the works of the suite `cams` (`benches/compare/compare/cams.py`):
//! `grad_cam resnet50`, `five vgg16`, `score_cam resnet50`.
#![forbid(unsafe_code)]

use benches::Task;
use benches::networks::{EDGE, network, values};
use cam_methods::{Explainer, Method, Parameters, Semantics, Tap, TappedModel, Target};
use candle_core::{DType, Device, Tensor};
use cnn_zoo::Backbone;

/// The methods of the works called `five`.
const FIVE: [Method; 5] = [
    Method::GradCam,
    Method::GradCamPlusPlus,
    Method::XGradCam,
    Method::HiresCam,
    Method::LayerCam,
];
/// The class explained.
const CLASS: usize = 1;

type Failure = Box<dyn std::error::Error>;

/// Bounds that a work may name after its network: `k=64 mib=256`.
#[derive(Clone, Copy, Default)]
struct Limits {
    channels: Option<usize>,
    bytes: Option<usize>,
}

struct Zoo(Box<dyn Backbone>);

impl TappedModel for Zoo {
    fn forward_tapped(&self, images: &Tensor, tap: &mut dyn Tap) -> candle_core::Result<Tensor> {
        self.0
            .forward_tapped(images, &mut |name, a| tap.visit(name, a))
    }
}

fn main() -> std::io::Result<()> {
    cnn_ops::keep_freed_memory();
    benches::serve(|work| task(work).ok().flatten())
}

fn task(work: &str) -> Result<Option<Task>, Failure> {
    let mut words = work.split(' ');
    let (Some(what), Some(name)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let mut limits = Limits::default();
    for limit in words {
        match limit.split_once('=') {
            Some(("k", channels)) => limits.channels = Some(channels.parse()?),
            Some(("mib", size)) => limits.bytes = Some(size.parse::<usize>()? << 20),
            _ => return Ok(None),
        }
    }
    let methods = match what {
        "five" => FIVE.to_vec(),
        "score+faster" => vec![Method::ScoreCam, Method::FasterScoreCam],
        method => vec![method.parse()?],
    };
    let network = Zoo(network(name.parse()?)?.fuse()?);
    let image = Tensor::from_vec(
        values("images", EDGE * EDGE, 1.0),
        (1, 1, EDGE, EDGE),
        &Device::Cpu,
    )?;
    Ok(Some(Box::new(move || {
        explain(&network, &image, &methods, limits).unwrap_or(f64::NAN)
    })))
}

/// The sum of all heatmaps.
fn explain(
    network: &Zoo,
    image: &Tensor,
    methods: &[Method],
    limits: Limits,
) -> cam_methods::Result<f64> {
    let mut explainer = Explainer::new(network)
        .tap(network.0.default_tap())
        .semantics(Semantics::pytorch_grad_cam())
        .parameters(Parameters {
            score_channel_cap: limits.channels,
            ..Parameters::default()
        });
    if let Some(bytes) = limits.bytes {
        explainer = explainer.memory_budget(bytes);
    }
    let explained = explainer.explain_all(image, &[Target::Class(CLASS)], methods)?;
    benches::stop_clock();
    let mut sum = 0.0;
    for maps in &explained.maps {
        let map: f64 = maps.up.to_dtype(DType::F64)?.sum_all()?.to_scalar()?;
        sum += map;
    }
    Ok(sum)
}
