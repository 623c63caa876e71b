//! A program that is killed while it writes leaves the old archive or the new one.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mri_io::{Archive, Spacing, Volume};
use ndarray::Array3;

/// The test program starts itself again with this set, to be killed.
const TARGET: &str = "MRI_IO_KILLED_TARGET";

fn volume(round: i32) -> Volume {
    let stored = Array3::from_shape_fn((12, 64, 64), |(s, r, c)| {
        (round * 977 + (s * 131 + r * 17 + c * 5) as i32 * 7) % 4096
    });
    Volume::new(stored, Spacing::isotropic(1.0)).unwrap()
}

fn write(path: &Path, round: i32) {
    let mut writer = Archive::create(path).unwrap();
    for name in ["a", "b/c", "d"] {
        writer.write_volume(name, &volume(round)).unwrap();
    }
    writer.finish().unwrap();
}

/// Not a test by itself: without the variable it does nothing but say so.
#[test]
fn writes_until_killed() {
    let Some(path) = std::env::var_os(TARGET).map(PathBuf::from) else {
        assert!(std::env::var_os(TARGET).is_none());
        return;
    };
    for round in 1.. {
        write(&path, round);
        // one line for each archive that is complete
        eprintln!("round {round}");
    }
}

#[test]
fn the_old_or_the_new_archive_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    write(&path, 0);
    for attempt in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "writes_until_killed", "--nocapture"])
            .env(TARGET, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // it writes; now at some point of the next round
        while !lines.next().unwrap().unwrap().starts_with("round") {}
        std::thread::sleep(Duration::from_micros(1700 * attempt));
        child.kill().unwrap();
        child.wait().unwrap();

        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.names().unwrap(), ["a", "b/c", "d"]);
        let first = archive.read_volume("a").unwrap();
        let round = (1..4096).find(|&round| volume(round).stored() == first.stored());
        assert!(round.is_some(), "attempt {attempt}");
        for name in ["b/c", "d"] {
            assert_eq!(
                archive.read_volume(name).unwrap(),
                first,
                "attempt {attempt}"
            );
        }
    }
    // what is left besides is hidden and marked as temporary
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "a.h5" || name.starts_with(".a.h5.") && name.ends_with(".tmp"),
            "{name}"
        );
    }
}
