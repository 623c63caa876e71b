//! Names of PyTorch state dicts, as torchvision, timm and older programs have written them.

use crate::architecture::Architecture;

/// PyTorch's count of batches, which nothing here needs.
const COUNTER: &str = ".num_batches_tracked";
/// Heads that only help training: torchvision's of Inception V3.
const AUXILIARY: &str = "AuxLogits.";
/// What `DataParallel` puts before every name.
const PARALLEL: &str = "module.";

/// This crate's name of a tensor; `None` if no network here has a use for it.
pub(super) fn rename(architecture: Architecture, stored: &str) -> Option<String> {
    let name = stored.strip_prefix(PARALLEL).unwrap_or(stored);
    if name.ends_with(COUNTER) || name.starts_with(AUXILIARY) {
        return None;
    }
    let renamed = match architecture {
        Architecture::DenseNet121 => densenet(name),
        Architecture::Vgg16 => vgg(name),
        Architecture::InceptionResNetV2 => head(name, "last_linear", "classif"),
        Architecture::Xception => head(name, "last_linear", "fc"),
        Architecture::InceptionV4 => head(name, "classif", "last_linear"),
        _ => None,
    };
    Some(renamed.unwrap_or_else(|| name.to_owned()))
}

fn head(name: &str, from: &str, to: &str) -> Option<String> {
    let leaf = name.strip_prefix(from)?;
    leaf.starts_with('.').then(|| format!("{to}{leaf}"))
}

/// torchvision's first weights: `denselayer1.norm.1.weight` for `denselayer1.norm1.weight`.
fn densenet(name: &str) -> Option<String> {
    if !name.contains(".denselayer") {
        return None;
    }
    ["norm.1", "norm.2", "conv.1", "conv.2"]
        .into_iter()
        .find_map(|old| {
            let at = name.find(&format!(".{old}."))?;
            let (before, after) = (&name[..=at], &name[at + 1 + old.len()..]);
            Some(format!("{before}{}{after}", old.replace('.', "")))
        })
}

/// timm's dense layers, the first two of which are convolutions.
fn vgg(name: &str) -> Option<String> {
    [
        ("pre_logits.fc1", "classifier.0"),
        ("pre_logits.fc2", "classifier.3"),
        ("head.fc", "classifier.6"),
    ]
    .into_iter()
    .find_map(|(from, to)| head(name, from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_foreign_names_are_understood() {
        for (architecture, stored, expected) in [
            (
                Architecture::DenseNet121,
                "features.denseblock1.denselayer1.norm.1.running_mean",
                Some("features.denseblock1.denselayer1.norm1.running_mean"),
            ),
            (
                Architecture::DenseNet121,
                "module.features.denseblock4.denselayer16.conv.2.weight",
                Some("features.denseblock4.denselayer16.conv2.weight"),
            ),
            (
                Architecture::DenseNet121,
                "features.transition1.norm.weight",
                Some("features.transition1.norm.weight"),
            ),
            (
                Architecture::Vgg16,
                "pre_logits.fc2.weight",
                Some("classifier.3.weight"),
            ),
            (
                Architecture::Vgg16,
                "head.fc.bias",
                Some("classifier.6.bias"),
            ),
            (Architecture::InceptionV3, "AuxLogits.fc.weight", None),
            (Architecture::ResNet50, "bn1.num_batches_tracked", None),
            (Architecture::Xception, "last_linear.bias", Some("fc.bias")),
        ] {
            assert_eq!(rename(architecture, stored).as_deref(), expected);
        }
    }
}
