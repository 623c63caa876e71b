//! Runs the program as a user would and looks at what it left.
#![allow(dead_code, unreachable_pub, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program, which cargo builds beside the tests.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("path of this test");
    let path = test
        .ancestors()
        .nth(2)
        .expect("target folder")
        .join("examples/paper_repro");
    let path = if cfg!(windows) {
        path.with_extension("exe")
    } else {
        path
    };
    assert!(
        path.exists(),
        "{} is missing; cargo test builds it",
        path.display()
    );
    path
}

/// The program with two threads.
pub fn command() -> Command {
    let mut command = Command::new(program());
    command
        .env("RAYON_NUM_THREADS", "2")
        .env("CANDLE_NUM_THREADS", "2");
    command
}

/// Runs the program with these arguments.
pub fn run(arguments: &[&str]) -> Output {
    command()
        .args(arguments)
        .output()
        .expect("the program starts")
}

/// What the program said.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A study that takes seconds even without optimisation.
pub const TINY: &str = r#"
profile = "smoke"
[data]
trim_first = 0
trim_last = 0
[phantom]
fish = 3
slices = 2
size = 32
[preprocess]
image_size = 32
[[networks]]
architecture = "resnet50"
width = 0.03125
convention = "keras"
[training]
epochs = 2
patience = 2
batch_size = 4
seeds = 2
[explain]
score_channels = 4
[supervised]
epochs = 1
"#;

/// Writes [`TINY`] into a folder.
pub fn tiny_config(folder: &Path) -> PathBuf {
    let path = folder.join("tiny.toml");
    std::fs::write(&path, TINY).expect("configuration");
    path
}

/// Runs a tiny study to its end.
pub fn study(config: &Path, out: &Path, more: &[&str]) -> Output {
    let mut arguments = vec![
        "--config",
        config.to_str().expect("path"),
        "--out",
        out.to_str().expect("path"),
    ];
    arguments.extend(more);
    run(&arguments)
}

/// The bytes of every file that must not depend on time, by path; the run box is cut out of the report.
pub fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(path) = waiting.pop() {
        for entry in std::fs::read_dir(&path).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            let name = path
                .strip_prefix(folder)
                .expect("below")
                .to_string_lossy()
                .into_owned();
            let mut bytes = std::fs::read(&path).expect("file");
            if name == "manifest.json" {
                continue;
            }
            if name == "report.html" {
                let text = String::from_utf8(bytes).expect("text");
                let start = text.find("id=\"run-box\"").expect("run box");
                let end = start + text[start..].find("</section>").expect("its end");
                bytes = [&text[..start], &text[end..]].concat().into_bytes();
            }
            files.insert(name, bytes);
        }
    }
    files
}

/// Fails with the names of the files that differ.
pub fn assert_same(left: &Path, right: &Path) {
    let (left, right) = (contents(left), contents(right));
    let only: Vec<_> = (left.keys().filter(|name| !right.contains_key(*name)))
        .chain(right.keys().filter(|name| !left.contains_key(*name)))
        .collect();
    assert!(only.is_empty(), "only on one side: {only:?}");
    let differing: Vec<_> = left
        .iter()
        .filter(|(name, bytes)| right[*name] != **bytes)
        .map(|(name, _)| name)
        .collect();
    assert!(differing.is_empty(), "these files differ: {differing:?}");
}
