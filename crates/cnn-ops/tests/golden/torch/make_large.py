# /// script
# requires-python = ">=3.10"
# dependencies = ["torch==2.9.1", "numpy==2.4.6"]
# ///
"""Writes large.json: convolutions large enough for the fast algorithms, by a rule both sides know.

Element i of tensor number t is the upper half of the 64-bit word (i + 1)·9E3779B97F4A7C15 xor
t·BF58476D1CE4E5B9, as a fraction of 2^32, less a half, rounded down to multiples of 1/1024. Of every
result the file keeps the elements at multiples of a step, in float64.
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
HERE = pathlib.Path(__file__).parent
KEPT = 150


def data(number, *shape):
    n = int(np.prod(shape))
    i = np.arange(1, n + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        word = (i * np.uint64(0x9E3779B97F4A7C15)) ^ (np.uint64(number) * np.uint64(0xBF58476D1CE4E5B9))
    value = (word >> np.uint64(32)).astype(np.float64) / 2.0**32 - 0.5
    return torch.from_numpy(np.floor(value * 1024) / 1024).reshape(shape).requires_grad_()


def kept(t):
    flat = t.detach().flatten()
    step = max(1, len(flat) // KEPT)
    return {
        "shape": list(t.shape),
        "step": step,
        "largest": flat.abs().max().item(),
        "values": [float(f"{v:.10g}") for v in flat[::step].tolist()],
    }


cases = []
for b, c, f, h, w, kh, kw, stride, pad, groups in [
    (1, 128, 128, 32, 32, 3, 3, 1, (1, 1), 1),
    (2, 128, 160, 37, 35, 3, 3, 1, (1, 1), 1),
    (1, 192, 64, 40, 33, 3, 3, 1, (0, 0), 1),
    (1, 96, 96, 17, 19, 1, 7, 1, (0, 3), 1),
    (2, 64, 80, 25, 18, 7, 1, 1, (3, 0), 1),
    (1, 256, 64, 28, 28, 1, 1, 1, (0, 0), 1),
    (1, 64, 96, 31, 29, 3, 3, 2, (1, 1), 1),
    (1, 96, 96, 33, 31, 3, 3, 1, (1, 1), 96),
]:
    x, weight, bias = data(1, b, c, h, w), data(2, f, c // groups, kh, kw), data(3, f)
    y = F.conv2d(x, weight, bias, stride, pad, 1, groups)
    dy = data(4, *y.shape).detach()
    dx, dw, db = torch.autograd.grad(y, [x, weight, bias], dy)
    cases.append(
        {
            "input": [b, c, h, w],
            "weight": [f, c // groups, kh, kw],
            "stride": stride,
            "padding": list(pad),
            "groups": groups,
            "output": kept(y),
            "gradients": {"x": kept(dx), "weight": kept(dw), "bias": kept(db)},
        }
    )
document = {"source": f"torch {torch.__version__.split('+')[0]}", "cases": cases}
(HERE / "large.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
