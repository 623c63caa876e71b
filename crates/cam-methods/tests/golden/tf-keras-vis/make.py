# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["tf-keras-vis==0.8.7", "tensorflow-cpu==2.21.0", "keras==3.15.1", "numpy==2.4.6", "scipy==1.17.1", "pillow"]
# ///
"""Heatmaps of tf-keras-vis on Keras applications: <network>.json and <network>.png beside this file.

The networks are narrowed to a quarter of their channels through their own configuration; every tensor is set by the
closed rule of cnn-zoo's fixtures under its PyTorch name. The maps of all cases are one 16-bit picture, one below the
other. Cases named `positive_grad_cam` are what the Layer-CAM of tf-keras-vis 0.8.0 and 0.8.1 computes: Grad-CAM with
rectified gradients.
"""

import json
import pathlib
import re

import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam
from tf_keras_vis.scorecam import Scorecam
from tf_keras_vis.utils.scores import CategoricalScore

HERE = pathlib.Path(__file__).parent
WIDTH, CLASSES, SIZE = 0.25, 2, (96, 64)
TARGETS = [1, 0, 1]
FASTER = 10
#: Largest difference between maps in single and in double precision for a case to be kept.
ALIKE = 5e-5


def noise(name, count):
    """The rule of crates/cnn-zoo/tests/golden/rule.py."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001B3) % 2**64
    x = np.sin((np.arange(count, dtype=np.float64) + 1) * 12.9898 + key % 100003 / 100003 * 78.233) * 43758.5453
    return 2 * (x - np.floor(x)) - 1


def fill(name, shape):
    values = noise(name, int(np.prod(shape)))
    if len(shape) > 1:
        values = values * np.sqrt(6 / np.prod(shape[1:]))
    elif name.endswith(("running_var", "weight")):
        values = 1 + 0.3 * values
    else:
        values = 0.1 * values
    return values.astype(np.float32).reshape(shape)


def resnet50(name):
    if found := re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", name):
        stage, block, part, kind = int(found[1]) - 1, int(found[2]) - 1, found[3], found[4]
        if part == "0":
            return f"layer{stage}.{block}.downsample.{0 if kind == 'conv' else 1}"
        return f"layer{stage}.{block}.{kind}{part}"
    return {"conv1_conv": "conv1", "conv1_bn": "bn1", "predictions": "fc"}[name]


CONVOLUTIONS = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
BLOCKS = [(b, c) for b, count in zip(range(1, 6), (2, 2, 3, 3, 3)) for c in range(1, count + 1)]


def vgg16(name):
    if found := re.fullmatch(r"block(\d)_conv(\d)", name):
        return f"features.{CONVOLUTIONS[BLOCKS.index((int(found[1]), int(found[2])))]}"
    return {"fc1": "classifier.0", "fc2": "classifier.3", "predictions": "classifier.6"}[name]


#: builder, names, our taps with Keras' layers: the last activation, and where tf-keras-vis looks by itself
NETWORKS = {
    "resnet50": (
        keras.applications.ResNet50,
        resnet50,
        {"layer4": "conv5_block3_out", "layer4.2.conv3": "conv5_block3_3_conv", "layer3": "conv4_block6_out"},
    ),
    "vgg16": (keras.applications.VGG16, vgg16, {"features.29": "block5_conv3", "features.22": "block4_conv3"}),
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
    return keras.Model.from_config(config)


def set_by_rule(model, name_of):
    flat = None
    for layer in model.layers:
        if isinstance(layer, keras.layers.Flatten):
            flat = layer.input.shape[1:]
        values = []
        for variable in layer.weights:
            name, shape = name_of(layer.name), tuple(variable.shape)
            if variable.name == "kernel" and len(shape) == 4:
                h, w, i, o = shape
                values.append(fill(f"{name}.weight", (o, i, h, w)).transpose(2, 3, 1, 0))
            elif variable.name == "kernel":
                kernel = fill(f"{name}.weight", shape[::-1])
                if name == "classifier.0":  # Keras flattens [height, width, channel]
                    h, w, c = flat
                    kernel = kernel.reshape(-1, c, h, w).transpose(0, 2, 3, 1).reshape(-1, h * w * c)
                values.append(kernel.T)
            else:
                part = {
                    "bias": "bias",
                    "gamma": "weight",
                    "beta": "bias",
                    "moving_mean": "running_mean",
                    "moving_variance": "running_var",
                }[variable.name]
                values.append(fill(f"{name}.{part}", shape))
        if values:
            layer.set_weights(values)


METHODS = {
    "grad_cam": (Gradcam, {}),
    "grad_cam_plus_plus": (GradcamPlusPlus, {}),
    "layer_cam": (Layercam, {}),
    "positive_grad_cam": (Gradcam, {"gradient_modifier": keras.ops.relu}),
    "score_cam": (Scorecam, {}),
    "faster_score_cam": (Scorecam, {"max_N": FASTER}),
}


def maps_of(name, precision):
    """Maps of every case in a precision, and the logits."""
    keras.backend.clear_session()
    keras.backend.set_floatx(precision)
    build, name_of, taps = NETWORKS[name]
    model = narrow(build(weights=None, input_shape=(*SIZE, 1), classes=CLASSES, classifier_activation=None))
    set_by_rule(model, name_of)
    # single precision first, so that both see the same numbers
    images = (0.5 + 0.5 * noise("images", 3 * SIZE[0] * SIZE[1])).astype(np.float32).reshape(3, *SIZE, 1)
    images = images.astype(precision)
    logits = np.asarray(model(images))
    found = {}
    for tap, layer in taps.items():
        for method, (kind, options) in METHODS.items():
            # the weights of its Score-CAM are in single precision whatever the network's
            if "score" in method and (tap != list(taps)[0] or precision == "float64"):
                continue
            each = []
            # Faster Score-CAM takes the union of a batch's channels: one image at a time
            for i, target in enumerate(TARGETS):
                # Grad-CAM++ multiplies by exp(score), which overflows; an offset of the score changes nothing else
                offset = float(logits[i, target]) if "plus" in method else 0.0
                cam = kind(model, clone=False)(
                    lambda output, target=target, offset=offset: (output[0, target] - offset,)
                    if "plus" in method
                    else CategoricalScore([target])(output),
                    images[i : i + 1],
                    penultimate_layer=layer,
                    seek_penultimate_conv_layer=False,
                    **options,
                )
                each.append(np.asarray(cam)[0])
            found[method, tap] = np.stack(each)
            print(name, precision, tap, method, flush=True)
    return found, logits


def run(name):
    (single, _), (double, logits) = (maps_of(name, precision) for precision in ("float32", "float64"))
    cases, maps = [], []
    for (method, tap), values in single.items():
        values = double.get((method, tap), values)
        apart = np.abs(single[method, tap] - values).max()
        if apart > ALIKE:
            # alpha divides by 2 + g sum(A), which passes through zero where gradients are negative
            print(f"left out: {name} {tap} {method}, whose single precision is off by {apart:.1e}", flush=True)
            continue
        cases.append({"method": method, "taps": [tap]})
        maps.append(values[:, ::2, ::2].reshape(-1, SIZE[1] // 2))
    picture = np.round(np.concatenate(maps) * 65535).astype(np.uint16)
    Image.fromarray(picture).save(HERE / f"{name}.png", optimize=True)
    fixture = {
        "source": f"tf-keras-vis 0.8.7, TensorFlow {tf.__version__}, Keras {keras.__version__}",
        "width": WIDTH,
        "size": SIZE,
        "step": 2,
        "targets": TARGETS,
        "faster_channels": FASTER,
        "logits": [round(float(v), 6) for v in logits.flatten()],
        "cases": cases,
    }
    (HERE / f"{name}.json").write_text(json.dumps(fixture, indent=1) + "\n")


if __name__ == "__main__":
    for network in NETWORKS:
        run(network)
