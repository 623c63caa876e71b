//! The header of a NIfTI-1 file.

use super::{Orientation, Spacing, Volume};
use crate::Rescale;

/// Bytes of the header.
pub(super) const HEADER: usize = 348;
/// Where the voxels of a file written here begin: header and an empty list of extensions.
const VOXELS_AT: f32 = 352.0;

/// How a voxel is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    F64,
}

const CODES: [(Kind, i16); 8] = [
    (Kind::U8, 2),
    (Kind::I16, 4),
    (Kind::I32, 8),
    (Kind::F32, 16),
    (Kind::F64, 64),
    (Kind::I8, 256),
    (Kind::U16, 512),
    (Kind::U32, 768),
];

impl Kind {
    /// Bytes of a voxel.
    pub(super) fn width(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Bits of a stored integer; `None` for real numbers.
    pub(super) fn bits(self) -> Option<u16> {
        (!matches!(self, Self::F32 | Self::F64)).then_some(8 * self.width() as u16)
    }

    pub(super) fn signed(self) -> bool {
        !matches!(self, Self::U8 | Self::U16 | Self::U32)
    }
}

/// What is read and written of a header.
#[derive(Debug, Clone)]
pub(super) struct Header {
    big_endian: bool,
    /// Columns, rows, slices.
    pub(super) shape: [usize; 3],
    pub(super) kind: Kind,
    /// Where the voxels begin.
    pub(super) offset: u64,
    slope: f32,
    intercept: f32,
    /// Columns, rows, slices; mm.
    sizes: [f64; 3],
    /// Three rows of the matrix from voxels to mm, to the right, front and head.
    affine: Option<[[f64; 4]; 3]>,
    pub(super) description: Option<String>,
}

struct Fields<'a> {
    raw: &'a [u8; HEADER],
    big_endian: bool,
}

impl Fields<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.raw[at..at + N]);
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }

    fn short(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.bytes(at))
    }

    fn real(&self, at: usize) -> f64 {
        f64::from(f32::from_le_bytes(self.bytes(at)))
    }
}

impl Header {
    /// Understands a header; the message says what is wrong with it.
    pub(super) fn parse(raw: &[u8; HEADER]) -> Result<Self, String> {
        let size = |bytes: [u8; 4]| (i32::from_le_bytes(bytes), i32::from_be_bytes(bytes));
        let big_endian = match size([raw[0], raw[1], raw[2], raw[3]]) {
            (348, _) => false,
            (_, 348) => true,
            (540, _) | (_, 540) => return Err("NIfTI-2 is not read".to_owned()),
            _ => return Err("no NIfTI header".to_owned()),
        };
        match &raw[344..348] {
            b"n+1\0" => {}
            b"ni1\0" => return Err("voxels are in a second file".to_owned()),
            _ => return Err("no NIfTI header".to_owned()),
        }
        let fields = Fields { raw, big_endian };
        let axes = fields.short(40);
        let lengths: [i16; 7] = std::array::from_fn(|axis| fields.short(42 + 2 * axis));
        let used = usize::try_from(axes)
            .ok()
            .filter(|n| (1..=7).contains(n))
            .ok_or_else(|| format!("{axes} axes"))?;
        if lengths[..used].iter().any(|&length| length < 1) {
            return Err(format!("axes of lengths {:?}", &lengths[..used]));
        }
        if lengths[..used].iter().skip(3).any(|&length| length > 1) {
            return Err(format!(
                "axes of lengths {:?}, one volume has three",
                &lengths[..used]
            ));
        }
        let shape = std::array::from_fn(|axis| {
            if axis < used {
                lengths[axis] as usize
            } else {
                1
            }
        });
        let code = fields.short(70);
        let kind = CODES
            .into_iter()
            .find(|(_, known)| *known == code)
            .map(|(kind, _)| kind)
            .ok_or_else(|| format!("voxels of type {code} are not read"))?;
        let offset = fields.real(108);
        if !(0.0..1e9).contains(&offset) {
            return Err(format!("voxels begin at {offset}"));
        }
        let sizes = std::array::from_fn(|axis| match fields.real(80 + 4 * axis).abs() {
            size if size.is_finite() && size > 0.0 => size,
            _ => 1.0,
        });
        let text: Vec<u8> = raw[148..228]
            .iter()
            .copied()
            .take_while(|&b| b != 0)
            .collect();
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        Ok(Self {
            big_endian,
            shape,
            kind,
            offset: offset as u64,
            slope: fields.real(112) as f32,
            intercept: fields.real(116) as f32,
            sizes,
            affine: affine(&fields, sizes),
            description: (!text.is_empty()).then_some(text),
        })
    }

