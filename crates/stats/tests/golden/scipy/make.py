# /// script
# requires-python = "==3.11.*"
# dependencies = [
#   "numpy==2.4.6", "scipy==1.17.1", "statsmodels==0.15.0", "scikit-posthocs==0.17.1",
#   "pingouin==0.7.0", "matplotlib==3.11.2",
# ]
# ///
"""Writes the fixtures next to this file: random data with the numbers of SciPy and its neighbours.

    uv run make.py        (or: pip install the versions above, then python make.py)

Numbers are printed with 12 digits, data with few, so that the files stay small.
"""
import itertools
import json
import math
import pathlib
import warnings

import numpy as np
import pandas as pd
import pingouin as pg
import scikit_posthocs as sp
import scipy
from matplotlib import cbook
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent
CASES = 300


def short(value):
    if isinstance(value, (list, tuple, np.ndarray)):
        return [short(v) for v in value]
    if isinstance(value, dict):
        return {k: short(v) for k, v in value.items()}
    if isinstance(value, (float, np.floating)):
        value = float(value)
        if math.isnan(value):
            return "nan"
        if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        rounded = float(f"{value:.12g}")
        return int(rounded) if rounded == int(rounded) and abs(rounded) < 1e15 else rounded
    if isinstance(value, np.integer):
        return int(value)
    return value


def write(name, cases):
    lines = ",\n".join(json.dumps(short(c), separators=(",", ":")) for c in cases)
    (HERE / f"{name}.json").write_text(f"[\n{lines}\n]\n")


def sample(rng, n, ties):
    """Normal, skewed or heavy-tailed values; whole numbers if there are to be ties."""
    kind = rng.integers(3)
    x = [rng.normal, rng.standard_exponential, lambda size: rng.standard_t(2, size)][kind](size=n)
    x = np.round(x * 3) if ties else np.round(x, 4)
    while len(set(x)) < (2 if ties else n):
        x = x + np.round(rng.normal(size=n), 4) if not ties else np.round(rng.normal(size=n) * 4)
    return x + 0.0


def correlations():
    rng = np.random.default_rng(1)
    for case in range(CASES):
        ties = case % 3 == 0
        n = int(rng.integers(4, 26))
        x = sample(rng, n, ties)
        y = sample(rng, n, ties)
        if case % 2:
            y = np.round(y + rng.choice([-3, -1, 1, 3]) * x, 4)
            if len(set(y)) < (2 if ties else n):
                y = np.arange(n, dtype=float)
        r = stats.pearsonr(x, y)
        ci = r.confidence_interval()
        out = {"x": x, "y": y, "ties": ties, "rho": stats.spearmanr(x, y).statistic,
               "r": r.statistic, "fisher": [ci.low, ci.high],
               "tau_b": stats.kendalltau(x, y).statistic,
               "tau_c": stats.kendalltau(x, y, variant="c").statistic}
        out["p"] = {a: [stats.spearmanr(x, y, alternative=a).pvalue,
                        stats.pearsonr(x, y, alternative=a).pvalue,
                        stats.kendalltau(x, y, method="asymptotic", alternative=a).pvalue,
                        None if ties else
                        stats.kendalltau(x, y, method="exact", alternative=a).pvalue]
                    for a in ("two-sided", "less", "greater")}
        yield out


def partial():
    rng = np.random.default_rng(2)
    for _ in range(CASES):
        n, k = int(rng.integers(8, 20)), int(rng.integers(1, 4))
        data = np.round(rng.normal(size=(k + 2, n)) + rng.normal(size=n), 2)
        frame = pd.DataFrame(data.T, columns=["x", "y", *[f"c{i}" for i in range(k)]])
        out = {"data": data}
        for method in ("pearson", "spearman"):
            res = pg.partial_corr(frame, "x", "y", [f"c{i}" for i in range(k)], method=method)
            out[method] = [res["r"].iloc[0], res["p_val" if "p_val" in res else "p-val"].iloc[0]]
        yield out


