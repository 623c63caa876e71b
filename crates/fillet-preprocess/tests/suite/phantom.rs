//! The phantom as a function: same bytes, shared anatomy, consistent truth.

use fillet_preprocess::SampleSheet;
use fillet_preprocess::phantom::{
    AnnotatorConfig, Cohort, Confounds, Freezing, Label, PhantomConfig, PhantomScan, SecondScan,
    State, annotate,
};
use ndarray::Axis;

fn small() -> PhantomConfig {
    PhantomConfig {
        fish: 2,
        slices: 3,
        size: 48,
        ..PhantomConfig::ci()
    }
}

fn same(a: &PhantomScan, b: &PhantomScan) -> bool {
    a.volume == b.volume
        && a.damage == b.damage
        && a.expelled == b.expelled
        && a.clusters == b.clusters
        && a.septa == b.septa
        && a.tissue == b.tissue
        && a.specimen == b.specimen
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let cohort = Cohort::new(&small(), 9).unwrap();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| cohort.scan(3).unwrap())
    };
    let one = with(1);
    assert!(same(&one, &with(3)));
    let fourth = Cohort::generate(&small(), 9)
        .unwrap()
        .nth(3)
        .unwrap()
        .unwrap();
    assert!(
        same(&one, &fourth),
        "a scan does not depend on those before it"
    );
    assert!(!same(
        &one,
        &Cohort::new(&small(), 10).unwrap().scan(3).unwrap()
    ));
}

#[test]
fn values_and_truth_are_in_range() {
    for scan in Cohort::generate(&small(), 1).unwrap() {
        let scan = scan.unwrap();
        assert!(
            scan.volume
                .stored()
                .iter()
                .all(|value| (0..4096).contains(value))
        );
        assert!(
            scan.damage
                .iter()
                .all(|damage| (0.0..=1.0).contains(damage))
        );
        let outside = scan
            .damage
            .iter()
            .zip(&scan.tissue)
            .filter(|(_, tissue)| !**tissue);
        assert!(outside.into_iter().all(|(damage, _)| *damage == 0.0));
        let share = scan.tissue.iter().filter(|t| **t).count() as f64 / scan.tissue.len() as f64;
        assert!(
            (0.2..0.5).contains(&share),
            "tissue fills {share} of the field of view"
        );
        if scan.state == State::Fresh {
            assert!(
                scan.damage
                    .iter()
                    .chain(&scan.expelled)
                    .chain(&scan.clusters)
                    .all(|value| *value == 0.0)
            );
            assert_eq!(scan.specimen.liquid_loss_percent, None);
        } else {
            let loss = scan.specimen.liquid_loss().unwrap().unwrap();
            let mut masses = scan.specimen.clone();
            masses.liquid_loss_percent = None;
            assert_eq!(
                masses.liquid_loss().unwrap(),
                Some(loss),
                "loss follows from the masses"
            );
        }
    }
}

/// What the grey values are made of is exported as it went in.
#[test]
fn clusters_explain_expelled_water_and_septa_are_dark_sheets() {
    let config = PhantomConfig {
        size: 96,
        ..small()
    };
    for scan in Cohort::generate(&config, 5).unwrap() {
        let scan = scan.unwrap();
        for truth in [&scan.clusters, &scan.septa] {
            assert!(truth.iter().all(|share| (0.0..=1.0).contains(share)));
            let outside = truth
                .iter()
                .zip(&scan.tissue)
                .filter(|(_, inside)| !**inside);
            assert!(outside.into_iter().all(|(share, _)| *share == 0.0));
        }
        // f_x = f_max · d · (0.35 + 0.65 · cluster)
        let most = config.tissue.expelled_most as f32;
        for ((expelled, damage), cluster) in
            scan.expelled.iter().zip(&scan.damage).zip(&scan.clusters)
        {
            let expected = most * damage * (0.35 + 0.65 * cluster);
            assert!((expelled - expected).abs() < 1e-6);
        }
        let tissue = scan.tissue.iter().filter(|inside| **inside).count() as f32;
        let share = scan.septa.sum() / tissue;
        assert!(
            (0.02..0.25).contains(&share),
            "septa are {share} of the muscle"
        );
        if scan.state == State::Fresh {
            let (mut sheets, mut muscle) = ([0.0, 0.0], [0.0, 0.0]);
            for ((value, septum), inside) in scan
                .volume
                .stored()
                .iter()
                .zip(&scan.septa)
                .zip(&scan.tissue)
            {
                let sum = match septum {
                    0.4.. => &mut sheets,
                    _ if *inside && *septum < 0.01 => &mut muscle,
                    _ => continue,
                };
                sum[0] += f64::from(*value);
                sum[1] += 1.0;
            }
            let [sheets, muscle] = [sheets, muscle].map(|[sum, n]| sum / n);
            assert!(sheets < 0.9 * muscle, "{sheets} {muscle}");
        }
    }
}

