//! The phantom's statistics against the values it was designed to have. Bounds are loose: they
//! guard the design, they do not measure it.

use fillet_preprocess::phantom::{
    Cohort, DamageConfig, DamageLayout, Freezing, PhantomConfig, PhantomScan, SecondScan, Softness,
    State,
};
use ndarray::{ArrayView2, Axis};

/// Probability that a value of `b` exceeds one of `a`.
fn auc(a: &[f64], b: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> = a
        .iter()
        .map(|&v| (v, false))
        .chain(b.iter().map(|&v| (v, true)))
        .collect();
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (mut wins, mut below, mut start) = (0.0, 0.0, 0);
    while start < all.len() {
        let ties = all[start..]
            .iter()
            .take_while(|x| x.0 == all[start].0)
            .count();
        let tied = &all[start..start + ties];
        let of_b = tied.iter().filter(|x| x.1).count() as f64;
        let of_a = ties as f64 - of_b;
        wins += of_b * (below + 0.5 * of_a);
        below += of_a;
        start += ties;
    }
    wins / (a.len() as f64 * b.len() as f64)
}

/// Mean grey value, and the share of tissue a quarter brighter than its median.
fn features(scan: &PhantomScan) -> [f64; 2] {
    let mut inside: Vec<f64> = scan
        .volume
        .stored()
        .iter()
        .zip(&scan.tissue)
        .filter(|(_, tissue)| **tissue)
        .map(|(value, _)| f64::from(*value))
        .collect();
    inside.sort_by(f64::total_cmp);
    let n = inside.len() as f64;
    let bright = 1.25 * inside[inside.len() / 2];
    let share = inside.iter().filter(|value| **value > bright).count() as f64 / n;
    [inside.iter().sum::<f64>() / n, share]
}

fn unspoilt(mut config: PhantomConfig) -> PhantomConfig {
    config.scanner.spoilt_share = [0.0, 0.0];
    config
}

#[test]
fn brightness_gives_away_slow_freezing_but_not_fast() {
    let config = unspoilt(PhantomConfig {
        fish: 36,
        slices: 1,
        size: 96,
        ..PhantomConfig::dev()
    });
    let scans: Vec<PhantomScan> = Cohort::generate(&config, 42)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let values = |treatment: Freezing, state: State, feature: usize| -> Vec<f64> {
        scans
            .iter()
            .filter(|scan| scan.treatment == treatment && scan.state == state)
            .map(|scan| features(scan)[feature])
            .collect()
    };
    let compare = |treatment, feature| {
        auc(
            &values(treatment, State::Fresh, feature),
            &values(treatment, State::Thawed, feature),
        )
    };
    let brightness = Freezing::ALL.map(|treatment| compare(treatment, 0));
    let texture = Freezing::ALL.map(|treatment| compare(treatment, 1));
    assert!(brightness[0] > 0.85, "−5 °C: {brightness:?}");
    assert!(
        brightness[1] > 0.5 && brightness[1] < 0.95,
        "−20 °C: {brightness:?}"
    );
    assert!(
        brightness[2] < 0.75,
        "−40 °C is hard by brightness: {brightness:?}"
    );
    assert!(
        texture[2] > 0.75,
        "−40 °C shows in its texture: {texture:?}"
    );
    assert!(texture[0] > 0.9 && texture[1] > 0.9, "{texture:?}");
}

#[test]
fn rescanned_fillets_cannot_be_told_from_fresh_ones() {
    let mut config = unspoilt(PhantomConfig {
        fish: 24,
        slices: 1,
        size: 48,
        ..PhantomConfig::dev()
    });
    config.second_scan = SecondScan::FreshAgain;
    let scans: Vec<PhantomScan> = Cohort::generate(&config, 42)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for feature in 0..2 {
        let of = |state| -> Vec<f64> {
            let chosen = scans.iter().filter(|scan| scan.state == state);
            chosen.map(|scan| features(scan)[feature]).collect()
        };
        let area = auc(&of(State::Fresh), &of(State::Rescanned));
        // 48 against 48: standard error 0.06, three of them
        assert!((area - 0.5).abs() < 0.18, "feature {feature}: {area}");
    }
}

