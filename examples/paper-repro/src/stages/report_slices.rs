//! The slices that the report shows, with their maps and what is known about them.

use mri_io::npy;
use ndarray::{Array2, Array3, Axis};

use super::Run;
use crate::error::{Context, Error, Result, failed};
use crate::outputs::Arm;
use crate::report::{Album, ExampleMap, ExampleSlice};
use crate::slices::{ScanSlices, SliceArchive, resample};
use crate::study::Study;

/// One scan with everything that was computed for it.
struct Scan {
    slices: ScanSlices,
    truth: Option<Array3<f32>>,
    supervised: Option<Array3<f32>>,
    /// Network, method, maps.
    maps: Vec<(String, String, Array3<f32>)>,
}

impl Scan {
    fn read(run: &Run, study: &Study, archive: &SliceArchive, scan: usize) -> Result<Self> {
        let name = &study.specimens[scan].scan;
        let slices = archive.read(name)?;
        let truth = if run.config.is_synthetic() {
            let path = run.outputs.truth(name);
            let truth = npy::read_f32(&path).doing("read the truth", &path)?;
            let kept = truth.select(Axis(0), &slices.indices);
            Some(resample(kept, run.config.preprocess.image_size))
        } else {
            None
        };
        let mut maps = Vec::new();
        for network in &run.config.networks {
            for method in &run.config.explain.methods {
                let path = run
                    .outputs
                    .cam(Arm::Trained(0), network.architecture, method, name);
                // a protocol may map some scans only
                if path.exists() {
                    let map = npy::read_f32(&path).doing("read the map", &path)?;
                    maps.push((network.architecture.to_string(), method.to_string(), map));
                }
            }
        }
        let supervised = supervised(run, name, &slices)?;
        for (network, method, map) in &maps {
            if map.dim() != slices.images.dim() {
                return Err(Error::run(format!(
                    "the map of {method} on {network} for scan {name} has shape {:?}, its slices have {:?}",
                    map.dim(),
                    slices.images.dim()
                )));
            }
        }
        Ok(Self {
            slices,
            truth,
            supervised,
            maps,
        })
    }

    fn slice(&self, study: &Study, scan: usize, at: usize) -> ExampleSlice {
        let specimen = &study.specimens[scan];
        let plane = |stack: &Array3<f32>| stack.index_axis(Axis(0), at).to_owned();
        ExampleSlice {
            scan: specimen.scan.clone(),
            class: specimen.class.clone(),
            treatment: if study.labels[scan] == 1 {
                specimen.treatment.clone().unwrap_or_default()
            } else {
                String::new()
            },
            slice_index: self.slices.indices[at],
            image: plane(&self.slices.images),
            foreground: self.slices.foreground.index_axis(Axis(0), at).to_owned(),
            truth: self.truth.as_ref().map(plane),
            supervised: self.supervised.as_ref().map(plane),
            maps: self
                .maps
                .iter()
                .map(|(model, method, maps)| ExampleMap {
                    model: model.clone(),
                    method: method.clone(),
                    map: plane(maps),
                })
                .collect(),
        }
    }
}

/// Damage according to the supervised patch network (label 1); none where it did not run.
fn supervised(run: &Run, scan: &str, slices: &ScanSlices) -> Result<Option<Array3<f32>>> {
    let path = run.outputs.supervised_map(scan);
    if !path.exists() {
        return Ok(None);
    }
    let labels = npy::read_f32(&path).doing("read the supervised map", &path)?;
    if labels.dim() != slices.images.dim() {
        return Err(Error::run(format!(
            "{} has shape {:?}, the slices of scan {scan} have {:?}",
            path.display(),
            labels.dim(),
            slices.images.dim()
        )));
    }
    Ok(Some(labels.mapv(|label| f32::from(u8::from(label == 1.0)))))
}