/// Rotated and shifted, a fillet lies within the field of view unless it is too wide for it.
#[test]
fn fillets_do_not_touch_the_edge_of_the_picture() {
    let config = PhantomConfig {
        size: 60,
        slices: 5,
        slice_spacing_mm: 12.0,
        ..PhantomConfig::paper()
    };
    let mut margins = Vec::new();
    for seed in [1, 42] {
        for scan in Cohort::generate(&config, seed).unwrap() {
            let scan = scan.unwrap();
            let near = scan.tissue.indexed_iter().filter(|(_, inside)| **inside);
            let margin = near
                .map(|((_, r, c), _)| r.min(c).min(59 - r).min(59 - c))
                .min();
            margins.push(margin.unwrap());
        }
    }
    let cut = margins.iter().filter(|margin| **margin == 0).count();
    assert!(
        cut * 25 < margins.len(),
        "{cut} of {} are cut",
        margins.len()
    );
}

#[test]
fn the_sheet_matches_the_scans_and_survives_csv() {
    let cohort = Cohort::new(&small(), 1).unwrap();
    let sheet = cohort.sample_sheet().unwrap();
    for (row, scan) in sheet.specimens.iter().zip(cohort.scans()) {
        assert_eq!(*row, scan.unwrap().specimen);
    }
    let mut bytes = Vec::new();
    sheet.write_to(&mut bytes).unwrap();
    assert_eq!(
        SampleSheet::parse(bytes.as_slice(), "sheet").unwrap(),
        sheet
    );
    assert!(cohort.scan(8).is_err() && cohort.specimen(8).is_err());
}

#[test]
fn treatments_are_balanced_as_in_the_paper() {
    let cohort = Cohort::new(&PhantomConfig::paper(), 42).unwrap();
    assert_eq!(cohort.len(), 64);
    let mut counts = [0; 3];
    let tiny = PhantomConfig {
        size: 8,
        slices: 1,
        ..PhantomConfig::paper()
    };
    for specimen in Cohort::new(&tiny, 42)
        .unwrap()
        .sample_sheet()
        .unwrap()
        .specimens
    {
        let name = specimen.treatment.unwrap();
        let treatment: Freezing = name.parse().unwrap();
        counts[Freezing::ALL
            .iter()
            .position(|&other| other == treatment)
            .unwrap()] += 1;
    }
    assert_eq!(counts, [22, 22, 20], "two scans of each fillet");
    assert!("minus_10".parse::<Freezing>().is_err());
}

/// Correlation of two scans inside the tissue both show, without position and noise.
fn likeness(a: &PhantomScan, b: &PhantomScan) -> f64 {
    let (x, y): (Vec<f64>, Vec<f64>) = a
        .volume
        .stored()
        .iter()
        .zip(b.volume.stored())
        .zip(a.tissue.iter().zip(&b.tissue))
        .filter(|(_, (left, right))| **left && **right)
        .map(|((left, right), _)| (f64::from(*left), f64::from(*right)))
        .unzip();
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mx, my) = (mean(&x), mean(&y));
    let cov: f64 = x.iter().zip(&y).map(|(a, b)| (a - mx) * (b - my)).sum();
    let square = |v: &[f64], m: f64| v.iter().map(|a| (a - m).powi(2)).sum::<f64>();
    cov / (square(&x, mx) * square(&y, my)).sqrt()
}

#[test]
fn both_scans_of_a_fillet_share_its_anatomy() {
    let mut config = PhantomConfig {
        size: 96,
        slices: 1,
        ..small()
    };
    config.second_scan = SecondScan::FreshAgain;
    config.scanner.rotation_degrees = 0.0;
    config.scanner.position_sd_mm = 0.0;
    let cohort = Cohort::new(&config, 4).unwrap();
    let scans: Vec<PhantomScan> = cohort.scans().map(Result::unwrap).collect();
    assert_eq!(scans[1].specimen.class, "rescanned");
    assert!(scans[1].damage.iter().all(|damage| *damage == 0.0));
    assert!(likeness(&scans[0], &scans[1]) > 0.8, "the same fillet");
    assert!(
        likeness(&scans[0], &scans[2]) < 0.4,
        "another fillet of the same fish"
    );
    assert_ne!(
        scans[0].volume, scans[1].volume,
        "noise and gain are drawn anew"
    );
}

#[test]
fn confounds_change_second_scans_only() {
    let plain = Cohort::new(&small(), 6).unwrap();
    let config = PhantomConfig {
        confounds: Confounds::all(),
        ..small()
    };
    let confounded = Cohort::new(&config, 6).unwrap();
    assert!(same(&plain.scan(0).unwrap(), &confounded.scan(0).unwrap()));
    let (a, b) = (plain.scan(1).unwrap(), confounded.scan(1).unwrap());
    assert_ne!(a.volume, b.volume);
    assert_eq!(a.specimen, b.specimen, "truth of the outcome stays");
}

