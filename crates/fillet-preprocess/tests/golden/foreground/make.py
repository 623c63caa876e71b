# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "numpy==2.4.6", "scipy==1.17.1", "opencv-python-headless==4.10.0.84",
#   "scikit-learn==1.9.1", "scikit-image==0.26.0", "pydicom==3.0.2", "pillow==13.0.0",
# ]
# ///
"""Background removal step by step, on real slices, by SciPy, OpenCV and scikit-learn.

usage: make.py FOLDER_WITH_DICOM
FOLDER holds `t1_head_54/1301_0085.dcm` and `emri_small.dcm` (sources and licences: README.md).
"""
import sys
from pathlib import Path

import cv2
import numpy as np
import pydicom
from PIL import Image
from scipy import ndimage
from sklearn.cluster import KMeans

here = Path(__file__).parent
source = Path(sys.argv[1])


def save(name, array):
    kind = np.uint16 if array.max() > 255 else np.uint8
    Image.fromarray(np.ascontiguousarray(array.astype(kind))).save(here / f"{name}.png", optimize=True)


def to_eight_bit(image, variant):
    most = image.max()
    if variant == "published":
        return np.floor(255.0 * image / most).astype(np.uint8)
    root = (most / 10.0) * (image / most) ** 0.5
    if variant == "released":
        return root.astype(np.int64).astype(np.uint8)  # wraps
    if variant == "saturating":
        return np.minimum(np.floor(root), 255).astype(np.uint8)
    return root


head = pydicom.dcmread(source / "t1_head_54/1301_0085.dcm").pixel_array[::2, ::2].astype(np.int64)
small = pydicom.dcmread(source / "emri_small.dcm").pixel_array[5].astype(np.int64)
# stretched to the whole of 12 bits, so that the released cast wraps
wide = (head * (4000 / head.max())).astype(np.int64)
for name, image in {"head": head, "small": small, "wide": wide}.items():
    save(f"{name}_input", image)
    for variant in ["published", "released", "released_uncast", "saturating"]:
        steps = {"eight_bit": to_eight_bit(image, variant)}
        steps["maximum"] = ndimage.maximum_filter(steps["eight_bit"], size=7)
        steps["eroded"] = cv2.erode(steps["maximum"], None, iterations=4)
        steps["blurred"] = cv2.GaussianBlur(steps["eroded"], (11, 11), 0)
        model = KMeans(n_clusters=2, n_init=10, random_state=0).fit(steps["blurred"].reshape(-1, 1))
        labels = model.labels_.reshape(image.shape)
        if variant != "released_uncast":
            for step, array in steps.items():
                save(f"{name}_{variant}_{step}", array)
        save(f"{name}_{variant}_mask", (labels != labels[0, 0]).astype(np.uint8) * 255)
