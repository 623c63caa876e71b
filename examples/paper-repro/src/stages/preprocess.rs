//! Archive -> slices without background, scaled, and the folds they belong to.

use fillet_preprocess::{
    ContrastMethod, SliceValidity, adjust_contrast, normalise, segment_foreground,
};
use mri_io::{Archive, Volume};
use ndarray::{Array1, Array2, Array3, Axis, Zip, stack};
use rayon::prelude::*;

use super::{Run, Stage, json};
use crate::cli::StageName;
use crate::config::Config;
use crate::config::switches::{ContrastCopies, SliceRule};
use crate::division::Division;
use crate::error::{Context, Error, Result, failed};
use crate::manifest::Manifest;
use crate::slices::{ScanSlices, SliceArchive, resample, resample_mask};
use crate::study::Study;
use crate::table::Table;

pub(super) struct Preprocess;

impl Stage for Preprocess {
    fn name(&self) -> StageName {
        StageName::Preprocess
    }

    fn options(&self, config: &Config) -> Result<serde_json::Value> {
        let switches = &config.switches;
        json((
            (
                &config.preprocess,
                config.foreground(),
                config.trim(),
                &config.data.exclude,
            ),
            &config.data.positive_class,
            (
                switches.slices,
                switches.split,
                switches.mapped,
                switches.contrast_copies,
            ),
            config.training.folds,
            config.seed,
        ))
    }

    fn owned(&self) -> &'static [&'static str] {
        &["slices.h5", "tables/folds.csv", "tables/leakage.csv"]
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
            let (slices, contrast) = clean(run, scan, volume)?;
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
            for (method, images) in &contrast {
                target
                    .write_array(&format!("{scan}/{method}"), images.view(), &[])
                    .doing("write", &path)?;
            }
            task.step(scan);
        }
        task.finish();
        target.finish().doing("write", &path)?;
        let division = Division::load(&run.config, &study, &SliceArchive::open(&path)?)?;
        write_folds(run, &study, &division)?;
        write_leakage(run, &study, &division)
    }
}