#[test]
fn wrong_configuration_names_its_key() {
    let mut config = small();
    config.tissue.t1_ms = -1.0;
    let problem = Cohort::new(&config, 0).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "`tissue.t1_ms` must be a positive number, got -1"
    );
    assert!(Cohort::new(&PhantomConfig { fish: 0, ..small() }, 0).is_err());
    let unknown: Result<PhantomConfig, _> = serde_json::from_str("{\"fishes\": 3}");
    assert!(
        unknown
            .unwrap_err()
            .to_string()
            .contains("unknown field `fishes`")
    );
    let text = serde_json::to_string(&small()).unwrap();
    assert_eq!(
        serde_json::from_str::<PhantomConfig>(&text).unwrap(),
        small()
    );
}

#[test]
fn raters_see_damage_but_differ() {
    let config = PhantomConfig {
        fish: 6,
        slices: 1,
        size: 96,
        ..PhantomConfig::ci()
    };
    let (mut both, mut any, mut hits, mut drawn) = (0, 0, 0, 0);
    let annotator = AnnotatorConfig::default();
    let scans = Cohort::generate(&config, 8).unwrap().map(Result::unwrap);
    for scan in scans.filter(|scan| scan.treatment == Freezing::Minus20) {
        let values = scan.volume.values();
        let slice = values.index_axis(Axis(0), 0);
        let tissue = scan.tissue.index_axis(Axis(0), 0);
        let by = |rater| annotate(slice, tissue, 60.0 / 96.0, &annotator, 1, rater).unwrap();
        let raters = [by(0), by(1)];
        assert_eq!(raters[0], by(0));
        for (index, truth) in scan.damage.index_axis(Axis(0), 0).indexed_iter() {
            let [a, b] = [&raters[0], &raters[1]].map(|labels| labels[index] == Label::Damaged);
            both += usize::from(a && b);
            any += usize::from(a || b);
            if scan.state == State::Thawed {
                drawn += usize::from(a);
                hits += usize::from(a && *truth > 0.3);
            }
        }
    }
    let agreement = both as f64 / any as f64;
    assert!(
        (0.4..0.95).contains(&agreement),
        "raters overlap by {agreement}"
    );
    let precision = hits as f64 / drawn as f64;
    assert!(precision > 0.5, "{precision} of what is drawn is damaged");
}

#[test]
fn repeated_scans_differ_at_the_scan_level_alone() {
    let mut config = PhantomConfig {
        fish: 1,
        fillets_per_fish: 1,
        repeats: 3,
        ..small()
    };
    // in the same place, so that truth can be compared pixel by pixel
    config.scanner.rotation_degrees = 0.0;
    config.scanner.position_sd_mm = 0.0;
    let cohort = Cohort::new(&config, 5).unwrap();
    let scans: Vec<PhantomScan> = cohort.scans().map(Result::unwrap).collect();
    let names: Vec<&str> = scans.iter().map(|s| s.specimen.scan.as_str()).collect();
    assert_eq!(
        names,
        [
            "fish01_left_fresh",
            "fish01_left_fresh_2",
            "fish01_left_fresh_3",
            "fish01_left_thawed",
            "fish01_left_thawed_2",
            "fish01_left_thawed_3"
        ]
    );
    for group in scans.chunks(3) {
        let first = &group[0];
        for (repeat, other) in group.iter().enumerate().skip(1) {
            assert_eq!((other.state, other.repeat), (first.state, repeat));
            assert_eq!(other.damage, first.damage);
            assert_eq!(other.specimen.mass_after_g, first.specimen.mass_after_g);
            assert_ne!(other.volume, first.volume);
        }
    }
    assert!(
        PhantomConfig {
            repeats: 0,
            ..config
        }
        .validate()
        .is_err()
    );
}

#[test]
fn a_rater_who_knows_healthy_muscle_marks_what_is_damaged_all_over() {
    let config = PhantomConfig {
        fish: 6,
        slices: 1,
        size: 96,
        ..PhantomConfig::ci()
    };
    let share = |undamaged: Option<f64>, state: State| {
        let annotator = AnnotatorConfig {
            undamaged,
            ..AnnotatorConfig::default()
        };
        let (mut marked, mut all) = (0, 0);
        for scan in Cohort::generate(&config, 8).unwrap().map(Result::unwrap) {
            if scan.state != state || scan.treatment != Freezing::Minus5 {
                continue;
            }
            let values = scan.volume.values();
            let slice = values.index_axis(Axis(0), 0);
            let tissue = scan.tissue.index_axis(Axis(0), 0);
            let labels = annotate(slice, tissue, 60.0 / 96.0, &annotator, 1, 0).unwrap();
            all += tissue.iter().filter(|inside| **inside).count();
            marked += labels.iter().filter(|l| **l == Label::Damaged).count();
        }
        marked as f64 / all as f64
    };
    // truth: nine tenths of thawed tissue, none of fresh
    let level = Some(950.0);
    assert!(share(level, State::Thawed) > 1.3 * share(None, State::Thawed));
    assert!(share(None, State::Fresh) < 0.1);
    assert!(share(level, State::Fresh) < 0.25);
}
