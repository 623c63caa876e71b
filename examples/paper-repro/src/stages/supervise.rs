//! Simulated annotators -> a patch network -> the supervised reference (Anderssen et al. 2021).

use candle_core::Device;
use cnn_zoo::train::{BEST_FILE, CHECKPOINT_FILE, Control, Outcome, Progress, fit};
use cnn_zoo::{Backbone, BackboneConfig, Convention, build, weights};
use fillet_preprocess::patches::{LabelledPatch, PatchAssembly};
use fillet_preprocess::phantom::{Label, annotate};
use mri_io::{Archive, npy};
use ndarray::{Array2, Array3, ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Run, Stage, json};
use crate::batches::derived_seed;
use crate::cli::StageName;
use crate::config::Config;
use crate::config::switches::SupervisedMap;
use crate::division::Division;
use crate::error::{Context, Result, failed};
use crate::in_turns::in_turns;
use crate::manifest::Manifest;
use crate::outputs::make_folder_of;
use crate::patches::{Patch, Patches};
use crate::slices::{SliceArchive, resample};
use crate::study::Study;
use crate::table::{Table, number};
use crate::tensors;

pub(super) struct Supervise;

/// Simulated annotators: the first teaches, the second measures how well two people agree.
const RATERS: [usize; 2] = [1, 2];
const DAMAGED: u8 = 1;
const UNDAMAGED: u8 = 2;
/// Patches sent through the network at once.
const AT_ONCE: usize = 1024;

/// Whether there is anything to learn from.
pub(super) fn is_possible(config: &Config) -> bool {
    config.supervised.enabled && config.is_synthetic()
}

impl Stage for Supervise {
    fn name(&self) -> StageName {
        StageName::Supervise
    }

    fn options(&self, config: &Config) -> Result<serde_json::Value> {
        let overwrite = config.switches.supervised_map != SupervisedMap::CentredUnlabelledExcluded;
        json((&config.supervised, overwrite, config.device, config.seed))
    }

    fn owned(&self) -> &'static [&'static str] {
        &["supervised", "tables/supervised_training.csv"]
    }

    fn run(&self, run: &Run, _: &Manifest) -> Result<()> {
        if !is_possible(&run.config) {
            run.reporter
                .say("  no labels to learn from: the supervised reference is left out");
            return Ok(());
        }
        let study = Study::load(&run.config, &run.outputs)?;
        let archive = SliceArchive::open(&run.outputs.slices())?;
        let division = Division::load(&run.config, &study, &archive)?;
        annotate_all(run, &study, &archive)?;
        for (fold, part) in division.parts.iter().enumerate() {
            for (side, items) in [
                ("training", &part.train_items),
                ("validation", &part.validation),
            ] {
                let patches = labelled_patches(run, &study, &division, &archive, items)?;
                if [0, 1]
                    .iter()
                    .any(|&label| patches.iter().all(|patch| patch.label != label))
                {
                    run.reporter.say(format!(
                        "  the annotators left no patch of one class on the {side} side of fold {fold}: the supervised reference is left out (more slices or a smaller supervised.patch_size may help)"
                    ));
                    return Ok(());
                }
            }
        }
        let folds: Vec<usize> = (0..division.parts.len()).collect();
        let device = run.config.device.open()?;
        let rows = in_turns(&folds, run.config.training.concurrent_folds, |fold| {
            let archive = SliceArchive::open(&run.outputs.slices())?;
            one_fold(run, &study, &division, &archive, fold, &device)
        })?;
        let mut table = Table::new(&["fold", "split", "n", "correct", "accuracy"])?;
        for row in rows.into_iter().flatten() {
            table.row(&row)?;
        }
        table.write(&run.outputs.table("supervised_training"))
    }
}

