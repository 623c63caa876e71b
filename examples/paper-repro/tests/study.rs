//! The whole study, tiny: complete, resumable, reproducible.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use support::{assert_same, command, contents, said, study, tiny_config};

/// Tables and the columns that readers of them rely on.
const TABLES: [(&str, &str); 14] = [
    (
        "classification",
        "model,seed,split,n,correct,accuracy,ci_low,ci_high,wald_half_width,epochs_min,epochs_max",
    ),
    (
        "miou",
        "model,method,treatment,reference,threshold,n,n_undefined,miou,sd,coverage,reference_coverage,expected,corrected,n_empty,n_full,n_scans,fillet_mean,ci_low,ci_high",
    ),
    (
        "agreement_methods",
        "model,threshold,n,n_undefined,median,q1,q3,mean,coverage,expected,corrected",
    ),
    (
        "agreement_networks",
        "method,threshold,n,n_undefined,median,q1,q3,mean,coverage,expected,corrected",
    ),
    (
        "noise_floor",
        "model,method,threshold,n,n_undefined,median,q1,q3,mean,coverage,expected,corrected",
    ),
    (
        "liquid_loss",
        "model,method,threshold,n,rho,p,ci_low,ci_high,pearson,pearson_p,p_holm,p_max_t,within,within_p,cluster_low,cluster_high",
    ),
    (
        "tests",
        "question,form,test,unit,n,statistic,df,p,effect,caveats",
    ),
    ("seeds", "model,method,seed,quantity,value"),
    (
        "ceilings",
        "control,treatment,reference,quantity,value,expected,holds",
    ),
    (
        "truth_scores",
        "model,method,treatment,n,auc,n_auc,average_precision,fuzzy_iou,pearson",
    ),
    (
        "supervised",
        "left,right,treatment,n,n_undefined,miou,sd,coverage_left,coverage_right,expected,corrected",
    ),
    ("protocol", "switch,published,released,rigorous,used"),
    ("disagreements", "id,paper,code,switch"),
    (
        "leakage",
        "fold,left,right,right_items,shared_fish,shared_fillets,shared_scans,exact_duplicates,altered_copies,neighbouring_slices",
    ),
];

fn manifest(out: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(out.join("manifest.json")).unwrap()).unwrap()
}

