//! Phantom scans with known damage, written as DICOM beside their truth and a sample sheet.

use fillet_preprocess::phantom::Cohort;
use mri_io::atomic::write_atomically;
use mri_io::{ScanDescription, npy, write_multi_frame};

use super::{Run, Stage, json};
use crate::cli::StageName;
use crate::config::Config;
use crate::error::{Context, Result, failed};
use crate::manifest::Manifest;
use crate::outputs::make_folder_of;

pub(super) struct Phantom;

impl Stage for Phantom {
    fn name(&self) -> StageName {
        StageName::Phantom
    }

    fn options(&self, config: &Config) -> Result<serde_json::Value> {
        json((&config.phantom, config.seed))
    }

    fn owned(&self) -> &'static [&'static str] {
        &["data"]
    }

    fn run(&self, run: &Run, _: &Manifest) -> Result<()> {
        let cohort = Cohort::new(&run.config.phantom, run.config.seed)
            .map_err(|e| crate::error::Error::usage(format!("phantom: {e}")))?;
        let sheet = cohort
            .sample_sheet()
            .map_err(|e| failed("sample sheet", e))?;
        let mut task = run.reporter.task("phantom", cohort.len());
        for index in 0..cohort.len() {
            run.interrupt.check()?;
            let scan = sheet.specimens[index].scan.as_str();
            let file = run.outputs.phantom_scans().join(format!("{scan}.dcm"));
            let truth = run.outputs.truth(scan);
            if !(file.exists() && truth.exists()) {
                let phantom = cohort
                    .scan(index)
                    .map_err(|e| failed(format!("phantom {scan}"), e))?;
                make_folder_of(&truth)?;
                make_folder_of(&file)?;
                npy::write_f32(&truth, phantom.damage.view()).doing("write", &truth)?;
                let study = format!("phantom, seed {}", run.config.seed);
                let description = ScanDescription {
                    study,
                    ..ScanDescription::synthetic(scan)
                };
                write_multi_frame(&file, &phantom.volume, &description).doing("write", &file)?;
            }
            task.step(scan);
        }
        task.finish();
        let path = run.outputs.phantom_samples();
        let mut text = Vec::new();
        sheet
            .write_to(&mut text)
            .map_err(|e| failed("sample sheet", e))?;
        write_atomically(&path, |file| file.write_all(&text)).doing("write", &path)
    }
}
