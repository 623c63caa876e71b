//! The null distribution of Spearman's S, counted or by Edgeworth series.

use crate::distribution::normal_sf;
use crate::sample::require_count;
use crate::{Error, Result};

/// Largest n for which all orderings are counted.
pub const SPEARMAN_EXACT_LIMIT: usize = 18;

/// Both tails of a test of correlation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpearmanTails {
    /// P(ρ ≤ observed), the p-value for a negative correlation.
    pub less: f64,
    /// P(ρ ≥ observed), the p-value for a positive correlation.
    pub greater: f64,
}

/// Tails of S = Σ(rank x − rank y)² over all n! orderings.
///
/// ```text
/// P(S ≤ s) = #{orderings π of 1 … n : Σ(i − π(i))² ≤ s} / n!
/// ```
///
/// Large S means negative ρ: `less` is P(S ≥ s), `greater` is P(S ≤ s). Milliseconds up to n = 14, about
/// two seconds and 100 MB at n = 18.
///
/// # Errors
///
/// [`Error::TooFewObservations`] for n < 2, [`Error::TooManyObservations`] above
/// [`SPEARMAN_EXACT_LIMIT`], [`Error::OutOfRange`] for s < 0 or not a number.
///
/// # Source
///
/// The count that `pspearman` (R) tabulates; here a sum over subsets, cut in the middle: the
/// first half of the positions takes a subset of the values, the rest takes its complement.
///
/// # Examples
///
/// ```
/// // Of the six orderings of three values one has S = 0 and one S = 8.
/// let tails = cam_stats::spearman_tails_exact(0.0, 3)?;
/// assert_eq!((tails.greater, tails.less), (1.0 / 6.0, 1.0));
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn spearman_tails_exact(s: f64, n: usize) -> Result<SpearmanTails> {
    require_count("the exact distribution of ρ", 2, n)?;
    if n > SPEARMAN_EXACT_LIMIT {
        return Err(Error::TooManyObservations {
            what: "the exact distribution of ρ",
            limit: SPEARMAN_EXACT_LIMIT,
            got: n,
        });
    }
    let largest = (n * (n * n - 1) / 3) as f64;
    if !(0.0..=largest).contains(&s) {
        return Err(Error::OutOfRange {
            name: "s",
            value: s,
            range: "[0, n(n² − 1)/3]",
        });
    }
    // S is symmetric about its middle, so the thin end suffices: the other tail is the rest.
    let near = s.min(largest - s);
    let halves = Halves::new(n, near.floor() as usize);
    let total: u64 = (1..=n as u64).product();
    let thin = halves.count_at_most(near.floor() as usize);
    let beyond = if near > 0.0 {
        halves.count_at_most(near.ceil() as usize - 1)
    } else {
        0
    };
    let share = |count: u64| count as f64 / total as f64;
    let (thin, thick) = (share(thin), share(total - beyond));
    Ok(if s == near {
        SpearmanTails {
            greater: thin,
            less: thick,
        }
    } else {
        SpearmanTails {
            greater: thick,
            less: thin,
        }
    })
}

/// For each subset of values the distribution of Σ(i − v)² over the ways to give it to the first
/// |subset| positions, for subsets of ⌊n/2⌋ and of ⌈n/2⌉ values.
struct Halves {
    n: usize,
    lower: Layer,
    upper: Layer,
}

/// Distributions of all subsets of one size, by Σ(i − v)² up to the largest of interest.
///
/// (i − v)² is odd where i − v is, so all sums of a subset have one parity: the index is half the sum.
struct Layer {
    width: usize,
    /// Position of a subset's row, by bit pattern.
    row: Vec<u32>,
    subsets: Vec<u32>,
    counts: Vec<u64>,
}

impl Layer {
    fn empty(n: usize) -> Self {
        let mut row = vec![u32::MAX; 1 << n];
        row[0] = 0;
        Self {
            width: 1,
            row,
            subsets: vec![0],
            counts: vec![1],
        }
    }

    /// Parity of Σ(i − v)² over the first positions and the values of a subset.
    fn parity(subset: u32) -> usize {
        let size = subset.count_ones();
        let odd_values = (subset & 0xAAAA_AAAA).count_ones();
        ((size * size.saturating_sub(1) / 2 + odd_values) % 2) as usize
    }

    fn counts_of(&self, subset: u32) -> &[u64] {
        let start = self.row[subset as usize] as usize * self.width;
        &self.counts[start..start + self.width]
    }

