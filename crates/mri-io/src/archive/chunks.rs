//! The chunks of a volume: slices packed in parallel, and unpacked without those around them.
//!
//! `hdf5-pure` 0.47 packs and unpacks one chunk after the other, and reserves what a damaged index
//! declares for a chunk before it has looked whether the file is that long. So chunks are packed
//! and unpacked here; where they lie is still its business.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Mutex;

use hdf5_pure::{Chunk, DType, Dataset, Datatype, DatatypeByteOrder};
use ndarray::{ArrayView3, Axis};
use rayon::prelude::*;
use zlib_rs::{DeflateConfig, InflateConfig, ReturnCode, Strategy};

const DEFLATE: u16 = 1;
const SHUFFLE: u16 = 2;

/// How a stored integer is kept in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    U8,
    I8,
    U16,
    I16,
    I32,
}

impl Kept {
    /// The narrowest kind that holds all values.
    pub(super) fn narrowest(stored: ArrayView3<'_, i32>) -> Self {
        let ends = |(least, most): (i32, i32), &v: &i32| (least.min(v), most.max(v));
        let start = (i32::MAX, i32::MIN);
        let found = match stored.as_slice() {
            Some(values) => values.iter().fold(start, ends),
            None => stored.iter().fold(start, ends),
        };
        match found {
            (0.., ..=0xff) => Self::U8,
            (0.., ..=0xffff) => Self::U16,
            (-0x8000.., ..=0x7fff) => Self::I16,
            _ => Self::I32,
        }
    }

    pub(super) fn of(kind: &DType) -> Option<Self> {
        Some(match kind {
            DType::U8 => Self::U8,
            DType::I8 => Self::I8,
            DType::U16 => Self::U16,
            DType::I16 => Self::I16,
            DType::I32 => Self::I32,
            _ => return None,
        })
    }

    /// Bytes of a value.
    pub(super) fn width(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::I32 => 4,
        }
    }

    fn widen(self, raw: u32) -> i32 {
        match self {
            Self::U8 | Self::U16 | Self::I32 => raw as i32,
            Self::I8 => i32::from(raw as i8),
            Self::I16 => i32::from(raw as i16),
        }
    }
}

/// Every slice as HDF5 stores it: shuffled (all first bytes, all second bytes …) and deflated.
///
/// Deflate looks for runs only. Noise has no longer repetitions to find, and without the search
/// packing is about twice as fast; the size changes by a few percent in either direction.
pub(super) fn pack(stored: ArrayView3<'_, i32>, kept: Kept, level: u32) -> Option<Vec<Vec<u8>>> {
    let slices: Vec<_> = stored.axis_iter(Axis(0)).collect();
    let width = kept.width();
    slices
        .into_par_iter()
        .map(|slice| {
            let mut planes = vec![0; width * slice.len()];
            let standard = slice.as_standard_layout();
            let values = standard.as_slice()?;
            for (byte, plane) in planes.chunks_exact_mut(slice.len()).enumerate() {
                for (to, &value) in plane.iter_mut().zip(values) {
                    *to = (value >> (8 * byte)) as u8;
                }
            }
            let mut packed = vec![0; zlib_rs::compress_bound(planes.len())];
            let config = DeflateConfig {
                strategy: Strategy::Rle,
                ..DeflateConfig::new(level as i32)
            };
            let (used, code) = zlib_rs::compress_slice(&mut packed, &planes, config);
            let length = used.len();
            packed.truncate(length);
            (code == ReturnCode::Ok).then_some(packed)
        })
        .collect()
}

/// Where the chunks of a volume lie, if they can be unpacked here.
pub(super) struct Chunks {
    chunks: Vec<Chunk>,
    kept: Kept,
    pixels: usize,
    shuffled: bool,
}

