# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "torch==2.9.1", "torchvision==0.24.1", "timm==1.0.22", "keras==3.15.1", "h5py==3.16.0", "safetensors==0.8.0"]
# ///
"""The full networks against torchvision, timm and Keras: what continuous integration has no time for.

Run: cargo build --release -p cnn-zoo --example parity
     python compare.py PROGRAM [NETWORK/CONVENTION/CASE…]

PROGRAM is the built example. A case is `grey` (three images of 256² × 1, two classes), `colour` (three of
the original size × 3, a thousand classes) or `steps` (twenty SGD steps on four images of 128² × 1). Every
tensor is set by the rule of ../rule.py and reaches the program through the library's own file of weights
(`.pth`; `.h5` and `.weights.h5`), so that reading those is checked too. Prints a line of a Markdown table per
case; the tables of docs/parity.md are made of them.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["KERAS_BACKEND"] = "torch"
HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "torch")]

import keras
import numpy as np
import timm
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import save_file

import rule


def load(folder):
    spec = importlib.util.spec_from_file_location(f"make_{folder}", HERE.parent / folder / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pytorch, kerasside = load("torch"), load("keras")
STEPS = 20
RATE = 5e-5
# The Torch form of VGG16 has dropout, whose masks differ.
FOLLOWED = {"resnet50": "torch", "densenet121": "torch", "xception": "torch", "vgg16": "keras"}
LARGE = {"inception_v3", "inception_v4", "inception_resnet_v2", "xception"}


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
        elif isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def torch_model(name, channels, classes):
    if channels == 1:
        return without_dropout(pytorch.NETWORKS[name][0]())
    tv = torchvision.models
    return without_dropout({
        "resnet50": lambda: tv.resnet50(),
        "vgg16": lambda: tv.vgg16(),
        "densenet121": lambda: tv.densenet121(),
        "inception_v3": lambda: tv.inception_v3(aux_logits=False, init_weights=False),
        "inception_v4": lambda: timm.create_model("inception_v4"),
        "inception_resnet_v2": lambda: timm.create_model("inception_resnet_v2"),
        "xception": lambda: timm.create_model("legacy_xception"),
    }[name]())


def dropout_free(name, convention):
    return not (convention == "torch" and name in ("vgg16", "inception_v3"))


def torch_case(name, shape, classes, steps, folder):
    torch.manual_seed(0)
    model = torch_model(name, shape[1], classes)
    pytorch.set_by_rule(model)
    if steps:
        # Logits of hundreds would make the losses a matter of rounding.
        head = [key for key in model.state_dict() if key.endswith("weight")][-1]
        with torch.no_grad():
            model.state_dict()[head].mul_(0.02)
    torch.save(model.state_dict(), folder / "weights.pth")
    images = rule.batch(shape)
    labels = torch.tensor([0, 1, 1, 0][: shape[0]])
    case = {"images": images, "labels": labels}
    taps = pytorch.NETWORKS[name][2]
    if not steps:
        model.eval()
        logits, seen = pytorch.tapped(model, images, taps)
        logits[:, 1].sum().backward()
        case["logits"] = logits.detach()
        for tap, x in seen.items():
            case[f"tap.{tap}"] = (F.relu(x) if tap.endswith(".relu") else x).detach()
            if not tap.endswith(".relu"):
                case[f"gradient.{tap}"] = x.grad
        del seen
        # The same in double precision, where only mistakes are left of the differences.
        model.zero_grad()
        model.double()
        logits, seen = pytorch.tapped(model, images.double(), taps)
        logits[:, 1].sum().backward()
        case["double.logits"] = logits.detach()
        for tap, x in seen.items():
            case[f"double.tap.{tap}"] = (F.relu(x) if tap.endswith(".relu") else x).detach()
            if not tap.endswith(".relu"):
                case[f"double.gradient.{tap}"] = x.grad
        noise = max(
            ((case[key] - value).norm() / value.norm()).item()
            for key, value in ((k.removeprefix("double."), v) for k, v in case.items() if k.startswith("double.gradient."))
        )
        print(f"{name} gradients: PyTorch's own single precision is off by {noise:.1e}", file=sys.stderr)
        del seen
        model.float()
        if dropout_free(name, "torch"):
            # Batch statistics amplify rounding: double precision, and how far single is from it.
            with torch.no_grad():
                single = model.train()(images)
                model.double()
                pytorch.set_by_rule(model)
                double = case["train_logits"] = model(images.double())
                case["double.train_logits"] = double.clone()
            noise = ((single - double).abs().max() / double.abs().max()).item()
            print(f"{name} training logits: PyTorch's own single precision is off by {noise:.1e}", file=sys.stderr)
    else:
        start = {key: tensor.clone() for key, tensor in model.state_dict().items()}
        single = follow(lambda: model(images), model.train().parameters(), labels)
        model.load_state_dict(start)
        model.double().train()
        case["losses"] = follow(lambda: model(images.double()), model.parameters(), labels)
        case["rate"] = torch.tensor(RATE, dtype=torch.float64)
        noise = (single - case["losses"]).abs().max().item()
        print(f"{name} losses: PyTorch's own single precision is off by {noise:.1e}", file=sys.stderr)
    return case, [folder / "weights.pth"]


def follow(forward, parameters, labels):
    optimiser = torch.optim.SGD(parameters, lr=RATE, momentum=0.9, nesterov=True)
    losses = []
    for _ in range(STEPS):
        loss = F.cross_entropy(forward(), labels)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return torch.tensor(losses, dtype=torch.float64)


def keras_steps(name, shape, folder):
    labels = torch.tensor([0, 1, 1, 0][: shape[0]])
    images = rule.batch(shape)
    files = [folder / "model.h5", folder / "model.weights.h5"]
    losses = {}
    for dtype in ("float32", "float64"):
        keras.backend.clear_session()
        keras.backend.set_floatx(dtype)
        build, _, name_of, _ = kerasside.NETWORKS[name]
        model = build(
            weights=None, input_shape=(*shape[2:], shape[1]), classes=2, classifier_activation=None
        )
        kerasside.set_by_rule(model, name_of)
        kernel, bias = model.layers[-1].get_weights()
        model.layers[-1].set_weights([kernel * 0.02, bias])
        if dtype == "float32":
            model.save(files[0])
            model.save_weights(files[1])
        last = images.permute(0, 2, 3, 1).to(getattr(torch, dtype))
        parameters = [v.value for v in model.trainable_variables]
        losses[dtype] = follow(lambda: model(last, training=True), parameters, labels)
    keras.backend.set_floatx("float32")
    noise = (losses["float32"] - losses["float64"]).abs().max().item()
    print(f"{name} losses: PyTorch's own single precision is off by {noise:.1e}", file=sys.stderr)
    rate = torch.tensor(RATE, dtype=torch.float64)
    return {"images": images, "labels": labels, "losses": losses["float64"], "rate": rate}, files


def keras_case(name, shape, classes, steps, folder):
    if steps:
        return keras_steps(name, shape, folder)
    keras.backend.clear_session()
    build, _, name_of, taps = kerasside.NETWORKS[name]
    model = build(
        weights=None, input_shape=(*shape[2:], shape[1]), classes=classes, classifier_activation=None
    )
    kerasside.set_by_rule(model, name_of)
    files = [folder / "model.h5", folder / "model.weights.h5"]
    model.save(files[0])
    model.save_weights(files[1])
    images = rule.batch(shape)
    last = images.permute(0, 2, 3, 1)
    probe = keras.Model(model.input, [model.get_layer(t).output for t in taps.values()] + [model.output])
    with torch.no_grad():
        *activations, logits = probe(last, training=False)
        case = {"images": images, "logits": logits}
        for tap, x in zip(taps, activations):
            case[f"tap.{tap}"] = kerasside.channel_first(x)
        case["train_logits"] = model(last, training=True)
    # The same in double precision, where only mistakes are left of the differences.
    keras.backend.clear_session()
    keras.backend.set_floatx("float64")
    model = build(
        weights=None, input_shape=(*shape[2:], shape[1]), classes=classes, classifier_activation=None
    )
    kerasside.set_by_rule(model, name_of)
    last = images.double().permute(0, 2, 3, 1)
    probe = keras.Model(model.input, [model.get_layer(t).output for t in taps.values()] + [model.output])
    with torch.no_grad():
        *activations, case["double.logits"] = probe(last, training=False)
        for tap, x in zip(taps, activations):
            case[f"double.tap.{tap}"] = kerasside.channel_first(x)
        double = case["double.train_logits"] = model(last, training=True)
    keras.backend.set_floatx("float32")
    noise = ((case["train_logits"] - double).abs().max() / double.abs().max()).item()
    print(f"{name} training logits: Keras's own single precision is off by {noise:.1e}", file=sys.stderr)
    return case, files


def run(program, name, convention, kind):
    shape, classes = (3, 1, 256, 256), 2
    if kind == "colour":
        edge = 299 if name in LARGE else 224
        shape, classes = (3, 3, edge, edge), 1000
    elif kind == "steps":
        shape = (4, 1, 128, 128)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make = torch_case if convention == "torch" else keras_case
        case, files = make(name, shape, classes, kind == "steps", folder)
        save_file({k: v.detach().contiguous() for k, v in case.items()}, folder / "case.safetensors")
        config = {
            "architecture": name,
            "convention": convention,
            "input_channels": shape[1],
            "classes": classes,
            "input_size": shape[2:],
        }
        (folder / "config.json").write_text(json.dumps(config))
        del case
        command = [program, folder / "config.json", files[0], folder / "case.safetensors", *files[1:]]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"| {name} | {convention} | {kind} | failed: {done.stderr.strip()} |", flush=True)
        return
    found = dict(line.rsplit(",", 1) for line in done.stdout.splitlines())
    cells = "; ".join(f"{what} {float(value):.1e}" for what, value in found.items())
    print(f"| {name} | {convention} | {kind} | {cells} |", flush=True)


if __name__ == "__main__":
    program, *wanted = sys.argv[1:]
    cases = [(n, "torch", k) for n in pytorch.NETWORKS for k in ("grey", "colour")]
    cases += [(n, "keras", k) for n in kerasside.NETWORKS for k in ("grey", "colour")]
    cases += [(n, c, "steps") for n, c in FOLLOWED.items()]
    for name, convention, kind in cases:
        if not wanted or f"{name}/{convention}/{kind}" in wanted:
            run(program, name, convention, kind)
