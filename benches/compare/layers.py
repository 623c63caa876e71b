# /// script
# requires-python = ">=3.10"
# dependencies = ["torch==2.9.1", "torchvision==0.24.1", "timm==1.0.22", "numpy==2.4.6"]
# ///
"""Writes `layers.csv`: the 40 distinct convolutions in which the seven networks spend most time at 256².

Every network is run once on a batch of one; each distinct convolution is then timed, forward and backward, and
ranked by its time times how often the seven networks run it.
"""

import csv
import pathlib
import statistics
import time
from collections import Counter

import timm
import torch
import torch.nn.functional as F
import torchvision

COLUMNS = ["input", "filters", "rows", "columns", "stride", "pad_rows", "pad_columns", "groups", "height", "width"]


def networks():
    yield torchvision.models.densenet121(weights=None)
    yield torchvision.models.resnet50(weights=None)
    yield torchvision.models.inception_v3(weights=None, init_weights=False, aux_logits=False)
    yield torchvision.models.vgg16(weights=None)
    yield timm.create_model("inception_v4")
    yield timm.create_model("inception_resnet_v2")
    yield timm.create_model("legacy_xception")


def convolutions():
    found = Counter()
    for network in networks():
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):

                def note(module, inputs, _):
                    (x,) = inputs
                    assert module.stride[0] == module.stride[1] and module.dilation == (1, 1)
                    found[
                        module.in_channels, module.out_channels, *module.kernel_size, module.stride[0],
                        *module.padding, module.groups, x.shape[2], x.shape[3],
                    ] += 1

                module.register_forward_hook(note)
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, 256, 256))
    return found


def seconds(layer):
    i, o, kh, kw, s, ph, pw, g, h, w = layer
    x = torch.randn(1, i, h, w, requires_grad=True)
    weight = torch.randn(o, i // g, kh, kw, requires_grad=True)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        y = F.conv2d(x, weight, stride=s, padding=(ph, pw), groups=g)
        torch.autograd.grad(y, [x, weight], torch.ones_like(y))
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    found = convolutions()
    ranked = sorted(found, key=lambda layer: -seconds(layer) * found[layer])[:40]
    path = pathlib.Path(__file__).with_name("layers.csv")
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, "times"])
        writer.writerows([*layer, found[layer]] for layer in ranked)


if __name__ == "__main__":
    main()
