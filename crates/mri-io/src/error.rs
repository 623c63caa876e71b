//! Why a scan could not be read, kept or written.

use std::path::{Path, PathBuf};

/// The error of another library, kept as the source without making it part of this interface.
pub type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a scan could not be read, kept or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused: no such file, no permission, disk full.
    #[error("{}: {source}", path.display())]
    Io {
        /// File or folder concerned.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is not DICOM.
    #[error("{}: not a DICOM file", path.display())]
    NotDicom {
        /// File concerned.
        path: PathBuf,
    },
    /// The file is DICOM, but its structure cannot be followed.
    #[error("{}: malformed DICOM: {source}", path.display())]
    MalformedDicom {
        /// File concerned.
        path: PathBuf,
        /// What the parser said.
        source: Source,
    },
    /// The file is DICOM, but not a magnetic resonance image.
    #[error("{}: not an MR image (modality {modality}, SOP class {sop_class})", path.display())]
    NotMr {
        /// File concerned.
        path: PathBuf,
        /// Modality found, or `absent`.
        modality: String,
        /// SOP class UID found, or `absent`.
        sop_class: String,
    },
    /// The file ends before the data that its header declares.
    #[error(
        "{}: file is truncated: {what} needs {expected} bytes, {found} present",
        path.display()
    )]
    Truncated {
        /// File concerned.
        path: PathBuf,
        /// What is incomplete.
        what: String,
        /// Bytes that the header declares.
        expected: u64,
        /// Bytes present.
        found: u64,
    },
    /// The header declares more than this reader is ready to hold.
    #[error(
        "{}: {what} declares {declared} bytes, more than the limit of {limit}",
        path.display()
    )]
    TooLarge {
        /// File concerned.
        path: PathBuf,
        /// What is too large.
        what: String,
        /// Bytes declared.
        declared: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// A required field is absent.
    #[error("{}: {field} is missing", path.display())]
    MissingField {
        /// File concerned.
        path: PathBuf,
        /// DICOM keyword of the field.
        field: &'static str,
    },
    /// A field holds a value that makes no sense.
    #[error("{}: {field} is {value}, expected {expected}", path.display())]
    InvalidField {
        /// File concerned.
        path: PathBuf,
        /// DICOM keyword of the field.
        field: &'static str,
        /// Value found.
        value: String,
        /// What would be valid.
        expected: &'static str,
    },
    /// The pixels are stored in a way that this build cannot decode.
    #[error("{}: transfer syntax {uid} is not supported", path.display())]
    UnsupportedTransferSyntax {
        /// File concerned.
        path: PathBuf,
        /// UID of the transfer syntax.
        uid: String,
    },
    /// Compressed pixels could not be decoded.
    #[error("{}: frame {frame} of the pixel data cannot be decoded: {source}", path.display())]
    PixelDecoding {
        /// File concerned.
        path: PathBuf,
        /// Frame concerned, counted from 0.
        frame: usize,
        /// What the decoder said.
        source: Source,
    },
    /// The folder holds no MR image.
    #[error("{}: no MR image in this folder ({files} files looked at)", folder.display())]
    NoMrImage {
        /// Folder concerned.
        folder: PathBuf,
        /// Number of files looked at.
        files: usize,
    },
    /// The slices of one scan differ in matrix size.
    #[error(
        "{}: matrix is {found:?} (rows, columns), but other slices of the scan have {expected:?}",
        path.display()
    )]
    MixedMatrix {
        /// First file that differs.
        path: PathBuf,
        /// Matrix of most slices, `[rows, columns]`.
        expected: [usize; 2],
        /// Matrix of this file, `[rows, columns]`.
        found: [usize; 2],
    },
    /// The slices of one scan differ in orientation.
    #[error("{}: slice is not parallel to the other slices of the scan", path.display())]
    MixedOrientation {
        /// First file that differs.
        path: PathBuf,
    },
    /// Two slices of one scan lie at the same place with different pixels.
    #[error(
        "{} and {}: same position, different pixels; put one scan into one folder",
        first.display(),
        second.display()
    )]
    ConflictingSlices {
        /// First file.
        first: PathBuf,
        /// Second file.
        second: PathBuf,
    },
    /// The folder holds several series, and none of them is plainly the scan.
    #[error(
        "{}: several series, none plainly the scan: {}; put one scan into one folder",
        folder.display(),
        series.join(", ")
    )]
    SeveralSeries {
        /// Folder concerned.
        folder: PathBuf,
        /// Description or UID of each, with its number of slices.
        series: Vec<String>,
    },
    /// An array has the wrong shape.
    #[error("{what} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// What was given.
        what: &'static str,
        /// Shape expected.
        expected: Vec<usize>,
        /// Shape found.
        found: Vec<usize>,
    },
    /// A volume without a single pixel.
    #[error("a volume needs at least one pixel, got shape {0:?} (slices, rows, columns)")]
    EmptyVolume([usize; 3]),
    /// A distance between pixels is not a positive number.
    #[error("{axis} spacing must be a positive number of millimetres, got {value}")]
    Spacing {
        /// Which axis.
        axis: &'static str,
        /// Value given, mm.
        value: f64,
    },
    /// A rescale slope or intercept is unusable.
    #[error(
        "rescale of slice {slice} must be finite with a slope other than 0, got slope {slope}, intercept {intercept}"
    )]
    Rescale {
        /// Slice concerned, counted from 0.
        slice: usize,
        /// Slope given.
        slope: f64,
        /// Intercept given.
        intercept: f64,
    },
    /// A stored value does not fit into the declared number of bits.
    #[error("stored value {value} does not fit into {bits} {signedness} bits")]
    ValueOutOfRange {
        /// Value given.
        value: i32,
        /// Bits stored.
        bits: u16,
        /// `signed` or `unsigned`.
        signedness: &'static str,
    },
    /// A description of a scan cannot be written as asked.
    #[error("{field} cannot be written: {reason}")]
    Description {
        /// Field concerned.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The archive or one of its entries cannot be read or written.
    #[error("{}: {entry}: {source}", path.display())]
    Archive {
        /// Archive concerned.
        path: PathBuf,
        /// Dataset, group or attribute concerned.
        entry: String,
        /// What the HDF5 library said, or what does not fit.
        source: Source,
    },
    /// The archive has no such entry.
    #[error("{}: no entry {entry}", path.display())]
    NoSuchEntry {
        /// Archive concerned.
        path: PathBuf,
        /// Name asked for.
        entry: String,
    },
    /// The archive was written by a later version of this crate.
    #[error(
        "{}: archive format {found} is newer than {supported}, the newest known here; update this program",
        path.display()
    )]
    NewerFormat {
        /// Archive concerned.
        path: PathBuf,
        /// Format version found.
        found: i64,
        /// Newest version that can be read.
        supported: i64,
    },
    /// A name cannot be used for an entry of an archive.
    #[error("{name:?} is not a name for an entry: {reason}")]
    EntryName {
        /// Name given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The slices asked for do not exist.
    #[error("{}: {entry} has {slices} slices, asked for {start}..{end}", path.display())]
    SliceRange {
        /// Archive concerned.
        path: PathBuf,
        /// Entry concerned.
        entry: String,
        /// First slice asked for.
        start: usize,
        /// One past the last slice asked for.
        end: usize,
        /// Slices present.
        slices: usize,
    },
    /// The file is not a NIfTI image that is read here, or the volume cannot be written as one.
    #[error("{}: NIfTI: {reason}", path.display())]
    Nifti {
        /// File concerned.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file is not an array in NumPy's format, or not one that is read here.
    #[error("{}: not a readable npy array: {reason}", path.display())]
    Npy {
        /// File concerned.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_path_buf(),
            source,
        }
    }
}
