//! Names of the layers of `keras.applications`, and which of this crate's layers each one is.
//!
//! Source: `keras_applications` 1.0.8 and Keras 3. Layers that Keras names itself (`conv2d_7`)
//! are numbered in the order in which the model makes them, which is this crate's order too, but
//! from a number that depends on what else the session had made: only their rank counts.

use crate::architecture::Architecture;
use crate::parameters::Parameters;

/// A layer's place among those that Keras named and numbered itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Convolution,
    Norm,
}

/// The kind and number of a layer that Keras named itself.
pub(super) fn auto_number(name: &str) -> Option<(Kind, usize)> {
    [
        ("conv2d", Kind::Convolution),
        ("batch_normalization_v1", Kind::Norm),
        ("batch_normalization", Kind::Norm),
    ]
    .into_iter()
    .find_map(|(prefix, kind)| {
        let rest = name.strip_prefix(prefix)?;
        let number = match rest.strip_prefix('_') {
            None if rest.is_empty() => 0,
            None => return None,
            Some(digits) => digits.parse().ok()?,
        };
        Some((kind, number))
    })
}

/// This crate's name of a layer, given its rank if Keras named it itself.
pub(super) fn layer(
    architecture: Architecture,
    parameters: &Parameters,
    name: &str,
    rank: Option<(Kind, usize)>,
) -> Option<String> {
    if let Some((kind, rank)) = rank {
        return automatic(architecture, parameters, kind, rank);
    }
    match architecture {
        Architecture::ResNet50 => resnet(name),
        Architecture::Vgg16 => vgg(name),
        Architecture::DenseNet121 => densenet(name),
        Architecture::InceptionV3 => one_of(&[("predictions", "fc")], name),
        Architecture::InceptionResNetV2 => inception_resnet(name),
        Architecture::Xception => xception(name),
        _ => None,
    }
}

fn automatic(
    architecture: Architecture,
    parameters: &Parameters,
    kind: Kind,
    rank: usize,
) -> Option<String> {
    let part = match kind {
        Kind::Convolution => "conv",
        Kind::Norm => "bn",
    };
    match architecture {
        Architecture::Xception => {
            let block = [1, 2, 3, 12].get(rank)?;
            let part = if kind == Kind::Norm { "skipbn" } else { "skip" };
            Some(format!("block{block}.{part}"))
        }
        Architecture::InceptionV3 | Architecture::InceptionResNetV2 => parameters
            .iter()
            .filter_map(|p| p.name().strip_suffix(".conv.weight"))
            .filter(|unit| *unit != "conv2d_7b")
            .nth(rank)
            .map(|unit| format!("{unit}.{part}")),
        _ => None,
    }
}

fn one_of(table: &[(&str, &str)], name: &str) -> Option<String> {
    table
        .iter()
        .find(|(keras, _)| *keras == name)
        .map(|(_, ours)| (*ours).to_owned())
}

/// The parts of a name, `conv2_block1_0_bn` for example.
fn parts(name: &str) -> Vec<&str> {
    name.split('_').collect()
}

/// A number behind a prefix.
fn number(text: &str, prefix: &str) -> Option<usize> {
    text.strip_prefix(prefix)?.parse().ok()
}

fn resnet(name: &str) -> Option<String> {
    let table = [
        ("conv1_conv", "conv1"),
        ("conv1_bn", "bn1"),
        ("predictions", "fc"),
        ("probs", "fc"),
    ];
    one_of(&table, name).or_else(|| {
        let [stage, block, part, kind @ ("conv" | "bn")] = parts(name)[..] else {
            return None;
        };
        let stage = number(stage, "conv")?.checked_sub(1)?;
        let block = number(block, "block")?.checked_sub(1)?;
        Some(match part {
            "0" if kind == "conv" => format!("layer{stage}.{block}.downsample.0"),
            "0" => format!("layer{stage}.{block}.downsample.1"),
            _ => format!("layer{stage}.{block}.{kind}{part}"),
        })
    })
}

fn vgg(name: &str) -> Option<String> {
    let table = [
        ("fc1", "classifier.0"),
        ("fc2", "classifier.3"),
        ("predictions", "classifier.6"),
    ];
    one_of(&table, name).or_else(|| {
        let [block, conv] = parts(name)[..] else {
            return None;
        };
        let block = number(block, "block")?.checked_sub(1)?;
        let conv = number(conv, "conv")?.checked_sub(1)?;
        // Two, two, three, three and three convolutions, each with a ReLU, and a pool.
        let start = [0, 5, 10, 17, 24].get(block)?;
        Some(format!("features.{}", start + 2 * conv))
    })
}