/// The slices of a scan that count, without background, normalised, at the size of the networks' input.
fn clean(run: &Run, scan: &str, volume: Volume) -> Result<(ScanSlices, Vec<Contrasted>)> {
    let preprocess = &run.config.preprocess;
    let stored = volume.into_stored();
    let total = stored.dim().0;
    let [trim_first, trim_last] = run.config.trim();
    let rule = SliceValidity {
        drop_first: trim_first,
        drop_last: trim_last,
        exclude: match run.config.switches.slices {
            SliceRule::All => Vec::new(),
            _ => run.config.data.exclude.clone(),
        },
    };
    let minimum = match run.config.switches.slices {
        SliceRule::Valid => preprocess.minimum_foreground,
        _ => 0.0,
    };
    let kept = match rule.valid_slices(scan, total) {
        Ok(kept) => kept,
        Err(fillet_preprocess::Error::NoSlicesLeft { .. }) => Vec::new(),
        Err(e) => return Err(Error::usage(format!("data.exclude: {e}"))),
    };
    let foreground = run.config.foreground();
    let size = preprocess.image_size;
    let one = |index: usize| {
        let slice = stored.index_axis(Axis(0), index).mapv(|value| value as f32);
        let tissue = segment_foreground(slice.view(), &foreground)
            .map_err(|e| failed(format!("foreground of {scan}, slice {index}"), e))?;
        let slice = resample(slice.insert_axis(Axis(0)), size).index_axis_move(Axis(0), 0);
        Ok((index, slice, resample_mask(&tissue, size)?))
    };
    let slices: Vec<Result<_>> = kept.into_par_iter().map(one).collect();
    let slices = slices.into_iter().collect::<Result<Vec<_>>>()?;
    let worth = |mask: &Array2<bool>| {
        let inside = mask.iter().filter(|&&pixel| pixel).count();
        inside as f64 >= minimum * mask.len() as f64 && inside > 0
    };
    let slices: Vec<_> = slices
        .into_iter()
        .filter(|(_, _, mask)| worth(mask))
        .collect();
    if slices.is_empty() {
        return Err(Error::run(format!(
            "scan {scan}: none of its {total} slices is left after dropping {} at the start, {} at the end and those with less than {} of tissue; see data.trim_first, data.trim_last and preprocess.minimum_foreground",
            trim_first, trim_last, minimum
        )));
    }
    let images: Vec<_> = slices.iter().map(|(_, image, _)| image.view()).collect();
    let masks: Vec<_> = slices.iter().map(|(_, _, mask)| mask.view()).collect();
    let stacked = |e| failed(format!("slices of {scan}"), e);
    let images = stack(Axis(0), &images).map_err(stacked)?;
    let foreground = stack(Axis(0), &masks).map_err(stacked)?;
    let scaled = |images: &Array3<f32>| {
        normalise(
            images.view(),
            Some(foreground.view()),
            &preprocess.normalise,
        )
        .map_err(|e| failed(format!("normalisation of {scan}"), e))
    };
    let mut contrast = Vec::new();
    if run.config.switches.contrast_copies == ContrastCopies::ThreeMethodsOfTraining {
        let mut grey = images.clone();
        Zip::from(&mut grey)
            .and(&foreground)
            .for_each(|pixel, &inside| {
                if !inside {
                    *pixel = 0.0;
                }
            });
        for method in ContrastMethod::ALL {
            let mut changed = Array3::zeros(grey.dim());
            let failures: Vec<_> = (changed.outer_iter_mut().into_par_iter())
                .zip(grey.outer_iter().into_par_iter())
                .filter_map(|(mut to, from)| match adjust_contrast(from, &method) {
                    Ok(image) => {
                        to.assign(&image);
                        None
                    }
                    Err(e) => Some(e),
                })
                .collect();
            if let Some(e) = failures.into_iter().next() {
                return Err(failed(format!("{} of {scan}", method.name()), e));
            }
            contrast.push((method.name(), scaled(&changed)?));
        }
    }
    let slices = ScanSlices {
        images: scaled(&images)?,
        indices: slices.iter().map(|(index, _, _)| *index).collect(),
        foreground,
    };
    Ok((slices, contrast))
}

/// A scan's slices after a contrast method.
type Contrasted = (&'static str, Array3<f32>);

/// Which fold holds each scan out.
fn write_folds(run: &Run, study: &Study, division: &Division) -> Result<()> {
    let mut table = Table::new(&[
        "scan",
        "fish",
        "fillet",
        "class",
        "treatment",
        "held_out_in_fold",
        "mapped_in_fold",
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
            &division
                .maps(scan)
                .map_or_else(String::new, |fold| fold.to_string()),
        ])?;
    }
    table.write(&run.outputs.table("folds"))
}

/// What the sides of every fold share.
fn write_leakage(run: &Run, study: &Study, division: &Division) -> Result<()> {
    let mut table = Table::new(&[
        "fold",
        "left",
        "right",
        "right_items",
        "shared_fish",
        "shared_fillets",
        "shared_scans",
        "exact_duplicates",
        "altered_copies",
        "neighbouring_slices",
    ])?;
    for (number, part) in division.parts.iter().enumerate() {
        for pair in division.audit(study, part)?.pairs {
            let count = |n: usize| n.to_string();
            table.row(&[
                count(number),
                pair.left.to_string(),
                pair.right.to_string(),
                count(pair.right_items),
                count(pair.shared_fish.len()),
                count(pair.shared_fillets.len()),
                count(pair.shared_scans.len()),
                count(pair.exact_duplicates.len()),
                count(pair.altered_copies.len()),
                count(pair.neighbouring_slices.len()),
            ])?;
        }
    }
    table.write(&run.outputs.table("leakage"))
}
