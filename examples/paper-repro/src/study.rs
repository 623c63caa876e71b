//! The scans of a study: their sample sheet, their classes and their folds.

use std::path::{Component, Path, PathBuf};

use fillet_preprocess::split::{SplitItem, SplitUnit};
use fillet_preprocess::{Fold, SampleSheet, Specimen};

use crate::config::Config;
use crate::division::{Item, whole_scans};
use crate::error::{Error, Result};
use crate::outputs::Outputs;

/// All scans of a study, in the order of the sample sheet.
#[derive(Debug, Clone)]
pub struct Study {
    /// One entry per scan.
    pub specimens: Vec<Specimen>,
    /// The class whose evidence is mapped is number 1, all others 0.
    pub labels: Vec<u32>,
    /// What was divided into folds.
    pub unit: SplitUnit,
    /// Which scans train, validate and test in each fold; empty where the protocol cuts scans apart.
    pub folds: Vec<Fold>,
}

/// Path of the sample sheet of a run.
pub fn sample_sheet_path(config: &Config, outputs: &Outputs) -> PathBuf {
    match (&config.data.directory, &config.data.samples) {
        (None, _) => outputs.phantom_samples(),
        (Some(_), Some(samples)) => samples.clone(),
        (Some(directory), None) => directory.join("samples.csv"),
    }
}

/// Whether a scan's name cannot lead out of a folder.
fn stays_inside(scan: &str) -> bool {
    Path::new(scan)
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
}

/// What is divided: fish, where the sheet names them, else fillets, else scans (as fillets of their own).
fn unit_of(specimens: &mut [Specimen]) -> std::result::Result<SplitUnit, String> {
    let column = |name: &str,
                  has: &dyn Fn(&Specimen) -> bool|
     -> std::result::Result<bool, String> {
        let (with, without): (Vec<&Specimen>, Vec<&Specimen>) =
            specimens.iter().partition(|s| has(s));
        match (with.first(), without.first()) {
            (Some(_), Some(lacking)) => Err(format!(
                "scan `{}` has no {name}, others have; name the {name} of every scan or of none, or scans of one animal could be on both sides of the split",
                lacking.scan
            )),
            (some, _) => Ok(some.is_some()),
        }
    };
    if column("fish", &|s| s.fish.is_some())? {
        return Ok(SplitUnit::Fish);
    }
    if !column("fillet", &|s| s.fillet.is_some())? {
        for specimen in specimens {
            specimen.fillet = Some(specimen.scan.clone());
        }
    }
    Ok(SplitUnit::Fillet)
}

impl Study {
    /// Reads the sample sheet and divides its fish into folds.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if the sheet is at fault: unreadable, without the positive class or another
    /// one, or with fewer fish than folds.
    pub fn load(config: &Config, outputs: &Outputs) -> Result<Self> {
        let path = sample_sheet_path(config, outputs);
        let fault = |e: &dyn std::fmt::Display| {
            Error::usage(format!("sample sheet {}: {e}", path.display()))
        };
        let mut specimens = SampleSheet::read(&path)
            .map_err(|e| Error::usage(e.to_string()))?
            .specimens;
        if let Some(scan) = specimens
            .iter()
            .map(|s| &s.scan)
            .find(|scan| !stays_inside(scan))
        {
            return Err(fault(&format!(
                "scan `{scan}` must be a name below the data folder, without `..`"
            )));
        }
        let positive = &config.data.positive_class;
        let labels: Vec<u32> = specimens
            .iter()
            .map(|s| u32::from(s.class == *positive))
            .collect();
        if !labels.contains(&1) || !labels.contains(&0) {
            let mut classes: Vec<_> = specimens.iter().map(|s| s.class.as_str()).collect();
            classes.sort_unstable();
            classes.dedup();
            return Err(fault(&format!(
                "data.positive_class is `{positive}`, the classes are `{}`; both the positive class and another one are needed",
                classes.join("`, `")
            )));
        }
        let unit = unit_of(&mut specimens).map_err(|e| fault(&e))?;
        let items: Vec<SplitItem> = specimens.iter().map(SplitItem::from_specimen).collect();
        let folds = whole_scans(config, &items, unit).map_err(|e| fault(&e))?;
        Ok(Self {
            specimens,
            labels,
            unit,
            folds,
        })
    }

    /// Names of the scans, in order.
    pub fn scans(&self) -> impl ExactSizeIterator<Item = &str> {
        self.specimens.iter().map(|specimen| specimen.scan.as_str())
    }

    /// The fold in which a scan is held out.
    pub fn held_out_in(&self, scan: usize) -> Option<usize> {
        self.folds.iter().position(|fold| fold.test.contains(&scan))
    }

    /// A slice as a split sees it.
    pub fn item(&self, item: Item) -> SplitItem {
        SplitItem::from_specimen(&self.specimens[item.scan]).with_slice(item.index)
    }

    /// Numbers of the animals of some scans, for statistics with the animal as unit.
    pub fn clusters(&self, scans: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut seen: Vec<&str> = Vec::new();
        scans
            .into_iter()
            .map(|scan| {
                let animal = self.animal(scan);
                seen.iter()
                    .position(|&other| other == animal)
                    .unwrap_or_else(|| {
                        seen.push(animal);
                        seen.len() - 1
                    })
            })
            .collect()
    }

    /// Treatment of a scan of the positive class (its class where no treatment is named); `None` for all others.
    pub fn treatment(&self, scan: usize) -> Option<&str> {
        let specimen = &self.specimens[scan];
        (self.labels[scan] == 1).then(|| specimen.treatment.as_deref().unwrap_or(&specimen.class))
    }

    /// Who a scan belongs to, for statistics: the fish, else the fillet, else the scan itself.
    pub fn animal(&self, scan: usize) -> &str {
        let specimen = &self.specimens[scan];
        specimen
            .fish
            .as_deref()
            .or(specimen.fillet.as_deref())
            .unwrap_or(&specimen.scan)
    }
}