def two_samples():
    rng = np.random.default_rng(3)
    for case in range(CASES):
        ties = case % 3 == 0
        n = int(rng.integers(3, 20))
        x, y = sample(rng, n, ties), sample(rng, n, ties)
        y = np.round(y + 0.5, 4) if case % 2 else y
        m = int(rng.integers(2, n + 1))
        d = x - y
        if not d.any() or len(set(np.concatenate([x, y[:m]]))) < 2:
            x = x + np.arange(n)
            d = x - y
        out = {"x": x, "y": y, "m": m, "u": stats.mannwhitneyu(x, y[:m]).statistic}
        clean = len(set(np.abs(d))) == n and d.all()
        wilcoxon = {}
        for a in ("two-sided", "less", "greater"):
            mw = [stats.mannwhitneyu(x, y[:m], alternative=a, method="asymptotic",
                                     use_continuity=c).pvalue for c in (True, False)]
            if len(set(np.concatenate([x, y[:m]]))) == n + m:
                mw.append(stats.mannwhitneyu(x, y[:m], alternative=a, method="exact").pvalue)
            wx = {z: [stats.wilcoxon(x, y, zero_method=z, alternative=a, method="asymptotic",
                                     correction=c).pvalue for c in (True, False)]
                  for z in (("wilcox",) if d.all() else ("wilcox", "pratt", "zsplit"))}
            if clean:
                wx["exact"] = stats.wilcoxon(x, y, alternative=a, method="exact").pvalue
            wilcoxon[a] = wx
            out[f"mw_{a}"] = mw
        res = stats.wilcoxon(x, y, alternative="greater", method="asymptotic")
        out["w_plus"], out["wilcoxon"] = res.statistic, wilcoxon
        yield out


def conditional():
    """Exact tests with ties, by SciPy's complete enumeration."""
    rng = np.random.default_rng(4)
    for _ in range(CASES):
        x, y = np.round(rng.normal(size=5) * 2), np.round(rng.normal(size=4) * 2 + 1)
        d = np.round(rng.normal(size=8) * 3)
        while len(set(np.concatenate([x, y]))) < 2 or not d.any():
            y, d = np.round(rng.normal(size=4) * 2 + 1), np.round(rng.normal(size=8) * 3)

        def rank_sum(a, b, axis=-1):
            ranks = stats.rankdata(np.concatenate([a, b], axis=axis), axis=axis)
            return ranks[..., : a.shape[axis]].sum(axis=axis)

        def signed(a, axis=-1):
            ranks = stats.rankdata(np.abs(a), axis=axis)
            return (ranks * (a > 0)).sum(axis=axis)

        kept = d[d != 0]
        out = {"x": x, "y": y, "d": d}
        for a in ("two-sided", "less", "greater"):
            mw = stats.permutation_test((x, y), rank_sum, vectorized=True, alternative=a,
                                        n_resamples=np.inf)
            wx = stats.permutation_test((kept,), signed, permutation_type="samples",
                                        vectorized=True, alternative=a, n_resamples=np.inf)
            out[a] = [mw.pvalue, wx.pvalue]
        yield out


def groups():
    rng = np.random.default_rng(5)
    for case in range(CASES):
        k = int(rng.integers(2, 6))
        ties = case % 2 == 0
        g = [sample(rng, int(rng.integers(2, 9)), ties) + (case % 3) * i for i in range(k)]
        g = [np.round(v, 4) for v in g]
        h = stats.kruskal(*g)
        f = stats.f_oneway(*g)
        dunn = sp.posthoc_dunn([list(v) for v in g]).to_numpy()
        yield {"groups": [list(v) for v in g], "h": [h.statistic, h.pvalue],
               "f": [f.statistic, f.pvalue],
               "dunn": [dunn[i, j] for i, j in itertools.combinations(range(k), 2)]}


def blocks():
    rng = np.random.default_rng(6)
    for case in range(CASES):
        n, k = int(rng.integers(3, 11)), int(rng.integers(3, 6))
        table = rng.normal(size=(n, k)) + 0.5 * (case % 3) * np.arange(k)
        table = np.round(table * 2) if case % 2 else np.round(table, 3)
        chi = stats.friedmanchisquare(*table.T)
        if math.isnan(chi.statistic):
            continue
        pairs = list(itertools.combinations(range(k), 2))
        nemenyi = sp.posthoc_nemenyi_friedman(table).to_numpy()
        conover = sp.posthoc_conover_friedman(table).to_numpy()
        out = {"table": table, "chi": [chi.statistic, chi.pvalue],
               "nemenyi": [nemenyi[p] for p in pairs], "conover": [conover[p] for p in pairs]}
        if case % 2 == 0 or len(set(table.sum(axis=1))) > 1:
            long = pd.DataFrame([(i, j, table[i, j]) for i in range(n) for j in range(k)],
                                columns=["t", "r", "v"])
            res = pg.intraclass_corr(long, "t", "r", "v")
            out["icc"] = list(res["ICC"])
            out["icc_p"] = list(res["p_val" if "p_val" in res else "pval"])
        yield out


