//! Heatmaps of pytorch-grad-cam 1.5.5 on torchvision's ResNet50, VGG16 and DenseNet121 (`golden/pytorch-grad-cam`).
#![allow(clippy::unwrap_used)]

mod common;

use cam_methods::Semantics;
use cnn_zoo::Convention;
use common::fixture::Fixture;

fn check(name: &str) {
    Fixture::read("pytorch-grad-cam", name)
        .check(Convention::Torch, &Semantics::pytorch_grad_cam());
}

#[test]
fn resnet50() {
    check("resnet50");
}

#[test]
fn vgg16() {
    check("vgg16");
}

#[test]
fn densenet121() {
    check("densenet121");
}
