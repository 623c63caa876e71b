# /// script
# requires-python = ">=3.10"
# dependencies = ["grad-cam==1.5.5", "captum==0.9.0", "torch==2.15.0", "torchvision==0.29.2", "numpy==2.4.6", "opencv-python==5.0.0.93", "ttach==0.0.3"]
# ///
"""ROAD and confidence changes of pytorch-grad-cam, infidelity and sensitivity of captum: peers.json beside this file.

The network, its weights and images are those of ../pytorch-grad-cam/small_network.json. Noise is drawn from a port of
cam-methods' generator, so that both programs see the same perturbations.
"""
import contextlib
import io
import json
import math
import pathlib
import sys

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "pytorch-grad-cam"))

import make as small
import pytorch_grad_cam as pgc
from captum.metrics import infidelity, sensitivity_max
from pytorch_grad_cam.metrics import cam_mult_image, road
from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget, ClassifierOutputTarget

MASK = 2**64 - 1
#: Shares at which the percentile of pytorch-grad-cam and the rounded count of cam-methods remove as many of 256 pixels.
PERCENTAGES = [10, 30, 50, 60, 70, 80, 90]
SAMPLES, NOISE, RADIUS, SEED = 6, 0.05, 0.02, 5


class Rng:
    """SplitMix64 with keyed streams, as in src/rng.rs."""

    def __init__(self, seed, keys):
        self.state = seed
        for key in keys:
            self.state = self.next() ^ (key * 0x9E3779B97F4A7C15 & MASK)

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def uniform(self):
        return (self.next() >> 11) / 2**53

    def normal(self):
        radius = math.sqrt(-2.0 * math.log(1.0 - self.uniform()))
        return radius * math.cos(math.tau * self.uniform())


def key(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def main():
    fixture = json.loads((HERE.parent / "pytorch-grad-cam/small_network.json").read_text())
    net = small.Small().eval()
    with torch.no_grad():
        for name, p in net.named_parameters():
            p.copy_(torch.tensor(fixture["parameters"][name]["values"]).reshape(p.shape))
    size, classes = fixture["size"], fixture["classes"]
    images = torch.tensor(fixture["images"]).reshape(3, 2, size, size)
    count = size * size
    # every value once, so that no rule for ties matters
    maps = np.stack([(np.arange(count) * step % 257 % count) / count for step in (37, 101, 203)])
    maps = np.array([(np.argsort(np.argsort(m, kind="stable")) + 0.5) / count for m in maps])
    maps = maps.reshape(3, size, size).astype(np.float32)
    softmax = [ClassifierOutputSoftmaxTarget(c) for c in classes]
    logits = [ClassifierOutputTarget(c) for c in classes]

    quiet = road.NoisyLinearImputer(noise=0.0)
    averages = {}
    for name, kind in (("most", road.RemoveMostRelevantFirst), ("least", road.RemoveLeastRelevantFirst)):
        metric = road.PerturbationConfidenceMetric
        scores = [metric(kind(100 - p, quiet))(images, maps, logits, net) for p in PERCENTAGES]
        averages[name] = np.mean(np.float32(scores), axis=0).tolist()

    attributions = torch.tensor(maps)[:, None].expand(-1, 2, -1, -1) * 2 - 1

    def noisy(x):
        """Called once with all copies: image by image, copy by copy."""
        noise = torch.empty(x.shape, dtype=torch.float64)
        for i in range(len(x)):
            rng = Rng(SEED, [key("infidelity"), i // SAMPLES, i % SAMPLES])
            noise[i] = torch.tensor([NOISE * rng.normal() for _ in range(x[0].numel())]).reshape(x[0].shape)
        return noise.float(), x - noise.float()

    def of(normalize):
        values = infidelity(
            net, noisy, images, attributions, target=torch.tensor(classes), n_perturb_samples=SAMPLES, normalize=normalize
        )
        return values.tolist()

    def near(x, radius):
        moved = torch.empty_like(x)
        for i in range(len(x)):
            rng = Rng(SEED, [key("sensitivity"), i // SAMPLES, i % SAMPLES])
            noise = [radius * (2.0 * rng.uniform() - 1.0) for _ in range(x[0].numel())]
            moved[i] = x[i] + torch.tensor(noise).reshape(x[0].shape)
        return moved

    def explain(x):
        x = x[0] if isinstance(x, tuple) else x
        targets = [ClassifierOutputTarget(classes[i * 3 // len(x)]) for i in range(len(x))]
        with torch.enable_grad(), contextlib.redirect_stdout(io.StringIO()), pgc.GradCAM(model=net, target_layers=[net.features]) as cam:
            return (torch.tensor(cam(input_tensor=x, targets=targets)),)

    peers = {
        "source": f"grad-cam 1.5.5, captum 0.9.0, torch {torch.__version__.split('+')[0]}",
        "maps": [round(float(v) * 2 * count) for v in maps.flatten()],
        "maps_times": 2 * count,
        "drop": cam_mult_image.DropInConfidence()(images, maps, softmax, net).tolist(),
        "increase": cam_mult_image.IncreaseInConfidence()(images, maps, softmax, net).tolist(),
        "road_percentages": PERCENTAGES,
        "road_most": averages["most"],
        "road_least": averages["least"],
        "samples": SAMPLES,
        "noise": NOISE,
        "radius": RADIUS,
        "seed": SEED,
        "infidelity": of(False),
        "infidelity_scaled": of(True),
        "sensitivity": sensitivity_max(explain, images, near, perturb_radius=RADIUS, n_perturb_samples=SAMPLES).tolist(),
    }
    (HERE / "peers.json").write_text(json.dumps(peers, separators=(",", ":")) + "\n")
    print({k: v for k, v in peers.items() if k != "maps"})


main()
