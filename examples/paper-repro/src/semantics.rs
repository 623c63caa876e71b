//! The protocol's switches as the definitions that `cam-methods` works with.

use cam_methods::{ChannelWeights, LayerCamRule, Method, Pixels, ScoreSpace, Semantics, Threshold};
use cnn_zoo::{Architecture, Backbone};

use crate::config::Switches;
use crate::config::switches::{LayerCam, Library, NormaliseRule, ScoreCam, TapRule, ThresholdRule};

/// The definitions that the switches ask for.
pub fn semantics(switches: &Switches) -> Semantics {
    let mut semantics = match switches.library {
        Library::Literature => Semantics::literature(),
        Library::TfKerasVis => {
            let mut library = Semantics::tf_keras_vis();
            // tanh belongs to the several-layers form of Layer-CAM, which is a switch of its own
            library.fusion = Semantics::literature().fusion;
            library
        }
    };
    semantics.normalise.pixels = match switches.normalise {
        NormaliseRule::PerImage => Pixels::Image,
        NormaliseRule::InsideTissue => Pixels::Region,
    };
    semantics.layer_cam = match switches.layer_cam {
        LayerCam::SeveralLayersDeviation => LayerCamRule::GradientDeviation,
        LayerCam::OneLayerMeanPositive => LayerCamRule::MeanPositiveGradient,
        LayerCam::OneLayerPositive | LayerCam::SeveralLayersPositive => {
            LayerCamRule::PositiveGradient
        }
    };
    (semantics.score_cam.space, semantics.score_cam.weights) = match switches.score_cam {
        ScoreCam::ClassSoftmax | ScoreCam::ClassProbability => {
            (ScoreSpace::Probability, ChannelWeights::AsIs)
        }
        ScoreCam::SoftmaxOfSoftmax => (ScoreSpace::DoubleSoftmax, ChannelWeights::AsIs),
        ScoreCam::ChannelSoftmax => (ScoreSpace::Logit, ChannelWeights::ChannelSoftmax),
        ScoreCam::ChannelSoftmaxOfIncrease => (ScoreSpace::Logit, ChannelWeights::Increase),
    };
    semantics.threshold = match switches.threshold {
        ThresholdRule::AtLeast => Threshold::AtLeast,
        ThresholdRule::Above => Threshold::Above,
    };
    semantics
}

/// The last convolution before its norm, in Keras' order of layers.
fn last_convolution(architecture: Architecture) -> Option<&'static str> {
    match architecture {
        Architecture::DenseNet121 => Some("features.denseblock4.denselayer16.conv2"),
        Architecture::ResNet50 => Some("layer4.2.conv3"),
        Architecture::InceptionV3 => Some("Mixed_7c.branch_pool.conv"),
        Architecture::InceptionV4 => Some("features.21.branch3.1.conv"),
        Architecture::InceptionResNetV2 => Some("conv2d_7b.conv"),
        Architecture::Vgg16 => Some("features.28"),
        Architecture::Xception => Some("conv4"),
        _ => None,
    }
}

/// The tap at which a network is explained.
pub fn tap(network: &dyn Backbone, rule: TapRule) -> String {
    let architecture = network.config().architecture;
    let default = network.default_tap();
    let name = match rule {
        TapRule::LastActivation => default,
        // VGG16's last convolution has its ReLU inside the layer
        TapRule::LastConvInstance if architecture == Architecture::Vgg16 => default,
        TapRule::LastConvInstance | TapRule::LastConvolution => {
            last_convolution(architecture).unwrap_or(default)
        }
    };
    name.to_owned()
}

/// The taps of Layer-CAM: one, or the last activation at every resolution of a quarter of the image and less.
pub fn layer_cam_taps(network: &dyn Backbone, switches: &Switches) -> Vec<String> {
    let last = tap(network, switches.tap);
    match switches.layer_cam {
        LayerCam::OneLayerMeanPositive | LayerCam::OneLayerPositive => vec![last],
        LayerCam::SeveralLayersDeviation | LayerCam::SeveralLayersPositive => {
            let raw = last_convolution(network.config().architecture);
            let maps: Vec<_> = (network.taps().iter())
                .filter(|tap| Some(tap.name.as_str()) != raw && tap.stride >= 4)
                .collect();
            let deepest = maps.iter().map(|tap| tap.stride).max().unwrap_or(0);
            let mut taps: Vec<String> = (maps.iter().enumerate())
                .filter(|(index, tap)| {
                    tap.stride < deepest
                        && maps[index + 1..]
                            .iter()
                            .all(|later| later.stride != tap.stride)
                })
                .map(|(_, tap)| tap.name.clone())
                .collect();
            taps.push(last);
            taps
        }
    }
}

/// Whether a method is made at the taps of [`layer_cam_taps`].
pub fn at_several_taps(method: Method) -> bool {
    method == Method::LayerCam
}

#[cfg(test)]
mod tests {
    use cnn_zoo::{BackboneConfig, build};

    use super::*;
    use crate::config::Protocol;

    #[test]
    fn every_network_has_the_taps_of_every_protocol() {
        for architecture in Architecture::ALL {
            let config = BackboneConfig {
                width: 0.03,
                input_size: [96, 96],
                ..BackboneConfig::new(architecture)
            };
            let network = build(&config, 1, &candle_core::Device::Cpu).unwrap();
            let known: Vec<&str> = network.taps().iter().map(|tap| tap.name.as_str()).collect();
            for protocol in [Protocol::Published, Protocol::Released, Protocol::Rigorous] {
                let switches = Switches::of(protocol);
                let taps = layer_cam_taps(network.as_ref(), &switches);
                assert!(
                    taps.iter().all(|tap| known.contains(&tap.as_str())),
                    "{architecture}, {protocol}: {taps:?} of {known:?}"
                );
                let several = switches.layer_cam != LayerCam::OneLayerMeanPositive;
                assert_eq!(
                    taps.len() > 1,
                    several,
                    "{architecture}, {protocol}: {taps:?}"
                );
                assert_eq!(taps.last(), Some(&tap(network.as_ref(), switches.tap)));
            }
        }
    }

    #[test]
    fn the_released_protocol_is_the_preset_of_the_released_code_where_one_layer_is_explained() {
        let ours = semantics(&Switches::of(Protocol::Released));
        let preset = Semantics::paper_released_code();
        assert_eq!(ours.score_cam, preset.score_cam);
        assert_eq!(ours.layer_cam, preset.layer_cam);
        assert_eq!(ours.resize, preset.resize);
        assert_eq!(ours.normalise, preset.normalise);
        assert_eq!(ours.grad_cam_plus_plus, preset.grad_cam_plus_plus);
    }
}
