# /// script
# requires-python = ">=3.10"
# dependencies = ["pydicom==3.0.2", "numpy==2.2.6"]
# ///
"""Looks at what `cargo run -p mri-io --example write_scan -- FOLDER` wrote: check.py FOLDER.

Every value must be valid by its value representation (pydicom, strict), pixels and geometry must be those of the example,
and dciodvfy, where it is installed, must find no error.
"""
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pydicom

pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
warnings.simplefilter("error")
folder = Path(sys.argv[1])
s, r, c = np.mgrid[:4, :48, :64]
expected = (s * 997 + r * 31 + c * 7) % 4096
checked = 0


def read(path):
    dataset = pydicom.dcmread(path)
    for element in dataset.iterall():  # reads, and so validates, every value
        element.value
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    dataset.save_as(folder / "again.tmp", enforce_file_format=True)
    (folder / "again.tmp").unlink()
    return dataset


multi = read(folder / "multi_frame.dcm")
assert multi.SOPClassUID == pydicom.uid.EnhancedMRImageStorage
assert np.array_equal(multi.pixel_array, expected)
shared = multi.SharedFunctionalGroupsSequence[0]
assert list(shared.PixelMeasuresSequence[0].PixelSpacing) == [0.234375, 0.25]
for frame, groups in enumerate(multi.PerFrameFunctionalGroupsSequence):
    assert groups.PlanePositionSequence[0].ImagePositionPatient[2] == frame
    transform = groups.PixelValueTransformationSequence[0]
    assert (transform.RescaleSlope, transform.RescaleIntercept) == (1 + frame / 2, -frame)
assert str(multi.SeriesDescription) == "Þorskur, T2"

slices = sorted((folder / "series").glob("*.dcm"))
assert len(slices) == 4
for index, path in enumerate(slices):
    one = read(path)
    assert one.SOPClassUID == pydicom.uid.MRImageStorage and one.SeriesInstanceUID == multi.SeriesInstanceUID
    assert np.array_equal(one.pixel_array, expected[index])
    assert one.ImagePositionPatient[2] == index and one.RescaleSlope == 1 + index / 2

for name, pixels in {"nameless_multi_frame": expected, "nameless_slice": expected[1]}.items():
    clean = read(folder / f"{name}.dcm")
    assert np.array_equal(clean.pixel_array, pixels)
    assert str(clean.PatientID) == "subject 1" and clean.PatientIdentityRemoved == "YES"
    assert "SeriesDescription" not in clean and clean.SeriesInstanceUID != multi.SeriesInstanceUID
    assert clean.StudyDate == "" and not [e for e in clean.iterall() if e.tag.is_private]

tool = shutil.which("dciodvfy")
for path in sorted(folder.rglob("*.dcm")) if tool else []:
    said = subprocess.run([tool, path], capture_output=True, text=True)
    errors = [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]
    assert not errors, (path, errors)
    checked += 1
print(f"{len(slices) + 3} files are valid by pydicom {pydicom.__version__}, {checked} of them by dciodvfy too")
