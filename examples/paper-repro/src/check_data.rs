//! `check-data`: everything that is wrong with a data folder and its sample sheet, each with what would help.

use std::collections::BTreeMap;

use fillet_preprocess::SampleSheet;
use rayon::prelude::*;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::outputs::Outputs;
use crate::stages::locate;
use crate::study::{Study, sample_sheet_path};

/// Looks at every row and every scan, and says what is wrong and what will be left out.
///
/// # Errors
///
/// [`Error::Usage`] if the study could not run on these data.
pub fn check_data(config: &Config, outputs: &Outputs, mut say: impl FnMut(String)) -> Result<()> {
    let Some(directory) = &config.data.directory else {
        return Err(Error::usage("check-data needs --data DIR"));
    };
    let path = sample_sheet_path(config, outputs);
    let sheet = SampleSheet::read(&path).map_err(|e| Error::usage(e.to_string()))?;
    let mut problems: Vec<String> = Vec::new();
    for specimen in &sheet.specimens {
        if let Err(e) = specimen.liquid_loss() {
            problems.push(format!("scan `{}`: {e}", specimen.scan));
        }
    }
    let found: Vec<std::result::Result<[usize; 3], String>> = (sheet.specimens.par_iter())
        .map(|specimen| {
            let path = locate(directory, &specimen.scan).map_err(|e| e.to_string())?;
            let volume =
                mri_io::read_scan(&path).map_err(|e| format!("scan `{}`: {e}", specimen.scan))?;
            Ok(volume.stored().dim().into())
        })
        .collect();
    let mut shapes: BTreeMap<[usize; 3], Vec<&str>> = BTreeMap::new();
    for (specimen, outcome) in sheet.specimens.iter().zip(found) {
        match outcome {
            Ok(shape) => shapes.entry(shape).or_default().push(&specimen.scan),
            Err(problem) => problems.push(problem),
        }
    }
    let [first, last] = config.trim();
    for ([slices, rows, columns], scans) in &shapes {
        say(format!(
            "{} scans of {slices} slices of {rows} × {columns} pixels, such as `{}`",
            scans.len(),
            scans.first().copied().unwrap_or_default()
        ));
        if *slices <= first + last {
            problems.push(format!(
                "scan `{}` and {} others have {slices} slices, of which {} are dropped at the ends; set data.trim_first and data.trim_last",
                scans.first().copied().unwrap_or_default(),
                scans.len() - 1,
                first + last
            ));
        }
    }
    match Study::load(config, outputs) {
        Err(e) => problems.push(e.to_string()),
        Ok(study) => describe(config, &study, &mut say),
    }
    if problems.is_empty() {
        say("no problem found".to_owned());
        return Ok(());
    }
    Err(Error::usage(format!(
        "{} problems:\n  {}",
        problems.len(),
        problems.join("\n  ")
    )))
}

/// What the study will make of a sheet without faults.
fn describe(config: &Config, study: &Study, say: &mut impl FnMut(String)) {
    let positive = study.labels.iter().filter(|&&label| label == 1).count();
    say(format!(
        "{positive} scans of class `{}`, {} others, divided by {}",
        config.data.positive_class,
        study.labels.len() - positive,
        study.unit
    ));
    let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
    for treatment in (0..study.labels.len()).filter_map(|scan| study.treatment(scan)) {
        *groups.entry(treatment).or_default() += 1;
    }
    let groups: Vec<String> = groups
        .into_iter()
        .map(|(name, n)| format!("{name} ({n})"))
        .collect();
    say(format!("groups: {}", groups.join(", ")));
    let has =
        |what: &dyn Fn(&fillet_preprocess::Specimen) -> bool| study.specimens.iter().any(what);
    if !has(&|s| s.fish.is_some()) {
        say(
            "no subjects are named: scans of one subject may be on both sides of the split"
                .to_owned(),
        );
    }
    if !has(&|s| s.treatment.is_some()) {
        say(
            "no treatments are named: the mapped class is one group, and groups are not compared"
                .to_owned(),
        );
    }
    if !has(&|s| s.liquid_loss().ok().flatten().is_some()) {
        say("no liquid loss is known: its correlations are left out".to_owned());
    }
    say("there is no truth: overlap with it and the supervised reference are left out".to_owned());
}
