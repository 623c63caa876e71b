# /// script
# requires-python = ">=3.10"
# dependencies = ["grad-cam==1.5.5", "torch==2.15.0", "torchvision==0.29.2", "numpy==2.4.6", "opencv-python==5.0.0.93", "ttach==0.0.3"]
# ///
"""Heatmaps of pytorch-grad-cam on torchvision's networks: <network>.json and <network>.png beside this file.

Every tensor is set by the closed rule of cnn-zoo's fixtures, so no weights are stored. Networks are narrowed to a
quarter of their channels: the topology is torchvision's own, module by module. The maps of all cases and images are
one 16-bit picture, one below the other, every second row and column of each.
"""
import contextlib
import io
import json
import pathlib
import sys

import cv2
import numpy as np
import pytorch_grad_cam as pgc
import torch
import torchvision
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parents[3] / "cnn-zoo/tests/golden"))

import make  # noqa: F401  the sign of singular vectors is fixed there
from rule import CLASSES, WIDTH, batch, fill

SIZE = (96, 64)
TARGETS = [1, 0, 1]
#: Largest difference of a map between a batch of one and a batch of three.
ALIKE = 2e-5
#: Distance of the pixels that are kept.
STEP = 2


def narrow(model):
    """A quarter of every hidden channel count, one input channel, nothing in place."""
    scale = lambda c: round(c * WIDTH)
    first = True
    for name, module in list(model.named_modules()):
        new = None
        if isinstance(module, nn.Conv2d):
            inputs = 1 if first else scale(module.in_channels)
            new = nn.Conv2d(
                inputs, scale(module.out_channels), module.kernel_size, module.stride, module.padding,
                bias=module.bias is not None,
            )
            first = False
        elif isinstance(module, nn.Linear):
            last = module.out_features == CLASSES
            new = nn.Linear(scale(module.in_features), CLASSES if last else scale(module.out_features))
        elif isinstance(module, nn.BatchNorm2d):
            new = nn.BatchNorm2d(scale(module.num_features), eps=module.eps)
        elif isinstance(module, nn.ReLU):
            new = nn.ReLU()
        if new is not None:
            parent, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(parent), leaf, new)
    return model


class Dense(nn.Module):
    """torchvision's DenseNet121 with the ReLU behind its last norm as a module, so that it can be a target layer."""

    def __init__(self, inner):
        super().__init__()
        self.features, self.classifier, self.relu = inner.features, inner.classifier, nn.ReLU()

    def forward(self, x):
        return self.classifier(self.relu(self.features(x)).mean((2, 3)))


tv = torchvision.models
#: network, and our names of an earlier and the last tap with torchvision's modules
NETWORKS = {
    "resnet50": (
        lambda: tv.resnet50(num_classes=CLASSES),
        {"layer3": "layer3", "layer4": "layer4"},
    ),
    "vgg16": (
        lambda: tv.vgg16(num_classes=CLASSES),
        {"features.22": "features.22", "features.29": "features.29"},
    ),
    "densenet121": (
        lambda: Dense(tv.densenet121(num_classes=CLASSES)),
        {"features.transition3.norm.relu": "features.transition3.relu", "features.norm5.relu": "relu"},
    ),
}
GRADIENT = {
    "grad_cam": pgc.GradCAM,
    "grad_cam_plus_plus": pgc.GradCAMPlusPlus,
    "xgrad_cam": pgc.XGradCAM,
    "hires_cam": pgc.HiResCAM,
    "grad_cam_elementwise": pgc.GradCAMElementWise,
    "layer_cam": pgc.LayerCAM,
    "eigen_cam": pgc.EigenCAM,
    "eigen_grad_cam": pgc.EigenGradCAM,
}
SCORING = {"score_cam": pgc.ScoreCAM, "ablation_cam": pgc.AblationCAM}


def explain(model, method, modules, images):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        with method(model=model, target_layers=[model.get_submodule(m) for m in modules]) as cam:
            return cam(input_tensor=images, targets=[ClassifierOutputTarget(c) for c in TARGETS[: len(images)]])


def run(name):
    build, taps = NETWORKS[name]
    model = narrow(build()).eval()
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            if not key.endswith("num_batches_tracked"):
                tensor.copy_(fill(key, tuple(tensor.shape)))
    images = batch((len(TARGETS), 1, *SIZE))
    last = list(taps)[-1]
    wanted = [(m, [last]) for m in {**GRADIENT, **SCORING}] + [(m, list(taps)) for m in GRADIENT]
    cases, maps = [], []
    for method, names in wanted:
        modules = [taps[n] for n in names]
        of_three = explain(model, {**GRADIENT, **SCORING}[method], modules, images)
        of_one = explain(model, {**GRADIENT, **SCORING}[method], modules, images[:1])
        apart = np.abs(of_one - of_three[:1]).max()
        assert apart <= ALIKE, (name, method, names, apart)
        cases.append({"method": method, "taps": names})
        maps.append(of_three[:, ::STEP, ::STEP].reshape(-1, SIZE[1] // STEP))
        print(name, method, names, f"largest {of_three.max():.3f} mean {of_three.mean():.3f}", flush=True)
    picture = np.round(np.concatenate(maps) * 65535).astype(np.uint16)
    cv2.imwrite(str(HERE / f"{name}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    fixture = {
        "source": f"grad-cam 1.5.5, torch {torch.__version__.split('+')[0]}, torchvision {torchvision.__version__.split('+')[0]}",
        "width": WIDTH,
        "size": SIZE,
        "step": STEP,
        "targets": TARGETS,
        "logits": [round(v, 6) for v in model(images).flatten().tolist()],
        "cases": cases,
    }
    (HERE / f"{name}.json").write_text(json.dumps(fixture, indent=1) + "\n")


if __name__ == "__main__":
    torch.manual_seed(0)
    for network in sys.argv[1:] or NETWORKS:
        run(network)
