//! A folder -> every series in it, with the numbers that tell whether they were read right.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use crate::dicom::header::Header;
use crate::order;
use crate::{Error, Problem, Result};

/// Deepest nesting of folders that is followed.
const MAX_DEPTH: usize = 32;

/// What [`list_series`] found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Listing {
    /// Images that belong together.
    Series(Series),
    /// A file or folder that claims to hold images but cannot be read.
    Unreadable(Unreadable),
}

impl Listing {
    /// First file, by which listings are sorted.
    #[must_use]
    pub fn first_file(&self) -> &Path {
        let (Self::Series(Series { files, .. }) | Self::Unreadable(Unreadable { files, .. })) =
            self;
        files.first().map_or(Path::new(""), PathBuf::as_path)
    }
}

/// A file or folder that cannot be read, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Path relative to the listed folder.
    pub files: Vec<PathBuf>,
    /// What is wrong.
    pub error: String,
}

/// Images of one folder with the same series UID, transfer syntax, matrix and sample format.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// Series Instance UID.
    pub series_uid: Option<String>,
    /// Paths relative to the listed folder, sorted.
    pub files: Vec<PathBuf>,
    /// Slices in all files.
    pub frames: usize,
    /// Rows of a slice.
    pub rows: usize,
    /// Columns of a slice.
    pub columns: usize,
    /// Bits that a stored value uses.
    pub bits_stored: u16,
    /// Transfer syntax UID.
    pub transfer_syntax: String,
    /// Sum of all stored values.
    pub stored_sum: i64,
    /// Smallest stored value.
    pub stored_min: i32,
    /// Largest stored value.
    pub stored_max: i32,
    /// Rescale slope of the first slice.
    pub rescale_slope: Option<f64>,
    /// Rescale intercept of the first slice.
    pub rescale_intercept: Option<f64>,
    /// `[slice, row, column]` in mm; `None` where none of the three is known.
    pub spacing_mm: Option<[Option<f64>; 3]>,
    /// What is odd about them.
    pub problems: Vec<String>,
}

/// Lists all series in a folder and the folders below it.
///
/// Files are grouped by folder, Series Instance UID, transfer syntax, rows, columns, bits stored
/// and pixel representation, and sorted by their first file. Repeated files are kept and named
/// among the problems. Hidden files and files that are not DICOM images are passed over; links to
/// folders are not followed. Images of any modality are listed.
///
/// # Errors
///
/// [`Error::Io`] if the folder itself cannot be read. What is wrong below it is listed.
///
/// # Examples
///
/// ```
/// use mri_io::{Listing, ScanDescription, Spacing, Volume, list_series, write_series};
///
/// let folder = tempfile::tempdir()?;
/// let volume = Volume::new(ndarray::Array3::from_elem((2, 3, 4), 7), Spacing::isotropic(1.5))?;
/// write_series(folder.path(), &volume, &ScanDescription::synthetic("fillet 1"))?;
///
/// let Listing::Series(series) = &list_series(folder.path())?[0] else { panic!() };
/// assert_eq!((series.frames, series.rows, series.columns), (2, 3, 4));
/// assert_eq!(series.stored_sum, 2 * 3 * 4 * 7);
/// assert_eq!(series.spacing_mm, Some([Some(1.5); 3]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn list_series(folder: &Path) -> Result<Vec<Listing>> {
    let mut walk = Walk {
        root: folder,
        files: Vec::new(),
        listings: Vec::new(),
    };
    walk.folder(folder, 0).map_err(|e| Error::io(folder, e))?;
    let Walk {
        files,
        mut listings,
        ..
    } = walk;
    let read: Vec<Result<Measured>> = files.par_iter().map(|path| Measured::read(path)).collect();
    let mut groups: BTreeMap<Key, Vec<Measured>> = BTreeMap::new();
    for (path, measured) in files.iter().zip(read) {
        match measured {
            Ok(measured) => groups.entry(measured.key()).or_default().push(measured),
            Err(Error::NotDicom { .. } | Error::NotMr { .. }) => {}
            Err(error) => listings.push(unreadable(folder, path, &error.to_string())),
        }
    }
    listings.extend(
        groups
            .into_values()
            .map(|group| Listing::Series(series(folder, &group))),
    );
    listings.sort_by(|a, b| a.first_file().cmp(b.first_file()));
    Ok(listings)
}

