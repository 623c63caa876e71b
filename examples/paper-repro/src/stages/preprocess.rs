//! Archive -> slices without background, scaled, and the folds they belong to.

use fillet_preprocess::{normalise, segment_foreground};
use mri_io::{Archive, Volume};
use ndarray::{Array1, Array2, Axis, stack};
use rayon::prelude::*;

use super::{Run, Stage, json};
use crate::cli::StageName;
use crate::config::Config;
use crate::error::{Context, Error, Result, failed};
use crate::manifest::Manifest;
use crate::slices::{ScanSlices, resample, resample_mask};
use crate::study::Study;
use crate::table::Table;

pub(super) struct Preprocess;

impl Stage for Preprocess {
    fn name(&self) -> StageName {
        StageName::Preprocess
    }

    fn options(&self, config: &Config) -> Result<serde_json::Value> {
        let trim = (
            config.data.trim_first,
            config.data.trim_last,
            &config.data.positive_class,
        );
        json((&config.preprocess, trim, config.training.folds, config.seed))
    }

    fn owned(&self) -> &'static [&'static str] {
        &["slices.h5", "tables/folds.csv"]
    }

    fn run(&self, run: &Run, _: &Manifest) -> Result<()> {
        let study = Study::load(&run.config, &run.outputs)?;
        let source_path = run.outputs.archive();
        let source = Archive::open(&source_path).doing("open", &source_path)?;
        let path = run.outputs.slices();
        let mut target = Archive::create(&path).doing("create", &path)?;
        let mut task = run.reporter.task("preprocess", study.specimens.len());
        for scan in study.scans() {
            run.interrupt.check()?;
            let volume = source.read_volume(scan).doing("read", &source_path)?;
            let slices = clean(run, scan, volume)?;
            let indices: Array1<f32> = slices.indices.iter().map(|&index| index as f32).collect();
            let foreground = slices.foreground.mapv(u8::from);
            target
                .write_array(&format!("{scan}/image"), slices.images.view(), &[])
                .doing("write", &path)?;
            target
                .write_array(&format!("{scan}/foreground"), foreground.view(), &[])
                .doing("write", &path)?;
            target
                .write_array(&format!("{scan}/slice"), indices.view(), &[])
                .doing("write", &path)?;
            task.step(scan);
        }
        task.finish();
        target.finish().doing("write", &path)?;
        write_folds(run, &study)
    }
}

/// The slices of a scan that count, without background, normalised, at the size of the networks' input.
fn clean(run: &Run, scan: &str, volume: Volume) -> Result<ScanSlices> {
    let (data, preprocess) = (&run.config.data, &run.config.preprocess);
    let stored = volume.into_stored();
    let total = stored.dim().0;
    let kept = data.trim_first
        ..total
            .saturating_sub(data.trim_last)
            .max(data.trim_first.min(total));
    let size = preprocess.image_size;
    let one = |index: usize| {
        let slice = stored.index_axis(Axis(0), index).mapv(|value| value as f32);
        let tissue = segment_foreground(slice.view(), &preprocess.foreground)
            .map_err(|e| failed(format!("foreground of {scan}, slice {index}"), e))?;
        let slice = resample(slice.insert_axis(Axis(0)), size).index_axis_move(Axis(0), 0);
        Ok((index, slice, resample_mask(&tissue, size)?))
    };
    let slices: Vec<Result<_>> = kept.into_par_iter().map(one).collect();
    let slices = slices.into_iter().collect::<Result<Vec<_>>>()?;
    let worth = |mask: &Array2<bool>| {
        let inside = mask.iter().filter(|&&pixel| pixel).count();
        inside as f64 >= preprocess.minimum_foreground * mask.len() as f64 && inside > 0
    };
    let slices: Vec<_> = slices
        .into_iter()
        .filter(|(_, _, mask)| worth(mask))
        .collect();
    if slices.is_empty() {
        return Err(Error::run(format!(
            "scan {scan}: none of its {total} slices is left after dropping {} at the start, {} at the end and those with less than {} of tissue; see data.trim_first, data.trim_last and preprocess.minimum_foreground",
            data.trim_first, data.trim_last, preprocess.minimum_foreground
        )));
    }
    let images: Vec<_> = slices.iter().map(|(_, image, _)| image.view()).collect();
    let masks: Vec<_> = slices.iter().map(|(_, _, mask)| mask.view()).collect();
    let stacked = |e| failed(format!("slices of {scan}"), e);
    let images = stack(Axis(0), &images).map_err(stacked)?;
    let foreground = stack(Axis(0), &masks).map_err(stacked)?;
    let images = normalise(
        images.view(),
        Some(foreground.view()),
        &preprocess.normalise,
    )
    .map_err(|e| failed(format!("normalisation of {scan}"), e))?;
    Ok(ScanSlices {
        images,
        foreground,
        indices: slices.iter().map(|(index, _, _)| *index).collect(),
    })
}

/// Which fold holds each scan out.
fn write_folds(run: &Run, study: &Study) -> Result<()> {
    let mut table = Table::new(&[
        "scan",
        "fish",
        "fillet",
        "class",
        "treatment",
        "held_out_in_fold",
    ])?;
    for (scan, specimen) in study.specimens.iter().enumerate() {
        table.row(&[
            specimen.scan.as_str(),
            specimen.fish.as_deref().unwrap_or_default(),
            specimen.fillet.as_deref().unwrap_or_default(),
            &specimen.class,
            specimen.treatment.as_deref().unwrap_or_default(),
            &study
                .held_out_in(scan)
                .map_or_else(String::new, |fold| fold.to_string()),
        ])?;
    }
    table.write(&run.outputs.table("folds"))
}
