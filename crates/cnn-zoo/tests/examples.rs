//! The example programs, as their users call them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{GrayImage, Luma};
use serde_json::Value;

/// Cargo builds the examples with the tests, into the folder beside theirs.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    let path = profile
        .join("examples")
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        path.is_file(),
        "{} is missing: cargo build -p cnn-zoo --examples",
        path.display()
    );
    path
}

fn run(name: &str, arguments: &[&str]) -> Output {
    Command::new(program(name))
        .args(arguments)
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(output: &Output) -> String {
    assert!(!output.status.success());
    assert!(output.stdout.is_empty(), "{:?}", output.stdout);
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!error.contains("panicked"), "{error}");
    error
}

/// Bright top halves and bright bottom halves, sixteen of each.
fn pictures(folder: &Path) {
    for (class, name) in ["top", "bottom"].into_iter().enumerate() {
        std::fs::create_dir(folder.join(name)).unwrap();
        for number in 0..16 {
            let image = GrayImage::from_fn(32, 32, |x, y| {
                let bright = (y < 16) == (class == 0);
                Luma([if bright { 200 } else { 20 } + ((x * 7 + y * 3 + number) % 32) as u8])
            });
            let path = folder.join(name).join(format!("{number:02}.png"));
            image.save(path).unwrap();
        }
    }
}

#[test]
fn a_folder_of_pictures_is_learnt_and_classified() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("out"));
    std::fs::create_dir(&data).unwrap();
    pictures(&data);
    let train = |epochs: &str| {
        let output = run(
            "train_on_folder",
            &[
                data.to_str().unwrap(),
                "--arch",
                "resnet50",
                "--out",
                out.to_str().unwrap(),
                "--epochs",
                epochs,
                "--seed",
                "1",
                "--width",
                "0.125",
                "--size",
                "64",
                "--channels",
                "1",
                "--batch",
                "8",
                "--rate",
                "0.01",
                "--validation",
                "0.25",
                "--norm-momentum",
                "0.5",
            ],
        );
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{error}");
    };
    train("8");
    let weights = out.join("best.safetensors");
    assert!(weights.is_file());
    let history = std::fs::read_to_string(out.join("history.csv")).unwrap();
    assert!(history.lines().count() > 8, "{history}");
    // The same command again has nothing left to do.
    train("8");
    assert_eq!(
        std::fs::read_to_string(out.join("history.csv")).unwrap(),
        history
    );

    let [top, bottom] = ["top", "bottom"].map(|name| data.join(name).join("00.png"));
    let found = json(&run(
        "classify",
        &[
            "--arch",
            "resnet50",
            "--weights",
            weights.to_str().unwrap(),
            top.to_str().unwrap(),
            bottom.to_str().unwrap(),
            "--json",
        ],
    ));
    let lines = found.as_array().unwrap();
    assert_eq!(lines.len(), 2);
    // Classes are the subfolders by name: bottom is 0.
    assert_eq!([&lines[0]["class"], &lines[1]["class"]], [1, 0], "{found}");
    for line in lines {
        let probabilities: Vec<f64> =
            serde_json::from_value(line["probabilities"].clone()).unwrap();
        assert_eq!(probabilities.len(), 2);
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-6);
        assert_eq!(line["logits"].as_array().unwrap().len(), 2);
    }

    let wrong = run(
        "classify",
        &[
            "--arch",
            "vgg16",
            "--weights",
            weights.to_str().unwrap(),
            top.to_str().unwrap(),
        ],
    );
    assert!(refused(&wrong).contains("resnet50"));
    let missing = run(
        "classify",
        &[
            "--arch",
            "resnet50",
            "--weights",
            weights.to_str().unwrap(),
            "none.png",
        ],
    );
    assert!(refused(&missing).contains("none.png"));
    std::fs::write(&weights, b"not weights").unwrap();
    let damaged = run(
        "classify",
        &[
            "--arch",
            "resnet50",
            "--weights",
            weights.to_str().unwrap(),
            top.to_str().unwrap(),
        ],
    );
    assert!(refused(&damaged).contains("best.safetensors"));
}

#[test]
fn a_summary_has_the_published_counts() {
    let found = json(&run(
        "summary",
        &[
            "--arch",
            "resnet50",
            "--convention",
            "torch",
            "--channels",
            "3",
            "--classes",
            "1000",
            "--size",
            "224",
            "--json",
        ],
    ));
    // torchvision's documentation: 25,557,032 parameters, 4.09 G multiply-adds; Keras' way of counting adds the
    // running statistics to the former.
    assert_eq!(found["trainable"], 25_557_032);
    assert_eq!(found["parameters"], 25_557_032 + 2 * 26_560);
    let products = found["multiply_adds"].as_f64().unwrap();
    assert!((products / 4.09e9 - 1.0).abs() < 0.01, "{products}");
    assert!(!found["taps"].as_array().unwrap().is_empty());
    assert!(refused(&run("summary", &["--arch", "resnet51"])).contains("resnet51"));
    assert!(refused(&run("summary", &["--arch", "inception_v3", "--size", "32"])).contains("75"));
}
