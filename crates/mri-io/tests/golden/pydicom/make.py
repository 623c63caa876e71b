# /// script
# requires-python = ">=3.10"
# dependencies = ["pydicom==3.0.2", "numpy==2.2.6", "python-gdcm==3.2.2"]
# ///
"""Writes the derived scans of tests/data/derived and expected.json with pydicom and GDCM.

Run in this folder; nothing here is random.
"""
import copy
import gzip
import hashlib
import io
import json
from pathlib import Path

import gdcm
import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

DATA = Path(__file__).parents[2] / "data"
DERIVED = DATA / "derived"


def read(path):
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    return pydicom.dcmread(io.BytesIO(raw), force=True)


def stored(dataset):
    """Stored values: unused high bits removed, sign extended."""
    array = dataset.pixel_array.astype(np.int64)
    bits = dataset.BitsStored
    array &= (1 << bits) - 1
    if dataset.PixelRepresentation:
        array = np.where(array >= 1 << (bits - 1), array - (1 << bits), array)
    return array.astype("<i4")


def packed(source, target, syntax):
    reader = gdcm.ImageReader()
    reader.SetFileName(str(source))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def group(**parts):
    outer = Dataset()
    for name, fields in parts.items():
        inner = Dataset()
        for key, value in fields.items():
            setattr(inner, key, value)
        setattr(outer, name, Sequence([inner]))
    return outer


def enhanced(source, target):
    """Frames with their own position (interleaved) and rescale; spacing shared."""
    dataset = copy.deepcopy(source)
    dataset.SharedFunctionalGroupsSequence = Sequence([group(
        PixelMeasuresSequence={"PixelSpacing": [0.75, 0.5], "SliceThickness": 3},
        PlaneOrientationSequence={"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]},
    )])
    order = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
    dataset.PerFrameFunctionalGroupsSequence = Sequence([group(
        PlanePositionSequence={"ImagePositionPatient": [-10 - 2.5 * place, 0, 0]},
        PixelValueTransformationSequence={"RescaleSlope": 1 + place, "RescaleIntercept": -place},
    ) for place in order])
    dataset.save_as(target)


def main():
    DERIVED.mkdir(exist_ok=True)
    small, emri = DATA / "MR_small.dcm", DATA / "emri_small.dcm"
    for name, source in {"emri": emri, "small": small}.items():
        packed(source, DERIVED / f"{name}_jpeg_lossless.dcm", gdcm.TransferSyntax.JPEGLosslessProcess14_1)
        packed(source, DERIVED / f"{name}_jpeg_2000.dcm", gdcm.TransferSyntax.JPEG2000Lossless)
    enhanced(read(emri), DERIVED / "enhanced.dcm")

    dataset = read(small)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(DERIVED / "small_deflated.dcm")

    dataset = read(small)
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.save_as(DERIVED / "small_monochrome1.dcm")

    raw = small.read_bytes()
    (DERIVED / "small_no_preamble.dcm").write_bytes(raw[132:])
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, Dataset(read(small)), implicit_vr=True, little_endian=True)
    (DERIVED / "small_bare_implicit.dcm").write_bytes(buffer.getvalue())

    dataset = read(small)
    wide = dataset.pixel_array.astype("<u2")
    dataset.PixelData = (wide >> 4 & 0xFF).astype("u1").tobytes()
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(DERIVED / "small_8_bit.dcm")

    expected = {}
    for path in sorted(DATA.rglob("*.dcm*")):
        if path.parent.name == "found_by_fuzzing":
            continue
        name = path.relative_to(DATA).as_posix()
        dataset = read(path)
        if not dataset.get("file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta = pydicom.dataset.FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        try:
            values = stored(dataset)
        except Exception as error:
            expected[name] = {"error": str(error)[:60]}
            continue
        expected[name] = {
            "transfer_syntax": str(dataset.file_meta.TransferSyntaxUID),
            "frames": int(dataset.get("NumberOfFrames", 1)),
            "rows": dataset.Rows,
            "columns": dataset.Columns,
            "bits_stored": dataset.BitsStored,
            "signed": bool(dataset.PixelRepresentation),
            "sum": int(values.sum(dtype=np.int64)),
            "min": int(values.min()),
            "max": int(values.max()),
            "sha256_i32le": hashlib.sha256(values.tobytes()).hexdigest(),
            "md5_i32le": hashlib.md5(values.tobytes()).hexdigest(),
            "pixel_spacing_mm": [float(x) for x in dataset.PixelSpacing] if "PixelSpacing" in dataset else None,
            "position_mm": [float(x) for x in dataset.ImagePositionPatient] if "ImagePositionPatient" in dataset else None,
            "rescale_slope": float(dataset.RescaleSlope) if "RescaleSlope" in dataset else None,
            "rescale_intercept": float(dataset.RescaleIntercept) if "RescaleIntercept" in dataset else None,
        }
    (Path(__file__).parent / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


main()
