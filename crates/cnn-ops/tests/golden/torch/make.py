# /// script
# requires-python = ">=3.10"
# dependencies = ["torch==2.9.1", "numpy==2.4.6"]
# ///
"""Writes the fixtures beside this file from PyTorch in float64 on one thread."""

import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(20240229)
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
HERE = pathlib.Path(__file__).parent


def pack(t):
    return {"shape": list(t.shape), "values": [round(v, 12) for v in t.detach().flatten().tolist()]}


def data(*shape):
    """Multiples of 1/64 in (-2, 2), exact in float32 and short in the file."""
    return torch.randint(-127, 128, shape).to(torch.float64) / 64


def case(options, f, **inputs):
    leaves = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y = f(**leaves)
    dy = data(*y.shape)
    grads = torch.autograd.grad(y, list(leaves.values()), dy)
    return {
        "options": options,
        "inputs": {k: pack(v) for k, v in inputs.items()},
        "output": pack(y),
        "output_gradient": pack(dy),
        "gradients": {k: pack(g) for k, g in zip(leaves, grads)},
    }


def conv():
    cases = []
    for b, c, f, h, w, kh, kw, stride, dilation, groups, pad in [
        (2, 2, 3, 7, 6, 3, 3, (1, 1), (1, 1), 1, (1, 1, 1, 1)),
        (1, 1, 2, 9, 8, 7, 7, (2, 2), (1, 1), 1, (3, 3, 3, 3)),
        (1, 2, 3, 8, 8, 3, 3, (2, 2), (1, 1), 1, (0, 1, 0, 1)),
        (1, 2, 3, 4, 9, 1, 7, (1, 1), (1, 1), 1, (0, 0, 3, 3)),
        (1, 2, 3, 9, 4, 7, 1, (1, 1), (1, 1), 1, (3, 3, 0, 0)),
        (2, 3, 3, 7, 9, 3, 3, (1, 1), (1, 1), 3, (1, 1, 1, 1)),
        (1, 2, 4, 9, 9, 3, 3, (2, 2), (1, 1), 2, (1, 1, 1, 1)),
        (2, 4, 2, 5, 7, 3, 2, (1, 1), (1, 1), 2, (1, 0, 1, 0)),
        (2, 3, 4, 4, 5, 1, 1, (1, 1), (1, 1), 1, (0, 0, 0, 0)),
        (1, 5, 3, 7, 7, 1, 1, (2, 2), (1, 1), 1, (0, 0, 0, 0)),
        (1, 2, 2, 11, 9, 3, 3, (1, 2), (2, 3), 1, (2, 2, 3, 3)),
        (1, 2, 2, 5, 5, 2, 2, (3, 3), (1, 1), 1, (0, 0, 0, 0)),
        (1, 4, 3, 9, 6, 3, 3, (1, 1), (1, 1), 1, (1, 1, 1, 1)),
    ]:
        t, bo, l, r = pad

        def f_(x, weight, bias):
            return F.conv2d(F.pad(x, (l, r, t, bo)), weight, bias, stride, 0, dilation, groups)

        options = {"stride": stride, "dilation": dilation, "groups": groups, "padding": pad}
        cases.append(
            case(options, f_, x=data(b, c, h, w), weight=data(f, c // groups, kh, kw), bias=data(f))
        )
    return cases


def pools():
    cases = []
    for h, w, k, s, p, ceil in [
        (8, 7, (3, 3), (2, 2), (1, 1), False),
        (7, 6, (3, 3), (2, 2), (1, 1), True),
        (6, 6, (2, 2), (2, 2), (0, 0), False),
        (5, 7, (3, 2), (1, 3), (1, 0), True),
        (5, 5, (2, 2), (2, 2), (1, 1), True),
    ]:
        options = {"kernel": k, "stride": s, "padding": p, "ceil_mode": ceil}
        x = data(2, 2, h, w)
        cases.append(case(options | {"pool": "max"}, lambda x: F.max_pool2d(x, k, s, p, 1, ceil), x=x))
        for include in (True, False):
            kind = "include" if include else "exclude"
            cases.append(
                case(options | {"pool": kind}, lambda x: F.avg_pool2d(x, k, s, p, ceil, include), x=x)
            )
    return cases


def resampling():
    cases = []
    for h, w, size in [(4, 5, (8, 10)), (3, 4, (7, 5)), (6, 7, (3, 4)), (1, 3, (4, 1))]:
        x = data(1, 2, h, w)
        for align in (True, False):
            kind = "align" if align else "half_pixel"
            f = lambda x: F.interpolate(x, size, mode="bilinear", align_corners=align)
            cases.append(case({"size": size, "kind": kind}, f, x=x))
        cases.append(case({"size": size, "kind": "nearest"}, lambda x: F.interpolate(x, size), x=x))
        cases.append(
            case({"size": size, "kind": "adaptive"}, lambda x: F.adaptive_avg_pool2d(x, size), x=x)
        )
    x = data(1, 2, 4, 5)
    for pad in [(1, 2, 3, 0), (3, 3, 4, 4)]:
        t, b, l, r = pad
        f = lambda x: F.pad(x, (l, r, t, b), mode="reflect")
        cases.append(case({"size": pad, "kind": "reflect"}, f, x=x))
    return cases


def layers():
    cases = []
    for eps in (1e-5, 1e-3):
        x, gamma, beta = data(3, 4, 3, 5), data(4), data(4)
        mean, variance = data(4), data(4).abs() + 0.25
        f = lambda x, gamma, beta: F.batch_norm(x, None, None, gamma, beta, True, 0.1, eps)
        c = case({"kind": "batch_norm_train", "eps": eps}, f, x=x, gamma=gamma, beta=beta)
        c["mean"] = pack(x.mean((0, 2, 3)))
        c["variance"] = pack(x.var((0, 2, 3), unbiased=False))
        cases.append(c)
        f = lambda x, gamma, beta: F.batch_norm(x, mean, variance, gamma, beta, False, 0.1, eps)
        c = case({"kind": "batch_norm_eval", "eps": eps}, f, x=x, gamma=gamma, beta=beta)
        c["mean"], c["variance"] = pack(mean), pack(variance)
        cases.append(c)
    x = data(2, 30) * 5
    x[0, :5] = torch.tensor([0.0, -0.0, 6.0, 7.0, -1.0])
    cases.append(case({"kind": "relu"}, lambda x: F.relu(x), x=x))
    cases.append(case({"kind": "relu6"}, lambda x: F.relu6(x), x=x))
    f = lambda x, weight, bias: F.linear(x, weight, bias)
    cases.append(case({"kind": "linear"}, f, x=data(3, 5), weight=data(4, 5), bias=data(4)))
    labels = [2, 0, 1, 2, 2]
    for weights in (None, [0.5, 2.0, 1.25]):
        w = None if weights is None else torch.tensor(weights)
        f = lambda x: F.cross_entropy(x, torch.tensor(labels), w)
        options = {"kind": "cross_entropy", "labels": labels, "weights": weights}
        cases.append(case(options, f, x=data(5, 3) * 20))
    return cases


for make in (conv, pools, resampling, layers):
    document = {"source": f"torch {torch.__version__.split('+')[0]}", "cases": make()}
    (HERE / f"{make.__name__}.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
