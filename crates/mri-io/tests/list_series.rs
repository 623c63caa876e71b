//! Listings of a folder, key by key.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use mri_io::list_series;
use serde_json::Value;

const KEYS: [&str; 14] = [
    "bits_stored",
    "columns",
    "files",
    "frames",
    "problems",
    "rescale_intercept",
    "rescale_slope",
    "rows",
    "series_uid",
    "spacing_mm",
    "stored_max",
    "stored_min",
    "stored_sum",
    "transfer_syntax",
];

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn listed(folder: &Path) -> Vec<Value> {
    let listings = list_series(folder).unwrap();
    let Value::Array(all) = serde_json::to_value(&listings).unwrap() else {
        panic!("no array");
    };
    all
}

fn keys(listing: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = listing
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

fn jpeg_2000(listing: &Value) -> bool {
    listing["files"][0].as_str().unwrap().contains("jpeg_2000")
}

#[test]
fn every_key_is_as_pydicom_gives_it() {
    let text = std::fs::read_to_string(tests().join("golden/list_series/expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let decoded = |listing: &&Value| cfg!(feature = "jpeg2000") || !jpeg_2000(listing);
    let expected: Vec<&Value> = expected["series"]
        .as_array()
        .unwrap()
        .iter()
        .filter(decoded)
        .collect();
    let all = listed(&tests().join("data"));
    let first = |listing: &Value| listing["files"][0].as_str().unwrap().to_owned();
    assert!(all.is_sorted_by_key(first));
    let (found, unreadable): (Vec<&Value>, Vec<&Value>) = all
        .iter()
        // files that fuzzing found are no scans
        .filter(|listing| !first(listing).starts_with("found_by_fuzzing"))
        .partition(|listing| listing.get("error").is_none());
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let name = first(found);
        assert_eq!(keys(found), KEYS, "{name}");
        for (key, expected) in expected.as_object().unwrap() {
            if key == "spacing_mm" {
                for axis in 0..3 {
                    let (a, b) = (found[key][axis].as_f64(), expected[axis].as_f64());
                    // the reference rounds positions to thousandths
                    let near = a.zip(b).map(|(a, b)| (a - b).abs() < 2e-3);
                    assert!(near.unwrap_or(a == b), "{name}: {key} {a:?} {b:?}");
                }
            } else {
                assert_eq!(&found[key], expected, "{name}: {key}");
            }
        }
    }
    for listing in &unreadable {
        assert_eq!(keys(listing), ["error", "files"]);
    }
    let truncated = unreadable.iter().find(|l| first(l) == "MR_truncated.dcm");
    let error = truncated.unwrap()["error"].as_str().unwrap();
    assert!(error.contains("needs 8192 bytes, 8130 present"), "{error}");
}

#[test]
fn repeated_instances_are_kept_and_named() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b.dcm", "a.dcm"] {
        std::fs::copy(tests().join("data/MR_small.dcm"), folder.path().join(name)).unwrap();
    }
    let all = listed(folder.path());
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["files"], serde_json::json!(["a.dcm", "b.dcm"]));
    assert_eq!(
        (&all[0]["frames"], &all[0]["stored_sum"]),
        (&2.into(), &(2 * 2_125_338).into())
    );
    let problems = all[0]["problems"].as_array().unwrap();
    assert!(problems.iter().any(|p| {
        let text = p.as_str().unwrap();
        text.contains("is repeated") && text.contains("a.dcm, b.dcm")
    }));
}
