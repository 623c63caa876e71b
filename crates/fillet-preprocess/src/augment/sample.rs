//! Linear interpolation at the source coordinates of the pixels of a slice.
//!
//! [`Sampler`] is for [`Fill::Nearest`], single precision, many pixels at once; [`sample`] for any
//! fill and shape, double precision, one pixel.

use super::Fill;

/// Target pixels of a line that are worked out together.
const BLOCK: usize = 64;
/// Pixels that come to the processor together.
const LINE: usize = 16;
/// Binary digits of a coordinate after the point; a single-precision number holds them all.
const DIGITS: u32 = 24;
/// One pixel in these units.
const ONE: f64 = (1 << DIGITS) as f64;

/// [`sample`] with [`Fill::Nearest`] along lines, of images with at least two rows and columns.
///
/// Coordinates are whole numbers of 2⁻²⁴ pixels from a pixel nearby, held between the first pixel
/// and just before the last, so that all four neighbours exist. Steps are at most one pixel long,
/// so a block stays within 128 pixels and fits into 32 bits.
pub(super) struct Sampler<'a> {
    pixels: &'a [f32],
    /// Rows and columns.
    shape: [usize; 2],
    step: [f64; 2],
    /// Multiples of the step.
    turns: [[i32; BLOCK]; 2],
}

/// Where a block starts along one axis.
struct Start {
    /// A pixel that has a next one.
    pixel: usize,
    /// Distance of the first coordinate from it.
    offset: i32,
    /// Least and greatest distance within the image.
    least: i32,
    most: i32,
    /// Whether the block lies between them.
    inside: bool,
}

impl Start {
    /// `last` is the distance of the last coordinate of the block from the first.
    #[inline(always)]
    fn new(coordinate: f64, length: usize, last: i32) -> Self {
        let pixel = (coordinate.max(0.0) as usize).min(length - 2);
        // further away than a block is long, all its pixels are held at the edge
        let far = BLOCK as f64;
        let offset = ((coordinate - pixel as f64).clamp(-far, far) * ONE) as i32;
        let whole = |pixels: usize| (pixels.min(2 * BLOCK - 1) as i32) << DIGITS;
        let (least, most) = (-whole(pixel), whole(length - 1 - pixel) - 1);
        let end = offset + last;
        Self {
            pixel,
            offset,
            least,
            most,
            inside: offset.min(end) >= least && offset.max(end) <= most,
        }
    }
}

/// What is known of the pixels of a block on the way.
struct Block {
    /// Of the upper left neighbour, from that of the start.
    place: [i32; BLOCK],
    /// Of the lower and the right neighbours.
    shares: [[f32; BLOCK]; 2],
    /// The upper and the lower pair of neighbours.
    pairs: [[[f32; 2]; BLOCK]; 2],
}

impl<'a> Sampler<'a> {
    /// `None` for images that [`sample`] is for.
    pub(super) fn new(pixels: &'a [f32], shape: [usize; 2], step: [f64; 2]) -> Option<Self> {
        let [rows, columns] = shape;
        if rows < 2 || i16::try_from(columns).is_err() || columns < 2 {
            return None;
        }
        // places are counted in 32 bits
        u32::try_from(pixels.len()).ok()?;
        let turns =
            step.map(|step| std::array::from_fn(|i| (i as f64 * step * ONE).round() as i32));
        Some(Self {
            pixels,
            shape,
            step,
            turns,
        })
    }

    /// All pixels, some of a line at a time; the coordinate of the first of each line is given by
    /// its row.
    pub(super) fn image(&self, start: impl Fn(usize) -> [f64; 2], mut put: impl FnMut(&[f32])) {
        let [rows, columns] = self.shape;
        // along a slope the processor does not foresee which pixels come next; in order it does,
        // and then they are in its cache
        let seen = self.pixels.iter().step_by(LINE);
        std::hint::black_box(seen.fold(0, |all, pixel| all ^ pixel.to_bits()));
        let mut block = Block {
            place: [0; BLOCK],
            shares: [[0.0; BLOCK]; 2],
            pairs: [[[0.0; 2]; BLOCK]; 2],
        };
        let mut values = [0.0; BLOCK];
        for row in 0..rows {
            let start = start(row);
            for first in (0..columns).step_by(BLOCK) {
                let [y, x] = [0, 1].map(|axis| {
                    let coordinate = start[axis] + self.step[axis] * first as f64;
                    Start::new(coordinate, self.shape[axis], self.turns[axis][BLOCK - 1])
                });
                match (y.inside, x.inside) {
                    (true, true) => self.locate::<false, false>(&mut block, &y, &x),
                    (true, false) => self.locate::<false, true>(&mut block, &y, &x),
                    (false, true) => self.locate::<true, false>(&mut block, &y, &x),
                    (false, false) => self.locate::<true, true>(&mut block, &y, &x),
                }
                self.gather(&mut block, y.pixel * columns + x.pixel);
                block.blend(&mut values);
                put(&values[..BLOCK.min(columns - first)]);
            }
        }
    }

