//! DICOM -> one HDF5 archive.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use mri_io::{Archive, Volume, read_scan};
use rayon::prelude::*;

use super::{Run, Stage, json};
use crate::cli::StageName;
use crate::config::Config;
use crate::error::{Context, Error, Result};
use crate::manifest::Manifest;
use crate::study::{Study, sample_sheet_path};

pub(super) struct Import;

impl Stage for Import {
    fn name(&self) -> StageName {
        StageName::Import
    }

    fn options(&self, _: &Config) -> Result<serde_json::Value> {
        json(())
    }

    fn inputs(&self, run: &Run) -> Result<Vec<(String, PathBuf)>> {
        let Some(directory) = &run.config.data.directory else {
            return Ok(Vec::new());
        };
        if !directory.is_dir() {
            return Err(Error::usage(format!(
                "--data {}: no such folder",
                directory.display()
            )));
        }
        if lies_below(directory, run.outputs.root()) {
            return Err(Error::usage(format!(
                "--data {} lies in the output folder {}, whose content this program replaces; choose another --out",
                directory.display(),
                run.outputs.root().display()
            )));
        }
        let study = Study::load(&run.config, &run.outputs)?;
        let mut seen: HashMap<PathBuf, &str> = HashMap::new();
        let mut inputs = vec![(
            "samples.csv".to_owned(),
            sample_sheet_path(&run.config, &run.outputs),
        )];
        for scan in study.scans() {
            let path = locate(directory, scan)?;
            if let Some(other) = seen.insert(path.canonicalize().doing("open", &path)?, scan) {
                return Err(Error::usage(format!(
                    "sample sheet: `{other}` and `{scan}` are the same scan, {}",
                    path.display()
                )));
            }
            let name = format!("scan {scan}");
            if path.is_file() {
                inputs.push((name, path));
            } else {
                let mut files = files_in(&path)?;
                files.sort();
                // numbers instead of file names: those may hold a person's name
                inputs.extend(
                    files
                        .into_iter()
                        .enumerate()
                        .map(|(i, file)| (format!("{name} file {}", i + 1), file)),
                );
            }
        }
        Ok(inputs)
    }

    fn owned(&self) -> &'static [&'static str] {
        &["archive.h5"]
    }

    fn run(&self, run: &Run, _: &Manifest) -> Result<()> {
        let study = Study::load(&run.config, &run.outputs)?;
        let directory = run
            .config
            .data
            .directory
            .clone()
            .unwrap_or_else(|| run.outputs.phantom_scans());
        let path = run.outputs.archive();
        let mut archive = Archive::create(&path).doing("create", &path)?;
        let mut task = run.reporter.task("import", study.specimens.len());
        let scans: Vec<&str> = study.scans().collect();
        // a few volumes at a time: memory does not grow with the study
        for some in scans.chunks(rayon::current_num_threads().max(2)) {
            run.interrupt.check()?;
            // every outcome first: which failure is told must not depend on who is fastest
            let volumes: Vec<Result<_>> = some
                .par_iter()
                .map(|scan| {
                    let path = locate(&directory, scan)?;
                    let volume = read_scan(&path).doing("read the scan", &path)?;
                    Ok(without_names(volume))
                })
                .collect();
            let volumes = volumes.into_iter().collect::<Result<Vec<_>>>()?;
            for (scan, volume) in some.iter().zip(volumes) {
                archive.write_volume(scan, &volume).doing("write", &path)?;
                task.step(scan);
            }
        }
        archive.finish().doing("write", &path)?;
        task.finish();
        Ok(())
    }
}

/// The volume with what describes the measurement, and nothing that could name whom it was made of.
fn without_names(volume: Volume) -> Volume {
    let mut acquisition = volume.acquisition().clone();
    acquisition.patient_id = None;
    acquisition.series_description = None;
    acquisition.study_uid = None;
    acquisition.series_uid = None;
    volume.with_acquisition(acquisition)
}

fn lies_below(inner: &Path, outer: &Path) -> bool {
    match (inner.canonicalize(), outer.canonicalize()) {
        (Ok(inner), Ok(outer)) => inner.starts_with(outer),
        _ => false,
    }
}

/// The file or folder of a scan: its name below the data folder, with or without `.dcm`.
pub(crate) fn locate(directory: &Path, scan: &str) -> Result<PathBuf> {
    let exact = directory.join(scan);
    let with_suffix = directory.join(format!("{scan}.dcm"));
    [exact, with_suffix]
        .into_iter()
        .find(|path| path.exists())
        .ok_or_else(|| {
            Error::usage(format!(
                "sample sheet: scan `{scan}` is neither a file nor a folder below {}",
                directory.display()
            ))
        })
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        // a link back up must not be followed for ever
        if !seen.insert(folder.canonicalize().doing("open", &folder)?) {
            continue;
        }
        for entry in std::fs::read_dir(&folder).doing("list", &folder)? {
            let path = entry.doing("list", &folder)?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    Ok(files)
}
