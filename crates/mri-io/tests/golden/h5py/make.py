# /// script
# requires-python = ">=3.10"
# dependencies = ["h5py==3.14.0", "numpy==2.2.6"]
# ///
"""Writes archive.h5: an archive as h5py makes one with its defaults. Nothing here is random."""
import h5py
import numpy as np

stored = (np.arange(4 * 5 * 6).reshape(4, 5, 6) * 31 - 1000).astype("<i2")
with h5py.File("archive.h5", "w") as f:
    f.attrs["format"] = "mri-io archive"
    f.attrs["format_version"] = 1
    f.create_group("arrays")
    volume = f.create_dataset(
        "volumes/fish 1/left", data=stored, chunks=(1, 5, 6), compression="gzip", shuffle=True
    )
    volume.attrs["spacing_mm"] = np.array([0.7, 0.5, 0.25])
    volume.attrs["rescale_slope"] = np.full(4, 2.0)
    volume.attrs["rescale_intercept"] = np.arange(4.0)
    volume.attrs["series_description"] = "Þorskur"
    volume.attrs["echo_time_ms"] = 68.0
    volume.attrs["signed"] = True
    f["volumes/contiguous"] = stored.astype("<u2")
    for name in ("spacing_mm", "rescale_slope", "rescale_intercept"):
        f["volumes/contiguous"].attrs[name] = volume.attrs[name]
    f["arrays/map"] = np.linspace(0, 1, 12, dtype="<f4").reshape(3, 4)
    f["arrays/map"].attrs["method"] = "grad_cam"