    /// The header of a volume; the message says what NIfTI cannot hold.
    pub(super) fn of(volume: &Volume) -> Result<Self, String> {
        let [slices, rows, columns] = volume.shape();
        if let Some(long) = [columns, rows, slices].into_iter().find(|&n| n > 32_767) {
            return Err(format!("an axis of {long} voxels is longer than 32767"));
        }
        let rescale = volume.rescale()[0];
        if volume.rescale().iter().any(|r| *r != rescale) {
            return Err("slices differ in rescale".to_owned());
        }
        let (least, most) = volume
            .stored()
            .iter()
            .fold((i32::MAX, i32::MIN), |(low, high), &v| {
                (low.min(v), high.max(v))
            });
        let kind = match (least, most) {
            (0.., ..=0xff) => Kind::U8,
            (-0x8000.., ..=0x7fff) => Kind::I16,
            (0.., ..=0xffff) => Kind::U16,
            _ => Kind::I32,
        };
        let spacing = volume.spacing();
        Ok(Self {
            big_endian: false,
            shape: [columns, rows, slices],
            kind,
            offset: VOXELS_AT as u64,
            slope: rescale.slope as f32,
            intercept: rescale.intercept as f32,
            sizes: [spacing.column_mm, spacing.row_mm, spacing.slice_mm],
            affine: volume_affine(volume)?,
            description: volume.acquisition().series_description.clone(),
        })
    }

    pub(super) fn voxels(&self) -> u64 {
        self.shape.iter().map(|&n| n as u64).product()
    }

    pub(super) fn spacing(&self) -> Spacing {
        let [column_mm, row_mm, slice_mm] = match self.affine {
            Some(rows) => std::array::from_fn(|axis| length(column(&rows, axis))),
            None => self.sizes,
        };
        Spacing {
            slice_mm,
            row_mm,
            column_mm,
        }
    }

    pub(super) fn rescale(&self) -> Rescale {
        if self.slope == 0.0 || !self.slope.is_finite() || !self.intercept.is_finite() {
            return Rescale::IDENTITY;
        }
        Rescale {
            slope: f64::from(self.slope),
            intercept: f64::from(self.intercept),
        }
    }

    /// Orientation, first position and step from slice to slice, in DICOM's directions.
    pub(super) fn geometry(&self) -> Option<(Orientation, [f64; 3], [f64; 3])> {
        let rows = self.affine?;
        let unit = |v: [f64; 3]| v.map(|x| x / length(v));
        let orientation = Orientation {
            along_row: unit(turned(column(&rows, 0))),
            along_column: unit(turned(column(&rows, 1))),
        };
        Some((
            orientation,
            turned(column(&rows, 3)),
            turned(column(&rows, 2)),
        ))
    }

    /// Stored integers of little- or big-endian voxels; the message says which is none.
    pub(super) fn decode(&self, bytes: &[u8]) -> Result<Vec<i32>, String> {
        let whole = |value: f64| {
            let fits = value.fract() == 0.0 && value.abs() <= f64::from(i32::MAX);
            fits.then_some(value as i32)
                .ok_or_else(|| format!("a voxel is {value}, no stored integer"))
        };
        bytes
            .chunks_exact(self.kind.width())
            .map(|chunk| {
                let mut raw = [0; 8];
                raw[..chunk.len()].copy_from_slice(chunk);
                if self.big_endian {
                    raw[..chunk.len()].reverse();
                }
                let [a, b, c, d, ..] = raw;
                Ok(match self.kind {
                    Kind::U8 => i32::from(a),
                    Kind::I8 => i32::from(a as i8),
                    Kind::U16 => i32::from(u16::from_le_bytes([a, b])),
                    Kind::I16 => i32::from(i16::from_le_bytes([a, b])),
                    Kind::I32 => i32::from_le_bytes([a, b, c, d]),
                    Kind::U32 => whole(f64::from(u32::from_le_bytes([a, b, c, d])))?,
                    Kind::F32 => whole(f64::from(f32::from_le_bytes([a, b, c, d])))?,
                    Kind::F64 => whole(f64::from_le_bytes(raw))?,
                })
            })
            .collect()
    }