/// Why a chunk cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChunkError {
    #[error("slice {slice} is stored in {bytes} bytes at {address}, beyond the end of the file")]
    Outside {
        slice: u64,
        address: u64,
        bytes: u64,
    },
    #[error("slice {slice} cannot be unpacked")]
    Damaged { slice: u64 },
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Chunks {
    /// `None` unless there is one chunk per slice, shuffled or not, then deflated, of little-endian
    /// integers; everything else is left to the HDF5 library.
    pub(super) fn find(
        dataset: &Dataset,
        shape: [u64; 3],
        kept: Kept,
    ) -> Result<Option<Self>, hdf5_pure::Error> {
        let [slices, rows, columns] = shape;
        if dataset.chunk_shape()? != Some(vec![1, rows, columns]) {
            return Ok(None);
        }
        let filters: Vec<u16> = dataset.filter_pipeline().iter().map(|f| f.id).collect();
        let shuffled = match filters.as_slice() {
            [DEFLATE] => false,
            [SHUFFLE, DEFLATE] => true,
            _ => return Ok(None),
        };
        let little = matches!(
            dataset.datatype()?,
            Datatype::FixedPoint {
                byte_order: DatatypeByteOrder::LittleEndian,
                ..
            }
        );
        let mut chunks = dataset.chunks()?;
        chunks.sort_by_key(|chunk| chunk.offset.first().copied());
        let complete = chunks.len() as u64 == slices
            && chunks.iter().enumerate().all(|(slice, chunk)| {
                chunk.offset == [slice as u64, 0, 0] && chunk.filter_mask == 0
            });
        if !(complete && (little || kept.width() == 1)) {
            return Ok(None);
        }
        let Some(pixels) = rows
            .checked_mul(columns)
            .and_then(|n| usize::try_from(n).ok())
        else {
            return Ok(None);
        };
        Ok(Some(Self {
            chunks,
            kept,
            pixels,
            shuffled,
        }))
    }

    /// The stored integers of some slices, one after the other.
    pub(super) fn read(
        &self,
        file: &Mutex<File>,
        length: u64,
        range: Range<usize>,
    ) -> Result<Vec<i32>, ChunkError> {
        let chunks = &self.chunks[range];
        let packed = chunks
            .iter()
            .map(|chunk| self.fetch(file, length, chunk))
            .collect::<Result<Vec<_>, _>>()?;
        let mut stored = vec![0; chunks.len() * self.pixels];
        let unpacked: Vec<Result<(), ChunkError>> = stored
            .par_chunks_exact_mut(self.pixels)
            .zip(&packed)
            .zip(chunks)
            .map(|((target, packed), chunk)| {
                let slice = chunk.offset.first().copied().unwrap_or_default();
                self.unpack(packed, target)
                    .ok_or(ChunkError::Damaged { slice })
            })
            .collect();
        // the first error in order, not the first in time
        unpacked.into_iter().collect::<Result<(), _>>()?;
        Ok(stored)
    }

    fn fetch(&self, file: &Mutex<File>, length: u64, chunk: &Chunk) -> Result<Vec<u8>, ChunkError> {
        let (address, bytes) = (chunk.address, chunk.storage_size);
        if address.checked_add(bytes).is_none_or(|end| end > length) {
            return Err(ChunkError::Outside {
                slice: chunk.offset.first().copied().unwrap_or_default(),
                address,
                bytes,
            });
        }
        let mut packed = vec![0; bytes as usize];
        // a reader that failed half way leaves nothing behind that matters
        let mut file = file
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(SeekFrom::Start(address))?;
        file.read_exact(&mut packed)?;
        Ok(packed)
    }

    fn unpack(&self, packed: &[u8], target: &mut [i32]) -> Option<()> {
        let width = self.kept.width();
        let mut bytes = vec![0; width * self.pixels];
        let (used, code) = zlib_rs::decompress_slice(&mut bytes, packed, InflateConfig::default());
        if code != ReturnCode::Ok || used.len() != width * self.pixels {
            return None;
        }
        let kept = self.kept;
        match (width, self.shuffled) {
            (1, _) => {
                for (to, &byte) in target.iter_mut().zip(&bytes) {
                    *to = kept.widen(u32::from(byte));
                }
            }
            (2, true) => {
                let (low, high) = bytes.split_at(self.pixels);
                for ((to, &low), &high) in target.iter_mut().zip(low).zip(high) {
                    *to = kept.widen(u32::from(u16::from_le_bytes([low, high])));
                }
            }
            (_, true) => {
                for (byte, plane) in bytes.chunks_exact(self.pixels).enumerate() {
                    for (to, &value) in target.iter_mut().zip(plane) {
                        *to |= i32::from(value) << (8 * byte);
                    }
                }
            }
            (_, false) => {
                for (to, raw) in target.iter_mut().zip(bytes.chunks_exact(width)) {
                    let number = raw
                        .iter()
                        .rev()
                        .fold(0_u32, |number, &byte| number << 8 | u32::from(byte));
                    *to = kept.widen(number);
                }
            }
        }
        Some(())
    }
}