struct Walk<'a> {
    root: &'a Path,
    files: Vec<PathBuf>,
    listings: Vec<Listing>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> std::io::Result<()> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_name().to_string_lossy().starts_with('.') {
                paths.push((entry.path(), entry.file_type()?));
            }
        }
        paths.sort_by(|a, b| a.0.cmp(&b.0));
        for (path, kind) in paths {
            if kind.is_dir() {
                let problem = if depth == MAX_DEPTH {
                    Some("folders nested too deep".to_owned())
                } else {
                    self.folder(&path, depth + 1).err().map(|e| e.to_string())
                };
                let root = self.root;
                self.listings
                    .extend(problem.map(|error| unreadable(root, &path, &error)));
            } else if std::fs::metadata(&path).is_ok_and(|m| m.is_file()) {
                self.files.push(path);
            }
        }
        Ok(())
    }
}

fn relative(folder: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(folder).unwrap_or(path).to_path_buf()
}

fn unreadable(folder: &Path, path: &Path, error: &str) -> Listing {
    Listing::Unreadable(Unreadable {
        files: vec![relative(folder, path)],
        error: error.to_owned(),
    })
}

type Key = (
    Option<PathBuf>,
    Option<String>,
    Option<String>,
    [usize; 2],
    u16,
    bool,
);

/// One file with the sum and extremes of its stored values.
struct Measured {
    header: Header,
    sum: i64,
    least: i32,
    most: i32,
}

impl Measured {
    fn read(path: &Path) -> Result<Self> {
        Header::read_with(path, |header, frames| {
            let mut frame = vec![0; header.layout.pixels()];
            let (mut sum, mut least, mut most) = (0, i32::MAX, i32::MIN);
            for index in 0..header.layout.frames {
                frames.decode(index, &mut frame)?;
                for &value in &frame {
                    sum += i64::from(value);
                    least = least.min(value);
                    most = most.max(value);
                }
            }
            Ok(Self {
                header: header.clone(),
                sum,
                least,
                most,
            })
        })
    }

    fn key(&self) -> Key {
        let Header {
            path,
            acquisition,
            layout,
            ..
        } = &self.header;
        (
            path.parent().map(Path::to_path_buf),
            acquisition.series_uid.clone(),
            acquisition.transfer_syntax.clone(),
            self.header.matrix(),
            layout.bits_stored,
            layout.signed,
        )
    }
}

fn series(folder: &Path, group: &[Measured]) -> Series {
    let headers: Vec<&Header> = group.iter().map(|m| &m.header).collect();
    let first = headers[0];
    let ordered = order::order(&headers);
    let mut problems = ordered.problems;
    problems.extend(order::repeated_instances(headers.iter().copied()));
    let shared = ordered
        .slices
        .windows(2)
        .filter(|w| order::same_place(&w[0], &w[1]))
        .count();
    if headers.len() > 1 && shared > 0 {
        let frames = ordered.slices.len();
        problems.push(Problem::SharedPositions {
            frames,
            positions: frames - shared,
        });
    }
    if first.layout.inverted {
        problems.push(Problem::Inverted);
    }
    let rescale = |h: &Header| h.frames.first().and_then(|f| f.rescale);
    let mut problems: Vec<String> = problems
        .iter()
        .map(|problem| {
            problem
                .to_string()
                .replace(&format!("{}/", folder.display()), "")
        })
        .collect();
    if headers
        .iter()
        .flat_map(|h| &h.frames)
        .any(|f| f.rescale != rescale(first))
    {
        problems.push("rescale differs between slices".to_owned());
    }
    let slice_mm = ordered
        .spacing_mm
        .or(first.spacing_between_slices)
        .or(first.acquisition.slice_thickness_mm);
    let [row_mm, column_mm] = first.pixel_spacing.map_or([None; 2], |s| s.map(Some));
    let spacing = [slice_mm, row_mm, column_mm];
    Series {
        series_uid: first.acquisition.series_uid.clone(),
        files: headers.iter().map(|h| relative(folder, &h.path)).collect(),
        frames: headers.iter().map(|h| h.frames.len()).sum(),
        rows: first.layout.rows,
        columns: first.layout.columns,
        bits_stored: first.layout.bits_stored,
        transfer_syntax: first
            .acquisition
            .transfer_syntax
            .clone()
            .unwrap_or_default(),
        stored_sum: group.iter().map(|m| m.sum).sum(),
        stored_min: group.iter().map(|m| m.least).min().unwrap_or_default(),
        stored_max: group.iter().map(|m| m.most).max().unwrap_or_default(),
        rescale_slope: rescale(first).map(|r| r.slope),
        rescale_intercept: rescale(first).map(|r| r.intercept),
        spacing_mm: spacing.iter().any(Option::is_some).then_some(spacing),
        problems,
    }
}