    /// Fills position `position` (from 0) with each value not yet used.
    fn next(&self, n: usize, position: usize, cap: usize) -> Self {
        let size = position + 1;
        let subsets: Vec<u32> = (0..1u32 << n)
            .filter(|s| s.count_ones() as usize == size)
            .collect();
        let mut row = vec![u32::MAX; 1 << n];
        for (i, subset) in subsets.iter().enumerate() {
            row[*subset as usize] = i as u32;
        }
        let widest: usize = (0..size).map(|i| (n - 1 - i).max(i).pow(2)).sum();
        let width = widest.min(cap) / 2 + 1;
        let mut counts = vec![0u64; subsets.len() * width];
        for (target, subset) in counts.chunks_exact_mut(width).zip(&subsets) {
            for value in (0..n).filter(|v| subset >> v & 1 == 1) {
                let before = subset & !(1 << value);
                let sum = Self::parity(before) + value.abs_diff(position).pow(2);
                let shift = sum / 2;
                if shift >= width {
                    continue;
                }
                for (t, c) in target[shift..].iter_mut().zip(self.counts_of(before)) {
                    *t += c;
                }
            }
        }
        Self {
            width,
            row,
            subsets,
            counts,
        }
    }
}

impl Halves {
    fn new(n: usize, cap: usize) -> Self {
        let mut lower = Layer::empty(n);
        for position in 0..n / 2 {
            lower = lower.next(n, position, cap);
        }
        let upper = if n % 2 == 1 {
            lower.next(n, n / 2, cap)
        } else {
            Layer::empty(n)
        };
        Self { n, lower, upper }
    }

    /// Orderings with S ≤ `limit`, which is at most the cap.
    ///
    /// Reflecting positions and values turns the last ⌈n/2⌉ positions into the first.
    fn count_at_most(&self, limit: usize) -> u64 {
        let all = (1u32 << self.n) - 1;
        let rest = if self.n % 2 == 1 {
            &self.upper
        } else {
            &self.lower
        };
        let mut total = 0;
        for subset in &self.lower.subsets {
            let first = self.lower.counts_of(*subset);
            let complement = (all & !subset).reverse_bits() >> (32 - self.n);
            let second = rest.counts_of(complement);
            let parities = Layer::parity(*subset) + Layer::parity(complement);
            let Some(room) = limit.checked_sub(parities) else {
                continue;
            };
            let room = room / 2;
            // Two pointers: as the first sum grows, fewer of the second fit.
            let mut below: u64 = second.iter().sum();
            let mut fits = second.len();
            for (half, count) in first.iter().enumerate().take(room + 1) {
                while fits > 0 && fits - 1 + half > room {
                    fits -= 1;
                    below -= second[fits];
                }
                total += count * below;
            }
        }
        total
    }
}

/// Tails of S by the Edgeworth series AS 89.
///
/// ```text
/// P(S ≥ s) ≈ sf(x) + u·exp(−x²/2)      x = (6(s − 1)/(n(n² − 1)) − 1)·√(n − 1)
/// ```
///
/// with a continuity correction of one towards the middle for either tail, as S is even.
///
/// # Errors
///
/// [`Error::TooFewObservations`] for n < 3, [`Error::OutOfRange`] for s < 0 or not a number.
///
/// # Source
///
/// Best and Roberts, algorithm AS 89, *Applied Statistics* 24 (1975) 377.
pub fn spearman_tails_as89(s: f64, n: usize) -> Result<SpearmanTails> {
    require_count("AS 89", 3, n)?;
    let n = n as f64;
    let largest = n * (n * n - 1.0) / 3.0;
    if !(0.0..=largest).contains(&s) {
        return Err(Error::OutOfRange {
            name: "s",
            value: s,
            range: "[0, n(n² − 1)/3]",
        });
    }
    Ok(SpearmanTails {
        less: if s <= 0.0 {
            1.0
        } else {
            edgeworth_tail(s - 1.0, n).clamp(0.0, 1.0)
        },
        // P(S ≤ s) = P(S ≥ largest − s) by symmetry.
        greater: if s >= largest {
            1.0
        } else {
            edgeworth_tail(largest - s - 1.0, n).clamp(0.0, 1.0)
        },
    })
}

fn edgeworth_tail(s: f64, n: f64) -> f64 {
    let b = 1.0 / n;
    let x = (6.0 * s * b / (n * n - 1.0) - 1.0) * (n - 1.0).sqrt();
    let y = x * x;
    let inner = 0.0879 + 0.0151 * b - y * (0.0072 - 0.0831 * b + y * b * (0.0131 - 4.6e-4 * y));
    let middle = -0.0758 + b * (0.1033 + 0.3932 * b) - y * b * inner;
    let u = x * b * (0.2274 + b * (0.2531 + 0.1745 * b) + y * middle);
    u / (y / 2.0).exp() + normal_sf(x)
}
