# /// script
# requires-python = "==3.11.*"
# dependencies = [
#   "numpy==2.4.6", "scipy==1.17.1", "scikit-learn==1.9.1", "scikit-image==0.26.0",
#   "statsmodels==0.15.0", "krippendorff==0.9.0", "surface-distance==0.1", "medpy==0.5.2",
#   "monai==1.6.1", "torch==2.9.1",
# ]
# ///
"""Writes the fixtures next to this file: random masks and maps with the numbers of other programs.

    uv run make.py        (or: pip install the versions above, then python make.py)

Masks are packed, most significant bit first, and written as hexadecimal digits.
"""
import json
import pathlib
import warnings

import numpy as np

# surface-distance 0.1 uses names that NumPy 2 dropped.
np.NaN, np.Inf = np.nan, np.inf

import krippendorff
import surface_distance
import torch
from medpy.metric import binary as medpy
from monai.metrics import (
    compute_average_surface_distance,
    compute_generalized_dice,
    compute_hausdorff_distance,
    compute_iou,
    compute_surface_dice,
)
from scipy import ndimage
from skimage.metrics import variation_of_information
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve
from statsmodels.stats import inter_rater

HERE = pathlib.Path(__file__).parent
warnings.filterwarnings("ignore")


def number(x):
    x = float(x)
    if np.isnan(x):
        return "nan"
    if np.isinf(x):
        return "inf" if x > 0 else "-inf"
    return float(f"{x:.13g}")


def packed(mask):
    return np.packbits(np.asarray(mask, bool).ravel()).tobytes().hex()


def blob(rng, shape):
    """A smooth random mask: usually one to three parts, some pixels of noise."""
    field = ndimage.gaussian_filter(rng.normal(size=shape), rng.uniform(0.4, 1.8))
    mask = field > np.quantile(field, rng.uniform(0.2, 0.95))
    return mask ^ (rng.random(shape) < rng.choice([0.0, 0.02]))


def write(name, source, cases):
    text = "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]"
    (HERE / f"{name}.json").write_text(f'{{"source":"{source}","cases":{text}}}\n')
    print(name, len(cases), (HERE / f"{name}.json").stat().st_size)


def overlap(rng):
    cases = []
    for _ in range(300):
        shape = tuple(int(n) for n in rng.integers(3, 13, size=2))
        p, r, roi = (blob(rng, shape) for _ in range(3))
        if rng.random() < 0.5:
            r = ndimage.binary_dilation(p) if rng.random() < 0.5 else r | p
        roi[0, 0] = True
        a, b = r[roi].astype(int), p[roi].astype(int)
        tn, fp, fn, tp = sk.confusion_matrix(a, b, labels=[0, 1]).ravel()
        cases.append({
            "shape": shape, "p": packed(p), "r": packed(r), "roi": packed(roi),
            "counts": [int(tp), int(fp), int(fn), int(tn)],
            "iou": number(sk.jaccard_score(a, b, zero_division=0)),
            "dice": number(sk.f1_score(a, b, zero_division=0)),
            "precision": number(sk.precision_score(a, b, zero_division=0)),
            "recall": number(sk.recall_score(a, b, zero_division=0)),
            "f2": number(sk.fbeta_score(a, b, beta=2, zero_division=0)),
            "mcc": number(sk.matthews_corrcoef(a, b)),
            "kappa": number(sk.cohen_kappa_score(a, b, labels=[0, 1])),
        })
    write("overlap", "scikit-learn 1.9.1", cases)


def surface(rng):
    pixel, surfel, transform, rims = [], [], [], []
    while len(pixel) < 320:
        axes = 2 if len(pixel) < 200 else 3
        shape = tuple(int(n) for n in rng.integers(4, 12 if axes == 2 else 8, size=axes))
        spacing = [float(s) for s in rng.choice([0.25, 0.5, 1.0, 1.5, 3.0], size=axes)]
        p, r = blob(rng, shape), blob(rng, shape)
        if rng.random() < 0.6:
            r = ndimage.shift(p.astype(int), rng.integers(-1, 2, size=axes), order=0) > 0
        if not p.any() or not r.any():
            continue
        tolerance = float(rng.choice([0.3, 0.5, 1.0, 2.0]))
        both = {"shape": shape, "spacing": spacing, "p": packed(p), "r": packed(r)}
        tp, tr = (torch.tensor(m[None, None].astype(np.float32)) for m in (p, r))
        kw = {"include_background": True, "spacing": spacing}
        pixel.append({
            **both, "tolerance": tolerance,
            "medpy_hd": number(medpy.hd(p, r, voxelspacing=spacing)),
            "medpy_hd95": number(medpy.hd95(p, r, voxelspacing=spacing)),
            "medpy_asd": number(medpy.asd(p, r, voxelspacing=spacing)),
            "medpy_assd": number(medpy.assd(p, r, voxelspacing=spacing)),
            "monai_hd95": number(compute_hausdorff_distance(tp, tr, percentile=95, **kw)),
            "monai_assd": number(compute_average_surface_distance(tp, tr, symmetric=True, **kw)),
            "monai_nsd": number(compute_surface_dice(tp, tr, [tolerance], **kw)),
        })
        found = surface_distance.compute_surface_distances(r, p, spacing)
        asd = surface_distance.compute_average_surface_distance(found)
        over = surface_distance.compute_surface_overlap_at_tolerance(found, tolerance)
        surfel.append({
            **both, "tolerance": tolerance,
            "hd100": number(surface_distance.compute_robust_hausdorff(found, 100)),
            "hd80": number(surface_distance.compute_robust_hausdorff(found, 80)),
            "asd": [number(x) for x in asd], "overlap": [number(x) for x in over],
            "dice": number(surface_distance.compute_surface_dice_at_tolerance(found, tolerance)),
            "area": [number(found["surfel_areas_gt"].sum()),
                     number(found["surfel_areas_pred"].sum())],
        })
        edt = ndimage.distance_transform_edt(~p, sampling=spacing)
        transform.append({
            "shape": shape, "spacing": spacing, "p": packed(p),
            "sum": number(edt.sum()), "max": number(edt.max()),
            "weighted": number((edt.ravel() * np.arange(edt.size)).sum()),
        })
        d = int(rng.integers(1, 4)) if axes == 2 else 1 + len(pixel) % 3
        box = np.ones((3,) * axes, bool)
        rim = [m & ~ndimage.binary_erosion(m, box, iterations=d, border_value=0) for m in (p, r)]
        cross = ndimage.generate_binary_structure(axes, 1)
        outline = [m & ~ndimage.binary_erosion(m, cross, border_value=0) for m in (p, r)]
        near = [ndimage.distance_transform_edt(~m, sampling=spacing) <= tolerance for m in outline]
        precision, recall = near[1][outline[0]].mean(), near[0][outline[1]].mean()
        rims.append({
            **both, "d": d, "tolerance": tolerance,
            "iou": number((rim[0] & rim[1]).sum() / (rim[0] | rim[1]).sum()),
            "band": int(near[1].sum()),
            "trimap": number((p & r & near[1]).sum() / ((p | r) & near[1]).sum()),
            "precision": number(precision), "recall": number(recall),
            "f1": number(2 * precision * recall / (precision + recall) if precision + recall else 0),
        })
    write("outline", "medpy 0.5.2, MONAI 1.6.1 (float32)", pixel)
    write("surfel", "surface-distance 0.1", surfel)
    write("transform", "SciPy 1.17.1 distance_transform_edt", transform)
    write("rim", "SciPy 1.17.1 binary_erosion, as boundary-iou-api composes it, and distance_transform_edt", rims)


