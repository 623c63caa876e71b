//! Rank statistics, resampling and restricted likelihood at the sizes of the paper.
#![allow(clippy::unwrap_used, missing_docs)] // criterion_group! makes an undocumented function

use benches::rule::uniform;
use criterion::{Criterion, criterion_group, criterion_main};
use stats::{
    Adjustment, BootstrapInterval, BootstrapOptions, MaxTOptions, ResampleMedian, SpearmanMethod,
    SpearmanOptions, adjust_p_values, cluster_bootstrap, friedman, intraclass_correlations,
    kendall, kruskal_wallis, mann_whitney, max_t, nemenyi_friedman, random_intercept, shapiro_wilk,
    spearman, spearman_with, wilcoxon,
};

const FILLETS: usize = 32;
const FISH: usize = 16;
const SLICES: usize = 752;

fn sample(seed: u32, count: usize) -> Vec<f64> {
    (0..count).map(|i| uniform(seed, i as u32)).collect()
}

fn tests(c: &mut Criterion) {
    let (x, y) = (sample(1, FILLETS), sample(2, FILLETS));
    c.bench_function("spearman n = 32", |b| b.iter(|| spearman(&x, &y).unwrap()));
    c.bench_function("kendall n = 32", |b| b.iter(|| kendall(&x, &y).unwrap()));
    c.bench_function("mann_whitney n = 32", |b| {
        b.iter(|| mann_whitney(&x, &y).unwrap());
    });
    c.bench_function("wilcoxon n = 32", |b| b.iter(|| wilcoxon(&x, &y).unwrap()));
    c.bench_function("shapiro_wilk n = 32", |b| {
        b.iter(|| shapiro_wilk(&x).unwrap());
    });
    let short = (&x[..12], &y[..12]);
    let exact = SpearmanOptions {
        method: SpearmanMethod::Exact,
        ..Default::default()
    };
    c.bench_function("spearman exact n = 12", |b| {
        b.iter(|| spearman_with(short.0, short.1, &exact).unwrap());
    });
    let p = sample(3, 270);
    c.bench_function("adjust_p_values hommel 270", |b| {
        b.iter(|| adjust_p_values(&p, Adjustment::Hommel).unwrap());
    });
}

fn groups(c: &mut Criterion) {
    let slices: Vec<Vec<f64>> = (0..6).map(|network| sample(network, SLICES)).collect();
    c.bench_function("kruskal_wallis 6 × 752", |b| {
        b.iter(|| kruskal_wallis(&slices).unwrap());
    });
    let blocks: Vec<Vec<f64>> = (0..FILLETS)
        .map(|fillet| sample(fillet as u32, 6))
        .collect();
    c.bench_function("friedman and nemenyi 32 × 6", |b| {
        b.iter(|| nemenyi_friedman(&friedman(&blocks).unwrap()).unwrap());
    });
    c.bench_function("intraclass_correlations 32 × 6", |b| {
        b.iter(|| intraclass_correlations(&blocks, 0.95).unwrap());
    });
    let fish: Vec<Vec<f64>> = (0..FISH)
        .map(|fish| {
            let own = uniform(99, fish as u32);
            sample(fish as u32, SLICES / FISH)
                .into_iter()
                .map(|x| x + own)
                .collect()
        })
        .collect();
    c.bench_function("random_intercept 16 × 47", |b| {
        b.iter(|| random_intercept(&fish).unwrap());
    });
}

fn resampling(c: &mut Criterion) {
    let y = sample(0, FILLETS);
    let permuted = SpearmanOptions {
        method: SpearmanMethod::Permutation {
            permutations: 10_000,
            seed: 1,
        },
        ..Default::default()
    };
    let x = sample(1, FILLETS);
    c.bench_function("spearman, 10,000 permutations", |b| {
        b.iter(|| spearman_with(&x, &y, &permuted).unwrap());
    });
    let variables: Vec<Vec<f64>> = (1..31).map(|seed| sample(seed, FILLETS)).collect();
    let options = MaxTOptions {
        permutations: 1000,
        seed: 1,
        ..Default::default()
    };
    c.bench_function("max_t 30 variables, 1000 permutations", |b| {
        b.iter(|| max_t(&variables, &y, &options).unwrap());
    });
    let overlap = sample(50, SLICES);
    let fish: Vec<usize> = (0..SLICES).map(|i| i * FISH / SLICES).collect();
    let median = ResampleMedian::new(&overlap).unwrap();
    let options = BootstrapOptions {
        resamples: 1000,
        seed: 1,
        method: BootstrapInterval::Bca,
        ..Default::default()
    };
    c.bench_function("cluster_bootstrap of a median, 1000 resamples", |b| {
        b.iter(|| cluster_bootstrap(&fish, |index| median.of(index), &options).unwrap());
    });
}

criterion_group!(benches, tests, groups, resampling);
criterion_main!(benches);
