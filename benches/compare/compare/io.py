"""Suite `io`: 64 multi-frame scans of 54 × 256² into HDF5, and ranges of slices out of it, against pydicom and h5py.

The program writes the scans (`benches/src/bin/compare_io.rs`) into a temporary folder when a work is prepared; both
sides read those files. Both archives have one chunk per slice, shuffle and deflate of level 4, and are flushed to the
disk.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pydicom

from .harness import Work

SLICES, SIDE, LEVEL = 54, 256, 4
MEMORY = ["import scans=8", "import scans=64"]

if "COMPARE_IO" not in os.environ:
    os.environ["COMPARE_IO"] = tempfile.mkdtemp(prefix="compare-io-")
    atexit.register(shutil.rmtree, os.environ["COMPARE_IO"], ignore_errors=True)
FOLDER = Path(os.environ["COMPARE_IO"])


def names(scans):
    return [f"scan{scan:02}" for scan in range(scans)]


def write(scans, archive):
    """Every scan into a dataset, with its spacing, rescale and identifier as attributes."""
    with h5py.File(archive, "w") as file:
        for name in names(scans):
            scan = pydicom.dcmread(FOLDER / "scans" / f"{name}.dcm")
            stored = file.create_dataset(
                f"volumes/{name}", data=scan.pixel_array, chunks=(1, SIDE, SIDE), shuffle=True, compression="gzip",
                compression_opts=LEVEL,
            )
            shared = scan.SharedFunctionalGroupsSequence[0]
            measures = shared.PixelMeasuresSequence[0]
            spacing = [float(measures.get("SpacingBetweenSlices", 1.0)), *map(float, measures.PixelSpacing)]
            stored.attrs["spacing_mm"] = spacing
            stored.attrs["rescale_slope"] = np.ones(SLICES)
            stored.attrs["rescale_intercept"] = np.zeros(SLICES)
            stored.attrs["series_uid"] = str(scan.SeriesInstanceUID)
    with open(archive, "rb+") as file:
        os.fsync(file.fileno())


def stored_sum(scans, archive):
    with h5py.File(archive) as file:
        return float(sum(int(file[f"volumes/{name}"][:].sum(dtype=np.int64)) for name in names(scans)))


def import_scans(scans, rounds):
    archive = FOLDER / f"peer-{os.getpid()}.h5"

    def make():
        def checksum():
            """Of the peer's archive; h5py reads the program's archive alike."""
            theirs, ours = stored_sum(scans, archive), stored_sum(scans, FOLDER / "ours.h5")
            if ours != theirs:
                raise ValueError(f"h5py reads {ours} in the program's archive, {theirs} in the peer's")
            return theirs

        def run():
            write(scans, archive)
            return checksum

        return run

    return Work(f"import scans={scans}", make, check=0.0, rounds=rounds, seconds=0)


def slices(scans, first, end, rounds):
    archive = FOLDER / f"peer-{os.getpid()}.h5"

    def make():
        write(scans, archive)

        def run():
            total = 0.0
            with h5py.File(archive) as file:
                for name in names(scans):
                    part = file[f"volumes/{name}"][first:end]
                    total += float(part[0, SIDE // 2, SIDE // 2])
            return total

        return run

    return Work(f"slices range={first}..{end} scans={scans}", make, check=0.0, rounds=rounds)


def use_memory(work, threads):
    """Does one work of `MEMORY` on the peer's side; the program has written the scans."""
    write(int(work.rsplit("=", 1)[1]), FOLDER / f"peer-{os.getpid()}.h5")


def works(threads):
    yield import_scans(8, rounds=3)
    yield import_scans(64, rounds=1)
    yield slices(8, 20, 30, rounds=7)
    yield slices(8, 27, 28, rounds=7)
