# /// script
# requires-python = ">=3.11"
# dependencies = ["nibabel==5.4.2", "numpy==2.4.6"]
# ///
"""Small NIfTI-1 images by nibabel, and what it says about them. Run in this folder; nothing is random."""
import json
from pathlib import Path

import nibabel as nib
import numpy as np

here = Path(__file__).parent
columns, rows, slices = 5, 4, 3
index = np.arange(columns * rows * slices).reshape(slices, rows, columns)
grey = ((index * 131) % 4096).transpose(2, 1, 0)  # i, j, k = column, row, slice
turn = np.radians(25)
oblique = np.array([
    [-0.25 * np.cos(turn), 0.0, 2.0 * np.sin(turn), 12.5],
    [0.0, -0.5, 0.0, -3.25],
    [0.25 * np.sin(turn), 0.0, 2.0 * np.cos(turn), 40.0],
    [0.0, 0.0, 0.0, 1.0],
])
expected = {}


def save(name, image, sform=1, qform=0, slope=1.0, intercept=0.0):
    image.header["descrip"] = name
    image.header.set_zooms((0.25, 0.5, 2.0))
    image.set_sform(oblique if sform else None, code=sform)
    image.set_qform(oblique if qform else None, code=qform)
    image.header.set_slope_inter(slope, intercept)
    nib.save(image, here / name)
    again = nib.load(here / name)
    stored = np.asarray(again.dataobj.get_unscaled()).transpose(2, 1, 0)
    expected[name] = {
        "shape": list(stored.shape),
        "stored": stored.astype(int).ravel().tolist(),
        "affine": again.affine.tolist() if sform or qform else None,
        "zooms": [float(z) for z in again.header.get_zooms()],
        "slope": slope,
        "intercept": intercept,
    }


def image(kind, order="<"):
    header = nib.Nifti1Header(endianness=order)
    header.set_data_dtype(np.dtype(kind).newbyteorder(order))
    return nib.Nifti1Image(grey.astype(np.dtype(kind).newbyteorder(order)), None, header)


save("sform_int16.nii.gz", image("i2"), slope=2.0, intercept=-1.0)
save("qform_uint16_big_endian.nii", image("u2", ">"), sform=0, qform=1)
plain = image("f4")
save("plain_float32.nii.gz", plain, sform=0)
(here / "expected.json").write_text(json.dumps(expected, indent=1))
