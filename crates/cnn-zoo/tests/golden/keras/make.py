# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "torch==2.9.1", "keras==3.15.1"]
# ///
"""Reference activations and losses of the Keras convention.

Run: python make.py    (writes <network>.json beside itself)

Keras applications run on the PyTorch backend in double precision, narrowed through their own
configuration, with every tensor set by the rule of ../rule.py under its PyTorch name.
"""

import json
import os
import pathlib
import re
import sys

os.environ["KERAS_BACKEND"] = "torch"
HERE = pathlib.Path(__file__).parent
TORCH = HERE.parent / "torch"
sys.path.insert(0, str(HERE.parent))

import keras
import numpy as np
import torch
import torch.nn.functional as F
from keras import layers
from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

from keras.src.backend.common import dtypes

from rule import CLASSES, WIDTH, batch, fill, summary

# Outside TensorFlow Keras turns double precision into single wherever two types meet, in a batch
# norm for one. Here it shall do as with TensorFlow.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"

VGG = {f"block{b}_conv{c}": i for (b, c), i in zip(
    [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (4, 1), (4, 2), (4, 3), (5, 1), (5, 2), (5, 3)],
    [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28],
)}


def auto_index(name: str) -> int | None:
    """The number Keras gives an unnamed layer: `conv2d_7` is 7, `conv2d` is 0."""
    found = re.fullmatch(r"(?:conv2d|batch_normalization)(?:_(\d+))?", name)
    return None if found is None else int(found[1] or 0)


def resnet50(name):
    if found := re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", name):
        stage, block, part, kind = int(found[1]) - 1, int(found[2]) - 1, found[3], found[4]
        if part == "0":
            return f"layer{stage}.{block}.downsample.{0 if kind == 'conv' else 1}"
        return f"layer{stage}.{block}.{kind}{part}"
    return {"conv1_conv": "conv1", "conv1_bn": "bn1", "predictions": "fc"}[name]


def vgg16(name):
    if name in VGG:
        return f"features.{VGG[name]}"
    return {"fc1": "classifier.0", "fc2": "classifier.3", "predictions": "classifier.6"}[name]


def densenet121(name):
    if found := re.fullmatch(r"conv(\d)_block(\d+)_(0_bn|1_conv|1_bn|2_conv)", name):
        part = {"0_bn": "norm1", "1_conv": "conv1", "1_bn": "norm2", "2_conv": "conv2"}[found[3]]
        return f"features.denseblock{int(found[1]) - 1}.denselayer{found[2]}.{part}"
    if found := re.fullmatch(r"pool(\d)_(bn|conv)", name):
        part = "norm" if found[2] == "bn" else "conv"
        return f"features.transition{int(found[1]) - 1}.{part}"
    return {
        "conv1_conv": "features.conv0",
        "conv1_bn": "features.norm0",
        "bn": "features.norm5",
        "predictions": "classifier",
    }[name]


def in_creation_order(network, name):
    """Keras numbers the unnamed layers in the order in which PyTorch registers them."""
    state = json.loads((TORCH / "state" / f"{network}.json").read_text())
    units = [n.removesuffix(".conv.weight") for n in state if n.endswith(".conv.weight")]
    part = "conv" if name.startswith("conv2d") else "bn"
    return f"{units[auto_index(name)]}.{part}"


def inception_v3(name):
    return "fc" if name == "predictions" else in_creation_order("inception_v3", name)


def inception_resnet_v2(name):
    if found := re.fullmatch(r"block(35|17|8)_(\d+)_conv", name):
        if found[0] == "block8_10_conv":
            return "block8.conv2d"
        group = {"35": "repeat", "17": "repeat_1", "8": "repeat_2"}[found[1]]
        return f"{group}.{int(found[2]) - 1}.conv2d"
    named = {"conv_7b": "conv2d_7b.conv", "conv_7b_bn": "conv2d_7b.bn", "predictions": "classif"}
    return named[name] if name in named else in_creation_order("inception_resnet_v2", name)


def xception(name):
    if (index := auto_index(name)) is not None:
        part = "skip" if name.startswith("conv2d") else "skipbn"
        return f"block{[1, 2, 3, 12][index]}.{part}"
    if found := re.fullmatch(r"block(\d+)_sepconv(\d)(_bn)?", name):
        block, layer, norm = int(found[1]), int(found[2]), found[3] is not None
        if block == 14:
            return f"{'bn' if norm else 'conv'}{layer + 2}"
        return f"block{block - 1}.rep.{3 * (layer - 1) + (block > 2) + norm}"
    return {
        "block1_conv1": "conv1",
        "block1_conv1_bn": "bn1",
        "block1_conv2": "conv2",
        "block1_conv2_bn": "bn2",
        "predictions": "fc",
    }[name]


