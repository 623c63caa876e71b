//! What goes, what stays, and what is said about it.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use mri_io::{Deidentification, Error, deidentify, read_scan};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn how() -> Deidentification {
    Deidentification {
        subject: "Þ 7".to_owned(),
        key: "secret".to_owned(),
    }
}

#[test]
fn the_image_stays_and_the_names_go() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("clean.dcm");
    for name in [
        "MR_small.dcm",
        "MR_small_RLE.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "derived/small_deflated.dcm",
        "derived/small_no_preamble.dcm",
        "derived/enhanced.dcm",
        "derived/emri_jpeg_lossless.dcm",
        "t1_head/1301_0060.dcm",
        "12bitUnsigned.dcm.gz",
    ] {
        let source = data().join(name);
        let report = deidentify(&source, &target, &how()).unwrap();
        let (before, after) = (read_scan(&source).unwrap(), read_scan(&target).unwrap());
        assert_eq!(before.stored(), after.stored(), "{name}");
        assert_eq!(before.spacing(), after.spacing(), "{name}");
        assert_eq!(before.rescale(), after.rescale(), "{name}");
        assert_eq!(before.positions(), after.positions(), "{name}");
        assert_eq!(
            before.acquisition().echo_time_ms,
            after.acquisition().echo_time_ms
        );
        assert_eq!(
            after.acquisition().patient_id.as_deref(),
            Some("Þ 7"),
            "{name}"
        );
        assert_eq!(after.acquisition().series_description, None);
        assert_ne!(
            before.acquisition().series_uid,
            after.acquisition().series_uid
        );
        assert!(
            report
                .replaced
                .contains(&"PatientName (0010,0010)".to_owned()),
            "{name}"
        );
        assert!(report.removed.len() > 5, "{name}: {:?}", report.removed);
        let bytes = std::fs::read(&target).unwrap();
        for word in ["CompressedSamples", "TOSHIBA_MEC_MR3", "ADNI", "Anonymous"] {
            assert!(
                !bytes.windows(word.len()).any(|w| w == word.as_bytes()),
                "{name}: {word}"
            );
        }
    }
}

#[test]
fn identifiers_are_mapped_alike_within_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let series = |name: &str, key: &str| {
        let target = folder.path().join("clean.dcm");
        let how = Deidentification {
            key: key.to_owned(),
            ..how()
        };
        deidentify(&data().join(name), &target, &how).unwrap();
        read_scan(&target)
            .unwrap()
            .acquisition()
            .series_uid
            .clone()
            .unwrap()
    };
    let first = series("t1_head/1301_0060.dcm", "secret");
    assert_eq!(first, series("t1_head/1301_0061.dcm", "secret"));
    assert_ne!(first, series("t1_head/1301_0060.dcm", "other"));
}

#[test]
fn what_cannot_be_cleaned_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("clean.dcm");
    let source = data().join("MR_small.dcm");
    let nobody = Deidentification {
        subject: String::new(),
        ..how()
    };
    assert!(matches!(
        deidentify(&source, &target, &nobody),
        Err(Error::Description {
            field: "subject",
            ..
        })
    ));
    let truncated = data().join("MR_truncated.dcm");
    assert!(matches!(
        deidentify(&truncated, &target, &how()),
        Err(Error::Truncated { .. })
    ));
    assert!(!target.exists());
}

/// Fuzzing found that pixels declared as 64-bit numbers were taken for text.
#[test]
fn pixels_stay_whatever_the_file_calls_them() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("a.dcm"), folder.path().join("b.dcm"));
    for (name, mark) in [
        ("MR_small.dcm", [0xe0, 0x7f, 0x10, 0, b'O', b'W']),
        ("MR_small_bigendian.dcm", [0x7f, 0xe0, 0, 0x10, b'O', b'W']),
    ] {
        let mut bytes = std::fs::read(data().join(name)).unwrap();
        let at = bytes.windows(6).position(|part| part == mark).unwrap();
        for vr in [
            "OV", "UV", "SV", "OL", "OF", "OD", "OB", "UN", "UT", "UC", "UR",
        ] {
            bytes[at + 4..at + 6].copy_from_slice(vr.as_bytes());
            std::fs::write(&source, &bytes).unwrap();
            let before = read_scan(&source).unwrap();
            deidentify(&source, &target, &how()).unwrap();
            let after = read_scan(&target).unwrap();
            assert_eq!(before.stored(), after.stored(), "{name} {vr}");
        }
    }
}
