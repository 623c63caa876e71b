//! Scans that are not the phantom's: no treatment, no liquid loss, no truth, other classes, and names that must not leak.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use mri_io::{ScanDescription, read_scan, write_multi_frame};
use support::{command, contents, said, study, tiny_config};

/// Scans of three people, two each, as a hospital would name them; the sheet has nothing but classes and subjects.
fn hospital(folder: &Path) -> PathBuf {
    let config = tiny_config(folder);
    let made = folder.join("made");
    assert!(study(&config, &made, &["phantom"]).status.success());
    let data = folder.join("hospital");
    let mut sheet = "scan,class,fish\n".to_owned();
    for (subject, fish) in ["01", "02", "03"].into_iter().enumerate() {
        for (class, state) in [("control", "fresh"), ("case", "thawed")] {
            let scan = format!("s{subject}-{class}");
            let volume =
                read_scan(&made.join(format!("data/scans/fish{fish}_left_{state}.dcm"))).unwrap();
            let named = ScanDescription {
                patient_id: "ID-4711-SECRET".to_owned(),
                series_description: "HEAD OF DOE JANE".to_owned(),
                comments: "born 19700101".to_owned(),
                ..ScanDescription::synthetic("DOE^JANE")
            };
            fs::create_dir_all(data.join(&scan)).unwrap();
            write_multi_frame(&data.join(&scan).join("DOE_JANE.dcm"), &volume, &named).unwrap();
            sheet.push_str(&format!("{scan},{class},subject {subject}\n"));
        }
    }
    fs::write(data.join("samples.csv"), sheet).unwrap();
    data
}

#[test]
fn a_study_without_treatments_liquid_loss_or_truth_completes_and_no_name_reaches_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let data = hospital(folder.path());
    let config = folder.path().join("own.toml");
    let text = support::TINY.replace("[data]\n", "[data]\npositive_class = \"case\"\n");
    fs::write(&config, text).unwrap();
    for protocol in ["rigorous", "published", "released"] {
        let out = folder.path().join(protocol);
        let output = command()
            .args(["--config", config.to_str().unwrap(), "--protocol", protocol])
            .args([
                "--data",
                data.to_str().unwrap(),
                "--out",
                out.to_str().unwrap(),
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{protocol}: {}", said(&output));
        assert!(
            said(&output).contains("supervised reference is left out"),
            "{}",
            said(&output)
        );
        let table =
            |name: &str| fs::read_to_string(out.join(format!("tables/{name}.csv"))).unwrap();
        assert_eq!(
            table("miou").lines().count(),
            1,
            "there is no truth to overlap with"
        );
        assert_eq!(
            table("liquid_loss").lines().count(),
            1,
            "no liquid loss is known"
        );
        assert!(
            table("damaged_fraction").contains("case"),
            "the class stands in for a treatment"
        );
        assert!(table("agreement_methods").lines().count() > 1);
        for (name, bytes) in contents(&out) {
            for secret in ["DOE", "JANE", "4711", "SECRET", "19700101"] {
                let leaks = |bytes: &[u8]| {
                    bytes
                        .windows(secret.len())
                        .any(|part| part == secret.as_bytes())
                };
                assert!(
                    !leaks(name.as_bytes()) && !leaks(&bytes),
                    "{protocol}: {name} holds {secret}"
                );
            }
        }
        let manifest = fs::read(out.join("manifest.json")).unwrap();
        assert!(!String::from_utf8_lossy(&manifest).contains("DOE"));
    }
}

#[test]
fn a_check_of_the_data_tells_every_problem_at_once_and_what_will_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let data = hospital(folder.path());
    let config = folder.path().join("own.toml");
    let text = support::TINY.replace("[data]\n", "[data]\npositive_class = \"case\"\n");
    fs::write(&config, text).unwrap();
    let check = || {
        let arguments = [
            "check-data",
            "--config",
            config.to_str().unwrap(),
            "--data",
            data.to_str().unwrap(),
        ];
        support::run(&arguments)
    };
    let fine = check();
    let text = String::from_utf8_lossy(&fine.stdout).into_owned();
    assert!(fine.status.success(), "{}", said(&fine));
    for expected in [
        "no problem found",
        "no liquid loss",
        "no treatments",
        "6 scans of 2 slices",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    let sheet = data.join("samples.csv");
    let mut rows = fs::read_to_string(&sheet).unwrap();
    rows.push_str("missing-one,case,subject 1\nmissing-two,control,subject 2\n");
    fs::write(&sheet, rows).unwrap();
    fs::write(data.join("s0-case/DOE_JANE.dcm"), "no image").unwrap();
    let faulty = check();
    assert_eq!(faulty.status.code(), Some(2));
    for expected in ["3 problems", "missing-one", "missing-two", "s0-case"] {
        assert!(said(&faulty).contains(expected), "{}", said(&faulty));
    }
}
