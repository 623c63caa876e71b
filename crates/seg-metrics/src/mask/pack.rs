//! 64 pixels -> one word, in an order that packs without shuffles.
//!
//! Within a block of 64 pixels, pixel `8 i + j` is bit `8 j + i`. Eight bytes are then eight bits of
//! one column each, and a word is eight masked bytes or-ed together, which compilers vectorise.

use crate::Sample;

/// Pixels per word.
pub(crate) const BLOCK: usize = 64;

const LOW_BITS: u64 = 0x0101_0101_0101_0101;

/// Words for this many pixels.
pub(crate) const fn words_for(pixels: usize) -> usize {
    pixels.div_ceil(BLOCK)
}

/// Bit of pixel `pixel` of a block.
pub(crate) const fn bit_of(pixel: usize) -> usize {
    (pixel % 8) * 8 + pixel / 8
}

/// The word with the first `pixels` pixels of a block set.
pub(crate) fn first_pixels(pixels: usize) -> u64 {
    (0..pixels.min(BLOCK)).fold(0, |word, pixel| word | 1 << bit_of(pixel))
}

/// One word from 64 bytes that are 0 or 255.
#[inline(always)]
fn pack_bytes(bytes: &[u8; BLOCK]) -> u64 {
    let (groups, _) = bytes.as_chunks::<8>();
    let mut word = 0;
    for (i, group) in groups.iter().enumerate() {
        word |= u64::from_le_bytes(*group) & (LOW_BITS << i);
    }
    word
}

/// One word from 64 booleans.
#[inline(always)]
pub(crate) fn pack_bools(pixels: &[bool; BLOCK]) -> u64 {
    let mut bytes = [0; BLOCK];
    for (byte, &pixel) in bytes.iter_mut().zip(pixels) {
        *byte = if pixel { 255 } else { 0 };
    }
    pack_bytes(&bytes)
}

/// One word: which of 64 values are at least `cut`.
#[inline(never)]
pub(crate) fn pack_at_least<T: Sample>(values: &[T; BLOCK], cut: T) -> u64 {
    let mut bytes = [0; BLOCK];
    for (byte, &value) in bytes.iter_mut().zip(values) {
        *byte = if value >= cut { 255 } else { 0 };
    }
    pack_bytes(&bytes)
}

/// The 64 pixels of a word.
#[inline(always)]
pub(crate) fn unpack(word: u64) -> [bool; BLOCK] {
    let mut pixels = [false; BLOCK];
    let (groups, _) = pixels.as_chunks_mut::<8>();
    for (i, group) in groups.iter_mut().enumerate() {
        let bits = ((word >> i) & LOW_BITS).to_le_bytes();
        for (pixel, bit) in group.iter_mut().zip(bits) {
            *pixel = bit != 0;
        }
    }
    pixels
}

/// Least and greatest of 64 values, and whether all are finite.
pub(crate) struct Extent<T> {
    pub(crate) low: T,
    pub(crate) high: T,
    pub(crate) finite: bool,
}

/// Least and greatest of 64 values, and whether all are finite.
///
/// With a value that is not finite, `low` and `high` mean nothing; `finite` may also be false for
/// numbers so large that their sum overflows.
pub(crate) fn extent<T: Sample>(values: &[T; BLOCK]) -> Extent<T> {
    const HALF: usize = BLOCK / 2;
    let mut low = [T::ZERO; HALF];
    let mut high = [T::ZERO; HALF];
    let mut sum = [T::ZERO; HALF];
    for lane in 0..HALF {
        let (a, b) = (values[lane], values[lane + HALF]);
        low[lane] = if a < b { a } else { b };
        high[lane] = if a > b { a } else { b };
        sum[lane] = a.plus(b);
    }
    fold::<T, 16>(&mut low, &mut high, &mut sum);
    fold::<T, 8>(&mut low, &mut high, &mut sum);
    fold::<T, 4>(&mut low, &mut high, &mut sum);
    fold::<T, 2>(&mut low, &mut high, &mut sum);
    fold::<T, 1>(&mut low, &mut high, &mut sum);
    Extent {
        low: low[0],
        high: high[0],
        finite: sum[0].into().is_finite(),
    }
}

/// Folds lanes `N … 2 N − 1` onto the first `N`; constant lengths keep it in vector registers.
#[inline(always)]
fn fold<T: Sample, const N: usize>(low: &mut [T; 32], high: &mut [T; 32], sum: &mut [T; 32]) {
    for lane in 0..N {
        let (a, b) = (low[lane], low[lane + N]);
        low[lane] = if a < b { a } else { b };
    }
    for lane in 0..N {
        let (a, b) = (high[lane], high[lane + N]);
        high[lane] = if a > b { a } else { b };
    }
    for lane in 0..N {
        sum[lane] = sum[lane].plus(sum[lane + N]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_and_unpacking_are_inverse() {
        for seed in 1..50_u64 {
            let word = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let pixels = unpack(word);
            assert_eq!(pack_bools(&pixels), word);
            for (pixel, &set) in pixels.iter().enumerate() {
                assert_eq!(word >> bit_of(pixel) & 1 == 1, set);
            }
        }
    }

    #[test]
    fn the_extent_finds_the_ends_and_what_is_not_finite() {
        let mut values = [0.5_f32; BLOCK];
        values[63] = -1.0;
        values[17] = 2.0;
        let found = extent(&values);
        assert_eq!((found.low, found.high, found.finite), (-1.0, 2.0, true));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in [0, 31, 63] {
                let mut values = [0.5_f32; BLOCK];
                values[at] = bad;
                assert!(!extent(&values).finite);
            }
        }
    }
}
