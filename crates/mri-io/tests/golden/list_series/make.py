# /// script
# requires-python = ">=3.10"
# dependencies = ["pydicom==3.0.2", "numpy==2.2.6", "python-gdcm==3.2.2"]
# ///
"""What `list_series --json` says of a folder, from pydicom: make.py [FOLDER] [OUT.json]. Nothing here is random.

Files are grouped by (folder, SeriesInstanceUID, transfer syntax, rows, columns, bits stored, pixel representation). The
texts of problems and errors are the program's own, so only whether there are any is given.
"""
import gzip
import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pydicom

HERE = Path(__file__).parent
FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[1] / "data"
OUT = Path(sys.argv[2]) if len(sys.argv) > 2 else HERE / "expected.json"


def read(path):
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    dataset = pydicom.dcmread(io.BytesIO(raw), force=True)
    if not dataset.get("file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
        if "Rows" not in dataset:
            return None
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    return dataset


def stored(dataset):
    array = dataset.pixel_array.astype(np.int64) & ((1 << dataset.BitsStored) - 1)
    if dataset.PixelRepresentation:
        array = np.where(array >= 1 << (dataset.BitsStored - 1), array - (1 << dataset.BitsStored), array)
    return array


def group(dataset, frame, sequence):
    """A functional group of a frame: its own, else the shared one, else the data set itself."""
    for outer in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        items = dataset.get(outer) or []
        index = frame if outer.startswith("Per") else 0
        if len(items) > index and items[index].get(sequence):
            return items[index][sequence][0]
    return dataset


def number(dataset, key):
    value = dataset.get(key)
    return None if value in (None, "") else float(value)


groups, unreadable = {}, []
for path in sorted(p for p in FOLDER.rglob("*") if p.is_file() and not p.name.startswith(".")):
    if path.parent.name == "found_by_fuzzing":
        continue  # no scans
    name = path.relative_to(FOLDER).as_posix()
    try:
        dataset = read(path)
        if dataset is None:
            continue  # no DICOM: the program may list it as an error or not at all
        values = stored(dataset)
    except Exception:
        if path.suffix in (".dcm", ".gz"):
            unreadable.append([name])
        continue
    key = (path.parent, str(dataset.get("SeriesInstanceUID")), str(dataset.file_meta.TransferSyntaxUID), dataset.Rows,
           dataset.Columns, dataset.BitsStored, dataset.PixelRepresentation)
    groups.setdefault(key, []).append((name, dataset, values))

listed = []
for (_, uid, syntax, rows, columns, bits, _), members in groups.items():
    first = members[0][1]
    along = []
    for _, dataset, _ in members:
        for frame in range(int(dataset.get("NumberOfFrames", 1))):
            position = group(dataset, frame, "PlanePositionSequence").get("ImagePositionPatient")
            cosines = group(dataset, frame, "PlaneOrientationSequence").get("ImageOrientationPatient")
            if position and cosines:
                normal = np.cross(np.array(cosines[:3], float), np.array(cosines[3:], float))
                along.append(float(np.dot(np.array(position, float), normal)))
    frames = sum(int(d.get("NumberOfFrames", 1)) for _, d, _ in members)
    steps = np.diff(np.unique(np.round(along, 3))) if len(along) == frames else []
    measures = group(first, 0, "PixelMeasuresSequence")
    slice_mm = float(np.median(steps)) if len(steps) else (
        number(measures, "SpacingBetweenSlices") or number(measures, "SliceThickness"))
    pixels = measures.get("PixelSpacing")
    spacing = [slice_mm, *(map(float, pixels) if pixels else (None, None))]
    rescale = group(first, 0, "PixelValueTransformationSequence")
    listed.append({
        "series_uid": None if uid == "None" else uid,
        "files": [name for name, _, _ in members],
        "frames": frames, "rows": rows, "columns": columns, "bits_stored": bits, "transfer_syntax": syntax,
        "stored_sum": int(sum(v.sum() for _, _, v in members)),
        "stored_min": int(min(v.min() for _, _, v in members)),
        "stored_max": int(max(v.max() for _, _, v in members)),
        "rescale_slope": number(rescale, "RescaleSlope"), "rescale_intercept": number(rescale, "RescaleIntercept"),
        "spacing_mm": None if spacing == [None] * 3 else spacing,
    })
listed.sort(key=lambda s: s["files"][0])
OUT.write_text(json.dumps({"series": listed, "unreadable": unreadable}, indent=1) + "\n")
