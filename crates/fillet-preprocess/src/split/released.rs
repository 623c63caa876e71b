//! The split of the authors' released code, leaks and all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Fold, SplitItem};
use crate::error::{Error, Result};

/// The random state every step of the released code uses.
const RANDOM_STATE: u32 = 42;
/// Copies of the whole data set that are added to the training side.
const COPIES: usize = 3;

/// The released split. Sides are lists of items *in order, with repetition*: the rarer class is
/// filled up with duplicates before anything is split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedSplit {
    /// Train, validation and test before contrast copies are added.
    pub fold: Fold,
    /// The training side the networks see: three unaltered copies of *every* item, validation and
    /// test included, and the training side, filled up and shuffled.
    pub augmented_train: Vec<usize>,
}

/// Splits slices as the authors' released code does.
///
/// Slices of all scans are pooled, the rarer classes filled up with duplicates, everything is
/// shuffled twice and cut 80 / 10 / 10. Classes count in the order of their names. The order of
/// the items matters, as it does there.
///
/// # Errors
///
/// [`Error::TooFewGroups`] with fewer than ten items, so that no side is empty.
///
/// # Source
///
/// `get_train_val_test_datasets`, `upsample_arrays` (`functions/data_functions.py`) and
/// `add_contrast_augmentation_training_data` (`4_create_supervised_cnn.py`), with the shuffle of
/// scikit-learn and NumPy for random state 42. Golden values: `tests/golden/split/`.
pub fn released_split(items: &[SplitItem]) -> Result<ReleasedSplit> {
    if items.len() < 10 {
        return Err(Error::TooFewGroups {
            unit: super::SplitUnit::Slice,
            groups: items.len(),
            needed: 10,
        });
    }
    let filled = fill_up(items, (0..items.len()).collect());
    let shuffled = shuffle(filled);
    let train = shuffled.len() * 8 / 10;
    let validation = shuffled.len() / 10;
    let fold = Fold {
        train: shuffled[..train].to_vec(),
        validation: shuffled[train..train + validation].to_vec(),
        test: shuffled[train + validation..].to_vec(),
    };
    let copies = (0..COPIES).flat_map(|_| 0..items.len()).collect();
    let mut augmented = fill_up(items, copies);
    augmented.extend_from_slice(&fold.train);
    Ok(ReleasedSplit {
        augmented_train: fill_up(items, augmented),
        fold,
    })
}

/// Duplicates entries of the rarer classes until all are equal in number, then shuffles.
fn fill_up(items: &[SplitItem], mut entries: Vec<usize>) -> Vec<usize> {
    let mut by_class: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &entry in &entries {
        by_class
            .entry(items[entry].class.as_str())
            .or_default()
            .push(entry);
    }
    let most = by_class.values().map(Vec::len).max().unwrap_or(0);
    for members in by_class.into_values() {
        let missing = most - members.len();
        if missing > 0 {
            entries.extend(shuffle(members).into_iter().take(missing));
        }
    }
    shuffle(entries)
}

/// scikit-learn's `shuffle` with random state 42.
fn shuffle(mut entries: Vec<usize>) -> Vec<usize> {
    let mut random = MersenneTwister::new(RANDOM_STATE);
    for last in (1..entries.len()).rev() {
        entries.swap(last, random.up_to(last as u32) as usize);
    }
    entries
}

/// MT19937 (Matsumoto and Nishimura 1998), seeded as NumPy's `RandomState`.
struct MersenneTwister {
    state: [u32; 624],
    next: usize,
}

impl MersenneTwister {
    fn new(seed: u32) -> Self {
        let mut state = [0; 624];
        let mut previous = seed;
        for (index, word) in state.iter_mut().enumerate() {
            *word = previous;
            previous = 1_812_433_253_u32
                .wrapping_mul(previous ^ (previous >> 30))
                .wrapping_add(index as u32 + 1);
        }
        Self { state, next: 624 }
    }

    fn twist(&mut self) {
        for index in 0..624 {
            let joined =
                (self.state[index] & 0x8000_0000) | (self.state[(index + 1) % 624] & 0x7fff_ffff);
            let mask = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[index] = self.state[(index + 397) % 624] ^ (joined >> 1) ^ mask;
        }
        self.next = 0;
    }

    fn word(&mut self) -> u32 {
        if self.next == 624 {
            self.twist();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// Uniform in 0..=most: draws under the next power of two until one fits.
    fn up_to(&mut self, most: u32) -> u32 {
        let mask = u32::MAX.checked_shr(most.leading_zeros()).unwrap_or(0);
        loop {
            let draw = self.word() & mask;
            if draw <= most {
                return draw;
            }
        }
    }
}
