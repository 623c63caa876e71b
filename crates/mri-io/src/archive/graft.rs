//! Packed chunks -> an HDF5 file in memory that holds them, for the archive to copy from.
//!
//! `hdf5-pure` 0.47 cannot be given packed chunks. But it copies them as they are from another
//! file. So it writes a file of the same shape with empty slices, and their packed bytes are
//! replaced here: the new ones go to the end, and the index of the chunks and the end of the file
//! are set anew, with their checksums.
//!
//! # Source
//!
//! HDF5 File Format Specification 3.0: superblock version 2 and 3 (II.A), fixed array index
//! (VII.C), Jenkins' lookup3 checksum.

use hdf5_pure::{Chunk, File, FileBuilder};

use super::chunks::Kept;

/// Name of the dataset in the file.
pub(super) const DATASET: &str = "d";
/// Most chunks of an index that is not split into pages.
const MAX_CHUNKS: u64 = 1024;

/// A file in memory with one dataset, [`DATASET`], of empty slices.
#[derive(Debug)]
pub(super) struct Template {
    shape: [u64; 3],
    kept: Kept,
    bytes: Vec<u8>,
    chunks: Vec<Chunk>,
}

impl Template {
    /// `None` for shapes whose chunks have another index, or none.
    pub(super) fn new(
        shape: [u64; 3],
        kept: Kept,
        level: u32,
    ) -> Result<Option<Self>, hdf5_pure::Error> {
        let [slices, rows, columns] = shape;
        if !(2..=MAX_CHUNKS).contains(&slices) {
            return Ok(None);
        }
        let mut builder = FileBuilder::new();
        let dataset = builder.create_dataset(DATASET);
        let pixels = shape.iter().product::<u64>() as usize;
        match kept {
            Kept::U8 => dataset.with_data(&vec![0_u8; pixels]),
            Kept::I8 => dataset.with_data(&vec![0_i8; pixels]),
            Kept::U16 => dataset.with_data(&vec![0_u16; pixels]),
            Kept::I16 => dataset.with_data(&vec![0_i16; pixels]),
            Kept::I32 => dataset.with_data(&vec![0_i32; pixels]),
        };
        dataset
            .with_shape(&shape)
            .with_chunks(&[1, rows, columns])
            .with_shuffle()
            .with_deflate(level);
        let bytes = builder.finish()?;
        let chunks = File::from_bytes(bytes.clone())?
            .dataset(DATASET)?
            .chunks()?;
        Ok(Some(Self {
            shape,
            kept,
            bytes,
            chunks,
        }))
    }

    pub(super) fn fits(&self, shape: [u64; 3], kept: Kept) -> bool {
        self.shape == shape && self.kept == kept
    }

    /// The file with packed slices in place of the empty ones; `None` if it is not laid out as
    /// expected.
    pub(super) fn fill(&self, packed: &[Vec<u8>]) -> Result<Option<File>, hdf5_pure::Error> {
        let mut bytes = self.bytes.clone();
        match replace(&mut bytes, &self.chunks, packed) {
            Some(()) => File::from_bytes(bytes).map(Some),
            None => Ok(None),
        }
    }
}

/// Gives every chunk its packed bytes; `None` if the file is not laid out as expected.
fn replace(bytes: &mut Vec<u8>, chunks: &[Chunk], packed: &[Vec<u8>]) -> Option<()> {
    if chunks.len() != packed.len() {
        return None;
    }
    // signature, version, client, address of the header; one element per chunk; checksum
    let block = find(bytes, b"FADB")?;
    let header = find(bytes, b"FAHD")?;
    let element = usize::from(*bytes.get(header + 6)?);
    let size_bytes = element.checked_sub(8 + 4)?;
    let first = block + 4 + 1 + 1 + 8;
    let end = first + element * chunks.len();
    for (index, (chunk, packed)) in chunks.iter().zip(packed).enumerate() {
        let at = first + element * index;
        let record = bytes.get(at..at + element)?;
        if record[..8] != chunk.address.to_le_bytes()
            || little(&record[8..8 + size_bytes]) != chunk.storage_size
            || chunk.offset.first() != Some(&(index as u64))
        {
            return None;
        }
        let size = (packed.len() as u64).to_le_bytes();
        if size[size_bytes..].iter().any(|&byte| byte != 0) {
            return None;
        }
        let address = bytes.len() as u64;
        bytes[at..at + 8].copy_from_slice(&address.to_le_bytes());
        bytes[at + 8..at + 8 + size_bytes].copy_from_slice(&size[..size_bytes]);
        bytes.extend_from_slice(packed);
    }
    stamp(bytes, block, end)?;
    // superblock: signature, version, widths, flags; base, extension, end of file, root; checksum
    let superblock = find(bytes, b"\x89HDF\r\n\x1a\n")?;
    let end_of_file = bytes.len() as u64;
    if !matches!(bytes.get(superblock + 8)?, 2 | 3) || bytes.get(superblock + 9)? != &8 {
        return None;
    }
    bytes[superblock + 28..superblock + 36].copy_from_slice(&end_of_file.to_le_bytes());
    stamp(bytes, superblock, superblock + 44)
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|part| part == mark)
}

fn little(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// Writes the checksum of a structure behind it.
fn stamp(bytes: &mut [u8], from: usize, to: usize) -> Option<()> {
    let sum = lookup3(bytes.get(from..to)?);
    bytes
        .get_mut(to..to + 4)?
        .copy_from_slice(&sum.to_le_bytes());
    Some(())
}

/// Jenkins' lookup3 hash of bytes, with initial value 0.
fn lookup3(bytes: &[u8]) -> u32 {
    let word = |part: &[u8]| {
        part.iter()
            .rev()
            .fold(0_u32, |word, &byte| word << 8 | u32::from(byte))
    };
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let mut state = [start; 3];
    let mut rest = bytes;
    while rest.len() > 12 {
        let (part, after) = rest.split_at(12);
        add(&mut state, part, word);
        let [mut a, mut b, mut c] = state;
        for (turn, by) in [4, 6, 8, 16, 19, 4].into_iter().enumerate() {
            let (x, y, z) = match turn % 3 {
                0 => (&mut a, &mut c, &mut b),
                1 => (&mut b, &mut a, &mut c),
                _ => (&mut c, &mut b, &mut a),
            };
            // x −= y; x ^= y <<< by; y += z
            *x = x.wrapping_sub(*y) ^ y.rotate_left(by);
            *y = y.wrapping_add(*z);
        }
        state = [a, b, c];
        rest = after;
    }
    if rest.is_empty() {
        return state[2];
    }
    add(&mut state, rest, word);
    let [mut a, mut b, mut c] = state;
    for (turn, by) in [14, 11, 25, 16, 4, 14, 24].into_iter().enumerate() {
        let (x, y) = match turn % 3 {
            0 => (&mut c, &b),
            1 => (&mut a, &c),
            _ => (&mut b, &a),
        };
        *x = (*x ^ y).wrapping_sub(y.rotate_left(by));
    }
    c
}

fn add(state: &mut [u32; 3], part: &[u8], word: impl Fn(&[u8]) -> u32) {
    for (number, part) in state.iter_mut().zip(part.chunks(4)) {
        *number = number.wrapping_add(word(part));
    }
}

#[cfg(test)]
mod tests {
    use super::lookup3;

    #[test]
    fn checksums_are_those_of_the_published_code() {
        // driver5 of lookup3.c: "" -> deadbeef, this text -> 17770551
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }
}
