//! What maps are compared with: the truth, the supervised reference, the annotators.

use mri_io::npy;
use ndarray::{Array2, Array3, ArrayView2, Axis};
use seg_metrics::{BitMask, Comparison};

use super::super::{Run, supervise};
use crate::config::switches::SupervisedMap;
use crate::error::{Context, Result, failed};
use crate::outputs::make_folder_of;
use crate::slices::{ScanSlices, resample};
use crate::study::Study;

/// What a map is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    /// The phantom's damage, from `analysis.truth_threshold` on.
    Truth,
    /// The patch network.
    Supervised,
    /// The annotator who taught it.
    Rater1,
    /// Another annotator.
    Rater2,
}

impl Reference {
    /// All of them, in the order of tables.
    pub(super) const ALL: [Self; 4] = [Self::Truth, Self::Supervised, Self::Rater1, Self::Rater2];

    /// Name in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Truth => "truth",
            Self::Supervised => "supervised",
            Self::Rater1 => "rater_1",
            Self::Rater2 => "rater_2",
        }
    }
}

/// A reference on one slice.
#[derive(Debug, Clone)]
pub(super) struct Plane {
    /// Damaged pixels.
    pub mask: BitMask,
    /// The tissue that counts, where that is not all of it.
    pub counted: Option<BitMask>,
}

/// Everything the maps of one scan are compared with.
#[derive(Debug)]
pub(super) struct ScanReferences {
    /// Whether the scan is of the mapped class; no other has references.
    pub positive: bool,
    /// Masks of every slice.
    pub masks: Vec<(Reference, Vec<Plane>)>,
    /// Soft truth, where it is known.
    pub truth: Option<Array3<f32>>,
}

impl ScanReferences {
    /// Reads what there is for a scan.
    ///
    /// # Errors
    ///
    /// [`Error::Run`](crate::error::Error::Run) names the file that cannot be used.
    pub(super) fn load(
        run: &Run,
        study: &Study,
        scan: usize,
        images: &ScanSlices,
        kernel: usize,
    ) -> Result<Self> {
        let name = &study.specimens[scan].scan;
        let positive = study.labels[scan] == 1;
        let mut references = Self {
            positive,
            masks: Vec::new(),
            truth: None,
        };
        if !positive {
            return Ok(references);
        }
        let what = |e: anyhow::Error| failed(format!("references of {name}"), e);
        if let Some(truth) = truth_of(run, name, images)? {
            let planes = truth.outer_iter().zip(images.foreground.outer_iter());
            let planes = planes.map(|(truth, tissue)| {
                let tissue = BitMask::from_bools(tissue);
                let level = run.config.analysis.truth_threshold;
                let mask =
                    BitMask::from_threshold(truth, level, Comparison::AtLeast, Some(&tissue))?;
                Ok(Plane {
                    mask,
                    counted: None,
                })
            });
            references.masks.push((
                Reference::Truth,
                planes.collect::<anyhow::Result<_>>().map_err(what)?,
            ));
            references.truth = Some(truth);
        }
        let path = run.outputs.supervised_labels(name);
        if supervise::is_possible(&run.config) && path.exists() {
            let labels = npy::read_f32(&path).doing("read", &path)?;
            let labels = smoothed(&labels, kernel).map_err(what)?;
            let path = run.outputs.supervised_map(name);
            make_folder_of(&path)?;
            npy::write_f32(&path, labels.mapv(f32::from).view()).doing("write", &path)?;
            references
                .masks
                .push((Reference::Supervised, planes(run, &labels, images)?));
        }
        for (rater, reference) in [(1, Reference::Rater1), (2, Reference::Rater2)] {
            let path = run.outputs.rater(rater, name);
            if supervise::is_possible(&run.config) && path.exists() {
                let labels = npy::read_f32(&path)
                    .doing("read", &path)?
                    .mapv(|label| label as u8);
                // what a rater leaves open is unknown under every protocol
                let planes = labels.outer_iter().zip(images.foreground.outer_iter());
                let planes = planes
                    .map(|(labels, tissue)| excluded(labels, tissue))
                    .collect();
                references.masks.push((reference, planes));
            }
        }
        Ok(references)
    }

    /// The planes of one reference.
    pub(super) fn get(&self, reference: Reference) -> Option<&[Plane]> {
        let found = self.masks.iter().find(|(other, _)| *other == reference);
        found.map(|(_, planes)| planes.as_slice())
    }
}

/// True damage of the slices that were kept, at the size of the maps, where it is known.
fn truth_of(run: &Run, scan: &str, images: &ScanSlices) -> Result<Option<Array3<f32>>> {
    if !run.config.is_synthetic() {
        return Ok(None);
    }
    let path = run.outputs.truth(scan);
    let all = npy::read_f32(&path).doing("read the truth", &path)?;
    let kept = all.select(Axis(0), &images.indices);
    Ok(Some(resample(kept, run.config.preprocess.image_size)))
}

/// Predicted labels after the majority filter.
pub(super) fn smoothed(labels: &Array3<f32>, kernel: usize) -> anyhow::Result<Array3<u8>> {
    let mut out = labels.mapv(|label| label as u8);
    if kernel > 1 {
        for mut plane in out.outer_iter_mut() {
            let filtered = fillet_preprocess::majority_filter(plane.view(), kernel)?;
            plane.assign(&filtered);
        }
    }
    Ok(out)
}

/// Masks of the supervised labels, unlabelled tissue as the protocol has it.
pub(super) fn planes(run: &Run, labels: &Array3<u8>, images: &ScanSlices) -> Result<Vec<Plane>> {
    let planes = labels.outer_iter().zip(images.foreground.outer_iter());
    Ok(match run.config.switches.supervised_map {
        SupervisedMap::SmoothedUnlabelledDamaged => planes
            .map(|(labels, tissue)| Plane {
                // 0 and 1 count as damaged, 2 does not
                mask: inside(labels, tissue, |label| label != 2),
                counted: None,
            })
            .collect(),
        SupervisedMap::AsPredicted | SupervisedMap::CentredUnlabelledExcluded => planes
            .map(|(labels, tissue)| excluded(labels, tissue))
            .collect(),
    })
}

fn excluded(labels: ArrayView2<'_, u8>, tissue: ArrayView2<'_, bool>) -> Plane {
    Plane {
        mask: inside(labels, tissue, |label| label == 1),
        counted: Some(inside(labels, tissue, |label| label != 0)),
    }
}

fn inside(
    labels: ArrayView2<'_, u8>,
    tissue: ArrayView2<'_, bool>,
    wanted: impl Fn(u8) -> bool,
) -> BitMask {
    let pixels: Array2<bool> = ndarray::Zip::from(labels)
        .and(tissue)
        .map_collect(|&label, &inside| inside && wanted(label));
    BitMask::from_bools(pixels.view())
}
