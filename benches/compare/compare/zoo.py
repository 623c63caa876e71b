"""Suite `zoo`: whole networks of cnn-zoo against torchvision and timm, one grey channel of 256²."""

import numpy as np
import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from .harness import Work

EDGE = 256
RATE = 1e-5


def gray(model, name):
    """The same network for one input channel."""
    old = model.get_submodule(name)
    parent, _, leaf = name.rpartition(".")
    new = nn.Conv2d(1, old.out_channels, old.kernel_size, old.stride, old.padding, bias=old.bias is not None)
    setattr(model.get_submodule(parent), leaf, new)
    return model


tv = torchvision.models
NETWORKS = {
    "densenet121": lambda: gray(tv.densenet121(num_classes=2), "features.conv0"),
    "resnet50": lambda: gray(tv.resnet50(num_classes=2), "conv1"),
    "inception_v3": lambda: gray(
        tv.inception_v3(num_classes=2, aux_logits=False, init_weights=False), "Conv2d_1a_3x3.conv"
    ),
    "inception_v4": lambda: timm.create_model("inception_v4", num_classes=2, in_chans=1),
    "inception_resnet_v2": lambda: timm.create_model("inception_resnet_v2", num_classes=2, in_chans=1),
    "vgg16": lambda: gray(tv.vgg16(num_classes=2), "features.0"),
    "xception": lambda: timm.create_model("legacy_xception", num_classes=2, in_chans=1),
}
MEMORY = [f"train b=8 {name}" for name in NETWORKS] + [f"forward b=8 {name}" for name in NETWORKS]


def values(name, shape, size):
    """Numbers in ±size/2 that follow from a name; the program makes the same."""
    key = 0x811C9DC5
    for byte in name.encode():
        key = (key ^ byte) * 0x01000193 % 2**32
    with np.errstate(over="ignore"):
        h = np.arange(int(np.prod(shape)), dtype=np.uint32) + np.uint32(key)
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
    x = ((h >> np.uint32(8)) / 16777216.0 - 0.5) * size
    return torch.from_numpy(x.astype(np.float32).reshape(shape))


def network(name):
    model = NETWORKS[name]()
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            if key.endswith("num_batches_tracked"):
                continue
            if tensor.ndim > 1:
                new = values(key, tensor.shape, np.sqrt(24.0 / np.prod(tensor.shape[1:])))
            else:
                new = values(key, tensor.shape, 0.1)
                if key.endswith(("weight", "running_var")):
                    new += 1
            tensor.copy_(new)
    return model


def forward(name, batch):
    def make():
        model = network(name).eval()
        images = values("images", (batch, 1, EDGE, EDGE), 1.0)

        def peer():
            with torch.inference_mode():
                return model(images).abs().sum(dtype=torch.float64).item()

        return peer

    # Winograd's algorithm and the order of long sums, through up to 200 layers.
    return Work(f"forward b={batch} {name}", make, check=2e-3, rounds=5)


def train(name, batch):
    def make():
        model = network(name).train()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                # Its masks differ; its cost, that of two dense layers' outputs, is nothing here.
                module.p = 0.0
        images = values("images", (batch, 1, EDGE, EDGE), 1.0)
        labels = torch.arange(batch) % 2
        optimiser = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)

        def peer():
            loss = F.cross_entropy(model(images), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            return loss.item()

        return peer

    # The loss of the first step; dropout has masks of its own on our side.
    check = None if name in ("vgg16", "inception_v3") else 2e-2
    return Work(f"train b={batch} {name}", make, check=check, rounds=3, seconds=3.0)


def works(threads):
    torch.set_num_threads(threads)
    for name in NETWORKS:
        yield forward(name, 1)
        yield forward(name, 8)
        yield train(name, 8)


def use_memory(work, threads):
    """The peer's side of a work on memory."""
    torch.set_num_threads(threads)
    what, batch, name = work.split(" ")
    make = {"forward": forward, "train": train}[what](name, int(batch.removeprefix("b="))).make
    make()()
