//! Slices in any order -> slices in their order in space.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::dicom::header::{Frame, Header, dot};
use crate::{Orientation, Problem};

/// One frame of one file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slice {
    /// Which file.
    pub(crate) file: usize,
    /// Which frame of it.
    pub(crate) frame: usize,
    /// Distance along the normal, mm, where the position is known.
    pub(crate) along: Option<f64>,
}

/// Slices in order.
#[derive(Debug, Clone)]
pub(crate) struct Ordered {
    pub(crate) slices: Vec<Slice>,
    /// Usual distance of neighbours, mm.
    pub(crate) spacing_mm: Option<f64>,
    pub(crate) problems: Vec<Problem>,
}

/// Positions closer than this are the same, mm.
const SAME_MM: f64 = 1e-3;

/// Puts the frames of `files` in order.
///
/// Along the normal where all positions are known; else by instance number, then file. One
/// multi-frame file whose frames already run along the normal in either direction keeps its order.
pub(crate) fn order(files: &[&Header]) -> Ordered {
    let mut slices: Vec<Slice> = Vec::new();
    let normal = normal(files);
    for (file, header) in files.iter().enumerate() {
        for (frame, Frame { position, .. }) in header.frames.iter().enumerate() {
            let along = position.zip(normal).map(|(p, n)| dot(p, n));
            slices.push(Slice { file, frame, along });
        }
    }
    let mut problems = Vec::new();
    let along: Option<Vec<f64>> = slices.iter().map(|s| s.along).collect();
    let Some(along) = along else {
        if slices.len() > 1 {
            problems.push(Problem::NoPositions);
        }
        let number = |s: &Slice| files[s.file].instance_number.unwrap_or(f64::INFINITY);
        slices.sort_by(|a, b| {
            number(a)
                .total_cmp(&number(b))
                .then(a.file.cmp(&b.file))
                .then(a.frame.cmp(&b.frame))
        });
        return Ordered {
            slices,
            spacing_mm: None,
            problems,
        };
    };

    let mut sorted = along.clone();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup_by(|b, a| (*b - *a).abs() < SAME_MM);
    let shared = sorted.len() < along.len();
    let one_file = files.len() == 1;
    if shared && one_file {
        problems.push(Problem::SharedPositions {
            frames: along.len(),
            positions: sorted.len(),
        });
    }
    let runs_along = one_file
        && (along.windows(2).all(|w| w[0] < w[1]) || along.windows(2).all(|w| w[0] > w[1]));
    if !(runs_along || one_file && shared) {
        let number = |s: &Slice| files[s.file].instance_number.unwrap_or(f64::INFINITY);
        slices.sort_by(|a, b| {
            let near = |x: Option<f64>| x.map_or(0.0, |x| (x / SAME_MM).round());
            near(a.along)
                .total_cmp(&near(b.along))
                .then(number(a).total_cmp(&number(b)))
                .then(a.file.cmp(&b.file))
                .then(a.frame.cmp(&b.frame))
        });
    }
    let mut steps: Vec<f64> = sorted.windows(2).map(|w| w[1] - w[0]).collect();
    steps.sort_by(f64::total_cmp);
    let spacing_mm = steps.get(steps.len() / 2).copied();
    if let Some(usual_mm) = spacing_mm.filter(|_| !shared) {
        problems.extend(gaps(&slices, usual_mm));
    }
    Ordered {
        slices,
        spacing_mm,
        problems,
    }
}

/// Neighbours more than one and a half times the usual distance apart.
pub(crate) fn gaps(slices: &[Slice], usual_mm: f64) -> Vec<Problem> {
    slices
        .windows(2)
        .enumerate()
        .filter_map(|(after_slice, w)| {
            let distance_mm = (w[1].along? - w[0].along?).abs();
            (distance_mm > 1.5 * usual_mm).then_some(Problem::Gap {
                after_slice,
                distance_mm,
                usual_mm,
            })
        })
        .collect()
}

/// Whether two neighbours lie at the same place.
pub(crate) fn same_place(a: &Slice, b: &Slice) -> bool {
    a.along
        .zip(b.along)
        .is_some_and(|(a, b)| (a - b).abs() < SAME_MM)
}

/// Files that claim to be the same instance.
pub(crate) fn repeated_instances<'a>(
    headers: impl IntoIterator<Item = &'a Header>,
) -> Vec<Problem> {
    let mut by_uid: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    for header in headers {
        if let Some(uid) = &header.sop_instance {
            by_uid.entry(uid).or_default().push(header.path.clone());
        }
    }
    by_uid
        .into_iter()
        .filter(|(_, paths)| paths.len() > 1)
        .map(|(uid, paths)| Problem::RepeatedInstanceUid {
            uid: uid.to_owned(),
            paths,
        })
        .collect()
}

/// Normal of the first slice; without an orientation, the axis along which positions vary most.
fn normal(files: &[&Header]) -> Option<[f64; 3]> {
    let frames = || files.iter().flat_map(|h| &h.frames);
    if let Some(orientation) = frames().find_map(|f| f.orientation) {
        return Some(Orientation::normal(&orientation));
    }
    let positions: Vec<[f64; 3]> = frames().filter_map(|f| f.position).collect();
    let extent = |axis: usize| {
        let values = positions.iter().map(|p| p[axis]);
        values.clone().fold(f64::MIN, f64::max) - values.fold(f64::MAX, f64::min)
    };
    let axis = (0..3).max_by(|&a, &b| extent(a).total_cmp(&extent(b)))?;
    let mut normal = [0.0; 3];
    normal[axis] = 1.0;
    (!positions.is_empty()).then_some(normal)
}
