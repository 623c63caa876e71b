"""Suite `metrics`: agreement of heatmaps against three ways of NumPy, and outline distances against MONAI."""

import numpy as np

from .harness import Work
from .rule import SIDE, enlarge, in_tissue, uniform

METHODS, NETWORKS, DISTINCT = 5, 6, 8
THRESHOLDS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
MEMORY = ["agreement peer=bit-packed maps=cam slices=16"]


def cam(slice, network, method):
    """The map of a method and a network for one slice."""

    def grid(kind, which):
        return uniform(slice * 1000 + kind * 100 + which, 81).reshape(9, 9)

    mixed = 0.45 * grid(0, 0) + 0.25 * grid(1, network) + 0.30 * grid(2, network * METHODS + method)
    return enlarge(np.clip((mixed - 0.5) * 2.0 + 0.5, 0.0, 1.0))


def noise(slice, network, method):
    seed = slice * 1000 + 300 + network * METHODS + method
    return uniform(seed, SIDE * SIDE).astype(np.float32).reshape(SIDE, SIDE)


def pairs():
    """Maps whose masks are compared: methods of one network, networks under one method."""
    cell = lambda network, method: network * METHODS + method
    for n in range(NETWORKS):
        yield from ((cell(n, a), cell(n, b)) for a in range(METHODS) for b in range(a + 1, METHODS))
    for m in range(METHODS):
        yield from ((cell(a, m), cell(b, m)) for a in range(NETWORKS) for b in range(a + 1, NETWORKS))


PAIRS = list(pairs())


def ratio(both, either):
    return both / either if either else 1.0


def by_count_nonzero(masks, reference):
    """Both counts of every pair: the intersection and the union."""
    total = 0.0
    for t in range(len(THRESHOLDS)):
        at = [m[t] for m in masks]
        for a, b in PAIRS:
            total += ratio(np.count_nonzero(at[a] & at[b]), np.count_nonzero(at[a] | at[b]))
        for a in at:
            total += ratio(np.count_nonzero(a & reference), np.count_nonzero(a | reference))
    return total


def by_sums(masks, reference):
    """The union from the areas: |A| + |B| − |A ∩ B|, each area counted once."""
    total = 0.0
    area_r = np.count_nonzero(reference)
    for t in range(len(THRESHOLDS)):
        at = [m[t] for m in masks]
        area = [np.count_nonzero(a) for a in at]
        for a, b in PAIRS:
            both = np.count_nonzero(at[a] & at[b])
            total += ratio(both, area[a] + area[b] - both)
        for a, own in zip(at, area):
            both = np.count_nonzero(a & reference)
            total += ratio(both, own + area_r - both)
    return total


def bits(words):
    return int(np.bitwise_count(words).sum(dtype=np.uint64))


def by_packed(masks, reference):
    """Masks packed into 64-bit words, intersections counted by `bitwise_count`, the union from the areas."""
    total = 0.0
    pack = lambda mask: np.packbits(mask).view(np.uint64)
    reference = pack(reference)
    area_r = bits(reference)
    for t in range(len(THRESHOLDS)):
        at = [pack(m[t]) for m in masks]
        area = [bits(a) for a in at]
        for a, b in PAIRS:
            both = bits(at[a] & at[b])
            total += ratio(both, area[a] + area[b] - both)
        for a, own in zip(at, area):
            both = bits(a & reference)
            total += ratio(both, own + area_r - both)
    return total


WAYS = {"count_nonzero": by_count_nonzero, "union-from-sums": by_sums, "bit-packed": by_packed}


def agreement(way, kind, slices, rounds):
    def make():
        maps, references = [], []
        tissue = in_tissue() if kind == "cam" else None
        one = cam if kind == "cam" else noise
        for s in range(min(slices, DISTINCT)):
            maps.append([one(s, n, m) for n in range(NETWORKS) for m in range(METHODS)])
            reference = cam(s, NETWORKS, 0) >= 0.5
            references.append(reference if tissue is None else reference & tissue)
        # A float32 value compared in float64, as the released code does, is a comparison in float32
        # with the least float32 that reaches the threshold: the fastest exact way here.
        cuts = [np.float32(t) for t in THRESHOLDS]
        cuts = [c if float(c) >= t else np.nextafter(c, np.float32(2)) for c, t in zip(cuts, THRESHOLDS)]

        def masks(heat):
            planes = [heat >= c for c in cuts]
            return planes if tissue is None else [p & tissue for p in planes]

        def run():
            total = 0.0
            for s in range(slices):
                s %= len(maps)
                total += WAYS[way]([masks(heat) for heat in maps[s]], references[s])
            return total

        return run

    # Sums of a million ratios in another order.
    return Work(f"agreement peer={way} maps={kind} slices={slices}", make, check=1e-10, rounds=rounds, seconds=0)


def outlines(count):
    def make():
        import torch
        from monai.metrics import (
            compute_average_surface_distance,
            compute_hausdorff_distance,
            compute_surface_dice,
        )

        tissue = in_tissue()
        masks = [
            torch.from_numpy(np.stack([(cam(p, 0, which) >= 0.5) & tissue for p in range(count)])[:, None]).float()
            for which in (0, 1)
        ]
        options = {"include_background": True, "spacing": [0.234375, 0.234375]}

        def run():
            hd95 = compute_hausdorff_distance(*masks, percentile=95, **options)
            assd = compute_average_surface_distance(*masks, symmetric=True, **options)
            dice = compute_surface_dice(*masks, [1.0], **options)
            return float((hd95 + assd + dice).sum())

        return run

    # MONAI computes in float32.
    return Work(f"outlines hd95+assd+surface-dice pairs={count}", make, check=1e-5, rounds=5)


def use_memory(work, threads):
    """Does the one work of `MEMORY` on the peer's side."""
    options = dict(word.split("=") for word in work.split(" ")[1:])
    agreement(options["peer"], options["maps"], int(options["slices"]), rounds=1).make()()


def works(threads):
    # The whole job of the paper, 1,140,480 IoU; eight distinct slices, over and over, bound the memory of both.
    for way in WAYS:
        yield agreement(way, "cam", 768, rounds=2)
    for way in WAYS:
        yield agreement(way, "noise", 96, rounds=3)
    yield outlines(20)
