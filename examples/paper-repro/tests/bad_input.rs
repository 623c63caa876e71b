//! Bad input ends with a message that names the thing, the right exit code, and nothing half-written.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fs;
use std::path::Path;

use support::{run, said, study, tiny_config};

/// Runs the program and checks the exit code and that the message names everything expected.
fn fails(arguments: &[&str], code: i32, names: &[&str]) {
    let output = run(arguments);
    let said = said(&output);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?} said: {said}"
    );
    for name in names {
        assert!(
            said.contains(name),
            "{arguments:?} should name {name:?}, said: {said}"
        );
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("path")
}

#[test]
fn command_line_and_configuration_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let config = folder.path().join("bad.toml");
    fails(&["--profile", "huge"], 2, &["huge", "smoke"]);
    fails(&["--models", "resnet51"], 2, &["resnet51"]);
    fails(&["--methods", "grad_kam"], 2, &["grad_kam"]);
    fails(&["--device", "cuda:x"], 2, &["cuda:x"]);
    fails(
        &["--device", "cuda:0", "--out", text(&out)],
        2,
        &["without CUDA"],
    );
    fails(
        &["--switch", "split=by_moon", "--out", text(&out)],
        2,
        &["split", "by_moon", "fish_folds"],
    );
    fails(
        &["--switch", "spilt=fish_folds"],
        2,
        &["spilt", "layer_cam"],
    );
    fails(&["--switch", "split"], 2, &["split", "NAME=VALUE"]);
    fails(
        &["--protocol", "released", "--models", "inception_v4"],
        2,
        &["inception_v4", "no network is left"],
    );
    fails(&["--models", "u_net"], 2, &["u_net", "labelled pixels"]);
    fails(
        &["--config", "no/such/file.toml"],
        2,
        &["no/such/file.toml"],
    );
    fails(&["phantom", "--data", "."], 2, &["phantom"]);
    fs::write(&config, "[training]\nepoch = 3\n").unwrap();
    fails(
        &["--config", text(&config)],
        2,
        &["training.epoch", "bad.toml"],
    );
    fs::write(&config, "[training]\nepochs = \"three\"\n").unwrap();
    fails(&["--config", text(&config)], 2, &["epochs", "bad.toml"]);
    fs::write(&config, "[training]\nepochs = 0\n").unwrap();
    fails(&["--config", text(&config)], 2, &["training.epochs = 0"]);
    fs::write(&config, "[preprocess]\nimage_size = 64\n").unwrap();
    fails(&["--config", text(&config)], 2, &["inception_v3", "75"]);
    fs::write(&config, "[supervised]\npatch_size = 6\n").unwrap();
    fails(
        &["--config", text(&config)],
        2,
        &["supervised.patch_size = 6"],
    );
    fs::write(&config, "seed = \n").unwrap();
    fails(&["--config", text(&config)], 2, &["bad.toml"]);
    assert!(!out.exists(), "a refused command line leaves no folder");
}

#[test]
fn printed_configuration_is_accepted_and_printed_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("printed.toml");
    for profile in ["smoke", "quick", "study", "paper"] {
        let first = run(&["--profile", profile, "--seed", "7", "--print-config"]);
        assert!(first.status.success());
        fs::write(&config, &first.stdout).unwrap();
        let second = run(&["--config", text(&config), "--print-config"]);
        assert_eq!(
            String::from_utf8_lossy(&first.stdout),
            String::from_utf8_lossy(&second.stdout)
        );
        assert!(String::from_utf8_lossy(&first.stdout).contains("seed = 7"));
    }
}

#[test]
fn data_folder_and_sample_sheet() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("out"));
    let sheet = data.join("samples.csv");
    let check = |code, names: &[&str]| {
        fails(
            &[
                "--profile",
                "smoke",
                "--data",
                text(&data),
                "--out",
                text(&out),
            ],
            code,
            names,
        )
    };
    check(2, &["data", "no such folder"]);
    fs::create_dir(&data).unwrap();
    check(2, &["samples.csv"]);
    fs::write(&sheet, "scan,klass\na,fresh\n").unwrap();
    check(2, &["samples.csv", "klass"]);
    fs::write(
        &sheet,
        "scan,class,fish\na,fresh,1\nb,thawed,1\nc,fresh,2\nd,thawed,2\ne,fresh,3\nf,thawed,3\n",
    )
    .unwrap();
    check(2, &["scan `a`"]);
    fs::write(&sheet, "scan,class,fish\n../a,fresh,1\nb,thawed,1\n").unwrap();
    check(2, &["../a"]);
    fs::write(&sheet, "scan,class,fish\na,cold,1\nb,warm,1\n").unwrap();
    check(2, &["thawed", "cold", "warm"]);
    // folders that exist, but hold no MR
    fs::write(
        &sheet,
        "scan,class,fish\na,fresh,1\nb,thawed,1\nc,fresh,2\nd,thawed,2\ne,fresh,3\nf,thawed,3\n",
    )
    .unwrap();
    for scan in ["a", "b", "c", "d", "e", "f"] {
        fs::create_dir(data.join(scan)).unwrap();
        fs::write(data.join(scan).join("readme.txt"), "no image here").unwrap();
    }
    check(1, &[text(&data.join("a"))]);
    assert!(!out.join("archive.h5").exists());
}

