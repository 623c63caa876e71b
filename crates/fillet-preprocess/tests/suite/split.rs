//! Splits: no group on two sides, balance, order, errors, and the audit.

use std::collections::{BTreeMap, BTreeSet};

use fillet_preprocess::split::{
    Fold, HoldOutConfig, Role, ValidationSide, audit, content_hash, hold_out, released_split,
};
use fillet_preprocess::{Error, KFoldConfig, SplitItem, SplitUnit, Stratify, k_fold};
use ndarray::array;
use proptest::prelude::*;

use crate::golden;

/// Fresh and thawed scans of both fillets of some fish, with slices.
fn study(fish: usize, slices: usize) -> Vec<SplitItem> {
    let mut items = Vec::new();
    for f in 0..fish {
        for fillet in ["left", "right"] {
            let treatment = ["-5", "-20", "-40"][(f * 2 + usize::from(fillet == "right")) % 3];
            for class in ["fresh", "thawed"] {
                for slice in 0..slices {
                    items.push(SplitItem {
                        scan: format!("{f} {fillet} {class}"),
                        slice: Some(slice),
                        fish: Some(format!("fish {f}")),
                        fillet: Some(fillet.to_owned()),
                        class: class.to_owned(),
                        treatment: Some(treatment.to_owned()),
                        ..SplitItem::default()
                    });
                }
            }
        }
    }
    items
}

#[test]
fn sixteen_fish_fall_into_balanced_folds() {
    let items = study(16, 3);
    let folds = k_fold(&items, &KFoldConfig::default(), 42).unwrap();
    let mut tested = BTreeSet::new();
    for fold in &folds {
        assert!(audit(&items, fold).unwrap().is_clean(SplitUnit::Fish));
        let mut per_treatment: BTreeMap<&str, usize> = BTreeMap::new();
        for &index in &fold.test {
            *per_treatment
                .entry(items[index].treatment.as_deref().unwrap())
                .or_default() += 1;
            assert!(tested.insert(index), "tested twice");
        }
        assert_eq!(
            per_treatment.len(),
            3,
            "every treatment is tested in every fold"
        );
        assert!(
            (3 * 12..=4 * 12).contains(&fold.test.len()),
            "3 or 4 fish: {}",
            fold.test.len()
        );
    }
    assert_eq!(tested.len(), items.len());
}

#[test]
fn hold_out_gives_the_shares_asked_for() {
    let items = study(30, 2);
    let fold = hold_out(&items, &HoldOutConfig::default(), 1).unwrap();
    assert_eq!(
        [fold.train.len(), fold.validation.len(), fold.test.len()],
        [192, 24, 24]
    );
    assert!(audit(&items, &fold).unwrap().is_clean(SplitUnit::Fish));
}

#[test]
fn impossible_splits_are_typed_errors() {
    let items = study(4, 1);
    assert_eq!(
        k_fold(&items, &KFoldConfig::default(), 0)
            .unwrap_err()
            .to_string(),
        "4 groups by fish cannot fill 5 parts"
    );
    let config = KFoldConfig {
        folds: 2,
        ..KFoldConfig::default()
    };
    assert!(matches!(
        k_fold(&items, &config, 0),
        Err(Error::Config { key: "folds", .. })
    ));
    let mut nameless = items.clone();
    nameless[3].fish = None;
    let config = KFoldConfig {
        folds: 3,
        ..KFoldConfig::default()
    };
    assert_eq!(
        k_fold(&nameless, &config, 0).unwrap_err().to_string(),
        "scan \"0 right thawed\" has no fish, so it cannot be split by fish"
    );
    let mut rare = study(6, 1);
    rare.iter_mut().for_each(|item| item.class = "fresh".into());
    rare[0].class = "thawed".into();
    assert!(matches!(
        k_fold(&rare, &config, 0),
        Err(Error::ClassMissing { .. })
    ));
}

#[test]
fn splitting_by_slice_leaks_and_the_audit_says_so() {
    let items = study(8, 10);
    let config = KFoldConfig {
        unit: SplitUnit::Slice,
        ..KFoldConfig::default()
    };
    let fold = &k_fold(&items, &config, 3).unwrap()[0];
    let report = audit(&items, fold).unwrap();
    let test = report.between(Role::Train, Role::Test).unwrap();
    assert_eq!(test.shared_fish.len(), 8);
    assert!(test.neighbouring_slices.len() as f64 > 0.7 * test.right_items as f64);
    assert!(test.exact_duplicates.is_empty());
    assert!(report.is_clean(SplitUnit::Slice) && !report.is_clean(SplitUnit::Fillet));
}

#[test]
fn audit_finds_duplicates_and_altered_copies() {
    let mut items = study(3, 1);
    items.push(items[0].clone());
    items.push(items[1].clone().with_copy("clahe"));
    let pixels = array![[1.0_f32, 2.0]];
    items[4].content = Some(content_hash(pixels.view()));
    items[8].content = Some(content_hash(pixels.view()));
    let fold = Fold {
        train: vec![0, 1, 4, 5],
        validation: vec![],
        test: vec![8, 12, 13],
    };
    let report = audit(&items, &fold).unwrap();
    let test = report.between(Role::Train, Role::Test).unwrap();
    assert_eq!(test.exact_duplicates, [[4, 8], [0, 12]]);
    assert_eq!(test.altered_copies, [[1, 13]]);
    assert_eq!(test.shared_fish, ["fish 0"]);
    let wrong = Fold {
        test: vec![99],
        ..Fold::default()
    };
    assert!(matches!(
        audit(&items, &wrong),
        Err(Error::ItemIndex {
            index: 99,
            items: 14
        })
    ));
}