/// Labels of every kept slice by every rater.
fn annotate_all(run: &Run, study: &Study, archive: &SliceArchive) -> Result<()> {
    let size = run.config.preprocess.image_size;
    let path = run.outputs.archive();
    let source = Archive::open(&path).doing("open", &path)?;
    for scan in study.scans() {
        run.interrupt.check()?;
        if RATERS
            .iter()
            .all(|&rater| run.outputs.rater(rater, scan).exists())
        {
            continue;
        }
        let volume = source.read_volume(scan).doing("read", &path)?;
        let (rows, spacing) = (volume.stored().dim().1, volume.spacing());
        let pixel_mm = spacing.row_mm * rows as f64 / size as f64;
        let slices = archive.read(scan)?;
        let grey = volume
            .stored()
            .select(Axis(0), &slices.indices)
            .mapv(|value| value as f32);
        let grey = resample(grey, size);
        for rater in RATERS {
            let one = |at: usize| -> Result<Array2<f32>> {
                annotate(
                    grey.index_axis(Axis(0), at),
                    slices.foreground.index_axis(Axis(0), at),
                    pixel_mm,
                    &run.config.supervised.annotator,
                    derived_seed(run.config.seed, &[20]),
                    rater as u64,
                )
                .map(|labels| labels.mapv(|label| f32::from(code(label))))
                .map_err(|e| failed(format!("annotation of {scan}"), e))
            };
            let planes: Vec<Result<_>> =
                (0..slices.indices.len()).into_par_iter().map(one).collect();
            let planes = planes.into_iter().collect::<Result<Vec<_>>>()?;
            let views: Vec<_> = planes.iter().map(|plane| plane.view()).collect();
            let labels = ndarray::stack(Axis(0), &views)
                .map_err(|e| failed(format!("annotation of {scan}"), e))?;
            write(&run.outputs.rater(rater, scan), &labels)?;
        }
    }
    Ok(())
}

fn code(label: Label) -> u8 {
    match label {
        Label::None => 0,
        Label::Damaged => DAMAGED,
        Label::Undamaged => UNDAMAGED,
    }
}

fn write(path: &std::path::Path, labels: &Array3<f32>) -> Result<()> {
    make_folder_of(path)?;
    npy::write_f32(path, labels.view()).doing("write", path)
}

/// Trains on the first rater's labels of the training side and labels every mapped scan.
fn one_fold(
    run: &Run,
    study: &Study,
    division: &Division,
    archive: &SliceArchive,
    fold: usize,
    device: &Device,
) -> Result<Vec<[String; 5]>> {
    let supervised = &run.config.supervised;
    let part = &division.parts[fold];
    let sides = [&part.train_items, &part.validation, &part.test];
    let mut patches = Vec::new();
    for items in sides {
        patches.push(labelled_patches(run, study, division, archive, items)?);
    }
    let config = BackboneConfig {
        input_channels: 1,
        classes: 2,
        width: supervised.width,
        convention: Convention::Keras,
        input_size: [supervised.patch_size; 2],
        ..BackboneConfig::new(supervised.architecture)
    };
    let what = format!("supervised reference, fold {fold}");
    let source = |side: usize, shuffled: Option<u64>| {
        let mut source = Patches {
            patches: patches[side].iter().collect(),
            batch_size: supervised.batch_size,
            shuffled,
            device,
        };
        if shuffled.is_some() {
            source.fill_up();
        }
        source
    };
    let seed = |purpose: u64| derived_seed(run.config.seed, &[purpose, fold as u64]);
    let folder = run
        .outputs
        .supervised()
        .join("models")
        .join(format!("fold-{fold}"));
    if folder.join(CHECKPOINT_FILE).exists() && !folder.join(BEST_FILE).exists() {
        std::fs::remove_dir_all(&folder).doing("remove", &folder)?;
    }
    let network = build(&config, seed(21), device).map_err(|e| failed(&what, e))?;
    let report = fit(
        network.as_ref(),
        &source(0, Some(seed(22))),
        &source(1, None),
        &supervised.to_zoo(seed(23)),
        &folder,
        &mut |_: &Progress| match run.interrupt.signal() {
            Some(_) => Control::Stop,
            None => Control::Continue,
        },
    )
    .map_err(|e| failed(&what, e))?;
    if report.outcome == Outcome::Interrupted {
        run.interrupt.check()?;
    }
    let best = folder.join(BEST_FILE);
    let network = weights::open(&best, device)
        .and_then(|network| network.fuse())
        .doing("load", &best)?;
    for &scan in &part.mapped {
        run.interrupt.check()?;
        label_scan(
            run,
            network.as_ref(),
            archive,
            &study.specimens[scan].scan,
            device,
        )?;
    }
    let mut rows = Vec::new();
    for (side, name) in ["train", "validation", "test"].into_iter().enumerate() {
        let total = patches[side].len();
        let correct = source(side, None)
            .correct(network.as_ref())
            .map_err(|e| failed(&what, e))?;
        rows.push([
            fold.to_string(),
            name.to_owned(),
            total.to_string(),
            correct.to_string(),
            number(correct as f64 / total as f64),
        ]);
    }
    Ok(rows)
}

