//! Resampling: seeds, threads, blocks, and p-values under the null hypothesis.

use cam_stats::*;

/// Reproducible noise in [0, 1): splitmix64, a stream per seed.
fn noise(n: usize, seed: u64) -> Vec<f64> {
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    let start = mix(seed.wrapping_add(0x9E37_79B9_7F4A_7C15));
    let value = |i: u64| mix(start.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    (1..=n as u64)
        .map(|i| (value(i) >> 11) as f64 / (1u64 << 53) as f64)
        .collect()
}

fn on_threads<T: Send>(threads: usize, job: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap_or_else(|e| panic!("{e}"))
        .install(job)
}

#[test]
fn a_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let (x, y) = (noise(40, 1), noise(40, 2));
    let clusters: Vec<usize> = (0..40).map(|i| i / 5).collect();
    let job = || {
        let mean = |index: &[usize]| index.iter().map(|&i| x[i]).sum::<f64>() / index.len() as f64;
        let options = BootstrapOptions {
            resamples: 3000,
            seed: 5,
            ..Default::default()
        };
        let method = SpearmanMethod::Permutation {
            permutations: 3000,
            seed: 5,
        };
        let rho = SpearmanOptions {
            method,
            ..Default::default()
        };
        let many = MaxTOptions {
            permutations: 3000,
            seed: 5,
            ..Default::default()
        };
        (
            bootstrap(40, mean, &options).unwrap(),
            cluster_bootstrap(&clusters, mean, &options).unwrap(),
            hierarchical_bootstrap(&clusters, mean, &options).unwrap(),
            spearman_with(&x, &y, &rho).unwrap(),
            max_t(&[&x, &y], &noise(40, 3), &many).unwrap(),
        )
    };
    let single = on_threads(1, job);
    assert_eq!(single, on_threads(2, job));
    assert_eq!(single, on_threads(5, job));
    let other = BootstrapOptions {
        resamples: 3000,
        seed: 6,
        ..Default::default()
    };
    let first = |index: &[usize]| x[index[0]];
    assert_ne!(
        bootstrap(40, first, &other).unwrap().distribution,
        single.0.distribution
    );
}

/// Kolmogorov–Smirnov distance of 400 p-values from uniform; 1.63/√400 is its 1 % point.
fn assert_uniform(p_values: impl Iterator<Item = f64>, what: &str) {
    let mut sorted: Vec<f64> = p_values.collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let distance = sorted
        .iter()
        .enumerate()
        .map(|(i, p)| (p - i as f64 / n).abs().max(((i + 1) as f64 / n - p).abs()))
        .fold(0.0, f64::max);
    assert!(distance < 1.63 / n.sqrt(), "{what}: distance {distance}");
}

#[test]
fn p_values_are_uniform_under_the_null() {
    let pair = |seed: u64| (noise(24, 2 * seed + 1), noise(24, 2 * seed + 2));
    let each = |f: &dyn Fn(&[f64], &[f64]) -> f64| -> Vec<f64> {
        (0..400).map(&pair).map(|(x, y)| f(&x, &y)).collect()
    };
    let check = |what: &str, f: &dyn Fn(&[f64], &[f64]) -> f64| {
        assert_uniform(each(f).into_iter(), what);
    };
    check("spearman", &|x, y| spearman(x, y).unwrap().p_value);
    check("pearson", &|x, y| pearson(x, y).unwrap().p_value);
    check("kendall", &|x, y| kendall(x, y).unwrap().p_value);
    check("mann-whitney", &|x, y| mann_whitney(x, y).unwrap().p_value);
    check("wilcoxon", &|x, y| wilcoxon(x, y).unwrap().p_value);
    check("anova", &|x, y| one_way_anova(&[x, y]).unwrap().p_value);
    check("kruskal-wallis", &|x, y| {
        kruskal_wallis(&[&x[..8], &x[8..16], y]).unwrap().p_value
    });
    check("permutation", &|x, y| {
        let method = SpearmanMethod::Permutation {
            permutations: 499,
            seed: 9,
        };
        spearman_with(
            x,
            y,
            &SpearmanOptions {
                method,
                ..Default::default()
            },
        )
        .unwrap()
        .p_value
    });
    check("sign flip", &|x, y| {
        let d: Vec<f64> = x.iter().zip(y).map(|(a, b)| a - b).collect();
        let options = PermutationOptions {
            permutations: 499,
            seed: 9,
        };
        sign_flip_test(&d, None, &options)
            .unwrap()
            .p_value(Alternative::TwoSided)
    });
}