#[test]
fn a_study_leaves_everything_and_is_reused_or_rerun_as_its_inputs_say() {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (tiny_config(folder.path()), folder.path().join("out"));
    let first = study(&config, &out, &[]);
    assert!(first.status.success(), "{}", said(&first));
    for (name, header) in TABLES {
        let table = fs::read_to_string(out.join(format!("tables/{name}.csv"))).unwrap();
        assert_eq!(table.lines().next(), Some(header));
        // one network has no other to agree with
        assert!(
            table.lines().count() > 1 || name == "agreement_networks",
            "{name} has no rows"
        );
    }
    for file in [
        "archive.h5",
        "report.html",
        "models/resnet50/best.safetensors",
        "models/resnet50/history.csv",
    ] {
        assert!(out.join(file).metadata().unwrap().len() > 0, "{file}");
    }
    let ceilings = fs::read_to_string(out.join("tables/ceilings.csv")).unwrap();
    assert!(
        !ceilings.contains(",no\n"),
        "the truth as map misses a ceiling, or the shifted truth misses chance:\n{ceilings}"
    );
    let report = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(report.contains("phantom") && !report.contains("src=\"http"));
    let manifest_now = manifest(&out);
    let names: Vec<_> = manifest_now["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "phantom",
            "import",
            "preprocess",
            "train",
            "explain",
            "supervise",
            "analyse",
            "report"
        ]
    );
    assert_eq!(manifest_now["synthetic"], true);

    // nothing changed: everything is reused
    let before = contents(&out);
    let second = study(&config, &out, &[]);
    assert!(second.status.success());
    assert_eq!(
        said(&second).matches("reused").count(),
        8,
        "{}",
        said(&second)
    );
    assert_eq!(before, contents(&out));

    // a missing map: explain and what follows run again, with the same result
    let map = out.join("cams/resnet50/replicate-0/grad_cam");
    let map = fs::read_dir(map).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&map).unwrap();
    let third = study(&config, &out, &[]);
    assert!(
        said(&third).contains("is missing") && said(&third).contains("train: unchanged"),
        "{}",
        said(&third)
    );
    assert_eq!(before, contents(&out));

    // an edited file is an error that names it
    let weights = out.join("models/resnet50/best.safetensors");
    let good = fs::read(&weights).unwrap();
    fs::write(&weights, &good[..good.len() - 1]).unwrap();
    let fourth = study(&config, &out, &[]);
    assert_eq!(fourth.status.code(), Some(1));
    assert!(
        said(&fourth).contains("best.safetensors"),
        "{}",
        said(&fourth)
    );
    fs::write(&weights, &good).unwrap();

    // another option: its stage and the later ones run again, the earlier ones do not
    let fifth = study(&config, &out, &["--methods", "grad_cam"]);
    let text = said(&fifth);
    assert!(
        text.contains("train: unchanged")
            && text.contains("explain: its options or inputs have changed"),
        "{text}"
    );
    assert!(
        !out.join("cams/resnet50/replicate-0/score_cam").exists(),
        "results of the old options are gone"
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes_for_any_number_of_threads_and_another_seed_others() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path());
    let [one, two, other] = ["one", "two", "other"].map(|name| folder.path().join(name));
    let first = study(&config, &one, &["--threads", "1"]);
    assert!(first.status.success(), "{}", said(&first));
    assert!(study(&config, &two, &["--threads", "2"]).status.success());
    assert_same(&one, &two);
    assert!(
        study(&config, &other, &["--seed", "8", "import"])
            .status
            .success()
    );
    assert_ne!(
        fs::read(one.join("archive.h5")).unwrap(),
        fs::read(other.join("archive.h5")).unwrap()
    );
}

#[test]
fn a_killed_run_continues_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (config, whole, killed) = (
        tiny_config(folder.path()),
        folder.path().join("whole"),
        folder.path().join("killed"),
    );
    let started = Instant::now();
    assert!(study(&config, &whole, &[]).status.success());
    let duration = started.elapsed();
    // killed at twenty random moments, wherever the work then is
    let mut state = 20_u32;
    for _ in 0..20 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let part = 0.02 + 0.2 * f64::from(state >> 8) / f64::from(1 << 24);
        let mut run = command();
        run.args([
            "--config",
            config.to_str().unwrap(),
            "--out",
            killed.to_str().unwrap(),
        ]);
        let mut child = run.stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(duration.mul_f64(part));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let last = study(&config, &killed, &[]);
    assert!(last.status.success(), "{}", said(&last));
    assert_same(&whole, &killed);
}

#[cfg(unix)]
#[test]
fn signals_end_with_their_code_and_a_second_run_is_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path());
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let out = folder.path().join(signal);
        let mut run = command();
        // long enough to be interrupted on any machine
        let longer = folder.path().join("longer.toml");
        let text = fs::read_to_string(&config)
            .unwrap()
            .replace("epochs = 2", "epochs = 20000")
            .replace("patience = 2", "patience = 20000");
        fs::write(&longer, text).unwrap();
        run.args([
            "--config",
            longer.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
        ]);
        let mut child = run.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(120);
        while !out
            .join("models/resnet50/replicate-0/fold-0/checkpoint.safetensors")
            .exists()
        {
            assert!(Instant::now() < deadline, "training never began");
            std::thread::sleep(Duration::from_millis(20));
        }
        let second = study(&longer, &out, &[]);
        assert_eq!(second.status.code(), Some(1));
        assert!(said(&second).contains("another run"), "{}", said(&second));
        let kill = std::process::Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status()
            .unwrap();
        assert!(kill.success());
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert_eq!(manifest(&out)["unfinished"]["name"], "train");
    }
}