def samples():
    rng = np.random.default_rng(7)
    methods = ["linear", "inverted_cdf", "averaged_inverted_cdf", "closest_observation",
               "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased",
               "normal_unbiased"]
    for case in range(CASES):
        n = int(rng.integers(3, 40))
        x = sample(rng, n, case % 4 == 0)
        w = stats.shapiro(x)
        # Multiples of 1/64: n·p is exact, so that steps fall where they should.
        p = int(rng.integers(0, 65)) / 64
        t = stats.t.interval(0.9, n - 1, np.mean(x), stats.sem(x))
        yield {"x": x, "w": [w.statistic, w.pvalue], "sd": np.std(x, ddof=1), "p": p,
               "quantiles": [np.quantile(x, p, method=m) for m in methods], "t": list(t)}


def formula_sample(n):
    return np.array([((i * i * 31 + 17 * i) % 1009) / 8 for i in range(n)])


def large_shapiro():
    for n in (50, 100, 500, 1000, 2000, 5000):
        w = stats.shapiro(formula_sample(n))
        yield {"n": n, "w": [w.statistic, w.pvalue]}


def proportions():
    rng = np.random.default_rng(8)
    for case in range(CASES):
        n = int(rng.integers(1, 400))
        x = [0, n, int(rng.integers(0, n + 1))][min(case % 6, 2)]
        level = float(rng.choice([0.8, 0.9, 0.95, 0.99]))
        out = {"x": x, "n": n, "level": level}
        for name, method in [("wald", "normal"), ("wilson", "wilson"), ("clopper_pearson", "beta"),
                             ("agresti_coull", "agresti_coull"), ("jeffreys", "jeffreys")]:
            out[name] = list(proportion_confint(x, n, 1 - level, method))
        cc = stats.binomtest(x, n).proportion_ci(level, "wilsoncc")
        out["wilson_cc"] = [cc.low, cc.high]
        yield out


def adjustments():
    rng = np.random.default_rng(9)
    for case in range(CASES):
        m = int(rng.integers(1, 10))
        p = np.round(rng.beta(0.5, 2, size=m), 3 if case % 2 else 6)
        out = {"p": p}
        for name, method in [("bonferroni", "bonferroni"), ("sidak", "sidak"), ("holm", "holm"),
                             ("holm_sidak", "holm-sidak"), ("hochberg", "simes-hochberg"),
                             ("hommel", "hommel"), ("bh", "fdr_bh"), ("by", "fdr_by")]:
            out[name] = multipletests(p, method=method)[1]
        yield out


def random_intercepts():
    """The restricted likelihood with full matrices, minimised numerically."""
    rng = np.random.default_rng(10)
    for case in range(CASES):
        sizes = rng.integers(1, 8, size=int(rng.integers(4, 9)))
        sizes[0] = 5
        effect = rng.normal(size=len(sizes)) * (case % 4)
        y = [np.round(e + rng.normal(size=s), 2) for e, s in zip(effect, sizes)]
        label = np.repeat(np.arange(len(sizes)), sizes)
        same = (label[:, None] == label[None, :]).astype(float)
        values, n = np.concatenate(y), len(label)
        one = np.ones(n)

        def parts(ratio):
            inverse = np.linalg.inv(np.eye(n) + ratio * same)
            weight = one @ inverse @ one
            mean = one @ inverse @ values / weight
            squares = (values - mean) @ inverse @ (values - mean)
            logdet = -np.linalg.slogdet(inverse)[1]
            return logdet + math.log(weight) + (n - 1) * math.log(squares), mean, squares, weight

        best = optimize.minimize_scalar(lambda u: parts(math.exp(u))[0], bounds=(-18, 8),
                                        method="bounded", options={"xatol": 1e-11})
        ratio = math.exp(best.x)
        if parts(0.0)[0] <= best.fun + 1e-9:
            ratio = 0.0
        _, mean, squares, weight = parts(ratio)
        variance = squares / (n - 1)
        yield {"groups": [list(v) for v in y],
               "fit": [mean, math.sqrt(variance / weight), ratio * variance, variance]}