/// City-block distance to the background.
fn depth(tissue: ArrayView2<'_, bool>) -> ndarray::Array2<f64> {
    let (rows, columns) = tissue.dim();
    let far = (rows + columns) as f64;
    let mut depth = tissue.mapv(|inside| if inside { far } else { 0.0 });
    for _ in 0..2 {
        for row in 1..rows {
            for column in 1..columns {
                let near = depth[[row - 1, column]].min(depth[[row, column - 1]]) + 1.0;
                depth[[row, column]] = depth[[row, column]].min(near);
            }
        }
        for row in (0..rows - 1).rev() {
            for column in (0..columns - 1).rev() {
                let near = depth[[row + 1, column]].min(depth[[row, column + 1]]) + 1.0;
                depth[[row, column]] = depth[[row, column]].min(near);
            }
        }
    }
    depth
}

#[test]
fn the_middle_solves_the_centre_layout_only() {
    let area = |layout: DamageLayout| {
        let config = PhantomConfig {
            damage: DamageConfig {
                layout,
                ..DamageConfig::default()
            },
            ..unspoilt(PhantomConfig {
                fish: 24,
                slices: 1,
                size: 64,
                ..PhantomConfig::dev()
            })
        };
        let (mut whole, mut damaged) = (Vec::new(), Vec::new());
        for scan in Cohort::generate(&config, 3).unwrap().map(Result::unwrap) {
            if scan.state == State::Fresh || scan.treatment == Freezing::Minus40 {
                continue;
            }
            let tissue = scan.tissue.index_axis(Axis(0), 0);
            for ((index, depth), truth) in depth(tissue).indexed_iter().zip(&scan.damage) {
                if tissue[index] {
                    if *truth >= 0.5 {
                        damaged.push(*depth)
                    } else {
                        whole.push(*depth)
                    }
                }
            }
        }
        auc(&whole, &damaged)
    };
    let foci = area(DamageLayout::Foci);
    assert!((0.4..0.6).contains(&foci), "depth ranks foci at {foci}");
    let centre = area(DamageLayout::Centre);
    assert!(centre > 0.75, "depth ranks the centre layout at {centre}");
}

#[test]
fn every_treatment_keeps_slices_that_are_neither_whole_nor_all_damaged() {
    for layout in [
        DamageLayout::Centre,
        DamageLayout::Contact,
        DamageLayout::Foci,
    ] {
        for softness in [Softness::Hard, Softness::Soft, Softness::VerySoft] {
            let config = PhantomConfig {
                damage: DamageConfig {
                    layout,
                    softness,
                    ..DamageConfig::default()
                },
                fish: 6,
                slices: 2,
                size: 32,
                ..PhantomConfig::dev()
            };
            let mut mixed = [0; 3];
            for scan in Cohort::generate(&config, 11).unwrap().map(Result::unwrap) {
                if scan.state == State::Fresh {
                    continue;
                }
                let which = Freezing::ALL
                    .iter()
                    .position(|t| *t == scan.treatment)
                    .unwrap();
                for (damage, tissue) in scan.damage.outer_iter().zip(scan.tissue.outer_iter()) {
                    let all = tissue.iter().filter(|inside| **inside).count() as f64;
                    let bad = damage.iter().filter(|damage| **damage >= 0.5).count() as f64;
                    mixed[which] += usize::from((0.005..0.995).contains(&(bad / all)));
                }
            }
            assert!(
                mixed.iter().all(|&slices| slices > 0),
                "{layout:?} {softness:?}: {mixed:?}"
            );
        }
    }
}