def scores(rng):
    cases = []
    while len(cases) < 300:
        n = int(rng.integers(4, 40))
        truth = rng.random(n) < rng.uniform(0.1, 0.9)
        if truth.all() or not truth.any():
            continue
        heat = np.round(np.clip(rng.random(n) * 0.7 + 0.3 * truth * rng.random(), 0, 1), 2)
        frequency, confidence = calibration_curve(truth, heat, n_bins=10)
        cases.append({
            "heat": [float(x) for x in heat], "truth": [int(t) for t in truth],
            "confidence": [number(x) for x in confidence],
            "frequency": [number(x) for x in frequency],
            "auc": number(sk.roc_auc_score(truth, heat)),
            "ap": number(sk.average_precision_score(truth, heat)),
            "brier": number(sk.brier_score_loss(truth, heat)),
        })
    write("scores", "scikit-learn 1.9.1", cases)


def raters(rng):
    cases = []
    while len(cases) < 300:
        raters, units = int(rng.integers(2, 6)), int(rng.integers(4, 14))
        truth = rng.integers(0, 2, units)
        masks = np.where(rng.random((raters, units)) < 0.25, 1 - truth, truth)
        table = np.stack([(masks == 0).sum(0), (masks == 1).sum(0)], axis=1)
        levels = rng.integers(1, 5, units)
        ratings = np.where(rng.random((raters, units)) < 0.4,
                           rng.integers(1, 5, (raters, units)), levels).astype(float)
        ratings[rng.random((raters, units)) < 0.15] = np.nan
        pairable = ratings[:, (~np.isnan(ratings)).sum(0) > 1]
        if len(np.unique(masks)) < 2 or len(np.unique(pairable[~np.isnan(pairable)])) < 2:
            continue
        alpha = {level: number(krippendorff.alpha(ratings, level_of_measurement=level))
                 for level in ("nominal", "ordinal", "interval", "ratio")}
        cases.append({
            "masks": masks.tolist(),
            "ratings": [[None if np.isnan(x) else int(x) for x in row] for row in ratings],
            "fleiss": number(inter_rater.fleiss_kappa(table)),
            "alpha_masks": number(krippendorff.alpha(masks, level_of_measurement="nominal")),
            **alpha,
        })
    write("raters", "statsmodels 0.15.0, krippendorff 0.9.0", cases)


def labels(rng):
    partitions, classes = [], []
    for _ in range(300):
        n = int(rng.integers(5, 40))
        a = rng.integers(0, rng.integers(2, 6), n)
        b = np.where(rng.random(n) < 0.4, rng.integers(0, 5, n), a)
        voi = variation_of_information(a, b)
        partitions.append({
            "a": a.tolist(), "b": b.tolist(),
            "rand": number(sk.rand_score(a, b)), "ari": number(sk.adjusted_rand_score(a, b)),
            "mi": number(sk.mutual_info_score(a, b)), "voi": [number(x) for x in voi],
        })
        p, r = b % 4, a % 4
        hot = [torch.nn.functional.one_hot(torch.tensor(m), 4).T[None, :, None].float()
               for m in (p, r)]
        gd = compute_generalized_dice(*hot, sum_over_classes=True)
        classes.append({
            "p": p.tolist(), "r": r.tolist(),
            "counts": sk.confusion_matrix(r, p, labels=range(4)).tolist(),
            "monai_iou": [number(x) for x in compute_iou(*hot, ignore_empty=False)[0]],
            "monai_generalised_dice": number(gd),
        })
    write("partitions", "scikit-learn 1.9.1, scikit-image 0.26.0", partitions)
    write("classes", "scikit-learn 1.9.1, MONAI 1.6.1 (float32)", classes)


for seed, make in enumerate([overlap, surface, scores, raters, labels]):
    make(np.random.default_rng(20230000 + seed))
