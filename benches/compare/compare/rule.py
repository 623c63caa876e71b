"""Numbers that the program makes alike, bit for bit (`benches/src/rule.rs`)."""

import numpy as np

SIDE = 256


def uniform(seed, count):
    """Numbers 0 … count − 1 of a seed, in [0, 1)."""
    with np.errstate(over="ignore"):
        h = np.arange(count, dtype=np.uint32) + np.uint32(seed * 0x9E3779B9 % 2**32)
        h ^= h >> np.uint32(16)
        h *= np.uint32(0x85EBCA6B)
        h ^= h >> np.uint32(13)
        h *= np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
    return h / 4294967296.0


def enlarge(grid):
    """A 9 × 9 grid enlarged bilinearly to 256 × 256, in float64, rounded to float32."""
    at = np.arange(SIDE)
    i, f = at // 32, at % 32 / 32
    fr, fc = f[:, None], f[None, :]
    corner = lambda down, right: grid[np.ix_(i + down, i + right)]
    top = corner(0, 0) * (1.0 - fc) + corner(0, 1) * fc
    bottom = corner(1, 0) * (1.0 - fc) + corner(1, 1) * fc
    return (top * (1.0 - fr) + bottom * fr).astype(np.float32)


def in_tissue():
    """The pixels of the ellipse that stands for tissue."""
    off = np.abs(np.arange(SIDE) - SIDE // 2)
    return off[:, None] ** 2 * 9 + off[None, :] ** 2 * 16 <= 16 * 9 * 28 * 28
