"""Suite `stats`: resampling against SciPy.

Works named `statistic=spearmanr` leave the statistic to SciPy, as its documentation shows; works named
`statistic=product` give SciPy ranks and a product of arrays by hand, the fastest form that it takes.
"""

import numpy as np
from scipy import stats

from .harness import Work
from .rule import uniform

FILLETS, VARIABLES, FISH, SLICES_PER_FISH = 32, 30, 16, 47


def related(seed, y):
    """A sample that follows `y` a little."""
    return uniform(seed, len(y)) + 0.25 * y


def unit_ranks(x):
    ranks = stats.rankdata(x)
    ranks -= ranks.mean()
    return ranks / np.sqrt((ranks * ranks).sum())


def permuted(y, statistic, count, alternative):
    return stats.permutation_test(
        (y,), statistic, permutation_type="pairings", vectorized=True, n_resamples=count,
        alternative=alternative, rng=np.random.default_rng(1),
    )


def spearman_permutations(count):
    """Ranks are taken once; a permutation costs a product."""

    def make():
        y = uniform(0, FILLETS)
        x, y = unit_ranks(related(1, y)), unit_ranks(y)

        def run():
            found = permuted(y, lambda y, axis: (x * y).sum(axis=axis), count, "two-sided")
            return found.statistic + found.pvalue

        return run

    # p is a share of random permutations: 0.02 of the checksum is five standard errors or more.
    return Work(f"spearman-permutations statistic=product n={FILLETS} b={count}", make, check=0.02, rounds=5)


def spearman_permutations_plain(count):
    """As the documentation of `scipy.stats.spearmanr` shows it."""

    def make():
        y = uniform(0, FILLETS)
        x = related(1, y)

        def run():
            statistic = lambda y: stats.spearmanr(x, y).statistic
            found = stats.permutation_test(
                (y,), statistic, permutation_type="pairings", n_resamples=count, rng=np.random.default_rng(1)
            )
            return found.statistic + found.pvalue

        return run

    return Work(f"spearman-permutations statistic=spearmanr n={FILLETS} b={count}", make, check=0.02, rounds=1, seconds=0)


def max_t(count):
    """The largest of all correlations of each permutation, by one product of matrices."""

    def make():
        y = uniform(0, FILLETS)
        variables = np.stack([unit_ranks(related(1 + j, y)) for j in range(VARIABLES)], axis=1)
        y = unit_ranks(y)

        def run():
            found = permuted(y, lambda y, axis: np.abs(y @ variables).max(axis=-1), count, "greater")
            return found.statistic + found.pvalue

        return run

    return Work(f"max-t statistic=product variables={VARIABLES} n={FILLETS} b={count}", make, check=0.04, rounds=7)


def max_t_plain(count):
    """The same with the statistic that SciPy computes: all correlations by `spearmanr`."""

    def make():
        y = uniform(0, FILLETS)
        variables = np.stack([related(1 + j, y) for j in range(VARIABLES)], axis=1)

        def run():
            statistic = lambda y: np.abs(stats.spearmanr(variables, y).statistic[-1, :-1]).max()
            found = stats.permutation_test(
                (y,), statistic, permutation_type="pairings", n_resamples=count, alternative="greater",
                rng=np.random.default_rng(1),
            )
            return found.statistic + found.pvalue

        return run

    name = f"max-t statistic=spearmanr variables={VARIABLES} n={FILLETS} b={count}"
    return Work(name, make, check=0.04, rounds=1, seconds=0)


def cluster_bootstrap(count):
    """Fish are drawn, the values of their slices gathered, medians taken along an axis."""

    def make():
        fish = np.repeat(np.arange(FISH), SLICES_PER_FISH)
        overlap = 0.5 * uniform(50, FISH * SLICES_PER_FISH) + 0.5 * uniform(51, FISH)[fish]
        by_fish = overlap.reshape(FISH, SLICES_PER_FISH)

        def median(drawn, axis):
            values = by_fish[drawn]
            return np.median(values.reshape(*drawn.shape[:-1], -1), axis=-1)

        def run():
            found = stats.bootstrap(
                (np.arange(FISH),), median, n_resamples=count, method="percentile", vectorized=True,
                batch=500, rng=np.random.default_rng(1),
            )
            return sum(found.confidence_interval)

        return run

    return Work(
        f"cluster-bootstrap fish={FISH} slices={FISH * SLICES_PER_FISH} b={count}", make, check=0.02, rounds=5
    )


def works(threads):
    yield spearman_permutations_plain(100_000)
    yield spearman_permutations(100_000)
    yield max_t_plain(10_000)
    yield max_t(10_000)
    yield cluster_bootstrap(10_000)
