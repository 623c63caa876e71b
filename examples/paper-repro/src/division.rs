//! Which slices train, validate and test every network, and which scans it maps.

use fillet_preprocess::split::{HoldOutConfig, KFoldConfig, SplitItem, hold_out, released_split};
use fillet_preprocess::{ContrastMethod, Fold, SplitUnit, k_fold};

use crate::config::Config;
use crate::config::switches::{ContrastCopies, Mapped, Split};
use crate::error::{Error, Result, failed};
use crate::slices::SliceArchive;
use crate::study::Study;

/// One slice of the study: everything is counted in these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// The scan, as a position in the sample sheet.
    pub scan: usize,
    /// Position among the slices of the scan that were kept.
    pub at: usize,
    /// Position in the scan as acquired.
    pub index: usize,
}

/// How a slice looks when it trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As it is.
    Plain,
    /// After a contrast method, as a position in [`ContrastMethod::ALL`].
    Contrast(usize),
}

impl Look {
    /// 0 for the slice as it is.
    pub fn number(self) -> u64 {
        match self {
            Self::Plain => 0,
            Self::Contrast(method) => method as u64 + 1,
        }
    }
}

/// A slice as it may be drawn in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Which slice.
    pub item: usize,
    /// How it looks.
    pub look: Look,
}

/// What one training of every network sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Everything that trains, copies and duplicates included.
    pub train: Vec<Draw>,
    /// Length of the training side without copies.
    pub without_copies: usize,
    /// Distinct slices that train.
    pub train_items: Vec<usize>,
    /// Slices that decide when to stop.
    pub validation: Vec<usize>,
    /// Slices that measure.
    pub test: Vec<usize>,
    /// Scans mapped by this training.
    pub mapped: Vec<usize>,
}

/// The division of a study.
#[derive(Debug, Clone)]
pub struct Division {
    /// Every slice, scan by scan.
    pub items: Vec<Item>,
    /// One entry per training of every network.
    pub parts: Vec<Part>,
}

/// Divides whole scans, where the protocol keeps them whole; empty where it does not.
///
/// # Errors
///
/// [`Error::Usage`] if the sample sheet has too few animals or classes.
pub(crate) fn whole_scans(
    config: &Config,
    items: &[SplitItem],
    unit: SplitUnit,
) -> Result<Vec<Fold>> {
    let fault = |e: fillet_preprocess::Error| Error::usage(format!("split: {e}"));
    match config.switches.split {
        Split::FishFolds => {
            let split = KFoldConfig {
                unit,
                folds: config.training.folds,
                ..KFoldConfig::default()
            };
            k_fold(items, &split, config.seed).map_err(fault)
        }
        Split::FilletHoldOut => {
            let split = HoldOutConfig {
                // where only subjects are named, they are what stays whole
                unit: if items.iter().all(|item| item.fillet.is_some()) {
                    SplitUnit::Fillet
                } else {
                    unit
                },
                ..HoldOutConfig::default()
            };
            Ok(vec![hold_out(items, &split, config.seed).map_err(fault)?])
        }
        Split::SlicesPooled => Ok(Vec::new()),
    }
}

