//! What a file of Keras offers a network.

use std::collections::BTreeMap;

use crate::architecture::Architecture;
use crate::backbone::Backbone;
use crate::parameters::Parameters;
use crate::weights::change::Change;
use crate::weights::import::Offer;
use crate::weights::keras::KerasFile;
use crate::weights::keras_names::{self, Kind};
use crate::weights::keras_order;

/// The tensors of a Keras file under this crate's names; what cannot be named keeps Keras's.
pub(super) fn keras_offers(network: &dyn Backbone, file: &KerasFile) -> BTreeMap<String, Offer> {
    let architecture = network.config().architecture;
    let parameters = network.parameters();
    let numbers = |kind: Kind| {
        let mut numbers: Vec<usize> = file
            .layers
            .iter()
            .filter_map(|layer| keras_names::auto_number(&layer.name))
            .filter(|(k, _)| *k == kind)
            .map(|(_, number)| number)
            .collect();
        numbers.sort_unstable();
        numbers
    };
    let (convolutions, norms) = (numbers(Kind::Convolution), numbers(Kind::Norm));
    let mut offers = BTreeMap::new();
    for layer in &file.layers {
        let unit = if file.by_class {
            keras_order::layer(architecture, &layer.name)
        } else {
            let rank = keras_names::auto_number(&layer.name).and_then(|(kind, number)| {
                let among = match kind {
                    Kind::Convolution => &convolutions,
                    Kind::Norm => &norms,
                };
                Some((kind, among.binary_search(&number).ok()?))
            });
            keras_names::layer(architecture, parameters, &layer.name, rank)
        };
        let members: Vec<String> = unit
            .map(|unit| members(parameters, &unit))
            .unwrap_or_default();
        for (index, stored) in layer.tensors.iter().enumerate() {
            let member = members.get(index).cloned();
            let name = member.unwrap_or_else(|| stored.clone());
            let change = change_for(network, &name);
            let stored = stored.clone();
            offers.insert(name, Offer { stored, change });
        }
    }
    offers
}

/// The tensors of a layer, in the order of this crate, which is Keras's within a layer.
fn members(parameters: &Parameters, unit: &str) -> Vec<String> {
    parameters
        .iter()
        .map(|p| p.name())
        .filter(|name| {
            name.strip_prefix(unit).is_some_and(|rest| {
                let leaf = rest.strip_prefix('.').unwrap_or_default();
                !leaf.contains('.') && !leaf.is_empty()
                    || matches!(leaf, "conv1.weight" | "pointwise.weight")
            })
        })
        .map(str::to_owned)
        .collect()
}

fn change_for(network: &dyn Backbone, name: &str) -> Change {
    let Some(parameter) = network.parameters().get(name) else {
        return Change::None;
    };
    match *parameter.tensor().dims() {
        [_, 1, _, _] if is_depthwise(network.parameters(), name) => Change::Depthwise,
        [_, _, _, _] => Change::Convolution,
        [_, inputs] => match flattened_map(network, name) {
            Some([h, w, c]) if c * h * w == inputs => Change::DenseOfMap([h, w, c]),
            _ => Change::Dense,
        },
        _ => Change::None,
    }
}

/// Rows, columns and channels of the map that a dense layer reads, if it reads one.
fn flattened_map(network: &dyn Backbone, dense: &str) -> Option<[usize; 3]> {
    let config = network.config();
    if config.architecture != Architecture::Vgg16 || dense != "classifier.0.weight" {
        return None;
    }
    let [height, width] = config.input_size.map(|edge| edge >> 5);
    Some([height, width, config.channels(512)])
}

/// Whether a pointwise kernel belongs to it.
fn is_depthwise(parameters: &Parameters, name: &str) -> bool {
    name.strip_suffix("conv1.weight")
        .is_some_and(|unit| parameters.get(&format!("{unit}pointwise.weight")).is_some())
}
