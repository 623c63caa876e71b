//! Grouped, stratified folds and hold-out splits.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::groups::Groups;
use super::{Fold, Role, SplitItem, SplitUnit, Stratify};
use crate::error::{Error, Result};

/// Where the validation side of a fold comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidationSide {
    /// The part that is the test side of the next fold.
    #[default]
    NextPart,
    /// There is none: everything else trains.
    None,
}

/// Configuration of [`k_fold`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KFoldConfig {
    /// What must stay together.
    pub unit: SplitUnit,
    /// Number of folds: at least 2, or 3 with a validation side.
    pub folds: usize,
    /// What each part should hold in equal proportions.
    pub stratify: Stratify,
    /// Where the validation side comes from.
    pub validation: ValidationSide,
}

impl Default for KFoldConfig {
    /// Five folds by fish.
    fn default() -> Self {
        Self {
            unit: SplitUnit::Fish,
            folds: 5,
            stratify: Stratify::default(),
            validation: ValidationSide::default(),
        }
    }
}

/// Splits items into folds; every item is tested exactly once and no group is on two sides.
///
/// Groups are dealt out largest first, equal ones in an order drawn from `seed`, each to the
/// part that is emptiest in what the group holds. The result depends on the set of items, not on
/// their order.
///
/// # Errors
///
/// - [`Error::Config`]: too few folds
/// - [`Error::MissingGroup`]: an item without the identifier `unit` needs
/// - [`Error::TooFewGroups`]: fewer groups than folds
/// - [`Error::ClassMissing`]: a class that some side does not hold
///
/// # Examples
///
/// ```
/// use fillet_preprocess::{KFoldConfig, SplitItem, k_fold};
///
/// let items: Vec<SplitItem> = (0..20)
///     .map(|i| SplitItem {
///         scan: format!("scan {i}"),
///         fish: Some(format!("fish {}", i / 2)),
///         class: ["fresh", "thawed"][i % 2].to_owned(),
///         ..SplitItem::default()
///     })
///     .collect();
/// let folds = k_fold(&items, &KFoldConfig::default(), 42)?;
/// assert_eq!(folds.len(), 5);
/// assert_eq!(folds[0].train.len(), 12);
/// assert_eq!(folds[0].test.len(), 4);
/// # Ok::<(), fillet_preprocess::Error>(())
/// ```
pub fn k_fold(items: &[SplitItem], config: &KFoldConfig, seed: u64) -> Result<Vec<Fold>> {
    let least = match config.validation {
        ValidationSide::NextPart => 3,
        ValidationSide::None => 2,
    };
    if config.folds < least {
        return Err(Error::Config {
            key: "folds",
            value: config.folds.to_string(),
            expected: if least == 3 {
                "at least 3"
            } else {
                "at least 2"
            },
        });
    }
    let groups = Groups::new(items, config.unit, config.stratify, seed)?;
    let parts = deal(&groups, &vec![1.0; config.folds], config.unit)?;
    let folds: Vec<Fold> = (0..config.folds)
        .map(|test| {
            let validation = match config.validation {
                ValidationSide::NextPart => Some((test + 1) % config.folds),
                ValidationSide::None => None,
            };
            let role = |part: usize| match part {
                part if part == test => Role::Test,
                part if Some(part) == validation => Role::Validation,
                _ => Role::Train,
            };
            gather(&parts, role)
        })
        .collect();
    for (number, fold) in folds.iter().enumerate() {
        check_classes(items, fold, number)?;
    }
    Ok(folds)
}

/// Configuration of [`hold_out`]; the rest trains.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HoldOutConfig {
    /// What must stay together.
    pub unit: SplitUnit,
    /// What each side should hold in equal proportions.
    pub stratify: Stratify,
    /// Share of the items that validates, in [0, 1).
    pub validation: f64,
    /// Share of the items that tests, in (0, 1).
    pub test: f64,
}

impl Default for HoldOutConfig {
    /// The paper's 80 / 10 / 10, by fish.
    fn default() -> Self {
        Self {
            unit: SplitUnit::Fish,
            stratify: Stratify::default(),
            validation: 0.1,
            test: 0.1,
        }
    }
}

/// Splits items once into train, validation and test, no group on two sides.
///
/// # Errors
///
/// As [`k_fold`]; [`Error::Config`] for shares that leave nothing to train on.
///
/// # Source
///
/// 80 / 10 / 10: Syed et al. 2023, Data pre-processing (the unit is not stated there).
pub fn hold_out(items: &[SplitItem], config: &HoldOutConfig, seed: u64) -> Result<Fold> {
    let refuse = |key, value: f64, expected| {
        Err(Error::Config {
            key,
            value: value.to_string(),
            expected,
        })
    };
    if !(0.0..1.0).contains(&config.validation) {
        return refuse("validation", config.validation, "a share in [0, 1)");
    }
    if !(config.test > 0.0 && config.test + config.validation < 1.0) {
        return refuse(
            "test",
            config.test,
            "a share above 0 that leaves something to train on",
        );
    }
    let groups = Groups::new(items, config.unit, config.stratify, seed)?;
    let weights = [
        1.0 - config.validation - config.test,
        config.validation,
        config.test,
    ];
    let parts = deal(&groups, &weights, config.unit)?;
    let fold = gather(&parts, |part| {
        [Role::Train, Role::Validation, Role::Test][part]
    });
    check_classes(items, &fold, 0)?;
    Ok(fold)
}

/// The part of every item.
fn deal(groups: &Groups, weights: &[f64], unit: SplitUnit) -> Result<Vec<(usize, usize)>> {
    let needed = weights.iter().filter(|&&weight| weight > 0.0).count();
    if groups.groups.len() < needed {
        return Err(Error::TooFewGroups {
            unit,
            groups: groups.groups.len(),
            needed,
        });
    }
    let mut parts: Vec<(usize, usize)> = groups
        .groups
        .iter()
        .zip(groups.deal(weights))
        .flat_map(|(group, part)| group.items.iter().map(move |&item| (item, part)))
        .collect();
    parts.sort_unstable();
    Ok(parts)
}

fn gather(parts: &[(usize, usize)], role: impl Fn(usize) -> Role) -> Fold {
    let mut fold = Fold::default();
    for &(item, part) in parts {
        match role(part) {
            Role::Train => fold.train.push(item),
            Role::Validation => fold.validation.push(item),
            Role::Test => fold.test.push(item),
        }
    }
    fold
}

fn check_classes(items: &[SplitItem], fold: &Fold, number: usize) -> Result<()> {
    let classes: BTreeSet<&str> = items.iter().map(|item| item.class.as_str()).collect();
    for role in [Role::Train, Role::Validation, Role::Test] {
        let side = fold.side(role);
        if side.is_empty() {
            continue;
        }
        let held: BTreeSet<&str> = side
            .iter()
            .map(|&index| items[index].class.as_str())
            .collect();
        if let Some(class) = classes.difference(&held).next() {
            return Err(Error::ClassMissing {
                fold: number,
                role,
                class: (*class).to_owned(),
            });
        }
    }
    Ok(())
}
