# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["numpy==2.4.6", "scikit-learn==1.9.1"]
# ///
"""The released split by NumPy and scikit-learn, on the slices the released code takes.

Scans in the order treatment, sample, state; slices 15..38 of 54 less the released list of bad
ones. The counts of the sides are those of the study (1219 / 152 / 153 and 5810).
"""
import json
from pathlib import Path

import numpy as np
from sklearn.utils import shuffle

here = Path(__file__).parent
# bad slices at the beginning of a scan: (treatment, sample, state) -> first good slice
first_good = {
    (1, 9, "fresh"): 21, (2, 5, "thawed"): 22, (2, 9, "thawed"): 16,
    (3, 5, "thawed"): 18, (3, 6, "thawed"): 20,
}


def fill_up(x, y):
    most = max((y == c).sum() for c in np.unique(y))
    extra = []
    for c in np.unique(y):
        n = most - (y == c).sum()
        if n > 0:
            extra.append(shuffle(np.where(y == c)[0], random_state=42)[:n])
    if extra:
        index = np.concatenate(extra)
        x, y = np.concatenate([x, x[index]]), np.concatenate([y, y[index]])
    return shuffle(x, y, random_state=42)


labels, scans = [], []
for treatment, samples in ((1, 11), (2, 11), (3, 10)):
    for sample in range(1, samples + 1):
        for label, state in enumerate(("fresh", "thawed")):
            start = max(15, first_good.get((treatment, sample, state), 15))
            scans.append([f"{treatment}-{sample} {state}", start, 39])
            labels += [label] * (39 - start)
y = np.array(labels)
x = np.arange(len(y))
xs, ys = shuffle(*fill_up(x, y), random_state=42)
train, validation = int(len(xs) * 0.8), int(len(xs) * 0.1)
parts = {"train": xs[:train], "validation": xs[train:train + validation], "test": xs[train + validation:]}
xa, ya = fill_up(np.tile(x, 3), np.tile(y, 3))
xa, ya = fill_up(np.concatenate([xa, parts["train"]]), np.concatenate([ya, ys[:train]]))
parts["augmented_train"] = xa
print({k: [len(v), int(y[v].sum())] for k, v in parts.items()})
out = {
    "scans": scans,
    "size": {k: len(v) for k, v in parts.items()},
    "thawed": {k: int(y[v].sum()) for k, v in parts.items()},
    "head": {k: v[:40].tolist() for k, v in parts.items()},
    # sum over places of (place + 1) * item, modulo 2^31 - 1: changes with any change of order
    "checksum": {
        k: int(sum((i + 1) * int(item) for i, item in enumerate(v)) % (2**31 - 1))
        for k, v in parts.items()
    },
}
(here / "released.json").write_text(json.dumps(out))
