//! Why a step of preprocessing failed.

use std::path::PathBuf;

/// What went wrong, with the values and the name or path involved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason the system gave.
        source: std::io::Error,
    },
    /// A sample sheet is not readable as CSV.
    #[error("{origin}: {source}")]
    Csv {
        /// The sheet, usually its path.
        origin: String,
        /// What the CSV reader says.
        source: csv::Error,
    },
    /// A sample sheet has no rows below its header.
    #[error("{origin}: no samples below the header")]
    EmptySheet {
        /// The sheet, usually its path.
        origin: String,
    },
    /// A required column is absent.
    #[error("{origin}, line 1: column `{column}` is missing; found: {}", found.join(", "))]
    MissingColumn {
        /// The sheet, usually its path.
        origin: String,
        /// The required column.
        column: &'static str,
        /// The header as found.
        found: Vec<String>,
    },
    /// A column this crate does not know.
    #[error("{origin}, line 1: unknown column `{column}`; known columns: {}", known.join(", "))]
    UnknownColumn {
        /// The sheet, usually its path.
        origin: String,
        /// The column as written.
        column: String,
        /// Every column a sheet may have.
        known: &'static [&'static str],
    },
    /// A column appears twice.
    #[error("{origin}, line 1: column `{column}` appears more than once")]
    RepeatedColumn {
        /// The sheet, usually its path.
        origin: String,
        /// The column.
        column: String,
    },
    /// A row has more or fewer fields than the header.
    #[error("{origin}, line {line}: {fields} fields where the header has {expected}")]
    RowLength {
        /// The sheet, usually its path.
        origin: String,
        /// Line in the file, from 1.
        line: u64,
        /// Fields in the row.
        fields: usize,
        /// Fields in the header.
        expected: usize,
    },
    /// A cell holds something else than its column asks for.
    #[error("{origin}, line {line}, column `{column}`: expected {expected}, got {value:?}")]
    BadValue {
        /// The sheet, usually its path.
        origin: String,
        /// Line in the file, from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// The cell as written.
        value: String,
        /// What the column takes.
        expected: &'static str,
    },
    /// Two rows describe the same scan.
    #[error("{origin}, line {line}, column `scan`: {scan:?} is already on line {first_line}")]
    DuplicateScan {
        /// The sheet, usually its path.
        origin: String,
        /// The scan named twice.
        scan: String,
        /// Line of the first row.
        first_line: u64,
        /// Line of the second row.
        line: u64,
    },
    /// An image has no pixels.
    #[error("image is empty: {rows} rows, {columns} columns")]
    EmptyImage {
        /// Rows given.
        rows: usize,
        /// Columns given.
        columns: usize,
    },
    /// A pixel is NaN or infinite.
    #[error("pixel {index:?} is {value}, finite values are needed")]
    NonFinite {
        /// Position of the first such pixel.
        index: Vec<usize>,
        /// Its value.
        value: f32,
    },
    /// Two arrays that must cover the same grid do not.
    #[error("shapes differ: {left:?} and {right:?}")]
    ShapeMismatch {
        /// Shape of the first array.
        left: Vec<usize>,
        /// Shape of the second array.
        right: Vec<usize>,
    },
    /// A configuration value is out of range.
    #[error("`{key}` must be {expected}, got {value}")]
    Config {
        /// The key.
        key: &'static str,
        /// The value given.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A name that is none of the canonical ones.
    #[error("unknown {what} `{name}`; known: {}", known.join(", "))]
    UnknownName {
        /// Kind of thing named.
        what: &'static str,
        /// The name given.
        name: String,
        /// The canonical names.
        known: &'static [&'static str],
    },
    /// An item lacks the identifier that the unit of splitting needs.
    #[error("scan {scan:?} has no {unit}, so it cannot be split by {unit}")]
    MissingGroup {
        /// The scan.
        scan: String,
        /// The unit of splitting.
        unit: crate::split::SplitUnit,
    },
    /// There are fewer groups than sides to fill.
    #[error("{groups} groups by {unit} cannot fill {needed} parts")]
    TooFewGroups {
        /// The unit of splitting.
        unit: crate::split::SplitUnit,
        /// Distinct groups.
        groups: usize,
        /// Folds, or sides of a hold-out split.
        needed: usize,
    },
    /// A class does not occur on one side of a split.
    #[error("class {class:?} is missing from the {role} side of fold {fold}")]
    ClassMissing {
        /// Fold, from 0.
        fold: usize,
        /// Side.
        role: crate::split::Role,
        /// The class.
        class: String,
    },
    /// A split names an item that does not exist.
    #[error("the split names item {index}, but there are only {items}")]
    ItemIndex {
        /// The index.
        index: usize,
        /// Items given.
        items: usize,
    },
    /// A rule about valid slices leaves none of a scan.
    #[error("no valid slice is left of scan {scan:?}, which has {slices}")]
    NoSlicesLeft {
        /// The scan.
        scan: String,
        /// Slices it has.
        slices: usize,
    },
    /// A cohort has no scan of this index.
    #[error("scan {index} of a cohort of {scans}")]
    ScanIndex {
        /// The index asked for.
        index: usize,
        /// Scans in the cohort.
        scans: usize,
    },
    /// A volume could not be made.
    #[error(transparent)]
    Volume(#[from] mri_io::Error),
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Refuses images without pixels and pixels without a finite value.
pub(crate) fn check_pixels<D: ndarray::Dimension>(
    pixels: ndarray::ArrayView<'_, f32, D>,
) -> Result<()> {
    if pixels.is_empty() {
        let shape = pixels.shape();
        let last = shape.len();
        return Err(Error::EmptyImage {
            rows: if last >= 2 { shape[last - 2] } else { 1 },
            columns: shape.last().copied().unwrap_or(0),
        });
    }
    // without a branch per pixel: the exponent of what is not finite has all its bits set
    let odd = |value: &f32| u32::from(value.to_bits() & 0x7f80_0000 == 0x7f80_0000);
    let finite = match pixels.as_slice() {
        Some(values) => values
            .chunks(4096)
            .all(|part| part.iter().map(odd).sum::<u32>() == 0),
        None => pixels.iter().all(|value| value.is_finite()),
    };
    if finite {
        return Ok(());
    }
    let position = pixels
        .iter()
        .position(|value| !value.is_finite())
        .unwrap_or(0);
    let value = pixels.iter().nth(position).copied().unwrap_or(f32::NAN);
    let mut rest = position;
    let mut index = vec![0; pixels.ndim()];
    for (axis, &length) in pixels.shape().iter().enumerate().rev() {
        index[axis] = rest % length;
        rest /= length;
    }
    Err(Error::NonFinite { index, value })
}
