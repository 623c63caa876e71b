//! Which layer is meant by a number in Keras 3's `.weights.h5`.
//!
//! Such a file names a layer after its class and counts in the order of `model.layers`. The table
//! is written by `tests/golden/keras/orders.py`.

use crate::architecture::Architecture;

const TABLE: &str = include_str!("keras_order.txt");

/// This crate's name of the layer that a `.weights.h5` calls `name`.
pub(super) fn layer(architecture: Architecture, name: &str) -> Option<String> {
    let (class, number) = match name.rsplit_once('_') {
        Some((class, digits)) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            (class, digits.parse().ok()?)
        }
        _ => (name, 0),
    };
    TABLE.lines().find_map(|line| {
        let mut words = line.split(' ');
        if words.next() != Some(architecture.name()) || words.next() != Some(class) {
            return None;
        }
        words.nth(number).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_in_the_models_order() {
        let of = |name| layer(Architecture::Vgg16, name);
        assert_eq!(of("conv2d").as_deref(), Some("features.0"));
        assert_eq!(of("conv2d_12").as_deref(), Some("features.28"));
        assert_eq!(of("dense_2").as_deref(), Some("classifier.6"));
        assert_eq!(of("conv2d_13"), None);
        assert_eq!(of("batch_normalization"), None);
    }
}