impl Division {
    /// Divides the slices that preprocessing kept.
    ///
    /// # Errors
    ///
    /// [`Error::Run`] if `slices.h5` is unusable, [`Error::Usage`] if there are too few slices.
    pub fn load(config: &Config, study: &Study, archive: &SliceArchive) -> Result<Self> {
        let mut items = Vec::new();
        for (scan, name) in study.scans().enumerate() {
            let indices = archive.indices(name)?;
            items.extend(indices.into_iter().enumerate().map(|(at, index)| Item {
                scan,
                at,
                index,
            }));
        }
        let of = |scans: &[usize]| -> Vec<usize> {
            (0..items.len())
                .filter(|&item| scans.contains(&items[item].scan))
                .collect()
        };
        let all: Vec<usize> = (0..study.specimens.len()).collect();
        let positive: Vec<usize> = all
            .iter()
            .copied()
            .filter(|&scan| study.labels[scan] == 1)
            .collect();
        let mapped = |own: Vec<usize>| -> Vec<usize> {
            own.into_iter()
                .filter(|scan| {
                    config.switches.mapped == Mapped::Everything || positive.contains(scan)
                })
                .collect()
        };
        let plain = |items: &[usize]| -> Vec<Draw> {
            items
                .iter()
                .map(|&item| Draw {
                    item,
                    look: Look::Plain,
                })
                .collect()
        };
        let mut parts = Vec::new();
        if config.switches.split == Split::SlicesPooled {
            let described: Vec<SplitItem> = items.iter().map(|item| study.item(*item)).collect();
            let split =
                released_split(&described).map_err(|e| Error::usage(format!("split: {e}")))?;
            let train = match config.switches.contrast_copies {
                ContrastCopies::UnalteredCopiesOfEverything => plain(&split.augmented_train),
                ContrastCopies::None => plain(&split.fold.train),
                ContrastCopies::ThreeMethodsOfTraining => with_contrast(&split.fold.train),
            };
            parts.push(Part {
                without_copies: split.fold.train.len(),
                train_items: distinct(&split.fold.train),
                validation: split.fold.validation,
                test: split.fold.test,
                train,
                mapped: mapped(all),
            });
        } else {
            for fold in &study.folds {
                let base = of(&fold.train);
                let train = match config.switches.contrast_copies {
                    ContrastCopies::None => plain(&base),
                    ContrastCopies::ThreeMethodsOfTraining => with_contrast(&base),
                    ContrastCopies::UnalteredCopiesOfEverything => {
                        let mut train = plain(&base);
                        for _ in 0..3 {
                            train.extend(plain(&(0..items.len()).collect::<Vec<_>>()));
                        }
                        train
                    }
                };
                let own = match config.switches.split {
                    Split::FishFolds => fold.test.clone(),
                    _ => all.clone(),
                };
                parts.push(Part {
                    without_copies: base.len(),
                    train_items: base,
                    validation: of(&fold.validation),
                    test: of(&fold.test),
                    train,
                    mapped: mapped(own),
                });
            }
        }
        if let Some(empty) = parts.iter().position(|part| {
            part.train.is_empty() || part.validation.is_empty() || part.test.is_empty()
        }) {
            return Err(Error::usage(format!(
                "fold {empty}: a side has no slices; there are {} in all",
                items.len()
            )));
        }
        Ok(Self { items, parts })
    }

    /// The part that maps a scan, if any does.
    pub fn maps(&self, scan: usize) -> Option<usize> {
        self.parts
            .iter()
            .position(|part| part.mapped.contains(&scan))
    }

    /// Scans that are mapped, in the order of the sample sheet.
    pub fn mapped(&self) -> Vec<usize> {
        let mut scans: Vec<usize> = self
            .parts
            .iter()
            .flat_map(|part| part.mapped.iter().copied())
            .collect();
        scans.sort_unstable();
        scans
    }

    /// What leaks between the sides of a part, with changed copies told from the slices they were made of.
    ///
    /// # Errors
    ///
    /// [`Error::Run`] if the split names slices that are not there.
    pub fn audit(
        &self,
        study: &Study,
        part: &Part,
    ) -> Result<fillet_preprocess::split::LeakageReport> {
        let mut items: Vec<SplitItem> = self.items.iter().map(|item| study.item(*item)).collect();
        let mut train = Vec::with_capacity(part.train.len());
        for draw in &part.train {
            match draw.look {
                Look::Plain => train.push(draw.item),
                Look::Contrast(method) => {
                    let name = ContrastMethod::ALL
                        .get(method)
                        .map_or("contrast", ContrastMethod::name);
                    train.push(items.len());
                    items.push(study.item(self.items[draw.item]).with_copy(name));
                }
            }
        }
        let fold = Fold {
            train: distinct(&train),
            validation: distinct(&part.validation),
            test: distinct(&part.test),
        };
        fillet_preprocess::split::audit(&items, &fold).map_err(|e| failed("leakage audit", e))
    }
}

fn distinct(items: &[usize]) -> Vec<usize> {
    let mut items = items.to_vec();
    items.sort_unstable();
    items.dedup();
    items
}

/// Every slice as it is and after each contrast method.
fn with_contrast(items: &[usize]) -> Vec<Draw> {
    let looks =
        std::iter::once(Look::Plain).chain((0..ContrastMethod::ALL.len()).map(Look::Contrast));
    looks
        .flat_map(|look| items.iter().map(move |&item| Draw { item, look }))
        .collect()
}
