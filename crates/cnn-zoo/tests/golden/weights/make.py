# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "torch==2.9.1", "torchvision==0.24.1", "timm==1.0.22", "keras==3.15.1", "h5py==3.16.0"]
# ///
"""Small files of weights as PyTorch and Keras write them.

Run: python make.py    (writes the files beside itself)

The networks are the libraries' own with few channels; every tensor is set by the rule of
../rule.py under this crate's name, so the tests know what each file holds.
"""

import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "torch"
HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "keras"), str(HERE.parent / "torch")]

import importlib.util

import h5py
import keras
import torch

import rule

rule.WIDTH = 1 / 32
VGG_WIDTH = 1 / 64


def load(folder):
    spec = importlib.util.spec_from_file_location(f"make_{folder}", HERE.parent / folder / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.WIDTH = rule.WIDTH
    return module


pytorch = load("torch")
tensorflow = load("keras")


def state_dict(name):
    pytorch.WIDTH = VGG_WIDTH if name == "vgg16" else rule.WIDTH
    model = pytorch.narrow(pytorch.NETWORKS[name][0]())
    pytorch.set_by_rule(model)
    return model.state_dict()


# torchvision's first DenseNet: the old names, the old form of torch.save.
old = {}
for name, tensor in state_dict("densenet121").items():
    if ".denselayer" in name:
        for part in ("norm1", "norm2", "conv1", "conv2"):
            name = name.replace(f".{part}.", f".{part[:-1]}.{part[-1]}.")
    if not name.endswith("num_batches_tracked"):
        old[name] = tensor.half()
torch.save(old, HERE / "densenet121-old.pth", _use_new_zipfile_serialization=False)

# A checkpoint of a training program: nested, wrapped, several types, a strided tensor.
state = {f"module.{name}": tensor for name, tensor in state_dict("vgg16").items()}
state["module.features.2.weight"] = state["module.features.2.weight"].double()
state["module.features.5.weight"] = state["module.features.5.weight"].permute(1, 0, 2, 3).contiguous().permute(1, 0, 2, 3)
state["module.classifier.0.weight"] = state["module.classifier.0.weight"].bfloat16()
state["module.classifier.3.weight"] = torch.nn.Parameter(state["module.classifier.3.weight"])
torch.save({"epoch": 7, "loss": 0.25, "state_dict": state}, HERE / "vgg16.pth")

# timm's names of the same network.
names = {"classifier.0": "pre_logits.fc1", "classifier.3": "pre_logits.fc2", "classifier.6": "head.fc"}
timm = {}
for name, tensor in state_dict("vgg16").items():
    unit, leaf = name.rsplit(".", 1)
    if leaf == "weight" and unit == "classifier.0":
        tensor = tensor.reshape(tensor.shape[0], -1, 7, 7)
    elif leaf == "weight" and unit == "classifier.3":
        tensor = tensor[..., None, None]
    timm[f"{names.get(unit, unit)}.{leaf}"] = tensor.half()
torch.save(timm, HERE / "vgg16-timm.pth", pickle_protocol=4)


class Code:
    def __reduce__(self):
        return os.system, ("true",)


torch.save({"fc.weight": torch.zeros(2, 2), "extra": Code()}, HERE / "code.pth")


def keras_model(name):
    keras.backend.clear_session()
    build, edge, name_of, _ = tensorflow.NETWORKS[name]
    model = tensorflow.narrow(build(weights=None, input_shape=(edge, edge, 1), classes=rule.CLASSES))
    tensorflow.set_by_rule(model, name_of)
    return model


tensorflow.WIDTH = VGG_WIDTH
vgg = keras_model("vgg16")
vgg.save(HERE / "vgg16-model.h5")
vgg.save_weights(HERE / "vgg16.weights.h5")
tensorflow.WIDTH = rule.WIDTH
model = keras_model("xception")


def later(name):
    """The name in a session that had made other layers before."""
    for prefix in ("conv2d", "batch_normalization"):
        if (index := tensorflow.auto_index(name)) is not None and name.startswith(prefix):
            return f"{prefix}_{index + 188}"
    return name


# Weights alone, as TensorFlow 2 wrote them: fixed-length names, no group around the layers.
with h5py.File(HERE / "xception-tf.h5", "w", libver="latest") as file:
    file.attrs["layer_names"] = [later(layer.name).encode() for layer in model.layers]
    for layer in model.layers:
        name = later(layer.name)
        group = file.create_group(name)
        tensors = [(f"{name}/{v.name}:0", v.numpy()) for v in layer.weights]
        group.attrs["weight_names"] = [key.encode() for key, _ in tensors] or h5py.Empty("S1")
        for key, values in tensors:
            group[key] = values
