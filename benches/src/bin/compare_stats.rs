//! Resampling of `cam-stats` as the works of the suite `stats` (`benches/compare/compare/stats.py`).
#![forbid(unsafe_code)]

use benches::Task;
use benches::rule::uniform;
use stats::{
    BootstrapInterval, BootstrapOptions, MaxTOptions, ResampleMedian, Result, SpearmanMethod,
    SpearmanOptions, cluster_bootstrap, max_t, spearman_with,
};

const FILLETS: usize = 32;
const VARIABLES: usize = 30;
const FISH: usize = 16;
const SLICES_PER_FISH: usize = 47;

fn main() -> std::io::Result<()> {
    benches::serve(task)
}

fn task(work: &str) -> Option<Task> {
    let (kind, options) = work.split_once(' ')?;
    let resamples = options
        .split(' ')
        .find_map(|word| word.strip_prefix("b="))?
        .parse()
        .ok()?;
    let y = sample(0, FILLETS);
    Some(match kind {
        "spearman-permutations" => {
            let x = related(1, &y);
            Box::new(move || permutations(&x, &y, resamples).unwrap_or(f64::NAN))
        }
        "max-t" => {
            let variables: Vec<Vec<f64>> =
                (0..VARIABLES).map(|j| related(1 + j as u32, &y)).collect();
            Box::new(move || largest(&variables, &y, resamples).unwrap_or(f64::NAN))
        }
        "cluster-bootstrap" => {
            let overlap = sample(50, FISH * SLICES_PER_FISH);
            let fish: Vec<usize> = (0..overlap.len()).map(|i| i / SLICES_PER_FISH).collect();
            let overlap: Vec<f64> = overlap
                .iter()
                .zip(&fish)
                .map(|(x, &fish)| 0.5 * x + 0.5 * uniform(51, fish as u32))
                .collect();
            Box::new(move || clusters(&overlap, &fish, resamples).unwrap_or(f64::NAN))
        }
        _ => return None,
    })
}

fn sample(seed: u32, count: usize) -> Vec<f64> {
    (0..count).map(|i| uniform(seed, i as u32)).collect()
}

/// A sample that follows `y` a little.
fn related(seed: u32, y: &[f64]) -> Vec<f64> {
    let own = sample(seed, y.len());
    own.iter().zip(y).map(|(x, y)| x + 0.25 * y).collect()
}

/// ρ and its permutation p-value.
fn permutations(x: &[f64], y: &[f64], permutations: usize) -> Result<f64> {
    let options = SpearmanOptions {
        method: SpearmanMethod::Permutation {
            permutations,
            seed: 1,
        },
        ..SpearmanOptions::default()
    };
    let found = spearman_with(x, y, &options)?;
    Ok(found.statistic + found.p_value)
}

/// The largest |ρ| of all variables and its adjusted p-value.
fn largest(variables: &[Vec<f64>], y: &[f64], permutations: usize) -> Result<f64> {
    let options = MaxTOptions {
        permutations,
        seed: 1,
        ..MaxTOptions::default()
    };
    let found = max_t(variables, y, &options)?;
    let strongest = found
        .entries
        .iter()
        .max_by(|a, b| a.statistic.abs().total_cmp(&b.statistic.abs()));
    Ok(strongest.map_or(f64::NAN, |entry| entry.statistic.abs() + entry.p_adjusted))
}

/// The bounds of the percentile interval of the median.
fn clusters(overlap: &[f64], fish: &[usize], resamples: usize) -> Result<f64> {
    let options = BootstrapOptions {
        resamples,
        seed: 1,
        method: BootstrapInterval::Percentile,
        ..BootstrapOptions::default()
    };
    let median = ResampleMedian::new(overlap)?;
    let found = cluster_bootstrap(fish, |index| median.of(index), &options)?;
    Ok(found.interval.lower + found.interval.upper)
}
