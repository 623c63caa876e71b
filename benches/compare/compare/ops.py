"""Suite `ops`: operators of cnn-ops against PyTorch, and stock candle beside them."""

import csv
import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from .harness import Work
from .worker import Worker, WorkerError

LAYERS = Path(__file__).parents[1] / "layers.csv"
OTHERS = [
    "max_pool2d {} 8x64x128x128",
    "avg_pool2d {} 8x288x29x29",
    "global_avg_pool {} 8x2048x8x8",
    "batch_norm {} 8x64x128x128",
    "batch_norm {} 8x256x64x64",
    "batch_norm {} 8x728x16x16",
]


def values(*shape):
    """Numbers in [−0.5, 0.5) by the rule that the program uses too."""
    count = int(np.prod(shape))
    hashed = (np.arange(count, dtype=np.uint32) * np.uint32(2654435761)) >> np.uint32(8)
    return torch.from_numpy((hashed.astype(np.float32) / np.float32(16777216) - np.float32(0.5)).reshape(shape))


def checksum(y):
    return y[:1, :1].abs().sum(dtype=torch.float64).item()


def task(function, both, *tensors):
    """What is timed: the result, and the gradients of the tensors if `both`."""
    if not both:

        def forward():
            with torch.no_grad():
                y = function(*tensors)
            return lambda: checksum(y)

        return forward
    tensors = [t.requires_grad_() for t in tensors]

    def with_gradients():
        y = function(*tensors)
        gradients = torch.autograd.grad(y, tensors, torch.ones_like(y))
        return lambda: checksum(y.detach()) + sum(checksum(g) for g in gradients)

    return with_gradients


def convolution(row, batch, both):
    i, o, kh, kw, s, ph, pw, g, h, w, _ = row

    def make():
        x, weight = values(batch, i, h, w), values(o, i // g, kh, kw)
        return task(lambda x, w: F.conv2d(x, w, stride=s, padding=(ph, pw), groups=g), both, x, weight)

    name = f"conv2d {'both' if both else 'forward'} b={batch} {i}>{o} {kh}x{kw} s={s} p={ph}x{pw} g={g} {h}x{w}"
    # Winograd's algorithm and the order of long sums: see docs/numerics.md.
    more = {} if both else {"candle_ms": stock_candle}
    return Work(name, make, check=2e-3, more=more)


def other(name, both):
    op, _, shape = name.split(" ")
    shape = [int(n) for n in shape.split("x")]

    def make():
        gamma, beta = torch.ones(shape[1]), torch.zeros(shape[1])
        function = {
            "max_pool2d": lambda x: F.max_pool2d(x, 3, 2, 1),
            "avg_pool2d": lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False),
            "global_avg_pool": lambda x: F.adaptive_avg_pool2d(x, 1),
            "batch_norm": lambda x: F.batch_norm(
                x, None, None, gamma, beta, training=True
            ),
        }[op]
        return task(function, both, values(*shape))

    # The gradient of a sum through a batch norm is zero but for rounding: only the output is compared there.
    return Work(name.format("both" if both else "forward"), make, check=1e-3)


_stock = None


def stock_candle(name):
    """Milliseconds of one run of stock candle, or None where it cannot do the work."""
    global _stock
    program = os.environ.get("STOCK_CANDLE")
    if not program:
        return None
    if _stock is None:
        _stock = Worker(program)
    try:
        _stock.prepare(name)
    except WorkerError:
        return None
    return lambda: _stock.run()[0]


def works(threads):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    with LAYERS.open() as file:
        rows = [[int(n) for n in row] for row in list(csv.reader(file))[1:]]
    for both in (False, True):
        for batch in (1, 8):
            for row in rows:
                yield convolution(row, batch, both)
        for name in OTHERS:
            yield other(name, both)
