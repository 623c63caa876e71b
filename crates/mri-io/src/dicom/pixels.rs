//! Pixel data -> stored integers, with unused bits removed and the sign extended.

use std::path::Path;

use dicom::core::VR;
use dicom::dictionary_std::{tags, uids};

use super::codec;
use super::container::EXPLICIT_BIG_ENDIAN;
use super::dataset::{Content, DataSet};
use super::rle;
use crate::{Error, Result};

/// Most frames that one file may declare.
const MAX_FRAMES: f64 = 100_000.0;

/// How the samples of a file are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) frames: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) bits_allocated: u16,
    pub(crate) bits_stored: u16,
    pub(crate) high_bit: u16,
    pub(crate) signed: bool,
    pub(crate) inverted: bool,
}

impl Layout {
    /// Reads the image pixel module and checks it against the bytes present.
    pub(crate) fn read(dataset: &DataSet<'_>, transfer_syntax: &str, path: &Path) -> Result<Self> {
        let missing = |field| Error::MissingField {
            path: path.to_path_buf(),
            field,
        };
        let invalid = |field, value: String, expected| Error::InvalidField {
            path: path.to_path_buf(),
            field,
            value,
            expected,
        };
        if dataset.element(tags::PIXEL_DATA).is_none() {
            return Err(missing("PixelData"));
        }
        let rows = usize::from(dataset.u16(tags::ROWS).ok_or_else(|| missing("Rows"))?);
        let columns = usize::from(
            dataset
                .u16(tags::COLUMNS)
                .ok_or_else(|| missing("Columns"))?,
        );
        if rows == 0 || columns == 0 {
            return Err(invalid(
                "Rows, Columns",
                format!("{rows}, {columns}"),
                "at least 1",
            ));
        }
        let frames = match dataset.number(tags::NUMBER_OF_FRAMES) {
            None => 1,
            Some(n) if n.fract() == 0.0 && (1.0..=MAX_FRAMES).contains(&n) => n as usize,
            Some(n) => return Err(invalid("NumberOfFrames", n.to_string(), "1 to 100000")),
        };
        let samples = dataset.u16(tags::SAMPLES_PER_PIXEL).unwrap_or(1);
        if samples != 1 {
            return Err(invalid(
                "SamplesPerPixel",
                samples.to_string(),
                "1 (grey levels)",
            ));
        }
        let photometric = dataset.text(tags::PHOTOMETRIC_INTERPRETATION);
        let inverted = match photometric.as_deref() {
            Some("MONOCHROME2") | None => false,
            Some("MONOCHROME1") => true,
            Some(other) => {
                return Err(invalid(
                    "PhotometricInterpretation",
                    other.to_owned(),
                    "MONOCHROME1 or MONOCHROME2",
                ));
            }
        };
        let bits_allocated = dataset
            .u16(tags::BITS_ALLOCATED)
            .ok_or_else(|| missing("BitsAllocated"))?;
        if ![8, 16, 32].contains(&bits_allocated) {
            return Err(invalid(
                "BitsAllocated",
                bits_allocated.to_string(),
                "8, 16 or 32",
            ));
        }
        let bits_stored = dataset.u16(tags::BITS_STORED).unwrap_or(bits_allocated);
        if bits_stored == 0 || bits_stored > bits_allocated {
            return Err(invalid(
                "BitsStored",
                bits_stored.to_string(),
                "1 to BitsAllocated",
            ));
        }
        let high_bit = dataset.u16(tags::HIGH_BIT).unwrap_or(bits_stored - 1);
        if high_bit >= bits_allocated || high_bit + 1 < bits_stored {
            return Err(invalid(
                "HighBit",
                high_bit.to_string(),
                "BitsStored − 1 to BitsAllocated − 1",
            ));
        }
        let signed = match dataset.u16(tags::PIXEL_REPRESENTATION) {
            None | Some(0) => false,
            Some(1) => true,
            Some(n) => return Err(invalid("PixelRepresentation", n.to_string(), "0 or 1")),
        };
        let layout = Self {
            frames,
            rows,
            columns,
            bits_allocated,
            bits_stored,
            high_bit,
            signed,
            inverted,
        };
        layout.check_extent(dataset, transfer_syntax, path)?;
        Ok(layout)
    }