    pub(super) fn to_bytes(&self) -> [u8; HEADER] {
        let mut raw = [0; HEADER];
        let mut put = |at: usize, bytes: &[u8]| raw[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &348_i32.to_le_bytes());
        let lengths = [3, self.shape[0], self.shape[1], self.shape[2], 1, 1, 1, 1];
        for (axis, length) in lengths.into_iter().enumerate() {
            put(40 + 2 * axis, &(length as i16).to_le_bytes());
        }
        let code = CODES.into_iter().find(|(kind, _)| *kind == self.kind);
        put(70, &code.map_or(0, |(_, code)| code).to_le_bytes());
        put(72, &(8 * self.kind.width() as i16).to_le_bytes());
        let [columns, rows, slices] = self.sizes;
        for (axis, size) in [1.0, columns, rows, slices].into_iter().enumerate() {
            put(76 + 4 * axis, &(size as f32).to_le_bytes());
        }
        put(108, &VOXELS_AT.to_le_bytes());
        put(112, &self.slope.to_le_bytes());
        put(116, &self.intercept.to_le_bytes());
        // millimetres
        put(123, &[2]);
        if let Some(text) = &self.description {
            let end = (0..=text.len().min(79))
                .rev()
                .find(|&end| text.is_char_boundary(end));
            put(148, &text.as_bytes()[..end.unwrap_or(0)]);
        }
        if let Some(rows) = &self.affine {
            // coordinates of the scanner
            put(254, &1_i16.to_le_bytes());
            for (index, value) in rows.iter().flatten().enumerate() {
                put(280 + 4 * index, &(*value as f32).to_le_bytes());
            }
        }
        put(344, b"n+1\0");
        raw
    }
}

/// Left and back instead of right and front, or the other way round.
fn turned([x, y, z]: [f64; 3]) -> [f64; 3] {
    [-x, -y, z]
}

fn column(rows: &[[f64; 4]; 3], index: usize) -> [f64; 3] {
    rows.map(|row| row[index])
}

fn length(v: [f64; 3]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// From `sform`, else `qform`; `None` where neither is set or usable.
fn affine(fields: &Fields<'_>, sizes: [f64; 3]) -> Option<[[f64; 4]; 3]> {
    let rows: [[f64; 4]; 3] = if fields.short(254) > 0 {
        std::array::from_fn(|row| {
            std::array::from_fn(|column| fields.real(280 + 16 * row + 4 * column))
        })
    } else if fields.short(252) > 0 {
        let [b, c, d] = std::array::from_fn(|i| fields.real(256 + 4 * i));
        let a = (1.0 - (b * b + c * c + d * d)).max(0.0).sqrt();
        let side = if fields.real(76) < 0.0 { -1.0 } else { 1.0 };
        let turn = [
            [
                a * a + b * b - c * c - d * d,
                2.0 * (b * c - a * d),
                2.0 * (b * d + a * c),
            ],
            [
                2.0 * (b * c + a * d),
                a * a + c * c - b * b - d * d,
                2.0 * (c * d - a * b),
            ],
            [
                2.0 * (b * d - a * c),
                2.0 * (c * d + a * b),
                a * a + d * d - c * c - b * b,
            ],
        ];
        std::array::from_fn(|row| {
            let [x, y, z] = turn[row];
            let shift = fields.real(268 + 4 * row);
            [x * sizes[0], y * sizes[1], z * sizes[2] * side, shift]
        })
    } else {
        return None;
    };
    let finite = rows.iter().flatten().all(|value| value.is_finite());
    let spans = (0..3).all(|axis| length(column(&rows, axis)) > 1e-9);
    (finite && spans).then_some(rows)
}

/// The matrix of a volume with an orientation.
fn volume_affine(volume: &Volume) -> Result<Option<[[f64; 4]; 3]>, String> {
    let Some(orientation) = volume.orientation() else {
        return Ok(None);
    };
    let Spacing {
        slice_mm,
        row_mm,
        column_mm,
    } = volume.spacing();
    let first = volume.positions().map_or([0.0; 3], |all| all[0]);
    let step = match volume.positions() {
        Some([first, .., last]) => {
            let steps = (volume.slices() - 1) as f64;
            std::array::from_fn(|axis| (last[axis] - first[axis]) / steps)
        }
        _ => orientation.normal().map(|x| x * slice_mm),
    };
    let even = volume.positions().is_none_or(|all| {
        all.iter().enumerate().all(|(slice, place)| {
            let off: [f64; 3] =
                std::array::from_fn(|axis| first[axis] + slice as f64 * step[axis] - place[axis]);
            length(off) < 0.01 * slice_mm
        })
    });
    if !even {
        return Err("slices do not lie in even steps".to_owned());
    }
    let columns = [
        orientation.along_row.map(|x| x * column_mm),
        orientation.along_column.map(|x| x * row_mm),
        step,
        first,
    ]
    .map(turned);
    Ok(Some(std::array::from_fn(|row| {
        std::array::from_fn(|column| columns[column][row])
    })))
}
