# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["numpy==2.4.6", "scikit-image==0.26.0", "pillow==13.0.0"]
# ///
"""Contrast methods on the real slice beside the foreground fixtures, by NumPy and scikit-image."""
import json
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.exposure import equalize_adapthist
from skimage.filters.rank import majority

here = Path(__file__).parent
head = np.asarray(Image.open(here.parent / "foreground/head_input.png")).astype(np.uint16)
mask = np.asarray(Image.open(here.parent / "foreground/head_saturating_mask.png")) > 0
masked = np.where(mask, head, 0).astype(np.uint16)
ragged = head[3:103, 10:87]  # sides that are no multiple of the tiles


def save(name, array):
    out = np.clip(np.round(array), 0, 65535).astype(np.uint16)
    Image.fromarray(np.ascontiguousarray(out)).save(here / f"{name}.png", optimize=True)


def stretch(image):
    values = image.astype(float)
    values[values == 0] = np.nan
    low, high = np.nanpercentile(values, q=0.1), np.nanpercentile(values, q=99.9)
    x = image.astype(float)
    return np.where(x <= low, 0.0, np.where(x <= high, 4095 / (high - low) * (x - low), 4095.0))


def equalise(image):
    counts, _ = np.histogram(image.flatten(), bins=4096, range=[0, 4096])
    below = np.ma.masked_equal(counts.cumsum(), 0)
    below = (below - below.min()) * 4096 / (below.max() - below.min())
    return np.ma.filled(below, 0)[image]


save("masked_stretch", stretch(masked) * 10)  # in tenths of a grey level
save("masked_equalise", equalise(masked) * 10)
for name, image in {"head": head, "masked": masked, "ragged": ragged}.items():
    save(f"{name}_clahe", equalize_adapthist(image, clip_limit=0.03, nbins=256) * 4096)

labels = np.random.default_rng(3).integers(0, 3, (17, 13)).astype(np.uint8)
expected = {str(k): majority(labels, np.ones((k, k), np.uint8)).tolist() for k in (1, 2, 3, 4, 7, 12)}
(here / "majority.json").write_text(json.dumps({"labels": labels.tolist(), "expected": expected}))
