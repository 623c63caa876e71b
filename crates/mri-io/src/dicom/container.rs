//! A file -> its data set, whatever wrapping it comes in (gzip, preamble or none, deflate).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use dicom::dictionary_std::{tags, uids};
use flate2::read::{DeflateDecoder, MultiGzDecoder};

use super::dataset::{self, DataSet, Encoding, StructureError};
use crate::{Error, Result};

/// Retired, but still found.
pub(crate) const EXPLICIT_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
/// Largest file that is read, bytes.
const MAX_FILE: u64 = 4 << 30;
/// Largest result of unpacking a gzip file or a deflated data set, bytes.
const MAX_UNPACKED: u64 = 1 << 30;

/// The bytes of one file, unwrapped as far as the data set.
pub(crate) struct Container {
    bytes: Vec<u8>,
    start: usize,
    encoding: Encoding,
    /// UID of the transfer syntax; guessed where the file does not say.
    pub(crate) transfer_syntax: String,
    /// Whether the file says by itself that it is DICOM.
    pub(crate) declared: bool,
}

impl Container {
    /// Reads and unwraps a file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = read_bounded(path)?;
        let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
            unpack(
                MultiGzDecoder::new(bytes.as_slice()),
                path,
                "the gzip stream",
            )?
        } else {
            bytes
        };
        Self::from_bytes(bytes, path)
    }

    /// Finds the data set in the bytes of a file.
    pub(crate) fn from_bytes(bytes: Vec<u8>, path: &Path) -> Result<Self> {
        let (start, declared) = if bytes.get(128..132) == Some(b"DICM") {
            (132, true)
        } else if bytes.starts_with(b"DICM") {
            (4, true)
        } else {
            (0, false)
        };
        let body = bytes.get(start..).unwrap_or_default();
        if body.starts_with(&[0x02, 0x00]) && body.get(4..6).is_some_and(is_vr) {
            let meta = dataset::parse_meta(body).map_err(|e| structure_error(path, e))?;
            let transfer_syntax =
                meta.dataset
                    .text(tags::TRANSFER_SYNTAX_UID)
                    .ok_or(Error::MissingField {
                        path: path.to_path_buf(),
                        field: "TransferSyntaxUID",
                    })?;
            let start = start + meta.end;
            return Self::with_syntax(bytes, start, transfer_syntax, true, path);
        }
        let guess = guess_syntax(body).ok_or_else(|| Error::NotDicom {
            path: path.to_path_buf(),
        })?;
        Self::with_syntax(bytes, start, guess.to_owned(), declared, path)
    }

    fn with_syntax(
        mut bytes: Vec<u8>,
        mut start: usize,
        transfer_syntax: String,
        declared: bool,
        path: &Path,
    ) -> Result<Self> {
        let encoding = match transfer_syntax.as_str() {
            uids::IMPLICIT_VR_LITTLE_ENDIAN => Encoding::IMPLICIT_LITTLE,
            EXPLICIT_BIG_ENDIAN => Encoding::EXPLICIT_BIG,
            uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => {
                let packed = bytes.get(start..).unwrap_or_default();
                bytes = unpack(DeflateDecoder::new(packed), path, "the deflated data set")?;
                start = 0;
                Encoding::EXPLICIT_LITTLE
            }
            _ => Encoding::EXPLICIT_LITTLE,
        };
        Ok(Self {
            bytes,
            start,
            encoding,
            transfer_syntax,
            declared,
        })
    }

    /// The bytes of the data set, unpacked.
    pub(crate) fn body(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// UID of the transfer syntax of [`body`](Self::body).
    pub(crate) fn unpacked_syntax(&self) -> &str {
        match self.transfer_syntax.as_str() {
            uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => uids::EXPLICIT_VR_LITTLE_ENDIAN,
            other => other,
        }
    }

    /// Walks the data set up to its pixels.
    pub(crate) fn parse<'a>(&'a self, path: &Path) -> Result<DataSet<'a>> {
        dataset::parse(self.body(), self.encoding).map_err(|error| match &error {
            // without a mark, only a walk that reached the pixels shows that it is DICOM
            StructureError::Truncated { what, .. } if what.starts_with("PixelData") => {
                structure_error(path, error)
            }
            _ if self.declared => structure_error(path, error),
            _ => Error::NotDicom {
                path: path.to_path_buf(),
            },
        })
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    let io = |source| Error::io(path, source);
    let metadata = std::fs::metadata(path).map_err(io)?;
    if !metadata.is_file() {
        return Err(io(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "not a regular file",
        )));
    }
    if metadata.len() > MAX_FILE {
        return Err(Error::TooLarge {
            path: path.to_path_buf(),
            what: "the file".to_owned(),
            declared: metadata.len(),
            limit: MAX_FILE,
        });
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    File::open(path)
        .map_err(io)?
        .take(MAX_FILE)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    Ok(bytes)
}

fn unpack(stream: impl Read, path: &Path, what: &'static str) -> Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    stream
        .take(MAX_UNPACKED + 1)
        .read_to_end(&mut unpacked)
        .map_err(|source| Error::MalformedDicom {
            path: path.to_path_buf(),
            source: format!("{what} cannot be unpacked: {source}").into(),
        })?;
    if unpacked.len() as u64 > MAX_UNPACKED {
        return Err(Error::TooLarge {
            path: path.to_path_buf(),
            what: what.to_owned(),
            declared: unpacked.len() as u64,
            limit: MAX_UNPACKED,
        });
    }
    Ok(unpacked)
}

fn is_vr(code: &[u8]) -> bool {
    code.len() == 2 && code.iter().all(u8::is_ascii_uppercase)
}

/// A data set without file meta information starts with group 0008.
fn guess_syntax(body: &[u8]) -> Option<&'static str> {
    let head = body.get(..8)?;
    match (&head[..4], is_vr(&head[4..6])) {
        ([0x08, 0x00, 0x00..=0x18, 0x00], true) => Some(uids::EXPLICIT_VR_LITTLE_ENDIAN),
        ([0x08, 0x00, 0x00..=0x18, 0x00], false) => Some(uids::IMPLICIT_VR_LITTLE_ENDIAN),
        ([0x00, 0x08, 0x00, 0x00..=0x18], true) => Some(EXPLICIT_BIG_ENDIAN),
        _ => None,
    }
}

pub(crate) fn structure_error(path: &Path, error: StructureError) -> Error {
    match error {
        StructureError::Truncated {
            what,
            expected,
            found,
        } => Error::Truncated {
            path: path.to_path_buf(),
            what,
            expected,
            found,
        },
        other => Error::MalformedDicom {
            path: path.to_path_buf(),
            source: other.into(),
        },
    }
}
