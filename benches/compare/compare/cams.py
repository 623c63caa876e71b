"""Suite `cams`: class activation maps of cam-methods against pytorch-grad-cam, one grey image of 256²."""

import os

os.environ["TQDM_DISABLE"] = "1"

import pytorch_grad_cam as pgc
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from .harness import Work
from .zoo import EDGE, network, values

CLASS = 1
METHODS = {
    "grad_cam": pgc.GradCAM,
    "grad_cam_plus_plus": pgc.GradCAMPlusPlus,
    "xgrad_cam": pgc.XGradCAM,
    "hires_cam": pgc.HiResCAM,
    "layer_cam": pgc.LayerCAM,
    "grad_cam_elementwise": pgc.GradCAMElementWise,
    "score_cam": pgc.ScoreCAM,
}
#: What the works called `five` ask for together.
FIVE = list(METHODS)[:5]
SINGLE = list(METHODS)[:6]
NETWORKS = ["resnet50", "vgg16", "densenet121"]
MEMORY = ["grad_cam resnet50", "grad_cam vgg16", "grad_cam densenet121", "score_cam resnet50"]


class Dense(nn.Module):
    """torchvision's DenseNet121 with the ReLU behind its last norm as a module, the layer that ours taps."""

    def __init__(self, inner):
        super().__init__()
        self.features, self.classifier, self.relu = inner.features, inner.classifier, nn.ReLU()

    def forward(self, x):
        return self.classifier(self.relu(self.features(x)).mean((2, 3)))


LAYERS = {
    "resnet50": lambda model: model.layer4,
    "vgg16": lambda model: model.features[29],
    "densenet121": lambda model: model.relu,
}


def explain(methods, name):
    def make():
        model = network(name).eval()
        if name == "densenet121":
            model = Dense(model).eval()
        layer = LAYERS[name](model)
        image = values("images", (1, 1, EDGE, EDGE), 1.0)
        targets = [ClassifierOutputTarget(CLASS)]
        # Every explainer hooks the layer: each does its work with its own hooks only.
        kinds = [METHODS[m] for m in methods]

        def peer():
            maps = []
            for kind in kinds:
                with kind(model=model, target_layers=[layer]) as cam:
                    maps.append(cam(input_tensor=image, targets=targets))
            return lambda: float(sum(m.sum(dtype="float64") for m in maps))

        return peer

    return make


def parse(work):
    what, name = work.split(" ")[:2]
    return (FIVE if what == "five" else [what]), name


def works(threads):
    torch.set_num_threads(threads)
    for name in NETWORKS:
        for method in SINGLE:
            work = f"{method} {name}"
            yield Work(work, explain(*parse(work)), check=2e-3, rounds=5)
        work = f"five {name}"
        yield Work(work, explain(*parse(work)), check=2e-3, rounds=3)
    # minutes a run: one round
    work = "score_cam resnet50"
    yield Work(work, explain(*parse(work)), check=2e-3, rounds=1, seconds=0.0)


def use_memory(work, threads):
    """The peer's side of a work on memory."""
    torch.set_num_threads(threads)
    explain(*parse(work))()()
