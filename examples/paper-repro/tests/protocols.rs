//! Three protocols, one switch at a time, and what a study would take.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fs;

use support::{command, run, said, tiny_config};

#[test]
fn the_released_split_leaks_and_the_rigorous_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path());
    let leaks = |protocol: &str| {
        let out = folder.path().join(protocol);
        let arguments = [
            "preprocess",
            "--protocol",
            protocol,
            "--config",
            config.to_str().unwrap(),
        ];
        let output = run(&[&arguments[..], &["--out", out.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{}", said(&output));
        let table = fs::read_to_string(out.join("tables/leakage.csv")).unwrap();
        let rows = table.lines().skip(1).map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            let numbers = cells[4..].iter().map(|cell| cell.parse::<usize>().unwrap());
            (
                cells[1].to_owned() + " " + cells[2],
                numbers.collect::<Vec<_>>(),
            )
        });
        rows.collect::<Vec<_>>()
    };
    for (pair, numbers) in leaks("rigorous") {
        assert!(numbers.iter().all(|&n| n == 0), "{pair}: {numbers:?}");
    }
    let released = leaks("released");
    let (_, test) = released
        .iter()
        .find(|(pair, _)| pair == "train test")
        .unwrap();
    assert!(
        test[0] > 0 && test[2] > 0,
        "fish and scans on both sides: {test:?}"
    );
    assert!(
        test[3] > 0,
        "unaltered copies of the test side train: {test:?}"
    );
}

#[test]
fn flipping_one_switch_makes_only_what_it_touches_anew() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path());
    let out = folder.path().join("compared");
    let output = command()
        .args([
            "compare-protocols",
            "--only",
            "threshold,normalise",
            "--models",
            "resnet50",
        ])
        .args([
            "--config",
            config.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
        ])
        .output()
        .unwrap();
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    // normalise differs between the ends, threshold does not
    assert!(
        text.contains("released, normalise = inside_tissue instead of per_image"),
        "{text}"
    );
    assert!(!text.contains("threshold ="), "{text}");
    let flipped = text.split("instead of per_image").nth(1).unwrap();
    assert!(
        flipped.contains("train: unchanged") && flipped.contains("explain: its options"),
        "{flipped}"
    );
    let effects = fs::read_to_string(out.join("protocol_effects.csv")).unwrap();
    for from in ["released,normalise", "rigorous,normalise"] {
        assert!(
            effects.lines().any(|row| row.starts_with(from)),
            "{effects}"
        );
    }
    let summary = fs::read_to_string(out.join("protocol_summary.csv")).unwrap();
    assert!(
        summary.contains("test_accuracy") && summary.contains("damaged_fraction"),
        "{summary}"
    );
    let refused = run(&["compare-protocols", "--only", "moon"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("moon"), "{}", said(&refused));
}

#[test]
fn an_estimate_names_every_network_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path());
    let out = folder.path().join("none");
    let output = run(&[
        "estimate",
        "--config",
        config.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        text.contains("resnet50") && text.contains("memory"),
        "{text}"
    );
    assert!(!out.exists());
}