    /// Pixels of one frame.
    pub(crate) fn pixels(&self) -> usize {
        self.rows * self.columns
    }

    fn width(&self) -> usize {
        usize::from(self.bits_allocated / 8)
    }

    fn frame_bytes(&self) -> usize {
        self.pixels() * self.width()
    }

    /// No more is declared than the bytes present can hold.
    fn check_extent(&self, dataset: &DataSet<'_>, syntax: &str, path: &Path) -> Result<()> {
        let declared = self.frame_bytes() as u64 * self.frames as u64;
        let truncated = |what: &str, expected, found| Error::Truncated {
            path: path.to_path_buf(),
            what: what.to_owned(),
            expected,
            found,
        };
        match dataset.element(tags::PIXEL_DATA).map(|e| &e.content) {
            Some(Content::Bytes(bytes)) => {
                if is_encapsulated(syntax) {
                    return Err(Error::MalformedDicom {
                        path: path.to_path_buf(),
                        source: "compressed pixel data is not in fragments".into(),
                    });
                }
                if declared > bytes.len() as u64 {
                    return Err(truncated("PixelData", declared, bytes.len() as u64));
                }
            }
            Some(Content::Fragments(fragments)) => {
                let present = fragments.len().saturating_sub(1);
                if self.frames > present {
                    return Err(Error::Truncated {
                        path: path.to_path_buf(),
                        what: format!("PixelData ({} frames in {present} fragments)", self.frames),
                        expected: self.frames as u64,
                        found: present as u64,
                    });
                }
                // no compression of images with noise comes near this ratio
                let packed: u64 = fragments.iter().map(|f| f.len() as u64).sum();
                let limit = packed.saturating_mul(1024);
                if declared > limit {
                    return Err(Error::TooLarge {
                        path: path.to_path_buf(),
                        what: format!("PixelData ({packed} compressed bytes)"),
                        declared,
                        limit,
                    });
                }
            }
            _ => {
                return Err(Error::MissingField {
                    path: path.to_path_buf(),
                    field: "PixelData",
                });
            }
        }
        Ok(())
    }