/// The middle slice of the first scan of every treatment, and of the other class.
///
/// A scan with maps is preferred: a protocol may map some scans only.
pub(super) fn examples(run: &Run, study: &Study) -> Result<Vec<ExampleSlice>> {
    let archive = SliceArchive::open(&run.outputs.slices())?;
    let mut groups: Vec<(u32, Option<&str>)> = Vec::new();
    let mut examples: Vec<ExampleSlice> = Vec::new();
    for (scan, specimen) in study.specimens.iter().enumerate() {
        let label = study.labels[scan];
        let treatment = (label == 1)
            .then_some(specimen.treatment.as_deref())
            .flatten();
        let known = groups.iter().position(|g| *g == (label, treatment));
        // the other class may have no maps at all: one slice of it will do
        if known.is_some_and(|at| label != 1 || !examples[at].maps.is_empty()) {
            continue;
        }
        let whole = Scan::read(run, study, &archive, scan)?;
        if whole.slices.indices.is_empty() {
            continue;
        }
        let example = whole.slice(study, scan, whole.slices.indices.len() / 2);
        match known {
            Some(at) if !example.maps.is_empty() => examples[at] = example,
            Some(_) => {}
            None => {
                groups.push((label, treatment));
                examples.push(example);
            }
        }
    }
    scale_for_the_eye(&mut examples);
    Ok(examples)
}

/// Slices for the browser: as many of every scan as fit, spread evenly, those of the mapped class first.
pub(super) fn album(run: &Run, study: &Study) -> Result<Album> {
    let archive = SliceArchive::open(&run.outputs.slices())?;
    let mut album = Album::new();
    let mut scans: Vec<usize> = (0..study.specimens.len()).collect();
    scans.sort_by_key(|scan| study.labels[*scan] != 1);
    let mut per_scan: Option<usize> = None;
    for (place, &scan) in scans.iter().enumerate() {
        run.interrupt.check()?;
        let whole = Scan::read(run, study, &archive, scan)?;
        let count = whole.slices.indices.len();
        let add = |album: &mut Album, at: usize| {
            let mut slice = [whole.slice(study, scan, at)];
            scale_for_the_eye(&mut slice);
            let name = &study.specimens[scan].scan;
            let [slice] = slice;
            album
                .add(&slice)
                .map_err(|e| failed(format!("slice browser, scan {name}"), e))
        };
        if whole.maps.is_empty() || count == 0 {
            album.leave_out(count);
            continue;
        }
        let wanted = match per_scan {
            Some(wanted) => wanted,
            None => {
                // the first slice tells how many have room
                let mut probe = Album::new();
                add(&mut probe, count / 2)?;
                let room = Album::BUDGET * 9 / 10 / probe.bytes().max(1);
                *per_scan.insert((room / (scans.len() - place)).max(1))
            }
        };
        let shown = wanted.min(count);
        for k in 0..shown {
            add(&mut album, (2 * k + 1) * count / (2 * shown))?;
        }
        album.leave_out(count - shown);
    }
    Ok(album)
}

/// Brings all slices to [0, 1] by one scale: black is the least value of any tissue (or 0), white the 99.5th percentile.
fn scale_for_the_eye(examples: &mut [ExampleSlice]) {
    let tissue = |image: &Array2<f32>, foreground: &Array2<bool>| -> Vec<f32> {
        let pixels = image.iter().zip(foreground);
        pixels
            .filter(|(_, inside)| **inside)
            .map(|(value, _)| *value)
            .collect()
    };
    let mut values: Vec<f32> = examples
        .iter()
        .flat_map(|e| tissue(&e.image, &e.foreground))
        .collect();
    values.sort_unstable_by(f32::total_cmp);
    let (Some(&least), Some(&high)) = (
        values.first(),
        values.get(values.len().saturating_sub(1) * 995 / 1000),
    ) else {
        return;
    };
    let low = least.min(0.0);
    let range = if high > low { high - low } else { 1.0 };
    for example in examples {
        ndarray::Zip::from(&mut example.image)
            .and(&example.foreground)
            .for_each(|pixel, &inside| {
                *pixel = if inside {
                    ((*pixel - low) / range).clamp(0.0, 1.0)
                } else {
                    0.0
                }
            });
    }
}
