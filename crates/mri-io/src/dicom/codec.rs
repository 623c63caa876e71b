//! JPEG frames -> samples, through the codecs of dicom-rs.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dicom::dictionary_std::uids;
use dicom::encoding::adapters::{PixelDataObject, RawPixelData};
use dicom::encoding::transfer_syntax::{Codec, TransferSyntaxIndex};
use dicom::transfer_syntax::TransferSyntaxRegistry;

use super::pixels::Layout;
use crate::Source;

/// Whether frames in this transfer syntax go through [`decode_frame`].
pub(crate) fn is_supported(transfer_syntax: &str) -> bool {
    matches!(
        transfer_syntax,
        uids::JPEG_BASELINE8_BIT
            | uids::JPEG_EXTENDED12_BIT
            | uids::JPEG_LOSSLESS
            | uids::JPEG_LOSSLESS_SV1
    ) || is_jpeg_2000(transfer_syntax)
}

/// Whether frames are JPEG 2000 and this build decodes them.
fn is_jpeg_2000(transfer_syntax: &str) -> bool {
    cfg!(feature = "jpeg2000")
        && matches!(transfer_syntax, uids::JPEG2000_LOSSLESS | uids::JPEG2000)
}

/// Decodes one frame into little-endian samples of one or two bytes.
pub(crate) fn decode_frame(
    packed: Vec<u8>,
    layout: &Layout,
    transfer_syntax: &str,
) -> Result<Vec<u8>, Source> {
    // the decoder reserves memory for the size in its own header
    let size = if is_jpeg_2000(transfer_syntax) {
        jpeg_2000_size(&packed)
    } else {
        jpeg_size(&packed)
    };
    let (rows, columns) = size.ok_or("no JPEG frame header")?;
    if (rows, columns) != (layout.rows, layout.columns) {
        return Err(format!(
            "the JPEG image is {rows}×{columns}, the DICOM header says {}×{}",
            layout.rows, layout.columns
        )
        .into());
    }
    let syntax = TransferSyntaxRegistry
        .get(transfer_syntax)
        .ok_or("unknown transfer syntax")?;
    let Codec::EncapsulatedPixelData(Some(reader), _) = syntax.codec() else {
        return Err("no decoder for this transfer syntax in this build".into());
    };
    let frame = Frame {
        packed,
        layout: *layout,
        transfer_syntax,
    };
    let mut samples = Vec::new();
    // a fault of the decoder is an error of this file, not the end of the program
    catch_unwind(AssertUnwindSafe(|| {
        reader.decode_frame(&frame, 0, &mut samples)
    }))
    .map_err(|_| "the decoder failed")??;
    let pixels = layout.pixels();
    if samples.len() != pixels && samples.len() != 2 * pixels {
        return Err(format!("{} bytes for {pixels} pixels", samples.len()).into());
    }
    Ok(samples)
}

/// `(rows, columns)` from the frame header (SOFn marker) of a JPEG image.
fn jpeg_size(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut at = 2;
    if bytes.get(..2)? != [0xff, 0xd8] {
        return None;
    }
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        if marker == 0xff {
            at += 1;
            continue;
        }
        let word = |i: usize| {
            Some(usize::from(u16::from_be_bytes([
                *bytes.get(i)?,
                *bytes.get(i + 1)?,
            ])))
        };
        if matches!(marker, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf) {
            return Some((word(at + 5)?, word(at + 7)?));
        }
        at += 2 + word(at + 2)?.max(2);
    }
}

/// `(rows, columns)` from the size segment that opens a JPEG 2000 codestream, of one component.
fn jpeg_2000_size(bytes: &[u8]) -> Option<(usize, usize)> {
    if bytes.get(..4)? != [0xff, 0x4f, 0xff, 0x51] {
        return None;
    }
    let long = |at: usize| {
        let raw: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(raw)).ok()
    };
    // marker, length, capabilities; then width, height, and the offsets of both
    let columns = long(8)?.checked_sub(long(16)?)?;
    let rows = long(12)?.checked_sub(long(20)?)?;
    (bytes.get(40..42)? == [0, 1]).then_some((rows, columns))
}

/// One frame as the codecs of dicom-rs want to see it.
struct Frame<'a> {
    packed: Vec<u8>,
    layout: Layout,
    transfer_syntax: &'a str,
}

impl PixelDataObject for Frame<'_> {
    fn transfer_syntax_uid(&self) -> &str {
        self.transfer_syntax
    }

    fn rows(&self) -> Option<u16> {
        u16::try_from(self.layout.rows).ok()
    }

    fn cols(&self) -> Option<u16> {
        u16::try_from(self.layout.columns).ok()
    }

    fn samples_per_pixel(&self) -> Option<u16> {
        Some(1)
    }

    fn bits_allocated(&self) -> Option<u16> {
        Some(self.layout.bits_allocated)
    }

    fn bits_stored(&self) -> Option<u16> {
        Some(self.layout.bits_stored)
    }

    fn photometric_interpretation(&self) -> Option<&str> {
        Some(if self.layout.inverted {
            "MONOCHROME1"
        } else {
            "MONOCHROME2"
        })
    }

    fn number_of_frames(&self) -> Option<u32> {
        Some(1)
    }

    fn number_of_fragments(&self) -> Option<u32> {
        Some(1)
    }

    fn fragment(&self, fragment: usize) -> Option<Cow<'_, [u8]>> {
        (fragment == 0).then_some(Cow::Borrowed(self.packed.as_slice()))
    }

    fn offset_table(&self) -> Option<Cow<'_, [u32]>> {
        Some(Cow::Borrowed(&[]))
    }

    fn raw_pixel_data(&self) -> Option<RawPixelData> {
        Some(RawPixelData {
            fragments: vec![self.packed.clone()].into(),
            offset_table: Vec::new().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_header_is_found_behind_other_segments() {
        let bytes = [
            0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc3, 0, 11, 16, 0, 5, 1, 0, 1, 1,
            0x11, 0,
        ];
        assert_eq!(jpeg_size(&bytes), Some((5, 256)));
        assert_eq!(jpeg_size(&bytes[..12]), None);
        assert_eq!(jpeg_size(b"no image"), None);
    }
}
