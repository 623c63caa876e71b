"""The closed rule that sets every tensor, and how an activation is summed up."""

import numpy as np
import torch

WIDTH = 0.25
CLASSES = 2


def noise(name: str, count: int) -> np.ndarray:
    """Values in [-1, 1): the fractional part of a large multiple of a sine of the flat index."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001B3) % 2**64
    phase = (key % 100003) / 100003
    x = np.sin((np.arange(count, dtype=np.float64) + 1) * 12.9898 + phase * 78.233) * 43758.5453
    return 2 * (x - np.floor(x)) - 1


def batch(shape) -> torch.Tensor:
    values = 0.5 + 0.5 * noise("images", int(np.prod(shape)))
    return torch.tensor(values.astype(np.float32).reshape(shape))


def fill(name: str, shape) -> torch.Tensor:
    values = noise(name, int(np.prod(shape)))
    if len(shape) > 1:
        values = values * np.sqrt(6 / np.prod(shape[1:]))
    elif name.endswith("running_var") or name.endswith("weight"):
        values = 1 + 0.3 * values
    else:
        values = 0.1 * values
    return torch.tensor(values.astype(np.float32).reshape(shape))


def summary(x: torch.Tensor) -> dict:
    flat = x.detach().double().flatten()
    count = flat.numel()
    picks = [k * (count - 1) // 15 for k in range(16)]
    return {
        "shape": list(x.shape),
        "mean": flat.mean().item(),
        "mean_abs": flat.abs().mean().item(),
        "values": [float(f"{v:.9g}") for v in flat[picks].tolist()],
    }