apps = keras.applications
# builder, edge, name of a layer's tensors, taps
NETWORKS = {
    "resnet50": (apps.ResNet50, 96, resnet50, {
        "bn1.relu": "conv1_relu",
        "layer1": "conv2_block3_out",
        "layer2": "conv3_block4_out",
        "layer3": "conv4_block6_out",
        "layer4.2.conv3": "conv5_block3_3_conv",
        "layer4": "conv5_block3_out",
    }),
    "vgg16": (apps.VGG16, 96, vgg16, {
        "features.3": "block1_conv2",
        "features.8": "block2_conv2",
        "features.15": "block3_conv3",
        "features.22": "block4_conv3",
        "features.29": "block5_conv3",
    }),
    "densenet121": (apps.DenseNet121, 96, densenet121, {
        "features.norm0.relu": "conv1_relu",
        "features.transition1.norm.relu": "pool2_relu",
        "features.transition2.norm.relu": "pool3_relu",
        "features.transition3.norm.relu": "pool4_relu",
        "features.denseblock4.denselayer16.conv2": "conv5_block16_2_conv",
        "features.norm5.relu": "relu",
    }),
    "inception_v3": (apps.InceptionV3, 128, inception_v3, {
        "Conv2d_4a_3x3": "activation_4",
        "Mixed_5d": "mixed2",
        "Mixed_6e": "mixed7",
        "Mixed_7c.branch_pool.conv": "conv2d_93",
        "Mixed_7c": "mixed10",
    }),
    "inception_resnet_v2": (apps.InceptionResNetV2, 128, inception_resnet_v2, {
        "conv2d_4a": "activation_4",
        "repeat": "block35_10_ac",
        "repeat_1": "block17_20_ac",
        "conv2d_7b.conv": "conv_7b",
        "conv2d_7b": "conv_7b_ac",
    }),
    "xception": (apps.Xception, 107, xception, {
        "bn2.relu": "block1_conv2_act",
        "block1": "add",
        "block2": "add_1",
        "block11": "add_10",
        "conv4": "block14_sepconv2",
        "bn4.relu": "block14_sepconv2_act",
    }),
}


def narrow(model):
    config = model.get_config()
    for layer in config["layers"]:
        layer.pop("build_config", None)
        inner = layer["config"]
        if "filters" in inner:
            inner["filters"] = round(inner["filters"] * WIDTH)
        if "units" in inner and inner["units"] != CLASSES:
            inner["units"] = round(inner["units"] * WIDTH)
    return keras.Model.from_config(config, custom_objects={"CustomScaleLayer": CustomScaleLayer})


def rule(name, shape):
    return fill(name, shape).numpy()


def set_by_rule(model, name_of):
    flat = None
    for layer in model.layers:
        if isinstance(layer, layers.Flatten):
            flat = layer.input.shape[1:]
        if not layer.weights:
            continue
        name = name_of(layer.name)
        values = []
        for variable in layer.weights:
            shape = tuple(variable.shape)
            if variable.name == "kernel" and len(shape) == 4:
                h, w, i, o = shape
                values.append(rule(f"{name}.weight", (o, i, h, w)).transpose(2, 3, 1, 0))
            elif variable.name == "pointwise_kernel":
                h, w, i, o = shape
                values.append(rule(f"{name}.pointwise.weight", (o, i, h, w)).transpose(2, 3, 1, 0))
            elif variable.name == "depthwise_kernel":
                h, w, c, _ = shape
                values.append(rule(f"{name}.conv1.weight", (c, 1, h, w)).transpose(2, 3, 0, 1))
            elif variable.name == "kernel":
                values_t = rule(f"{name}.weight", shape[::-1])
                if name == "classifier.0":  # Keras flattens [height, width, channel]
                    h, w, c = flat
                    values_t = values_t.reshape(-1, c, h, w).transpose(0, 2, 3, 1).reshape(-1, h * w * c)
                values.append(values_t.T)
            else:
                part = {
                    "bias": "bias",
                    "gamma": "weight",
                    "beta": "bias",
                    "moving_mean": "running_mean",
                    "moving_variance": "running_var",
                }[variable.name]
                values.append(rule(f"{name}.{part}", shape))
        layer.set_weights(values)


def channel_first(x):
    return x.permute(0, 3, 1, 2) if x.ndim == 4 else x


def make(name, dtype):
    keras.backend.clear_session()
    keras.backend.set_floatx(dtype)
    build, edge, name_of, taps = NETWORKS[name]
    model = narrow(build(
        weights=None, input_shape=(edge, edge, 1), classes=CLASSES, classifier_activation=None
    ))
    set_by_rule(model, name_of)
    shape = (4, 1, edge, edge)
    images = batch(shape).to(getattr(torch, dtype)).permute(0, 2, 3, 1)
    probe = keras.Model(model.input, [model.get_layer(t).output for t in taps.values()] + [model.output])
    with torch.no_grad():
        *activations, logits = probe(images, training=False)
    result = {
        "width": WIDTH,
        "images": list(shape),
        "logits": logits.flatten().tolist(),
        "taps": {t: summary(channel_first(x)) for t, x in zip(taps, activations)},
    }
    with torch.no_grad():
        result["train_logits"] = model(images, training=True).flatten().tolist()
    set_by_rule(model, name_of)
    labels = torch.tensor([0, 1, 1, 0])
    optimiser = torch.optim.SGD(
        [v.value for v in model.trainable_variables], lr=0.0002, momentum=0.9, nesterov=True
    )
    losses = []
    for _ in range(20):
        loss = F.cross_entropy(model(images, training=True), labels)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    result["losses"] = losses
    return result


if __name__ == "__main__":
    for network in sys.argv[1:] or NETWORKS:
        single, double = (make(network, dtype) for dtype in ("float32", "float64"))
        for key in ("train_logits", "losses"):
            gap = np.abs(np.array(single[key]) - np.array(double[key]))
            double[f"{key}_noise"] = gap.max()
        text = json.dumps(double, indent=1)
        (HERE / f"{network}.json").write_text(text + "\n")
        print(network, len(text), flush=True)
