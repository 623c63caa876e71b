# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "torch==2.9.1", "torchvision==0.24.1", "timm==1.0.22"]
# ///
"""Reference activations, gradients and losses of the Torch convention.

Run: python make.py    (writes <network>.json beside itself)

Every tensor is set by `fill`, a closed rule of its name, so no weights are stored. Networks are
narrowed to a quarter of their channels: the topology is the library's own, module by module.
"""

import json
import pathlib
import sys

import numpy as np
import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from rule import CLASSES, WIDTH, batch, fill, summary


def narrow(model: nn.Module) -> nn.Module:
    scale = lambda c: round(c * WIDTH)
    for name, module in list(model.named_modules()):
        new = None
        if isinstance(module, nn.Conv2d):
            new = nn.Conv2d(
                1 if module.in_channels == 1 else scale(module.in_channels),
                scale(module.out_channels),
                module.kernel_size,
                module.stride,
                module.padding,
                module.dilation,
                1 if module.groups == 1 else scale(module.groups),
                module.bias is not None,
            )
        elif isinstance(module, nn.Linear):
            last = module.out_features == CLASSES
            new = nn.Linear(scale(module.in_features), CLASSES if last else scale(module.out_features))
        elif isinstance(module, nn.BatchNorm2d):
            count = scale(module.num_features)
            module.num_features = count
            module.weight = nn.Parameter(torch.ones(count))
            module.bias = nn.Parameter(torch.zeros(count))
            module.running_mean = torch.zeros(count)
            module.running_var = torch.ones(count)
        elif isinstance(module, nn.ReLU):
            module.inplace = False
        elif isinstance(module, nn.Dropout):
            module.p = 0.0
        if new is not None:
            parent, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(parent), leaf, new)
    return model


def gray(model: nn.Module, name: str) -> nn.Module:
    old = model.get_submodule(name)
    parent, _, leaf = name.rpartition(".")
    new = nn.Conv2d(1, old.out_channels, old.kernel_size, old.stride, old.padding, bias=old.bias is not None)
    setattr(model.get_submodule(parent), leaf, new)
    return model


tv = torchvision.models
NETWORKS = {
    "resnet50": (
        lambda: gray(tv.resnet50(num_classes=CLASSES), "conv1"),
        96,
        ["bn1.relu", "layer1", "layer2", "layer3", "layer4.2.conv3", "layer4"],
    ),
    "vgg16": (
        lambda: gray(tv.vgg16(num_classes=CLASSES), "features.0"),
        96,
        ["features.3", "features.8", "features.15", "features.22", "features.28", "features.29"],
    ),
    "densenet121": (
        lambda: gray(tv.densenet121(num_classes=CLASSES), "features.conv0"),
        96,
        [
            "features.norm0.relu",
            "features.transition1.norm.relu",
            "features.transition2.norm.relu",
            "features.transition3.norm.relu",
            "features.denseblock4.denselayer16.conv2",
            "features.norm5.relu",
        ],
    ),
    "inception_v3": (
        lambda: gray(
            tv.inception_v3(num_classes=CLASSES, aux_logits=False, init_weights=False),
            "Conv2d_1a_3x3.conv",
        ),
        128,
        [
            "Conv2d_2b_3x3",
            "Conv2d_4a_3x3",
            "Mixed_5d",
            "Mixed_6e",
            "Mixed_7c.branch_pool.conv",
            "Mixed_7c",
        ],
    ),
    "inception_v4": (
        lambda: timm.create_model("inception_v4", num_classes=CLASSES, in_chans=1),
        128,
        [
            "features.2",
            "features.3",
            "features.9",
            "features.17",
            "features.21.branch3.1.conv",
            "features.21",
        ],
    ),
    "inception_resnet_v2": (
        lambda: timm.create_model("inception_resnet_v2", num_classes=CLASSES, in_chans=1),
        128,
        ["conv2d_2b", "conv2d_4a", "repeat", "repeat_1", "conv2d_7b.conv", "conv2d_7b"],
    ),
    "xception": (
        lambda: timm.create_model("legacy_xception", num_classes=CLASSES, in_chans=1),
        107,
        ["bn2.relu", "block1", "block2", "block11", "conv4", "bn4.relu"],
    ),
}


def set_by_rule(model: nn.Module) -> None:
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                tensor.copy_(fill(name, tuple(tensor.shape)))


def tapped(model: nn.Module, images: torch.Tensor, names: list[str]):
    seen = {}

    def keep(name):
        def hook(_module, _inputs, output):
            if output.requires_grad:
                output.retain_grad()
            seen[name] = output
            return output.clone()  # what follows may work in place

        return hook

    handles = [
        model.get_submodule(name.removesuffix(".relu")).register_forward_hook(keep(name))
        for name in names
    ]
    logits = model(images)
    for handle in handles:
        handle.remove()
    return logits, seen


def trained(model: nn.Module, images: torch.Tensor) -> dict:
    """A training pass, the statistics it moves, and the loss over 20 SGD steps."""
    model.train()
    set_by_rule(model)
    logits = model(images).detach().flatten().double()
    moved = [t for n, t in model.state_dict().items() if n.endswith(("running_mean", "running_var"))]
    statistics = summary(torch.cat(moved)) if moved else None
    set_by_rule(model)
    labels = torch.tensor([0, 1, 1, 0])
    optimiser = torch.optim.SGD(model.parameters(), lr=0.0002, momentum=0.9, nesterov=True)
    losses = []
    for _ in range(20):
        loss = F.cross_entropy(model(images), labels)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return {
        "logits": logits,
        "statistics": statistics,
        "losses": np.array(losses),
    }


def make(name: str) -> dict:
    torch.manual_seed(0)
    build, edge, taps = NETWORKS[name]
    model = narrow(build())
    set_by_rule(model)
    shape = (4, 1, edge, edge)
    images = batch(shape)

    model.eval()
    logits, seen = tapped(model, images, taps)
    result = {
        "network": name,
        "width": WIDTH,
        "images": list(shape),
        "logits": logits.flatten().tolist(),
        "taps": {
            t: summary(F.relu(x) if t.endswith(".relu") else x) for t, x in seen.items()
        },
    }

    # In double precision only mistakes are left of the differences.
    model.double()
    logits, seen = tapped(model, images.double(), taps)
    logits[:, 1].sum().backward()
    result["double"] = {
        "logits": logits.flatten().tolist(),
        "taps": {t: summary(F.relu(x) if t.endswith(".relu") else x) for t, x in seen.items()},
        "gradients": {t: summary(x.grad) for t, x in seen.items() if not t.endswith(".relu")},
    }
    model.float()

    # Training amplifies rounding, so the reference is in double precision, and what single
    # precision does to PyTorch itself is noted beside it. Dropout is off.
    single = trained(model, images)
    double = trained(model.double(), images.double())
    result["train_logits"] = double["logits"].tolist()
    result["train_logits_noise"] = (single["logits"] - double["logits"]).abs().max().item()
    result["statistics"] = double["statistics"]
    result["losses"] = double["losses"].tolist()
    result["losses_noise"] = np.abs(single["losses"] - double["losses"]).max()
    return result


if __name__ == "__main__":
    for network in NETWORKS:
        text = json.dumps(make(network), indent=1)
        (HERE / f"{network}.json").write_text(text + "\n")
        print(network, len(text))