#[test]
fn outcomes_have_their_design_means_and_fish_effects() {
    let config = PhantomConfig {
        fish: 120,
        slices: 1,
        size: 8,
        ..PhantomConfig::dev()
    };
    let scans: Vec<PhantomScan> = Cohort::generate(&config, 42)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let thawed: Vec<&PhantomScan> = scans
        .iter()
        .filter(|scan| scan.state == State::Thawed)
        .collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let masses: Vec<f64> = thawed
        .iter()
        .map(|s| s.specimen.mass_before_g.unwrap())
        .collect();
    let mass = mean(&masses);
    let sd = mean(
        &masses
            .iter()
            .map(|m| (m - mass).powi(2))
            .collect::<Vec<_>>(),
    )
    .sqrt();
    // 240 fillets of 120 fish: standard errors about 1.6 g and 1.1 g; four of them
    assert!((mass - 146.0).abs() < 6.5, "mass {mass}");
    assert!((sd - 19.0).abs() < 4.5, "sd {sd}");
    let per_treatment = Freezing::ALL.map(|treatment| {
        let of: Vec<&&PhantomScan> = thawed.iter().filter(|s| s.treatment == treatment).collect();
        let damage = mean(&of.iter().map(|s| s.mean_damage).collect::<Vec<_>>());
        let loss = of
            .iter()
            .map(|s| s.specimen.liquid_loss_percent.unwrap())
            .collect::<Vec<_>>();
        [damage, mean(&loss)]
    });
    for ([damage, loss], [least, most]) in
        per_treatment
            .into_iter()
            .zip([[0.72, 0.92], [0.30, 0.55], [0.03, 0.15]])
    {
        assert!((least..most).contains(&damage), "{per_treatment:?}");
        assert!(
            (loss - (3.0 + 8.0 * damage)).abs() < 0.4,
            "{per_treatment:?}"
        );
    }
    let rest: Vec<f64> = thawed
        .iter()
        .map(|s| s.specimen.liquid_loss_percent.unwrap() - 3.0 - 8.0 * s.mean_damage)
        .collect();
    let middle = mean(&rest);
    let variance = mean(
        &rest
            .iter()
            .map(|r| (r - middle).powi(2))
            .collect::<Vec<_>>(),
    );
    let shared = mean(
        &rest
            .chunks(2)
            .map(|pair| (pair[0] - middle) * (pair[1] - middle))
            .collect::<Vec<_>>(),
    );
    // designed 0.5²/(0.5² + 0.62²) = 0.39, standard error about 0.08
    assert!(
        (0.15..0.65).contains(&(shared / variance)),
        "fish share {}",
        shared / variance
    );
    assert!(
        (variance.sqrt() - 0.8).abs() < 0.2,
        "spread {}",
        variance.sqrt()
    );
}

#[test]
fn softness_widens_the_boundaries() {
    for layout in [
        DamageLayout::Centre,
        DamageLayout::Contact,
        DamageLayout::Foci,
    ] {
        let width = |softness: Softness| {
            let config = PhantomConfig {
                damage: DamageConfig {
                    layout,
                    softness,
                    ..DamageConfig::default()
                },
                ..unspoilt(PhantomConfig {
                    fish: 6,
                    slices: 1,
                    size: 128,
                    ..PhantomConfig::dev()
                })
            };
            let widths: Vec<f64> = Cohort::generate(&config, 3)
                .unwrap()
                .map(Result::unwrap)
                .filter(|scan| scan.treatment == Freezing::Minus20)
                .filter_map(|scan| scan.boundary_width_mm())
                .collect();
            assert!(!widths.is_empty(), "only thawed fillets have boundaries");
            widths.iter().sum::<f64>() / widths.len() as f64
        };
        let [hard, soft, very_soft] =
            [Softness::Hard, Softness::Soft, Softness::VerySoft].map(width);
        assert!(
            1.5 * hard < soft && 1.1 * soft < very_soft,
            "{layout:?}: {hard} {soft} {very_soft} mm"
        );
    }
}

#[test]
fn mass_has_its_fish_effect() {
    let config = PhantomConfig {
        fish: 150,
        slices: 1,
        size: 8,
        second_scan: SecondScan::None,
        ..PhantomConfig::dev()
    };
    let masses: Vec<f64> = Cohort::new(&config, 1)
        .unwrap()
        .sample_sheet()
        .unwrap()
        .specimens
        .iter()
        .map(|s| s.mass_before_g.unwrap())
        .collect();
    let n = masses.len() as f64;
    let mean = masses.iter().sum::<f64>() / n;
    let variance = masses.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / n;
    let shared = masses
        .chunks(2)
        .map(|pair| (pair[0] - mean) * (pair[1] - mean))
        .sum::<f64>()
        / (n / 2.0);
    // designed 16.2² / (16.2² + 10²) = 0.72; 150 pairs: standard error (1 − 0.72²)/√150 = 0.04
    let share = shared / variance;
    assert!((0.58..0.86).contains(&share), "fish share {share}");
}