fn densenet(name: &str) -> Option<String> {
    let table = [
        ("conv1_conv", "features.conv0"),
        ("conv1_bn", "features.norm0"),
        ("conv1/conv", "features.conv0"),
        ("conv1/bn", "features.norm0"),
        ("bn", "features.norm5"),
        ("predictions", "classifier"),
        ("fc1000", "classifier"),
    ];
    one_of(&table, name).or_else(|| match parts(name)[..] {
        [stage, block, part, kind] => {
            let stage = number(stage, "conv")?.checked_sub(1)?;
            let layer = number(block, "block")?;
            let part = match (part, kind) {
                ("0", "bn") => "norm1",
                ("1", "conv") => "conv1",
                ("1", "bn") => "norm2",
                ("2", "conv") => "conv2",
                _ => return None,
            };
            Some(format!(
                "features.denseblock{stage}.denselayer{layer}.{part}"
            ))
        }
        [pool, kind @ ("bn" | "conv")] => {
            let part = if kind == "bn" { "norm" } else { "conv" };
            let stage = number(pool, "pool")?.checked_sub(1)?;
            Some(format!("features.transition{stage}.{part}"))
        }
        _ => None,
    })
}

fn inception_resnet(name: &str) -> Option<String> {
    let table = [
        ("conv_7b", "conv2d_7b.conv"),
        ("conv_7b_bn", "conv2d_7b.bn"),
        ("predictions", "classif"),
        ("block8_10_conv", "block8.conv2d"),
    ];
    one_of(&table, name).or_else(|| {
        let [block, index, "conv"] = parts(name)[..] else {
            return None;
        };
        let group = one_of(
            &[
                ("block35", "repeat"),
                ("block17", "repeat_1"),
                ("block8", "repeat_2"),
            ],
            block,
        )?;
        let index = index.parse::<usize>().ok()?.checked_sub(1)?;
        Some(format!("{group}.{index}.conv2d"))
    })
}

fn xception(name: &str) -> Option<String> {
    let table = [
        ("block1_conv1", "conv1"),
        ("block1_conv1_bn", "bn1"),
        ("block1_conv2", "conv2"),
        ("block1_conv2_bn", "bn2"),
        ("block14_sepconv1", "conv3"),
        ("block14_sepconv1_bn", "bn3"),
        ("block14_sepconv2", "conv4"),
        ("block14_sepconv2_bn", "bn4"),
        ("predictions", "fc"),
    ];
    one_of(&table, name).or_else(|| {
        let (block, layer, norm) = match parts(name)[..] {
            [block, layer] => (block, layer, 0),
            [block, layer, "bn"] => (block, layer, 1),
            _ => return None,
        };
        let block = number(block, "block")?.checked_sub(1)?;
        let layer = number(layer, "sepconv")?.checked_sub(1)?;
        let relu = usize::from(block > 1);
        Some(format!("block{block}.rep.{}", 3 * layer + relu + norm))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_keras_are_read() {
        assert_eq!(auto_number("conv2d"), Some((Kind::Convolution, 0)));
        assert_eq!(auto_number("conv2d_93"), Some((Kind::Convolution, 93)));
        let norm = Some((Kind::Norm, 7));
        assert_eq!(auto_number("batch_normalization_7"), norm);
        assert_eq!(auto_number("batch_normalization_v1_7"), norm);
        assert_eq!(auto_number("conv2d_transpose"), None);
        assert_eq!(auto_number("conv_7b"), None);
    }

    #[test]
    fn layers_known_by_name() {
        assert_eq!(vgg("block3_conv3").as_deref(), Some("features.14"));
        assert_eq!(
            resnet("conv5_block3_3_conv").as_deref(),
            Some("layer4.2.conv3")
        );
        assert_eq!(
            xception("block13_sepconv2_bn").as_deref(),
            Some("block12.rep.5")
        );
        assert_eq!(
            densenet("pool4_bn").as_deref(),
            Some("features.transition3.norm")
        );
        assert_eq!(resnet("conv0_block0_0_conv"), None);
    }
}
