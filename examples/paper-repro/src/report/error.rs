//! Why a report could not be written.

use std::path::PathBuf;

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file exists but could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file could not be written or renamed.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A table is not well-formed CSV.
    #[error("{}, line {line}: {reason}", path.display())]
    Csv {
        /// The table.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A field of a table does not hold what its column promises.
    #[error("{}, line {line}, column `{column}`: expected {expected}, found {value:?}", path.display())]
    Value {
        /// The table.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// The text found.
        value: String,
        /// What the column holds.
        expected: &'static str,
    },
    /// The arrays of an example slice cover different grids.
    #[error(
        "example slice {slice_index} of scan {scan:?}: {array} is {found:?} (rows, columns), the image is {image:?}"
    )]
    ExampleShape {
        /// The scan.
        scan: String,
        /// The slice, from 0.
        slice_index: usize,
        /// Which array differs.
        array: String,
        /// Shape of the image, `[rows, columns]`.
        image: [usize; 2],
        /// Shape found, `[rows, columns]`.
        found: [usize; 2],
    },
    /// An example slice could not be encoded as a picture.
    #[error("cannot encode the picture {what}: {source}")]
    Picture {
        /// What it shows.
        what: String,
        /// What the encoder said.
        source: image::ImageError,
    },
    /// The list of claims could not be read or written.
    #[error("cannot list the claims: {0}")]
    Claims(#[source] csv::Error),
    /// The numbers of a figure could not be put into a table.
    #[error("cannot write the numbers of a figure: {0}")]
    Data(#[source] csv::Error),
    /// The slices of the browser could not be put into the page.
    #[error("cannot put the slice browser together: {0}")]
    Browser(#[source] serde_json::Error),
    /// The page template could not be rendered.
    #[error("cannot render the report page: {0}")]
    Template(#[from] minijinja::Error),
}

/// Result of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;