#[test]
fn permutation_approaches_the_exact_p_value() {
    let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];
    let y = [5.0, 4.0, 3.0, 2.0, 1.0, 6.0, 10.0, 9.0, 8.0, 7.0];
    let p = |method| {
        spearman_with(
            &x,
            &y,
            &SpearmanOptions {
                method,
                ..Default::default()
            },
        )
        .unwrap()
        .p_value
    };
    let drawn = p(SpearmanMethod::Permutation {
        permutations: 100_000,
        seed: 1,
    });
    // Standard error √(0.0544·0.9456/100000)·√2 = 0.001 for a doubled tail; five of them.
    assert!((drawn - p(SpearmanMethod::Exact)).abs() < 0.005, "{drawn}");
}

#[test]
fn blocks_hold_their_values_together() {
    // Inside blocks y is constant: every permutation within blocks gives the same value.
    let blocks = [0, 0, 0, 1, 1, 1, 2, 2, 2];
    let y: Vec<f64> = blocks.iter().map(|b| *b as f64).collect();
    let x = noise(9, 4);
    let product = |order: &[usize]| order.iter().zip(&x).map(|(&i, v)| y[i] * v).sum::<f64>();
    let options = PermutationOptions {
        permutations: 200,
        seed: 1,
    };
    let null = permutation_test(9, Some(&blocks), product, &options).unwrap();
    assert_eq!((null.at_most, null.at_least), (200, 200));
    let free = permutation_test(9, None, product, &options).unwrap();
    assert!(free.at_most < 200 || free.at_least < 200);
}

#[test]
fn max_t_controls_the_family() {
    // Thirty null correlations: the smallest adjusted p-value is below 5 % in about 5 % of studies.
    let options = MaxTOptions {
        permutations: 199,
        seed: 2,
        ..Default::default()
    };
    let hits = (0..200u64)
        .filter(|study| {
            let variables: Vec<Vec<f64>> = (0..30).map(|j| noise(16, study * 64 + j + 1)).collect();
            let table = max_t(&variables, &noise(16, study * 64 + 50), &options).unwrap();
            table.entries.iter().any(|e| e.p_adjusted <= 0.05)
        })
        .count();
    // Binomial(200, 0.05): 10 ± 3.1; five standard deviations above.
    assert!(hits <= 25, "{hits} of 200");
    let table = max_t(&[noise(16, 1)], &noise(16, 2), &options).unwrap();
    let (critical, asymptotic) = (
        table.critical_value(0.05).unwrap(),
        critical_correlation(16, 0.05).unwrap(),
    );
    assert!(
        (critical - asymptotic).abs() < 0.1,
        "{critical} {asymptotic}"
    );
}

#[test]
fn the_cluster_bootstrap_sees_the_clusters() {
    // Twelve clusters of twenty equal values: the standard error is that of twelve values.
    let means = noise(12, 7);
    let clusters: Vec<usize> = (0..240).map(|i| i % 12).collect();
    let mean =
        |index: &[usize]| index.iter().map(|&i| means[i % 12]).sum::<f64>() / index.len() as f64;
    let options = BootstrapOptions {
        resamples: 20_000,
        seed: 1,
        ..Default::default()
    };
    let grouped = cluster_bootstrap(&clusters, mean, &options).unwrap();
    let twelve = bootstrap(12, mean, &options).unwrap();
    assert_eq!(grouped.units, 12);
    assert!((grouped.standard_error / twelve.standard_error - 1.0).abs() < 0.05);
    let naive = bootstrap(240, mean, &options).unwrap();
    assert!(naive.standard_error < 0.3 * grouped.standard_error);
}
