# /// script
# requires-python = ">=3.11"
# dependencies = ["torchcam==0.5.0", "torch==2.15.0", "numpy==2.4.6"]
# ///
"""Maps of torch-cam on the network of ../pytorch-grad-cam, written to small_network.json beside this file."""
import json
import pathlib

import torch
from torchcam import methods

HERE = pathlib.Path(__file__).parent
SHARED = json.loads((HERE.parent / "pytorch-grad-cam" / "small_network.json").read_text())
SIZE = SHARED["size"]
CLASSES = SHARED["classes"]


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


def main():
    net = Small().eval()
    with torch.no_grad():
        for name, p in net.named_parameters():
            p.copy_(torch.tensor(SHARED["parameters"][name]["values"]).reshape(p.shape))
    images = torch.tensor(SHARED["images"]).reshape(3, 2, SIZE, SIZE)
    extractors = {
        "grad_cam": methods.GradCAM,
        "grad_cam_plus_plus": methods.GradCAMpp,
        "xgrad_cam": methods.XGradCAM,
        "layer_cam": methods.LayerCAM,
        "score_cam": methods.ScoreCAM,
    }
    cases = []
    for method, extractor in extractors.items():
        for taps in (["features"], ["early", "features"]):
            if len(taps) > 1 and method not in ("grad_cam", "layer_cam"):
                continue
            with extractor(net, list(taps), input_shape=(2, SIZE, SIZE)) as cam:
                scores = net(images)
                maps = cam(class_idx=CLASSES, scores=scores)
                fused = maps[0] if len(maps) == 1 else cam.fuse_cams(maps, (SIZE, SIZE))
            values = [round(float(v), 5) for v in fused.reshape(-1)]
            cases.append({"method": method, "taps": taps, "map": values})
    fixture = {"source": f"torchcam 0.5.0, torch {torch.__version__}", "cases": cases}
    (HERE / "small_network.json").write_text(json.dumps(fixture, separators=(",", ":")) + "\n")


main()
