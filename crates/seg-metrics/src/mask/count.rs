//! Set bits of words, and of the intersections of two or three lists of words.
//!
//! A default x86-64 build has no population-count instruction; a carry-save adder tree (Harley and
//! Seal; Muła, Kurz and Lemire 2018) then does most of the counting with three-input additions that
//! vectorise. Builds with a vector population count use it directly.

const LANES: usize = 4;
const STEP: usize = 16 * LANES;

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
        let half = b[lane] ^ c[lane];
        sum[lane] = a[lane] ^ half;
        carry[lane] = (b[lane] & c[lane]) | (half & a[lane]);
    }
    (sum, carry)
}

#[inline(always)]
fn ones(lanes: Lanes) -> u64 {
    lanes.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// Bits seen once, twice, … so far, modulo sixteen of each.
#[derive(Default)]
struct Tree {
    one: Lanes,
    two: Lanes,
    four: Lanes,
    eight: Lanes,
    sixteens: Lanes,
}

impl Tree {
    /// Adds four groups of words; what overflows is worth four.
    #[inline(always)]
    fn four(&mut self, words: [Lanes; 4]) -> Lanes {
        let (sum, first) = add(self.one, words[0], words[1]);
        let (sum, second) = add(sum, words[2], words[3]);
        self.one = sum;
        let (sum, carry) = add(self.two, first, second);
        self.two = sum;
        carry
    }

    /// Adds the words of one step.
    #[inline(always)]
    fn sixteen(&mut self, words: &[u64; STEP]) {
        let (groups, _) = words.as_chunks::<LANES>();
        let quarter = |k: usize| [groups[k], groups[k + 1], groups[k + 2], groups[k + 3]];
        let (a, b) = (self.four(quarter(0)), self.four(quarter(4)));
        let (sum, first) = add(self.four, a, b);
        let (a, b) = (self.four(quarter(8)), self.four(quarter(12)));
        let (sum, second) = add(sum, a, b);
        self.four = sum;
        let (sum, carry) = add(self.eight, first, second);
        self.eight = sum;
        for (sixteens, carry) in self.sixteens.iter_mut().zip(carry) {
            *sixteens += u64::from(carry.count_ones());
        }
    }

    fn total(&self) -> u64 {
        16 * self.sixteens.iter().sum::<u64>()
            + 8 * ones(self.eight)
            + 4 * ones(self.four)
            + 2 * ones(self.two)
            + ones(self.one)
    }
}

/// Set bits.
pub(crate) fn count(words: &[u64]) -> u64 {
    let one_by_one =
        |words: &[u64]| -> u64 { words.iter().map(|word| u64::from(word.count_ones())).sum() };
    if VECTOR_COUNT {
        return one_by_one(words);
    }
    let (steps, rest) = words.as_chunks::<STEP>();
    let mut tree = Tree::default();
    for step in steps {
        tree.sixteen(step);
    }
    tree.total() + one_by_one(rest)
}

/// Bits set in both lists, over the shorter of the two.
#[inline(never)]
pub(crate) fn count_and(a: &[u64], b: &[u64]) -> u64 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    let one_by_one = |a: &[u64], b: &[u64]| -> u64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| u64::from((a & b).count_ones()))
            .sum()
    };
    if VECTOR_COUNT {
        return one_by_one(a, b);
    }
    let (a_steps, a_rest) = a.as_chunks::<STEP>();
    let (b_steps, b_rest) = b.as_chunks::<STEP>();
    let mut tree = Tree::default();
    for (a, b) in a_steps.iter().zip(b_steps) {
        let mut both = [0; STEP];
        for at in 0..STEP {
            both[at] = a[at] & b[at];
        }
        tree.sixteen(&both);
    }
    tree.total() + one_by_one(a_rest, b_rest)
}

/// Bits set in all three lists, over the shortest of them.
pub(crate) fn count_and3(a: &[u64], b: &[u64], c: &[u64]) -> u64 {
    let mut both = [0; 4 * STEP];
    let mut total = 0;
    for ((a, b), c) in a
        .chunks(4 * STEP)
        .zip(b.chunks(4 * STEP))
        .zip(c.chunks(4 * STEP))
    {
        for ((both, a), b) in both.iter_mut().zip(a).zip(b) {
            *both = a & b;
        }
        total += count_and(&both[..a.len().min(b.len())], c);
    }
    total
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
