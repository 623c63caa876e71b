//! Heatmaps of tf-keras-vis 0.8.7 on Keras' ResNet50 and VGG16 (`golden/tf-keras-vis`).
#![allow(clippy::unwrap_used)]

mod common;

use cam_methods::Semantics;
use cnn_zoo::Convention;
use common::fixture::Fixture;

#[test]
fn resnet50() {
    Fixture::read("tf-keras-vis", "resnet50").check(Convention::Keras, &Semantics::tf_keras_vis());
}

#[test]
fn vgg16() {
    Fixture::read("tf-keras-vis", "vgg16").check(Convention::Keras, &Semantics::tf_keras_vis());
}
