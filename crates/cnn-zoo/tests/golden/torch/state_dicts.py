# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "torch==2.9.1", "torchvision==0.24.1", "timm==1.0.22"]
# ///
"""Names and shapes of the full networks' state dicts, for one channel and two classes.

Run: python state_dicts.py    (writes state/<network>.json)
"""

import json

import torch

from make import HERE, NETWORKS

folder = HERE / "state"
folder.mkdir(exist_ok=True)
for network, (build, _, _) in NETWORKS.items():
    with torch.device("meta"):
        state = build().state_dict()
    shapes = {
        name: list(tensor.shape)
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked")
    }
    (folder / f"{network}.json").write_text(json.dumps(shapes, separators=(",", ":")) + "\n")
