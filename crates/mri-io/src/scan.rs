//! One file or one folder -> one [`Volume`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{Array3, Axis};
use rayon::prelude::*;

use crate::dicom::header::{Header, dot};
use crate::order::{self, Ordered, Slice};
use crate::{Error, Problem, Rescale, Result, Spacing, Volume};

/// A scan, the files it came from, and what was odd about them.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanReading {
    /// The scan.
    pub volume: Volume,
    /// File of each slice, in the order of the slices.
    pub files: Vec<PathBuf>,
    /// What was odd, though it could be read.
    pub problems: Vec<Problem>,
}

/// Reads one scan: one DICOM file (of one or many frames), or one folder of slices.
///
/// Slices of a folder are put in order along their normal; scout images, repeated slices and
/// files that are not MR images are left out. Everything directly inside the folder counts as
/// one scan, and nothing outside it does, whatever series the headers claim. Frames of one
/// multi-frame file keep their order if it runs along the normal in either direction.
///
/// The distance of slices follows from their positions, else from Spacing Between Slices, else
/// from Slice Thickness. Values are never inverted (MONOCHROME1). To learn what was left out or
/// assumed, use [`read_scan_detailed`].
///
/// # Errors
///
/// Every error names the file or folder: [`Error::Io`], [`Error::NotDicom`], [`Error::NotMr`] for
/// a single file; [`Error::NoMrImage`], [`Error::SeveralSeries`], [`Error::MixedMatrix`],
/// [`Error::MixedOrientation`], [`Error::ConflictingSlices`] for a folder; and for either
/// [`Error::Truncated`], [`Error::MalformedDicom`], [`Error::MissingField`],
/// [`Error::InvalidField`], [`Error::PixelDecoding`], [`Error::UnsupportedTransferSyntax`],
/// [`Error::TooLarge`].
///
/// # Examples
///
/// ```
/// use mri_io::{ScanDescription, Spacing, Volume, read_scan, write_multi_frame};
/// use ndarray::Array3;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("scan.dcm");
/// let stored = Array3::from_shape_fn((3, 4, 5), |(s, r, c)| (100 * s + 10 * r + c) as i32);
/// let volume = Volume::new(stored, Spacing { slice_mm: 2.0, row_mm: 0.5, column_mm: 0.5 })?;
/// write_multi_frame(&path, &volume, &ScanDescription::synthetic("fillet 1"))?;
///
/// let read = read_scan(&path)?;
/// assert_eq!(read.stored(), volume.stored());
/// assert_eq!(read.spacing(), volume.spacing());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_scan(path: &Path) -> Result<Volume> {
    Ok(read_scan_detailed(path)?.volume)
}

/// [`read_scan`], with the files of the slices and what was odd about them.
///
/// # Errors
///
/// As [`read_scan`].
pub fn read_scan_detailed(path: &Path) -> Result<ScanReading> {
    let metadata = std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
    if metadata.is_dir() {
        read_folder(path)
    } else {
        read_file(path)
    }
}

fn read_file(path: &Path) -> Result<ScanReading> {
    Header::read_with(path, |header, frames| {
        header.require_mr()?;
        let ordered = order::order(&[header]);
        let mut stored = zeros(ordered.slices.len(), header);
        // one frame after the other unless each costs a decompression
        let decoded: Vec<Result<()>> = stored
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(&ordered.slices)
            .map(|(mut target, slice)| match target.as_slice_mut() {
                Some(target) => frames.decode(slice.frame, target),
                None => Ok(()),
            })
            .collect();
        // the first error in order, not the first in time
        decoded.into_iter().collect::<Result<()>>()?;
        assemble(&[header], ordered, stored, Vec::new())
    })
}

