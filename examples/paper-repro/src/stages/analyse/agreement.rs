//! Tables of agreement φ across methods, across networks and across seeds (Syed et al. 2023, Eq. 17 and 18).

use ndarray::Axis;
use seg_metrics::{Aggregate, BitMask, ThresholdStack, pairwise_agreement};

use super::super::Run;
use super::scores::{Phi, Scores, SliceScores, agreement_policy, comparison, mean, read_map};
use crate::error::{Result, failed};
use crate::outputs::Arm;
use crate::slices::SliceArchive;
use crate::study::Study;
use crate::table::{Table, number};

const NUMBERS: [&str; 10] = [
    "threshold",
    "n",
    "n_undefined",
    "median",
    "q1",
    "q3",
    "mean",
    "coverage",
    "expected",
    "corrected",
];

/// Writes `agreement_methods.csv`, `agreement_networks.csv` and the values they summarise.
pub(super) fn write(run: &Run, scores: &Scores) -> Result<()> {
    let mut raw = Table::new(&["across", "key", "threshold", "value"])?;
    let networks = &scores.axes.networks;
    one(
        run,
        scores,
        Some(&mut raw),
        ["methods", "model", "agreement_methods"],
        networks,
        |slice| &slice.across_methods,
    )?;
    let methods = &scores.axes.methods;
    one(
        run,
        scores,
        Some(&mut raw),
        ["networks", "method", "agreement_networks"],
        methods,
        |slice| &slice.across_networks,
    )?;
    raw.write(&run.outputs.table("agreement_raw"))
}

/// Writes `agreement_random_weights.csv`: agreement across methods of networks that never learned anything.
pub(super) fn write_random_weights(run: &Run, scores: &Scores) -> Result<()> {
    let names = ["methods", "model", "agreement_random_weights"];
    one(run, scores, None, names, &scores.axes.networks, |slice| {
        &slice.across_methods
    })
}

fn one(
    run: &Run,
    scores: &Scores,
    mut raw: Option<&mut Table>,
    [across, key, file]: [&str; 3],
    names: &[String],
    values: impl Fn(&SliceScores) -> &Vec<Vec<Phi>>,
) -> Result<()> {
    let columns: Vec<&str> = std::iter::once(key).chain(NUMBERS).collect();
    let mut table = Table::new(&columns)?;
    for (index, name) in names.iter().enumerate() {
        for (t, threshold) in scores.axes.thresholds.iter().enumerate() {
            let phi: Vec<Phi> = (scores.slices.iter())
                .filter_map(|slice| values(slice).get(index))
                .map(|by_t| by_t[t])
                .collect();
            if phi.is_empty() {
                continue;
            }
            let mut row = vec![name.clone()];
            row.extend(numbers(*threshold, &phi));
            table.row(&row)?;
            if let Some(raw) = &mut raw {
                for phi in phi {
                    raw.row(&[across, name, &number(*threshold), &number(phi.value)])?;
                }
            }
        }
    }
    table.write(&run.outputs.table(file))
}

fn numbers(threshold: f64, phi: &[Phi]) -> Vec<String> {
    let sum = Aggregate::of(phi.iter().map(|phi| phi.value));
    let average = |value: &dyn Fn(&Phi) -> f64| {
        mean(phi.iter().map(value).filter(|v| v.is_finite())).map_or_else(String::new, number)
    };
    vec![
        number(threshold),
        sum.n.to_string(),
        sum.n_undefined.to_string(),
        number(sum.median),
        number(sum.q1),
        number(sum.q3),
        number(sum.mean),
        average(&|phi| phi.coverage),
        average(&|phi| phi.expected),
        average(&|phi| phi.corrected),
    ]
}

/// Writes `noise_floor.csv`: agreement between trainings of the same network from different seeds. No difference
/// between networks or methods below it means anything.
pub(super) fn write_noise_floor(
    run: &Run,
    study: &Study,
    mapped: &[usize],
    archive: &SliceArchive,
) -> Result<()> {
    let columns: Vec<&str> = ["model", "method"].into_iter().chain(NUMBERS).collect();
    let mut table = Table::new(&columns)?;
    let thresholds = &run.config.analysis.thresholds;
    for network in &run.config.networks {
        for method in &run.config.explain.methods {
            let mut phi: Vec<Vec<Phi>> = vec![Vec::new(); thresholds.len()];
            for &scan in mapped.iter().filter(|&&scan| study.labels[scan] == 1) {
                run.interrupt.check()?;
                let name = &study.specimens[scan].scan;
                let tissue = archive.read(name)?.foreground;
                let maps = (0..run.config.training.seeds).map(|seed| {
                    read_map(&run.outputs.cam(
                        Arm::Trained(seed),
                        network.architecture,
                        method,
                        name,
                    ))
                });
                let maps = maps.collect::<Result<Vec<_>>>()?;
                for (slice, tissue) in tissue.outer_iter().enumerate() {
                    let region = BitMask::from_bools(tissue);
                    let stacks = maps.iter().map(|map| {
                        ThresholdStack::new(
                            map.index_axis(Axis(0), slice),
                            thresholds,
                            comparison(run),
                            Some(&region),
                        )
                    });
                    let stacks = stacks.collect::<Result<Vec<_>, _>>();
                    let levels = stacks.and_then(|stacks| {
                        pairwise_agreement(
                            &stacks.iter().collect::<Vec<_>>(),
                            agreement_policy(run),
                        )
                    });
                    let levels = levels.map_err(|e| {
                        failed(format!("seeds of {} on {name}", network.architecture), e)
                    })?;
                    for (phi, level) in phi.iter_mut().zip(levels.levels) {
                        phi.push(Phi {
                            value: level.phi,
                            coverage: level.mean_coverage(),
                            expected: level.expected_phi,
                            corrected: level.chance_corrected_phi,
                        });
                    }
                }
            }
            for (threshold, phi) in thresholds.iter().zip(&phi) {
                let mut row = vec![network.architecture.to_string(), method.to_string()];
                row.extend(numbers(*threshold, phi));
                table.row(&row)?;
            }
        }
    }
    table.write(&run.outputs.table("noise_floor"))
}