    /// Places and shares; runs on several pixels at once. `ROW` and `COLUMN` say which coordinate
    /// must be held within the image.
    fn locate<const ROW: bool, const COLUMN: bool>(&self, block: &mut Block, y: &Start, x: &Start) {
        const BELOW_POINT: i32 = (1 << DIGITS) - 1;
        // a product of 16 bits is cheap in every instruction set
        let width = i32::from(self.shape[1] as i16);
        let [down, right] = &self.turns;
        let [fy, fx] = &mut block.shares;
        for i in 0..BLOCK {
            let mut row = y.offset + down[i];
            if ROW {
                row = row.clamp(y.least, y.most);
            }
            let mut column = x.offset + right[i];
            if COLUMN {
                column = column.clamp(x.least, x.most);
            }
            block.place[i] = (row >> DIGITS) * width + (column >> DIGITS);
            fy[i] = (row & BELOW_POINT) as f32 * (1.0 / ONE as f32);
            fx[i] = (column & BELOW_POINT) as f32 * (1.0 / ONE as f32);
        }
    }

    /// The neighbours of all pixels.
    fn gather(&self, block: &mut Block, origin: usize) {
        let below = &self.pixels[self.shape[1]..];
        let above = &self.pixels[..below.len()];
        let origin = origin as u32;
        let [upper, lower] = &mut block.pairs;
        for i in 0..BLOCK {
            let at = origin.wrapping_add_signed(block.place[i]) as usize;
            // always so; said here once instead of at each access
            if at + 1 < above.len() && at + 1 < below.len() {
                upper[i] = [above[at], above[at + 1]];
                lower[i] = [below[at], below[at + 1]];
            }
        }
    }
}

impl Block {
    /// Interpolation; runs on several pixels at once.
    fn blend(&self, values: &mut [f32; BLOCK]) {
        let [fy, fx] = &self.shares;
        let [upper, lower] = &self.pairs;
        let shares = fy.iter().zip(fx);
        let pairs = upper.iter().zip(lower);
        for ((value, (&fy, &fx)), (upper, lower)) in values.iter_mut().zip(shares).zip(pairs) {
            let above = upper[0] * (1.0 - fx) + upper[1] * fx;
            let below = lower[0] * (1.0 - fx) + lower[1] * fx;
            *value = above * (1.0 - fy) + below * fy;
        }
    }
}

/// Linear interpolation at a source coordinate.
#[inline]
pub(super) fn sample(
    pixels: &[f32],
    rows: usize,
    columns: usize,
    source: [f64; 2],
    fill: Fill,
) -> f32 {
    let last = [(rows - 1) as f64, (columns - 1) as f64];
    let inside = |axis: usize| (0.0..=last[axis]).contains(&source[axis]);
    if let Fill::Constant(value) = fill
        && !(inside(0) && inside(1))
    {
        return value;
    }
    let y = source[0].clamp(0.0, last[0]);
    let x = source[1].clamp(0.0, last[1]);
    let (top, left) = (y as usize, x as usize);
    let (fy, fx) = (y - top as f64, x - left as f64);
    let bottom = (top + 1).min(rows - 1);
    let right = (left + 1).min(columns - 1);
    let at = |r: usize, c: usize| f64::from(pixels[r * columns + c]);
    let upper = at(top, left) * (1.0 - fx) + at(top, right) * fx;
    let lower = at(bottom, left) * (1.0 - fx) + at(bottom, right) * fx;
    (upper * (1.0 - fy) + lower * fy) as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn many_pixels_at_once_are_those_of_one_at_a_time(
            rows in 2_usize..150, columns in 2_usize..150, angle in -3.2_f64..3.2,
            origin in prop::array::uniform2(-300.0_f64..300.0),
        ) {
            let pixels: Vec<f32> =
                (0..rows * columns).map(|i| (i * 7919 % 4096) as f32).collect();
            let (down, right) = angle.sin_cos();
            let start = |row: usize| {
                [origin[0] + right * row as f64, origin[1] - down * row as f64]
            };
            let mut out = Vec::new();
            let sampler = Sampler::new(&pixels, [rows, columns], [down, right]).unwrap();
            sampler.image(start, |values| out.extend_from_slice(values));
            prop_assert_eq!(out.len(), rows * columns);
            for (i, &value) in out.iter().enumerate() {
                let ([y, x], column) = (start(i / columns), (i % columns) as f64);
                let source = [y + down * column, x + right * column];
                let exact = sample(&pixels, rows, columns, source, Fill::Nearest);
                // half a unit in the last place of 4095 is 1.2e-4
                prop_assert!((value - exact).abs() < 2e-3, "{i}: {value} {exact}");
            }
        }
    }

    #[test]
    fn one_row_and_very_wide_images_are_for_one_pixel_at_a_time() {
        let pixels = vec![0.0; 2 * 40_000];
        assert!(Sampler::new(&pixels, [2, 40_000], [0.0, 1.0]).is_none());
        assert!(Sampler::new(&pixels[..9], [1, 9], [0.0, 1.0]).is_none());
        assert!(Sampler::new(&pixels[..9], [9, 1], [0.0, 1.0]).is_none());
    }
}
