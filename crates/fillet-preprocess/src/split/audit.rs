//! Any split -> what leaks from one side to another.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{Fold, Role, SplitItem, SplitUnit};
use crate::error::{Error, Result};

/// What two sides of a split share.
///
/// Pairs are indices into the items, the first from `left`. One pair is listed per item of
/// `right`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SideLeakage {
    /// The side that informs.
    pub left: Role,
    /// The side that should be unseen.
    pub right: Role,
    /// Items of `right`.
    pub right_items: usize,
    /// Animals on both sides.
    pub shared_fish: Vec<String>,
    /// Fillets on both sides, as `fish / fillet`.
    pub shared_fillets: Vec<String>,
    /// Scans on both sides.
    pub shared_scans: Vec<String>,
    /// The same item, or the same pixels, on both sides.
    pub exact_duplicates: Vec<[usize; 2]>,
    /// A slice on one side and a changed copy of it on the other.
    pub altered_copies: Vec<[usize; 2]>,
    /// Adjacent slices of one scan.
    pub neighbouring_slices: Vec<[usize; 2]>,
}

impl SideLeakage {
    /// Whether nothing of this unit or smaller is shared.
    pub fn is_clean(&self, unit: SplitUnit) -> bool {
        let no_copies = self.exact_duplicates.is_empty() && self.altered_copies.is_empty();
        let fillet = self.shared_fillets.is_empty()
            && self.shared_scans.is_empty()
            && self.neighbouring_slices.is_empty();
        match unit {
            SplitUnit::Slice => no_copies,
            SplitUnit::Fillet => no_copies && fillet,
            SplitUnit::Fish => no_copies && fillet && self.shared_fish.is_empty(),
        }
    }
}

/// Leakage between every two sides of a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakageReport {
    /// Train and validation, train and test, validation and test.
    pub pairs: Vec<SideLeakage>,
}

impl LeakageReport {
    /// Whether no two sides share anything of this unit or smaller.
    pub fn is_clean(&self, unit: SplitUnit) -> bool {
        self.pairs.iter().all(|pair| pair.is_clean(unit))
    }

    /// The leakage between two sides, in this order.
    pub fn between(&self, left: Role, right: Role) -> Option<&SideLeakage> {
        self.pairs
            .iter()
            .find(|pair| pair.left == left && pair.right == right)
    }
}

/// Looks for anything that two sides of a split share.
///
/// Takes any split, also one that lists an item twice or on two sides. Items without a fish or
/// fillet are not counted as shared.
///
/// # Errors
///
/// [`Error::ItemIndex`] if the split names an item that does not exist.
///
/// # Examples
///
/// ```
/// use fillet_preprocess::split::{Fold, Role, SplitItem, audit};
///
/// let slice = |index| SplitItem { scan: "a".into(), ..SplitItem::default() }.with_slice(index);
/// let items = [slice(0), slice(1), slice(5)];
/// let fold = Fold { train: vec![0, 2], validation: vec![], test: vec![1] };
/// let report = audit(&items, &fold)?;
/// let test = report.between(Role::Train, Role::Test).unwrap();
/// assert_eq!(test.shared_scans, ["a"]);
/// assert_eq!(test.neighbouring_slices, [[0, 1]]);
/// # Ok::<(), fillet_preprocess::Error>(())
/// ```
pub fn audit(items: &[SplitItem], fold: &Fold) -> Result<LeakageReport> {
    for role in [Role::Train, Role::Validation, Role::Test] {
        if let Some(&index) = fold.side(role).iter().find(|&&index| index >= items.len()) {
            return Err(Error::ItemIndex {
                index,
                items: items.len(),
            });
        }
    }
    let pairs = [
        (Role::Train, Role::Validation),
        (Role::Train, Role::Test),
        (Role::Validation, Role::Test),
    ];
    Ok(LeakageReport {
        pairs: pairs
            .map(|(left, right)| compare(items, fold, left, right))
            .into(),
    })
}

fn compare(items: &[SplitItem], fold: &Fold, left: Role, right: Role) -> SideLeakage {
    let known = Known::new(items, fold.side(left));
    let unseen = fold.side(right);
    let mut leak = SideLeakage {
        left,
        right,
        right_items: unseen.len(),
        shared_fish: shared(items, fold, left, right, |item| item.fish.clone()),
        shared_fillets: shared(items, fold, left, right, |item| {
            let fillet = item.fillet.as_deref()?;
            Some(format!(
                "{} / {fillet}",
                item.fish.as_deref().unwrap_or("?")
            ))
        }),
        shared_scans: shared(items, fold, left, right, |item| Some(item.scan.clone())),
        exact_duplicates: Vec::new(),
        altered_copies: Vec::new(),
        neighbouring_slices: Vec::new(),
    };
    for &index in unseen {
        let item = &items[index];
        let scan = item.scan.as_str();
        let same_content = item.content.and_then(|hash| known.contents.get(&hash));
        let same = known.exact.get(&(scan, item.slice, item.copy.as_deref()));
        if let Some(&other) = same.or(same_content) {
            leak.exact_duplicates.push([other, index]);
        }
        let twin = known
            .slices
            .get(&(scan, item.slice))
            .and_then(|others| others.iter().find(|&&other| items[other].copy != item.copy));
        if let Some(&other) = twin {
            leak.altered_copies.push([other, index]);
        }
        if let Some(slice) = item.slice {
            let beside = [slice.checked_sub(1), slice.checked_add(1)];
            let neighbour = beside
                .into_iter()
                .flatten()
                .find_map(|beside| known.slices.get(&(scan, Some(beside)))?.first());
            if let Some(&other) = neighbour {
                leak.neighbouring_slices.push([other, index]);
            }
        }
    }
    leak
}

/// The items of one side, ready to be looked up.
struct Known<'a> {
    exact: HashMap<(&'a str, Option<usize>, Option<&'a str>), usize>,
    slices: HashMap<(&'a str, Option<usize>), Vec<usize>>,
    contents: HashMap<u64, usize>,
}

impl<'a> Known<'a> {
    fn new(items: &'a [SplitItem], side: &[usize]) -> Self {
        let mut known = Self {
            exact: HashMap::new(),
            slices: HashMap::new(),
            contents: HashMap::new(),
        };
        for &index in side {
            let item = &items[index];
            let scan = item.scan.as_str();
            known
                .exact
                .entry((scan, item.slice, item.copy.as_deref()))
                .or_insert(index);
            known
                .slices
                .entry((scan, item.slice))
                .or_default()
                .push(index);
            if let Some(hash) = item.content {
                known.contents.entry(hash).or_insert(index);
            }
        }
        known
    }
}

fn shared(
    items: &[SplitItem],
    fold: &Fold,
    left: Role,
    right: Role,
    name: impl Fn(&SplitItem) -> Option<String>,
) -> Vec<String> {
    let names = |role| -> BTreeSet<String> {
        fold.side(role)
            .iter()
            .filter_map(|&index| name(&items[index]))
            .collect()
    };
    names(left).intersection(&names(right)).cloned().collect()
}
