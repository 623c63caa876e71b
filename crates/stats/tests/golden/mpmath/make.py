# /// script
# requires-python = "==3.11.*"
# dependencies = ["mpmath==1.4.1"]
# ///
"""Writes tails.json: tails and quantiles by mpmath with 60 digits, down to 1e-300.

    uv run make.py        (or: pip install mpmath==1.4.1, then python make.py)
"""
import json
import pathlib
import random

from mpmath import mp, mpf

mp.dps = 60
HERE = pathlib.Path(__file__).parent
random.seed(1)


def number(v):
    return float(mp.nstr(v, 17))


def normal_sf(x):
    return mp.erfc(x / mp.sqrt(2)) / 2


def chi_squared_sf(x, k):
    return mp.gammainc(mpf(k) / 2, mpf(x) / 2, mp.inf, regularized=True)


def beta_lower(a, b, x, tail):
    """I_x(a, b) for a number x of 60 digits."""
    if tail:
        return mp.betainc(a, b, 0, x, regularized=True)
    return 1 - mp.betainc(b, a, 0, 1 - x, regularized=True)


def t_sf(t, v):
    t, v = mpf(t), mpf(v)
    return mp.betainc(v / 2, mpf(1) / 2, 0, v / (v + t * t), regularized=True) / 2


def f_sf(f, m, n):
    f, m, n = mpf(f), mpf(m), mpf(n)
    return mp.betainc(n / 2, m / 2, 0, n / (n + m * f), regularized=True)


def range_sf(q, k):
    q = mpf(q)

    def integrand(z):
        # The binomial series of whole^m - (whole - rest)^m, whose terms do not cancel.
        whole, rest, m = normal_sf(-z), normal_sf(q - z), k - 1
        terms = (mp.binomial(m, j) * (-rest) ** j * whole ** (m - j) for j in range(1, m + 1))
        return -mp.npdf(z) * mp.fsum(terms) * scale

    # mpmath's tolerance is absolute: bring the integrand to the size of one.
    scale = mp.exp(q * q / 4)
    return k / scale * mp.quad(integrand, [mpf(i) for i in range(-12, int(q) + 14, 2)])


def bisect(f, low, high):
    """Root of a decreasing function."""
    low, high = mpf(low), mpf(high)
    for _ in range(120):
        middle = (low + high) / 2
        if f(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def main():
    out = {"normal_sf": [], "normal_quantile": [], "chi_squared_sf": [], "t_sf": [], "f_sf": [],
           "t_quantile": [], "beta_quantile": [], "range_sf": []}
    for _ in range(60):
        x = random.choice([random.uniform(-6, 6), random.uniform(5, 37)])
        out["normal_sf"].append([x, number(normal_sf(mpf(x)))])
    for _ in range(40):
        p = random.choice([random.uniform(0, 1), 10 ** random.uniform(-300, -1)])
        q = mp.findroot(lambda z: mp.log(normal_sf(-z)) - mp.log(mpf(p)),
                        -mp.sqrt(-2 * mp.log(p)) * mpf("0.95") if p < 0.02 else mpf("0.1"))
        out["normal_quantile"].append([p, number(q)])
    for _ in range(60):
        k = random.choice([1, 2, 3, 5, 10, 29, 100, 1000])
        x = k * random.choice([random.uniform(0.1, 3), random.uniform(1, 1200 / k + 2)])
        out["chi_squared_sf"].append([x, k, number(chi_squared_sf(x, k))])
    for _ in range(60):
        v = random.choice([1, 2, 3, 4.5, 10, 30, 100, 1000, 4510])
        t = random.choice([random.uniform(-1, 8), random.uniform(1, 35), 10 ** random.uniform(0, 6)])
        p = t_sf(t, v) if t >= 0 else 1 - t_sf(-t, v)
        if p > mpf(10) ** -300:
            out["t_sf"].append([t, v, number(p)])
    for _ in range(60):
        m, n = random.choice([1, 2, 5, 20, 300]), random.choice([2, 6, 30, 153, 4506])
        f = random.choice([random.uniform(0.05, 4), 10 ** random.uniform(0, 3)])
        p = f_sf(f, m, n)
        if p > mpf(10) ** -300:
            out["f_sf"].append([f, m, n, number(p)])
    for _ in range(30):
        v = random.choice([1, 2, 5, 9, 31, 500])
        p = random.choice([0.5 + random.uniform(0.01, 0.49), 10 ** random.uniform(-12, -1)])
        tail = min(p, 1 - p) if p < 0.5 else mpf(1) - mpf(p)
        t = bisect(lambda t: t_sf(t, v) - tail, 0, mpf(10) ** 14)
        out["t_quantile"].append([p, v, number(t if p > 0.5 else -t)])
    for _ in range(30):
        a = random.choice([0.5, 1, 1.5, 7, 40.5, 153])
        b = random.choice([0.5, 1, 2, 9.5, 153])
        p = random.choice([0.025, 0.975, 0.005, 0.995, random.random()])
        x = bisect(lambda x: mpf(p) - mp.betainc(a, b, 0, x, regularized=True), 0, 1)
        out["beta_quantile"].append([p, a, b, number(x)])
    for _ in range(24):
        k = random.choice([2, 3, 5, 6, 10, 20])
        q = random.choice([random.uniform(0.2, 8), random.uniform(5, 30)])
        with mp.workdps(30):
            out["range_sf"].append([q, k, number(range_sf(q, k))])
    lines = ",\n".join(f'"{k}": {json.dumps(v)}' for k, v in out.items())
    (HERE / "tails.json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
