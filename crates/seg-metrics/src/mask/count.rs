//! Set bits of words, and of the intersections of two or three lists of words.
//!
//! A default x86-64 build has no population-count instruction; a carry-save adder tree (Harley and
//! Seal; Muła, Kurz and Lemire 2018) then does most of the counting with three-input additions that
//! vectorise. Builds with a vector population count use it directly.

const LANES: usize = 4;
const DEPTH: usize = 16;
const STEP: usize = LANES * DEPTH;

/// Whether the target counts bits of whole vectors in one instruction.
const VECTOR_COUNT: bool = cfg!(any(
    target_feature = "avx512vpopcntdq",
    target_arch = "aarch64"
));

type Lanes = [u64; LANES];

/// Sum and carry of three one-bit numbers per bit position.
#[inline(always)]
fn add(a: Lanes, b: Lanes, c: Lanes) -> (Lanes, Lanes) {
    let mut sum = [0; LANES];
    let mut carry = [0; LANES];
    for lane in 0..LANES {
        let half = a[lane] ^ b[lane];
        sum[lane] = half ^ c[lane];
        carry[lane] = (a[lane] & b[lane]) | (half & c[lane]);
    }
    (sum, carry)
}

#[inline(always)]
fn ones(lanes: Lanes) -> u64 {
    lanes.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// Set bits of `words(0) … words(length − 1)`.
#[inline(always)]
fn count_by(length: usize, word: impl Fn(usize) -> u64) -> u64 {
    if VECTOR_COUNT {
        return (0..length).map(|at| u64::from(word(at).count_ones())).sum();
    }
    let load = |at: usize| -> Lanes { core::array::from_fn(|lane| word(at + lane)) };
    let mut one = [0; LANES];
    let mut two = [0; LANES];
    let mut four = [0; LANES];
    let mut eight = [0; LANES];
    let mut sixteens = [0; LANES];
    let mut at = 0;
    while at + STEP <= length {
        let mut eights = [[0; LANES]; 2];
        for (half, eights) in eights.iter_mut().enumerate() {
            let mut fours = [[0; LANES]; 2];
            for (quarter, fours) in fours.iter_mut().enumerate() {
                let base = at + (half * 8 + quarter * 4) * LANES;
                let (sum, twos_a) = add(one, load(base), load(base + LANES));
                let (sum, twos_b) = add(sum, load(base + 2 * LANES), load(base + 3 * LANES));
                one = sum;
                (two, *fours) = add(two, twos_a, twos_b);
            }
            (four, *eights) = add(four, fours[0], fours[1]);
        }
        let (sum, carry) = add(eight, eights[0], eights[1]);
        eight = sum;
        for lane in 0..LANES {
            sixteens[lane] += u64::from(carry[lane].count_ones());
        }
        at += STEP;
    }
    let mut total = 16 * sixteens.iter().sum::<u64>()
        + 8 * ones(eight)
        + 4 * ones(four)
        + 2 * ones(two)
        + ones(one);
    while at < length {
        total += u64::from(word(at).count_ones());
        at += 1;
    }
    total
}

/// Set bits.
pub(crate) fn count(words: &[u64]) -> u64 {
    count_by(words.len(), |at| words[at])
}

/// Bits set in both lists, over the shorter of the two.
pub(crate) fn count_and(a: &[u64], b: &[u64]) -> u64 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    count_by(length, |at| a[at] & b[at])
}

/// Bits set in all three lists, over the shortest of them.
pub(crate) fn count_and3(a: &[u64], b: &[u64], c: &[u64]) -> u64 {
    let length = a.len().min(b.len()).min(c.len());
    let (a, b, c) = (&a[..length], &b[..length], &c[..length]);
    count_by(length, |at| a[at] & b[at] & c[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_adder_tree_counts_like_one_word_at_a_time() {
        let mut state = 1_u64;
        let mut draw = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state ^ (state >> 29)
        };
        for length in [0, 1, 63, 64, 65, 127, 128, 500, 1024] {
            let [a, b, c]: [Vec<u64>; 3] =
                core::array::from_fn(|_| (0..length).map(|_| draw()).collect());
            let slow = |f: &dyn Fn(usize) -> u64| -> u64 {
                (0..length).map(|at| u64::from(f(at).count_ones())).sum()
            };
            assert_eq!(count(&a), slow(&|at| a[at]));
            assert_eq!(count_and(&a, &b), slow(&|at| a[at] & b[at]));
            assert_eq!(count_and3(&a, &b, &c), slow(&|at| a[at] & b[at] & c[at]));
        }
    }
}
