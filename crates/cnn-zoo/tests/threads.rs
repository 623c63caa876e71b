//! The same bytes for any number of threads.
#![allow(clippy::unwrap_used)] // helpers of tests are not recognised as tests

mod common;

use std::process::Command;

use candle_core::Device;
use cnn_zoo::train::{CHECKPOINT_FILE, Control, fit};
use cnn_zoo::{Architecture, BackboneConfig, Convention, build};
use common::{settings, small, striped};

const FOLDER: &str = "CNN_ZOO_TEST_FOLDER";

/// Does nothing unless the other test has started it as a program of its own.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let config = BackboneConfig {
        width: 0.125,
        input_size: [64, 64],
        ..small(Architecture::ResNet50, Convention::Keras)
    };
    let network = build(&config, 11, &Device::Cpu).unwrap();
    let report = fit(
        network.as_ref(),
        &striped(8, 4, Some(5), 0.0),
        &striped(4, 4, None, 0.3),
        &settings(2),
        folder.as_ref(),
        &mut |_| Control::Continue,
    )
    .unwrap();
    assert_eq!(report.history.len(), 2);
}

#[test]
fn threads_do_not_change_a_byte() {
    let program = std::env::current_exe().unwrap();
    let checkpoints = ["1", "2", "4"].map(|threads| {
        let folder = tempfile::tempdir().unwrap();
        let status = Command::new(&program)
            .args(["child", "--exact", "--quiet"])
            .env(FOLDER, folder.path())
            .env("RAYON_NUM_THREADS", threads)
            .env("CANDLE_NUM_THREADS", threads)
            .status()
            .unwrap();
        assert!(status.success());
        common::read(folder.path(), CHECKPOINT_FILE)
    });
    assert!(checkpoints[0] == checkpoints[1], "1 and 2 threads differ");
    assert!(checkpoints[0] == checkpoints[2], "1 and 4 threads differ");
}
