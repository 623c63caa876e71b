# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["numpy==2.4.6", "scipy==1.17.1", "keras-preprocessing==1.1.0"]
# ///
"""Given augmentations by keras-preprocessing 1.1.0: affine map of order 1, then the flips."""
import json
from pathlib import Path

import numpy as np
from keras_preprocessing.image.affine_transformations import apply_affine_transform, flip_axis

here = Path(__file__).parent
rng = np.random.default_rng(11)
image = rng.uniform(0, 4095, (14, 19)).astype(np.float32)
cases = []
for degrees, rows, columns, horizontal, vertical, fill, constant in [
    (0.0, 0.0, 0.0, False, False, "nearest", 0.0),
    (30.0, 0.0, 0.0, False, False, "nearest", 0.0),
    (-41.5, 2.25, -3.5, False, False, "nearest", 0.0),
    (12.0, -1.7, 3.1, True, False, "nearest", 0.0),
    (44.9, 2.8, 3.8, True, True, "nearest", 0.0),
    (0.0, 0.0, 0.0, False, True, "nearest", 0.0),
]:
    out = apply_affine_transform(
        image[..., None], theta=degrees, tx=rows, ty=columns, row_axis=0, col_axis=1,
        channel_axis=2, fill_mode=fill, cval=constant, order=1,
    )
    if horizontal:
        out = flip_axis(out, 1)
    if vertical:
        out = flip_axis(out, 0)
    cases.append({
        "parameters": {
            "rotation_degrees": degrees, "row_shift": rows, "column_shift": columns,
            "flip_horizontal": horizontal, "flip_vertical": vertical, "fill": fill,
        },
        "expected": [[float(f"{v:.9g}") for v in row] for row in out[..., 0].tolist()],
    })
(here / "cases.json").write_text(json.dumps({
    "image": [[float(f"{v:.9g}") for v in row] for row in image.tolist()], "cases": cases,
}))