def resampling():
    """Intervals of a sample's mean: 16 bootstraps of 10,000 resamples each, their mean and their spread."""
    rng = np.random.default_rng(11)
    for _ in range(CASES):
        n = int(rng.integers(10, 21))
        x = np.round(rng.standard_exponential(n) if rng.random() < 0.5 else rng.normal(size=n), 2)
        out = {"x": x}
        for method in ("percentile", "basic", "BCa"):
            found = []
            for _ in range(16):
                res = stats.bootstrap((x,), np.mean, n_resamples=10_000, method=method, rng=rng)
                found.append([res.standard_error, *res.confidence_interval])
            # Five digits are far below the spread.
            digits = lambda v: [float(f"{w:.5g}") for w in v]
            out[method.lower()] = [digits(np.mean(found, axis=0)), digits(np.std(found, axis=0, ddof=1))]
        yield out


def box_plots():
    """Quartiles by interpolation, whiskers at 1.5 interquartile ranges."""
    rng = np.random.default_rng(14)
    for case in range(CASES):
        x = sample(rng, int(rng.integers(2, 25)), case % 3 == 0)
        box = cbook.boxplot_stats(x)[0]
        yield {"x": x, "box": [box[k] for k in ("whislo", "q1", "med", "q3", "whishi")],
               "fliers": sorted(box["fliers"])}


def effects():
    """Effect sizes of rank tests, and the F form of Friedman's test."""
    rng = np.random.default_rng(15)
    for case in range(CASES):
        n, k = int(rng.integers(4, 11)), int(rng.integers(3, 6))
        table = rng.normal(size=(n, k)) + 0.5 * (case % 3) * np.arange(k)
        table = np.round(table * 2) if case % 2 else np.round(table, 3)
        x, y = table[:, 0], table[:, 1]
        if np.all(stats.rankdata(table, axis=1) == (k + 1) / 2) or np.all(x == y):
            table[0], table[:, 0] = np.arange(k), np.arange(n) + 0.5
            x, y = table[:, 0], table[:, 1]
        long = pd.DataFrame([(i, j, table[i, j]) for i in range(n) for j in range(k)],
                            columns=["block", "treatment", "value"])
        f = pg.friedman(long, "value", "treatment", "block", method="f").iloc[0]
        u, w = pg.mwu(x, y).iloc[0], pg.wilcoxon(x, y).iloc[0]
        yield {"table": table, "friedman": [f["W"], f["F"]],
               "mann_whitney": [u["RBC"], u["CLES"]], "wilcoxon": w["RBC"]}


def exact_spearman():
    rng = np.random.default_rng(13)
    for _ in range(CASES):
        n = int(rng.integers(4, 8))
        y = rng.permutation(n)

        def rho(a, axis=-1):
            d = np.arange(n) - a
            return -(d * d).sum(axis=axis)

        out = {"y": y}
        for a in ("two-sided", "less", "greater"):
            res = stats.permutation_test((y,), rho, permutation_type="pairings", vectorized=True,
                                         alternative=a, n_resamples=np.inf)
            out[a] = res.pvalue
        yield out


if __name__ == "__main__":
    assert scipy.__version__ == "1.17.1", scipy.__version__
    for name, cases in [("correlations", correlations), ("partial", partial),
                        ("two_samples", two_samples), ("conditional", conditional),
                        ("groups", groups), ("blocks", blocks), ("samples", samples),
                        ("large_shapiro", large_shapiro), ("proportions", proportions),
                        ("adjustments", adjustments), ("random_intercepts", random_intercepts),
                        ("resampling", resampling), ("exact_spearman", exact_spearman),
                        ("box_plots", box_plots), ("effects", effects)]:
        write(name, cases())
        print(name, (HERE / f"{name}.json").stat().st_size, flush=True)
