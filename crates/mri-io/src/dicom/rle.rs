//! RLE Lossless -> samples (PS3.5 Annex G: PackBits on byte planes, most significant first).

/// Why a frame cannot be unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RleError {
    #[error("RLE header is incomplete")]
    Header,
    #[error("{found} RLE segments, expected {expected}")]
    Segments { expected: usize, found: u32 },
    #[error("RLE segment {0} lies outside the frame")]
    Offset(usize),
    #[error("RLE segment {segment} unpacks to {found} bytes, expected {expected}")]
    Length {
        segment: usize,
        expected: usize,
        found: usize,
    },
}

/// Unpacks one frame of `pixels` samples of `width` bytes into little-endian bytes.
pub(crate) fn unpack_frame(
    packed: &[u8],
    pixels: usize,
    width: usize,
) -> Result<Vec<u8>, RleError> {
    let header = packed.get(..64).ok_or(RleError::Header)?;
    let word = |i: usize| {
        u32::from_le_bytes([
            header[4 * i],
            header[4 * i + 1],
            header[4 * i + 2],
            header[4 * i + 3],
        ])
    };
    if word(0) as usize != width {
        return Err(RleError::Segments {
            expected: width,
            found: word(0),
        });
    }
    // two packed bytes give at most 128: refuse the impossible before reserving memory
    let possible = packed.len().saturating_mul(64);
    if pixels.saturating_mul(width) > possible {
        return Err(RleError::Length {
            segment: 0,
            expected: pixels * width,
            found: possible,
        });
    }
    let mut samples = vec![0; pixels * width];
    for segment in 0..width {
        let start = word(segment + 1) as usize;
        let end = if segment + 1 < width {
            word(segment + 2) as usize
        } else {
            packed.len()
        };
        let plane = packed.get(start..end).ok_or(RleError::Offset(segment))?;
        let found = unpack_plane(plane, &mut samples, width - 1 - segment, width);
        if found < pixels {
            return Err(RleError::Length {
                segment,
                expected: pixels,
                found,
            });
        }
    }
    Ok(samples)
}

/// Writes every `stride`-th byte from `first` on; returns how many bytes the plane gave.
fn unpack_plane(plane: &[u8], samples: &mut [u8], first: usize, stride: usize) -> usize {
    let mut targets = samples.iter_mut().skip(first).step_by(stride);
    let (mut at, mut written) = (0, 0);
    while let Some(&control) = plane.get(at) {
        at += 1;
        match control {
            0..=127 => {
                let run = plane.get(at..).unwrap_or_default();
                for &byte in run.iter().take(usize::from(control) + 1) {
                    let Some(target) = targets.next() else {
                        return written;
                    };
                    *target = byte;
                    written += 1;
                }
                at += usize::from(control) + 1;
            }
            128 => {}
            129..=255 => {
                let Some(&byte) = plane.get(at) else {
                    return written;
                };
                for _ in 0..257 - usize::from(control) {
                    let Some(target) = targets.next() else {
                        return written;
                    };
                    *target = byte;
                    written += 1;
                }
                at += 1;
            }
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(planes: &[&[u8]]) -> Vec<u8> {
        let mut words = vec![planes.len() as u32];
        let mut at = 64;
        for plane in planes {
            words.push(at);
            at += plane.len() as u32;
        }
        words.resize(16, 0);
        let mut bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        planes.iter().for_each(|p| bytes.extend_from_slice(p));
        bytes
    }

    #[test]
    fn planes_are_interleaved_with_the_high_byte_last() {
        // high bytes 1 1 1 2, low bytes 9 8 7 7
        let packed = frame(&[&[0xfe, 1, 0x00, 2], &[0x01, 9, 8, 0xff, 7, 0x80]]);
        assert_eq!(
            unpack_frame(&packed, 4, 2).unwrap(),
            [9, 1, 8, 1, 7, 1, 7, 2]
        );
    }

    #[test]
    fn short_and_misplaced_segments_are_named() {
        let packed = frame(&[&[0x00, 1]]);
        assert_eq!(
            unpack_frame(&packed, 3, 1).unwrap_err().to_string(),
            "RLE segment 0 unpacks to 1 bytes, expected 3"
        );
        let mut packed = frame(&[&[0x00, 1]]);
        packed[4] = 255;
        assert_eq!(unpack_frame(&packed, 1, 1), Err(RleError::Offset(0)));
        assert_eq!(
            unpack_frame(&packed, 1, 2).unwrap_err(),
            RleError::Segments {
                expected: 2,
                found: 1
            }
        );
        assert_eq!(unpack_frame(&[0; 10], 1, 1), Err(RleError::Header));
    }
}
