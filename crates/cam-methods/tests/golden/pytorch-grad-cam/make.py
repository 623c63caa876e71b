# /// script
# requires-python = ">=3.10"
# dependencies = ["grad-cam==1.5.5", "torch==2.15.0", "torchvision==0.29.2", "numpy==2.4.6", "opencv-python==5.0.0.93", "ttach==0.0.3"]
# ///
"""Heatmaps of pytorch-grad-cam on a small network, written to small_network.json beside this file."""
import contextlib
import io
import json
import pathlib

import numpy as np
import pytorch_grad_cam as pgc
import torch
from pytorch_grad_cam import base_cam, eigen_cam, eigen_grad_cam, hirescam, layer_cam
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection

SIZE = 16
CLASSES = [2, 0, 1]


def peak_is_positive(activations):
    """The projection with the sign that a singular vector leaves open fixed."""
    maps = get_2d_projection(activations)
    for m in maps:
        if m.flat[np.argmax(np.abs(m))] < 0:
            m *= -1
    return maps


for module in (base_cam, eigen_cam, eigen_grad_cam, hirescam, layer_cam):
    module.get_2d_projection = peak_is_positive


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.early = torch.nn.ReLU()
        self.conv2 = torch.nn.Conv2d(4, 6, 3, padding=1)
        self.features = torch.nn.ReLU()
        self.pool = torch.nn.AvgPool2d(2)
        self.hidden = torch.nn.Linear(6 * 16, 5)
        self.head = torch.nn.Linear(5, 3)

    def forward(self, x):
        x = self.features(self.conv2(self.early(self.conv1(x))))
        return self.head(torch.tanh(self.hidden(self.pool(x).flatten(1))))


def rounded(t, digits=5):
    return [round(float(v), digits) for v in t.detach().flatten()]


def main():
    torch.manual_seed(0)
    net = Small().eval()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.tensor(rounded(p)).reshape(p.shape))
        # positive scores, since Ablation-CAM divides by them
        net.head.bias.add_(2.0)
        net.head.bias.copy_(torch.tensor(rounded(net.head.bias)))
    images = torch.tensor(rounded(torch.rand(3, 2, SIZE, SIZE), 4)).reshape(3, 2, SIZE, SIZE)

    methods = {
        "grad_cam": pgc.GradCAM,
        "grad_cam_plus_plus": pgc.GradCAMPlusPlus,
        "xgrad_cam": pgc.XGradCAM,
        "hires_cam": pgc.HiResCAM,
        "grad_cam_elementwise": pgc.GradCAMElementWise,
        "layer_cam": pgc.LayerCAM,
        "score_cam": pgc.ScoreCAM,
        "eigen_cam": pgc.EigenCAM,
        "eigen_grad_cam": pgc.EigenGradCAM,
        "ablation_cam": pgc.AblationCAM,
        "full_grad": pgc.FullGrad,
    }
    cases = []

    def case(method, taps, batch, smoothing="none"):
        layers = [getattr(net, t) for t in taps]
        with methods[method](model=net, target_layers=[] if method == "full_grad" else layers) as cam:
            targets = [ClassifierOutputTarget(c) for c in CLASSES[:batch]]
            up = cam(
                input_tensor=images[:batch],
                targets=targets,
                aug_smooth=smoothing == "test_time",
                eigen_smooth=smoothing == "principal_component",
            )
        up = [round(float(v), 5) for v in np.asarray(up).reshape(-1)]
        cases.append({"method": method, "taps": taps, "batch": batch, "smoothing": smoothing, "up": up})

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for method in methods:
            case(method, ["features"], 1)
        for method in ("grad_cam", "score_cam", "ablation_cam", "full_grad"):
            case(method, ["features"], 3)
        for method in ("grad_cam", "layer_cam"):
            case(method, ["early", "features"], 1)
        for method in ("grad_cam", "layer_cam"):
            case(method, ["features"], 1, "principal_component")
        case("grad_cam", ["features"], 1, "test_time")

    fixture = {
        "source": f"grad-cam 1.5.5, torch {torch.__version__}, seed 0",
        "size": SIZE,
        "classes": CLASSES,
        "images": rounded(images),
        "parameters": {n: {"shape": list(p.shape), "values": rounded(p)} for n, p in net.named_parameters()},
        "logits": rounded(net(images), 6),
        "cases": cases,
    }
    path = pathlib.Path(__file__).with_name("small_network.json")
    path.write_text(json.dumps(fixture, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
