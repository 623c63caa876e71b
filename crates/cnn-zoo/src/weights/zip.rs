//! The directory of a ZIP archive whose entries are stored uncompressed, as `torch.save` writes.
//!
//! Source: PKWARE's APPNOTE 6.3.10, with the 64-bit extension.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Signatures of the archive's records.
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
const ENTRY: u32 = 0x0201_4b50;
const LOCAL: u32 = 0x0403_4b50;
/// The longest comment behind the directory, with the end record and the 64-bit locator.
const TAIL: u64 = (1 << 16) + 22 + 20;

/// Where an entry's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) length: u64,
}

/// The entries of an archive by name.
#[derive(Debug)]
pub(super) struct Directory {
    entries: BTreeMap<String, Span>,
}

type Outcome<T> = Result<T, String>;

fn number(bytes: &[u8], at: usize, width: usize) -> Outcome<u64> {
    let field = at.checked_add(width).and_then(|end| bytes.get(at..end));
    let field = field.ok_or("the directory is cut off")?;
    Ok(field
        .iter()
        .rev()
        .fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

fn read_at(file: &mut File, start: u64, length: u64) -> Outcome<Vec<u8>> {
    file.seek(SeekFrom::Start(start))
        .map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    let count = file
        .take(length)
        .read_to_end(&mut bytes)
        .map_err(|e| e.to_string())?;
    if count as u64 == length {
        Ok(bytes)
    } else {
        Err("the archive is cut off".to_owned())
    }
}

impl Directory {
    /// Reads the directory at the end of an archive of `length` bytes.
    pub(super) fn read(file: &mut File, length: u64) -> Outcome<Self> {
        let tail_start = length.saturating_sub(TAIL);
        let tail = read_at(file, tail_start, length - tail_start)?;
        let end = (0..=tail.len().saturating_sub(22))
            .rev()
            .find(|&at| number(&tail, at, 4) == Ok(u64::from(END)))
            .ok_or("no ZIP directory at its end")?;
        let mut size = number(&tail, end + 12, 4)?;
        let mut start = number(&tail, end + 16, 4)?;
        if start == u64::from(u32::MAX) || size == u64::from(u32::MAX) {
            let locator = end.checked_sub(20).ok_or("the 64-bit locator is missing")?;
            if number(&tail, locator, 4)? != u64::from(LOCATOR_64) {
                return Err("the 64-bit locator is missing".to_owned());
            }
            let record = read_at(file, number(&tail, locator + 8, 8)?, 56)?;
            if number(&record, 0, 4)? != u64::from(END_64) {
                return Err("the 64-bit end record is missing".to_owned());
            }
            size = number(&record, 40, 8)?;
            start = number(&record, 48, 8)?;
        }
        if start.checked_add(size).is_none_or(|end| end > length) {
            return Err("the directory lies outside the file".to_owned());
        }
        let directory = read_at(file, start, size)?;
        let mut entries = BTreeMap::new();
        let mut at = 0;
        while at < directory.len() {
            let (name, local, stored, next) = entry(&directory, at)?;
            let header = read_at(file, local, 30)?;
            if number(&header, 0, 4)? != u64::from(LOCAL) {
                return Err(format!("{name}: its header is missing"));
            }
            let skip = 30 + number(&header, 26, 2)? + number(&header, 28, 2)?;
            let span = Span {
                start: local.saturating_add(skip),
                length: stored,
            };
            if span
                .start
                .checked_add(stored)
                .is_none_or(|end| end > length)
            {
                return Err(format!(
                    "{name}: {stored} bytes are more than the file holds"
                ));
            }
            entries.insert(name, span);
            at = next;
        }
        Ok(Self { entries })
    }

    pub(super) fn get(&self, name: &str) -> Option<Span> {
        self.entries.get(name).copied()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }
}

/// Name, position and length of the entry described at `at`, and where the next one is described.
fn entry(directory: &[u8], at: usize) -> Outcome<(String, u64, u64, usize)> {
    if number(directory, at, 4)? != u64::from(ENTRY) {
        return Err("the directory is damaged".to_owned());
    }
    let flags = number(directory, at + 8, 2)?;
    let method = number(directory, at + 10, 2)?;
    let packed = number(directory, at + 20, 4)?;
    let mut length = number(directory, at + 24, 4)?;
    let [name_length, extra_length, comment_length] = [
        number(directory, at + 28, 2)?,
        number(directory, at + 30, 2)?,
        number(directory, at + 32, 2)?,
    ]
    .map(|n| n as usize);
    let mut local = number(directory, at + 42, 4)?;
    let name_start = at + 46;
    let extra_start = name_start + name_length;
    let name = directory
        .get(name_start..extra_start)
        .ok_or("the directory is cut off")?;
    let name = String::from_utf8_lossy(name).into_owned();
    if method != 0 || flags & 1 != 0 {
        return Err(format!("{name}: it is compressed or encrypted"));
    }
    // The extended field holds, in this order, only what the plain fields have no room for.
    let extra = directory
        .get(extra_start..extra_start + extra_length)
        .ok_or("the directory is cut off")?;
    let mut field = 0;
    while field + 4 <= extra.len() {
        let (kind, size) = (
            number(extra, field, 2)?,
            number(extra, field + 2, 2)? as usize,
        );
        if kind == 1 {
            let mut value = field + 4;
            let mut wide = |narrow: u64| -> Outcome<u64> {
                if narrow != u64::from(u32::MAX) {
                    return Ok(narrow);
                }
                value += 8;
                number(extra, value - 8, 8)
            };
            length = wide(length)?;
            wide(packed)?;
            local = wide(local)?;
        }
        field += 4 + size;
    }
    let next = extra_start + extra_length + comment_length;
    Ok((name, local, length, next))
}