#[test]
fn output_folder() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("thesis.txt"), "years of work").unwrap();
    fails(
        &["--profile", "smoke", "--out", text(&foreign)],
        2,
        &["foreign", "not empty"],
    );
    assert_eq!(
        fs::read_to_string(foreign.join("thesis.txt")).unwrap(),
        "years of work"
    );
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    fails(&["--profile", "smoke", "--out", text(&file)], 1, &["file"]);
    let newer = folder.path().join("newer");
    fs::create_dir(&newer).unwrap();
    fs::write(newer.join("manifest.json"), r#"{"format": 999}"#).unwrap();
    fails(
        &["--profile", "smoke", "--out", text(&newer)],
        1,
        &["manifest.json", "999"],
    );
    fs::write(newer.join("manifest.json"), "{").unwrap();
    fails(
        &["--profile", "smoke", "--out", text(&newer)],
        1,
        &["manifest.json", "damaged"],
    );
}

#[test]
fn truncated_scan_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (config, made) = (tiny_config(folder.path()), folder.path().join("made"));
    assert!(study(&config, &made, &["phantom"]).status.success());
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::copy(made.join("data/samples.csv"), data.join("samples.csv")).unwrap();
    let mut scans: Vec<_> = fs::read_dir(made.join("data/scans"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    scans.sort();
    for (index, scan) in scans.iter().enumerate() {
        let mut bytes = fs::read(scan).unwrap();
        if index == 1 {
            bytes.truncate(bytes.len() / 2);
        }
        fs::write(data.join(scan.file_name().unwrap()), bytes).unwrap();
    }
    let out = folder.path().join("out");
    let broken = scans[1].file_name().unwrap().to_str().unwrap();
    fails(
        &[
            "--config",
            text(&config),
            "--data",
            text(&data),
            "--out",
            text(&out),
        ],
        1,
        &[broken],
    );
    assert!(!out.join("archive.h5").exists());
}

#[test]
fn a_mistake_in_the_data_costs_nothing_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (tiny_config(folder.path()), folder.path().join("out"));
    assert!(study(&config, &out, &[]).status.success());
    let before = support::contents(&out);
    let arguments = ["--config", text(&config), "--out", text(&out), "--data"];
    let with = |data: &'static str| [&arguments[..], &[data]].concat();
    fails(&with("no/such/folder"), 2, &["no such folder"]);
    let own = out.join("data/scans");
    fails(
        &[&arguments[..], &[text(&own)]].concat(),
        2,
        &["output folder"],
    );
    assert_eq!(before, support::contents(&out));
}

#[test]
fn half_named_animals_and_one_file_under_two_names_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (config, made) = (tiny_config(folder.path()), folder.path().join("made"));
    assert!(study(&config, &made, &["phantom"]).status.success());
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let (mut rows, mut first) = (String::new(), String::new());
    let mut scans: Vec<_> = fs::read_dir(made.join("data/scans"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    scans.sort();
    for scan in &scans {
        let name = scan.file_stem().unwrap().to_str().unwrap();
        fs::copy(scan, data.join(scan.file_name().unwrap())).unwrap();
        let class = if name.ends_with("fresh") {
            "fresh"
        } else {
            "thawed"
        };
        rows += &format!("{name},{},{class}\n", &name[..6]);
        if first.is_empty() {
            first = name.to_owned();
        }
    }
    let out = folder.path().join("out");
    let arguments = [
        "--config",
        text(&config),
        "--data",
        text(&data),
        "--out",
        text(&out),
    ];
    let sheet = |rows: &str| {
        fs::write(data.join("samples.csv"), format!("scan,fish,class\n{rows}")).unwrap()
    };
    sheet(&rows.replacen("fish01,", ",", 1));
    fails(&arguments, 2, &[&first, "fish"]);
    sheet(&format!("{rows}{first}.dcm,fish09,fresh\n"));
    fails(&arguments, 2, &["same scan", &first]);
    // scan and class alone are enough
    let bare: String = rows
        .lines()
        .map(|row| row.split(',').collect::<Vec<_>>())
        .map(|c| format!("{},{}\n", c[0], c[2]))
        .collect();
    fs::write(data.join("samples.csv"), format!("scan,class\n{bare}")).unwrap();
    let done = run(&arguments);
    assert!(done.status.success(), "{}", said(&done));
    let report = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(!report.contains("phantom") && !report.contains("never saw its fish"));
}
