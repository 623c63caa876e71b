//! The study as tasks: planned, run one by one, refused where something is missing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::Path;

use support::{command, contents, said, study, tiny_config};

fn call(arguments: &[&str], config: &Path, out: &Path) -> std::process::Output {
    command()
        .args(arguments)
        .args(["--config", config.to_str().unwrap()])
        .args(["--out", out.to_str().unwrap()])
        .output()
        .unwrap()
}

fn tasks(config: &Path, out: &Path) -> Vec<serde_json::Value> {
    let output = call(&["plan", "--json"], config, out);
    assert!(output.status.success(), "{}", said(&output));
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["format"], 1);
    plan["tasks"].as_array().unwrap().clone()
}

#[test]
fn a_study_run_task_by_task_is_the_same_as_in_one_piece() {
    let folder = tempfile::tempdir().unwrap();
    let config = tiny_config(folder.path());
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let tasks = tasks(&config, &parts);
    assert!(!parts.exists(), "a plan writes nothing");
    let output = study(&config, &whole, &[]);
    assert!(output.status.success(), "{}", said(&output));
    for task in &tasks {
        let id = task["id"].as_str().unwrap();
        let output = call(&["run-task", id], &config, &parts);
        assert!(output.status.success(), "{id}: {}", said(&output));
        for path in task["outputs"].as_array().unwrap() {
            let path = path.as_str().unwrap();
            // what a run may leave out is said in the report; what a part makes must be there
            if path.ends_with('/') {
                assert!(parts.join(path).is_dir(), "{id} left no {path}");
            }
        }
        // once more does nothing: half the tasks, to save time
        if id.ends_with("fold-0") {
            let again = call(&["run-task", id], &config, &parts);
            assert!(again.status.success(), "{id}: {}", said(&again));
        }
    }
    let same = |folder: &Path| {
        let mut files = contents(folder);
        files.retain(|name, _| !name.starts_with(".tasks/"));
        files
    };
    let (whole, parts) = (same(&whole), same(&parts));
    assert_eq!(
        whole.keys().collect::<Vec<_>>(),
        parts.keys().collect::<Vec<_>>()
    );
    let differing: Vec<_> = whole.iter().filter(|(n, b)| parts[*n] != **b).collect();
    assert!(
        differing.is_empty(),
        "{:?}",
        differing.iter().map(|d| d.0).collect::<Vec<_>>()
    );
}

#[test]
fn tasks_out_of_turn_and_unknown_tasks_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (config, out) = (tiny_config(folder.path()), folder.path().join("out"));
    let refused = |arguments: &[&str], code: i32, words: &str| {
        let output = call(arguments, &config, &out);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        assert!(said(&output).contains(words), "{}", said(&output));
    };
    refused(&["run-task", "nonsense"], 2, "no such task");
    let training = "train-resnet50-replicate-0-fold-0";
    refused(&["run-task", training], 1, "run-task preprocess");
    let output = call(&["run-task", "preprocess"], &config, &out);
    assert!(output.status.success(), "{}", said(&output));
    // other options: what is there does not count
    refused(
        &["run-task", training, "--seed", "9"],
        1,
        "run-task preprocess",
    );
    // maps need trained networks
    refused(
        &["run-task", "explain-resnet50-replicate-0-fold-0"],
        1,
        "run-task train",
    );
    // a whole run, or the same task, is under way
    let lock = std::fs::File::options()
        .write(true)
        .open(out.join(".lock"))
        .unwrap();
    lock.lock().unwrap();
    refused(&["run-task", training], 1, "another run is under way");
    lock.unlock().unwrap();
    std::fs::create_dir_all(out.join(".tasks")).unwrap();
    let own = std::fs::File::create(out.join(format!(".tasks/{training}.lock"))).unwrap();
    own.lock().unwrap();
    refused(&["run-task", training], 1, "already running");
}
