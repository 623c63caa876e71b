# /// script
# requires-python = ">=3.10"
# dependencies = ["h5py==3.14.0", "numpy==2.2.6"]
# ///
"""Writes HDF5 files as other programs make them, and one whose links run in circles. Nothing here is random."""
import json

import h5py
import numpy as np

with h5py.File("keras.h5", "w") as f:  # as Keras 2 saves weights, with h5py's defaults
    f.attrs["backend"] = "tensorflow"
    f.attrs["keras_version"] = np.bytes_("2.15.0")
    f.attrs["layer_names"] = np.array([b"conv2d", b"batch_normalization"])
    f.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": ["x" * 30] * 300})
    conv = f.create_group("model_weights/conv2d")
    conv.attrs["weight_names"] = np.array([b"conv2d/kernel:0", b"conv2d/bias:0"])
    conv["conv2d/kernel:0"] = np.arange(3 * 3 * 2 * 4, dtype="<f4").reshape(3, 3, 2, 4) / 7
    conv["conv2d/bias:0"] = np.array([0.5, -1, 2, 1e-30], dtype="<f4")
    f["step"] = np.int64(1234)

with h5py.File("volumes.h5", "w") as f:  # scans as somebody else keeps them
    stored = (np.arange(6 * 5 * 4).reshape(6, 5, 4) * 37 % 4096).astype("<u2")
    f["contiguous"] = stored
    f["big_endian"] = stored.astype(">i2")
    f.create_dataset("odd_chunks", data=stored, chunks=(4, 3, 4), compression="gzip", fletcher32=True)
    f.create_dataset("lzf", data=stored, chunks=(1, 5, 4), compression="lzf", shuffle=True)
    f.create_dataset("growing", data=stored, maxshape=(None, 5, 4), chunks=(2, 5, 4), compression="gzip")
    f["real"] = stored / 8
    f["real"].attrs["voxel_mm"] = np.array([1.0, 0.5, 0.5])
    f["text"] = "no numbers"
    f["labels"] = np.array([b"fresh", b"thawed"])
    f["empty"] = h5py.Empty("f4")

with h5py.File("circles.h5", "w") as f:  # links that lead back, to nothing and out of the file
    f.attrs["format"], f.attrs["format_version"] = "mri-io archive", 1
    f.create_group("arrays")
    volumes = f.create_group("volumes")
    a, b = volumes.create_group("a"), volumes.create_group("b")
    a["left"] = np.arange(8, dtype="<u1").reshape(2, 2, 2)
    for name, value in {"spacing_mm": [1.0] * 3, "rescale_slope": [1.0] * 2, "rescale_intercept": [0.0] * 2}.items():
        a["left"].attrs[name] = np.array(value)
    a["b"], b["a"], a["self"], b["self"] = b, a, a, b  # hard links

with h5py.File("loose_links.h5", "w") as f:
    f.attrs["format"], f.attrs["format_version"] = "mri-io archive", 1
    f.create_group("arrays")
    f["volumes/v"] = np.arange(8, dtype="<u1").reshape(2, 2, 2)
    for name, value in {"spacing_mm": [1.0] * 3, "rescale_slope": [1.0] * 2, "rescale_intercept": [0.0] * 2}.items():
        f["volumes/v"].attrs[name] = np.array(value)
    f["volumes/nowhere"] = h5py.SoftLink("/not/there")
    f["volumes/outside"] = h5py.ExternalLink("another.h5", "/volumes/v")
    f["volumes/round"] = h5py.SoftLink("/volumes/round")