/// Patches of one label throughout, at most so many per class and scan.
fn labelled_patches(
    run: &Run,
    study: &Study,
    division: &Division,
    archive: &SliceArchive,
    items: &[usize],
) -> Result<Vec<Patch>> {
    let supervised = &run.config.supervised;
    let dense = fillet_preprocess::patches::PatchConfig {
        stride: 1,
        ..supervised.patch()
    };
    let mut patches = Vec::new();
    for (scan, name) in study.scans().enumerate() {
        let at: Vec<usize> = (items.iter().map(|&item| division.items[item]))
            .filter(|item| item.scan == scan)
            .map(|item| item.at)
            .collect();
        if at.is_empty() {
            continue;
        }
        let path = run.outputs.rater(RATERS[0], name);
        let labels = npy::read_f32(&path).doing("read", &path)?;
        let images = archive.read(name)?.images;
        let mut found: [Vec<(usize, [usize; 2])>; 2] = [Vec::new(), Vec::new()];
        for &slice in &at {
            let plane = labels.index_axis(Axis(0), slice).mapv(|label| label as u8);
            for patch in dense
                .pure(plane.view(), 0)
                .map_err(|e| failed(format!("patches of {name}"), e))?
            {
                found[usize::from(patch.label == DAMAGED)].push((slice, patch.position));
            }
        }
        for (label, mut places) in found.into_iter().enumerate() {
            let seed = derived_seed(run.config.seed, &[24, scan as u64, label as u64]);
            places.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            places.truncate(supervised.patches_per_scan);
            for (slice, position) in places {
                let cut = dense
                    .extract(images.index_axis(Axis(0), slice), &[position])
                    .map_err(|e| failed(format!("patches of {name}"), e))?;
                patches.push(Patch {
                    image: cut.index_axis_move(Axis(0), 0),
                    label: label as u32,
                });
            }
        }
    }
    Ok(patches)
}

/// Labels every slice of a scan by sliding the network over its tissue.
fn label_scan(
    run: &Run,
    network: &dyn Backbone,
    archive: &SliceArchive,
    name: &str,
    device: &Device,
) -> Result<()> {
    let path = run.outputs.supervised_labels(name);
    if path.exists() {
        return Ok(());
    }
    let slices = archive.read(name)?;
    let mut labels = Array3::<f32>::zeros(slices.images.dim());
    for (at, mut out) in labels.outer_iter_mut().enumerate() {
        let tissue = slices.foreground.index_axis(Axis(0), at);
        let plane = label_slice(
            run,
            network,
            slices.images.index_axis(Axis(0), at),
            tissue,
            device,
        )
        .map_err(|e| failed(format!("supervised labels of {name}"), e))?;
        ndarray::Zip::from(&mut out)
            .and(&plane)
            .and(&tissue)
            .for_each(|out, &label, &inside| {
                *out = if inside { f32::from(label) } else { 0.0 };
            });
    }
    write(&path, &labels)
}

fn label_slice(
    run: &Run,
    network: &dyn Backbone,
    image: ArrayView2<'_, f32>,
    tissue: ArrayView2<'_, bool>,
    device: &Device,
) -> anyhow::Result<Array2<u8>> {
    let patch = run.config.supervised.patch();
    let (rows, columns) = image.dim();
    let mut positions = patch.positions(rows, columns)?;
    positions.retain(|&[row, column]| {
        (row..row + patch.size).any(|r| (column..column + patch.size).any(|c| tissue[[r, c]]))
    });
    let mut labelled = Vec::with_capacity(positions.len());
    for some in positions.chunks(AT_ONCE) {
        let cut = patch.extract(image, some)?;
        let answers: Vec<u32> = network
            .forward(&tensors::images(cut.view(), device)?)?
            .argmax(1)?
            .to_vec1()?;
        labelled.extend(
            some.iter()
                .zip(answers)
                .map(|(&position, answer)| LabelledPatch {
                    position,
                    label: if answer == 1 { DAMAGED } else { UNDAMAGED },
                }),
        );
    }
    let assembly = match run.config.switches.supervised_map {
        SupervisedMap::CentredUnlabelledExcluded => PatchAssembly::Vote,
        SupervisedMap::AsPredicted | SupervisedMap::SmoothedUnlabelledDamaged => {
            PatchAssembly::Overwrite
        }
    };
    Ok(patch.assemble([rows, columns], &labelled, assembly, 0)?)
}