    /// Turns little- or big-endian samples of one frame into stored integers.
    fn widen(&self, bytes: &[u8], width: usize, big_endian: bool, target: &mut [i32]) {
        let shift = u32::from(self.high_bit + 1 - self.bits_stored);
        let unused = 32 - u32::from(self.bits_stored);
        let signed = self.signed;
        let clean = |word: u32| {
            let aligned = (word >> shift) << unused;
            if signed {
                (aligned as i32) >> unused
            } else {
                (aligned >> unused) as i32
            }
        };
        match (width, big_endian) {
            (1, _) => {
                target
                    .iter_mut()
                    .zip(bytes)
                    .for_each(|(t, &b)| *t = clean(u32::from(b)));
            }
            (2, false) => target
                .iter_mut()
                .zip(bytes.chunks_exact(2))
                .for_each(|(t, b)| *t = clean(u32::from(u16::from_le_bytes([b[0], b[1]])))),
            (2, true) => target
                .iter_mut()
                .zip(bytes.chunks_exact(2))
                .for_each(|(t, b)| *t = clean(u32::from(u16::from_be_bytes([b[0], b[1]])))),
            (_, false) => target
                .iter_mut()
                .zip(bytes.chunks_exact(4))
                .for_each(|(t, b)| *t = clean(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
            (_, true) => target
                .iter_mut()
                .zip(bytes.chunks_exact(4))
                .for_each(|(t, b)| *t = clean(u32::from_be_bytes([b[0], b[1], b[2], b[3]]))),
        }
    }
}

fn is_encapsulated(transfer_syntax: &str) -> bool {
    !matches!(
        transfer_syntax,
        uids::IMPLICIT_VR_LITTLE_ENDIAN
            | uids::EXPLICIT_VR_LITTLE_ENDIAN
            | EXPLICIT_BIG_ENDIAN
            | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
    )
}

/// The pixel data of one file, frame by frame.
pub(crate) struct Frames<'a> {
    layout: Layout,
    transfer_syntax: &'a str,
    path: &'a Path,
    source: FrameSource<'a>,
}

enum FrameSource<'a> {
    Native {
        bytes: &'a [u8],
        big_endian: bool,
        swapped: bool,
    },
    Packed(Vec<Vec<&'a [u8]>>),
}

impl<'a> Frames<'a> {
    pub(crate) fn open(
        dataset: &'a DataSet<'a>,
        layout: Layout,
        transfer_syntax: &'a str,
        path: &'a Path,
    ) -> Result<Self> {
        let element = dataset
            .element(tags::PIXEL_DATA)
            .ok_or(Error::MissingField {
                path: path.to_path_buf(),
                field: "PixelData",
            })?;
        let source = match &element.content {
            Content::Bytes(bytes) => {
                let big_endian = dataset.encoding.big_endian;
                // 8-bit samples in big-endian 16-bit words come in swapped pairs
                let swapped = big_endian && layout.bits_allocated == 8 && element.vr == VR::OW;
                FrameSource::Native {
                    bytes,
                    big_endian,
                    swapped,
                }
            }
            Content::Fragments(fragments) => {
                FrameSource::Packed(group_fragments(fragments, layout.frames).ok_or_else(|| {
                    Error::MalformedDicom {
                        path: path.to_path_buf(),
                        source: format!(
                            "{} fragments cannot be assigned to {} frames",
                            fragments.len().saturating_sub(1),
                            layout.frames
                        )
                        .into(),
                    }
                })?)
            }
            Content::Items(_) => {
                return Err(Error::MissingField {
                    path: path.to_path_buf(),
                    field: "PixelData",
                });
            }
        };
        Ok(Self {
            layout,
            transfer_syntax,
            path,
            source,
        })
    }

    /// Writes the stored integers of one frame into `target`, which has room for all of them.
    pub(crate) fn decode(&self, frame: usize, target: &mut [i32]) -> Result<()> {
        let layout = &self.layout;
        match &self.source {
            FrameSource::Native {
                bytes,
                big_endian,
                swapped,
            } => {
                let size = layout.frame_bytes();
                let samples = bytes
                    .get(frame * size..(frame + 1) * size)
                    .unwrap_or_default();
                if *swapped {
                    let pairs: Vec<u8> = (frame * size..(frame + 1) * size)
                        .map(|at| bytes.get(at ^ 1).copied().unwrap_or_default())
                        .collect();
                    layout.widen(&pairs, 1, false, target);
                } else {
                    layout.widen(samples, layout.width(), *big_endian, target);
                }
            }
            FrameSource::Packed(frames) => {
                let packed = frames.get(frame).map(|f| f.concat()).unwrap_or_default();
                let failed = |source: crate::Source| Error::PixelDecoding {
                    path: self.path.to_path_buf(),
                    frame,
                    source,
                };
                let samples = if self.transfer_syntax == uids::RLE_LOSSLESS {
                    rle::unpack_frame(&packed, layout.pixels(), layout.width())
                        .map_err(|e| failed(e.into()))?
                } else {
                    if !codec::is_supported(self.transfer_syntax) {
                        return Err(Error::UnsupportedTransferSyntax {
                            path: self.path.to_path_buf(),
                            uid: self.transfer_syntax.to_owned(),
                        });
                    }
                    codec::decode_frame(packed, layout, self.transfer_syntax).map_err(failed)?
                };
                let width = samples.len() / layout.pixels();
                layout.widen(&samples, width, false, target);
            }
        }
        self.check_range(frame, target)
    }