fn any_items() -> impl Strategy<Value = Vec<SplitItem>> {
    let item = (0_u8..12, 0_u8..2, 0_u8..2, 0_u8..3, 0_usize..6);
    proptest::collection::vec(item, 1..80).prop_map(|drawn| {
        drawn
            .into_iter()
            .map(|(fish, fillet, class, treatment, slice)| SplitItem {
                scan: format!("{fish}/{fillet}/{class}"),
                slice: Some(slice),
                fish: Some(fish.to_string()),
                fillet: Some(fillet.to_string()),
                class: class.to_string(),
                treatment: Some(treatment.to_string()),
                ..SplitItem::default()
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn no_group_is_ever_on_two_sides(
        items in any_items(), seed in any::<u64>(), folds in 3_usize..6, by_fish in any::<bool>(),
        stratify in prop_oneof![
            Just(Stratify::None), Just(Stratify::Class), Just(Stratify::ClassAndTreatment)
        ],
    ) {
        let unit = if by_fish { SplitUnit::Fish } else { SplitUnit::Fillet };
        let config = KFoldConfig { unit, folds, stratify, validation: ValidationSide::NextPart };
        match k_fold(&items, &config, seed) {
            Ok(folds) => for fold in folds {
                prop_assert!(audit(&items, &fold).unwrap().is_clean(unit));
                let mut all = [fold.train, fold.validation, fold.test].concat();
                all.sort_unstable();
                prop_assert_eq!(all, (0..items.len()).collect::<Vec<_>>());
            },
            Err(problem) => {
                let expected =
                    matches!(problem, Error::TooFewGroups { .. } | Error::ClassMissing { .. });
                prop_assert!(expected, "{}", problem);
            }
        }
    }

    #[test]
    fn folds_do_not_depend_on_the_order_of_items(seed in any::<u64>(), turn in 0_usize..48) {
        let items = study(12, 1);
        let mut turned = items.clone();
        turned.rotate_left(turn);
        let config = KFoldConfig::default();
        let names = |items: &[SplitItem]| -> Vec<BTreeSet<String>> {
            k_fold(items, &config, seed).unwrap().iter().map(|fold| {
                fold.test.iter().map(|&index| items[index].scan.clone()).collect()
            }).collect()
        };
        prop_assert_eq!(names(&items), names(&turned));
    }
}

#[test]
fn the_seed_decides_who_is_tested_together() {
    let items = study(16, 1);
    let config = KFoldConfig::default();
    let first = k_fold(&items, &config, 1).unwrap();
    assert_eq!(first, k_fold(&items, &config, 1).unwrap());
    assert_ne!(first, k_fold(&items, &config, 2).unwrap());
}

#[test]
fn the_released_split_equals_scikit_learn_and_leaks() {
    let fixture = golden::json("split/released.json");
    let scans: Vec<(String, usize, usize)> =
        serde_json::from_value(fixture["scans"].clone()).unwrap();
    let items: Vec<SplitItem> = scans
        .iter()
        .flat_map(|(scan, first, end)| {
            (*first..*end).map(move |slice| SplitItem {
                scan: scan.clone(),
                slice: Some(slice),
                class: scan.split(' ').next_back().unwrap().to_owned(),
                ..SplitItem::default()
            })
        })
        .collect();
    assert_eq!(items.len(), 1514);
    let split = released_split(&items).unwrap();
    let sides = [
        ("train", &split.fold.train, 1219),
        ("validation", &split.fold.validation, 152),
        ("test", &split.fold.test, 153),
        ("augmented_train", &split.augmented_train, 5810),
    ];
    for (name, side, size) in sides {
        assert_eq!(side.len(), size, "{name}");
        let thawed = side
            .iter()
            .filter(|&&item| items[item].class == "thawed")
            .count() as u64;
        assert_eq!(Some(thawed), fixture["thawed"][name].as_u64(), "{name}");
        let head: Vec<usize> = serde_json::from_value(fixture["head"][name].clone()).unwrap();
        assert_eq!(side[..40], head, "{name}");
        let checksum = side.iter().enumerate().fold(0, |sum, (place, &item)| {
            (sum + (place as u64 + 1) * item as u64) % 2_147_483_647
        });
        assert_eq!(Some(checksum), fixture["checksum"][name].as_u64(), "{name}");
    }
    let seen = Fold {
        train: split.augmented_train,
        ..split.fold.clone()
    };
    let report = audit(&items, &seen).unwrap();
    let test = report.between(Role::Train, Role::Test).unwrap();
    assert_eq!(
        test.exact_duplicates.len(),
        153,
        "every test slice is trained on"
    );
    assert!(released_split(&items[..9]).is_err());
}