/// Files of a folder that could belong to a scan, by name; hidden and special ones left out.
fn candidates(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| Error::io(folder, e))? {
        let entry = entry.map_err(|e| Error::io(folder, e))?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // follows links, so that one to a folder or to nothing is left out
        let regular = std::fs::metadata(entry.path()).is_ok_and(|m| m.is_file());
        if regular && !hidden {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn read_folder(folder: &Path) -> Result<ScanReading> {
    let paths = candidates(folder)?;
    let mut problems = Vec::new();
    let mut headers = Vec::new();
    let read: Vec<Result<Header>> = paths
        .par_iter()
        .map(|path| Header::read(path).and_then(|h| h.require_mr().map(|()| h)))
        .collect();
    for (path, header) in paths.iter().zip(read) {
        match header {
            Ok(header) => headers.push(header),
            Err(error @ (Error::NotDicom { .. } | Error::NotMr { .. })) => {
                let reason = match error {
                    Error::NotDicom { .. } => "not a DICOM file",
                    _ => "not an MR image",
                };
                problems.push(Problem::FileLeftOut {
                    path: path.clone(),
                    reason: reason.to_owned(),
                });
            }
            Err(error) => return Err(error),
        }
    }
    if headers.is_empty() {
        return Err(Error::NoMrImage {
            folder: folder.to_path_buf(),
            files: paths.len(),
        });
    }
    let headers = leave_out_scouts(headers, folder, &mut problems)?;
    require_one_grid(&headers)?;
    problems.extend(order::repeated_instances(&headers));

    let files: Vec<&Header> = headers.iter().collect();
    let ordered = order::order(&files);
    let mut stored = zeros(ordered.slices.len(), files[0]);
    let mut slots: Vec<Vec<(usize, &mut [i32])>> = files.iter().map(|_| Vec::new()).collect();
    for (slice, target) in ordered.slices.iter().zip(stored.axis_iter_mut(Axis(0))) {
        if let Some(target) = target.into_slice() {
            slots[slice.file].push((slice.frame, target));
        }
    }
    let decoded: Vec<Result<()>> = slots
        .into_par_iter()
        .zip(&files)
        .map(|(slots, header)| {
            Header::read_with(&header.path, |now, frames| {
                // the file was read before; what it says may have changed since
                if now.layout != header.layout {
                    return Err(Error::MalformedDicom {
                        path: header.path.clone(),
                        source: "the file changed while it was read".into(),
                    });
                }
                slots
                    .into_iter()
                    .try_for_each(|(frame, target)| frames.decode(frame, target))
            })
        })
        .collect();
    decoded.into_iter().collect::<Result<()>>()?;
    let (ordered, stored) = leave_out_duplicates(&files, ordered, stored, &mut problems)?;
    assemble(&files, ordered, stored, problems)
}

/// Drops images marked as scouts, then series much smaller than the largest.
fn leave_out_scouts(
    headers: Vec<Header>,
    folder: &Path,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Header>> {
    let (scouts, rest): (Vec<_>, Vec<_>) = headers.into_iter().partition(Header::is_scout);
    let (mut left_out, headers) = if rest.is_empty() {
        (rest, scouts)
    } else {
        (scouts, rest)
    };

    let mut series: BTreeMap<Option<String>, Vec<Header>> = BTreeMap::new();
    for header in headers {
        series
            .entry(header.acquisition.series_uid.clone())
            .or_default()
            .push(header);
    }
    let slices = |h: &[Header]| h.iter().map(|h| h.frames.len()).sum::<usize>();
    let largest = series.values().map(|h| slices(h)).max().unwrap_or_default();
    let (main, small): (Vec<_>, Vec<_>) =
        series.into_values().partition(|h| 3 * slices(h) > largest);
    if main.len() > 1 {
        return Err(Error::SeveralSeries {
            folder: folder.to_path_buf(),
            series: main
                .iter()
                .map(|h| {
                    let a = &h[0].acquisition;
                    let name = a.series_description.as_ref().or(a.series_uid.as_ref());
                    format!(
                        "{} ({} slices)",
                        name.map_or("unnamed", String::as_str),
                        slices(h)
                    )
                })
                .collect(),
        });
    }
    left_out.extend(small.into_iter().flatten());
    if !left_out.is_empty() {
        let mut paths: Vec<PathBuf> = left_out.into_iter().map(|h| h.path).collect();
        paths.sort();
        problems.push(Problem::ScoutLeftOut { paths });
    }
    let mut headers: Vec<Header> = main.into_iter().flatten().collect();
    headers.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(headers)
}

/// All slices have the matrix of most and the direction of the first.
fn require_one_grid(headers: &[Header]) -> Result<()> {
    let mut counts: BTreeMap<[usize; 2], usize> = BTreeMap::new();
    for header in headers {
        *counts.entry(header.matrix()).or_default() += header.frames.len();
    }
    let usual = counts
        .iter()
        .max_by_key(|(_, n)| **n)
        .map(|(matrix, _)| *matrix);
    if let Some(expected) = usual
        && let Some(odd) = headers.iter().find(|h| h.matrix() != expected)
    {
        return Err(Error::MixedMatrix {
            path: odd.path.clone(),
            expected,
            found: odd.matrix(),
        });
    }
    let directions = || {
        headers
            .iter()
            .flat_map(|h| h.frames.iter().map(move |f| (h, f.orientation)))
    };
    let Some(first) = directions().find_map(|(_, o)| o) else {
        return Ok(());
    };
    let parallel = |other: crate::Orientation| {
        dot(first.normal(), other.normal()) > 0.99 && dot(first.along_row, other.along_row) > 0.99
    };
    match directions().find(|(_, o)| o.is_some_and(|o| !parallel(o))) {
        Some((odd, _)) => Err(Error::MixedOrientation {
            path: odd.path.clone(),
        }),
        None => Ok(()),
    }
}

/// Of slices at the same place, keeps the first if their values agree.
fn leave_out_duplicates(
    files: &[&Header],
    ordered: Ordered,
    stored: Array3<i32>,
    problems: &mut Vec<Problem>,
) -> Result<(Ordered, Array3<i32>)> {
    let Ordered {
        slices,
        spacing_mm,
        problems: odd,
    } = ordered;
    let shared = odd
        .iter()
        .any(|p| matches!(p, Problem::SharedPositions { .. }));
    let rescale = |s: &Slice| files[s.file].frames[s.frame].rescale;
    let mut kept: Vec<usize> = Vec::with_capacity(slices.len());
    for (index, slice) in slices.iter().enumerate() {
        let before = kept
            .last()
            .copied()
            .filter(|&k| !shared && order::same_place(&slices[k], slice));
        let Some(before) = before else {
            kept.push(index);
            continue;
        };
        let (first, second) = (&slices[before], slice);
        let same = rescale(first) == rescale(second)
            && stored.index_axis(Axis(0), before) == stored.index_axis(Axis(0), index);
        let (first, second) = (&files[first.file].path, &files[second.file].path);
        if !same {
            return Err(Error::ConflictingSlices {
                first: first.clone(),
                second: second.clone(),
            });
        }
        problems.push(Problem::DuplicateSlice {
            kept: first.clone(),
            dropped: second.clone(),
        });
    }
    if kept.len() == slices.len() {
        return Ok((
            Ordered {
                slices,
                spacing_mm,
                problems: odd,
            },
            stored,
        ));
    }
    let stored = stored.select(Axis(0), &kept);
    let slices: Vec<Slice> = kept.iter().map(|&k| slices[k]).collect();
    let problems = spacing_mm
        .map(|usual| order::gaps(&slices, usual))
        .unwrap_or_default();
    Ok((
        Ordered {
            slices,
            spacing_mm,
            problems,
        },
        stored,
    ))
}

fn zeros(slices: usize, header: &Header) -> Array3<i32> {
    Array3::zeros((slices, header.layout.rows, header.layout.columns))
}

fn assemble(
    files: &[&Header],
    ordered: Ordered,
    stored: Array3<i32>,
    mut problems: Vec<Problem>,
) -> Result<ScanReading> {
    let Ordered {
        slices,
        spacing_mm,
        problems: odd,
    } = ordered;
    problems.extend(odd);
    let first = files[slices[0].file];
    let [row_mm, column_mm] = first.pixel_spacing.unwrap_or_else(|| {
        problems.push(Problem::NoPixelSpacing);
        [1.0, 1.0]
    });
    let differs = |h: &&&Header| {
        h.pixel_spacing
            .zip(first.pixel_spacing)
            .is_some_and(|(a, b)| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-3 * b))
    };
    if let Some(odd) = files.iter().find(differs) {
        problems.push(Problem::MixedPixelSpacing {
            path: odd.path.clone(),
        });
    }
    // a stated distance that agrees is free of the rounding of positions
    let stated = first.spacing_between_slices;
    let slice_mm = match (spacing_mm, stated) {
        (Some(found), Some(stated)) if (found / stated - 1.0).abs() < 1e-4 => stated,
        (Some(found), _) => found,
        (None, _) => stated
            .or(first.acquisition.slice_thickness_mm)
            .unwrap_or_else(|| {
                problems.push(Problem::NoSliceSpacing);
                1.0
            }),
    };
    if first.layout.inverted {
        problems.push(Problem::Inverted);
    }
    let frames = || slices.iter().map(|s| &files[s.file].frames[s.frame]);
    let mut volume = Volume::new(
        stored,
        Spacing {
            slice_mm,
            row_mm,
            column_mm,
        },
    )?
    .with_rescale_per_slice(
        frames()
            .map(|f| f.rescale.unwrap_or(Rescale::IDENTITY))
            .collect(),
    )?
    .with_acquisition(first.acquisition.clone());
    if let Some(orientation) = frames().find_map(|f| f.orientation) {
        volume = volume.with_orientation(orientation);
    }
    if let Some(positions) = frames().map(|f| f.position).collect() {
        volume = volume.with_positions(positions)?;
    }
    let files = slices.iter().map(|s| files[s.file].path.clone()).collect();
    Ok(ScanReading {
        volume,
        files,
        problems,
    })
}