    /// 32-bit unsigned samples above the range of a signed integer cannot be represented.
    fn check_range(&self, frame: usize, stored: &[i32]) -> Result<()> {
        if self.layout.bits_stored == 32 && !self.layout.signed && stored.iter().any(|&v| v < 0) {
            return Err(Error::PixelDecoding {
                path: self.path.to_path_buf(),
                frame,
                source: "a stored value exceeds 2147483647".into(),
            });
        }
        Ok(())
    }
}

/// Fragments of each frame; the first fragment of all is the offset table.
fn group_fragments<'a>(fragments: &[&'a [u8]], frames: usize) -> Option<Vec<Vec<&'a [u8]>>> {
    let (table, data) = fragments.split_first()?;
    if frames == 1 {
        return Some(vec![data.to_vec()]);
    }
    if data.len() == frames {
        return Some(data.iter().map(|f| vec![*f]).collect());
    }
    let starts: Vec<usize> = if table.len() == 4 * frames {
        let offsets: Vec<usize> = table
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
            .collect();
        let mut at = 0;
        let mut starts = Vec::with_capacity(frames);
        for (index, fragment) in data.iter().enumerate() {
            if offsets.get(starts.len()) == Some(&at) {
                starts.push(index);
            }
            at += fragment.len() + 8;
        }
        starts
    } else {
        // every JPEG image starts with this marker
        let is_start = |f: &&[u8]| f.starts_with(&[0xff, 0xd8]) || f.starts_with(&[0xff, 0x4f]);
        data.iter()
            .enumerate()
            .filter(|(_, f)| is_start(f))
            .map(|(i, _)| i)
            .collect()
    };
    if starts.len() != frames || starts.first() != Some(&0) {
        return None;
    }
    let ends = starts.iter().skip(1).copied().chain([data.len()]);
    Some(
        starts
            .iter()
            .zip(ends)
            .map(|(&start, end)| data[start..end].to_vec())
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(bits_allocated: u16, bits_stored: u16, high_bit: u16, signed: bool) -> Layout {
        Layout {
            frames: 1,
            rows: 1,
            columns: 2,
            bits_allocated,
            bits_stored,
            high_bit,
            signed,
            inverted: false,
        }
    }

    #[test]
    fn unused_bits_are_removed_on_both_sides() {
        let mut target = [0; 2];
        layout(16, 12, 11, false).widen(&[0x34, 0xf2, 0xff, 0x0f], 2, false, &mut target);
        assert_eq!(target, [0x234, 0xfff]);
        layout(16, 12, 11, true).widen(&[0x34, 0xf2, 0xff, 0x0f], 2, false, &mut target);
        assert_eq!(target, [0x234, -1]);
        layout(16, 12, 15, true).widen(&[0x80, 0x00, 0x0f, 0xf0], 2, true, &mut target);
        assert_eq!(target, [-2048, 0x0ff]);
        layout(32, 32, 31, true).widen(&[0xff; 8], 4, false, &mut target);
        assert_eq!(target, [-1, -1]);
        layout(8, 8, 7, true).widen(&[0x7f, 0x80], 1, false, &mut target);
        assert_eq!(target, [127, -128]);
    }

    #[test]
    fn fragments_are_assigned_by_offset_table_or_start_marker() {
        let (a, b, c) = ([0xff, 0xd8, 1, 2], [3, 4], [0xff, 0xd8, 5, 6]);
        let table: Vec<u8> = [0_u32, 4 + 8 + 2 + 8]
            .iter()
            .flat_map(|o| o.to_le_bytes())
            .collect();
        let expected = Some(vec![vec![&a[..], &b[..]], vec![&c[..]]]);
        assert_eq!(group_fragments(&[&table, &a, &b, &c], 2), expected);
        assert_eq!(group_fragments(&[&[], &a, &b, &c], 2), expected);
        assert_eq!(group_fragments(&[&[], &b, &b, &c], 2), None);
        assert_eq!(group_fragments(&[], 1), None);
    }
}
